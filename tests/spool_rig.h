/*
 * spool_rig: a spool in a directory of its own, numbered messages for it, and what it
 * told.  The rig reads the segments from disk by itself and counts which message came
 * how often.
 */
#ifndef TESTS_SPOOL_RIG_H
#define TESTS_SPOOL_RIG_H

#include <check.h>

#include "ev/ev.h"
#include "rig.h"
#include "spool/spool.h"
#include "util/buf.h"

#define SP_WAIT 20000
#define MIB (1024 * 1024)
#define NUMBERS 100000 /* messages are "m" and a number below that */

/* A spool "net" and what it told. */
struct sp {
	struct ev *ev;
	struct spool *spool;
	char *dir, *segments;
	unsigned rooms, denied, well, gaps;
	uint64_t lost;
	enum trouble_kind kind; /* of the last gap */
	bool path;              /* it had one */
};

/* In a fresh directory; no spool is opened by sp_new(). */
void sp_new(struct sp *r);
void sp_open(struct sp *r, uint64_t max_bytes);
void sp_close(struct sp *r);
/* Open the spool, once more when it was closed. */
void sp_start(struct sp *r, uint64_t max_bytes);
/* Open one at ${dir}, which nobody may have: NULL. */
struct spool *sp_try_open(struct sp *r, const char *dir);

/* Message ${i}, with ${size} bytes at least. */
bool sp_add(struct sp *r, unsigned i, size_t size);
void sp_turn_until_synced(struct sp *r);
/* Messages ${from} and on, ${n} of them, which must be taken. */
void sp_add_and_sync(struct sp *r, unsigned from, unsigned n, size_t size);

/* Segments, listed while the thread of the spool may be removing some: what was counted
 * may be gone a moment later. */
size_t sp_count(const struct sp *r);
/* The path of segment ${i}, counted from the oldest, or of the newest; to free(). */
char *sp_segment(const struct sp *r, size_t i);
char *sp_newest_segment(const struct sp *r);
/* Commit all that is in segments, but for the newest ${spare} of them. */
void sp_commit(struct sp *r, size_t spare);
void sp_remove_segments(const struct sp *r);

uint64_t sp_size(const char *path);
struct buf sp_content(const char *path);
/* How often each message is in the segments, whose lines must all be whole; to free(). */
unsigned *sp_read_all(const struct sp *r);
/* Messages below ${must} are there once, those below ${may} at most once, others not. */
void sp_check_messages(const struct sp *r, unsigned must, unsigned may);

/* Run the suite ${name} of one case; what main() returns. */
int sp_run(const char *name, void (*add_tests)(TCase *tc));

#endif
