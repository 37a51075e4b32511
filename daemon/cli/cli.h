/*
 * cli: triagectl: its commands, and what they share.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "conf/config.h"

struct geoip;
struct ruleset;

/* Exit codes; documented in triagectl(1). */
enum {
	CLI_OK = 0,
	CLI_FAILED = 1,      /* what was asked for did not work out */
	CLI_USAGE = 2,       /* wrong usage, or errors in a configuration or rule file */
	CLI_UNREACHABLE = 3, /* no daemon at the socket */
};

#define CLI_LISTS_MAX 32

/* Options that stand before or after the command. */
struct cli {
	const char *socket;
	const char *config; /* -c; NULL: the installed rules, no configuration */
	bool json;          /* -o json */
	const char *lists[CLI_LISTS_MAX]; /* --list: NAME=FILE */
	size_t nlists;
};

struct cli_command {
	const char *name;
	const char *args; /* for the usage */
	const char *help;
	int (*run)(const struct cli *cli, const struct cli_command *self, int argc, char **argv);
};

/* Print the usage of ${cmd} on standard error; returns CLI_USAGE. */
int cli_usage(const struct cli_command *cmd);
/* An error for people on standard error; returns ${code}. */
int cli_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Ask the daemon; the error is printed and ${code} set when NULL is returned. */
json_t *cli_ask(const struct cli *cli, json_t *request, int *code);
/* A member of an answer: "" and 0 when it is not there. */
const char *cli_text(const json_t *obj, const char *name);
long long cli_number(const json_t *obj, const char *name);
/* Print ${s}, whoever wrote it, harmless to a terminal, behind ${before}. */
void cli_print_text(const char *before, const char *s);
/* Take ID and -m MESSAGE, in either order; false when that is not what there is. */
bool cli_id_and_message(int argc, char **argv, const char **id, const char **message);
/* "  NAME=VALUE" of each member. */
void cli_print_fields(const json_t *fields);
/* Print a silence of an answer, a line. */
void cli_print_silence(const json_t *s);
/* The enum source_format called ${name}; false: there is none. */
bool cli_format(const char *name, int *format);
/* Print ${value} as JSON, a line; drops the reference. */
int cli_print_json(json_t *value);

/* What the commands that need no daemon work on. */
struct offline {
	struct diag *diag;
	struct config *config; /* of -c, or the defaults */
	struct ruleset *rules;
	struct geoip *geoip; /* of -c; NULL: none */
};

/* Load the rules of ${dirs}, or when there are none those of the configuration,
 * or the installed ones (of a build tree: its own).  False: errors are printed. */
bool offline_load(
    const struct cli *cli, const char *const *dirs, size_t ndirs, struct offline *out);
void offline_free(struct offline *o);

int cmd_status(const struct cli *, const struct cli_command *, int, char **);
int cmd_incidents(const struct cli *, const struct cli_command *, int, char **);
int cmd_show(const struct cli *, const struct cli_command *, int, char **);
int cmd_ack(const struct cli *, const struct cli_command *, int, char **);
int cmd_close(const struct cli *, const struct cli_command *, int, char **);
int cmd_outbox(const struct cli *, const struct cli_command *, int, char **);
int cmd_rule(const struct cli *, const struct cli_command *, int, char **);
int cmd_silence(const struct cli *, const struct cli_command *, int, char **);
int cmd_silences(const struct cli *, const struct cli_command *, int, char **);
int cmd_unsilence(const struct cli *, const struct cli_command *, int, char **);
int cmd_sources(const struct cli *, const struct cli_command *, int, char **);
int cmd_reload(const struct cli *, const struct cli_command *, int, char **);
int cmd_rules(const struct cli *, const struct cli_command *, int, char **);
int cmd_explain(const struct cli *, const struct cli_command *, int, char **);
int cmd_replay(const struct cli *, const struct cli_command *, int, char **);
int cmd_eval(const struct cli *, const struct cli_command *, int, char **);
int cmd_backtest(const struct cli *, const struct cli_command *, int, char **);
int cmd_schema(const struct cli *, const struct cli_command *, int, char **);

#endif
