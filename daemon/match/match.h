/*
 * match: which event rules a record satisfies, by preconditions, PCRE2 patterns
 * and unless lists, and the typed fields they capture.
 */
#ifndef MATCH_MATCH_H
#define MATCH_MATCH_H

#include <stdbool.h>

#include "model/event.h"
#include "util/buf.h"

struct matcher;
struct ruleset;
struct event_rule;
struct geoip;

/* One per thread; holds a reference to ${rules}. */
struct matcher *matcher_new(struct ruleset *rules);
void matcher_free(struct matcher **m);

/* Events get from ${g} (borrowed, or NULL) what is known of their address: those fields that
 * a rule asks for, or with ${all} all of them. */
void matcher_set_geoip(struct matcher *m, struct geoip *g, bool all);

/* Call ${matched} for each of ${rules} (indexes, ascending) that ${rec} satisfies; fallback
 * rules come after the others, and only if none of those matches, excluded by its unless
 * or not.  A pattern that ran out of its limits is an event of RULE_MATCH_LIMIT; a message
 * cut to be tried, that no rule matches but those for context, is one of RULE_LINE_CUT. */
typedef void match_cb(void *ctx, const struct event *event);
void match_rules(struct matcher *m, const struct record *rec, const uint32_t *rules, size_t nrules,
    match_cb *matched, void *ctx);
/* The same with every rule. */
void match_record(struct matcher *m, const struct record *rec, match_cb *matched, void *ctx);

/* From now on call ${excluded} (or nothing, if it is NULL) for what would be an event but for
 * its rule's unless. */
void matcher_set_excluded(struct matcher *m, match_cb *excluded, void *ctx);

/* Why ${rule} does or does not match ${rec}, in words for people, a line each. */
void match_explain(
    struct matcher *m, const struct event_rule *rule, const struct record *rec, struct buf *out);

struct match_stats {
	uint64_t records;
	uint64_t events;
	uint64_t limited; /* attempts that ran out of a limit */
	uint64_t cut;     /* messages longer than the limit */
};
const struct match_stats *matcher_stats(const struct matcher *m);

#endif
