/*
 * spool: what cannot be read again, on disk before anything else is done with it.
 *
 * Messages of one source, in segments: files in a directory of their own, a line
 * a message (spool/spool_line.h), which are then followed like any log file.  Each
 * start begins a new segment, so that a position in an older one keeps its meaning
 * whatever a power cut left of it.  A group of messages is written and
 * fdatasync()ed by a thread; meanwhile the next gathers.
 *
 * Whoever follows a segment may see lines that are written but not yet synced, and
 * after a power cut have a position beyond the end of what is left: such a segment
 * is read to its end, not truncated.  Lines that are not intact (spool_line_run())
 * are for the reader to find and to tell.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/trouble.h"
#include "util/sv.h"

struct ev;
struct spool;

struct spool_conf {
	const char *source; /* id, for messages */
	const char *dir;
	uint64_t max_bytes; /* of all segments and what gathers; at least 1 MiB */
	size_t max_line;    /* of a line as it is written; a message that would make a longer
	                       one is cut, and that is a trouble; at least 256 */
};

/* Fire from the loop, and trouble from spool_lost(), spool_add() and spool_close()
 * too.  All but spool_close() may be called inside. */
struct spool_cb {
	/* There is room again after spool_add() returned false. */
	void (*room)(void *ctx);
	/* A gap, t->lost counts messages; or TROUBLE_DENIED when the disk fails, and
	 * TROUBLE_WELL when it works again. */
	void (*trouble)(void *ctx, const struct trouble *t);
};

/* Makes ${dir} (0700) when it is missing, takes stock of what is there, cuts off the
 * torn line that a power cut leaves; deletes only what is empty.  Strings are copied.
 * NULL, with a message logged, when the directory cannot be used at all, or by
 * another spool. */
struct spool *spool_open(
    struct ev *ev, const struct spool_conf *conf, const struct spool_cb *cb, void *ctx);

/* Take a message as it came, ${origin} (spool_line.h) says how and from whom.  It is
 * copied; on disk within some ms.  False when there is no room: it is not taken, the
 * caller keeps it or counts it as lost (spool_lost()).  After that it is false until
 * room() has fired. */
bool spool_add(struct spool *s, int64_t now, struct sv origin, struct sv message);
/* The caller had to drop ${n} messages of ${origin} (may be NULL): told as a gap of
 * ${kind}, TROUBLE_FULL, TROUBLE_DROPPED or another: the first at once, then no more
 * than once a second with the sum. */
void spool_lost(struct spool *s, enum trouble_kind kind, const char *origin, uint64_t n);

/* The segment ${path} is committed up to ${offset}: one that is whole, old enough
 * and not the last is deleted.  Paths that are not of this spool are ignored.  To be
 * called for the positions that were committed before this start too, or what they
 * belong to is never deleted. */
void spool_committed(struct spool *s, const char *path, uint64_t offset);

/* All that was taken is on disk. */
bool spool_is_synced(const struct spool *s);
/* Waits for the disk: what was taken is there, or a message and a trouble say that it
 * may not be. */
void spool_close(struct spool **s);

struct spool_stats {
	uint64_t messages, bytes; /* taken */
	uint64_t syncs, failures; /* of the disk */
	uint64_t lost;            /* messages not taken */
	uint64_t held;            /* bytes in segments now */
};
const struct spool_stats *spool_stats(const struct spool *s);

#endif
