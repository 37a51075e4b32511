/*
 * json: see json.h.
 */
#include "util/json.h"

#include <stdbool.h>

#include "util/vis.h"

static bool
plain(char c)
{
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\';
}

#define EACH 0x0101010101010101ULL
#define HIGH (EACH << 7)

static bool
has(uint64_t bytes, char c)
{
	uint64_t x = bytes ^ (EACH * (unsigned char)c); /* is one of them zero? */

	return ((x - EACH) & ~x & HIGH) != 0;
}

/* Are eight bytes plain? */
static bool
eight_plain(const char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return ((x | (x + EACH) | (x - EACH * 0x20)) & HIGH) == 0 && !has(x, '"') && !has(x, '\\');
}

/* How many bytes from the start of ${s} are plain.  Lines of evidence pass here. */
static size_t
plain_run(struct sv s)
{
	size_t n = 0;

	while (s.n - n >= 8 && eight_plain(s.p + n))
		n += 8;
	while (n < s.n && plain(s.p[n]))
		n++;
	return n;
}

static void
escape(struct buf *out, char c)
{
	switch (c) {
	case '"':
		buf_puts(out, "\\\"");
		break;
	case '\\':
		buf_puts(out, "\\\\");
		break;
	case '\n':
		buf_puts(out, "\\n");
		break;
	case '\t':
		buf_puts(out, "\\t");
		break;
	case '\r':
		buf_puts(out, "\\r");
		break;
	default:
		buf_printf(out, "\\u%04x", (unsigned char)c);
	}
}

/* How many bytes from the start of ${s} belong to one run that is not ASCII. */
static size_t
high_run(struct sv s)
{
	size_t n = 0;

	while (n < s.n && (unsigned char)s.p[n] >= 0x80)
		n++;
	return n;
}

/* U+2028 and U+2029 end a line in JavaScript and in some terminals. */
static void
add_high(struct buf *out, struct sv s)
{
	size_t start = out->n;

	vis_utf8(out, s);
	for (size_t i = start; i + 2 < out->n; i++) {
		if (memcmp(out->p + i, "\xe2\x80\xa8", 3) == 0 ||
		    memcmp(out->p + i, "\xe2\x80\xa9", 3) == 0)
			memcpy(out->p + i, "\xef\xbf\xbd", 3);
	}
}

void
json_quote(struct buf *out, struct sv s)
{
	buf_putc(out, '"');
	while (s.n > 0) {
		size_t n = plain_run(s);

		buf_add(out, s.p, n);
		s = sv_from(s, n);
		n = high_run(s);
		if (n > 0) {
			add_high(out, (struct sv){s.p, n});
		} else if (s.n > 0) {
			escape(out, s.p[0]);
			n = 1;
		}
		s = sv_from(s, n);
	}
	buf_putc(out, '"');
}
