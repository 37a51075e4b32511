/*
 * cmd_eval: the rules measured on logs of which is known what is an event: a folder of
 * NAME.log with NAME.expect.jsonl and NAME.incidents.json.  Each log goes through the
 * production pipeline; what is counted, eval/ decides.
 */
#include "cli/cmd_eval.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/offline_run.h"
#include "conf/config.h"
#include "decode/decode.h"
#include "eval/eval_labels.h"
#include "eval/eval_table.h"
#include "eval/eval_truth.h"
#include "rule/rule.h"
#include "source/source.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define DIRS_MAX 16
#define HEAD 100 /* lines that are looked at for a time */
#define STEP 100 /* ms from a line without a time to the next */

struct eval {
	const struct cli *cli;
	bool json;
	unsigned show; /* a bit for each enum eval_result, and CMD_EVAL_SHOW_INCIDENTS */
	const char *labels;
	const char *dirs[DIRS_MAX];
	size_t ndirs;
	char **filters;
	int nfilters;

	struct source_conf source;
	struct offline offline;
	struct offline_run *run;
	struct decoder *decoder;
	struct eval_groups files, sources, services;
	struct eval_tally total;
	int code;

	/* The log at hand. */
	const char *name; /* below labels, without .log */
	struct eval_labels known;
	struct eval_tally log;
	int64_t now; /* of its next line */
	uint64_t line;
};

/* ---- one log ----------------------------------------------------------------- */

static void
got_event(void *ctx, const struct event *e)
{
	struct eval *v = ctx;

	if (!e->rule->body->builtin)
		eval_labels_event(&v->known, e);
}

static struct sv
line_at(const struct chunk *chunk, size_t from)
{
	const char *p = chunk->data.p + from;
	const char *newline = memchr(p, '\n', chunk->data.n - from);

	return (struct sv){
	    p, newline == NULL ? chunk->data.n - from : (size_t)(newline - p) + 1};
}

/* The clock of a log begins at the time of its first line that has one: so the years of
 * all of it are inferred from there, in any season. */
static int64_t
first_time(struct eval *v, const struct chunk *chunk)
{
	int64_t now = clock_now();
	size_t from = 0;

	for (int n = 0; n < HEAD && from < chunk->data.n; n++) {
		struct line line = {.stream = chunk->stream, .text = line_at(chunk, from)};
		struct record rec;

		decode_line(v->decoder, &line, now, &rec);
		if (rec.time != now)
			return rec.time;
		from += line.text.n;
	}
	return now;
}

static bool
got_line(struct eval *v, const struct chunk *chunk, struct sv text)
{
	struct chunk one = *chunk;
	bool last = text.p + text.n == chunk->data.p + chunk->data.n;

	one.offset = chunk->offset + (uint64_t)(text.p - chunk->data.p);
	one.data = text;
	one.next = last ? chunk->next : one.offset + text.n;
	eval_labels_line(&v->known, ++v->line, one.offset, text);
	offline_run_set_now(v->run, v->now);
	v->now += STEP;
	return offline_run_lines(v->run, &one);
}

/* Line by line: each may be of another time. */
static bool
got_chunk(void *ctx, const struct chunk *chunk)
{
	struct eval *v = ctx;
	bool good = true;

	if (v->line == 0)
		v->now = first_time(v, chunk);
	for (size_t from = 0; from < chunk->data.n && good;) {
		struct sv text = line_at(chunk, from);

		good = got_line(v, chunk, text);
		from += text.n;
	}
	return good;
}

/* The program that a log is of, as its name tells: "nginx" of web/nginx-error.log */
static char *
service_of(const char *name)
{
	const char *slash = strrchr(name, '/'), *base = slash == NULL ? name : slash + 1;

	return xstrndup(base, strcspn(base, "-._"));
}

static void
count_line(struct eval *v, const struct eval_label *label, const char *service)
{
	struct eval_tally one = {.tests = 0};
	enum eval_result result = eval_tally_line(&one, label);

	if (label->service != NULL)
		service = label->service;
	eval_tally_add(&v->log, &one);
	eval_tally_add(eval_groups_get(&v->sources, label->source), &one);
	eval_tally_add(eval_groups_get(&v->services, service), &one);
	if (result != EVAL_FINE && (v->show & (1U << result)))
		cmd_eval_show_line(v->labels, v->name, label, result, v->json);
}

static void
show_incident(void *ctx, const char *what, const char *host, const char *rules)
{
	struct eval *v = ctx;

	if (v->show & CMD_EVAL_SHOW_INCIDENTS)
		cmd_eval_show_incident(v->name, what, host, rules, v->json);
}

static bool
count_incidents(struct eval *v, const json_t *truth, const char *service)
{
	struct eval_tally one = {.tests = 0};
	json_t *incidents = offline_run_incidents(v->run);
	struct eval_verdict verdict;

	if (incidents == NULL)
		return false;
	one.opened = json_array_size(incidents);
	if (truth != NULL) {
		eval_truth_judge(truth, incidents, &verdict, show_incident, v);
		eval_tally_incidents(&one, &verdict);
		eval_tally_add(eval_groups_get(&v->sources, eval_truth_source(truth)), &one);
	}
	if (v->show & CMD_EVAL_SHOW_INCIDENTS)
		cmd_eval_show_opened(v->name, incidents, v->json);
	eval_tally_add(&v->log, &one);
	eval_tally_add(eval_groups_get(&v->services, service), &one);
	json_decref(incidents);
	offline_run_forget(v->run);
	return true;
}

static bool
examine(struct eval *v, const char *path, const json_t *truth)
{
	char *service = service_of(v->name);
	bool good;

	v->line = 0;
	v->log = (struct eval_tally){.tests = 0};
	offline_run_begin(v->run);
	good = source_replay(path, (size_t)v->offline.config->max_line, got_chunk, v) >= 0;
	if (!good)
		cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
	offline_run_end(v->run);
	for (size_t i = 0; i < v->known.n && good; i++)
		count_line(v, &v->known.v[i], service);
	good = good && count_incidents(v, truth, service);
	eval_tally_add(eval_groups_get(&v->files, v->name), &v->log);
	eval_tally_add(&v->total, &v->log);
	free(service);
	return good;
}

/* A file beside the log; NULL when there is none. */
static char *
beside(const char *path, const char *suffix)
{
	char *other = xasprintf("%.*s%s", (int)(strlen(path) - strlen(".log")), path, suffix);

	if (access(other, F_OK) == 0)
		return other;
	free(other);
	return NULL;
}

static bool
read_known(struct eval *v, const char *path, json_t **truth)
{
	char *labels = beside(path, ".expect.jsonl"), *incidents = beside(path, ".incidents.json");
	struct buf error = BUF_INIT;
	bool good = labels == NULL || eval_labels_read(&v->known, labels, &error);

	if (good && incidents != NULL) {
		*truth = eval_truth_read(incidents, &error);
		good = *truth != NULL;
	}
	if (!good)
		cli_fail(CLI_USAGE, "%s", buf_str(&error));
	buf_free(&error);
	free(labels);
	free(incidents);
	return good;
}

static bool
is_wanted(const struct eval *v, const char *name)
{
	for (int i = 0; i < v->nfilters; i++)
		if (strstr(name, v->filters[i]) != NULL)
			return true;
	return v->nfilters == 0;
}

static bool
got_log(void *ctx, const char *path)
{
	struct eval *v = ctx;
	const char *below = path + strlen(v->labels) + 1;
	char *name = xstrndup(below, strlen(below) - strlen(".log"));
	json_t *truth = NULL;
	bool good = true;

	v->name = name;
	if (is_wanted(v, name)) {
		good = read_known(v, path, &truth);
		if (!good)
			v->code = CLI_USAGE;
		else if (!examine(v, path, truth))
			v->code = CLI_FAILED;
		good = v->code == CLI_OK;
		json_decref(truth);
		eval_labels_free(&v->known);
	}
	free(name);
	return good;
}

/* ---- the outcome --------------------------------------------------------------- */

static size_t
widest(const struct eval_groups *g, size_t width)
{
	for (size_t i = 0; i < g->n; i++)
		if (strlen(g->v[i].name) > width)
			width = strlen(g->v[i].name);
	return width;
}

static void
print_text(const struct eval *v, const struct eval_group *all)
{
	size_t width = widest(&v->files, 8), narrow = widest(&v->sources, widest(&v->services, 8));
	struct buf out = BUF_INIT;

	eval_table(&out, "FILE", v->files.v, v->files.n, width, false);
	buf_putc(&out, '\n');
	eval_table(&out, "SERVICE", v->services.v, v->services.n, narrow, false);
	buf_putc(&out, '\n');
	eval_table(&out, "SOURCE", v->sources.v, v->sources.n, narrow, true);
	buf_putc(&out, '\n');
	eval_table(&out, "ALL", all, 1, narrow, true);
	fputs(buf_str(&out), stdout);
	buf_free(&out);
}

static void
print_json(const struct eval *v, const struct eval_group *all)
{
	const struct {
		const char *type;
		const struct eval_groups *groups;
	} tables[] = {{"file", &v->files}, {"service", &v->services}, {"source", &v->sources}};

	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (size_t i = 0; i < tables[t].groups->n; i++)
			cli_print_json(eval_table_json(tables[t].type, &tables[t].groups->v[i]));
	cli_print_json(eval_table_json("all", all));
}

static void
print(struct eval *v)
{
	struct eval_group all = {.name = (char *)"", .tally = v->total};

	eval_groups_sort(&v->files);
	eval_groups_sort(&v->services);
	eval_groups_sort(&v->sources);
	if (v->json)
		print_json(v, &all);
	else
		print_text(v, &all);
}

/* ---- the command ---------------------------------------------------------------- */

static bool
show_option(struct eval *v, const char *what)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = {{"missed", 1U << EVAL_MISSED}, {"false", 1U << EVAL_FALSE},
	    {"host", 1U << EVAL_HOST}, {"incidents", CMD_EVAL_SHOW_INCIDENTS}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(what, names[i].name) == 0) {
			v->show |= names[i].bit;
			return true;
		}
	}
	return false;
}

/* Take the option that ${argv} begins with.  Returns how many arguments it is, 0 when it is none. */
static int
take_option(struct eval *v, char **argv)
{
	const char *name = argv[0], *value = argv[1];

	if (strcmp(name, "--json") == 0) {
		v->json = true;
		return 1;
	}
	if (value == NULL)
		return 0;
	if (strcmp(name, "--labels") == 0)
		v->labels = value;
	else if (strcmp(name, "--rules") == 0 && v->ndirs < DIRS_MAX)
		v->dirs[v->ndirs++] = value;
	else if (strcmp(name, "--show") != 0 || !show_option(v, value))
		return 0;
	return 2;
}

/* Names may stand before options; they are moved to the front of ${argv}. */
static bool
parse_options(struct eval *v, int argc, char **argv)
{
	v->filters = argv;
	for (int i = 1; i < argc;) {
		int n = 1;

		if (argv[i][0] == '-')
			n = take_option(v, argv + i);
		else
			v->filters[v->nfilters++] = argv[i];
		if (n == 0)
			return false;
		i += n;
	}
	return v->labels != NULL;
}

static void
run(struct eval *v)
{
	v->run = offline_run_open(&v->offline, &v->source, OFFLINE_LOCAL, got_event, v);
	v->decoder = decoder_new();
	if (v->run == NULL)
		v->code = CLI_FAILED;
	else if (!cmd_eval_each_log(v->labels, got_log, v) && v->code == CLI_OK)
		v->code = CLI_USAGE;
	else if (v->code == CLI_OK && v->files.n == 0)
		v->code = cli_fail(CLI_FAILED, "%s: no such log", v->labels);
	if (v->code == CLI_OK)
		print(v);
	if (fflush(stdout) != 0 || ferror(stdout))
		v->code = cli_fail(CLI_FAILED, "standard output: %s", strerror(errno));
}

int
cmd_eval(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	struct eval v = {.cli = cli, .json = cli->json};

	if (!parse_options(&v, argc, argv))
		return cli_usage(self);
	if (!offline_load(cli, v.dirs, v.ndirs, &v.offline))
		return CLI_USAGE;
	run(&v);
	offline_run_free(&v.run);
	decoder_free(&v.decoder);
	eval_groups_free(&v.files);
	eval_groups_free(&v.sources);
	eval_groups_free(&v.services);
	offline_free(&v.offline);
	return v.code;
}
