/*
 * rule_incident: incident rules built from their definitions and linked to the rules
 * whose events, or incidents, they count.
 */
#include <stdlib.h>
#include <string.h>

#include "rule/rule_internal.h"
#include "util/xalloc.h"

/* ---- by, title ------------------------------------------------------------------ */

static void
report_key(struct rule_load *l, const struct conf_string *text)
{
	diag_error(l->diag, text->at,
	    "\"%s\": expected a field, or FIELD/24 or FIELD/24/64 for the network of an address, or "
	    "lower(FIELD)", text->s);
}

static void
check_key(struct rule_load *l, const struct conf_string *text, const struct rule_key_text *written,
    const char *name)
{
	const struct field_spec *spec = rule_field_find(name);

	if (written->prefix &&
	    (spec == NULL || (spec->type != FIELD_IP && spec->type != FIELD_ADDRESS)))
		diag_error(l->diag, text->at, "\"%s\" is of type %s: only addresses have networks",
		    name, rule_field_type_name(spec == NULL ? FIELD_TEXT : spec->type));
}

static void
check_twice(
    struct rule_load *l, const struct rule_key *keys, size_t i, const struct conf_string *text)
{
	for (size_t j = 0; j < i; j++) {
		if (keys[j].field != NULL && strcmp(keys[j].field, keys[i].field) == 0) {
			diag_error(l->diag, text->at, "\"%s\": this field is in the key already",
			    text->s);
			return;
		}
	}
}

static void
build_key(struct ruleset *rs, struct rule_load *l, const struct conf_string *text,
    const struct rule_inputs *inputs, struct rule_key *key)
{
	struct rule_key_text written;
	bool good = rule_key_parse(text->s, &written);
	char *name = xstrndup(written.name.p, written.name.n);

	if (!good)
		report_key(l, text);
	*key = (struct rule_key){.field = ruleset_field(rs, name),
	    .lower = written.lower,
	    .bits4 = written.bits4,
	    .bits6 = written.bits6};
	if (good) {
		check_key(l, text, &written, name);
		rule_input_check(rs, l, inputs, key->field, name, text->at);
	}
	free(name);
}

static void
build_by(struct ruleset *rs, struct rule_load *l, const struct conf_strings *by,
    const struct rule_inputs *inputs, struct incident_rule *rule)
{
	struct rule_key *keys = ruleset_array(rs, by->n, sizeof(*keys));

	rule->by = keys;
	rule->nby = by->n;
	for (size_t i = 0; i < by->n; i++) {
		build_key(rs, l, &by->v[i], inputs, &keys[i]);
		check_twice(l, keys, i, &by->v[i]);
	}
}

static bool
names_key(const struct conf_strings *by, struct sv name)
{
	struct rule_key_text key;

	for (size_t i = 0; i < by->n; i++)
		if (rule_key_parse(by->v[i].s, &key) && sv_eq(name, key.name))
			return true;
	return false;
}

/* Check that each {name} in a title is a key field: any other could differ
 * between the events of one incident. */
static void
check_title(struct rule_load *l, const struct incident_conf *conf)
{
	const struct conf_string *title = &conf->title;
	const char *p = title->s;

	while ((p = strpbrk(p, "{}")) != NULL) {
		size_t n = strcspn(p + 1, "{}");
		struct mark at = rule_file_inside(
		    rule_load_file(l, title->at), title->at, (size_t)(p - title->s));

		if (*p == '}' || p[1 + n] != '}') {
			diag_error(l->diag, at, "a brace without its partner in the title");
			return;
		}
		if (!names_key(&conf->by, (struct sv){p + 1, n}))
			diag_error(l->diag, at,
			    "the title names {%.*s}, which is not among the key fields (by)", (int)n,
			    p + 1);
		p += n + 2;
	}
}

/* ---- inputs, filters ------------------------------------------------------------ */

static void
add_inputs(struct ruleset *rs, struct rule_load *l, const struct incident_conf *conf,
    struct rule_inputs *inputs)
{
	const struct conf_list *list = rule_condition_steps(conf);
	const struct step_conf *steps = list == NULL ? NULL : list->v;
	bool on = conf_is_set(&rule_incident_table, conf, "on");

	if (list == NULL) {
		if (!on)
			diag_error(l->diag, conf->head.at, "an incident rule needs the key 'on'");
		else if (conf->on.n == 0)
			diag_error(l->diag, conf->head.at, "on needs an event rule");
		rule_input_add(rs, l, &conf->on, 0, inputs);
		return;
	}
	if (on)
		diag_error(l->diag, conf->head.at, "on stands in the steps of this rule");
	for (unsigned i = 0; i < list->n && i < CONDITION_STEPS_MAX; i++)
		rule_input_add(rs, l, steps[i].not.n > 0 ? &steps[i].not : &steps[i].on, i, inputs);
}

static void
build_filters(struct ruleset *rs, struct rule_load *l, const struct incident_conf *conf,
    const struct rule_inputs *inputs, struct incident_rule *rule)
{
	const struct conf_list *list = rule_condition_steps(conf);
	const struct step_conf *steps = list == NULL ? NULL : list->v;
	const struct rule_filter **filters =
	    ruleset_array(rs, rule->condition.nsteps, sizeof(*filters));

	for (unsigned i = 0; i < rule->condition.nsteps; i++)
		filters[i] = rule_filter_build(rs, l, conf,
		    steps == NULL || i >= list->n ? NULL : &steps[i], i, inputs, rule);
	rule->filters = filters;
}

/* ---- the rule ------------------------------------------------------------------- */

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static void
set_texts(struct ruleset *rs, struct rule_load *l, const struct incident_conf *conf,
    const struct rule_def *def, struct incident_rule *rule)
{
	if (conf->title.s != NULL)
		check_title(l, conf);
	if (conf->playbook.s != NULL)
		rule_check_id(&conf->playbook, "playbook", l->diag);
	rule->id = ruleset_string(rs, conf->id.s);
	rule->title = ruleset_string(rs, conf->title.s);
	rule->criteria = ruleset_string(rs, conf->criteria.s);
	rule->playbook = conf->playbook.s == NULL ? "" : ruleset_string(rs, conf->playbook.s);
	rule->file = ruleset_string(rs, base_name(def->file->path));
	rule->file_hash = ruleset_string(rs, def->file->hash);
}

static void
add_incident(struct ruleset *rs, const struct incident_rule *rule, struct rule_place place)
{
	XGROW(rs->incidents, rs->nincidents);
	XGROW(rs->incident_places, rs->nincidents);
	rs->incidents[rs->nincidents] = *rule;
	rs->incidents[rs->nincidents].index = rs->nincidents;
	rs->incident_places[rs->nincidents] = place;
	rs->nincidents++;
}

/* False when nothing can come to the rule: it is then none. */
static bool
build_incident(
    struct ruleset *rs, struct rule_load *l, struct rule_def *def, struct rule_inputs *inputs)
{
	const struct incident_conf *conf = (const struct incident_conf *)(void *)def->conf;
	struct incident_rule rule = {.severity = (enum severity)conf->severity,
	    .rearm = conf->rearm,
	    .groups = conf->groups};

	add_inputs(rs, l, conf, inputs);
	build_by(rs, l, &conf->by, inputs, &rule);
	rule_condition_build(rs, l, conf, inputs, &rule);
	build_filters(rs, l, conf, inputs, &rule);
	if (conf_is_set(&rule_incident_table, conf, "outside"))
		rule.outside = rule_hours_build(rs, l, &conf->outside);
	set_texts(rs, l, conf, def, &rule);
	rule.identity = rule_identity(&rule, conf);
	if (!rule_input_visit(rs, l, def))
		return false;
	rule_incident_test_build(rs, l, &conf->tests, &rule, rs->nincidents);
	add_incident(rs, &rule, ruleset_place(rs, def->defined));
	return true;
}

/* ---- links ---------------------------------------------------------------------- */

/* The rules that count something, while they are gathered. */
struct counters {
	struct incident_link *v;
	size_t n;
};

/* A definition's rule and what it counts. */
struct built {
	bool is;
	size_t index; /* in rs->incidents */
	struct rule_inputs inputs;
};

static void
gather(struct ruleset *rs, const struct built *b, const struct built *all,
    struct counters *of_events, struct counters *of_incidents)
{
	for (size_t i = 0; b->is && i < b->inputs.n; i++) {
		const struct rule_input *input = &b->inputs.v[i];
		struct counters *to = &of_events[input->index];

		if (input->incident) {
			if (!all[input->index].is)
				continue;
			to = &of_incidents[all[input->index].index];
		}
		XGROW(to->v, to->n);
		to->v[to->n++] = (struct incident_link){&rs->incidents[b->index], input->steps};
	}
}

/* Takes ${links}. */
static const struct incident_link *
keep_links(struct ruleset *rs, struct counters *links, size_t *n)
{
	*n = links->n;
	return links->n == 0 ? NULL : ruleset_keep(rs, links->v);
}

/* All incident rules are in place: pointers to them hold. */
static void
link_all(struct ruleset *rs, const struct built *all, size_t n)
{
	struct counters *of_events = xcalloc(rs->nevents, sizeof(*of_events));
	struct counters *of_incidents = xcalloc(rs->nincidents, sizeof(*of_incidents));

	for (size_t i = 0; i < n; i++)
		gather(rs, &all[i], all, of_events, of_incidents);
	for (size_t i = 0; i < rs->nevents; i++) {
		struct event_rule *event = &rs->events[i];

		event->body = &rs->bodies[i];
		event->incidents = keep_links(rs, &of_events[i], &event->nincidents);
	}
	for (size_t i = 0; i < rs->nincidents; i++) {
		struct incident_rule *rule = &rs->incidents[i];

		rule->incidents = keep_links(rs, &of_incidents[i], &rule->nincidents);
	}
	free(of_events);
	free(of_incidents);
}

void
rule_incidents_build(struct ruleset *rs, struct rule_load *l)
{
	struct built *built = xcalloc(l->incidents.n, sizeof(*built));

	for (size_t i = 0; i < l->incidents.n; i++) {
		struct rule_def *def = &l->incidents.v[i];
		const struct incident_conf *conf = (const struct incident_conf *)(void *)def->conf;

		conf_check_required(&rule_incident_table, def->conf, l->diag);
		built[i].index = rs->nincidents;
		if (conf->enabled)
			built[i].is = build_incident(rs, l, def, &built[i].inputs);
	}
	link_all(rs, built, l->incidents.n);
	for (size_t i = 0; i < l->incidents.n; i++)
		free(built[i].inputs.v);
	free(built);
}
