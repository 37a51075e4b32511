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

/* (Rule, key), by their hash, to entry numbers: open addressing.  Bounded by the batch. */
struct group_index {
	struct group_slot {
		struct hash128 hash;
		int64_t time;   /* events of that time may be added to more ... */
		uint32_t more;  /* ... which the entry does not have yet */
		uint32_t entry; /* number + 1; 0 = free */
	} *slots;
	size_t cap; /* power of two, or 0 */
	size_t used;
};

#define GROUP_SLOT_NEVER INT64_MIN /* as time */

void group_index_free(struct group_index *x);
void group_index_clear(struct group_index *x);
/* The slot of the group, or NULL. */
struct group_slot *group_index_find(const struct group_index *x, struct hash128 h);
/* Map the group to ${entry}, instead of to an earlier entry of the same group. */
struct group_slot *group_index_put(struct group_index *x, struct hash128 h, size_t entry);
/* Have the CPU fetch where a find is to look soon; and, once that has come, guess the slot that
 * it finds, or NULL. */
static inline void
group_index_fetch(const struct group_index *x, struct hash128 h)
{
	if (x->cap > 0)
		__builtin_prefetch(&x->slots[h.a & (x->cap - 1)]);
}

static inline const struct group_slot *
group_index_guess(const struct group_index *x, struct hash128 h)
{
	const struct group_slot *slot = x->cap == 0 ? NULL : &x->slots[h.a & (x->cap - 1)];

	return slot != NULL && slot->entry != 0 && slot->hash.a == h.a ? slot : NULL;
}

/* Events that are only counted. */
enum tally {
	TALLY_RECORDED,     /* no incident rule is about them */
	TALLY_ALLOW_LISTED, /* excluded by their rule's unless */
	TALLIES
};

#define CORRELATE_QUEUE 32

/* An event on its way to its entry, and what is needed of it there. */
struct counting {
	struct ruleset *rules;
	const struct incident_rule *rule;
	struct buf key; /* of the group */
	struct hash128 hash; /* of both */
	struct group_event event;
	uint32_t times; /* "message repeated 5 times" is five */
	struct line line;
	struct sv text; /* of the record */
};

struct digest;
struct relayed;

struct correlator {
	struct batch *batch;
	struct group_index index;    /* -> the latest entry of a group */
	const struct batch *sent;    /* that is being committed, and ... */
	struct group_index sent_index; /* ... its index; NULL and empty: none */
	struct group_cache *cache;
	struct ahead *ahead;
	struct silence_set *silences; /* NULL: none */
	struct pace pace;
	unsigned partitions;
	struct group trial;                     /* scratch: an entry's points, applied to nothing */
	uint64_t (*tallies)[TALLIES];           /* by event rule ... */
	struct ruleset *tallies_of;             /* ... of this set, borrowed from the batch */
	struct counting queue[CORRELATE_QUEUE];
	size_t queued;
	const struct relayed *relayed; /* the incident that is counted, of several partitions */
	bool lines;        /* what is borrowed from lines stays until correlate_lines_end() */
	struct buf sample; /* scratch */
	struct digest *digest; /* of samples */
	struct correlate_stats stats;
};

/* The batch needs ${rules} as long as it lives. */
void correlate_hold(struct correlator *c, struct ruleset *rules);

/* correlate_queue.c: the next event, with an empty key: to be filled in and added, or left. */
struct counting *correlate_queue_next(struct correlator *c);
/* ${stays}: its text is part of its line. */
void correlate_queue_add(struct correlator *c, bool stays);
void correlate_queue_free(struct correlator *c);

/* correlate_entry.c: add ${q} to the entry of its group. */
void correlate_entry_add(struct correlator *c, const struct counting *q);
/* Do that if it is like the event before, and quickly done; needs no line. */
bool correlate_entry_again(struct correlator *c, const struct counting *q);
/* Give the batch's entries what their slots have for them. */
void correlate_entry_flush(struct correlator *c);

/* Count ${e}, of no rule of its own, for ${link}. */
void correlate_count_for(struct correlator *c, struct ruleset *rules,
    const struct incident_link *link, const struct event *e);

/* correlate_relay.c: has the partition counted the incident at hand? */
bool correlate_relay_has(const struct correlator *c, unsigned partition);
/* It does now. */
void correlate_relay_note(struct correlator *c, unsigned partition);

/* The line of ${q} as an incident shows it: a JSON object. */
void correlate_sample(struct digest *digest, const struct counting *q, struct buf *out);

#endif
