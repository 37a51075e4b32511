/*
 * spool_line: a line of a spool.
 *
 *   CRC TIME ORIGIN MESSAGE
 *
 * CRC: eight hex digits, the CRC-32C of all behind its blank.  TIME: when it came,
 * ms since the epoch, decimal.  ORIGIN: TRANSPORT:PEER[/NAME], without blanks:
 * udp:192.0.2.1, tls:192.0.2.1/log.example.org, unix:1000 (a uid), fifo:, stdin:.
 * MESSAGE: as it came, but newline, carriage return, NUL and '#' before three digits
 * are written as '#' and three octal digits (#012), as syslog daemons do.
 */
#ifndef SPOOL_SPOOL_LINE_H
#define SPOOL_SPOOL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/sv.h"

enum {
	SPOOL_LINE_ORIGIN_MAX = 192, /* what is more of an origin is left out */
	/* A line is longer than its message, as written, by no more than this. */
	SPOOL_LINE_OVERHEAD = 9 + 20 + SPOOL_LINE_ORIGIN_MAX + 1,
};

/* Append one, with its newline.  Blanks and control characters in ${origin} become '_'. */
void spool_line_write(struct buf *out, int64_t time, struct sv origin, struct sv message);
/* How many bytes of ${message} take no more than ${room} as they are written. */
size_t spool_line_fit(struct sv message, size_t room);

/* Views into ${line}, which has no newline. */
struct spool_line {
	int64_t time;
	struct sv transport, peer, name; /* name may be empty */
	struct sv message;               /* escaped as above */
};

/* False when ${line} has not this form; does not look at the checksum. */
bool spool_line_parse(struct sv line, struct spool_line *out);
/* Is it as it was written? */
bool spool_line_intact(struct sv line);
/* The longest run of lines at the start of ${lines} that are all intact or all not,
 * and which; whole lines, but for a last one without newline.  Whoever reads a
 * segment takes only the intact ones for messages. */
struct sv spool_line_run(struct sv lines, bool *intact);

#endif
