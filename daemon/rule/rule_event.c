/*
 * rule_event: event rules built from their definitions, and those about the
 * detector itself, which are in every rule set.
 */
#include <stdlib.h>
#include <string.h>

#include "rule/rule_internal.h"
#include "util/xalloc.h"

static struct rule_strings
copy_strings(struct ruleset *rs, const struct conf_strings *conf)
{
	struct rule_strings out = {ruleset_array(rs, conf->n, sizeof(*out.v)), conf->n};

	for (size_t i = 0; i < conf->n; i++)
		out.v[i] = ruleset_string(rs, conf->v[i].s);
	return out;
}

/* Syslog names as a bit mask; all bits when there are none. */
static uint32_t
parse_names(struct rule_load *l, const struct conf_strings *names, const char *what,
    int (*number)(const char *), uint32_t all)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < names->n; i++) {
		int n = number(names->v[i].s);

		if (n < 0)
			diag_error(l->diag, names->v[i].at, "\"%s\" is not a syslog %s",
			    names->v[i].s, what);
		else
			bits |= UINT32_C(1) << n;
	}
	return names->n == 0 ? all : bits;
}

static void
build_where(struct ruleset *rs, struct rule_load *l, const struct where_conf *conf,
    struct rule_body *body)
{
	body->programs = copy_strings(rs, &conf->program);
	body->hosts = copy_strings(rs, &conf->host);
	body->facilities =
	    parse_names(l, &conf->facility, "facility", rule_facility, RULE_ANY_FACILITY);
	body->severities =
	    parse_names(l, &conf->severity, "severity", rule_severity, RULE_ANY_SEVERITY);
	rule_record_build_where(rs, l, &conf->fields, body);
}

static void
build_patterns(struct ruleset *rs, struct rule_load *l, const struct conf_strings *conf,
    struct rule_body *body)
{
	body->patterns = ruleset_array(rs, conf->n, sizeof(*body->patterns));
	body->npatterns = conf->n;
	for (size_t i = 0; i < conf->n; i++)
		rule_pattern_compile(rs, l, &conf->v[i], &body->patterns[i]);
}

static void
build_test(
    struct ruleset *rs, struct rule_load *l, const struct test_conf *conf, struct rule_test *t)
{
	t->place = ruleset_place(rs, conf->line.at);
	t->line = ruleset_string(rs, conf->line.s);
	t->format = conf->format;
	t->program = conf->program.s == NULL ? NULL : ruleset_string(rs, conf->program.s);
	t->none = conf->event.is_word;
	if (t->none)
		return;
	t->nexpected = conf->event.n;
	t->expected = ruleset_array(rs, conf->event.n, sizeof(*t->expected));
	for (size_t i = 0; i < conf->event.n; i++) {
		const struct conf_pair *pair = &conf->event.v[i];

		if (pair->values.n != 1) {
			diag_error(l->diag, pair->name.at, "\"%s\" needs one value", pair->name.s);
			continue;
		}
		t->expected[i].field = ruleset_field(rs, pair->name.s);
		t->expected[i].value = ruleset_string(rs, pair->values.v[0].s);
	}
}

static void
build_tests(struct ruleset *rs, struct rule_load *l, const struct conf_list *conf,
    struct rule_body *body)
{
	const struct test_conf *tests = conf->v;

	body->tests = ruleset_array(rs, conf->n, sizeof(*body->tests));
	for (size_t i = 0; i < conf->n; i++)
		if (tests[i].line.s != NULL)
			build_test(rs, l, &tests[i], &body->tests[body->ntests++]);
}

static void
add_event(struct ruleset *rs, const struct event_rule *rule, const struct rule_body *body)
{
	XGROW(rs->events, rs->nevents);
	XGROW(rs->bodies, rs->nevents);
	rs->events[rs->nevents] = *rule;
	rs->events[rs->nevents].index = rs->nevents;
	rs->bodies[rs->nevents] = *body;
	rule_index_add(&rs->event_ids, rule->id, rs->nevents);
	rs->nevents++;
}

static void
build_event(struct ruleset *rs, struct rule_load *l, const struct rule_def *def)
{
	const struct event_conf *conf = (const struct event_conf *)(const void *)def->conf;
	struct event_rule rule = {
	    .severity = (enum severity)conf->severity, .context = conf->context};
	struct rule_body body = {.fallback = conf->fallback};

	rule.id = ruleset_string(rs, conf->id.s);
	rule.title = ruleset_string(rs, conf->title.s);
	rule.class = ruleset_string(rs, conf->class.s);
	if (conf->class.s != NULL)
		rule_check_id(&conf->class, "class", l->diag);
	body.place = ruleset_place(rs, def->defined);
	body.override_file = def->overrides == NULL ? NULL
	                                            : ruleset_string(rs, def->overrides->path);
	body.attack = copy_strings(rs, &conf->attack);
	body.tsc = copy_strings(rs, &conf->tsc);
	rule_tsc_check(&conf->tsc, l->diag);
	body.references = copy_strings(rs, &conf->references);
	build_where(rs, l, &conf->where, &body);
	build_patterns(rs, l, &conf->match, &body);
	rule_record_build_take(rs, l, &conf->take, &body);
	if (conf->match.n == 0 && body.nfields == 0)
		diag_error(l->diag, conf->head.at,
		    "an event rule needs match with a pattern, or where with fields");
	rule_unless_build(rs, l, &conf->unless, &body);
	build_tests(rs, l, &conf->tests, &body);
	add_event(rs, &rule, &body);
}

static const struct {
	const char *id, *title;
	const char *fields[4]; /* that each event of it has, and NULL */
} builtins[] = {
    {RULE_MATCH_LIMIT, "A pattern ran out of its limits on a line", {"rule.id"}},
    {RULE_LINE_CUT, "A line was too long to be examined in full", {NULL}},
    {RULE_GAP, "A part of a source was not examined",
        {"log.source", "event.reason", "error.message"}},
    {RULE_SKIPPED, "A part of a source holds no text",
        {"log.source", "event.reason", "error.message"}},
    {RULE_SOURCE, "A source is not well", {"log.source", "event.reason", "error.message"}},
    {RULE_SOURCE_WELL, "A source is well again", {"log.source", "event.reason", "error.message"}},
};

static void
add_builtins(struct ruleset *rs)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		struct event_rule rule = {.id = builtins[i].id,
		    .title = builtins[i].title,
		    .class = "detector",
		    .severity = SEVERITY_LOW};
		struct rule_body body = {.builtin = true,
		    .facilities = RULE_ANY_FACILITY,
		    .severities = RULE_ANY_SEVERITY};

		add_event(rs, &rule, &body);
	}
}

const char *const *
rule_event_builtin_fields(size_t event)
{
	return builtins[event].fields;
}

void
rule_events_build(struct ruleset *rs, struct rule_load *l)
{
	add_builtins(rs);
	for (size_t i = 0; i < l->events.n; i++) {
		struct rule_def *def = &l->events.v[i];
		const struct event_conf *conf = (const struct event_conf *)(void *)def->conf;

		if (ruleset_find_event(rs, def->conf->id.s) != NULL)
			diag_error(l->diag, def->at, "\"%s\" is built in", def->conf->id.s);
		conf_check_required(&rule_event_table, def->conf, l->diag);
		if (conf->enabled)
			build_event(rs, l, def);
	}
}
