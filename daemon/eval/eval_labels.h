/*
 * eval_labels: what is known of the lines of a log, NAME.expect.jsonl, and what was
 * found on them.
 *
 * Only labelled lines are kept: a log may be much larger than memory.
 */
#ifndef EVAL_EVAL_LABELS_H
#define EVAL_EVAL_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/sv.h"

struct event;

struct eval_label {
	uint64_t line; /* 1-based */
	bool match;    /* a security event, or not */
	bool grey;     /* not counted */
	bool weak;     /* counted apart */
	bool only;     /* host is the one address in the line: right unless another is given */
	char *host;    /* whom an event should give as its source; NULL: nobody is expected */
	char *source;  /* who says so; "" when not said */
	char *label;   /* likewise what it is */
	char *service; /* or NULL */

	/* What was found. */
	uint64_t offset; /* of the line; UINT64_MAX: not seen */
	uint64_t record; /* of auditd's lines: those of one event have the same; 0: none */
	size_t length;   /* of the line */
	unsigned events;
	bool excused;    /* an event of a record of which another line is labelled true */
	bool right;      /* some event has the host */
	char *rules;     /* ids of the rules, with blanks between; NULL: none */
	char *addresses; /* likewise */
};

struct eval_labels {
	struct eval_label *v;
	size_t n;
	size_t seen; /* those before this one have been seen */
};

/* False, with where and what is wrong in ${error}. */
bool eval_labels_read(struct eval_labels *l, const char *path, struct buf *error);
void eval_labels_free(struct eval_labels *l);

/* The line ${number} at ${offset} is ${text}; in the order of the log. */
void eval_labels_line(struct eval_labels *l, uint64_t number, uint64_t offset, struct sv text);

/* Note ${e} on its line, or on all lines of its record that have been seen. */
void eval_labels_event(struct eval_labels *l, const struct event *e);

#endif
