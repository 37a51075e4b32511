/*
 * cmd_sources: the parts of triagectl sources.
 */
#ifndef CLI_CMD_SOURCES_H
#define CLI_CMD_SOURCES_H

#include "cli/cli.h"

/* Recompute from the files that are still there what ${answer}, the daemon's,
 * claims to be examined, and print where they differ.  CLI_FAILED if they do. */
int cmd_sources_verify(const struct cli *cli, const json_t *answer);

#endif
