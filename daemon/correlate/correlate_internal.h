/*
 * correlate_internal: the index of groups and the window test.
 */
#ifndef CORRELATE_CORRELATE_INTERNAL_H
#define CORRELATE_CORRELATE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/hash.h"
#include "util/sv.h"

struct batch;

/* Group names to entry numbers: open addressing, keyed hash, since the names are
 * chosen by whoever writes the log.  Bounded by the batch. */
struct group_index {
	struct hash_key key;
	struct group_slot {
		uint64_t hash;
		size_t entry; /* number + 1; 0 = free */
	} *slots;
	size_t cap; /* power of two, or 0 */
	size_t used;
};

void group_index_init(struct group_index *x);
void group_index_free(struct group_index *x);
void group_index_clear(struct group_index *x);
/* Find ${group} among the entries of ${b}. */
bool group_index_get(
    const struct group_index *x, const struct batch *b, struct sv group, size_t *entry);
/* Map ${group} to ${entry}, instead of to an earlier entry of the same group. */
void group_index_put(
    struct group_index *x, const struct batch *b, struct sv group, size_t entry);

/* Of the ${n} ${times}, is there a span of ${within} ms that holds the last one
 * and, with it, ${count} of them? */
bool window_around(const int64_t *times, size_t n, int64_t within, size_t count);

#endif
