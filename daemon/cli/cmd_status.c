/*
 * cmd_status: the daemon's state on one screen.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void
print_redis(const json_t *redis)
{
	bool ready = json_is_true(json_object_get(redis, "ready"));

	printf("redis      %s", ready ? "here" : "AWAY: ");
	cli_print_text("", cli_text(redis, "problem"));
	printf(", %lld commits, lost %lld times\n", cli_number(redis, "commits"), cli_number(redis, "losses"));
}

static void
print_outbox(const json_t *outbox)
{
	if (json_is_object(outbox))
		printf("webhooks   %lld waiting, %lld failing, %lld given up\n",
		    cli_number(outbox, "waiting"), cli_number(outbox, "failing"), cli_number(outbox, "dead"));
	else
		puts("webhooks   unknown while Redis is away");
}

static void
print_geoip(const json_t *files)
{
	const json_t *f;
	size_t i;

	json_array_foreach(files, i, f)
	{
		const char *built = cli_text(f, "built"), *problem = cli_text(f, "problem");

		printf("geoip      %s: ", cli_text(f, "name"));
		cli_print_text("", cli_text(f, "path"));
		if (*cli_text(f, "type") != '\0')
			printf(", %s of %.10s", cli_text(f, "type"), built);
		if (*problem != '\0')
			cli_print_text("  PROBLEM: ", problem);
		putchar('\n');
	}
}

static void
print_lists(const json_t *lists)
{
	const json_t *l;
	size_t i;

	json_array_foreach(lists, i, l)
	{
		const char *problem = cli_text(l, "problem");

		printf("list       %s: %s", cli_text(l, "list"), cli_text(l, "key"));
		cli_print_text("", cli_text(l, "file"));
		printf(", %lld values", cli_number(l, "values"));
		if (cli_number(l, "invalid") > 0)
			printf(", %lld of them invalid", cli_number(l, "invalid"));
		if (*problem != '\0')
			cli_print_text("  PROBLEM: ", problem);
		putchar('\n');
	}
}

static void
print_sources(const json_t *sources)
{
	const json_t *s;
	size_t i;

	puts("sources");
	json_array_foreach(sources, i, s)
	{
		long long offset = cli_number(s, "offset"), size = cli_number(s, "size");

		fputs("  ", stdout);
		cli_print_text("", cli_text(s, "source"));
		fputs("  ", stdout);
		cli_print_text("", cli_text(s, "path"));
		printf("  %lld bytes examined", offset);
		if (size > offset)
			printf(", %lld to go", size - offset);
		if (*cli_text(s, "problem") != '\0') {
			fputs("  PROBLEM: ", stdout);
			cli_print_text("", cli_text(s, "problem"));
		}
		putchar('\n');
	}
}

static void
print_counters(json_t *counters)
{
	const char *name;
	json_t *value;

	puts("counters");
	json_object_foreach(counters, name, value)
	{
		printf("  %-26s %lld\n", name, (long long)json_integer_value(value));
	}
}

static void
print_status(const json_t *st)
{
	const json_t *rules = json_object_get(st, "rules");

	printf("triaged    %s on ", cli_text(st, "version"));
	cli_print_text("", cli_text(st, "node"));
	printf(", up %lld s since %s\n", cli_number(st, "uptime_ms") / 1000, cli_text(st, "started"));
	printf("rules      %lld event rules, %lld incident rules, loaded %s, %.12s\n",
	    cli_number(rules, "events"), cli_number(rules, "incidents"), cli_text(rules, "loaded"),
	    cli_text(rules, "hash"));
	print_redis(json_object_get(st, "redis"));
	print_outbox(json_object_get(st, "outbox"));
	print_geoip(json_object_get(st, "geoip"));
	print_lists(json_object_get(st, "lists"));
	print_sources(json_object_get(st, "sources"));
	print_counters(json_object_get(st, "counters"));
}

int
cmd_status(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	json_t *answer;
	int code;

	(void)argv;
	if (argc != 1)
		return cli_usage(self);
	answer = cli_ask(cli, json_pack("{s:s}", "command", "status"), &code);
	if (answer == NULL)
		return code;
	if (cli->json)
		return cli_print_json(answer);
	print_status(answer);
	json_decref(answer);
	return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}
