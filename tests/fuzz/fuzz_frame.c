/*
 * fuzz_frame: any stream, cut anywhere and its messages refused now and then, is the
 * messages that a slow reference finds in the whole of it.
 *
 * The first bytes choose the cuts.  The reference is written from the contract, byte
 * by byte, and shares nothing with the parser.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "receive/receive_frame.h"
#include "util/buf.h"

#define MAX 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sink {
	struct buf text;
	unsigned random, refuse;
};

/* What is left of a message once its end is stripped, and no more than MAX of it. */
static void
add(struct buf *out, const char *p, size_t n)
{
	if (n > 0)
		buf_printf(out, "%zu:", n < MAX ? n : MAX);
	buf_add(out, p, n < MAX ? n : MAX);
}

static size_t
stripped(const char *p, size_t n)
{
	while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == '\n' || p[n - 1] == '\0'))
		n--;
	return n;
}

static bool
take(void *ctx, struct sv m)
{
	struct sink *s = ctx;

	s->random = s->random * 1103515245U + 12345U;
	if (m.n == 0 || m.n > MAX)
		abort();
	if ((s->random >> 16) % 8 < s->refuse)
		return false;
	buf_printf(&s->text, "%zu:", m.n);
	buf_sv(&s->text, m);
	return true;
}

/* The bytes of "COUNT " when a frame with a count begins at ${p}, else 0. */
static size_t
reference_head(const char *p, size_t n, size_t *count)
{
	unsigned value, pri;
	int head = 0, end = 0;
	char text[20] = "";

	memcpy(text, p, n < sizeof(text) - 1 ? n : sizeof(text) - 1);
	if (!isdigit((unsigned char)text[0]) || text[0] == '0')
		return 0;
	if (sscanf(text, "%7u%n", &value, &head) != 1 || text[head] != ' ' ||
	    text[head + 1] != '<' || !isdigit((unsigned char)text[head + 2]) ||
	    sscanf(text + head + 2, "%3u%n", &pri, &end) != 1 || text[head + 2 + end] != '>')
		return 0;
	*count = value;
	return value >= (size_t)end + 2 ? (size_t)head + 1 : 0;
}

/* The message with a count of ${count} at ${p}.  Returns what is behind it. */
static size_t
reference_counted(struct buf *out, const char *p, size_t n, size_t count)
{
	size_t end = count < n ? count : n;

	add(out, p, stripped(p, end < MAX ? end : MAX));
	return end;
}

static void
reference(struct buf *out, const char *p, size_t n)
{
	bool counted = false;
	size_t i = 0, count, head, end, length;

	while (i < n) {
		head = reference_head(p + i, n - i, &count);
		if (head > 0) {
			i += head;
			i += reference_counted(out, p + i, n - i, count);
			counted = true;
			continue;
		}
		for (end = i; end < n && p[end] != '\n' && p[end] != '\0'; end++)
			;
		length = end - i >= MAX + 2 ? MAX : stripped(p + i, end - i);
		add(out, p + i, length);
		if (counted && end - i >= MAX + 2)
			return;
		counted = counted && length == 0;
		i = end + 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct receive_frame f = {.max = MAX};
	struct sink s = {.random = size == 0 ? 0 : data[0], .refuse = size < 2 ? 0 : data[1] % 7};
	struct buf want = BUF_INIT, rest = BUF_INIT;
	enum receive_frame_result result = FRAME_MORE;
	size_t used;

	for (size_t i = 2, n; i < size && result != FRAME_LOST; i += n) {
		s.random = s.random * 1103515245U + 12345U;
		n = 1 + (s.random >> 16) % 16;
		n = n < size - i ? n : size - i;
		buf_add(&rest, data + i, n);
		do {
			result = receive_frame_feed(&f, buf_view(&rest), &used, take, &s);
			memmove(rest.p, rest.p + used, rest.n - used);
			rest.n -= used;
		} while (result == FRAME_WAIT);
	}
	while (
	    result != FRAME_LOST && receive_frame_end(&f, buf_view(&rest), take, &s) == FRAME_WAIT)
		;
	if (size > 2)
		reference(&want, (const char *)data + 2, size - 2);
	if (!sv_eq(buf_view(&want), buf_view(&s.text)))
		abort();
	buf_free(&want);
	buf_free(&rest);
	buf_free(&s.text);
	return 0;
}
