/*
 * cmd_rules: what the files of the command rules share.
 */
#ifndef CLI_CMD_RULES_H
#define CLI_CMD_RULES_H

#include <jansson.h>
#include <stdbool.h>

struct cli;
struct cli_command;
struct offline;
struct ruleset;

/* Which event rules are listed. */
enum cmd_rules_which {
	CMD_RULES_ALL,
	CMD_RULES_HERE,     /* that apply to this host */
	CMD_RULES_SILENT,   /* that apply here or may, and never had an event */
	CMD_RULES_UNTESTED, /* without a test */
	CMD_RULES_CRITERIA, /* counted by the criteria that they speak to */
};
/* The option ${arg} of rules list; false: it is none. */
bool cmd_rules_list_option(const char *arg, enum cmd_rules_which *which);

/* rules list */
int cmd_rules_list(const struct cli *cli, struct offline *off, enum cmd_rules_which which);
/* rules list --criteria; ${seen}: what the daemon says, or NULL */
void cmd_rules_criteria(const struct cli *cli, const struct ruleset *rs, const json_t *seen);
/* rules test; ${argv}: what follows "test" */
int cmd_rules_test(const struct cli *cli, const struct cli_command *self, int argc, char **argv);

#endif
