/*
 * settle: what a batch's events of one group come to, given the group as it was.
 */
#ifndef CORRELATE_SETTLE_H
#define CORRELATE_SETTLE_H

#include "correlate/batch.h"

/* An incident that the events opened, found to be over or left, or that has grown or got
 * lines.  Of one that events only joined, its numbers are in the group. */
struct settled_incident {
	bool opened;
	bool calm;  /* over, by itself */
	bool grown; /* to be told again */
	int64_t number; /* unless opened; 0: of the one that was opened before it */
	int64_t count, first, last;
	int64_t at; /* event time at which it opened, or was over */
	const struct batch_sample *samples[BATCH_SAMPLES]; /* lines that are now its own */
	size_t nsamples;
};

struct settled {
	uint64_t version; /* of the group as it was */
	struct buf group; /* as it is now */
	int64_t due;      /* when time alone changes it, or may if a silence is ended; INT64_MAX:
	                     never */
	int64_t was_due;  /* INT64_MIN: it may be known otherwise */
	struct settled_incident *incidents; /* in order; the last one may be the group's */
	size_t nincidents;
	const struct batch_sample *pending[BATCH_SAMPLES]; /* lines of events below */
	size_t npending;
	uint64_t counted;                 /* events, of them: */
	uint64_t promoted, folded, known; /* promoted: also some that were counted before */
	bool storm; /* the batch is one */
	const struct silence_set *silences; /* the batch's */
	struct sv key;                      /* the group's */
	int64_t looked; /* the time of the last timer */
	struct group scratch;
};

/* All zero to begin with; used again for any number of entries. */
void settle_free(struct settled *s);

/* Apply ${e} and those that follow it in ${b} to the group ${bytes} (empty: none yet);
 * ${touched} in seconds.  ${s} is valid until the next call. */
void settle_entry(const struct batch *b, const struct batch_entry *e, struct sv bytes,
    int64_t touched, struct settled *s);

#endif
