/*
 * fuzz_decode: any bytes, as lines of one chunk through one decoder.  What is
 * remembered from the lines before may change nothing.
 */
#include <stdlib.h>

#include "decode/decode.h"

#define NOW 1768046400000LL /* 2026-01-10T12:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
require_inside(struct sv part, struct sv whole)
{
	require(part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void
require_program(struct sv program)
{
	require(program.n <= 64);
	for (size_t i = 0; i < program.n; i++)
		require(program.p[i] > ' ' && program.p[i] < 0x7f &&
		    memchr("[]():", program.p[i], 5) == NULL);
}

/* Of "message repeated 3 times: [ MESSAGE]" the message is what is in brackets. */
static bool
may_be_repeated(struct sv line)
{
	static const char words[] = "message repeated ";

	return memmem(line.p, line.n, words, sizeof(words) - 1) != NULL;
}

static void
require_sane(const struct record *r)
{
	bool repeated = may_be_repeated(r->line->text);

	require_inside(r->host, r->line->text);
	require_inside(r->program, r->line->text);
	require_inside(r->pid, r->line->text);
	require_inside(r->structured, r->line->text);
	require_inside(r->message, r->line->text);
	require_program(r->program);
	require(r->host.n <= 255 && r->pid.n <= 128);
	require(r->facility >= -1 && r->facility <= 23 && r->severity >= -1 && r->severity <= 7);
	require((r->facility == -1) == (r->severity == -1));
	require(r->time >= -2 * 86400000LL && r->time < 253402387200000LL);
	/* The message is the end of the line. */
	require(repeated || r->message.p + r->message.n == r->line->text.p + r->line->text.n);
	require(r->repeat == 1 || (repeated && r->repeat <= RECORD_REPEAT_MAX));
	if (r->format == RECORD_PLAIN)
		require((repeated || r->message.n == r->line->text.n) && r->facility == -1);
	if (r->format == RECORD_TAGGED)
		require(r->program.n > 0 && r->pid.n > 0 && r->time == NOW);
}

static void
try(void *ctx, const struct line *line)
{
	struct decoder *fresh = decoder_new();
	struct record a, b;

	decode_line(ctx, line, NOW, &a);
	decode_line(fresh, line, NOW, &b);
	decoder_free(&fresh);
	require_sane(&a);
	require(a.format == b.format && a.time == b.time && sv_eq(a.message, b.message));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct stream stream = {.id = "f", .source = "f", .path = "f"};
	struct decoder *decoder = decoder_new();
	struct sv rest = {(const char *)data, size};

	while (rest.n > 0) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end == NULL ? rest.n : (size_t)(end - rest.p);
		struct line line = {.stream = &stream, .text = {rest.p, n}};

		if (n > 0)
			try(decoder, &line);
		rest = sv_from(rest, end == NULL ? n : n + 1);
	}
	decoder_free(&decoder);
	return 0;
}
