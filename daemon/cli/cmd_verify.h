/*
 * cmd_verify: the oracle of the scan, for cmd_rules.
 */
#ifndef CLI_CMD_VERIFY_H
#define CLI_CMD_VERIFY_H

#include "cli/cli.h"

/* Compare on ${files} (NULL-terminated) what the rules match with and without the
 * scan.  CLI_OK when it is the same. */
int cmd_verify_scan(const struct cli *cli, struct offline *off, char **files);

#endif
