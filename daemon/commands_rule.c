/*
 * commands_rule: an incident rule at work: what waits in its windows, and what became
 * of its events.
 */
#include <stdlib.h>

#include "correlate/group.h"
#include "correlate/group_key.h"
#include "daemon_internal.h"
#include "pipeline.h"
#include "rule/ruleset.h"
#include "setup.h"
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
	const struct incident_rule *rule;
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

static json_t *
time_json(int64_t t)
{
	struct buf text = BUF_INIT;
	json_t *out;

	clock_format(&text, t);
	out = json_string(buf_str(&text));
	buf_free(&text);
	return out;
}

static json_t *
key_json(const struct incident_rule *rule, struct sv key)
{
	struct buf text = BUF_INIT;
	json_t *out;

	group_key_json(rule, key, &text);
	out = json_loadb(text.p, text.n, 0, NULL);
	buf_free(&text);
	return out;
}

/* The newest of what is in the window. */
static json_t *
window_json(const struct group *g)
{
	json_t *list = json_array();
	size_t from = g->npoints > POINTS_SHOWN ? g->npoints - POINTS_SHOWN : 0;

	for (size_t i = from; i < g->npoints; i++)
		json_array_append_new(list,
		    json_pack("{s:o, s:I}", "time", time_json(g->points[i].time), "events",
		        (json_int_t)g->points[i].n));
	return list;
}

static json_t *
group_json(const struct incident_rule *rule, const json_t *shown)
{
	struct buf field = BUF_INIT, bytes = BUF_INIT;
	struct group g;
	json_t *out = NULL;

	group_init(&g, rule);
	if (from_hex(json_string_value(json_object_get(shown, "field")), &field) &&
	    from_hex(json_string_value(json_object_get(shown, "bytes")), &bytes) &&
	    group_decode(&g, buf_view(&bytes))) {
		out = json_pack("{s:o?, s:I, s:o, s:O}", "key", key_json(rule, buf_view(&field)),
		    "points", (json_int_t)g.npoints, "window", window_json(&g), "lines",
		    json_object_get(shown, "lines"));
		if (g.begun)
			json_object_set_new(out, "last_event", time_json(g.last));
		if (g.incident.number > 0 && !g.closed)
			json_object_set_new(
			    out, "incident", json_sprintf("INC-%lld", (long long)g.incident.number));
	}
	group_free(&g);
	buf_free(&field);
	buf_free(&bytes);
	return out;
}

static json_t *
answer_json(const struct incident_rule *rule, const json_t *said)
{
	json_t *groups = json_array(), *shown;
	size_t i;

	json_array_foreach(json_object_get(said, "shown"), i, shown)
	{
		json_t *group = group_json(rule, shown);

		if (group != NULL)
			json_array_append_new(groups, group);
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:O, s:o, s:O}", "rule", rule->id, "title", rule->title,
	    "criteria", rule->criteria, "file", rule->file, "groups",
	    json_object_get(said, "groups"), "shown", groups, "days",
	    json_object_get(said, "days"));
}

static void
got_rule(void *ctx, bool ok, struct sv answer)
{
	struct rule_request *r = ctx;
	json_t *said = ok ? json_loadb(answer.p, answer.n, 0, NULL) : NULL;

	if (said == NULL) {
		char *error = xstrndup(answer.p, answer.n);

		control_fail(r->req, error);
		free(error);
	} else {
		control_answer(r->req, answer_json(r->rule, said));
	}
	json_decref(said);
	ruleset_unref(&r->rules);
	free(r);
}

void
commands_rule_run(void *ctx, struct control_request *req)
{
	struct daemon *d = ctx;
	const char *id = control_text(req, "id");
	const struct incident_rule *rule =
	    id == NULL ? NULL : ruleset_find_incident(d->setup->rules, id);
	struct rule_request *r;

	if (rule == NULL) {
		control_fail(req, "there is no incident rule of that id");
		return;
	}
	r = xcalloc(1, sizeof(*r));
	*r = (struct rule_request){req, ruleset_ref(d->setup->rules), rule};
	state_rule(pipeline_state(d->pipeline), rule, GROUPS_SHOWN, DAYS, got_rule, r);
}
