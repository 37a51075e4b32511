/*
 * cmd_rules_test: rules test: runs the tests that rules carry, and shows what came of
 * them a file at a time.
 */
#include "cli/cmd_rules_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmd_rules.h"
#include "match/rules_test.h"
#include "rule/ruleset.h"
#include "util/xalloc.h"

static size_t
file_of(struct tests_run *run, const char *path)
{
	size_t i = run->nfiles;

	while (i > 0 && strcmp(run->files[i - 1].path, path) != 0)
		i--;
	if (i > 0)
		return i - 1;
	XGROW(run->files, run->nfiles);
	run->files[run->nfiles] = (struct tested_file){.path = path};
	return run->nfiles++;
}

static void
got_result(void *ctx, const struct rules_test_result *r)
{
	struct tests_run *run = ctx;
	size_t file = file_of(run, r->file);

	run->files[file].tests++;
	run->files[file].failed += !r->ok;
	run->failed += !r->ok;
	XGROW(run->v, run->n);
	run->v[run->n++] = (struct tested){.file = file,
	    .line = r->line,
	    .column = r->column,
	    .rule = r->rule,
	    .name = r->name,
	    .wrong = r->ok ? NULL : xstrdup(r->text)};
}

static void
clear(struct tests_run *run)
{
	for (size_t i = 0; i < run->n; i++)
		free(run->v[i].wrong);
	free(run->v);
	free(run->files);
}

/* ---- text ------------------------------------------------------------------------ */

/* The first line beside where the test stands, the others indented. */
static void
print_failure(const struct tests_run *run, const struct tested *t)
{
	const char *text = t->wrong;
	const char *newline;

	cli_print_text("", run->files[t->file].path);
	printf(":%d:%d: test of %s", t->line, t->column, t->rule);
	if (t->name != NULL)
		cli_print_text(", ", t->name);
	printf(": ");
	while ((newline = strchr(text, '\n')) != NULL) {
		printf("%.*s\n    ", (int)(newline - text), text);
		text = newline + 1;
	}
	printf("%s\n", text);
}

static void
print_file(const struct tests_run *run, size_t file)
{
	const struct tested_file *f = &run->files[file];

	if (f->failed == 0)
		printf("ok      %5zu tests         ", f->tests);
	else
		printf("FAILED  %5zu of %4zu tests ", f->failed, f->tests);
	cli_print_text("  ", f->path);
	putchar('\n');
	for (size_t i = 0; i < run->n; i++)
		if (run->v[i].file == file && run->v[i].wrong != NULL)
			print_failure(run, &run->v[i]);
}

static void
print_text(const struct tests_run *run)
{
	for (size_t i = 0; i < run->nfiles; i++)
		print_file(run, i);
	printf("%zu passed, %zu failed\n", run->n - run->failed, run->failed);
}

static void
print_json(const struct tests_run *run)
{
	for (size_t i = 0; i < run->n; i++) {
		const struct tested *t = &run->v[i];

		cli_print_json(json_pack("{s:s, s:s, s:i, s:i, s:s, s:s?, s:b, s:s?}", "type", "test", "file",
		    run->files[t->file].path, "line", t->line, "column", t->column, "rule", t->rule,
		    "name", t->name, "ok", t->wrong == NULL, "text", t->wrong));
	}
}

/* ---- the command ------------------------------------------------------------------- */

struct options {
	const char *junit;
	bool coverage;
};

/* Returns the index of the first directory, -1 when an option is wrong. */
static int
parse_options(struct options *o, int argc, char **argv)
{
	int i = 0;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--coverage") == 0)
			o->coverage = true;
		else if (strcmp(argv[i], "--junit") == 0 && i + 1 < argc)
			o->junit = argv[++i];
		else if (strcmp(argv[i], "--") == 0)
			return i + 1;
		else
			return -1;
	}
	return i;
}

static int
run_tests(const struct cli *cli, const struct options *o, struct offline *off)
{
	struct tests_run run = {.n = 0};
	int code = CLI_OK;

	if (rules_test(off->rules, off->geoip, got_result, &run) > 0)
		code = CLI_FAILED;
	if (cli->json)
		print_json(&run);
	else
		print_text(&run);
	if (o->coverage)
		cmd_rules_coverage(off, cli->json);
	if (o->junit != NULL && !cmd_rules_junit(&run, o->junit))
		code = CLI_FAILED;
	clear(&run);
	return code;
}

int
cmd_rules_test(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	struct options o = {.junit = NULL};
	struct offline off;
	int code, first = parse_options(&o, argc, argv);

	if (first < 0)
		return cli_usage(self);
	if (!offline_load(cli, (const char *const *)argv + first, (size_t)(argc - first), &off))
		return CLI_USAGE;
	code = run_tests(cli, &o, &off);
	offline_free(&off);
	return code;
}
