/*
 * offline_run: lines of one's own through the production pipeline, for the commands
 * that need no daemon.  Incidents are kept in memory; or, to measure what that costs, in
 * a private Redis that goes with the run.
 */
#ifndef CLI_OFFLINE_RUN_H
#define CLI_OFFLINE_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/event.h"
#include "model/line.h"
#include "pipeline.h"

struct offline;
struct offline_run;
struct source_conf;

enum offline_incidents { OFFLINE_NONE, OFFLINE_LOCAL, OFFLINE_REDIS };

typedef void offline_event_cb(void *ctx, const struct event *e);

/* ${source} gives format and program and is borrowed, as ${o} is.  ${incidents} says where
 * they are kept; with OFFLINE_NONE there are events only.  ${event} may be NULL.  NULL: the
 * error is printed. */
struct offline_run *offline_run_open(const struct offline *o, const struct source_conf *source,
    enum offline_incidents incidents, offline_event_cb *event, void *ctx);
void offline_run_free(struct offline_run **r);

/* The next lines are the first of another file.  Lines without a time are of ${now}, and
 * years are inferred from it. */
void offline_run_begin(struct offline_run *r);
void offline_run_set_now(struct offline_run *r, int64_t now);
/* Examine ${chunk}, in the order of its stream.  False when state is lost. */
bool offline_run_lines(struct offline_run *r, const struct chunk *chunk);
/* The file is at its end: what waits for more lines is complete. */
void offline_run_end(struct offline_run *r);

/* All incidents so far, the newest first; time has passed up to the latest event.  NULL:
 * the error is printed. */
json_t *offline_run_incidents(struct offline_run *r);
/* Forget events and incidents so far; of OFFLINE_LOCAL only. */
void offline_run_forget(struct offline_run *r);

/* Incidents are counted by offline_run_incidents(). */
struct pipeline_stats offline_run_stats(const struct offline_run *r);

#endif
