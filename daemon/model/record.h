/*
 * record: a line with its header decoded.
 */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include <stdint.h>

#include "model/line.h"
#include "util/sv.h"

enum record_format { RECORD_PLAIN, RECORD_RFC3164, RECORD_RFC5424, RECORD_ISO };

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
};

#endif
