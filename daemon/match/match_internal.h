/*
 * match_internal: one rule tried on one record, shared by matching and
 * explaining so that they cannot disagree.
 */
#ifndef MATCH_MATCH_INTERNAL_H
#define MATCH_MATCH_INTERNAL_H

#include "match/match.h"
#include "rule/rule.h"

struct matcher {
	struct ruleset *rules;
	uint32_t *all; /* indexes of the rules that a line can match */
	size_t nall;
	size_t max_length; /* of a message that patterns get to see */
	pcre2_match_data *data;
	const PCRE2_SIZE *ovector; /* of data */
	pcre2_match_context *context;
	pcre2_jit_stack *stack; /* NULL without JIT */
	const struct event_rule *limit_rule;
	const struct event_rule *cut_rule;
	/* Addresses of the last attempt that are not as the record has them. */
	char addresses[EVENT_FIELDS_MAX + EVENT_TAKES_MAX][RULE_FIELD_ROOM];
	struct geoip *geoip; /* NULL: none */
	uint32_t derived;    /* fields that all events get from it, whoever asks */
	match_cb *excluded; /* may be NULL */
	void *excluded_ctx;
	struct match_stats stats;
};

enum verdict {
	VERDICT_MATCH,
	VERDICT_PROGRAM, /* the first precondition that does not hold */
	VERDICT_HOST,
	VERDICT_FACILITY,
	VERDICT_SEVERITY,
	VERDICT_FIELD,
	VERDICT_PATTERN, /* none matches */
	VERDICT_UNLESS,
	VERDICT_LIMIT, /* a pattern ran out of its limits */
};

struct attempt {
	enum verdict verdict;
	size_t pattern; /* that matched, or that ran out */
	size_t unless;  /* that excludes the record */
	int error;      /* PCRE2's, for VERDICT_LIMIT */
	struct event event; /* when a pattern matched, excluded or not */
};

/* A match context with the rule set's limits; the caller frees it. */
pcre2_match_context *match_context_new(const struct ruleset *rules);

/* match_derive.c: add to ${event}, of a rule with ${body}, what is looked up. */
void match_derive(struct matcher *m, const struct rule_body *body, struct event *event);

/* The first of the fields that the rule asks for and ${rec} has not, or not with such
 * a value; NULL: none. */
const struct rule_field *match_missing_field(
    const struct rule_body *body, const struct record *rec);

/* The first rule that keeps fallback rules off ${rec}, or NULL. */
const struct event_rule *match_claimant(struct matcher *m, const struct record *rec);

void match_try(struct matcher *m, const struct event_rule *rule, const struct record *rec,
    struct attempt *a);

#endif
