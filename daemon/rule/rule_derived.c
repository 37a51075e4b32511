/*
 * rule_derived: see rule_derived.h.  Here is also found out which of them the rules of a
 * set ask for, so that nobody looks up what nobody wants.
 */
#include "rule/rule_derived.h"

#include <string.h>

#include "rule/rule_internal.h"

static const char *const names[RULE_DERIVED_FIELDS] = {
    "source.geo.country_iso_code", "source.as.number", "source.as.organization.name"};
static const char *const captures[RULE_DERIVED_FIELDS] = {
    "source_geo_country_iso_code", "source_as_number", "source_as_organization_name"};

const char *
rule_derived_name(enum rule_derived which)
{
	return names[which];
}

const char *
rule_derived_capture(enum rule_derived which)
{
	return captures[which];
}

uint32_t
rule_derived_bit(const char *field)
{
	for (unsigned i = 0; i < RULE_DERIVED_FIELDS; i++)
		if (strcmp(names[i], field) == 0)
			return UINT32_C(1) << i;
	return 0;
}

static uint32_t
asked_by_incident(const struct incident_rule *rule)
{
	uint32_t asked = rule->condition.field == NULL ? 0 : rule_derived_bit(rule->condition.field);

	for (size_t i = 0; i < rule->nby; i++)
		asked |= rule_derived_bit(rule->by[i].field);
	for (unsigned i = 0; i < rule->condition.nsteps; i++)
		asked |= rule_filter_derived(rule->filters[i]);
	return asked;
}

static uint32_t
asked_by_body(const struct rule_body *body)
{
	uint32_t asked = 0;

	for (size_t i = 0; i < body->nunless; i++)
		for (size_t j = 0; j < body->unless[i].n; j++)
			asked |= rule_derived_bit(body->unless[i].conditions[j].field);
	for (size_t i = 0; i < body->ntests; i++)
		for (size_t j = 0; j < body->tests[i].nexpected; j++)
			asked |= rule_derived_bit(body->tests[i].expected[j].field);
	return asked;
}

void
rule_derived_mark(struct ruleset *rs)
{
	for (size_t i = 0; i < rs->nevents; i++) {
		const struct event_rule *event = &rs->events[i];
		uint32_t asked = asked_by_body(&rs->bodies[i]);

		for (size_t j = 0; j < event->nincidents; j++)
			asked |= asked_by_incident(event->incidents[j].rule);
		rs->bodies[i].derived = asked;
		rs->derived |= asked;
	}
}
