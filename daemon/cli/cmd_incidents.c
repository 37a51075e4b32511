/*
 * cmd_incidents: the commands that ask the running daemon.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "incident/incident_text.h"
#include "util/vis.h"

/* Print ${answer} as JSON, or as ${render} makes it for people. */
static int
print(const struct cli *cli, json_t *answer, void (*render)(const json_t *, struct buf *))
{
	struct buf out = BUF_INIT;

	if (cli->json)
		return cli_print_json(answer);
	render(answer, &out);
	fputs(buf_str(&out), stdout);
	buf_free(&out);
	json_decref(answer);
	return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

static int
ask_and_print(
    const struct cli *cli, json_t *request, void (*render)(const json_t *, struct buf *))
{
	int code;
	json_t *answer = cli_ask(cli, request, &code);

	return answer == NULL ? code : print(cli, answer, render);
}

int
cmd_incidents(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	bool all = argc == 2 && strcmp(argv[1], "--all") == 0;

	if (argc > 2 || (argc == 2 && !all))
		return cli_usage(self);
	return ask_and_print(cli,
	    json_pack("{s:s, s:s}", "command", "incidents", "which", all ? "all" : "open"),
	    incident_text_list);
}

int
cmd_show(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	if (argc != 2)
		return cli_usage(self);
	return ask_and_print(
	    cli, json_pack("{s:s, s:s}", "command", "show", "id", argv[1]), incident_text_page);
}

static int
move(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	const char *id, *message;

	if (!cli_id_and_message(argc, argv, &id, &message))
		return cli_usage(self);
	return ask_and_print(cli,
	    json_pack("{s:s, s:s, s:s}", "command", self->name, "id", id, "message", message),
	    incident_text_page);
}

int
cmd_ack(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	return move(cli, self, argc, argv);
}

int
cmd_close(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	return move(cli, self, argc, argv);
}

static void
render_outbox(const json_t *outbox, struct buf *out)
{
	const json_t *d;
	size_t i;

	if (json_array_size(outbox) == 0)
		buf_puts(out, "everything is delivered\n");
	json_array_foreach(outbox, i, d)
	{
		const char *error = json_string_value(json_object_get(d, "error"));

		buf_printf(out, "%s  %s  %s  ", json_string_value(json_object_get(d, "incident")),
		    json_string_value(json_object_get(d, "channel")),
		    json_is_true(json_object_get(d, "dead")) ? "given up" : "waiting");
		buf_printf(out, "%lld attempts  ",
		    (long long)json_integer_value(json_object_get(d, "attempts")));
		vis_text(out, sv_str(error == NULL ? "" : error));
		buf_putc(out, '\n');
	}
}

int
cmd_outbox(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return cli_usage(self);
	return ask_and_print(cli, json_pack("{s:s}", "command", "outbox"), render_outbox);
}

static void
render_reload(const json_t *answer, struct buf *out)
{
	(void)answer;
	buf_puts(out, "reloaded\n");
}

int
cmd_reload(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return cli_usage(self);
	return ask_and_print(cli, json_pack("{s:s}", "command", "reload"), render_reload);
}
