/*
 * arena: memory for many small things that go all at once.
 */
#ifndef UTIL_ARENA_H
#define UTIL_ARENA_H

#include <stddef.h>

/* All zero is empty. */
struct arena {
	struct arena_block *block; /* the latest */
	size_t used, size;         /* of it */
	size_t total;              /* bytes of all blocks */
};

/* ${n} bytes, aligned for anything, not zeroed. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_copy(struct arena *a, const void *p, size_t n);
void arena_free(struct arena *a);

#endif
