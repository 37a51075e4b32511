/*
 * fuzz_spool_line: no line makes the reader fall over; a message comes out as it
 * went in, in one intact line.
 */
#include <stdint.h>
#include <stdlib.h>

#include "spool/spool_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
runs(struct sv lines)
{
	size_t n = 0;
	bool intact;

	for (; lines.n > 0; n++)
		lines = sv_from(lines, spool_line_run(lines, &intact).n);
	return n;
}

/* Compare without unescaping: what is escaped can stand for one byte only. */
static bool
is_escaped(struct sv text, struct sv message)
{
	size_t i = 0;

	for (size_t k = 0; k < message.n; k++) {
		unsigned char c = (unsigned char)message.p[k];
		char escape[] = {
		    '#', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)), (char)('0' + (c & 7))};

		if (text.n - i >= 4 && memcmp(text.p + i, escape, 4) == 0)
			i += 4;
		else if (i < text.n && text.p[i] == message.p[k])
			i++;
		else
			return false;
	}
	return i == text.n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv input = {(const char *)data, size}, line,
	          origin = {(const char *)data, size % 300};
	struct buf out = BUF_INIT;
	struct spool_line parsed;
	bool intact;

	if (origin.n > size)
		origin.n = size;
	spool_line_parse(input, &parsed);
	if (runs(input) > size)
		abort();
	spool_line_write(&out, (int64_t)size, SV("tls:192.0.2.1/x"), input);
	line = (struct sv){out.p, out.n - 1};
	if (spool_line_run(buf_view(&out), &intact).n != out.n || !intact ||
	    !spool_line_parse(line, &parsed) || !is_escaped(parsed.message, input) ||
	    spool_line_fit(input, parsed.message.n) != size ||
	    (size > 0 && spool_line_fit(input, parsed.message.n - 1) == size))
		abort();
	out.n = 0;
	spool_line_write(&out, 0, origin, input);
	if (out.n > SPOOL_LINE_OVERHEAD + 4 * size + 1 || sv_count(buf_view(&out), '\n') != 1)
		abort();
	buf_free(&out);
	return 0;
}
