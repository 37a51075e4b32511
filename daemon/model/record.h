/*
 * record: a line with its header decoded.
 */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include <stdint.h>

#include "model/line.h"
#include "util/sv.h"

enum record_format {
	RECORD_PLAIN,
	RECORD_RFC3164,
	RECORD_RFC5424,
	RECORD_ISO,
	RECORD_DATED,  /* of a program's own file */
	RECORD_TAGGED, /* without stamp */
	RECORD_FIELDS, /* made by format/ */
};

#define RECORD_REPEAT_MAX 10000

/* A named value that came with the message: of JSON, of structured data.  Values
 * of structured data are as they stand there, escapes included. */
struct record_field {
	struct sv name;
	struct sv value;
	struct sv group; /* the id of the element of structured data; otherwise empty */
};

/* Views point into line->text.  An absent part is empty ({x, 0}). */
struct record {
	const struct line *line;
	enum record_format format;
	int64_t time;    /* event time, ms since the epoch; the time of reading when the
	                    line has none */
	int facility;    /* 0..23, -1 when unknown */
	int severity;    /* syslog's 0 (emerg) .. 7 (debug), -1 when unknown */
	struct sv host;
	struct sv program; /* without directory and pid */
	struct sv pid;
	struct sv structured; /* RFC 5424 structured data, undecoded */
	struct sv message;
	unsigned repeat;      /* for so many times it stands: 1, or what a syslogd counted,
	                         at most RECORD_REPEAT_MAX */
	struct sv text;       /* what its writer wrote, as far as it is known: evidence */
	struct sv peer_ip;    /* who sent it to us: an address ... */
	struct sv peer_name;  /* ... and the name in its certificate, verified */
	const struct record_field *fields; /* in the decoder, until its next line */
	size_t nfields;
};

/* The value of the field ${name}, or NULL: of structured data "ID.NAME"; "@host",
 * "@program", "@pid", "@peer_ip" and "@peer_name" are the header's. */
const struct sv *record_field(const struct record *rec, const char *name);

#endif
