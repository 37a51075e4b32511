/*
 * rule_condition: the condition of an incident rule, from its keys: exactly one kind, and
 * what goes with it.
 */
#include <string.h>

#include "rule/rule_internal.h"
#include "util/xalloc.h"

#define SLOTS_MAX 168 /* hours of a week */

/* Building one condition. */
struct building {
	struct ruleset *rs;
	struct rule_load *load;
	const struct incident_conf *conf;
	const struct rule_inputs *inputs;
	struct incident_rule *rule;
};

static const struct {
	const char *key;
	enum condition_kind kind;
	bool timed; /* needs within */
} kinds[] = {
    {"count", CONDITION_COUNT, true},
    {"distinct", CONDITION_DISTINCT, true},
    {"sum", CONDITION_SUM, true},
    {"all_of", CONDITION_ALL_OF, true},
    {"sequence", CONDITION_SEQUENCE, true},
    {"absent", CONDITION_ABSENT, false},
    {"first_seen", CONDITION_FIRST_SEEN, false},
    {"spike", CONDITION_SPIKE, true},
    {"rate", CONDITION_RATE, true},
};

#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool
is_set(const struct incident_conf *conf, const char *key)
{
	return conf_is_set(&rule_incident_table, conf, key);
}

/* The first that is given, and is not ${but}. */
static size_t
find_kind(const struct incident_conf *conf, size_t but)
{
	for (size_t i = 0; i < NKINDS; i++)
		if (i != but && is_set(conf, kinds[i].key))
			return i;
	return NKINDS;
}

const struct conf_list *
rule_condition_steps(const struct incident_conf *conf)
{
	if (is_set(conf, "sequence"))
		return &conf->sequence;
	return is_set(conf, "all_of") ? &conf->all_of : NULL;
}

/* ---- within, rearm -------------------------------------------------------------- */

static void
check_within(struct building *b, size_t kind)
{
	const struct incident_conf *conf = b->conf;
	bool given = is_set(conf, "within");

	if (!kinds[kind].timed && given)
		diag_error(b->load->diag, conf->head.at, "within does not go with %s",
		    kinds[kind].key);
	if (!kinds[kind].timed || given)
		return;
	if (kinds[kind].kind != CONDITION_COUNT)
		diag_error(b->load->diag, conf->head.at, "%s needs a time: within", kinds[kind].key);
	else if (conf->count > 1)
		diag_error(b->load->diag, conf->head.at, "count: %lld needs a time: within",
		    (long long)conf->count);
}

/* Where a span of events opens an incident, what comes within the span must join it. */
static void
check_rearm(struct building *b, size_t kind)
{
	const struct incident_conf *conf = b->conf;
	bool spans = kinds[kind].kind <= CONDITION_SEQUENCE &&
	    (kinds[kind].kind != CONDITION_COUNT || conf->count > 1);

	if (!spans || b->rule->rearm >= conf->within)
		return;
	if (is_set(conf, "rearm"))
		diag_error(b->load->diag, conf->head.at, "rearm is shorter than within");
	else
		b->rule->rearm = conf->within;
}

/* ---- fields --------------------------------------------------------------------- */

/* The field that the condition looks at. */
static void
set_field(struct building *b, const struct conf_string *name)
{
	struct condition *c = &b->rule->condition;

	if (name->s == NULL) {
		c->field = "";
		return; /* was reported */
	}
	c->field = ruleset_field(b->rs, name->s);
	rule_input_check(b->rs, b->load, b->inputs, c->field, name->s, name->at);
	for (size_t i = 0; i < b->rule->nby; i++)
		if (rule_key_is_plain(&b->rule->by[i]) && strcmp(b->rule->by[i].field, c->field) == 0)
			diag_error(b->load->diag, name->at,
			    "\"%s\" is a key field (by): for each key it has but one value", name->s);
}

static void
check_number(struct building *b, const struct conf_string *name)
{
	const struct field_spec *spec = name->s == NULL ? NULL : rule_field_find(name->s);

	if (spec != NULL && spec->type != FIELD_INTEGER && spec->type != FIELD_PORT)
		diag_error(b->load->diag, name->at, "\"%s\" is of type %s: only numbers add up",
		    name->s, rule_field_type_name(spec->type));
}

/* ---- steps ---------------------------------------------------------------------- */

static void
check_step(struct building *b, const struct step_conf *step, unsigned i, unsigned n)
{
	struct condition *c = &b->rule->condition;
	struct diag *diag = b->load->diag;
	bool on = conf_is_set(&rule_step_table, step, "on");
	bool not = conf_is_set(&rule_step_table, step, "not");

	if (on == not)
		diag_error(diag, step->head.at, "a step needs either on or not");
	else if ((on ? step->on.n : step->not.n) == 0)
		diag_error(diag, step->head.at, "a step needs an event rule");
	else if (not && c->kind == CONDITION_ALL_OF)
		diag_error(diag, step->head.at, "not goes with sequence, not with all_of");
	else if (not && (i == 0 || i == n - 1))
		diag_error(diag, step->head.at,
		    "not stands between steps: it cannot be the first or last");
	else if (not)
		c->negative |= UINT32_C(1) << i;
}

static void
set_steps(struct building *b, const struct conf_list *list, const char *key)
{
	const struct step_conf *steps = list->v;

	if (list->n < 2 || list->n > CONDITION_STEPS_MAX) {
		diag_error(b->load->diag, list->n == 0 ? b->conf->head.at : steps[0].head.at,
		    "%s has %zu steps; expected 2 to %d", key, list->n, CONDITION_STEPS_MAX);
		return;
	}
	b->rule->condition.nsteps = (unsigned)list->n;
	for (unsigned i = 0; i < b->rule->condition.nsteps; i++)
		check_step(b, &steps[i], i, b->rule->condition.nsteps);
}

/* ---- absent --------------------------------------------------------------------- */

static enum field_type
key_type(const struct building *b)
{
	const struct field_spec *spec;
	struct rule_key_text written;
	char *name;

	rule_key_parse(b->conf->by.v[0].s, &written);
	name = xstrndup(written.name.p, written.name.n);
	spec = rule_field_find(name);
	free(name);
	return spec == NULL ? FIELD_TEXT : spec->type;
}

/* The value of ${list}, as the key has it, into ${keys}. */
static void
add_expected(struct building *b, const char *text, const struct conf_string *list,
    struct rule_list *keys)
{
	struct buf value = BUF_INIT, why = BUF_INIT;
	enum field_type type = key_type(b);

	if (rule_key_from_text(&b->rule->by[0], type, text, &value))
		rule_list_add(keys, buf_str(&value), &why);
	else
		diag_error(b->load->diag, list->at, "\"%s\" of list %s is no %s, as %s is", text,
		    list->s + 1, rule_field_type_name(type), b->conf->by.v[0].s);
	buf_free(&value);
	buf_free(&why);
}

static void
set_each(struct building *b, const struct conf_string *each)
{
	const struct conf_strings name = {(struct conf_string *)(uintptr_t)each, 1};
	size_t lives = b->rs->nlives;
	const struct rule_list *given;
	struct rule_list *keys;

	if (each->s[0] != '@' || b->rule->nby != 1) {
		diag_error(b->load->diag, each->at,
		    each->s[0] != '@' ? "each: expected @NAME, a list"
		                      : "each needs exactly one key field (by)");
		return;
	}
	given = rule_values_build(b->rs, b->load, &name, RULE_LIST_KEYS);
	keys = rule_list_new(RULE_LIST_KEYS);
	XGROW(b->rs->lists, b->rs->nlists);
	b->rs->lists[b->rs->nlists++] = keys;
	for (size_t i = 0; i < rule_list_size(given); i++)
		add_expected(b, rule_list_at(given, i), each, keys);
	for (; lives < b->rs->nlives; lives++) {
		b->rs->lives[lives]->key = &b->rule->by[0];
		b->rs->lives[lives]->key_type = key_type(b);
		rule_list_add_live(keys, &b->rs->lives[lives]->values);
	}
	rule_list_sort(keys);
	b->rule->each = keys;
}

/* ---- spike, rate ---------------------------------------------------------------- */

static void
set_spike(struct building *b)
{
	const struct spike_conf *conf = &b->conf->spike;
	struct condition *c = &b->rule->condition;

	c->least = conf->at_least;
	c->factor = conf->factor * 100;
	c->slots = conf->baseline / c->within;
	c->learning = conf_is_set(&rule_spike_table, conf, "learning") ? conf->learning
	                                                                : conf->baseline;
	if (conf->baseline % c->within != 0 || c->slots < 1 || c->slots > SLOTS_MAX)
		diag_error(b->load->diag, conf->head.at,
		    "baseline is not a whole number, 1 to %d, of times within", SLOTS_MAX);
}

static void
set_rate(struct building *b)
{
	const struct rate_conf *conf = &b->conf->rate;

	b->rule->condition.least = conf->above;
	b->rule->condition.below = conf->below;
	if (conf->below > conf->above)
		diag_error(b->load->diag, conf->head.at, "below is greater than above");
}

static void
set_kind(struct building *b)
{
	const struct incident_conf *conf = b->conf;
	struct condition *c = &b->rule->condition;

	switch (c->kind) {
	case CONDITION_COUNT:
		c->least = conf->count;
		break;
	case CONDITION_DISTINCT:
		c->least = conf->distinct.at_least;
		set_field(b, &conf->distinct.field);
		break;
	case CONDITION_SUM:
		c->least = conf->sum.at_least;
		set_field(b, &conf->sum.field);
		check_number(b, &conf->sum.field);
		break;
	case CONDITION_ALL_OF:
		set_steps(b, &conf->all_of, "all_of");
		break;
	case CONDITION_SEQUENCE:
		set_steps(b, &conf->sequence, "sequence");
		break;
	case CONDITION_ABSENT:
		c->within = conf->absent;
		break;
	case CONDITION_FIRST_SEEN:
		c->within = conf->first_seen.forget;
		c->learning = conf->first_seen.learning;
		set_field(b, &conf->first_seen.field);
		break;
	case CONDITION_SPIKE:
		set_spike(b);
		break;
	case CONDITION_RATE:
		set_rate(b);
		break;
	}
}

void
rule_condition_build(struct ruleset *rs, struct rule_load *l, const struct incident_conf *conf,
    const struct rule_inputs *inputs, struct incident_rule *rule)
{
	struct building b = {rs, l, conf, inputs, rule};
	size_t kind = find_kind(conf, NKINDS), second;

	if (kind == NKINDS)
		kind = 0;
	second = find_kind(conf, kind);
	if (second < NKINDS)
		diag_error(l->diag, conf->head.at,
		    "a rule has one condition, and this has two: %s and %s", kinds[kind].key,
		    kinds[second].key);
	rule->condition = (struct condition){
	    .kind = kinds[kind].kind, .within = conf->within, .nsteps = 1};
	check_within(&b, kind);
	check_rearm(&b, kind);
	set_kind(&b);
	if (conf->each.s != NULL && rule->condition.kind != CONDITION_ABSENT)
		diag_error(l->diag, conf->each.at, "each goes with absent");
	else if (conf->each.s != NULL)
		set_each(&b, &conf->each);
}
