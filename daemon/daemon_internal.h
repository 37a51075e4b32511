/*
 * daemon_internal: what daemon.c and the files of commands share.
 */
#ifndef DAEMON_INTERNAL_H
#define DAEMON_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "control/control.h"

struct daemon {
	const char *path; /* of the configuration file */
	struct ev *ev;
	struct setup *setup;
	struct setup *next; /* loaded by a reload that needs everything anew */
	struct reload *reload; /* under way; NULL when none is */
	struct pipeline *pipeline;
	struct receive_sockets *sockets; /* outlive a pipeline */
	struct control *control;
	struct ev_timer *drain; /* looks whether draining is over */
	int64_t drain_until;    /* monotonic ms */
	struct ev_timer *ready; /* looks whether the start is over */
	int64_t ready_until;
	bool stopping;
	int64_t started; /* wall ms */
	int64_t loaded;  /* wall ms of the last good reload */
};

extern const struct control_command daemon_commands[];

/* What "status" and "sources" tell of each stream. */
json_t *commands_list_sources(const struct daemon *d);
void commands_sources_run(void *ctx, struct control_request *req);
void commands_rule_run(void *ctx, struct control_request *req);
void commands_silence_run(void *ctx, struct control_request *req);
void commands_silence_run_end(void *ctx, struct control_request *req);
void commands_silence_run_list(void *ctx, struct control_request *req);

/* Read no more, let what is under way end, then leave the loop. */
void daemon_begin_drain(struct daemon *d);

#endif
