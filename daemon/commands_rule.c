/*
 * commands_rule: a rule at work: what waits in the windows of an incident rule, and what
 * became of the events.
 */
#include <stdlib.h>

#include "correlate/group.h"
#include "daemon_internal.h"
#include "pipeline.h"
#include "rule/ruleset.h"
#include "setup.h"
#include "shown.h"
#include "silences.h"
#include "state/state.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/num.h"
#include "util/xalloc.h"

#define GROUPS_SHOWN 20
#define POINTS_SHOWN 20
#define DAYS 7

struct rule_request {
	struct control_request *req;
	struct ruleset *rules; /* a reference: the rule is of it */
	const struct incident_rule *rule; /* NULL: it is ... */
	const struct event_rule *event;   /* ... this */
	const struct silences *silences;
};

/* The bytes of a hex string; false when it is none. */
static bool
from_hex(const char *hex, struct buf *out)
{
	struct sv rest = sv_str(hex == NULL ? "" : hex);
	uint64_t byte;

	for (; rest.n >= 2; rest = sv_from(rest, 2)) {
		if (!num_hex((struct sv){rest.p, 2}, &byte))
			return false;
		buf_putc(out, (char)byte);
	}
	return rest.n == 0;
}

/* The newest of what is in the window. */
static json_t *
window_json(const struct group *g)
{
	json_t *list = json_array();
	size_t from = g->npoints > POINTS_SHOWN ? g->npoints - POINTS_SHOWN : 0;

	for (size_t i = from; i < g->npoints; i++)
		json_array_append_new(list,
		    json_pack("{s:o, s:I}", "time", shown_time(g->points[i].time), "events",
		        (json_int_t)g->points[i].n));
	return list;
}

/* Are points forgotten when the span of the condition has passed? */
static bool
slides(enum condition_kind kind)
{
	return kind != CONDITION_FIRST_SEEN && kind != CONDITION_SPIKE && kind != CONDITION_ABSENT;
}

/* What of a point brings the condition nearer. */
static uint64_t
weight(enum condition_kind kind, const struct group_point *p)
{
	return kind == CONDITION_DISTINCT ? 1 : kind == CONDITION_SUM ? p->value : p->n;
}

/* What of the window counts at ${now}: points leave it only when an event comes. */
static void
add_live(json_t *out, const struct group *g, int64_t now)
{
	const struct condition *c = &g->rule->condition;
	uint64_t events = 0, has = 0;
	int64_t since = INT64_MAX;

	for (size_t i = 0; i < g->npoints; i++) {
		const struct group_point *p = &g->points[i];

		if (slides(c->kind) && now - p->time > c->within)
			continue;
		events += p->n;
		has += weight(c->kind, p);
		since = p->time < since ? p->time : since;
	}
	json_object_set_new(out, "events", json_integer((json_int_t)events));
	if (events > 0)
		json_object_set_new(out, "since", shown_time(since));
	if (g->registers == NULL && (c->kind == CONDITION_COUNT || c->kind == CONDITION_DISTINCT ||
	                                c->kind == CONDITION_SUM || c->kind == CONDITION_RATE)) {
		json_object_set_new(out, "has", json_integer((json_int_t)has));
		json_object_set_new(out, "needs", json_integer(c->least));
	}
}

static void
add_incident(json_t *out, const struct group *g)
{
	if (g->incident.number <= 0 || g->closed)
		return;
	json_object_set_new(
	    out, "incident", json_sprintf("INC-%lld", (long long)g->incident.number));
	json_object_set_new(out, "incident_count", json_integer(g->incident.count));
}

static json_t *
group_json(const struct incident_rule *rule, const json_t *shown, int64_t now)
{
	struct buf field = BUF_INIT, bytes = BUF_INIT;
	struct group g;
	json_t *out = NULL;

	group_init(&g, rule);
	if (from_hex(json_string_value(json_object_get(shown, "field")), &field) &&
	    from_hex(json_string_value(json_object_get(shown, "bytes")), &bytes) &&
	    group_decode(&g, buf_view(&bytes))) {
		out = json_pack("{s:o?, s:I, s:o, s:O}", "key", shown_key(rule, buf_view(&field)),
		    "points", (json_int_t)g.npoints, "window", window_json(&g), "lines",
		    json_object_get(shown, "lines"));
		add_live(out, &g, now);
		if (g.begun)
			json_object_set_new(out, "last_event", shown_time(g.last));
		add_incident(out, &g);
	}
	group_free(&g);
	buf_free(&field);
	buf_free(&bytes);
	return out;
}

static json_t *
shown_json(const struct incident_rule *rule, const json_t *said, int64_t now)
{
	const json_t *shown = json_object_get(said, "shown"); /* as many of each partition */
	size_t n = json_array_size(shown), most = n < GROUPS_SHOWN ? n : GROUPS_SHOWN;
	json_t *groups = json_array();

	for (size_t i = 0; i < most; i++) {
		json_t *group = group_json(rule, json_array_get(shown, i * n / most), now);

		if (group != NULL)
			json_array_append_new(groups, group);
	}
	return groups;
}

/* An event rule has no windows. */
static json_t *
answer_json(const struct rule_request *r, const json_t *said)
{
	const struct incident_rule *rule = r->rule;
	int64_t now = clock_now();
	json_t *out = json_pack("{s:o, s:O?, s:O?}", "now", shown_time(now), "groups",
	    json_object_get(said, "groups"), "days", json_object_get(said, "days"));

	if (rule == NULL) {
		json_object_del(out, "groups");
		json_object_update_new(out,
		    json_pack("{s:s, s:s}", "rule", r->event->id, "title", r->event->title));
	} else {
		json_object_update_new(out,
		    json_pack("{s:s, s:s, s:s, s:s, s:o}", "rule", rule->id, "title", rule->title,
		        "criteria", rule->criteria, "file", rule->file, "shown",
		        shown_json(rule, said, now)));
		json_object_set_new(out, "silences", silences_of(r->silences, rule->id, now));
	}
	return out;
}

static void
got_rule(void *ctx, bool ok, struct sv answer)
{
	struct rule_request *r = ctx;
	json_t *said = ok ? json_loadb(answer.p, answer.n, 0, NULL) : NULL;

	if (said == NULL) {
		control_fail_text(r->req, answer);
	} else {
		control_answer(r->req, answer_json(r, said));
	}
	json_decref(said);
	ruleset_unref(&r->rules);
	free(r);
}

/* Ask for the one group that ${hex} names. */
static void
ask_group(struct state *state, struct rule_request *r, const char *hex)
{
	struct buf key = BUF_INIT;

	if (r->rule != NULL && from_hex(hex, &key)) {
		state_group(state, r->rule, buf_view(&key), got_rule, r);
	} else {
		control_fail(r->req, r->rule == NULL ? "only incident rules have groups"
		                                     : "expected a \"group\" of hex digits");
		ruleset_unref(&r->rules);
		free(r);
	}
	buf_free(&key);
}

void
commands_rule_run(void *ctx, struct control_request *req)
{
	struct daemon *d = ctx;
	struct state *state = pipeline_state(d->pipeline);
	const char *id = control_text(req, "id"), *group = control_text(req, "group");
	struct rule_request found = {.req = req, .silences = pipeline_silences(d->pipeline)}, *r;

	if (id != NULL) {
		found.rule = ruleset_find_incident(d->setup->rules, id);
		found.event = ruleset_find_event(d->setup->rules, id);
	}
	if (found.rule == NULL && found.event == NULL) {
		control_fail(req, "there is no rule of that id");
		return;
	}
	r = xcalloc(1, sizeof(*r));
	*r = found;
	r->rules = ruleset_ref(d->setup->rules);
	if (group != NULL)
		ask_group(state, r, group);
	else
		state_rule(state, id, r->rule, GROUPS_SHOWN, DAYS, got_rule, r);
}
