/*
 * spool_internal: the parts of a spool.
 *
 *   spool.c          takes messages, decides what is done when
 *   spool_stock.c    which segments there are, which may go
 *   spool_segment.c  the files; what may wait for the disk, in a thread
 *   spool_gaps.c     tells what was not taken, not too often
 */
#ifndef SPOOL_INTERNAL_H
#define SPOOL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/trouble.h"
#include "spool/spool.h"
#include "util/buf.h"

/* ---- files -------------------------------------------------------------------- */

#define SPOOL_NAME_SIZE 24 /* 16 hex digits and ".log" */

struct spool_segment {
	uint64_t number;
	uint64_t size;      /* bytes of it that are on disk */
	uint64_t committed; /* up to where */
	int64_t closed;     /* when, ms since the epoch; 0 = it is written to */
	bool doomed;        /* being removed */
};

void spool_segment_name(uint64_t number, char out[SPOOL_NAME_SIZE]);
bool spool_segment_parse(const char *name, uint64_t *number);

/* Opens the directory ${path}, which it makes if need be, and locks it.  -1 with a
 * message logged. */
int spool_segment_dir(const char *path);
/* Look at the file of ${out->number}, which no process writes to: what no sync ever
 * covered, a last line without its end, is cut off; it is removed when nothing is
 * left.  False when it is none. */
bool spool_segment_inspect(int dir, const char *path, struct spool_segment *out);

/* What is done in one go.  The loop fills it and leaves it alone until the work is
 * done. */
struct spool_work {
	/* Kept from one go to the next. */
	int dir;
	int fd;         /* the segment that is written to; -1 = none yet */
	uint64_t size;  /* of it, on disk */
	uint64_t limit; /* a segment has no more, unless by its first group */
	bool begun;     /* the group may stand in it, or parts of it */

	/* To do. */
	struct buf group; /* lines; empty = none */
	uint64_t messages;
	uint64_t number; /* of a new segment; one that is free if that is taken */
	uint64_t *doomed;
	size_t ndoomed;

	/* What became of it. */
	bool created; /* a new segment, ${number}; the one before is not written to any more */
	int error;    /* of the group; 0 = it is on disk */
	const char *failed;
	int remove_error; /* of any of ${doomed} */
};

void spool_segment_work(struct spool_work *w);

/* ---- which there are ------------------------------------------------------------ */

struct spool_stock {
	struct spool_segment *v; /* oldest first */
	size_t n;
	uint64_t held; /* bytes of all */
};

void spool_stock_take(struct spool_stock *s, int dir, const char *path);
void spool_stock_free(struct spool_stock *s);
uint64_t spool_stock_next(const struct spool_stock *s, int64_t now);
/* A new one is written to, the one before is closed. */
void spool_stock_add(struct spool_stock *s, uint64_t number, int64_t now);
void spool_stock_grow(struct spool_stock *s, uint64_t bytes);
/* True when it now may go, be it later. */
bool spool_stock_committed(struct spool_stock *s, uint64_t number, uint64_t offset);
/* Doom those that may go: committed ones that are old, or beyond ${keep} bytes of
 * such, or when more than ${room} bytes are held.  Their numbers are appended. */
void spool_stock_doom(struct spool_stock *s, int64_t now, uint64_t keep, uint64_t room,
    uint64_t **numbers, size_t *n);
/* Those that were doomed are gone, or, if ${dir} still has them, not. */
void spool_stock_settle(struct spool_stock *s, int dir);
/* Is there one that may go later? */
bool spool_stock_waits(const struct spool_stock *s);

/* ---- what was not taken ----------------------------------------------------------- */

struct ev;
struct spool_gaps;

struct spool_gaps *spool_gaps_new(
    struct ev *ev, const char *source, const struct spool_cb *cb, void *ctx);
/* ${origin} may be NULL. */
void spool_gaps_add(struct spool_gaps *g, enum trouble_kind kind, const char *origin, uint64_t n);
/* Tells what is left. */
void spool_gaps_free(struct spool_gaps **g);

#endif
