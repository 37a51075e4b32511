/*
 * cmd_rules: rules lint and verify-scan; test and list are in cmd_rules_*.c.
 */
#include "cli/cmd_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmd_verify.h"
#include "match/rules_lint.h"
#include "rule/rule.h"
#include "rule/ruleset.h"

/* ---- lint ------------------------------------------------------------------ */

static void
got_finding(void *ctx, const struct rules_lint_finding *f)
{
	const struct cli *cli = ctx;

	if (cli->json)
		cli_print_json(json_pack("{s:s?, s:i, s:i, s:s, s:s}", "file", f->file, "line", f->line,
		    "column", f->column, "rule", f->rule, "text", f->text));
	else
		printf("%s:%d:%d: %s: %s\n", f->file, f->line, f->column, f->rule, f->text);
}

static int
lint(const struct cli *cli, struct offline *off)
{
	size_t n = rules_lint(off->rules, got_finding, (void *)cli);

	if (!cli->json)
		printf("%zu findings\n", n);
	return n == 0 ? CLI_OK : CLI_FAILED;
}

/* rules list [--here | --silent | --untested | --criteria] [DIR]... */
static int
list(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	enum cmd_rules_which which = CMD_RULES_ALL;
	int options = 0;
	struct offline off;
	int code;

	while (options < argc && argv[options][0] == '-')
		if (!cmd_rules_list_option(argv[options++], &which))
			return cli_usage(self);
	if (!offline_load(
	        cli, (const char *const *)argv + options, (size_t)(argc - options), &off))
		return CLI_USAGE;
	code = cmd_rules_list(cli, &off, which);
	offline_free(&off);
	return code;
}

/* rules verify-scan [--rules DIR]... FILE... */
static int
verify_scan(const struct cli *cli, const struct cli_command *self, char **argv)
{
	const char *dirs[16];
	struct offline off;
	size_t n = 0;
	int code;

	for (; *argv != NULL && strcmp(*argv, "--rules") == 0 && argv[1] != NULL && n < 16; argv += 2)
		dirs[n++] = argv[1];
	if (*argv == NULL)
		return cli_usage(self);
	if (!offline_load(cli, dirs, n, &off))
		return CLI_USAGE;
	code = cmd_verify_scan(cli, &off, argv);
	offline_free(&off);
	return code;
}

int
cmd_rules(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct cli *, struct offline *);
	} verbs[] = {{"lint", lint}};
	struct offline off;
	int code = -1;

	if (argc < 2)
		return cli_usage(self);
	if (strcmp(argv[1], "test") == 0)
		return cmd_rules_test(cli, self, argc - 2, argv + 2);
	if (strcmp(argv[1], "list") == 0)
		return list(cli, self, argc - 2, argv + 2);
	if (strcmp(argv[1], "verify-scan") == 0)
		return verify_scan(cli, self, argv + 2);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && code < 0; i++) {
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		if (!offline_load(cli, (const char *const *)argv + 2, (size_t)(argc - 2), &off))
			return CLI_USAGE;
		code = verbs[i].run(cli, &off);
		offline_free(&off);
	}
	return code < 0 ? cli_usage(self) : code;
}
