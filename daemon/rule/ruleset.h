/*
 * ruleset: the rules as loaded: immutable but for rule_live.h, reference-counted, all or
 * nothing.
 */
#ifndef RULE_RULESET_H
#define RULE_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/diag.h"
#include "model/record.h"
#include "model/severity.h"
#include "rule/condition.h"
#include "util/buf.h"
#include "util/sv.h"

struct ruleset;
struct match_conf;

struct rule_body;
struct rule_filter;
struct rule_list;
struct event;

/* An incident rule that counts an event rule's events, as which of its steps. */
struct incident_link {
	const struct incident_rule *rule;
	uint32_t steps; /* bit i: step i */
};

/* An event rule, as the stages after match see it.  What scan and match need is
 * its body, in rule.h. */
struct event_rule {
	const char *id;
	const char *title;
	const char *class;
	enum severity severity;
	bool context; /* no event in itself: only incident rules are told */
	const struct incident_link *incidents; /* those that count this event */
	size_t nincidents;
	size_t index; /* 0 .. ruleset_nevents() - 1 */
	const struct rule_body *body;
};

/* A field of the key, and what is made of its value. */
struct rule_key {
	const char *field; /* dotted */
	bool lower;        /* upper-case ASCII letters become lower-case */
	int bits4, bits6;  /* of an address that count */
};

#define RULE_KEY_ALL4 32
#define RULE_KEY_ALL6 128

/* Is the value taken as it is? */
static inline bool
rule_key_is_plain(const struct rule_key *key)
{
	return !key->lower && key->bits4 == RULE_KEY_ALL4 && key->bits6 == RULE_KEY_ALL6;
}

struct incident_rule {
	const char *id;
	const char *title; /* template: {source_ip} stands for a key field's value */
	enum severity severity;
	const char *criteria;
	const char *playbook; /* "" when none */
	const struct rule_key *by; /* in order; nby may be 0: one group */
	size_t nby;
	struct condition condition;
	const struct rule_filter *const *filters; /* of each step, NULL: all events */
	const struct rule_hours *outside;         /* events in these hours do not count; or NULL */
	const struct rule_list *each;             /* ABSENT: values of the one key that are expected
	                                             from the start, and no others; or NULL */
	int64_t rearm;  /* ms of quiet after which a new incident may open */
	int64_t groups; /* keys remembered at most */
	const struct incident_link *incidents; /* rules that count this rule's incidents */
	size_t nincidents;
	const char *file;      /* base name of the rule file that defined it */
	const char *file_hash; /* SHA-256 of that file, hex */
	uint64_t identity; /* of what is counted and how, and the id; not of how it is told */
	size_t index;
};

bool rule_filter_takes(const struct rule_filter *f, const struct event *e, bool *excluded);
/* Does step ${step} of ${rule} want ${e}, which its event rule says it may?  ${excluded} becomes
 * true if it does not because of its unless, and stays as it is otherwise. */
static inline bool
incident_rule_wants(
    const struct incident_rule *rule, unsigned step, const struct event *e, bool *excluded)
{
	return rule->filters[step] == NULL ||
	    rule_filter_takes(rule->filters[step], e, excluded);
}

struct rule_hours;
/* Does ${t} (ms) lie in these hours? */
bool rule_hours_has(const struct rule_hours *hours, int64_t t);

/* Append the value of ${key} in ${e}, transformed; false when ${e} has none. */
bool rule_key_value(const struct rule_key *key, const struct event *e, struct buf *out);

/* Events about the detector itself, present in every rule set. */
#define RULE_MATCH_LIMIT "triaged.match-limit" /* a pattern ran out of its limits */
#define RULE_LINE_CUT "triaged.line-cut"       /* a line or message longer than the limit */
/* And about sources, with log.source, event.reason (a trouble's name), error.message
 * and, where there is one, log.file.path. */
#define RULE_GAP "triaged.gap"         /* something was not examined */
#define RULE_SKIPPED "triaged.skipped" /* nor was this, but no text: NUL bytes */
#define RULE_SOURCE "triaged.source"   /* silent, gone, not readable */
#define RULE_SOURCE_WELL "triaged.source-well" /* no more */

/* Load every *.yaml of ${dirs} (in order of name; a path that is a file is that
 * file), compile the patterns, link incidents to events.  A later directory may
 * override keys of an earlier one's rule by id, or disable it (enabled: false).
 * NULL when ${diag} got an error.  The caller owns one reference. */
struct ruleset *ruleset_load(
    const char *const *paths, size_t npaths, const struct match_conf *limits, struct diag *diag);
/* The same of one file whose ${text} is in hand; ${path} is only a name, and
 * where relative list files start. */
struct ruleset *ruleset_load_text(const char *path, const char *text, size_t n,
    const struct match_conf *limits, struct diag *diag);
struct ruleset *ruleset_ref(struct ruleset *rs);
void ruleset_unref(struct ruleset **rs);

size_t ruleset_nevents(const struct ruleset *rs);
const struct event_rule *ruleset_event(const struct ruleset *rs, size_t i);
/* NULL when there is none. */
const struct event_rule *ruleset_find_event(const struct ruleset *rs, const char *id);
size_t ruleset_nincidents(const struct ruleset *rs);
/* NULL when there is none. */
const struct incident_rule *ruleset_find_incident(const struct ruleset *rs, const char *id);
const struct incident_rule *ruleset_find_identity(const struct ruleset *rs, uint64_t identity);
const struct incident_rule *ruleset_incident(const struct ruleset *rs, size_t i);

/* Bits of the fields of rule_derived.h that some rule asks for. */
uint32_t ruleset_derived(const struct ruleset *rs);

/* SHA-256 (hex) over all rule files, and the list files they use, in load order. */
const char *ruleset_hash(const struct ruleset *rs);

#endif
