/*
 * fuzz_format: any bytes as lines of the format that the first byte names, '0' to
 * '7', or of a spool, '8' on; 'P' and 'X' are auto without a pattern.  The lines made of
 * them are well-formed, the same however they are cut; nothing waits in the end; a
 * restart from a position loses and doubles none.  What jansson takes for an object is
 * one.  Of text that goes on as it is only the bounds are looked at.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "format/format.h"
#include "model/fields.h"
#include "spool/spool_line.h"

#define MAX_LINE 300
#define NOW 1768046400000LL /* 2026-01-10T12:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* NAME=VALUE behind a separator. */
static void
require_part(struct sv part, bool last)
{
	const char *equals = memchr(part.p, '=', part.n);
	size_t n = equals == NULL ? 0 : (size_t)(equals - part.p);

	require(n > 0 && n <= FIELDS_NAME_MAX && memchr(part.p, '\0', part.n) == NULL);
	for (size_t i = 0; i < n; i++)
		require(part.p[i] > ' ' && part.p[i] < 0x7f);
	require(last == sv_eq((struct sv){part.p, n}, SV("@message")));
}

static void
require_line(struct sv line)
{
	size_t digits = 0;

	while (digits < line.n && line.p[digits] >= '0' && line.p[digits] <= '9')
		digits++;
	require(digits > 0);
	for (line = sv_from(line, digits); line.n > 0;) {
		const char *end;

		require(line.p[0] == FIELDS_SEPARATOR);
		line = sv_from(line, 1);
		end = memchr(line.p, FIELDS_SEPARATOR, line.n);
		require_part((struct sv){line.p, end == NULL ? line.n : (size_t)(end - line.p)},
		    end == NULL);
		line = sv_from(line, end == NULL ? line.n : (size_t)(end - line.p));
	}
}

struct got {
	struct buf text;
	uint64_t position;
	uint64_t half; /* the position in the middle, and what had come until then */
	size_t half_text;
	bool text_goes_on;
};

static void
got_chunk(void *ctx, const struct chunk *chunk)
{
	struct got *got = ctx;
	struct sv rest = chunk->data;

	require(chunk->next >= got->position);
	got->position = chunk->next;
	if (chunk->form != LINE_FIELDS) {
		require(got->text_goes_on && chunk->offset + rest.n <= chunk->next);
		return;
	}
	buf_sv(&got->text, rest);
	if (chunk->cut)
		buf_putc(&got->text, '\n');
	while (rest.n > 0) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end == NULL ? rest.n : (size_t)(end - rest.p);

		require(end != NULL || chunk->cut);
		require_line((struct sv){rest.p, n});
		rest = sv_from(rest, n + 1);
	}
}

static void
require_object(struct format *f, struct sv line, uint64_t misfits)
{
	json_error_t error;
	json_t *json;

	if (line.n > 500 || line.p[0] != '{' || memchr(line.p, '\0', line.n) != NULL)
		return; /* jansson takes a raw zero for a blank */
	json = json_loadb(line.p, line.n, JSON_ALLOW_NUL, &error);
	if (json_is_object(json))
		require(format_misfits(f) == misfits);
	json_decref(json);
}

/* Feed ${whole} from ${at} on, ${lines} at a time. */
static void
run(const struct source_conf *conf, enum line_form form, struct sv whole, uint64_t at, size_t lines,
    struct got *got)
{
	struct stream stream = {.id = "1", .source = "s", .path = "f"};
	struct buf error = BUF_INIT;
	struct format *f = format_new(conf, MAX_LINE, &error);
	struct sv text = sv_from(whole, at);

	require(f != NULL);
	got->position = at;
	while (text.n > 0) {
		size_t n = 0, count = 0;
		uint64_t misfits = format_misfits(f);
		struct chunk chunk;

		while (n < text.n && count < lines)
			count += text.p[n++] == '\n';
		chunk = (struct chunk){.stream = &stream,
		    .offset = at,
		    .next = at + n,
		    .data = {text.p, n},
		    .form = form};
		format_chunk(f, &chunk, NOW, got_chunk, got);
		if (conf->format == FORMAT_JSON && lines == 1 && form == LINE_RAW)
			require_object(f, chunk.data, misfits);
		at += n;
		text = sv_from(text, n);
		if (at <= whole.n / 2) {
			got->half = got->position;
			got->half_text = got->text.n;
		}
	}
	format_flush(f, INT64_MAX, got_chunk, got);
	require(format_due(f) == -1 && got->position == at);
	format_free(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source_conf conf = {.multiline = {.s = (char *)(uintptr_t) "^[A-Z0-9]"}};
	struct got whole = {.text = BUF_INIT}, cut = {.text = BUF_INIT}, again = {.text = BUF_INIT};
	enum line_form form;
	struct sv text;

	if (size < 2)
		return 0;
	conf.format = data[0] % (FORMAT_CEF + 1);
	text = (struct sv){(const char *)data + 1, size - 1};
	form = (data[0] & 8) != 0 ? LINE_SPOOL : LINE_RAW;
	if (data[0] == 'P' || data[0] == 'X') {
		conf.multiline.s = NULL;
		whole.text_goes_on = true;
		run(&conf, form, text, 0, SIZE_MAX, &whole);
		run(&conf, form, text, whole.half, 2, &whole);
		buf_free(&whole.text);
		return 0;
	}
	run(&conf, form, text, 0, SIZE_MAX, &whole);
	run(&conf, form, text, 0, 1, &cut);
	require(sv_eq(buf_view(&whole.text), buf_view(&cut.text)));
	run(&conf, form, text, cut.half, 2, &again);
	require(sv_eq(sv_from(buf_view(&cut.text), cut.half_text), buf_view(&again.text)));
	buf_free(&again.text);
	buf_free(&whole.text);
	buf_free(&cut.text);
	return 0;
}
