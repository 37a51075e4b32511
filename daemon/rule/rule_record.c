/*
 * rule_record: what an event rule has to do with the fields that came with a
 * record, of JSON and the like: those it asks for and those it takes over.
 */
#include <string.h>

#include "model/event.h"
#include "rule/rule_internal.h"

static struct rule_strings
copy_values(struct ruleset *rs, struct rule_load *l, const struct conf_pair *pair)
{
	struct rule_strings out = {
	    ruleset_array(rs, pair->values.n, sizeof(*out.v)), pair->values.n};

	if (pair->values.n == 0)
		diag_error(l->diag, pair->name.at, "\"%s\" needs a value", pair->name.s);
	for (size_t i = 0; i < pair->values.n; i++)
		out.v[i] = ruleset_string(rs, pair->values.v[i].s);
	return out;
}

/* The values of a field in where: '*' alone is any. */
static struct rule_strings
build_wanted(struct ruleset *rs, struct rule_load *l, const struct conf_pair *pair)
{
	struct rule_strings out = copy_values(rs, l, pair);

	for (size_t i = 0; i < out.n; i++) {
		if (strcmp(out.v[i], "*") != 0)
			continue;
		if (out.n > 1)
			diag_error(l->diag, pair->values.v[i].at,
			    "\"*\" is any value; expected no others beside it");
		out.n = 0;
	}
	return out;
}

void
rule_record_build_where(struct ruleset *rs, struct rule_load *l, const struct conf_map *conf,
    struct rule_body *body)
{
	body->fields = ruleset_array(rs, conf->n, sizeof(*body->fields));
	body->nfields = conf->n;
	for (size_t i = 0; i < conf->n; i++) {
		body->fields[i].name = ruleset_string(rs, conf->v[i].name.s);
		body->fields[i].values = build_wanted(rs, l, &conf->v[i]);
	}
}

static void
build_take(
    struct ruleset *rs, struct rule_load *l, const struct conf_pair *pair, struct rule_take *t)
{
	const struct field_spec *spec = rule_field_find(pair->name.s);

	if (pair->name.s[strspn(pair->name.s, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
		diag_error(l->diag, pair->name.at,
		    "\"%s\": expected the name of a field in lower case, such as source_ip",
		    pair->name.s);
	t->capture = (struct rule_capture){.capture = ruleset_string(rs, pair->name.s),
	    .field = ruleset_field(rs, pair->name.s),
	    .type = spec == NULL ? FIELD_TEXT : spec->type,
	    .known = spec != NULL};
	t->from = copy_values(rs, l, pair);
}

void
rule_record_build_take(struct ruleset *rs, struct rule_load *l, const struct conf_map *conf,
    struct rule_body *body)
{
	if (conf->n > EVENT_TAKES_MAX)
		diag_error(l->diag, conf->at, "%zu fields are taken; at most %d are possible",
		    conf->n, EVENT_TAKES_MAX);
	body->takes = ruleset_array(rs, conf->n, sizeof(*body->takes));
	body->ntakes = conf->n;
	for (size_t i = 0; i < conf->n; i++)
		build_take(rs, l, &conf->v[i], &body->takes[i]);
}
