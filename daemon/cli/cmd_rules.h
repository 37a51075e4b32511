/*
 * cmd_rules: what the files of the command rules share.
 */
#ifndef CLI_CMD_RULES_H
#define CLI_CMD_RULES_H

struct cli;
struct offline;

/* rules list */
int cmd_rules_list(const struct cli *cli, struct offline *off);

#endif
