/*
 * line: what a source delivers and what the scan makes of it.  All views are
 * borrowed for the duration of the call that passes them.
 */
#ifndef MODEL_LINE_H
#define MODEL_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/sv.h"

/* What the bytes of a line are. */
enum line_form {
	LINE_RAW,    /* what the writer wrote */
	LINE_SPOOL,  /* that, behind how it came: spool/spool_line.h */
	LINE_FIELDS, /* made by format/: model/fields.h */
};

/* One sequence of bytes that offsets count in: one generation of one file, one
 * segment of a spool, one journal.  Owned by the source, stays put while the
 * source is open. */
struct stream {
	const char *id;      /* identity, unique for ever on this node; see source/ */
	const char *source;  /* id of the configured source it belongs to */
	const char *path;    /* where it was last seen, for people; of a journal its cursor */
	const char *program; /* of lines that name none; NULL = none */
	enum line_form form; /* of its lines as they are read */
};

/* How far a stream has been examined.  As stored: what to resume from. */
struct position {
	const char *stream; /* stream id, or "source:ID" for the mark that a source is known */
	const char *path;
	uint64_t offset; /* bytes examined */
	uint64_t check;  /* a hash of the last bytes before offset, to know them again; 0 = none */
	bool done;       /* the stream is finished and gone: forget it */
};

/* Whole lines: the last byte of ${data} is a newline, unless ${cut} or the
 * stream ended without one. */
struct chunk {
	const struct stream *stream;
	uint64_t offset; /* of the first byte of data */
	uint64_t next;   /* position once these lines are examined: offset + data.n,
	                    or further where bytes were skipped */
	uint64_t check;  /* as of a position, for next */
	uint64_t number; /* 1-based number of the first line; 0 when not known */
	struct sv data;  /* may be empty: then it only says how far the stream is examined */
	enum line_form form;
	bool cut; /* data is the head of one line longer than the limit */
};

struct line {
	const struct stream *stream;
	uint64_t offset;
	uint64_t number; /* 0 when not known */
	struct sv text;  /* without newline or a carriage return before it */
	enum line_form form;
	bool cut;
};

#endif
