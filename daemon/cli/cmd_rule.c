/*
 * cmd_rule: a rule at work.
 */
#include <stdio.h>

#include "cli/cli.h"

static void
print_group(const json_t *g)
{
	const json_t *window = json_object_get(g, "window"), *point, *line;
	const char *incident = json_string_value(json_object_get(g, "incident"));
	size_t i;

	cli_print_fields(json_object_get(g, "key"));
	printf("  last %s", cli_text(g, "last_event"));
	if (incident != NULL)
		cli_print_text("  in ", incident);
	putchar('\n');
	json_array_foreach(window, i, point)
	{
		printf("    %s", cli_text(point, "time"));
		if (cli_number(point, "events") > 1)
			printf("  %lld events", cli_number(point, "events"));
		putchar('\n');
	}
	json_array_foreach(json_object_get(g, "lines"), i, line)
	{
		cli_print_text("    ", cli_text(line, "line"));
		putchar('\n');
	}
}

static void
print_days(const json_t *days)
{
	const char *day, *what;
	json_t *counts, *n;

	json_object_foreach((json_t *)(uintptr_t)days, day, counts)
	{
		if (json_object_size(counts) == 0)
			continue;
		printf("  %.10s ", day);
		json_object_foreach(counts, what, n)
			printf(" %lld %s", (long long)json_integer_value(n), what);
		putchar('\n');
	}
}

int
cmd_rule(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	json_t *answer;
	const json_t *group;
	bool is_incident;
	size_t i;
	int code;

	if (argc != 2)
		return cli_usage(self);
	answer = cli_ask(cli, json_pack("{s:s, s:s}", "command", "rule", "id", argv[1]), &code);
	if (answer == NULL)
		return code;
	if (cli->json)
		return cli_print_json(answer);
	is_incident = json_object_get(answer, "criteria") != NULL;
	printf("%s: %s\n", cli_text(answer, "rule"),
	    cli_text(answer, is_incident ? "criteria" : "title"));
	if (is_incident)
		printf("groups: %lld\n", cli_number(answer, "groups"));
	json_array_foreach(json_object_get(answer, "silences"), i, group)
	{
		fputs("silenced  ", stdout);
		cli_print_silence(group);
	}
	json_array_foreach(json_object_get(answer, "shown"), i, group)
	{
		print_group(group);
	}
	puts("events of the last seven days");
	print_days(json_object_get(answer, "days"));
	json_decref(answer);
	return CLI_OK;
}
