/*
 * cmd_sources: what is examined and what is not, source by source.
 */
#include "cli/cmd_sources.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "util/vis.h"

static const char *
text(const json_t *obj, const char *name)
{
	const char *s = json_string_value(json_object_get(obj, name));

	return s == NULL ? "" : s;
}

static long long
number(const json_t *obj, const char *name)
{
	return (long long)json_integer_value(json_object_get(obj, name));
}

static void
print_text(const char *before, const char *s)
{
	struct buf out = BUF_INIT;

	vis_text(&out, sv_str(s));
	printf("%s%s", before, buf_str(&out));
	buf_free(&out);
}

static void
print_stream(const json_t *s)
{
	long long offset = number(s, "offset"), size = number(s, "size");

	print_text("  ", text(s, "source"));
	print_text("  ", text(s, "path"));
	if (*text(s, "stream") != '\0') {
		printf("  %lld %s examined", offset,
		    strncmp(text(s, "stream"), "journal:", 8) == 0 ? "entries" : "bytes");
		if (size > offset)
			printf(", %lld behind", size - offset);
		print_text("  ", text(s, "stream"));
	}
	if (*text(s, "problem") != '\0')
		print_text("  PROBLEM: ", text(s, "problem"));
	putchar('\n');
}

static void
print_address(const json_t *a)
{
	print_text("  ", text(a, "source"));
	print_text("  ", text(a, "address"));
	printf("  %lld messages, %lld dropped, %lld refused, %lld connections",
	    number(a, "messages"), number(a, "dropped"), number(a, "refused"),
	    number(a, "connections"));
	if (*text(a, "problem") != '\0')
		print_text("  PROBLEM: ", text(a, "problem"));
	putchar('\n');
}

static void
print_gap(const json_t *g)
{
	printf("  %s", text(g, "time"));
	print_text("  ", text(g, "source"));
	printf("  %s", text(g, "reason"));
	if (json_object_get(g, "to") != NULL)
		printf("  bytes %lld to %lld", number(g, "from"), number(g, "to"));
	if (json_object_get(g, "messages") != NULL)
		printf("  %lld messages", number(g, "messages"));
	if (*text(g, "path") != '\0')
		print_text("  ", text(g, "path"));
	print_text("  ", text(g, "text"));
	putchar('\n');
}

static void
print_ended(const json_t *e)
{
	printf("  %s", text(e, "time"));
	print_text("  ", text(e, "path"));
	printf("  examined to its end at %lld", number(e, "examined"));
	print_text("  ", text(e, "stream"));
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
