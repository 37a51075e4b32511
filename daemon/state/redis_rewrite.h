/*
 * redis_rewrite: when the private server shall write its append-only file anew.
 *
 * Its own rule looks at the size alone, and so falls into storms, which make it grow: then
 * three processes share the CPUs and the disk, and commits are late.  So it is done when the
 * storm is over.  One that does not end is left to the server's rule, at a greater size.
 */
#ifndef STATE_REDIS_REWRITE_H
#define STATE_REDIS_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

struct redis_rewrite {
	uint64_t size; /* of what was added to the file, at the last look */
	int64_t not_before; /* monotonic ms */
};

/* To be asked every five seconds, of the server's directory ${dir}; ${now}: monotonic ms.  True
 * is not said again within a minute. */
bool redis_rewrite_is_due(struct redis_rewrite *r, const char *dir, int64_t now);

#endif
