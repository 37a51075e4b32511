/*
 * rule_incident: incident rules built from their definitions and linked to the
 * event rules that they count.
 */
#include <stdlib.h>
#include <string.h>

#include "model/event.h"
#include "rule/rule_internal.h"
#include "util/xalloc.h"

/* The events that an incident rule counts, by index. */
struct counted {
	size_t *v;
	size_t n;
};

static bool
pattern_has(const struct rule_pattern *p, const char *field)
{
	for (size_t i = 0; i < p->ncaptures; i++)
		if (strcmp(p->captures[i].field, field) == 0)
			return true;
	/* One error is enough. */
	return p->text == NULL;
}

/* Does every event of the rule have ${field}, its value allowing? */
static bool
event_has(const struct ruleset *rs, size_t event, const char *field)
{
	const struct rule_body *body = &rs->bodies[event];

	if (body->builtin)
		return rule_event_builtin_has(event, field);
	for (size_t i = 0; i < body->ntakes; i++)
		if (strcmp(body->takes[i].capture.field, field) == 0)
			return true;
	for (size_t i = 0; i < body->npatterns; i++)
		if (!pattern_has(&body->patterns[i], field))
			return false;
	return body->npatterns > 0;
}

static void
report_unknown(struct rule_load *l, const struct conf_string *on)
{
	const char *near = rule_defs_nearest(&l->events, on->s);

	if (near == NULL)
		diag_error(l->diag, on->at, "there is no event rule \"%s\"", on->s);
	else
		diag_error(l->diag, on->at, "there is no event rule \"%s\"; did you mean \"%s\"?",
		    on->s, near);
}

static void
count_event(struct ruleset *rs, struct rule_load *l, const struct conf_string *on,
    struct counted *counted)
{
	const struct rule_def *def = rule_defs_find(&l->events, on->s);
	const struct event_rule *rule = ruleset_find_event(rs, on->s);

	if (rule == NULL) {
		/* A rule switched off by the site takes no incident rule with it. */
		if (def == NULL)
			report_unknown(l, on);
		return;
	}
	for (size_t i = 0; i < counted->n; i++) {
		if (counted->v[i] == rule->index) {
			diag_error(l->diag, on->at, "\"%s\" is named twice", on->s);
			return;
		}
	}
	XGROW(counted->v, counted->n);
	counted->v[counted->n++] = rule->index;
}

static void
build_by(struct ruleset *rs, struct rule_load *l, const struct conf_strings *by,
    const struct counted *counted, struct incident_rule *rule)
{
	struct rule_key *keys = ruleset_array(rs, by->n, sizeof(*keys));

	rule->by = keys;
	rule->nby = by->n;
	for (size_t i = 0; i < by->n; i++) {
		struct buf dotted = BUF_INIT;

		rule_field_dotted(&dotted, by->v[i].s);
		keys[i] = (struct rule_key){.field = ruleset_keep(rs, buf_steal(&dotted)),
		    .bits4 = 32,
		    .bits6 = 128};
		for (size_t j = 0; j < counted->n; j++)
			if (!event_has(rs, counted->v[j], keys[i].field))
				diag_error(l->diag, by->v[i].at,
				    "not every pattern of %s captures \"%s\"",
				    rs->events[counted->v[j]].id, by->v[i].s);
	}
}

static bool
names_key(const struct conf_strings *by, struct sv name)
{
	for (size_t i = 0; i < by->n; i++)
		if (sv_is(name, by->v[i].s))
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

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* Enter the incident rule into the list of each event rule that it counts.  The
 * lists hold indexes until all incident rules are in place. */
static void
add_incident(struct ruleset *rs, const struct incident_rule *rule, struct rule_place place,
    const struct counted *counted, struct counted *links)
{
	XGROW(rs->incidents, rs->nincidents);
	XGROW(rs->incident_places, rs->nincidents);
	rs->incidents[rs->nincidents] = *rule;
	rs->incidents[rs->nincidents].index = rs->nincidents;
	rs->incident_places[rs->nincidents] = place;
	for (size_t i = 0; i < counted->n; i++) {
		struct counted *link = &links[counted->v[i]];

		XGROW(link->v, link->n);
		link->v[link->n++] = rs->nincidents;
	}
	rs->nincidents++;
}

static void
check_window(struct rule_load *l, const struct incident_conf *conf)
{
	if (conf->count > 1 && !conf_is_set(&rule_incident_table, conf, "within"))
		diag_error(l->diag, conf->head.at, "count: %lld needs a time: within",
		    (long long)conf->count);
}

/* What the state of the rule's groups depends on. */
static uint64_t
identity(const struct incident_rule *rule)
{
	struct buf text = BUF_INIT;
	unsigned char hash[DIGEST_SIZE];
	uint64_t id;

	buf_printf(&text, "%s %lld %lld", rule->id, (long long)rule->condition.least,
	    (long long)rule->condition.within);
	for (size_t i = 0; i < rule->nby; i++)
		buf_printf(&text, " %s", rule->by[i].field);
	digest_sha256(buf_view(&text), hash);
	memcpy(&id, hash, sizeof(id));
	buf_free(&text);
	return id;
}

bool
incident_rule_wants(const struct incident_rule *rule, unsigned step, const struct event *e)
{
	(void)e;
	return rule->filters[step] == NULL;
}

bool
rule_key_value(const struct rule_key *key, const struct event *e, struct buf *out)
{
	const struct sv *value = event_field(e, key->field);

	if (value != NULL)
		buf_sv(out, *value);
	return value != NULL;
}

bool
rule_hours_has(const struct rule_hours *hours, int64_t t)
{
	(void)hours;
	(void)t;
	return false;
}

static void
build_incident(
    struct ruleset *rs, struct rule_load *l, const struct rule_def *def, struct counted *links)
{
	const struct incident_conf *conf = (const struct incident_conf *)(void *)def->conf;
	struct incident_rule rule = {.severity = (enum severity)conf->severity};
	struct counted counted = {NULL, 0};

	if (conf->on.n == 0 && conf_is_set(&rule_incident_table, conf, "on"))
		diag_error(l->diag, conf->head.at, "on needs an event rule");
	for (size_t i = 0; i < conf->on.n; i++)
		count_event(rs, l, &conf->on.v[i], &counted);
	build_by(rs, l, &conf->by, &counted, &rule);
	if (conf->title.s != NULL)
		check_title(l, conf);
	check_window(l, conf);
	if (conf->playbook.s != NULL)
		rule_check_id(&conf->playbook, "playbook", l->diag);
	rule.id = ruleset_string(rs, conf->id.s);
	rule.title = ruleset_string(rs, conf->title.s);
	rule.criteria = ruleset_string(rs, conf->criteria.s);
	rule.playbook = conf->playbook.s == NULL ? "" : ruleset_string(rs, conf->playbook.s);
	rule.condition = (struct condition){.kind = CONDITION_COUNT,
	    .least = conf->count,
	    .within = conf->within,
	    .nsteps = 1};
	rule.filters = ruleset_array(rs, 1, sizeof(*rule.filters));
	rule.rearm = conf->rearm;
	rule.groups = 1000000;
	rule.identity = identity(&rule);
	rule.file = ruleset_string(rs, base_name(def->file->path));
	rule.file_hash = ruleset_string(rs, def->file->hash);
	if (counted.n > 0)
		add_incident(rs, &rule, ruleset_place(rs, def->defined), &counted, links);
	free(counted.v);
}

static void
link_event(struct ruleset *rs, struct event_rule *event, const struct counted *link)
{
	struct incident_link *incidents = ruleset_array(rs, link->n, sizeof(*incidents));

	for (size_t i = 0; i < link->n; i++)
		incidents[i] = (struct incident_link){&rs->incidents[link->v[i]], 1};
	event->incidents = incidents;
	event->nincidents = link->n;
}

void
rule_incidents_build(struct ruleset *rs, struct rule_load *l)
{
	struct counted *links = xcalloc(rs->nevents, sizeof(*links));

	for (size_t i = 0; i < l->incidents.n; i++) {
		struct rule_def *def = &l->incidents.v[i];
		const struct incident_conf *conf = (const struct incident_conf *)(void *)def->conf;

		conf_check_required(&rule_incident_table, def->conf, l->diag);
		if (conf->enabled)
			build_incident(rs, l, def, links);
	}
	for (size_t i = 0; i < rs->nevents; i++) {
		rs->events[i].body = &rs->bodies[i];
		link_event(rs, &rs->events[i], &links[i]);
		free(links[i].v);
	}
	free(links);
}
