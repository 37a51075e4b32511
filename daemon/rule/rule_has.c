/*
 * rule_has: see rule_has.h.
 */
#include "rule/rule_has.h"

#include <string.h>

#include "conf/suggest.h"
#include "rule/rule_internal.h"

#define NAMES_MAX 512

/* The fields of whatever counts for a rule. */
struct names {
	const char *v[NAMES_MAX];
	size_t n;
};

static void
add(struct names *names, const char *field)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->v[i], field) == 0)
			return;
	if (names->n < NAMES_MAX)
		names->v[names->n++] = field;
}

static void
add_key(struct names *names, const struct incident_rule *rule)
{
	for (size_t i = 0; i < rule->nby; i++)
		add(names, rule->by[i].field);
}

static void
add_event(struct names *names, const struct rule_body *body)
{
	for (size_t i = 0; i < body->ntakes; i++)
		add(names, body->takes[i].capture.field);
	for (size_t i = 0; i < body->npatterns; i++)
		for (size_t k = 0; k < body->patterns[i].ncaptures; k++)
			add(names, body->patterns[i].captures[k].field);
	for (unsigned i = 0; i < RULE_DERIVED_FIELDS; i++)
		if ((body->derived >> i & 1) != 0)
			add(names, rule_derived_name((enum rule_derived)i));
}

static void
add_builtin(struct names *names, size_t event)
{
	for (const char *const *field = rule_event_builtin_fields(event); *field != NULL; field++)
		add(names, *field);
}

static bool
counts(const struct incident_link *links, size_t n, const struct incident_rule *rule)
{
	for (size_t i = 0; i < n; i++)
		if (rule == NULL || links[i].rule == rule)
			return true;
	return false;
}

static void
collect(const struct ruleset *rs, const struct incident_rule *rule, struct names *names)
{
	names->n = 0;
	if (rule != NULL && rule->condition.kind == CONDITION_ABSENT) {
		add_key(names, rule);
		return;
	}
	add(names, "host.name"); /* of the header */
	add(names, "process.name");
	for (size_t i = 0; i < ruleset_nevents(rs); i++) {
		const struct event_rule *e = ruleset_event(rs, i);

		if (!counts(e->incidents, e->nincidents, rule))
			continue;
		add_event(names, e->body);
		if (e->body->builtin)
			add_builtin(names, i);
	}
	for (size_t i = 0; i < ruleset_nincidents(rs); i++) {
		const struct incident_rule *in = ruleset_incident(rs, i);

		if (rule == NULL || counts(in->incidents, in->nincidents, rule))
			add_key(names, in);
	}
}

bool
rule_has_field(const struct ruleset *rs, const struct incident_rule *rule, const char *field)
{
	struct names names;

	collect(rs, rule, &names);
	for (size_t i = 0; i < names.n; i++)
		if (strcmp(names.v[i], field) == 0)
			return true;
	return false;
}

bool
rule_has_nearest(
    const struct ruleset *rs, const struct incident_rule *rule, const char *field, struct buf *out)
{
	struct names names;
	const char *near;

	collect(rs, rule, &names);
	near = conf_suggest(sv_str(field), names.v, names.n);
	for (const char *p = near == NULL ? "" : near; *p != '\0'; p++)
		buf_putc(out, *p == '.' ? '_' : *p);
	return near != NULL;
}
