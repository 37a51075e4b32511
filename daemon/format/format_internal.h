/*
 * format_internal: what the files of format/ share.
 *
 * format.c            lines in, chunks out; which format does what
 * format_guess.c      which format lines look to be of
 * format_record.c     a record in the making: header parts by their usual names
 * format_out.c        from a record to its line
 * format_join.c       records that wait for more lines, and what waits behind them
 * format_lane.c       the queues of those
 * format_time.c       time stamps
 * format_json_read.c  an object of JSON
 * format_multiline.c  lines that belong together by a pattern
 * the others          one format each
 *
 * The way of a line: split off by format.c, given to its format, which fills the
 * record and gives it on (format_give), or gathers it (format_join_*) and does so
 * when all of it is there.
 */
#ifndef FORMAT_FORMAT_INTERNAL_H
#define FORMAT_FORMAT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/decode.h"
#include "format/format.h"
#include "model/fields.h"
#include "model/line.h"
#include "model/record.h"
#include "util/buf.h"
#include "util/sv.h"

#define FORMAT_TIME_MAX 253402300800000LL /* the year 10000, ms */
#define FORMAT_HOST_MAX 255
#define FORMAT_PROGRAM_MAX 64
#define FORMAT_PID_MAX 128

struct format_entry;

/*
 * A record in the making
 */

enum format_part {
	PART_TIME,
	PART_HOST,
	PART_PROGRAM,
	PART_PID,
	PART_FACILITY,
	PART_SEVERITY,
	PART_MESSAGE,
	PARTS
};

#define RANK_HEADER 0 /* said by a header in front of the data: stands */
#define RANK_NONE 255

struct format_head {
	unsigned char rank[PARTS]; /* by which name a part was found: the lowest wins */
	bool dirty;                /* values may hold newlines, NUL or separators */
	bool overflow;             /* there were more fields than FIELDS_MAX */
	int facility, severity;    /* -1 unknown */
	int64_t time;              /* -1 unknown */
	struct sv host, program, pid, message;
	size_t message_field; /* the field that is the message; FIELDS_MAX = none */
	size_t n;
};

struct format_record {
	struct format_head head;
	struct record_field fields[FIELDS_MAX];
};

/* A line, or the lines that were joined.  Its text is what the program wrote: without
 * what the spool or a log driver put around it. */
struct format_line {
	const struct stream *stream;
	uint64_t offset;
	uint64_t number; /* of the first line, 0 when not known */
	struct sv text;
	struct sv transport, peer, peer_name; /* of a spooled line; else empty */
	struct sv stem;             /* fields as text, from around the first of joined lines */
	size_t nstem;               /* so many */
	int64_t time;               /* when it came, or was said to be written */
	bool dirty;                 /* may hold newlines, NUL or separators */
	bool cut;                   /* there was more of it */
	struct format_entry *entry; /* where its record goes; NULL: behind all others */
};

/*
 * A source's formatter
 */

typedef void format_read(struct format *f, const struct format_line *in);

struct format_kind {
	format_read *line;   /* a line has been read */
	format_read *joined; /* all lines of a record have been joined; NULL: never joins */
	const char *program; /* of lines for which nobody says; NULL = none */
};

/* Records that can be given on, of one stream. */
struct format_out {
	struct buf text;
	const struct stream *stream;
	uint64_t offset; /* of the first */
};

/* Where the names of one length begin in the table of known names. */
#define FORMAT_NAME_LENGTHS 24

struct format {
	const struct source_conf *conf;
	const struct format_kind *kind; /* of the line in hand */
	bool guesses;                   /* what that is */
	bool joins;                     /* some lines wait for others */
	size_t max_line;
	struct decoder *decoder; /* of headers ... */
	struct decoder *stamps;  /* ... and of single stamps, which may not disturb it */
	struct format_multiline *multiline;
	struct format_join *join;
	unsigned char names[FORMAT_NAME_LENGTHS + 1];
	uint64_t misfits;

	/* During a call. */
	format_cb *cb;
	void *ctx;
	struct format_out out;
	struct chunk run; /* text that goes on as it is; follows what is in out */
	struct format_record record;
	struct buf raw;        /* a spooled line without its escapes */
	struct buf scratch;    /* what views in the record point into ... */
	struct buf inner;      /* ... also of what is inside the data: JSON in JSON */
	struct buf structured; /* names and values of structured data in a header */
	struct buf stem;       /* of the line in hand */
};

/* Give it on as a record of plain text, ... */
void format_text(struct format *f, const struct format_line *in);
/* ... and count it. */
void format_misfit(struct format *f, const struct format_line *in);
/* Text inside a container's log: JSON, with a syslog header, or plain.  The record
 * has been begun. */
void format_give_text(struct format *f, const struct format_line *in, struct sv text);
/* The record is complete. */
void format_give(struct format *f, const struct format_line *in);

/*
 * format_record.c
 */

void format_record_begin(struct format *f);
/* A part of the data, its name as it was written.  Both must stay where they are
 * until the record is given. */
void format_record_add(struct format *f, struct sv name, struct sv value);
/* The same of what is no part of the header, whatever its name. */
void format_record_field(struct format *f, struct sv name, struct sv value);
/* The data has a header: ${text} begins with it.  Returns what follows. */
struct sv format_record_header(struct format *f, const struct format_line *in, struct sv text);
void format_record_time(struct format *f, int64_t time);
void format_record_names(unsigned char at[FORMAT_NAME_LENGTHS + 1]);
const struct record_field *format_record_find(const struct format *f, const char *name);

/*
 * format_out.c
 */

/* Append the record as a line, without its newline. */
void format_out_record(struct buf *out, const struct format *f, const struct format_line *in);
/* Append the fields of the record but ${but} as the stem of joined lines; returns
 * how many. */
size_t format_out_stem(struct buf *out, const struct format *f, const char *but);

/*
 * format_join.c
 */

struct format_join *format_join_new(void);
void format_join_free(struct format_join **j);

/* Around the lines of each chunk. */
void format_join_begin(struct format *f, const struct chunk *chunk);
void format_join_end(struct format *f, const struct chunk *chunk);
/* Before each line: what waits beyond the bounds does not any longer. */
void format_join_line(struct format *f);
/* Does ${chunk} go on with what waits? */
bool format_join_concerns(const struct format *f, const struct chunk *chunk);
/* Does anything wait in the lane of this chunk?  Then a record is put behind it. */
bool format_join_waits(const struct format *f);
void format_join_put(struct format *f, const struct format_line *in);

/* The record that waits under ${key}, of the same sender; or NULL. */
struct format_entry *format_join_find(
    struct format *f, const struct format_line *in, struct sv key);
struct format_entry *format_join_open(
    struct format *f, const struct format_line *in, struct sv key);
/* Append in->text behind ${between}, 0 for nothing. */
void format_join_add(
    struct format *f, struct format_entry *e, const struct format_line *in, char between);
/* A line that is not of ${but} has come: records that have seen ${most} of such
 * wait no longer. */
void format_join_age(struct format *f, const struct format_entry *but, unsigned most);
/* It is complete: has it read, and gives on what need not wait any longer. */
void format_join_close(struct format *f, struct format_entry *e);
/* The place of a joined record's line. */
struct buf *format_join_text(struct format_entry *e);

int64_t format_join_due(const struct format_join *j);
void format_join_flush(struct format *f, int64_t mono);
void format_join_reset(struct format *f);

/*
 * format.c, for format_join.c
 */

/* Give on what is in f->out, if anything: its stream is examined up to ${next}. */
void format_emit(struct format *f, const struct stream *stream, uint64_t next, uint64_t check);
/* Put the finished line ${text} of ${stream} at ${offset} behind the others. */
void format_put(
    struct format *f, const struct stream *stream, uint64_t offset, struct sv text, bool cut);

/*
 * The formats
 */

extern const struct format_kind format_json, format_docker, format_cri, format_logfmt, format_audit,
    format_access, format_cef, format_lines;

/*
 * format_guess.c
 */

int format_guess_line(struct decoder *d, struct sv line);
/* Can no line of ${chunk} be anything else?  Says no too often rather than yes. */
bool format_guess_is_text(const struct chunk *chunk);

/* Take the object ${text} into the record; what has to be unescaped goes to ${scratch},
 * which is emptied.  False when it is none, with the record as it was. */
bool format_json_object(struct format *f, struct buf *scratch, struct sv text);
/* Of a string of JSON, at the backslash in *${p}: append what it stands for. */
void format_json_unescape(struct buf *out, const char **p, const char *end, bool *dirty);

/* Does ${line} begin a record? */
struct format_multiline *format_multiline_new(const char *pattern, struct buf *error);
void format_multiline_free(struct format_multiline **m);
bool format_multiline_begins(const struct format_multiline *m, struct sv line);

static inline int
format_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * format_time.c: ms since the epoch, or -1
 */

int64_t format_time_text(struct format *f, struct sv text); /* ISO 8601 and the like */
int64_t format_time_epoch(struct sv text);                  /* s, ms, us or ns by their magnitude */
int64_t format_time_access(struct format *f, struct sv text); /* 10/Oct/2000:13:55:36 -0700 */

#endif
