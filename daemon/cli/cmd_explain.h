/*
 * cmd_explain: what the files of the command explain share.
 */
#ifndef CLI_CMD_EXPLAIN_H
#define CLI_CMD_EXPLAIN_H

#include <jansson.h>
#include <stdbool.h>

#include "util/buf.h"

struct cli;
struct event;

/* Does a daemon answer? */
bool cmd_explain_now_is_there(const struct cli *cli);
/* Append to the array ${list} an object for each incident rule that is about ${e}: whether it
 * counts it, and what the daemon has of that group now; INTERFACES.md has the form. */
void cmd_explain_now_add(const struct cli *cli, const struct event *e, json_t *list);
/* Such an array, or NULL, for people. */
void cmd_explain_now_text(const json_t *list, struct buf *out);

#endif
