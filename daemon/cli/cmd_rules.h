/*
 * cmd_rules: what the files of the command rules share.
 */
#ifndef CLI_CMD_RULES_H
#define CLI_CMD_RULES_H

struct cli;
struct cli_command;
struct offline;

/* rules list */
int cmd_rules_list(const struct cli *cli, struct offline *off);
/* rules test; ${argv}: what follows "test" */
int cmd_rules_test(const struct cli *cli, const struct cli_command *self, int argc, char **argv);

#endif
