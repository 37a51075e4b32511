/*
 * cmd_backtest: what the files of the command backtest share: cmd_backtest_compare.c
 * finds what differs, cmd_backtest_print.c shows it.
 */
#ifndef CLI_CMD_BACKTEST_H
#define CLI_CMD_BACKTEST_H

#include <jansson.h>

enum backtest_kind {
	BACKTEST_ADDED,
	BACKTEST_REMOVED,
	BACKTEST_CHANGED, /* of the same rule and key, at the same time, but not the same */
	BACKTEST_SAME,
	BACKTEST_KINDS
};

const char *cmd_backtest_name(enum backtest_kind kind);

/* Call ${row} for each incident of two lists, in order of time; ${old} or ${new} is NULL
 * when there is none.  ${n} is how many there are of each kind. */
typedef void cmd_backtest_cb(
    void *ctx, enum backtest_kind kind, const json_t *old, const json_t *new);
void cmd_backtest_compare(const json_t *old, const json_t *new, cmd_backtest_cb *row, void *ctx,
    size_t n[BACKTEST_KINDS]);

/* The members that may differ. */
extern const char *const cmd_backtest_members[];

void cmd_backtest_print_head(void);
void cmd_backtest_print(enum backtest_kind kind, const json_t *old, const json_t *new);

#endif
