/*
 * match_derive: the fields of an event that are looked up: where its address is from.
 * What the rule captured or took under such a name stands as it is.
 */
#include <string.h>

#include "geoip/geoip.h"
#include "match/match_internal.h"
#include "rule/rule_derived.h"

_Static_assert((int)RULE_DERIVED_FIELDS == EVENT_DERIVED_MAX, "an event has room for each");

void
matcher_set_geoip(struct matcher *m, struct geoip *g, bool all)
{
	m->geoip = g;
	m->derived = all ? RULE_DERIVED_ALL : 0;
}

static const char *
value_of(const struct geoip_answer *a, enum rule_derived which)
{
	switch (which) {
	case RULE_DERIVED_COUNTRY:
		return a->country;
	case RULE_DERIVED_AS_NUMBER:
		return a->number;
	case RULE_DERIVED_AS_NAME:
		return a->organization;
	case RULE_DERIVED_FIELDS:
		break;
	}
	return "";
}

void
match_derive(struct matcher *m, const struct rule_body *body, struct event *event)
{
	uint32_t wanted = body->derived | m->derived;
	const struct geoip_answer *answer;
	const struct sv *address;

	if (m->geoip == NULL || wanted == 0)
		return;
	address = event_field(event, RULE_DERIVED_FROM);
	if (address == NULL)
		return;
	answer = geoip_find(m->geoip, *address);
	for (unsigned i = 0; i < RULE_DERIVED_FIELDS; i++) {
		const char *name = rule_derived_name((enum rule_derived)i);
		const char *value = value_of(answer, (enum rule_derived)i);

		if ((wanted >> i & 1) != 0 && *value != '\0' && event_field(event, name) == NULL)
			event->fields[event->nfields++] = (struct field){name, sv_str(value)};
	}
}
