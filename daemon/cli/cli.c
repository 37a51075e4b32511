/*
 * cli: what the commands share: usage, errors, asking the daemon, JSON.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/client.h"
#include "util/vis.h"

int
cli_usage(const struct cli_command *cmd)
{
	fprintf(stderr, "usage: triagectl %s %s\n", cmd->name, cmd->args);
	return CLI_USAGE;
}

int
cli_fail(int code, const char *fmt, ...)
{
	struct buf out = BUF_INIT;
	char text[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Line by line: an error may be several. */
	for (char *line = text, *end; *line != '\0'; line = end) {
		end = strchrnul(line, '\n');
		vis_text(&out, (struct sv){line, (size_t)(end - line)});
		buf_putc(&out, '\n');
		end += *end == '\n';
	}
	fprintf(stderr, "triagectl: %s", buf_str(&out));
	buf_free(&out);
	return code;
}

json_t *
cli_ask(const struct cli *cli, json_t *request, int *code)
{
	struct buf error = BUF_INIT;
	bool reached;
	json_t *answer = client_ask(cli->socket, request, &error, &reached);

	*code = CLI_OK;
	if (answer == NULL)
		*code = cli_fail(reached ? CLI_FAILED : CLI_UNREACHABLE, "%s", buf_str(&error));
	buf_free(&error);
	return answer;
}

const char *
cli_text(const json_t *obj, const char *name)
{
	const char *s = json_string_value(json_object_get(obj, name));

	return s == NULL ? "" : s;
}

long long
cli_number(const json_t *obj, const char *name)
{
	return (long long)json_integer_value(json_object_get(obj, name));
}

void
cli_print_text(const char *before, const char *s)
{
	struct buf out = BUF_INIT;

	vis_text(&out, sv_str(s));
	printf("%s%s", before, buf_str(&out));
	buf_free(&out);
}

bool
cli_id_and_message(int argc, char **argv, const char **id, const char **message)
{
	*id = *message = NULL;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-m") == 0 && i + 1 < argc && *message == NULL)
			*message = argv[++i];
		else if (argv[i][0] != '-' && *id == NULL)
			*id = argv[i];
		else
			return false;
	}
	return *id != NULL && *message != NULL;
}

void
cli_print_fields(const json_t *fields)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)fields, name, value)
	{
		cli_print_text("  ", name);
		cli_print_text("=", json_string_value(value));
	}
}

void
cli_print_silence(const json_t *s)
{
	const json_t *ended = json_object_get(s, "ended");

	cli_print_text("", cli_text(s, "id"));
	cli_print_text("  ", cli_text(s, "rule"));
	cli_print_fields(json_object_get(s, "fields"));
	printf("  from %.19sZ until %.19sZ", cli_text(s, "from"), cli_text(s, "until"));
	cli_print_text("  by ", cli_text(s, "by"));
	cli_print_text(": ", cli_text(s, "message"));
	if (ended != NULL) {
		printf("  ended %.19sZ", cli_text(ended, "time"));
		cli_print_text(" by ", cli_text(ended, "by"));
		cli_print_text(": ", cli_text(ended, "message"));
	}
	putchar('\n');
}

bool
cli_format(const char *name, int *format)
{
	for (int i = 0; config_formats[i] != NULL; i++) {
		if (strcmp(config_formats[i], name) == 0) {
			*format = i;
			return true;
		}
	}
	return false;
}

int
cli_print_json(json_t *value)
{
	int bad = json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);

	json_decref(value);
	putchar('\n');
	return bad < 0 || fflush(stdout) != 0 ? CLI_FAILED : CLI_OK;
}
