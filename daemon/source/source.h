/*
 * source: files and journals, followed.  Delivers whole lines with their position;
 * the truth is what a rescan sees, inotify only says when to look.
 *
 * A file is known by what it is, not by its name: its stream id is
 * "FILESYSTEM:HANDLE:BIRTHTIME", the handle being the one a file server would be
 * given, or the inode.  A renamed file is read to its end and only then let go; one
 * that was cut, or written anew, starts again at 0, after what a copy still has of
 * it.  Rotated files are found again compressed, too.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/line.h"
#include "model/trouble.h"

struct ev;
struct source_set;
struct source_conf;

struct source_cb {
	/* Lines have been read. */
	void (*lines)(void *ctx, const struct chunk *chunk);
	/* A position changed without lines: a known-source mark, a file begun at its
	 * end, a stream that is done.  To be committed like any other. */
	void (*position)(void *ctx, const struct position *pos);
	/* Something is not examined, or a source is not well.  A gap fires before the
	 * chunk or position that passes over it, in the same turn of the loop, so that
	 * both are committed together. */
	void (*trouble)(void *ctx, const struct trouble *t);
};

/* ${conf} is borrowed for the life of the set.  Nothing is opened yet. */
struct source_set *source_new(struct ev *ev, const struct source_conf *conf, size_t n,
    size_t max_line, const struct source_cb *cb, void *ctx);
/* Not inside a callback, where all other calls are allowed. */
void source_free(struct source_set **s);

/* Begin, or begin again, from the committed positions: whatever was delivered
 * beyond them is delivered once more.  A source with no mark among them is new:
 * files that exist now begin where its "start" says; files that appear later,
 * and unknown files of a known source, begin at 0.  A stored stream whose file
 * now has another name in its directory is finished first. */
void source_start(struct source_set *s, const struct position *committed, size_t n);
/* Deliver nothing and read nothing until resumed. */
void source_pause(struct source_set *s);
void source_resume(struct source_set *s);
/* Read no files while ${on}: for milliseconds, so that nothing else of a pause is needed. */
void source_hold(struct source_set *s, bool on);

/* The position of ${stream} is safe up to ${offset}: a rotated file read to its
 * end may now be let go (and is then reported done). */
void source_committed(struct source_set *s, const char *stream, uint64_t offset);

/* For people: one call per open stream or file that cannot be read. */
struct source_status {
	const char *source, *path, *stream;
	uint64_t offset; /* delivered */
	uint64_t size;
	bool rotated;    /* read to its end, then let go */
	int64_t heard;   /* when it last grew, ms since the epoch; 0 = not since the start */
	int64_t begun;   /* when it was last cut and begun anew; 0 = not since the start */
	uint64_t unended; /* of what is not delivered: bytes of a line that has no end yet */
	const char *problem; /* NULL when all is well */
};
typedef void source_status_cb(void *ctx, const struct source_status *st);
void source_each(const struct source_set *s, source_status_cb *cb, void *ctx);

struct source_stats {
	uint64_t bytes;       /* delivered or skipped */
	uint64_t cut_lines;   /* longer than max_line: head delivered, rest skipped */
	uint64_t rotations;
	uint64_t truncations;
	uint64_t nul_bytes;   /* skipped runs of NUL */
};
const struct source_stats *source_stats(const struct source_set *s);

/* Read the file ${path} ("-" is standard input) from start to end as one stream
 * and deliver its lines; what replay uses.  Stops early when ${cb} returns false.
 * -1 with errno when it cannot be read.  Lines are cut by the same code as above. */
typedef bool source_replay_cb(void *ctx, const struct chunk *chunk);
int source_replay(const char *path, size_t max_line, source_replay_cb *cb, void *ctx);

#endif
