/*
 * trouble: what a source could not examine, and why; or that it is not well.
 *
 * A gap is a part of a source that was not examined.  All that is neither beyond
 * the position of its stream nor in a gap was.
 */
#ifndef MODEL_TROUBLE_H
#define MODEL_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

enum trouble_kind {
	/* Gaps. */
	TROUBLE_START,      /* what stood in a file before the source was known, by its "start" */
	TROUBLE_OVERSIZE,   /* the rest of a line longer than max_line */
	TROUBLE_NUL,        /* a run of NUL bytes or a hole */
	TROUBLE_TRUNCATED,  /* cut away before it was read; how much there was is not known */
	TROUBLE_UNREADABLE, /* read errors that did not pass */
	TROUBLE_LOST,       /* a file that had not been read to its end is nowhere any more */
	TROUBLE_DROPPED,    /* messages that the kernel dropped before we could take them */
	TROUBLE_FULL,       /* messages not taken since the spool was full or failed */
	TROUBLE_MALFORMED,  /* bytes of a connection that were no frames */
	TROUBLE_DAMAGED,    /* lines of a spool that are not as they were written */
	TROUBLE_UPSTREAM,   /* messages that who wrote the log says it left out */

	/* States of a source; each begins and ends. */
	TROUBLE_SILENT, /* nothing came for longer than expect_every */
	TROUBLE_DENIED, /* a file that may not be read or watched */
	TROUBLE_GONE,   /* none of its files exists */
	TROUBLE_WELL,   /* and one of these has ended */
};

#define TROUBLE_NAMES                                                                              \
	{"start", "oversize", "nul", "truncated", "unreadable", "lost", "dropped", "full",         \
	    "malformed", "damaged", "upstream", "silent", "denied", "gone", "well", NULL}

static inline const char *
trouble_name(enum trouble_kind kind)
{
	static const char *const names[] = TROUBLE_NAMES;

	return names[kind];
}

static inline bool
trouble_is_gap(enum trouble_kind kind)
{
	return kind < TROUBLE_SILENT;
}

/* Strings are borrowed for the call. */
struct trouble {
	enum trouble_kind kind;
	const char *source;
	const char *stream; /* NULL when it is of no stream */
	const char *path;   /* file, or address; may be NULL */
	uint64_t from, to;  /* the bytes of the stream that were not examined; equal: not known */
	uint64_t lost;      /* messages, where those are counted; 0: not known */
	const char *text;   /* for people: what happened, printable */
};

#endif
