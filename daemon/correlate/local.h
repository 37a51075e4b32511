/*
 * local: the incidents of a run that is about nothing but its outcome: rule tests,
 * replay, eval, backtest.
 *
 * What a batch comes to is worked out as for Redis (settle.h); here it is kept in
 * memory until the object goes.  Nothing is forgotten: neither groups by age nor
 * those beyond a rule's limit.
 */
#ifndef CORRELATE_LOCAL_H
#define CORRELATE_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/sv.h"

#define LOCAL_SAMPLES 3 /* lines kept of an incident */

struct correlator;
struct incident_rule;
struct local;
struct ruleset;

/* Strings are the object's. */
struct local_incident {
	int64_t number; /* from 1, in order of opening */
	const struct incident_rule *rule;
	struct sv group;  /* the key as group_key.h has it */
	const char *title;
	const char *key; /* JSON object */
	int64_t count;
	int64_t first, last, opened; /* ms */
	bool over;                   /* by itself: the rate fell */
	const char **samples; /* JSON objects */
	size_t nsamples;
};

/* What became of the events that a rule wanted. */
enum local_fate {
	LOCAL_BELOW,    /* counted, in no incident; worked out from the others */
	LOCAL_COUNTED,  /* all that its groups took */
	LOCAL_PROMOTED, /* those that an incident opened with */
	LOCAL_FOLDED,   /* joined an incident */
	LOCAL_KNOWN,    /* nothing new */
	LOCAL_NO_KEY,
	LOCAL_NO_VALUE,
	LOCAL_IN_HOURS,
	LOCAL_ALLOW_LISTED, /* excluded by unless, the rule's own or its event rule's */
	LOCAL_FATES
};

#define LOCAL_FATE_NAMES                                                                           \
	{"below", "counted", "promoted", "folded", "known", "no-key", "no-value", "in-hours",      \
	    "allow-listed", NULL}

/* All events are of ${rules}, to which it refers. */
struct local *local_new(struct ruleset *rules);
void local_free(struct local **l);

/* Take in what ${c} has gathered, and what rules about incidents make of it. */
void local_commit(struct local *l, struct correlator *c);
/* Time has passed up to ${now}: what only needed time happens.  The first call says that
 * the run has begun, at its first event or now. */
void local_pass(struct local *l, struct correlator *c, int64_t now);
/* The greatest time of an event so far; INT64_MIN: none. */
int64_t local_latest(const struct local *l);

size_t local_nincidents(const struct local *l);
/* In order of number; borrowed until the next commit. */
const struct local_incident *local_incident(const struct local *l, size_t i);
uint64_t local_count(
    const struct local *l, const struct incident_rule *rule, enum local_fate fate);

#endif
