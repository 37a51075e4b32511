/*
 * source_journal_internal: what the files of the journal source share.
 *
 * source_journal.c         on the loop: start, pause, delivery
 * source_journal_read.c    in a job: open, find the place, read on
 * source_journal_files.c   in a job: which journal files there are, and can they be read
 * source_journal_cursor.c  the text of cursors, and what it tells of order
 * source_journal_entry.c   from the data of an entry to a line
 *
 * The reader belongs to the loop, or, while a job runs, to the job.
 */
#ifndef SOURCE_SOURCE_JOURNAL_INTERNAL_H
#define SOURCE_SOURCE_JOURNAL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/fields.h"
#include "model/trouble.h"
#include "util/buf.h"
#include "util/sv.h"

/*
 * Cursors
 */

#define SOURCE_JOURNAL_CURSOR_SIZE 256 /* with the NUL; libsystemd's have about 140 bytes */
#define SOURCE_JOURNAL_ID_SIZE 33      /* of a 128 bit id in hex, with the NUL */

/* What a cursor says.  The ids are "" where it does not, the numbers then 0. */
struct source_journal_cursor {
	char sequence[SOURCE_JOURNAL_ID_SIZE]; /* id of the sequence ... */
	uint64_t number;                       /* ... and the number of the entry in it */
	char boot[SOURCE_JOURNAL_ID_SIZE];
	uint64_t monotonic; /* us since that boot */
	uint64_t realtime;  /* us since the epoch */
	uint64_t hash;      /* of what the entry holds */
};

/* False, with ${c} all empty, when ${text} is no cursor. */
bool source_journal_cursor_parse(const char *text, struct source_journal_cursor *c);

/* Are the entries numbered in one sequence? */
bool source_journal_cursor_is_akin(
    const struct source_journal_cursor *a, const struct source_journal_cursor *b);

/* Is ${e} an entry later than ${c}?  By its number if they are of one sequence, else
 * by the monotonic clock if of one boot, else by the wall clock, which may have been
 * set back: an entry of the boot ${now} is later than one of any other boot. */
bool source_journal_cursor_is_later(const struct source_journal_cursor *e,
    const struct source_journal_cursor *c, const char *now);

/* The last numbers seen, of the sequences seen last. */
#define SOURCE_JOURNAL_SEQUENCES 64
struct source_journal_sequences {
	struct source_journal_sequence {
		char id[SOURCE_JOURNAL_ID_SIZE];
		uint64_t number;
		uint64_t used; /* when: a count */
	} v[SOURCE_JOURNAL_SEQUENCES];
	size_t n;
	uint64_t clock;
};

/* How many numbers lie between the last one seen of ${c}'s sequence and ${c};
 * 0 when it is the next, or the sequence is new; -1 when ${c} is not later. */
int64_t source_journal_sequences_missing(
    const struct source_journal_sequences *s, const struct source_journal_cursor *c);
void source_journal_sequences_seen(
    struct source_journal_sequences *s, const struct source_journal_cursor *c);

/*
 * Entries
 */

/* Bytes of a value, of any field but MESSAGE. */
#define SOURCE_JOURNAL_VALUE_MAX ((size_t)4096)

enum source_journal_part {
	SOURCE_JOURNAL_HOST,
	SOURCE_JOURNAL_PROGRAM,
	SOURCE_JOURNAL_PID,
	SOURCE_JOURNAL_FACILITY,
	SOURCE_JOURNAL_SEVERITY,
	SOURCE_JOURNAL_MESSAGE,
	SOURCE_JOURNAL_PARTS
};

struct source_journal_field {
	size_t name, name_n; /* in bytes */
	size_t value, value_n;
};

/* An entry as it is gathered.  "Trusted" is what journald itself says of the one who
 * logged; all else is his word. */
struct source_journal_entry {
	size_t max_message;
	struct buf bytes; /* names in lower case, and clean values */
	struct source_journal_field parts[SOURCE_JOURNAL_PARTS]; /* name_n 0: absent */
	struct source_journal_field trusted[FIELDS_MAX], user[FIELDS_MAX];
	size_t ntrusted, nuser;
	size_t user_bytes;
	size_t left_out; /* fields beyond the bounds */
	size_t cut;      /* values */
	size_t damaged;  /* data that is no field */
};

void source_journal_entry_begin(struct source_journal_entry *e, size_t max_message);
/* ${data} is NAME=VALUE; copied. */
void source_journal_entry_add(struct source_journal_entry *e, struct sv data);
/* The first value of the trusted field ${name}, or of the user's; empty when there is none. */
struct sv source_journal_entry_trusted(const struct source_journal_entry *e, const char *name);
struct sv source_journal_entry_user(const struct source_journal_entry *e, const char *name);
struct sv source_journal_entry_part(
    const struct source_journal_entry *e, enum source_journal_part part);
/* Append it as a line of form LINE_FIELDS; counts what it leaves out.  ${realtime} is in us. */
void source_journal_entry_write(struct source_journal_entry *e, uint64_t offset,
    uint64_t realtime, struct buf *out);
/* Does journald say here that it left messages out?  How many goes to ${lost}, 0 when
 * it is not said. */
bool source_journal_entry_is_loss(const struct source_journal_entry *e, uint64_t *lost);
void source_journal_entry_free(struct source_journal_entry *e);

/*
 * Files
 */

/* What a look at the journal's files found. */
struct source_journal_files {
	size_t readable, denied;
	size_t users; /* of all those that may be read or not: journals of single users */
	char *first_denied; /* a path, owned */
	char **damaged;     /* paths, owned */
	size_t ndamaged;
};

/* Look at the files of ${where} ("system", a directory or a file).  Damaged ones that
 * were last written to before ${since} (us) are passed over. */
void source_journal_files_look(struct source_journal_files *f, const char *where, uint64_t since);
void source_journal_files_free(struct source_journal_files *f);

/* A number that is another one when a file has come, gone or been replaced. */
uint64_t source_journal_files_stamp(const char *where);

/*
 * Reader
 */

struct source_journal_reader;

/* Where to go on: behind ${cursor}, which is the ${offset}-th entry; "" = the first
 * one there is. */
struct source_journal_place {
	char cursor[SOURCE_JOURNAL_CURSOR_SIZE];
	uint64_t offset;
};

/* One thing that a job has for the loop, in order. */
enum source_journal_piece_kind {
	SOURCE_JOURNAL_LINES,
	SOURCE_JOURNAL_TROUBLE,
	SOURCE_JOURNAL_BEGUN, /* a new source: place says where it begins */
};

struct source_journal_piece {
	enum source_journal_piece_kind kind;
	struct source_journal_place place; /* after it */
	uint64_t offset;                   /* before it */
	size_t begin, end;                 /* of its bytes, in the reader's */
	bool cut;
	/* Of a trouble: */
	enum trouble_kind trouble;
	uint64_t lost;
	char *path, *text; /* owned; path may be NULL */
};

/* ${where} is borrowed. */
struct source_journal_reader *source_journal_reader_new(const char *where, size_t max_line);
void source_journal_reader_free(struct source_journal_reader **r);

/* Go on behind ${place}, which is copied; NULL: the source is new and begins at the
 * end (${at_end}) or with the first entry. */
void source_journal_reader_seek(
    struct source_journal_reader *r, const struct source_journal_place *place, bool at_end);
/* The work of a job; ${reader} is a struct source_journal_reader. */
void source_journal_reader_work(void *reader);

/* Of the last job. */
struct source_journal_result {
	const struct source_journal_piece *v;
	size_t n;
	const char *bytes;
	bool more;  /* it ended because it had done enough, not because there is no more */
	int fd;     /* readable when there may be more; -1 = look now and then */
	enum trouble_kind state; /* TROUBLE_WELL, TROUBLE_DENIED, TROUBLE_GONE */
	const char *problem;     /* NULL when all is well; until the next job */
};
void source_journal_reader_result(
    const struct source_journal_reader *r, struct source_journal_result *result);

#endif
