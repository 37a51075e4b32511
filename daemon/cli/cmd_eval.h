/*
 * cmd_eval: what the files of the command eval share: cmd_eval_logs.c finds the logs,
 * cmd_eval_show.c prints single lines and incidents.
 */
#ifndef CLI_CMD_EVAL_H
#define CLI_CMD_EVAL_H

#include <jansson.h>
#include <stdbool.h>

#include "eval/eval_tally.h"

/* What to show: a bit for each enum eval_result, and this one. */
#define CMD_EVAL_SHOW_INCIDENTS (1U << 8)

/* Call ${got} for each *.log below ${dir}, in order of name.  False when a folder cannot
 * be read, which is printed, or when ${got} says so. */
typedef bool cmd_eval_log_cb(void *ctx, const char *path);
bool cmd_eval_each_log(const char *dir, cmd_eval_log_cb *got, void *ctx);

/* Print the line of ${label} in ${dir}/${name}.log, and what is wrong with it. */
void cmd_eval_show_line(const char *dir, const char *name, const struct eval_label *label,
    enum eval_result result, bool json);
/* A source that is missing or blamed, see eval/eval_truth.h. */
void cmd_eval_show_incident(
    const char *name, const char *what, const char *host, const char *rules, bool json);
/* The incidents that were opened. */
void cmd_eval_show_opened(const char *name, const json_t *incidents, bool json);

#endif
