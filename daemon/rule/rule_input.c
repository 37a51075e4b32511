/*
 * rule_input: what incident rules count, by name: event rules, and other incident rules.
 * Of these the definitions are asked, so that their order does not matter.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/suggest.h"
#include "rule/rule_internal.h"
#include "util/xalloc.h"

#define CHAIN_MAX 16 /* incident rules on incident rules on ... */
#define NAMES_MAX 256

static const struct incident_conf *
incident_of(const struct rule_load *l, size_t index)
{
	return (const struct incident_conf *)(const void *)l->incidents.v[index].conf;
}

/* ---- names ---------------------------------------------------------------------- */

static void
report_unknown(struct rule_load *l, const struct conf_string *on)
{
	const char *near = rule_defs_nearest(&l->events, on->s);

	if (near == NULL)
		near = rule_defs_nearest(&l->incidents, on->s);
	if (near == NULL)
		diag_error(l->diag, on->at, "there is no event rule \"%s\"", on->s);
	else
		diag_error(l->diag, on->at, "there is no event rule \"%s\"; did you mean \"%s\"?",
		    on->s, near);
}

/* What ${id} names, events first; false when that is nothing, or switched off. */
static bool
find(const struct ruleset *rs, const struct rule_load *l, const char *id, struct rule_input *out)
{
	const struct event_rule *event = ruleset_find_event(rs, id);
	const struct rule_def *def = rule_defs_find(&l->incidents, id);

	*out = (struct rule_input){.incident = false};
	if (event != NULL) {
		out->index = event->index;
		return true;
	}
	/* A rule switched off by the site takes no other with it. */
	if (rule_defs_find(&l->events, id) != NULL || def == NULL)
		return false;
	out->incident = true;
	out->index = (size_t)(def - l->incidents.v);
	return incident_of(l, out->index)->enabled;
}

static void
add(struct rule_load *l, const struct conf_string *on, const struct rule_input *found,
    unsigned step, struct rule_inputs *inputs)
{
	uint32_t bit = UINT32_C(1) << step;

	for (size_t i = 0; i < inputs->n; i++) {
		struct rule_input *input = &inputs->v[i];

		if (input->incident != found->incident || input->index != found->index)
			continue;
		if ((input->steps & bit) != 0)
			diag_error(l->diag, on->at, "\"%s\" is named twice", on->s);
		input->steps |= bit;
		return;
	}
	XGROW(inputs->v, inputs->n);
	inputs->v[inputs->n] = *found;
	inputs->v[inputs->n++].steps = bit;
}

void
rule_input_add(struct ruleset *rs, struct rule_load *l, const struct conf_strings *on,
    unsigned step, struct rule_inputs *inputs)
{
	for (size_t i = 0; i < on->n; i++) {
		const char *id = on->v[i].s;
		struct rule_input found;

		if (find(rs, l, id, &found))
			add(l, &on->v[i], &found, step, inputs);
		else if (rule_defs_find(&l->events, id) == NULL &&
		    rule_defs_find(&l->incidents, id) == NULL)
			report_unknown(l, &on->v[i]);
	}
}

const char *
rule_input_id(const struct ruleset *rs, const struct rule_load *l, const struct rule_input *input)
{
	return input->incident ? l->incidents.v[input->index].conf->id.s : rs->events[input->index].id;
}

/* ---- fields --------------------------------------------------------------------- */

static bool
pattern_has(const struct rule_pattern *p, const char *field)
{
	for (size_t i = 0; i < p->ncaptures; i++)
		if (strcmp(p->captures[i].field, field) == 0)
			return true;
	/* One error is enough. */
	return p->text == NULL;
}

static bool
builtin_has(size_t event, const char *name)
{
	for (const char *const *field = rule_event_builtin_fields(event); *field != NULL; field++)
		if (strcmp(*field, name) == 0)
			return true;
	return false;
}

static bool
captures(const struct ruleset *rs, size_t event, const char *field, bool some)
{
	const struct rule_body *body = &rs->bodies[event];
	size_t n = 0;

	if (body->builtin)
		return builtin_has(event, field);
	for (size_t i = 0; i < body->ntakes; i++)
		if (strcmp(body->takes[i].capture.field, field) == 0)
			return true;
	for (size_t i = 0; i < body->npatterns; i++)
		n += pattern_has(&body->patterns[i], field);
	return n > 0 && (some || n == body->npatterns);
}

static bool
event_has(const struct ruleset *rs, size_t event, const char *field, bool some)
{
	return captures(rs, event, field, some) ||
	    (rule_derived_bit(field) != 0 && captures(rs, event, RULE_DERIVED_FROM, some));
}

/* The events that are its incidents have the fields of its key. */
static bool
incident_has(const struct rule_load *l, size_t index, const char *field)
{
	const struct conf_strings *by = &incident_of(l, index)->by;
	struct rule_key_text key;
	bool has = false;

	for (size_t i = 0; i < by->n && !has; i++) {
		char *name;
		struct buf dotted = BUF_INIT;

		rule_key_parse(by->v[i].s, &key);
		name = xstrndup(key.name.p, key.name.n);
		rule_field_dotted(&dotted, name);
		has = strcmp(buf_str(&dotted), field) == 0;
		buf_free(&dotted);
		free(name);
	}
	return has;
}

bool
rule_input_has(const struct ruleset *rs, const struct rule_load *l, const struct rule_input *input,
    const char *field, bool some)
{
	return input->incident ? incident_has(l, input->index, field)
	                       : event_has(rs, input->index, field, some);
}

static size_t
add_names(const struct rule_body *body, const char **names, size_t n)
{
	for (size_t i = 0; i < body->ntakes && n < NAMES_MAX; i++)
		names[n++] = body->takes[i].capture.capture;
	for (size_t i = 0; i < body->npatterns; i++)
		for (size_t j = 0; j < body->patterns[i].ncaptures && n < NAMES_MAX; j++)
			names[n++] = body->patterns[i].captures[j].capture;
	return n;
}

static size_t
add_derived(const struct ruleset *rs, size_t event, const char **names, size_t n)
{
	if (!captures(rs, event, RULE_DERIVED_FROM, true))
		return n;
	for (unsigned i = 0; i < RULE_DERIVED_FIELDS && n < NAMES_MAX; i++)
		names[n++] = rule_derived_capture((enum rule_derived)i);
	return n;
}

const char *
rule_input_nearest(const struct ruleset *rs, const struct rule_load *l,
    const struct rule_inputs *inputs, const char *capture)
{
	const char *names[NAMES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < inputs->n; i++) {
		const struct rule_input *input = &inputs->v[i];

		if (!input->incident) {
			n = add_names(&rs->bodies[input->index], names, n);
			n = add_derived(rs, input->index, names, n);
			continue;
		}
		for (size_t j = 0; j < incident_of(l, input->index)->by.n && n < NAMES_MAX; j++)
			names[n++] = incident_of(l, input->index)->by.v[j].s;
	}
	return conf_suggest(sv_str(capture), names, n);
}

void
rule_input_check(const struct ruleset *rs, struct rule_load *l, const struct rule_inputs *inputs,
    const char *field, const char *capture, struct mark at)
{
	for (size_t i = 0; i < inputs->n; i++) {
		const struct rule_input *input = &inputs->v[i];
		const struct rule_inputs only = {(struct rule_input *)(uintptr_t)input, 1};
		const char *near, *id = rule_input_id(rs, l, input);

		if (rule_input_has(rs, l, input, field, false))
			continue;
		if (!input->incident && rule_derived_bit(field) != 0) {
			diag_error(l->diag, at,
			    "not every pattern of %s captures \"" RULE_DERIVED_FROM_CAPTURE
			    "\", from which \"%s\" is looked up", id, capture);
			continue;
		}
		near = rule_input_nearest(rs, l, &only, capture);
		if (near != NULL && strcmp(near, capture) == 0)
			near = NULL; /* some patterns have it */
		diag_error(l->diag, at,
		    input->incident ? "the key (by) of %s has no \"%s\"%s%s%s"
		                    : "not every pattern of %s captures \"%s\"%s%s%s",
		    id, capture, near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
		    near == NULL ? "" : "\"?");
	}
}

/* ---- chains --------------------------------------------------------------------- */

static bool visit(const struct ruleset *rs, struct rule_load *l, struct rule_def *def, int depth);

static void
report_chain(struct rule_load *l, const struct rule_def *def)
{
	diag_error(l->diag, def->at, "more than %d incident rules count each other's incidents",
	    CHAIN_MAX);
}

/* Is any of these rules there, and can anything come to it?  ${chain}: the longest. */
static bool
any_is_live(const struct ruleset *rs, struct rule_load *l, const struct conf_strings *on, int depth,
    int *chain)
{
	struct rule_input input;
	bool live = false;

	for (size_t i = 0; i < on->n; i++) {
		struct rule_def *def;

		if (!find(rs, l, on->v[i].s, &input))
			continue;
		def = &l->incidents.v[input.index];
		live |= !input.incident || visit(rs, l, def, depth + 1);
		if (input.incident && def->chain > *chain)
			*chain = def->chain;
	}
	return live;
}

static bool
can_happen(const struct ruleset *rs, struct rule_load *l, const struct incident_conf *conf,
    int depth, int *chain)
{
	const struct conf_list *list = rule_condition_steps(conf);
	const struct step_conf *steps;
	bool live = true;

	if (list == NULL)
		return any_is_live(rs, l, &conf->on, depth, chain);
	steps = list->v;
	for (size_t i = 0; i < list->n; i++) {
		/* Without the rules of a negative step there is nothing that must not be. */
		if (steps[i].not.n > 0)
			any_is_live(rs, l, &steps[i].not, depth, chain);
		else
			live &= any_is_live(rs, l, &steps[i].on, depth, chain);
	}
	return live;
}

static bool
visit(const struct ruleset *rs, struct rule_load *l, struct rule_def *def, int depth)
{
	const struct incident_conf *conf = (const struct incident_conf *)(void *)def->conf;
	int chain = 0;

	if (def->visited == RULE_DEF_DONE)
		return def->live;
	if (def->visited == RULE_DEF_BUSY) {
		diag_error(l->diag, def->at, "\"%s\" counts its own incidents, by way of on",
		    conf->id.s);
		return true;
	}
	if (depth > CHAIN_MAX) { /* also keeps the stack bounded */
		report_chain(l, def);
		return true;
	}
	def->visited = RULE_DEF_BUSY;
	def->live = can_happen(rs, l, conf, depth, &chain);
	def->chain = chain + 1;
	def->visited = RULE_DEF_DONE;
	if (def->chain > CHAIN_MAX)
		report_chain(l, def);
	return def->live;
}

bool
rule_input_visit(const struct ruleset *rs, struct rule_load *l, struct rule_def *def)
{
	return visit(rs, l, def, 0);
}
