/*
 * offline_run: see offline_run.h.  Owns the loop, the pipeline, the format, the local
 * incidents, or the folder of the private Redis.
 */
#include "cli/offline_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/offline_incidents.h"
#include "correlate/correlate.h"
#include "correlate/local.h"
#include "ev/ev.h"
#include "format/format.h"
#include "rule/ruleset.h"
#include "scan/scan.h"
#include "state/state.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define START_PATIENCE 10000 /* ms for the private Redis to come up */

struct offline_run {
	const struct offline *offline;
	const struct source_conf *source;
	struct format *format;
	struct stream stream; /* of the file at hand, as such a source would have it */
	uint64_t number;      /* of its next line */
	const struct chunk *given; /* to the format */
	bool whole;                /* it went on as it was */

	offline_event_cb *event; /* may be NULL */
	void *ctx;
	struct correlator *correlator; /* with local; else the pipeline's own is used */
	struct local *local;

	struct ev *ev;
	struct scanner *scanner;
	struct state_conf state;
	struct pipeline_conf conf;
	struct pipeline *pipeline;
	char *dir;       /* of the private Redis; NULL when there is none */
	bool patient;    /* waiting for it */
	json_t *answer;  /* to the question under way */
	bool answered;
};

/* ---- lines ----------------------------------------------------------------- */

static bool
state_failed(const struct offline_run *r)
{
	return r->conf.state != NULL && state_stats(pipeline_state(r->pipeline))->losses > 0;
}

static void
got_event(void *ctx, const struct event *e)
{
	struct offline_run *r = ctx;

	if (r->event != NULL && !e->rule->context)
		r->event(r->ctx, e);
	if (r->local == NULL)
		return;
	correlate_event(r->correlator, r->offline->rules, e);
	if (correlate_full(r->correlator))
		local_commit(r->local, r->correlator);
}

static void
got_excluded(void *ctx, const struct event *e)
{
	struct offline_run *r = ctx;

	if (r->local != NULL)
		correlate_excluded(r->correlator, r->offline->rules, e);
}

static void
give_chunk(void *ctx, const struct chunk *chunk)
{
	struct offline_run *r = ctx;

	r->whole = chunk == r->given;
	pipeline_lines(r->pipeline, chunk);
}

/* The scan counts the lines of text, and that need not be done twice. */
static void
give_lines(struct offline_run *r, const struct chunk *chunk)
{
	uint64_t before = pipeline_stats(r->pipeline)->lines;

	r->given = chunk;
	r->whole = false;
	format_chunk(r->format, chunk, r->conf.now, give_chunk, r);
	r->number += r->whole ? pipeline_stats(r->pipeline)->lines - before
	                      : sv_count(chunk->data, '\n');
	r->given = NULL;
}

bool
offline_run_lines(struct offline_run *r, const struct chunk *chunk)
{
	struct chunk given = *chunk;

	r->stream = *chunk->stream;
	r->stream.program = r->source->program.s;
	given.stream = &r->stream;
	given.number = r->number;
	give_lines(r, &given);
	if (r->conf.state == NULL)
		return true;
	ev_turn(r->ev, false);
	while (!pipeline_has_room(r->pipeline) && !state_failed(r))
		ev_turn(r->ev, true);
	return !state_failed(r);
}

void
offline_run_begin(struct offline_run *r)
{
	r->number = 1;
}

void
offline_run_set_now(struct offline_run *r, int64_t now)
{
	r->conf.now = now;
}

void
offline_run_end(struct offline_run *r)
{
	format_flush(r->format, INT64_MAX, give_chunk, r);
}

/* ---- state ----------------------------------------------------------------- */

static void
give_up(void *ctx)
{
	struct offline_run *r = ctx;

	r->patient = false;
}

static bool
wait_for_state(struct offline_run *r)
{
	struct ev_timer *patience = ev_timer_new(r->ev, give_up, r);

	r->patient = true;
	ev_timer_set(patience, START_PATIENCE);
	while (!state_is_ready(pipeline_state(r->pipeline)) && r->patient)
		ev_turn(r->ev, true);
	ev_timer_free(&patience);
	if (!r->patient)
		cli_fail(CLI_FAILED,
		    "the private redis-server does not come up (%s); is it installed?",
		    state_problem(pipeline_state(r->pipeline)));
	return r->patient;
}

static bool
drain(struct offline_run *r)
{
	pipeline_drain(r->pipeline);
	while (!pipeline_is_drained(r->pipeline, false) && !state_failed(r))
		ev_turn(r->ev, true);
	if (state_failed(r))
		cli_fail(CLI_FAILED, "lost the private redis-server: %s",
		    state_problem(pipeline_state(r->pipeline)));
	return !state_failed(r);
}

static void
got_answer(void *ctx, bool ok, struct sv answer)
{
	struct offline_run *r = ctx;

	r->answered = true;
	r->answer = ok ? json_loadb(answer.p, answer.n, 0, NULL) : NULL;
	if (r->answer == NULL)
		cli_fail(CLI_FAILED, "%.*s", (int)answer.n, answer.p);
}

static json_t *
local_incidents(struct offline_run *r)
{
	local_commit(r->local, r->correlator);
	if (local_latest(r->local) != INT64_MIN)
		local_pass(r->local, r->correlator, local_latest(r->local));
	return offline_incidents_json(r->local);
}

json_t *
offline_run_incidents(struct offline_run *r)
{
	if (r->local != NULL)
		return local_incidents(r);
	if (!drain(r))
		return NULL;
	r->answered = false;
	state_list(pipeline_state(r->pipeline), true, INT32_MAX, got_answer, r);
	while (!r->answered)
		ev_turn(r->ev, true);
	return r->answer;
}

static void
start_local(struct offline_run *r)
{
	r->correlator = correlator_new();
	r->local = local_new(r->offline->rules);
}

static void
stop_local(struct offline_run *r)
{
	local_free(&r->local);
	correlator_free(&r->correlator);
}

void
offline_run_forget(struct offline_run *r)
{
	stop_local(r);
	start_local(r);
}

/* ---- life ------------------------------------------------------------------ */

static void
remove_dir(const char *dir)
{
	static const char *const files[] = {
	    "redis/redis.conf", "redis/redis.log", "redis/redis.sock", "redis/lock", "redis", ""};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *path = xasprintf("%s/%s", dir, files[i]);

		if (unlink(path) < 0)
			rmdir(path);
		free(path);
	}
}

static bool
make_dir(struct offline_run *r)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/triaged-replay.XXXXXX", tmp == NULL ? "/tmp" : tmp);

	if (mkdtemp(dir) == NULL) {
		cli_fail(CLI_FAILED, "%s: %s", dir, strerror(errno));
		free(dir);
		return false;
	}
	r->dir = dir;
	r->state = (struct state_conf){.node = "replay", .dir = dir, .event_clock = true};
	r->conf.state = &r->state;
	return true;
}

static bool
start(struct offline_run *r, enum offline_incidents incidents)
{
	bool redis = incidents == OFFLINE_REDIS;

	if (redis && !make_dir(r))
		return false;
	if (incidents == OFFLINE_LOCAL)
		start_local(r);
	r->pipeline = pipeline_open(r->ev, &r->conf);
	return r->pipeline != NULL && (!redis || wait_for_state(r));
}

struct offline_run *
offline_run_open(const struct offline *o, const struct source_conf *source,
    enum offline_incidents incidents, offline_event_cb *event, void *ctx)
{
	struct offline_run *r = xcalloc(1, sizeof(*r));
	struct buf error = BUF_INIT; /* of a pattern, which there is none */

	r->offline = o;
	r->source = source;
	r->event = event;
	r->ctx = ctx;
	r->format = format_new(source, (size_t)o->config->max_line, &error);
	r->number = 1;
	r->ev = ev_new();
	r->scanner = scanner_new(o->rules);
	r->conf = (struct pipeline_conf){.rules = o->rules,
	    .scanner = r->scanner,
	    .geoip = o->geoip,
	    .all_fields = true,
	    .now = clock_now(),
	    .event = got_event,
	    .excluded = got_excluded,
	    .ctx = r};
	if (!start(r, incidents))
		offline_run_free(&r);
	return r;
}

void
offline_run_free(struct offline_run **rp)
{
	struct offline_run *r = *rp;

	if (r == NULL)
		return;
	pipeline_free(&r->pipeline);
	stop_local(r);
	format_free(&r->format);
	scanner_free(&r->scanner);
	ev_free(&r->ev);
	if (r->dir != NULL)
		remove_dir(r->dir);
	free(r->dir);
	free(r);
	*rp = NULL;
}

struct pipeline_stats
offline_run_stats(const struct offline_run *r)
{
	struct pipeline_stats stats = *pipeline_stats(r->pipeline);

	if (r->local != NULL)
		stats.incidents = local_nincidents(r->local);
	return stats;
}
