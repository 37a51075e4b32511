/*
 * cmd_replay: files through the production pipeline on a clock of their own: the
 * times of their lines.  Needs no daemon; state is kept in a private Redis that
 * goes with the command, and with --events-only there is none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ev/ev.h"
#include "format/format.h"
#include "incident/incident_text.h"
#include "pipeline.h"
#include "rule/ruleset.h"
#include "scan/scan.h"
#include "source/source.h"
#include "state/state.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/xalloc.h"

#define START_PATIENCE 10000 /* ms for the private Redis to come up */
#define DIRS_MAX 16

struct replay {
	const struct cli *cli;
	bool json, events_only;
	const char *dirs[DIRS_MAX];
	size_t ndirs;
	char **files;
	int nfiles;
	uint64_t begun; /* lines before the file at hand */
	struct source_conf source; /* its format and program are given */
	struct format *format;     /* NULL: none is needed */
	struct stream stream;      /* the file at hand, as such a source would have it */

	struct offline offline;
	struct scanner *scanner;
	struct ev *ev;
	struct state_conf state;
	struct pipeline_conf conf;
	struct pipeline *pipeline;
	char *dir; /* of the private Redis; NULL when there is none */
	struct buf line; /* scratch for output */
	bool incidents_done;
	int code;
};

/* ---- output ---------------------------------------------------------------- */

static void
print_event(void *ctx, const struct event *e)
{
	struct replay *r = ctx;
	const struct line *l = e->record->line;
	struct buf *out = &r->line;

	out->n = 0;
	buf_puts(out, "{\"type\":\"event\",\"file\":");
	json_quote(out, sv_str(l->stream->path));
	buf_printf(out, ",\"line\":%llu,\"offset\":%llu,\"rule\":", (unsigned long long)l->number,
	    (unsigned long long)l->offset);
	json_quote(out, sv_str(e->rule->id));
	buf_puts(out, ",\"class\":");
	json_quote(out, sv_str(e->rule->class));
	buf_printf(out, ",\"severity\":\"%s\",\"time\":\"", severity_name(e->rule->severity));
	clock_format(out, e->record->time);
	buf_puts(out, "\",\"fields\":{");
	for (size_t i = 0; i < e->nfields; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_quote(out, sv_str(e->fields[i].name));
		buf_putc(out, ':');
		json_quote(out, e->fields[i].value);
	}
	buf_puts(out, "}}\n");
	fwrite(out->p, 1, out->n, stdout);
}

static void
print_incident(json_t *inc)
{
	json_t *out = json_pack("{s:s}", "type", "incident");

	json_object_update(out, inc);
	json_object_del(out, "samples"); /* not in a list */
	cli_print_json(out);
}

static void
print_incidents(void *ctx, bool ok, struct sv answer)
{
	struct replay *r = ctx;
	json_t *list = ok ? json_loadb(answer.p, answer.n, 0, NULL) : NULL;
	struct buf out = BUF_INIT;

	r->incidents_done = true;
	if (list == NULL) {
		r->code = cli_fail(CLI_FAILED, "%.*s", (int)answer.n, answer.p);
		return;
	}
	if (r->json) {
		for (size_t i = json_array_size(list); i > 0; i--)
			print_incident(json_array_get(list, i - 1));
	} else {
		incident_text_list(list, &out);
		fputs(buf_str(&out), stdout);
		buf_free(&out);
	}
	json_decref(list);
}

static double
seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
print_summary(const struct replay *r, double seconds)
{
	const struct pipeline_stats *s = pipeline_stats(r->pipeline);

	printf(r->json
	        ? "{\"type\":\"summary\",\"lines\":%llu,\"bytes\":%llu,\"events\":%llu,"
	          "\"incidents\":%llu,\"seconds\":%.3f}\n"
	        : "%llu lines, %llu bytes, %llu events, %llu incidents, %.3f seconds\n",
	    (unsigned long long)s->lines, (unsigned long long)s->bytes,
	    (unsigned long long)s->events, (unsigned long long)s->incidents, seconds);
}

/* ---- the run --------------------------------------------------------------- */

static bool
state_failed(const struct replay *r)
{
	return r->conf.state != NULL && state_stats(pipeline_state(r->pipeline))->losses > 0;
}

static void
give_lines(void *ctx, const struct chunk *chunk)
{
	struct replay *r = ctx;
	struct chunk numbered = *chunk; /* the pipeline counts, and need not do so twice */

	if (r->format == NULL)
		numbered.number = pipeline_stats(r->pipeline)->lines - r->begun + 1;
	pipeline_lines(r->pipeline, &numbered);
}

static bool
got_chunk(void *ctx, const struct chunk *chunk)
{
	struct replay *r = ctx;
	struct chunk given = *chunk;

	r->stream = *chunk->stream;
	r->stream.program = r->source.program.s;
	given.stream = &r->stream;
	if (r->format != NULL)
		format_chunk(r->format, &given, r->conf.now, give_lines, r);
	else
		give_lines(r, &given);
	if (r->conf.state == NULL)
		return true;
	ev_turn(r->ev, false);
	while (!pipeline_has_room(r->pipeline) && !state_failed(r))
		ev_turn(r->ev, true);
	return !state_failed(r);
}

static bool
run_files(struct replay *r)
{
	for (int i = 0; i < r->nfiles; i++) {
		r->begun = pipeline_stats(r->pipeline)->lines;
		if (source_replay(r->files[i], (size_t)r->offline.config->max_line, got_chunk, r) <
		    0) {
			r->code = cli_fail(CLI_FAILED, "%s: %s", r->files[i], strerror(errno));
			return false;
		}
		if (r->format != NULL)
			format_flush(r->format, INT64_MAX, give_lines, r);
	}
	return true;
}

static void
give_up(void *ctx)
{
	struct replay *r = ctx;

	r->code = cli_fail(CLI_FAILED,
	    "the private redis-server does not come up (%s); is it installed? "
	    "(--events-only needs none)",
	    state_problem(pipeline_state(r->pipeline)));
}

static bool
wait_for_state(struct replay *r)
{
	struct ev_timer *patience = ev_timer_new(r->ev, give_up, r);

	ev_timer_set(patience, START_PATIENCE);
	while (!state_is_ready(pipeline_state(r->pipeline)) && r->code == CLI_OK)
		ev_turn(r->ev, true);
	ev_timer_free(&patience);
	return r->code == CLI_OK;
}

static void
finish_state(struct replay *r)
{
	pipeline_drain(r->pipeline);
	while (!pipeline_is_drained(r->pipeline, false) && !state_failed(r))
		ev_turn(r->ev, true);
	if (state_failed(r)) {
		r->code = cli_fail(CLI_FAILED, "lost the private redis-server: %s",
		    state_problem(pipeline_state(r->pipeline)));
		return;
	}
	state_list(pipeline_state(r->pipeline), true, INT32_MAX, print_incidents, r);
	while (!r->incidents_done)
		ev_turn(r->ev, true);
}

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
open_pipeline(struct replay *r)
{
	const char *tmp = getenv("TMPDIR");

	r->ev = ev_new();
	r->scanner = scanner_new(r->offline.rules);
	r->conf = (struct pipeline_conf){.rules = r->offline.rules, .scanner = r->scanner, .now = clock_now(), .event = r->json ? print_event : NULL, .ctx = r};
	if (!r->events_only) {
		r->dir = xasprintf("%s/triaged-replay.XXXXXX", tmp == NULL ? "/tmp" : tmp);
		if (mkdtemp(r->dir) == NULL) {
			r->code = cli_fail(CLI_FAILED, "%s: %s", r->dir, strerror(errno));
			free(r->dir);
			r->dir = NULL;
			return false;
		}
		r->state = (struct state_conf){.node = "replay", .dir = r->dir, .event_clock = true};
		r->conf.state = &r->state;
	}
	r->pipeline = pipeline_open(r->ev, &r->conf);
	if (r->pipeline == NULL)
		r->code = CLI_FAILED;
	return r->pipeline != NULL;
}

static void
open_format(struct replay *r)
{
	struct buf error = BUF_INIT;

	if (format_is_needed(&r->source))
		r->format = format_new(
		    &r->source, (size_t)r->offline.config->max_line, &error);
	buf_free(&error);
}

static void
run(struct replay *r)
{
	double start;

	open_format(r);
	if (!open_pipeline(r) || (!r->events_only && !wait_for_state(r)))
		return;
	start = seconds_now();
	if (!run_files(r))
		return;
	if (!r->events_only)
		finish_state(r);
	if (r->code == CLI_OK)
		print_summary(r, seconds_now() - start);
	if (fflush(stdout) != 0 || ferror(stdout))
		r->code = cli_fail(CLI_FAILED, "standard output: %s", strerror(errno));
}

static bool
parse_options(struct replay *r, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		if (strcmp(argv[i], "--json") == 0)
			r->json = true;
		else if (strcmp(argv[i], "--events-only") == 0)
			r->events_only = true;
		else if (strcmp(argv[i], "--format") == 0 && i + 1 < argc &&
		    cli_format(argv[i + 1], &r->source.format))
			i++;
		else if (strcmp(argv[i], "--program") == 0 && i + 1 < argc)
			r->source.program.s = argv[++i];
		else if (strcmp(argv[i], "--rules") == 0 && i + 1 < argc && r->ndirs < DIRS_MAX)
			r->dirs[r->ndirs++] = argv[++i];
		else if (strcmp(argv[i], "--") == 0)
			break;
		else
			return false;
	}
	i += i < argc && strcmp(argv[i], "--") == 0;
	r->files = argv + i;
	r->nfiles = argc - i;
	return r->nfiles > 0;
}

int
cmd_replay(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	struct replay r = {.cli = cli, .json = cli->json};

	if (!parse_options(&r, argc, argv))
		return cli_usage(self);
	if (!offline_load(cli, r.dirs, r.ndirs, &r.offline))
		return CLI_USAGE;
	run(&r);
	pipeline_free(&r.pipeline);
	format_free(&r.format);
	scanner_free(&r.scanner);
	ev_free(&r.ev);
	if (r.dir != NULL)
		remove_dir(r.dir);
	free(r.dir);
	buf_free(&r.line);
	offline_free(&r.offline);
	return r.code;
}
