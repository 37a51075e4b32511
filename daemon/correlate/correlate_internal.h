/*
 * correlate_internal: what the files of the correlator share.
 */
#ifndef CORRELATE_CORRELATE_INTERNAL_H
#define CORRELATE_CORRELATE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlate/batch.h"
#include "correlate/correlate.h"
#include "correlate/pace.h"
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
	} *slots;       /* each in a line of the CPU's cache ... */
	void *memory;   /* ... of this */
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

/* Events that are only counted. */
enum tally {
	TALLY_RECORDED,     /* no incident rule is about them */
	TALLY_ALLOW_LISTED, /* excluded by their rule's unless */
	TALLIES
};

struct correlator {
	struct batch *batch;
	struct group_index index; /* -> the latest entry of a group */
	struct group_cache *cache;
	struct ahead *ahead;
	struct pace pace;
	unsigned partitions;
	struct group trial; /* scratch: an entry's points, applied to nothing */
	uint64_t (*tallies)[TALLIES]; /* by event rule ... */
	struct ruleset *tallies_of;   /* ... of this set, borrowed from the batch */
	struct buf key;     /* scratch: the group at hand */
	struct buf sample;  /* scratch */
	struct correlate_stats stats;
};

/* The batch needs ${rules} as long as it lives. */
void correlate_hold(struct correlator *c, struct ruleset *rules);

/* correlate_entry.c: the entry of group c->key for an event at ${t}; */
struct batch_entry *correlate_entry_find(
    struct correlator *c, struct ruleset *rules, const struct incident_rule *rule, int64_t t);
/* count ${event} in it; */
void correlate_entry_count(
    struct correlator *c, struct batch_entry *e, const struct group_event *event);
/* and keep its line, if it is among the first. */
void correlate_entry_sample(struct correlator *c, struct batch_entry *entry, const struct event *e);

/* correlate_relay.c: count ${e}, of no rule of its own, for ${link}. */
void correlate_count_for(struct correlator *c, struct ruleset *rules,
    const struct incident_link *link, const struct event *e);

/* The line of ${e} as an incident shows it: a JSON object. */
void correlate_sample(const struct event *e, struct buf *out);

#endif
