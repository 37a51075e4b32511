/*
 * rule_unless: the exceptions of an event rule, about what it captures and takes.
 */
#include <string.h>

#include "rule/rule_internal.h"

static const struct rule_capture *
find_capture(const struct rule_body *body, const char *name)
{
	for (size_t i = 0; i < body->npatterns; i++)
		for (size_t j = 0; j < body->patterns[i].ncaptures; j++)
			if (strcmp(body->patterns[i].captures[j].capture, name) == 0)
				return &body->patterns[i].captures[j];
	for (size_t i = 0; i < body->ntakes; i++)
		if (strcmp(body->takes[i].capture.capture, name) == 0)
			return &body->takes[i].capture;
	return NULL;
}

/* What is looked up from an address that the rule captures. */
static bool
derive(const struct rule_body *body, const char *name, struct rule_capture *out)
{
	const struct field_spec *spec = rule_field_find(name);

	if (spec == NULL || rule_derived_bit(spec->field) == 0 ||
	    find_capture(body, RULE_DERIVED_FROM_CAPTURE) == NULL)
		return false;
	*out = (struct rule_capture){.field = spec->field, .type = spec->type};
	return true;
}

static bool
is_broken(const struct rule_body *body)
{
	for (size_t i = 0; i < body->npatterns; i++)
		if (body->patterns[i].text == NULL)
			return true;
	return false;
}

static void
build_condition(struct ruleset *rs, struct rule_load *l, const struct conf_pair *pair,
    const struct rule_body *body, struct rule_condition *c)
{
	const struct rule_capture *capture = find_capture(body, pair->name.s);
	struct rule_capture derived;

	if (capture == NULL && derive(body, pair->name.s, &derived))
		capture = &derived;
	if (capture == NULL && !is_broken(body))
		diag_error(l->diag, pair->name.at, "no pattern of the rule captures \"%s\"",
		    pair->name.s);
	rule_values_condition(rs, l, pair, capture == NULL ? "" : capture->field,
	    capture == NULL ? FIELD_TEXT : capture->type, c);
}

void
rule_unless_build(struct ruleset *rs, struct rule_load *l, const struct conf_maps *conf,
    struct rule_body *body)
{
	body->unless = ruleset_array(rs, conf->n, sizeof(*body->unless));
	body->nunless = conf->n;
	for (size_t i = 0; i < conf->n; i++) {
		struct rule_unless *u = &body->unless[i];

		/* All of no conditions hold: it would switch the rule off. */
		if (conf->v[i].n == 0)
			diag_error(l->diag, conf->v[i].at, "an exception needs a condition");
		u->conditions = ruleset_array(rs, conf->v[i].n, sizeof(*u->conditions));
		u->n = conf->v[i].n;
		for (size_t j = 0; j < u->n; j++)
			build_condition(rs, l, &conf->v[i].v[j], body, &u->conditions[j]);
	}
}
