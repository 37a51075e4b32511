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
