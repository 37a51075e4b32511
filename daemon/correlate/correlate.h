/*
 * correlate: folds events by (incident rule, key) into the batch that gathers.
 *
 * It decides nothing: what a batch's events come to is worked out when it is
 * committed (settle.h), from the group as it is in Redis.  What is done here is to
 * make a million events of one address one entry.
 */
#ifndef CORRELATE_CORRELATE_H
#define CORRELATE_CORRELATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlate/ahead.h"
#include "correlate/batch.h"
#include "correlate/group_cache.h"
#include "model/event.h"
#include "model/line.h"
#include "model/trouble.h"

struct correlator;
struct silence_set;

struct correlator *correlator_new(void);
void correlator_free(struct correlator **c);

/* Groups are spread over ${n} partitions; 1 to begin with. */
void correlator_set_partitions(struct correlator *c, unsigned n);
/* From now on what ${set} covers does not count; takes a reference.  NULL: nothing is silenced. */
void correlator_set_silences(struct correlator *c, struct silence_set *set);
/* What partitions have counted that is read again: an event that its group's partition has
 * is dropped.  It is the correlator's, and borrowed by state. */
struct ahead *correlator_ahead(struct correlator *c);

/* In between, whatever events borrow from the text of their lines stays there: they may be
 * counted when others have come, the last of them at the end. */
void correlate_lines_begin(struct correlator *c);
void correlate_lines_end(struct correlator *c);

/* Count ${e} for each incident rule that wants it.  ${rules} is the set its rule
 * belongs to; the batch takes a reference.  NULL: the rules outlive the batch anyway. */
void correlate_event(struct correlator *c, struct ruleset *rules, const struct event *e);

/* The same of what would be an event but for its rule's unless: it is counted as such. */
void correlate_excluded(struct correlator *c, struct ruleset *rules, const struct event *e);

/* Does the rule of ${link} count ${e}?  NULL: yes, as ${event} of the group whose key is appended
 * to ${key}.  Else the disposition that it has instead, or "" if the rule is not about it.
 * ${silences} may be NULL. */
const char *correlate_verdict(const struct incident_link *link, const struct event *e,
    const struct silence_set *silences, struct buf *key, struct group_event *event);

/* Count an incident that ${rule} opened at ${time}, entry ${id} of the relay, for the rules
 * about incidents; the names and values of its key are its fields. */
void correlate_incident(struct correlator *c, struct ruleset *rules,
    const struct incident_rule *rule, int64_t id, int64_t time, const struct field *key,
    size_t n, struct sv text);
/* Entry ${id} of the relay is counted with the batch that gathers. */
void correlate_relayed(struct correlator *c, int64_t id);

/* Time has passed up to ${now} for group ${key} of ${rule}. */
void correlate_timer(struct correlator *c, struct ruleset *rules,
    const struct incident_rule *rule, struct sv key, int64_t now);
/* Keys from which ${rule} expects events, each, are silent since ${now} if nothing has come
 * from them. */
void correlate_expect(struct correlator *c, struct ruleset *rules,
    const struct incident_rule *rule, int64_t now);

/* ${pos} is examined up to its offset; replaces an earlier one of its stream. */
void correlate_position(struct correlator *c, const struct position *pos);

/* A stream begins at ${pos}, or goes on there. */
void correlate_begun(struct correlator *c, const struct position *pos);

/* What ${t} tells was not examined; noticed at ${now}. */
void correlate_gap(struct correlator *c, const struct trouble *t, int64_t now);

/* Something to commit: events (${urgent}) or at least positions. */
bool correlate_pending(const struct correlator *c, bool urgent);
/* As much as one commit should carry: what more is read waits. */
bool correlate_full(const struct correlator *c);
/* ${b}, the one that was sent, is in; it opened ${nopened} incidents and took ${took} ms. */
void correlate_committed(
    struct correlator *c, const struct batch *b, size_t nopened, int64_t took);

/* Hand the batch over; a new one gathers. */
struct batch *correlate_take(struct correlator *c);
/* The same, to be committed: it is looked at until correlate_committed() or a reset. */
struct batch *correlate_send(struct correlator *c);
/* The groups that are known; it is the correlator's. */
struct group_cache *correlator_cache(struct correlator *c);
/* Forget what has gathered, and the groups. */
void correlate_reset(struct correlator *c);

struct correlate_stats {
	uint64_t counted;     /* (event, incident rule) pairs */
	uint64_t missing_key; /* events not counted since a field of "by" was absent */
};
const struct correlate_stats *correlate_stats(const struct correlator *c);

#endif
