/*
 * group: the state of one key of one incident rule, and what an event does to it.
 *
 * Here is the meaning of incident rules, and nowhere else: the daemon, replays and
 * rule tests apply events with these functions, and Redis keeps the result as a
 * string of bytes.  Events are applied one by one in order of arrival, so how they
 * were cut into batches cannot matter.
 */
#ifndef CORRELATE_GROUP_H
#define CORRELATE_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rule/ruleset.h"
#include "util/buf.h"

/* An event that may still matter, or several that are the same to the rule. */
struct group_point {
	int64_t time;   /* ms */
	uint64_t value; /* by the kind of condition: hash of a value, number, step */
	uint64_t n;     /* events */
};

#define GROUP_NEW (-1) /* number of an incident that has not got one yet */

/* The incident that the group's events join. */
struct group_incident {
	int64_t number; /* 0: none */
	int64_t count;  /* events */
	int64_t first, last; /* their times */
	int64_t told;   /* the count that was told last */
	unsigned samples; /* lines kept with it */
};

struct group {
	const struct incident_rule *rule;
	uint64_t version; /* of the stored bytes; 0: none are */
	bool closed;      /* the incident was closed by hand */
	bool begun;       /* since and last are set */
	bool missing;     /* ABSENT: the silence has been told */
	int64_t since;    /* time of the first event */
	int64_t last;     /* greatest event time */
	struct group_incident incident;
	struct group_point *points;
	size_t npoints, cap;
	unsigned char *registers; /* DISTINCT beyond exact; NULL while not needed */
};

void group_init(struct group *g, const struct incident_rule *rule);
void group_free(struct group *g);
/* As after group_init(), but keeps memory. */
void group_clear(struct group *g);

/* One event, or with ${timer} the passing of time up to ${time}. */
struct group_event {
	int64_t time;
	uint64_t value; /* DISTINCT, FIRST_SEEN: hash; SUM: number; ALL_OF, SEQUENCE: steps, a bit each */
	bool timer;
};

/* What became of an event. */
enum group_fate {
	GROUP_BELOW,  /* counted, the condition does not hold (yet) */
	GROUP_KNOWN,  /* FIRST_SEEN: the value is not new, or the time is for learning */
	GROUP_FOLDED, /* joined the open incident */
	GROUP_OPENED, /* the condition holds: a new incident */
	GROUP_CALM,   /* the rate fell, the incident is over: of a timer or an event */
	GROUP_NOTHING, /* of a timer */
};

/* Apply ${e}.  With GROUP_OPENED g->incident is that incident, its number GROUP_NEW; an
 * incident that was open before is then no more this group's.  With GROUP_CALM
 * g->incident is still the one that is over; group_leave() it. */
enum group_fate group_apply(struct group *g, const struct group_event *e);

/* ${n} more events between ${first} and ${last} that join the open incident. */
void group_join(struct group *g, int64_t n, int64_t first, int64_t last);

/* Forget the incident and what led to it. */
void group_leave(struct group *g);

/* The open incident has grown so much that people are told again; remembers it. */
bool group_grown(struct group *g);

/* When time alone will change something: ms, or INT64_MAX. */
int64_t group_due(const struct group *g);

/* Does an incident open at so many points? */
bool group_kind_counts(enum condition_kind kind);

/* Do all events join while an incident is open? */
bool group_kind_folds(enum condition_kind kind);
/* And does a run of events without a pause longer than rearm, that satisfies the rule
 * alone, lead to an open incident whatever came before?  Then the rest of it is just a
 * number.  Not where what came before can stand in the way: a step that must not
 * happen, a time that moves the window of an estimate. */
bool group_rule_folds(const struct incident_rule *rule);

/* As bytes.  The Redis functions read and write the head, all numbers big-endian: 8
 * bytes of version; '-', 'o' or 'c'; 8 of the incident's number; 4 of the second in
 * which it was ${touched}; and unless '-', 8 each of the incident's count, first and last. */
#define GROUP_VERSION 8
void group_encode(const struct group *g, uint64_t version, int64_t touched, struct buf *out);
/* False when ${bytes} are no group of that rule: ${g} is then empty, but has the
 * version. */
bool group_decode(struct group *g, struct sv bytes);

/* Write the incident's number into encoded bytes. */
void group_set_number(char *bytes, int64_t number);

#endif
