/*
 * main: the options and the table of commands of triagectl.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "util/log.h"

#ifndef TRIAGED_RUNDIR
#define TRIAGED_RUNDIR "/run/triaged"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

static const struct cli_command commands[] = {
    {"status", "", "how the daemon is doing", cmd_status},
    {"incidents", "[--all]", "incidents that are not closed", cmd_incidents},
    {"show", "ID", "one incident: key, samples, history, deliveries", cmd_show},
    {"ack", "ID -m MESSAGE", "acknowledge: someone is on it", cmd_ack},
    {"close", "ID -m MESSAGE", "close: it is over", cmd_close},
    {"outbox", "", "webhooks that have not been delivered", cmd_outbox},
    {"rule", "ID", "a rule at work: windows of an incident rule, what became of events", cmd_rule},
    {"silence", "RULE|all [FIELD=VALUE]... -d DURATION -m MESSAGE", "no incidents of a rule for some time", cmd_silence},
    {"silences", "[--all]", "silences that hold", cmd_silences},
    {"unsilence", "ID -m MESSAGE", "end a silence", cmd_unsilence},
    {"sources", "[--verify]", "what is examined and what was passed over", cmd_sources},
    {"reload", "", "read configuration and rules anew", cmd_reload},
    {"rules", "test [--junit FILE] [--coverage] [DIR...] | lint [DIR...] | list [--here|--silent|--untested|--criteria] [DIR...] | verify-scan [--rules DIR]... FILE...", "check rules",
        cmd_rules},
    {"explain", "[--rules DIR]... [--rule ID] [--format FORMAT] [--program NAME] LINE", "what each rule makes of a line", cmd_explain},
    {"replay", "[--json] [--events-only | --redis] [--format FORMAT] [--program NAME] [--rules DIR]... FILE...",
        "run files through the rules on a clock of their own", cmd_replay},
    {"eval", "--labels DIR [--rules DIR]... [--show missed|false|host|incidents]... [--json] [NAME...]",
        "measure the rules on logs of which is known what is an event", cmd_eval},
    {"backtest", "[--rules DIR]... --against DIR... [--json] [--format FORMAT] [--program NAME] FILE...",
        "the incidents that a change of rules adds and removes", cmd_backtest},
    {"schema", "config|rules [--mdoc]", "JSON Schema of the files, for editors", cmd_schema},
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static int
usage(FILE *out, int code)
{
	fputs("usage: triagectl [-s SOCKET] [-c FILE] [-o json] [--list NAME=FILE]... COMMAND ...\n\n",
	    out);
	for (size_t i = 0; i < NCOMMANDS; i++)
		fprintf(out, "  %-10s %s\n             %s\n", commands[i].name, commands[i].args,
		    commands[i].help);
	fputs("\n  -s, --socket SOCKET  of the daemon (default " TRIAGED_RUNDIR "/control.sock)\n"
	      "  -c, --config FILE    take rules and limits from this configuration\n"
	      "  -o, --output json    for scripts; text otherwise\n"
	      "      --list NAME=FILE what list NAME has in Redis, for commands without a daemon\n"
	      "      --version\n",
	    out);
	return code;
}

static bool
take_list(struct cli *cli, const char *text)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text || equals[1] == '\0' || cli->nlists == CLI_LISTS_MAX)
		return false;
	cli->lists[cli->nlists++] = text;
	return true;
}

/* Take the global option at argv[i], wherever it stands.  Returns how many
 * arguments it is: 0 when it is none, -1 when it is wrong. */
static int
global_option(struct cli *cli, int argc, char **argv, int i)
{
	static const struct {
		const char *brief, *full;
	} names[] = {{"-s", "--socket"}, {"-c", "--config"}, {"-o", "--output"}, {"--list", "--list"}};

	for (int k = 0; k < 4; k++) {
		if (strcmp(argv[i], names[k].brief) != 0 && strcmp(argv[i], names[k].full) != 0)
			continue;
		if (i + 1 >= argc)
			return -1;
		if (k == 0)
			cli->socket = argv[i + 1];
		else if (k == 1)
			cli->config = argv[i + 1];
		else if (k == 3) {
			if (!take_list(cli, argv[i + 1]))
				return -1;
		} else if (strcmp(argv[i + 1], "json") == 0 || strcmp(argv[i + 1], "text") == 0)
			cli->json = strcmp(argv[i + 1], "json") == 0;
		else
			return -1;
		return 2;
	}
	return 0;
}

/* Take the global options out of ${argv}; what follows "--" is left alone.
 * Returns the new count, or -1. */
static int
take_globals(struct cli *cli, int argc, char **argv)
{
	int kept = 0;
	bool rest = false;

	for (int i = 0; i < argc;) {
		int n = rest ? 0 : global_option(cli, argc, argv, i);

		if (n < 0)
			return -1;
		rest = rest || strcmp(argv[i], "--") == 0;
		if (n == 0)
			argv[kept++] = argv[i++];
		i += n;
	}
	argv[kept] = NULL;
	return kept;
}

int
main(int argc, char **argv)
{
	struct cli cli = {.socket = TRIAGED_RUNDIR "/control.sock"};

	log_open("triagectl", LOG_LEVEL_WARN);
	argc = take_globals(&cli, argc, argv);
	if (argc < 2)
		return usage(stderr, CLI_USAGE);
	if (strcmp(argv[1], "--version") == 0) {
		puts("triagectl " PACKAGE_VERSION);
		return CLI_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(stdout, CLI_OK);
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(&cli, &commands[i], argc - 1, argv + 1);
	cli_fail(CLI_USAGE, "no command %s", argv[1]);
	return usage(stderr, CLI_USAGE);
}
