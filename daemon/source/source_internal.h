/*
 * source_internal: what the files of source/ share.
 *
 * source.c           the set: start, rewind, pause, status
 * source_stored.c    what the committed positions say of it
 * source_turn.c      what is done in a turn of the loop: reports, reading, letting go
 * source_scan.c      which files are there now, and what became of the others
 * source_names.c     what the configured paths and globs lead to
 * source_adopt.c     the files that were followed when the daemon stopped
 * source_recover.c   the rotated files of a log: which are to be read, and from where
 * source_judge.c     what each of them is
 * source_content.c   which of the contents that are known a file has
 * source_cut.c       a file whose content was cut away
 * source_sibling.c   the rotated files that belong to a path
 * source_health.c    troubles on their way out; who is silent, gone or refused
 * source_file.c      one open file and how far it has been read
 * source_read.c      its next bytes
 * source_identity.c  what a file is, whatever it is called
 * source_check.c     whether content is still what it was
 * source_archive.c   gzip and zstd
 * source_lines.c     from bytes to whole lines
 * source_watch.c     inotify: when to look
 */
#ifndef SOURCE_SOURCE_INTERNAL_H
#define SOURCE_SOURCE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/line.h"
#include "source/source.h"
#include "util/buf.h"

struct source_conf;

#define SOURCE_READ_SIZE ((size_t)64 * 1024)
#define SOURCE_ID_SIZE 112 /* of the text form, with the NUL */
#define SOURCE_FS_SIZE 24
#define SOURCE_CHECK_SIZE 64
#define SOURCE_STEPS 32
#define SOURCE_BUCKETS 1024

/*
 * Lines
 */

struct source_span {
	uint64_t from, to; /* to = 0: none */
};

/* Where whole lines go.  chunk() returns false to stop. */
struct source_sink {
	size_t max_line;
	struct source_stats *stats;
	bool (*chunk)(void *ctx, const struct chunk *chunk);
	/* What the next chunk, or the position that is reported next, passes over.
	 * May be NULL. */
	void (*gap)(void *ctx, const struct stream *stream, enum trouble_kind kind,
	    struct source_span span);
	void *ctx;
};

/* A stream of bytes on its way to lines.  begin <= at; between them lies the
 * line in hand, whose end has not been seen. */
struct source_lines {
	const struct stream *stream;
	uint64_t begin;   /* all before it has been delivered or skipped */
	uint64_t at;      /* the next byte to feed */
	struct buf head;  /* of the line in hand: its bytes but NUL, max_line at most */
	bool cut;         /* the line in hand has more than the head keeps */
	uint64_t full;    /* if so: from here on */
	struct source_span nul, unread; /* gaps that nobody was told of yet */
};

/* Forget the line in hand; go on at ${offset}. */
void source_lines_seek(struct source_lines *l, uint64_t offset);

/* The bytes at l->at are ${data}: deliver the lines that end in them.  False when
 * the sink stopped it: l->at then tells what has been used, and the rest is to be
 * fed again.  The sink may seek ${l}.
 *
 * NUL bytes are skipped: what stands before a line is passed over, and a line
 * with NUL inside is delivered without, in a chunk of its own; a long run of them
 * is a gap.  A line longer than max_line is delivered as its head, once its end has
 * been seen.  A byte order mark of UTF-8 at 0 is passed over. */
bool source_lines_feed(struct source_lines *l, const struct source_sink *sink, struct sv data);

/* Pass over ${n} bytes at l->at that nobody has seen. */
void source_lines_skip(struct source_lines *l, const struct source_sink *sink, uint64_t n,
    enum trouble_kind kind);
/* Tell of the gaps before l->begin now. */
void source_lines_tell(struct source_lines *l, const struct source_sink *sink);

/* There will be no more: the line in hand is a line. */
bool source_lines_finish(struct source_lines *l, const struct source_sink *sink);

/*
 * Identity
 */

/* "FILESYSTEM:HANDLE:BIRTH", printable and without blanks: the file system's own
 * id in hex, or "dMAJOR.MINOR"; the type of the handle, a dot and its bytes, or
 * "iINODE"; ns since the epoch, 0 where it is not known. */
struct source_id {
	uint64_t birth;
	char text[SOURCE_ID_SIZE];
};

/* The ids of file systems, asked for once in a scan. */
struct source_fs_cache {
	size_t n;
	struct {
		uint32_t major, minor;
		char id[SOURCE_FS_SIZE];
	} v[16];
};

/* What ${path} leads to.  0 or an errno; ENOTSUP when it is no regular file.
 * ${cache} may be NULL. */
int source_identity_of(struct source_fs_cache *cache, const char *path, struct source_id *id);
int source_identity_of_fd(int fd, struct source_id *id);
bool source_identity_eq(const struct source_id *a, const struct source_id *b);
/* Born at the same time: the same, perhaps, under the id that another kernel or
 * another number of the device gives? */
bool source_identity_alike(const struct source_id *a, const struct source_id *b);
size_t source_identity_bucket(const struct source_id *id);
/* False when ${text} is not the form of one. */
bool source_identity_parse(const char *text, struct source_id *id);

/*
 * Check
 */

/* The first and the last bytes before an offset. */
struct source_check {
	size_t nhead, ntail;
	char head[SOURCE_CHECK_SIZE], tail[SOURCE_CHECK_SIZE];
};

void source_check_clear(struct source_check *c);
/* ${p} follows. */
void source_check_add(struct source_check *c, const char *p, size_t n);
void source_check_add_zeros(struct source_check *c, uint64_t n);
/* As stored with a position; 0 when it is not known. */
uint64_t source_check_value(const struct source_check *c);
/* As it will be once ${p} has been added. */
uint64_t source_check_ahead(const struct source_check *c, const char *p, size_t n);
bool source_check_same_head(const struct source_check *c, uint64_t value);
/* What is in ${fd} before ${offset}; false, and clear, when it is not that long. */
bool source_check_load(struct source_check *c, int fd, uint64_t offset);
/* Does ${fd} have before ${offset} what ${value} was made of?  What cannot be read
 * for an error is believed to. */
bool source_check_holds(int fd, uint64_t offset, uint64_t value);

/* Checks at offsets on the way, ever further apart. */
struct source_steps {
	size_t n;
	uint64_t apart;
	struct {
		uint64_t offset, check;
	} v[SOURCE_STEPS];
};

void source_steps_clear(struct source_steps *s);
void source_steps_add(struct source_steps *s, uint64_t offset, uint64_t check);
/* Is what ${fd} has up to ${size} what was read there?  Steps behind it are dropped. */
bool source_steps_hold(struct source_steps *s, int fd, uint64_t size);

/*
 * Archives
 */

struct source_archive;

/* Length of the suffix that says so, 0 = none. */
size_t source_archive_suffix(const char *path);
/* NULL when ${fd}, which is borrowed, is of no kind that can be read. */
struct source_archive *source_archive_open(int fd);
void source_archive_free(struct source_archive **a);
/* The next bytes, ${n} at most; 0 at the end; -1 with the reason in ${why}. */
ssize_t source_archive_read(struct source_archive *a, char *out, size_t n, const char **why);
/* Begin again.  NULL when it cannot be. */
void source_archive_rewind(struct source_archive **a);

/*
 * Files
 */

/* A gap that is told with the next report of the file's position. */
struct source_gap {
	enum trouble_kind kind;
	struct source_span span;
	const char *text;
	bool told;
};

enum source_writer { WRITER_UNKNOWN, WRITER_THERE, WRITER_GONE };

struct source_file {
	struct stream stream; /* id and path are owned, the rest is the configuration's */
	struct source_id id;  /* of the stream */
	struct source_id file_id; /* of the file, which may be another: a copy, an archive */
	char *log;            /* owned: see source_set_log() */
	int fd;
	int wd; /* inotify's, -1 = none */
	struct source_lines lines;
	struct source_check check; /* of what is before lines.at */
	struct source_steps steps;
	struct {
		uint64_t offset, check;
	} last;             /* of the last chunk, or where it was begun */
	uint64_t seeks;     /* how often it was sent elsewhere */
	uint64_t first;     /* where it was begun: to go back to when nothing is committed */
	uint64_t committed; /* safe up to here */
	uint64_t size;      /* as last seen */
	uint64_t before;    /* and before that, if it was not shorter than what was read */
	int64_t grown;      /* clock_mono() when that last changed or the name was lost */
	int64_t grew;       /* clock_mono() when it last became longer; 0 = it has not */
	bool more;          /* there is something to read */
	bool announce;      /* position() owes this stream a report */
	bool gone;          /* no configured name leads here any more */
	bool unlinked;      /* nor any other */
	uint64_t age;       /* ns since the epoch: of birth, of an archive's content the end */
	bool stated;        /* the state has, or had, a position of it, or of the stream that
	                     * it goes on with */
	int64_t begun;      /* ms since the epoch: when its content was last cut away; 0 = never */
	bool renewed;       /* cut to nothing since it was last committed: its steps are of
	                     * other content than the committed position */
	uint64_t let_go;    /* when so many scans have been made */
	bool closed;        /* a writer has closed it since */
	bool finished;      /* gone, and all of it delivered */
	struct timespec modified; /* its mtime as last seen */
	bool rewritten;     /* a read has shown other content than was there before */
	bool remote;        /* of a file system that may show a size that is not true */
	int shrunk;         /* looks in a row that showed it shorter than it was read */
	int failures;       /* reads in a row */
	const char *problem; /* of the last read */
	struct source_gap *gaps;
	size_t ngaps;

	/* One that was not followed under its name: read from here to its end, once. */
	bool recovered;
	struct source_archive *archive; /* NULL: it is read as it is */
	uint64_t decoded;               /* bytes that came out of it */
	uint64_t first_check;           /* of where it was begun */
	struct source_id cut_of;        /* the stream whose content it has a copy of, "" = none */
	uint64_t wanted;                /* the check that must hold where reading begins */
	struct buf left;                /* decoded, not yet fed */
	bool other;                     /* it did not hold: this is another file */

	/* During a scan: what names were found for it. */
	bool seen;    /* any */
	bool look_between; /* its name is lost: have others had it since? */
	bool at_path; /* the one in stream.path */
	char *alias;  /* the first other one, owned */

	struct source_file *older;  /* had the path before: to be read first */
	struct source_file *bucket; /* next in the same one */
};

/* Open ${path}, which may be anything.  NULL with an errno in ${error} as above.
 * The stream's path is ${path} and its position 0.  An archive is read as what it
 * was made of only when ${rotated}. */
struct source_file *source_file_open(const char *path, bool rotated, int *error);
void source_file_free(struct source_file **f);
/* Its path is now ${path}, which it takes. */
void source_file_rename(struct source_file *f, char *path);
void source_file_add_gap(struct source_file *f, enum trouble_kind kind, uint64_t from, uint64_t to,
    const char *text);

/* Look at the size: is there more to read?  True when the content is not what it
 * was: source_cut() must follow. */
bool source_file_check(struct source_file *f);
/* Where the last line that has no end yet begins; the size when there is none
 * or it is longer than ${max_line}. */
uint64_t source_file_last_line(const struct source_file *f, size_t max_line);
/* A file server that was restarted may know the file again by its name only. */
bool source_file_reopen(struct source_file *f);
/* Go to ${offset}, which is committed.  False, and nothing is done, when the content
 * before it is not that of ${check}. */
bool source_file_seek(struct source_file *f, uint64_t offset, uint64_t check);
/* As that, for content which is what it is. */
void source_file_begin(struct source_file *f, uint64_t offset);
/* The check of lines.begin. */
uint64_t source_file_begin_check(const struct source_file *f);
/* ${offset} is committed. */
void source_file_committed(struct source_file *f, uint64_t offset);
/* Finished, reported and committed? */
bool source_file_may_go(const struct source_file *f);
enum source_writer source_file_writer(const struct source_file *f);

/* Read once, ${buffer} of SOURCE_READ_SIZE + SOURCE_CHECK_SIZE at most, into
 * ${sink}.  Returns the bytes read. */
size_t source_read(struct source_file *f, char *buffer, const struct source_sink *sink);
/* Nothing more will come: what has no end goes out too. */
bool source_read_end(struct source_file *f, const struct source_sink *sink);

/*
 * Siblings
 */

/* A rotated file. */
struct source_sibling {
	char *path;
	struct source_id id;
	uint64_t size;
	int64_t modified; /* ns */
	bool archive;
	long number;      /* behind the name: 1 is the newest; -1 = another sort of name */
	const char *stamp; /* what is behind the name, in path */
};

struct source_siblings {
	struct source_sibling *v; /* oldest first */
	size_t n;
	bool ordered; /* by their names, which all agree; else by their times */
};

/* Those of ${path} in its directory, in that of the file it links to, and in the
 * "rotated" places of ${conf}. */
struct source_siblings source_siblings_of(
    const struct source_conf *conf, const char *path, struct source_fs_cache *cache);
/* Does ${other}, in the same directory, have the name of a rotated ${path}? */
bool source_sibling_is(const char *path, const char *other);
/* The name, malloc()ed, that a file had before it was rotated to ${path}, if ${is_log}
 * says that there may be one; NULL = ${path} is not the name of a rotated file. */
char *source_sibling_log(
    const char *path, bool (*is_log)(const struct source_set *s, const char *path),
    const struct source_set *s);
void source_siblings_free(struct source_siblings *s);
/* The one that is ${id}; n = none. */
size_t source_siblings_find(const struct source_siblings *s, const struct source_id *id);

/*
 * Watch
 */

struct source_watch;

struct source_watch_cb {
	void (*changed)(void *ctx, struct source_file *f); /* written to, cut or closed */
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
	struct source_journal *journal; /* NULL: files */
	bool known;    /* its mark is committed */
	bool begun;    /* a scan has seen what exists: the rest is new */
	bool announce; /* position() owes its mark a report */
	size_t found;  /* files, in this scan */
	int64_t there; /* clock_mono() when there last was any */
	int64_t heard; /* clock_mono() when one last grew */
	bool gone, silent; /* and that was told */
};

/* A file that cannot be read. */
struct source_problem {
	const struct source *source;
	char *path;
	const char *text;
	int error;
	bool seen;     /* in this scan */
	int64_t since; /* clock_mono() */
	bool told;
};

/* A committed position whose file is not open. */
struct source_stored {
	struct source_id id;
	const char *source; /* its id, once it is known */
	char *path, *log;
	uint64_t offset, check;
	bool missed; /* its file has no name that is known */
	bool done;   /* nothing is left of it; position() owes a report */
	bool lost;   /* and it was not found */
};

/* A stream that was read to its end and let go. */
struct source_ended {
	struct source_id id;
	char *log;
	uint64_t offset, check;
};

/* Content that was cut away. */
struct source_cut {
	struct source_id id; /* the stream it was read as, which goes on with other content */
	uint64_t offset, check;
	uint64_t size; /* as last seen */
};

/* The rotated files of a log are being looked at. */
struct source_search {
	const struct source *source;
	char *log;
	struct source_cut *cuts;
	size_t ncuts;
	struct source_tried *tried; /* archives, by what is in them */
	size_t ntried;
	struct source_trial *trial;
};

/* On its way to cb.trouble.  Strings are owned. */
struct source_trouble {
	enum trouble_kind kind;
	const char *source; /* the configuration's */
	char *stream, *path, *text;
	uint64_t from, to;
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
	struct source_ended *ended; /* the oldest first */
	size_t nended;
	struct source_search **searches;
	size_t nsearches;
	size_t nmoved; /* files that are not that of their stream */
	bool rescan;   /* soon: what was found did not fit together */
	bool fresh;    /* started, and not scanned since */
	struct source_trouble *troubles;
	size_t ntroubles;
	struct source_fs_cache fs;
	struct source_watch *watch;
	struct ev_timer *scan_timer, *turn_timer;
	char *buffer;     /* for whichever file is being read */
	size_t next;      /* the file to begin the next turn with */
	uint64_t scans;   /* so far */
	int64_t scanned;  /* clock_mono() of the last scan */
	int64_t scan_gap; /* ms to the next at least, but for the regular one */
	int64_t grace;    /* for tests; -1 = none */
	uint64_t starts;  /* how often it was started */
	bool paused, held;
	struct source_stats stats;
};

/* That ${f} is of. */
const struct source *source_set_source(const struct source_set *s, const struct source_file *f);
/* What the rotated files of one name have in common: that name. */
char *source_set_log(const struct source_set *s, const char *path);
/* The open file that is ${id}, or has its stream. */
struct source_file *source_set_find(const struct source_set *s, const struct source_id *id);
/* The committed position of ${id}, whose file is not open; NULL = none. */
struct source_stored *source_set_stored(const struct source_set *s, const struct source_id *id);
/* The stream ${id}, if it was read to its end; NULL = no. */
const struct source_ended *source_set_ended(const struct source_set *s, const struct source_id *id);
/* Take ${f} into the set, as the newest of its path; or as the one that was before
 * ${newer}. */
void source_set_add(struct source_set *s, const struct source *source, struct source_file *f,
    struct source_file *newer);
/* Take file ${i} out, which the caller then owns. */
void source_set_take_out(struct source_set *s, size_t i);
/* The stream of ${pos} was read to its end and is forgotten. */
void source_set_end(struct source_set *s, const struct position *pos);
/* Drop the stored position ${i}. */
void source_set_forget(struct source_set *s, size_t i);
/* Look at ${f}'s size and see to what happened to it. */
void source_set_check(struct source_set *s, struct source_file *f);
/* The file that has ${path} now; NULL = none. */
struct source_file *source_set_at(const struct source_set *s, const char *path);

/* Take the ${n} committed positions in; what was owed to the one who lost them is owed
 * again. */
void source_stored_take(struct source_set *s, const struct position *committed, size_t n);
/* Take ${f} back to its own. */
void source_stored_rewind(struct source_set *s, struct source_file *f);
void source_stored_free(struct source_set *s);

/*
 * Names
 */

/* A configured path, or one that a glob gave. */
struct source_name {
	struct source *source;
	char *path;
	bool globbed;
	struct source_id id;
	int error; /* of the identification */
};

struct source_names {
	struct source_name *v;
	size_t n;
};

/* All of now; to be freed. */
struct source_names source_names_find(struct source_set *s);
void source_names_free(struct source_names *names);
/* The one of ${id}; NULL = none. */
const struct source_name *source_names_of(
    const struct source_names *names, const struct source_id *id);
/* Watch the directories that decide about them. */
void source_names_watch(struct source_set *s, const struct source_names *names);

/*
 * Stored positions, in a scan
 */

/* Open the files of stored positions, whatever they are called now. */
void source_adopt(struct source_set *s, const struct source_names *names);
/* Look for those that are not found; before new files are opened, which may be they. */
void source_adopt_seek(struct source_set *s);
/* For files that have lost their name: there may be others between them and the one that
 * has it now. */
void source_adopt_between(struct source_set *s);
/* When all of a log had been read and none of it is open, there is nobody to miss what
 * came after. */
void source_adopt_ended(struct source_set *s);
/* ${f} has no name any more that is configured. */
void source_adopt_lost_name(struct source_set *s, struct source_file *f);

/* Bring the set in line with what the file system shows; no callbacks. */
void source_scan(struct source_set *s);
/* One turn, when not paused.  True when there is more to do. */
bool source_turn(struct source_set *s);

/*
 * Recovery
 */

/* Look at the rotated files of ${log}, in the next scan or the one under way. */
void source_recover_look(struct source_set *s, const struct source *source, const char *log);
/* And for the content ${cut} among them. */
void source_recover_content(struct source_set *s, const struct source *source, const char *log,
    const struct source_cut *cut);
/* In a scan, when all that has a name is open. */
void source_recover_scan(struct source_set *s);
/* Go on with what is sought.  True when there is more to do. */
bool source_recover_turn(struct source_set *s);
/* Are those of the log ${path} being looked at, which come first? */
bool source_recover_holds(const struct source_set *s, const char *path);
/* What is known has changed: begin again with what is being looked at. */
void source_recover_again(struct source_set *s);
/* All files are rewound: copies of what was cut, of which nothing is committed, are to be
 * read from where that is. */
void source_recover_rewind(struct source_set *s);
void source_recover_free(struct source_set *s);

/* The content of ${f} was cut away at ${offset}; there begins what it has now. */
void source_cut(struct source_set *s, struct source_file *f, uint64_t offset, uint64_t check);

/*
 * Content
 */

enum source_record_kind {
	RECORD_NONE,
	RECORD_OPEN,   /* an open file has it */
	RECORD_STORED, /* read up to there */
	RECORD_ENDED,  /* that was all of it */
	RECORD_CUT,    /* read up to there, then cut away */
	RECORD_EMPTY,  /* nothing: there is nothing to be read */
};

/* What is known of one content of a log. */
struct source_record {
	enum source_record_kind kind;
	struct source_id id; /* of the stream it was read as */
	uint64_t offset, check;
	bool stated; /* the state knows it */
	bool sought; /* its file is nowhere */
	bool brief;  /* found: a copy that has no more than its beginning */
	uint64_t since; /* ns: no copy of it is older; 0 = not known */
};

struct source_records {
	struct source_record *v;
	size_t n;
};

/* All that is known of the log of ${search}. */
struct source_records source_content_records(
    const struct source_set *s, const struct source_search *search);
void source_content_forget(struct source_records *r);
/* Which of them ${f}, just opened and no archive, has. */
struct source_record source_content_of(const struct source_set *s, const struct source_records *r,
    const struct source_sibling *sibling, const struct source_file *f);
/* Is the new file ${path} a copy, whole or not yet, of one that is followed and has
 * not been cut?  Then it is not to be read. */
bool source_content_is_copy(struct source_set *s, const char *path);

/* The same for an archive, a piece at a time. */
struct source_trial;
/* Takes ${f}. */
struct source_trial *source_trial_new(const struct source_records *r,
    const struct source_sibling *sibling, struct source_file *f);
void source_trial_free(struct source_trial **t);
/* True when it is over. */
bool source_trial_step(const struct source_set *s, struct source_trial *t);
struct source_record source_trial_result(const struct source_trial *t);

/*
 * Health
 */

/* Strings are copied but for ${source}, the configuration's. */
void source_health_trouble(struct source_set *s, const struct trouble *t);
/* Tell all troubles. */
void source_health_tell(struct source_set *s);
/* ${path} of ${source} cannot be read. */
void source_health_problem(
    struct source_set *s, const struct source *source, const char *path, int error);
/* A scan is done: what is well again, gone or silent? */
void source_health_scanned(struct source_set *s);
void source_health_free(struct source_set *s);

/* For tests: scan now; let a renamed file go after ${ms} without growth, and wait no
 * longer with anything else. */
void source_rescan_now(struct source_set *s);
void source_set_grace(struct source_set *s, int64_t ms);

#endif
