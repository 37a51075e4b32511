/*
 * source_internal: what the files of source/ share.
 *
 * source.c        the set: start, rewind, pause, status
 * source_turn.c   what is done in a turn of the loop: reports, reading, letting go
 * source_scan.c   which files are there now, and what became of the others
 * source_file.c   one open file and how far it has been read
 * source_lines.c  from bytes to whole lines
 * source_watch.c  inotify: when to look
 */
#ifndef SOURCE_SOURCE_INTERNAL_H
#define SOURCE_SOURCE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/line.h"
#include "source/source.h"
#include "util/buf.h"

#define SOURCE_READ_SIZE ((size_t)256 * 1024)
#define SOURCE_ID_SIZE 64 /* of the text form, with the NUL */
#define SOURCE_BUCKETS 1024

/*
 * Lines
 */

/* Where whole lines go.  chunk() returns false to stop. */
struct source_sink {
	size_t max_line;
	struct source_stats *stats;
	bool (*chunk)(void *ctx, const struct chunk *chunk);
	void *ctx;
};

/* A stream of bytes on its way to lines.  begin <= at; between them lies the
 * line in hand, whose end has not been seen. */
struct source_lines {
	const struct stream *stream;
	uint64_t begin;   /* all before it has been delivered or skipped */
	uint64_t at;      /* the next byte to feed */
	uint64_t number;  /* of the line in hand; 0 = do not count */
	struct buf head;  /* of the line in hand: its bytes but NUL, max_line at most */
	bool cut;         /* the line in hand has more than the head keeps */
};

/* Forget the line in hand; go on at ${offset}. */
void source_lines_seek(struct source_lines *l, uint64_t offset);

/* The bytes at l->at are ${data}: deliver the lines that end in them.  False when
 * the sink stopped it: l->at then tells what has been used, and the rest is to be
 * fed again.  The sink may seek ${l}.
 *
 * NUL bytes are skipped: what stands before a line is passed over, and a line
 * with NUL inside is delivered without, in a chunk of its own.  So is a line
 * longer than max_line: its head, once its end has been seen. */
bool source_lines_feed(struct source_lines *l, const struct source_sink *sink, struct sv data);

/* There will be no more: the line in hand is a line. */
bool source_lines_finish(struct source_lines *l, const struct source_sink *sink);

/*
 * Files
 */

struct source_id {
	uint32_t major, minor; /* of the device */
	uint64_t inode;
	uint64_t birth; /* ns since the epoch; 0 where the file system has none */
};

struct source_file {
	struct stream stream; /* id and path are owned, source is the configuration's */
	struct source_id id;
	int fd;
	int wd; /* inotify's, -1 = none */
	struct source_lines lines;
	uint64_t first;     /* where it was begun: to go back to when nothing is committed */
	uint64_t committed; /* safe up to here */
	uint64_t size;      /* as last seen */
	int64_t grown;      /* clock_mono() when that last changed or the name was lost */
	bool more;          /* there is something to read */
	bool announce;      /* position() owes this stream a report */
	bool truncated;     /* and no position since then is known to be committed */
	uint64_t stale;     /* if so: the last one committed before */
	bool gone;          /* no configured name leads here any more */
	bool finished;      /* gone, and all of it delivered */
	const char *problem; /* of the last read */

	/* During a scan: what names were found for it. */
	bool seen;    /* any */
	bool at_path; /* the one in stream.path */
	char *alias;  /* the first other one, owned */

	struct source_file *older;  /* had the path before: to be read first */
	struct source_file *bucket; /* next in the same one */
};

/* The identity of what ${path} leads to, or of ${name} itself in the directory
 * ${dir}.  0 or an errno; ENOTSUP when it is no regular file. */
int source_file_identify(const char *path, struct source_id *id);
int source_file_identify_in(int dir, const char *name, struct source_id *id);
bool source_id_eq(const struct source_id *a, const struct source_id *b);
void source_id_format(const struct source_id *id, char out[SOURCE_ID_SIZE]);
bool source_id_parse(const char *text, struct source_id *id);

/* Open ${path}, which may be anything.  NULL with an errno in ${error} as above.
 * The stream's path is ${path} and its position 0. */
struct source_file *source_file_open(const char *path, int *error);
void source_file_free(struct source_file **f);
/* Its path is now ${path}, which it takes. */
void source_file_rename(struct source_file *f, char *path);

/* Look at the size: is there more to read, has it been cut?  True when it was
 * cut short and begun again at 0. */
bool source_file_check(struct source_file *f);
/* Where the last line that has no end yet begins; the size when there is none
 * or it is longer than ${max_line}. */
uint64_t source_file_last_line(const struct source_file *f, size_t max_line);
/* Read once, ${buffer} of SOURCE_READ_SIZE at most, into ${sink}.  Returns the
 * bytes read. */
size_t source_file_read(struct source_file *f, char *buffer, const struct source_sink *sink);
/* Go back to the committed ${offset}, or to 0 when that is one of content that
 * has been cut away. */
void source_file_seek(struct source_file *f, uint64_t offset);
/* ${offset} is committed. */
void source_file_committed(struct source_file *f, uint64_t offset);
/* Finished, reported and committed? */
bool source_file_may_go(const struct source_file *f);

/*
 * Watch
 */

struct source_watch;

struct source_watch_cb {
	void (*changed)(void *ctx, struct source_file *f); /* written to or cut */
	void (*look)(void *ctx); /* names have changed, or events were lost */
};

/* Never fails: without inotify it is silent. */
struct source_watch *source_watch_new(struct ev *ev, const struct source_watch_cb *cb, void *ctx);
void source_watch_free(struct source_watch **w);
void source_watch_file(struct source_watch *w, struct source_file *f);
void source_watch_forget(struct source_watch *w, struct source_file *f);
/* Watch the directory that ${path} is in.  Cheap to repeat. */
void source_watch_dir_of(struct source_watch *w, const char *path);

/*
 * The set
 */

struct source {
	const struct source_conf *conf;
	bool known;    /* its mark is committed */
	bool begun;    /* a scan has seen what exists: the rest is new */
	bool announce; /* position() owes its mark a report */
};

/* A file that cannot be read. */
struct source_problem {
	const struct source *source;
	char *path;
	const char *text;
	bool seen; /* in this scan */
};

/* A committed position whose file is not open. */
struct source_stored {
	struct source_id id;
	char *path;
	uint64_t offset;
	bool lost; /* found nowhere; position() owes a report */
};

struct source_set {
	struct source_cb cb;
	void *ctx;
	size_t max_line;
	struct source *sources;
	size_t nsources;
	struct source_file **files; /* in the order they were opened */
	size_t nfiles;
	struct source_file *buckets[SOURCE_BUCKETS]; /* by identity */
	struct source_problem *problems;
	size_t nproblems;
	struct source_stored *stored; /* oldest file first */
	size_t nstored;
	struct source_watch *watch;
	struct ev_timer *scan_timer, *turn_timer;
	char *buffer;     /* SOURCE_READ_SIZE, for whichever file is being read */
	size_t next;      /* the file to begin the next turn with */
	int64_t scanned;  /* clock_mono() of the last scan */
	int64_t grace;    /* ms, see source.c */
	uint64_t starts;  /* how often it was started */
	bool paused;
	struct source_stats stats;
};

struct source_file *source_set_find(const struct source_set *s, const struct source_id *id);
/* Take ${f} into the set. */
void source_set_add(struct source_set *s, const struct source *source, struct source_file *f);
/* Take file ${i} out, which the caller then owns. */
void source_set_take_out(struct source_set *s, size_t i);
/* Drop the stored position ${i}. */
void source_set_forget(struct source_set *s, size_t i);
/* Look at ${f}'s size and count what happened to it. */
void source_set_check(struct source_set *s, struct source_file *f);

/* Bring the set in line with what the file system shows; no callbacks. */
void source_scan(struct source_set *s);
/* One turn, when not paused.  True when there is more to do. */
bool source_turn(struct source_set *s);

/* For tests: scan now; let a renamed file go after ${ms} without growth. */
void source_rescan_now(struct source_set *s);
void source_set_grace(struct source_set *s, int64_t ms);

#endif
