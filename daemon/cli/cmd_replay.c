/*
 * cmd_replay: files through the production pipeline on a clock of their own: the
 * times of their lines.  Needs no daemon, and no Redis but with --redis.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/offline_run.h"
#include "incident/incident_text.h"
#include "rule/ruleset.h"
#include "source/source.h"
#include "util/clock.h"
#include "util/json.h"

#define DIRS_MAX 16

struct replay {
	const struct cli *cli;
	bool json;
	enum offline_incidents incidents;
	const char *dirs[DIRS_MAX];
	size_t ndirs;
	char **files;
	int nfiles;
	struct source_conf source; /* its format and program are given */

	struct offline offline;
	struct offline_run *run;
	struct buf line; /* scratch for output */
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
print_incidents(struct replay *r)
{
	json_t *list = offline_run_incidents(r->run);
	struct buf out = BUF_INIT;

	if (list == NULL) {
		r->code = CLI_FAILED;
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
	const struct pipeline_stats s = offline_run_stats(r->run);

	printf(r->json
	        ? "{\"type\":\"summary\",\"lines\":%llu,\"bytes\":%llu,\"events\":%llu,"
	          "\"incidents\":%llu,\"seconds\":%.3f}\n"
	        : "%llu lines, %llu bytes, %llu events, %llu incidents, %.3f seconds\n",
	    (unsigned long long)s.lines, (unsigned long long)s.bytes,
	    (unsigned long long)s.events, (unsigned long long)s.incidents, seconds);
}

/* ---- the run --------------------------------------------------------------- */

static bool
got_chunk(void *ctx, const struct chunk *chunk)
{
	struct replay *r = ctx;

	return offline_run_lines(r->run, chunk);
}

static bool
run_files(struct replay *r)
{
	for (int i = 0; i < r->nfiles; i++) {
		offline_run_begin(r->run);
		if (source_replay(r->files[i], (size_t)r->offline.config->max_line, got_chunk, r) <
		    0) {
			r->code = cli_fail(CLI_FAILED, "%s: %s", r->files[i], strerror(errno));
			return false;
		}
		offline_run_end(r->run);
	}
	return true;
}

static void
run(struct replay *r)
{
	double start;

	r->run = offline_run_open(
	    &r->offline, &r->source, r->incidents, r->json ? print_event : NULL, r);
	if (r->run == NULL) {
		r->code = CLI_FAILED;
		return;
	}
	start = seconds_now();
	if (!run_files(r))
		return;
	if (r->incidents != OFFLINE_NONE)
		print_incidents(r);
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
			r->incidents = OFFLINE_NONE;
		else if (strcmp(argv[i], "--redis") == 0)
			r->incidents = OFFLINE_REDIS;
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
	struct replay r = {.cli = cli, .json = cli->json, .incidents = OFFLINE_LOCAL};

	if (!parse_options(&r, argc, argv))
		return cli_usage(self);
	if (!offline_load(cli, r.dirs, r.ndirs, &r.offline))
		return CLI_USAGE;
	run(&r);
	offline_run_free(&r.run);
	buf_free(&r.line);
	offline_free(&r.offline);
	return r.code;
}
