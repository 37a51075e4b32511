/*
 * correlate_internal: the index of groups, and how they are shown.
 */
#ifndef CORRELATE_CORRELATE_INTERNAL_H
#define CORRELATE_CORRELATE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlate/batch.h"
#include "model/event.h"
#include "util/hash.h"

/* (Rule, key) to entry numbers: open addressing, keyed hash, since keys are chosen by
 * whoever writes the log.  Bounded by the batch. */
struct group_index {
	struct hash_key key;
	struct group_slot {
		uint64_t hash;
		uint64_t identity; /* of the rule */
		uint32_t entry; /* number + 1; 0 = free */
		uint32_t n;     /* bytes of the key */
		char key[40];   /* most are as short: to look at the entry would be a cache miss */
	} *slots;
	size_t cap; /* power of two, or 0 */
	size_t used;
};

void group_index_init(struct group_index *x);
void group_index_free(struct group_index *x);
void group_index_clear(struct group_index *x);
/* Find the entry of ${key}. */
bool group_index_get(const struct group_index *x, const struct batch *b,
    const struct incident_rule *rule, struct sv key, size_t *entry);
/* Map it to ${entry}, instead of to an earlier entry of the same group. */
void group_index_put(struct group_index *x, const struct batch *b,
    const struct incident_rule *rule, struct sv key, size_t entry);

/* The line of ${e} as an incident shows it: a JSON object. */
void correlate_sample(const struct event *e, struct buf *out);

#endif
