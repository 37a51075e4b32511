/*
 * spool_line: see spool_line.h.
 *
 * No byte of a message can end its line, and none of a line can be taken for the
 * checksum of another: a forged line inside a message stays inside it.
 */
#include "spool/spool_line.h"

#include "util/crc32c.h"
#include "util/num.h"

#define CRC_SIZE 9 /* with its blank */
#define ESCAPE_SIZE 4

/* ---- writing ------------------------------------------------------------------ */

static void
put_hex(char *to, uint32_t value)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 8; i++)
		to[i] = digits[value >> (28 - 4 * i) & 0xf];
}

/* By hand since it is done for every message. */
static void
write_time(struct buf *out, int64_t time)
{
	char digits[NUM_DECIMAL];

	buf_sv(out, num_decimal(time < 0 ? 0 : (uint64_t)time, digits));
	buf_putc(out, ' ');
}

/* The origin has names in it that a peer has chosen. */
static void
write_origin(struct buf *out, struct sv origin)
{
	size_t n = origin.n < SPOOL_LINE_ORIGIN_MAX ? origin.n : SPOOL_LINE_ORIGIN_MAX;
	char *to = buf_reserve(out, n + 1);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)origin.p[i];

		*to++ = c <= ' ' || c == 0x7f ? '_' : (char)c;
	}
	*to = ' ';
	out->n += n + 1;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Does byte ${i} need an escape? */
static bool
is_special(struct sv m, size_t i)
{
	switch (m.p[i]) {
	case '\n':
	case '\r':
	case '\0':
		return true;
	case '#':
		return m.n - i > 3 && is_digit(m.p[i + 1]) && is_digit(m.p[i + 2]) &&
		    is_digit(m.p[i + 3]);
	default:
		return false;
	}
}

static bool
is_plain(struct sv m)
{
	return m.n == 0 ||
	    (memchr(m.p, '\n', m.n) == NULL && memchr(m.p, '#', m.n) == NULL &&
	        memchr(m.p, '\0', m.n) == NULL && memchr(m.p, '\r', m.n) == NULL);
}

static char *
put_escape(char *to, unsigned char c)
{
	to[0] = '#';
	to[1] = (char)('0' + (c >> 6));
	to[2] = (char)('0' + (c >> 3 & 7));
	to[3] = (char)('0' + (c & 7));
	return to + ESCAPE_SIZE;
}

static void
write_message(struct buf *out, struct sv m)
{
	char *to;

	if (is_plain(m)) {
		buf_sv(out, m);
		return;
	}
	to = buf_reserve(out, ESCAPE_SIZE * m.n);
	for (size_t i = 0; i < m.n; i++) {
		if (is_special(m, i))
			to = put_escape(to, (unsigned char)m.p[i]);
		else
			*to++ = m.p[i];
	}
	out->n = (size_t)(to - out->p);
}

void
spool_line_write(struct buf *out, int64_t time, struct sv origin, struct sv message)
{
	size_t begin = out->n, checked = begin + CRC_SIZE;

	buf_reserve(out, SPOOL_LINE_OVERHEAD + message.n + 1);
	out->n = checked;
	write_time(out, time);
	write_origin(out, origin);
	write_message(out, message);
	put_hex(out->p + begin, crc32c_bytes(sv_from(buf_view(out), checked)));
	out->p[checked - 1] = ' ';
	buf_putc(out, '\n');
}

size_t
spool_line_fit(struct sv message, size_t room)
{
	size_t used = 0;

	for (size_t i = 0; i < message.n; i++) {
		used += is_special(message, i) ? ESCAPE_SIZE : 1;
		if (used > room)
			return i;
	}
	return message.n;
}

/* ---- reading ------------------------------------------------------------------ */

/* Cut what is before the first ${c} off ${s}; false when there is none. */
static bool
cut_at(struct sv *s, char c, struct sv *before)
{
	const char *at = s->n == 0 ? NULL : memchr(s->p, c, s->n);

	if (at == NULL)
		return false;
	*before = (struct sv){s->p, (size_t)(at - s->p)};
	*s = sv_from(*s, before->n + 1);
	return true;
}

static bool
parse_crc(struct sv *line, uint32_t *crc)
{
	*crc = 0;
	if (line->n < CRC_SIZE || line->p[CRC_SIZE - 1] != ' ')
		return false;
	for (int i = 0; i < CRC_SIZE - 1; i++) {
		char c = line->p[i];

		if (is_digit(c))
			*crc = *crc << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*crc = *crc << 4 | (uint32_t)(c - 'a' + 10);
		else
			return false;
	}
	*line = sv_from(*line, CRC_SIZE);
	return true;
}

static bool
parse_origin(struct sv origin, struct spool_line *out)
{
	if (!cut_at(&origin, ':', &out->transport) || out->transport.n == 0)
		return false;
	out->name = sv_from(origin, origin.n);
	if (cut_at(&origin, '/', &out->peer))
		out->name = origin;
	else
		out->peer = origin;
	return true;
}

bool
spool_line_parse(struct sv line, struct spool_line *out)
{
	struct sv time, origin;
	uint32_t crc;

	if (!parse_crc(&line, &crc) || !cut_at(&line, ' ', &time) ||
	    !num_int(time, 0, INT64_MAX, &out->time) || !cut_at(&line, ' ', &origin) ||
	    !parse_origin(origin, out))
		return false;
	out->message = line;
	return true;
}

bool
spool_line_intact(struct sv line)
{
	uint32_t crc;

	return parse_crc(&line, &crc) && crc32c_bytes(line) == crc;
}

struct sv
spool_line_run(struct sv lines, bool *intact)
{
	struct sv rest = lines, line;
	size_t run = 0;

	*intact = false;
	while (rest.n > 0) {
		struct sv at = rest;
		bool ok;

		if (!cut_at(&rest, '\n', &line)) {
			line = at;
			rest = sv_from(at, at.n);
		}
		ok = spool_line_intact(line);
		if (run > 0 && ok != *intact)
			break;
		*intact = ok;
		run = lines.n - rest.n;
	}
	return (struct sv){lines.p, run};
}
