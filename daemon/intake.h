/*
 * intake: where lines come from, as one: the files and journals that are followed,
 * what is sent to us, and the formats that stand between them and the scan.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/line.h"
#include "model/trouble.h"
#include "receive/receive.h"
#include "source/source.h"

struct ev;
struct intake;
struct receive_sockets;
struct source_conf;

struct intake_conf {
	const struct source_conf *sources;
	size_t nsources;
	const char *state_dir;           /* spools are in it */
	struct receive_sockets *sockets; /* kept by the caller over changes */
	size_t max_line;
};

/* All borrowed for the life of the object.  Callbacks as of a source set; lines
 * are as the scan takes them.  NULL, logged, when an address cannot be listened on. */
struct intake *intake_open(
    struct ev *ev, const struct intake_conf *conf, const struct source_cb *cb, void *ctx);
void intake_free(struct intake **in);

/* See source.h. */
void intake_start(struct intake *in, const struct position *committed, size_t n);
void intake_pause(struct intake *in);
void intake_resume(struct intake *in);
void intake_hold(struct intake *in, bool on);
void intake_committed(struct intake *in, const char *stream, const char *path, uint64_t offset);

/* Nothing of what was given counts any more: give no more until started again. */
void intake_lost(struct intake *in);
/* All that was given until now is in a commit that is sent; that is confirmed. */
void intake_sent(struct intake *in);
void intake_confirmed(struct intake *in);

/* Take in no more; what was sent to us goes to disk.  Once that is idle, or is to be
 * waited for no longer, close: which may tell of last losses. */
void intake_drain(struct intake *in);
bool intake_is_idle(const struct intake *in);
void intake_close(struct intake *in);

/* For people. */
const struct source_stats *intake_source_stats(const struct intake *in);
void intake_each(const struct intake *in, source_status_cb *cb, void *ctx);
void intake_each_address(const struct intake *in, receive_status_cb *cb, void *ctx);

#endif
