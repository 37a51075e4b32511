/*
 * cmd_backtest_print: incidents before and now, a line each; below it what has changed.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmd_backtest.h"

#define RULE_WIDTH 28

void
cmd_backtest_print_head(void)
{
	printf("%-8s %-20s %8s %8s  %-*s %s\n", "CHANGE", "FIRST EVENT (UTC)", "BEFORE", "NOW",
	    RULE_WIDTH, "RULE", "TITLE");
}

static void
print_count(const json_t *inc)
{
	if (inc == NULL)
		printf(" %8s", "-");
	else
		printf(" %8lld", cli_number(inc, "count"));
}

/* 2026-01-31T23:59:59.123Z as 2026-01-31 23:59:59 */
static void
print_time(const char *time)
{
	size_t n = strcspn(time, "T");

	printf(" %.*s %.8s ", (int)n, time, time[n] == '\0' ? "" : time + n + 1);
}

static void
print_member(const char *before, const json_t *inc, const char *name)
{
	const json_t *value = json_object_get(inc, name);

	if (json_is_string(value))
		cli_print_text(before, json_string_value(value));
	else
		printf("%s%lld", before, cli_number(inc, name));
}

/* What has changed beside the count, which stands in the line above. */
static void
print_differences(const json_t *old, const json_t *new)
{
	const char *before = "    ";

	for (size_t i = 0; cmd_backtest_members[i] != NULL; i++) {
		const char *name = cmd_backtest_members[i];

		if (strcmp(name, "count") == 0 ||
		    json_equal(json_object_get(old, name), json_object_get(new, name)))
			continue;
		printf("%s%s ", before, name);
		print_member("", old, name);
		print_member(" -> ", new, name);
		before = ", ";
	}
	if (*before == ',')
		putchar('\n');
}

void
cmd_backtest_print(enum backtest_kind kind, const json_t *old, const json_t *new)
{
	const json_t *inc = new == NULL ? old : new;

	printf("%-8s", cmd_backtest_name(kind));
	print_time(cli_text(old == NULL ? new : old, "first_event"));
	print_count(old);
	print_count(new);
	printf("  %-*s", RULE_WIDTH, cli_text(inc, "rule"));
	cli_print_text(" ", cli_text(inc, "title"));
	putchar('\n');
	if (kind == BACKTEST_CHANGED)
		print_differences(old, new);
}
