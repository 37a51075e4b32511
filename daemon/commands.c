/*
 * commands: what triagectl can ask of the running daemon.  Each command is a
 * function and a line in the table at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "correlate/correlate.h"
#include "daemon_internal.h"
#include "geoip/geoip.h"
#include "match/match.h"
#include "intake.h"
#include "lists.h"
#include "pipeline.h"
#include "reload.h"
#include "rule/ruleset.h"
#include "seen.h"
#include "setup.h"
#include "shown.h"
#include "source/source.h"
#include "state/state.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/xalloc.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

#define LIST_MOST 1000 /* incidents in one answer */

/* Answer a request with what state says. */
static void
pass_on(void *ctx, bool ok, struct sv answer)
{
	if (ok)
		control_answer_text(ctx, answer.p, answer.n);
	else
		control_fail_text(ctx, answer);
}

static void
run_incidents(void *ctx, struct control_request *req)
{
	struct daemon *d = ctx;
	const char *which = control_text(req, "which");

	state_list(pipeline_state(d->pipeline), which != NULL && strcmp(which, "all") == 0,
	    LIST_MOST, pass_on, req);
}

static void
run_show(void *ctx, struct control_request *req)
{
	struct daemon *d = ctx;
	const char *id = control_text(req, "id");

	if (id == NULL)
		control_fail(req, "expected \"id\"");
	else
		state_show(pipeline_state(d->pipeline), id, pass_on, req);
}

static void
move(struct daemon *d, struct control_request *req, const char *action)
{
	const char *id = control_text(req, "id"), *message = control_text(req, "message");

	if (id == NULL || message == NULL || message[strspn(message, " \t\n")] == '\0')
		control_fail(req, "expected \"id\" and a \"message\" that says why");
	else
		state_move(pipeline_state(d->pipeline), id, action, control_caller(req), message,
		    pass_on, req);
}

static void
run_ack(void *ctx, struct control_request *req)
{
	move(ctx, req, "ack");
}

static void
run_close(void *ctx, struct control_request *req)
{
	move(ctx, req, "close");
}

static void
run_outbox(void *ctx, struct control_request *req)
{
	struct daemon *d = ctx;

	state_outbox(pipeline_state(d->pipeline), pass_on, req);
}

static void
run_reload(void *ctx, struct control_request *req)
{
	reload_start(ctx, req);
}

static void
run_rules(void *ctx, struct control_request *req)
{
	struct daemon *d = ctx;

	control_answer(req, seen_json(pipeline_seen(d->pipeline)));
}

/* ---- status ---------------------------------------------------------------- */

/* What need not be UTF-8, as a path; NULL is null. */
static json_t *
any_text(const char *s)
{
	struct buf quoted = BUF_INIT;
	json_t *out;

	if (s == NULL)
		return json_null();
	json_quote(&quoted, sv_str(s));
	out = json_loadb(quoted.p, quoted.n, JSON_DECODE_ANY, NULL);
	buf_free(&quoted);
	return out;
}

/* 0 is null. */
static json_t *
time_or_null(int64_t ms)
{
	return ms == 0 ? json_null() : shown_time(ms);
}

static void
add_source(void *ctx, const struct source_status *st)
{
	json_array_append_new(ctx,
	    json_pack("{s:s?, s:o, s:s?, s:I, s:I, s:I, s:b, s:o, s:o, s:o}", "source",
	        st->source, "path", any_text(st->path), "stream", st->stream, "offset",
	        (json_int_t)st->offset, "size", (json_int_t)st->size, "unended",
	        (json_int_t)st->unended, "rotated", st->rotated, "grew",
	        time_or_null(st->heard), "begun", time_or_null(st->begun), "problem",
	        any_text(st->problem)));
}

json_t *
commands_list_sources(const struct daemon *d)
{
	json_t *list = json_array();

	intake_each(pipeline_intake(d->pipeline), add_source, list);
	return list;
}

static json_t *
counters(const struct daemon *d)
{
	const struct pipeline_stats *p = pipeline_stats(d->pipeline);
	const struct match_stats *m = pipeline_match_stats(d->pipeline);
	const struct correlate_stats *c = pipeline_correlate_stats(d->pipeline);
	const struct source_stats *s = intake_source_stats(pipeline_intake(d->pipeline));

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
	    "lines", (json_int_t)p->lines, "bytes", (json_int_t)p->bytes, "events",
	    (json_int_t)p->events, "incidents_opened", (json_int_t)p->incidents,
	    "events_without_key", (json_int_t)c->missing_key, "match_limited",
	    (json_int_t)m->limited, "messages_cut", (json_int_t)m->cut, "lines_cut",
	    (json_int_t)s->cut_lines, "nul_bytes_skipped", (json_int_t)s->nul_bytes, "rotations",
	    (json_int_t)s->rotations, "truncations", (json_int_t)s->truncations,
	    "deliveries_ok", (json_int_t)p->deliveries_ok, "delivery_attempts_failed",
	    (json_int_t)p->deliveries_failed, "deliveries_dead", (json_int_t)p->deliveries_dead);
}

static json_t *
rules_status(const struct daemon *d)
{
	const struct ruleset *rs = d->setup->rules;

	return json_pack("{s:I, s:I, s:s, s:o}", "events", (json_int_t)ruleset_nevents(rs),
	    "incidents", (json_int_t)ruleset_nincidents(rs), "hash", ruleset_hash(rs), "loaded",
	    shown_time(d->loaded));
}

static json_t *
redis_status(const struct daemon *d)
{
	const struct state *s = pipeline_state(d->pipeline);
	const struct state_stats *st = state_stats(s);

	return json_pack("{s:b, s:s, s:I, s:I, s:I, s:I}", "ready", state_is_ready(s), "problem",
	    state_problem(s), "commits", (json_int_t)st->commits, "losses",
	    (json_int_t)st->losses, "collisions", (json_int_t)st->collisions, "refused",
	    (json_int_t)st->refused);
}

static json_t *
geoip_json(const struct geoip *g)
{
	json_t *list = json_array();

	for (int i = 0; g != NULL && i < GEOIP_FILES; i++) {
		struct geoip_status st = geoip_status(g, (enum geoip_file)i);

		if (st.path != NULL)
			json_array_append_new(list,
			    json_pack("{s:s, s:o, s:s?, s:o, s:o}", "name", st.name, "path",
			        any_text(st.path), "type", st.type, "built", time_or_null(st.built),
			        "problem", any_text(st.problem)));
	}
	return list;
}

static void
add_list(void *ctx, const struct lists_status *st)
{
	struct buf key = BUF_INIT;

	if (st->set != NULL)
		state_set_key(st->set, &key);
	json_array_append_new(ctx,
	    json_pack("{s:s, s:s?, s:o, s:b, s:I, s:I, s:o}", "list", st->list, "key",
	        st->set == NULL ? NULL : buf_str(&key), "file", any_text(st->file), "known",
	        st->known, "values", (json_int_t)st->values, "invalid", (json_int_t)st->invalid,
	        "problem", any_text(st->problem)));
	buf_free(&key);
}

static json_t *
lists_json(const struct daemon *d)
{
	json_t *list = json_array();

	lists_each(pipeline_lists(d->pipeline), add_list, list);
	return list;
}

struct status_request {
	const struct daemon *daemon;
	struct control_request *req;
	json_t *answer;
};

static json_t *
outbox_status(json_t *outbox)
{
	json_int_t waiting = 0, failing = 0, dead = 0;
	json_t *entry;
	size_t i;

	json_array_foreach(outbox, i, entry)
	{
		if (json_is_true(json_object_get(entry, "dead")))
			dead++;
		else if (json_integer_value(json_object_get(entry, "attempts")) > 0)
			failing++;
		else
			waiting++;
	}
	return json_pack("{s:I, s:I, s:I}", "waiting", waiting, "failing", failing, "dead", dead);
}

static void
got_outbox(void *ctx, bool ok, struct sv answer)
{
	struct status_request *st = ctx;
	json_t *outbox = ok ? json_loadb(answer.p, answer.n, 0, NULL) : NULL;

	/* Only now: that Redis hangs shows by this question. */
	json_object_set_new(st->answer, "redis", redis_status(st->daemon));
	json_object_set_new(
	    st->answer, "outbox", outbox == NULL ? json_null() : outbox_status(outbox));
	json_decref(outbox);
	control_answer(st->req, st->answer);
	free(st);
}

static void
run_status(void *ctx, struct control_request *req)
{
	struct daemon *d = ctx;
	struct status_request *st = xcalloc(1, sizeof(*st));

	st->daemon = d;
	st->req = req;
	st->answer = json_pack("{s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "version",
	    PACKAGE_VERSION, "node", d->setup->config->node.s, "started", shown_time(d->started),
	    "uptime_ms", (json_int_t)(clock_now() - d->started), "rules", rules_status(d),
	    "counters", counters(d), "geoip", geoip_json(d->setup->geoip), "lists", lists_json(d), "sources",
	    commands_list_sources(d));
	state_outbox(pipeline_state(d->pipeline), got_outbox, st);
}

const struct control_command daemon_commands[] = {
    {"status", run_status},
    {"incidents", run_incidents},
    {"show", run_show},
    {"ack", run_ack},
    {"close", run_close},
    {"outbox", run_outbox},
    {"sources", commands_sources_run},
    {"reload", run_reload},
    {"rule", commands_rule_run},
    {"rules", run_rules},
    {"silence", commands_silence_run},
    {"silences", commands_silence_run_list},
    {"unsilence", commands_silence_run_end},
    {NULL, NULL},
};
