/*
 * rule_filter: which events of its rules an incident rule counts: where, unless, and the
 * list of each.
 */
#include <string.h>

#include "model/event.h"
#include "rule/rule_internal.h"

struct rule_filter {
	struct rule_condition *where; /* all of them hold */
	size_t nwhere;
	struct rule_unless *unless; /* none of them holds in full */
	size_t nunless;
	const struct rule_key *key; /* its value is in ... */
	const struct rule_list *each; /* ... this, unless NULL */
};

/* What is needed all along. */
struct building {
	struct ruleset *rs;
	struct rule_load *load;
	const struct rule_inputs *inputs;
	uint32_t step; /* its bit */
};

/* May an event of the step have ${field}? */
static bool
some_has(const struct building *b, const char *field)
{
	size_t n = 0;

	for (size_t i = 0; i < b->inputs->n; i++) {
		const struct rule_input *input = &b->inputs->v[i];

		if ((input->steps & b->step) == 0)
			continue;
		n++;
		if (rule_input_has(b->rs, b->load, input, field, true))
			return true;
	}
	return n == 0;
}

static void
build_condition(const struct building *b, const struct conf_pair *pair, struct rule_condition *c)
{
	const struct field_spec *spec = rule_field_find(pair->name.s);
	const char *field = ruleset_field(b->rs, pair->name.s), *near;

	if (!some_has(b, field)) {
		near = rule_input_nearest(b->rs, b->load, b->inputs, pair->name.s);
		if (near != NULL && strcmp(near, pair->name.s) == 0)
			near = NULL; /* of another step */
		diag_error(b->load->diag, pair->name.at, "no event of these rules has \"%s\"%s%s%s",
		    pair->name.s, near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
		    near == NULL ? "" : "\"?");
	}
	rule_values_condition(
	    b->rs, b->load, pair, field, spec == NULL ? FIELD_TEXT : spec->type, c);
}

static void
add_where(const struct building *b, const struct conf_map *conf, struct rule_filter *f)
{
	for (size_t i = 0; i < conf->n; i++)
		build_condition(b, &conf->v[i], &f->where[f->nwhere++]);
}

static void
add_unless(const struct building *b, const struct conf_maps *conf, struct rule_filter *f)
{
	for (size_t i = 0; i < conf->n; i++) {
		struct rule_unless *u = &f->unless[f->nunless++];

		/* All of no conditions hold: it would switch the rule off. */
		if (conf->v[i].n == 0)
			diag_error(b->load->diag, conf->v[i].at, "an exception needs a condition");
		u->n = conf->v[i].n;
		u->conditions = ruleset_array(b->rs, u->n, sizeof(*u->conditions));
		for (size_t j = 0; j < u->n; j++)
			build_condition(b, &conf->v[i].v[j], &u->conditions[j]);
	}
}

const struct rule_filter *
rule_filter_build(struct ruleset *rs, struct rule_load *l, const struct incident_conf *conf,
    const struct step_conf *step, unsigned number, const struct rule_inputs *inputs,
    const struct incident_rule *rule)
{
	static const struct step_conf none;
	const struct step_conf *s = step == NULL ? &none : step;
	struct building b = {rs, l, inputs, UINT32_C(1) << number};
	struct rule_filter *f;

	if (conf->where.n + s->where.n + conf->unless.n + s->unless.n == 0 && rule->each == NULL)
		return NULL;
	f = ruleset_array(rs, 1, sizeof(*f));
	f->where = ruleset_array(rs, conf->where.n + s->where.n, sizeof(*f->where));
	f->unless = ruleset_array(rs, conf->unless.n + s->unless.n, sizeof(*f->unless));
	add_where(&b, &conf->where, f);
	add_where(&b, &s->where, f);
	add_unless(&b, &conf->unless, f);
	add_unless(&b, &s->unless, f);
	f->key = rule->by;
	f->each = rule->each;
	return f;
}

static uint32_t
asked(const struct rule_condition *v, size_t n)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < n; i++)
		bits |= rule_derived_bit(v[i].field);
	return bits;
}

uint32_t
rule_filter_derived(const struct rule_filter *f)
{
	uint32_t bits;

	if (f == NULL)
		return 0;
	bits = asked(f->where, f->nwhere);
	for (size_t i = 0; i < f->nunless; i++)
		bits |= asked(f->unless[i].conditions, f->unless[i].n);
	return bits;
}

static bool
holds(const struct rule_condition *c, const struct event *e)
{
	const struct sv *value = event_field(e, c->field);

	return value != NULL && rule_list_has(c->values, *value);
}

static bool
all_hold(const struct rule_condition *v, size_t n, const struct event *e)
{
	for (size_t i = 0; i < n; i++)
		if (!holds(&v[i], e))
			return false;
	return true;
}

static bool
is_expected(const struct rule_filter *f, const struct event *e)
{
	struct buf value = BUF_INIT;
	/* Without a key the event is wanted, and then counted as one without. */
	bool expected = !rule_key_value(f->key, e, &value) || rule_list_has(f->each, buf_view(&value));

	buf_free(&value);
	return expected;
}

bool
rule_filter_takes(const struct rule_filter *f, const struct event *e, bool *excluded)
{
	if (!all_hold(f->where, f->nwhere, e))
		return false;
	for (size_t i = 0; i < f->nunless; i++) {
		if (all_hold(f->unless[i].conditions, f->unless[i].n, e)) {
			*excluded = true;
			return false;
		}
	}
	return f->each == NULL || is_expected(f, e);
}
