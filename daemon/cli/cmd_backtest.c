/*
 * cmd_backtest: the same logs through two sets of rules, and the incidents that one has
 * and the other has not.
 */
#include "cli/cmd_backtest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/offline_run.h"
#include "source/source.h"
#include "util/clock.h"

#define DIRS_MAX 16

/* One of the two sets of rules, and what it makes of the logs. */
struct side {
	const char *dirs[DIRS_MAX];
	size_t ndirs;
	struct offline offline;
	struct offline_run *run;
	json_t *incidents;
};

struct backtest {
	const struct cli *cli;
	bool json;
	struct side old, new;
	struct source_conf source; /* its format and program are given */
	char **files;
	int nfiles;
	int code;
};

/* ---- the run ----------------------------------------------------------------------- */

static bool
got_chunk(void *ctx, const struct chunk *chunk)
{
	struct backtest *b = ctx;

	return offline_run_lines(b->old.run, chunk) && offline_run_lines(b->new.run, chunk);
}

/* Lines without a time are of the same time on both sides. */
static bool
start(struct backtest *b)
{
	int64_t now = clock_now();

	b->old.run = offline_run_open(&b->old.offline, &b->source, OFFLINE_LOCAL, NULL, NULL);
	b->new.run = offline_run_open(&b->new.offline, &b->source, OFFLINE_LOCAL, NULL, NULL);
	if (b->old.run == NULL || b->new.run == NULL)
		return false;
	offline_run_set_now(b->old.run, now);
	offline_run_set_now(b->new.run, now);
	return true;
}

static bool
run_files(struct backtest *b)
{
	for (int i = 0; i < b->nfiles; i++) {
		offline_run_begin(b->old.run);
		offline_run_begin(b->new.run);
		if (source_replay(b->files[i], (size_t)b->new.offline.config->max_line, got_chunk, b) <
		    0) {
			cli_fail(CLI_FAILED, "%s: %s", b->files[i], strerror(errno));
			return false;
		}
		offline_run_end(b->old.run);
		offline_run_end(b->new.run);
	}
	b->old.incidents = offline_run_incidents(b->old.run);
	b->new.incidents = offline_run_incidents(b->new.run);
	return b->old.incidents != NULL && b->new.incidents != NULL;
}

/* ---- the outcome ------------------------------------------------------------------- */

static void
print_row(void *ctx, enum backtest_kind kind, const json_t *old, const json_t *new)
{
	const struct backtest *b = ctx;

	if (kind == BACKTEST_SAME)
		return;
	if (b->json)
		cli_print_json(json_pack("{s:s, s:O?, s:O?}", "type", cmd_backtest_name(kind), "old", old,
		    "new", new));
	else
		cmd_backtest_print(kind, old, new);
}

static void
print_summary(const struct backtest *b, const size_t *n)
{
	struct pipeline_stats old = offline_run_stats(b->old.run), new = offline_run_stats(b->new.run);

	printf(b->json
	        ? "{\"type\":\"summary\",\"added\":%zu,\"removed\":%zu,\"changed\":%zu,\"same\":%zu,"
	          "\"lines\":%llu,\"events\":{\"old\":%llu,\"new\":%llu},"
	          "\"incidents\":{\"old\":%llu,\"new\":%llu}}\n"
	        : "%zu added, %zu removed, %zu changed, %zu the same; "
	          "%llu lines, %llu events before and %llu now, %llu incidents before and %llu now\n",
	    n[BACKTEST_ADDED], n[BACKTEST_REMOVED], n[BACKTEST_CHANGED], n[BACKTEST_SAME],
	    (unsigned long long)new.lines, (unsigned long long)old.events,
	    (unsigned long long)new.events, (unsigned long long)old.incidents,
	    (unsigned long long)new.incidents);
}

static void
print(struct backtest *b)
{
	size_t n[BACKTEST_KINDS] = {0};

	if (!b->json)
		cmd_backtest_print_head();
	cmd_backtest_compare(b->old.incidents, b->new.incidents, print_row, b, n);
	print_summary(b, n);
	if (fflush(stdout) != 0 || ferror(stdout))
		b->code = cli_fail(CLI_FAILED, "standard output: %s", strerror(errno));
}

/* ---- the command ------------------------------------------------------------------- */

static bool
add_dir(struct side *s, const char *dir)
{
	if (s->ndirs == DIRS_MAX)
		return false;
	s->dirs[s->ndirs++] = dir;
	return true;
}

/* The option ${name} with ${value}. */
static bool
take_option(struct backtest *b, const char *name, char *value)
{
	if (strcmp(name, "--rules") == 0)
		return add_dir(&b->new, value);
	if (strcmp(name, "--against") == 0)
		return add_dir(&b->old, value);
	if (strcmp(name, "--format") == 0)
		return cli_format(value, &b->source.format);
	if (strcmp(name, "--program") != 0)
		return false;
	b->source.program.s = value;
	return true;
}

static bool
parse_options(struct backtest *b, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		if (strcmp(argv[i], "--json") == 0)
			b->json = true;
		else if (strcmp(argv[i], "--") == 0)
			break;
		else if (i + 1 == argc || !take_option(b, argv[i], argv[i + 1]))
			return false;
		else
			i++;
	}
	i += i < argc && strcmp(argv[i], "--") == 0;
	b->files = argv + i;
	b->nfiles = argc - i;
	return b->nfiles > 0 && b->old.ndirs > 0;
}

static void
side_free(struct side *s)
{
	json_decref(s->incidents);
	offline_run_free(&s->run);
	offline_free(&s->offline);
}

int
cmd_backtest(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	struct backtest b = {.cli = cli, .json = cli->json};

	if (!parse_options(&b, argc, argv))
		return cli_usage(self);
	if (!offline_load(cli, b.old.dirs, b.old.ndirs, &b.old.offline))
		return CLI_USAGE;
	if (!offline_load(cli, b.new.dirs, b.new.ndirs, &b.new.offline)) {
		side_free(&b.old);
		return CLI_USAGE;
	}
	if (start(&b) && run_files(&b))
		print(&b);
	else
		b.code = CLI_FAILED;
	side_free(&b.old);
	side_free(&b.new);
	return b.code;
}
