/*
 * vis: see vis.h.
 */
#include "util/vis.h"

#include <stdint.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Decode one code point at the start of ${s} (not empty).  Returns its length
 * in bytes, or 0 when the bytes are not well-formed UTF-8 (overlong forms,
 * surrogates and values above U+10FFFF included). */
static size_t
decode_utf8(struct sv s, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = (unsigned char)s.p[0];
	size_t len = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

	if (len == 1) {
		*cp = c;
		return 1;
	}
	if (c < 0xc2 || c > 0xf4 || s.n < len)
		return 0;
	*cp = c & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		unsigned char next = (unsigned char)s.p[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (next & 0x3f);
	}
	if (*cp < least[len] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp <= 0xdfff))
		return 0;
	return len;
}

bool
vis_utf8(struct buf *out, struct sv s)
{
	bool clean = true;
	uint32_t cp;

	while (s.n > 0) {
		size_t len = decode_utf8(s, &cp);

		if (len == 0 || cp == 0) {
			buf_puts(out, REPLACEMENT);
			clean = false;
			len = 1;
		} else {
			buf_add(out, s.p, len);
		}
		s = sv_from(s, len);
	}
	return clean;
}

static bool
invisible(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0xad || cp == 0x61c ||
	    (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	    (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff;
}

void
vis_text(struct buf *out, struct sv s)
{
	uint32_t cp;

	while (s.n > 0) {
		size_t len = decode_utf8(s, &cp);

		if (len == 0)
			buf_printf(out, "\\x%02x", (unsigned char)s.p[0]);
		else if (cp < 0x80 && invisible(cp))
			buf_printf(out, "\\x%02x", (unsigned)cp);
		else if (invisible(cp))
			buf_printf(out, "\\u{%x}", (unsigned)cp);
		else
			buf_add(out, s.p, len);
		s = sv_from(s, len == 0 ? 1 : len);
	}
}

size_t
vis_cut(struct sv s, size_t max)
{
	size_t n = max;

	if (s.n <= max)
		return s.n;
	while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}
