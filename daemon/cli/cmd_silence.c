/*
 * cmd_silence: for some time no incidents of a rule, of all rules, or of what some fields say.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static int
ask(const struct cli *cli, json_t *request)
{
	int code;
	json_t *answer = cli_ask(cli, request, &code);

	if (answer == NULL)
		return code;
	if (cli->json)
		return cli_print_json(answer);
	cli_print_silence(answer);
	json_decref(answer);
	return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

/* FIELD=VALUE; false when it is none, or the field is there already. */
static bool
add_field(json_t *fields, const char *text)
{
	const char *equals = strchr(text, '=');
	json_t *value;
	char name[256];

	if (equals == NULL || equals == text || (size_t)(equals - text) >= sizeof(name))
		return false;
	memcpy(name, text, (size_t)(equals - text));
	name[equals - text] = '\0';
	value = json_string(equals + 1);
	if (value == NULL || json_object_get(fields, name) != NULL) {
		json_decref(value);
		return false;
	}
	return json_object_set_new(fields, name, value) == 0;
}

/* RULE, any FIELD=VALUE, -d and -m, in any order. */
static bool
parse(int argc, char **argv, json_t *request)
{
	json_t *fields = json_object();

	json_object_set_new(request, "fields", fields);
	for (int i = 1; i < argc; i++) {
		const char *as = strcmp(argv[i], "-d") == 0 ? "for"
		    : strcmp(argv[i], "-m") == 0            ? "message"
		                                            : NULL;

		if (as == NULL && argv[i][0] == '-')
			return false;
		if (as == NULL && json_object_get(request, "rule") != NULL) {
			if (!add_field(fields, argv[i]))
				return false;
			continue;
		}
		if (as != NULL && (++i == argc || json_object_get(request, as) != NULL))
			return false;
		if (json_object_set_new(request, as == NULL ? "rule" : as, json_string(argv[i])) <
		    0)
			return false;
	}
	return json_object_get(request, "rule") != NULL &&
	    json_object_get(request, "for") != NULL && json_object_get(request, "message") != NULL;
}

int
cmd_silence(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	json_t *request = json_pack("{s:s}", "command", "silence");

	if (parse(argc, argv, request))
		return ask(cli, request);
	json_decref(request);
	return cli_usage(self);
}

int
cmd_unsilence(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	const char *id, *message;

	if (!cli_id_and_message(argc, argv, &id, &message))
		return cli_usage(self);
	return ask(cli,
	    json_pack("{s:s, s:s, s:s}", "command", "unsilence", "id", id, "message", message));
}

int
cmd_silences(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	bool all = argc == 2 && strcmp(argv[1], "--all") == 0;
	json_t *answer, *one;
	size_t i;
	int code;

	if (argc > 2 || (argc == 2 && !all))
		return cli_usage(self);
	answer = cli_ask(cli,
	    json_pack("{s:s, s:s}", "command", "silences", "which", all ? "all" : "hold"), &code);
	if (answer == NULL)
		return code;
	if (cli->json)
		return cli_print_json(answer);
	if (json_array_size(answer) == 0)
		puts(all ? "there was no silence" : "no silence holds");
	json_array_foreach(answer, i, one)
	{
		cli_print_silence(one);
	}
	json_decref(answer);
	return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}
