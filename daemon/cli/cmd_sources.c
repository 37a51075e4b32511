/*
 * cmd_sources: what is examined and what is not, source by source.
 */
#include "cli/cmd_sources.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void
print_stream(const json_t *s)
{
	long long offset = cli_number(s, "offset"), size = cli_number(s, "size");

	cli_print_text("  ", cli_text(s, "source"));
	cli_print_text("  ", cli_text(s, "path"));
	if (*cli_text(s, "stream") != '\0') {
		printf("  %lld %s examined", offset,
		    strncmp(cli_text(s, "stream"), "journal:", 8) == 0 ? "entries" : "bytes");
		if (size > offset && size - offset == cli_number(s, "unended"))
			printf(", a last line of %lld bytes has no end yet", size - offset);
		else if (size > offset)
			printf(", %lld behind", size - offset);
		if (json_is_true(json_object_get(s, "rotated")))
			fputs(", rotated", stdout);
		if (*cli_text(s, "grew") != '\0')
			printf(", grew %s", cli_text(s, "grew"));
		cli_print_text("  ", cli_text(s, "stream"));
	}
	if (*cli_text(s, "problem") != '\0')
		cli_print_text("  PROBLEM: ", cli_text(s, "problem"));
	putchar('\n');
}

static void
print_address(const json_t *a)
{
	cli_print_text("  ", cli_text(a, "source"));
	cli_print_text("  ", cli_text(a, "address"));
	printf("  %lld messages, %lld dropped, %lld refused, %lld connections",
	    cli_number(a, "messages"), cli_number(a, "dropped"), cli_number(a, "refused"),
	    cli_number(a, "connections"));
	if (*cli_text(a, "problem") != '\0')
		cli_print_text("  PROBLEM: ", cli_text(a, "problem"));
	putchar('\n');
}

static void
print_gap(const json_t *g)
{
	printf("  %s", cli_text(g, "time"));
	cli_print_text("  ", cli_text(g, "source"));
	printf("  %s", cli_text(g, "reason"));
	if (json_object_get(g, "to") != NULL)
		printf("  bytes %lld to %lld", cli_number(g, "from"), cli_number(g, "to"));
	if (json_object_get(g, "messages") != NULL)
		printf("  %lld messages", cli_number(g, "messages"));
	if (*cli_text(g, "path") != '\0')
		cli_print_text("  ", cli_text(g, "path"));
	cli_print_text("  ", cli_text(g, "text"));
	putchar('\n');
}

static void
print_ended(const json_t *e)
{
	printf("  %s", cli_text(e, "time"));
	cli_print_text("  ", cli_text(e, "path"));
	printf("  examined to its end at %lld", cli_number(e, "examined"));
	cli_print_text("  ", cli_text(e, "stream"));
	putchar('\n');
}

static void
print_each(const char *title, const json_t *list, void (*print)(const json_t *))
{
	const json_t *item;
	size_t i;

	if (json_array_size(list) > 0)
		puts(title);
	json_array_foreach(list, i, item)
	{
		print(item);
	}
}

static void
print_sources(const json_t *answer)
{
	const json_t *unexamined = json_object_get(answer, "unexamined");

	print_each("streams", json_object_get(answer, "sources"), print_stream);
	print_each("addresses", json_object_get(answer, "addresses"), print_address);
	if (json_is_null(unexamined)) {
		puts("what was not examined is not known while Redis is away");
		return;
	}
	print_each("read to their end", json_object_get(unexamined, "ended"), print_ended);
	print_each("not examined", json_object_get(unexamined, "gaps"), print_gap);
	if (json_array_size(json_object_get(unexamined, "gaps")) == 0)
		puts("nothing was passed over");
}

int
cmd_sources(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	bool verify = argc == 2 && strcmp(argv[1], "--verify") == 0;
	json_t *answer;
	int code;

	if (argc != 1 && !verify)
		return cli_usage(self);
	answer = cli_ask(cli, json_pack("{s:s}", "command", "sources"), &code);
	if (answer == NULL)
		return code;
	if (verify) {
		code = cmd_sources_verify(cli, answer);
		json_decref(answer);
		return code;
	}
	if (cli->json)
		return cli_print_json(answer);
	print_sources(answer);
	json_decref(answer);
	return CLI_OK;
}
