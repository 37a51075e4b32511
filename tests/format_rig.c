/*
 * format_rig: see format_rig.h.
 */
#include "format_rig.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"
#include "model/fields.h"
#include "rig.h"
#include "scan/scan.h"
#include "util/xalloc.h"

uint64_t *
fx_position(struct got *g, const struct stream *stream)
{
	int i = 0;

	while (i < g->nstreams && g->streams[i] != stream)
		i++;
	if (i == g->nstreams) {
		ck_assert_int_lt(i, STREAMS_MAX);
		g->streams[g->nstreams++] = stream;
		g->position[i] = 0;
	}
	return &g->position[i];
}

static void
keep_line(struct got *g, const struct chunk *chunk, struct sv line)
{
	ck_assert_int_lt(g->n, LINES_MAX);
	g->of[g->n] = chunk->stream;
	g->cut[g->n] = chunk->cut;
	g->lines[g->n++] = xstrndup(line.p, line.n);
}

static void
put_part(struct buf *out, const char *name, struct sv value)
{
	if (value.n == 0)
		return;
	buf_printf(out, US "%s=", name);
	buf_sv(out, value);
}

/* Whatever form it came in: what becomes of it, as a line of format/. */
static void
keep_decoded(void *ctx, const struct line *line)
{
	struct got *g = ctx;
	struct chunk chunk = {.stream = line->stream, .cut = line->cut};
	struct buf out = BUF_INIT;
	struct record rec;

	decode_line(g->decoder, line, NOW, &rec);
	buf_printf(&out, "%llu" US "@time=%lld", (unsigned long long)line->offset, (long long)rec.time);
	put_part(&out, "@host", rec.host);
	put_part(&out, "@program", rec.program);
	put_part(&out, "@pid", rec.pid);
	for (size_t i = 0; i < rec.nfields; i++) {
		buf_puts(&out, US);
		buf_sv(&out, rec.fields[i].name);
		buf_putc(&out, '=');
		buf_sv(&out, rec.fields[i].value);
	}
	buf_puts(&out, US "@message=");
	buf_sv(&out, rec.message);
	keep_line(g, &chunk, buf_view(&out));
	buf_free(&out);
}

/* A chunk's lines are whole, positions only grow. */
void
fx_got_chunk(void *ctx, const struct chunk *chunk)
{
	struct got *g = ctx;
	uint64_t *position = fx_position(g, chunk->stream);
	struct sv rest = chunk->data;

	ck_assert(chunk->form == LINE_FIELDS || g->decoder != NULL);
	ck_assert(g->cut_away || chunk->next >= *position);
	*position = chunk->next;
	if (g->decoder != NULL) {
		scan_each(chunk, keep_decoded, g);
		return;
	}
	if (chunk->cut) {
		ck_assert_ptr_null(memchr(rest.p, '\n', rest.n));
		keep_line(g, chunk, rest);
		return;
	}
	while (rest.n > 0) {
		const char *end = memchr(rest.p, '\n', rest.n);

		ck_assert_ptr_nonnull(end);
		keep_line(g, chunk, (struct sv){rest.p, (size_t)(end - rest.p)});
		rest = sv_from(rest, (size_t)(end + 1 - rest.p));
	}
}

void
fx_forget(struct got *g)
{
	struct decoder *decoder = g->decoder;

	for (int i = 0; i < g->n; i++)
		free(g->lines[i]);
	memset(g, 0, sizeof(*g));
	g->decoder = decoder;
}

struct fx *
fx_of(int format, const char *multiline)
{
	struct fx *r = xcalloc(1, sizeof(*r));
	struct buf error = BUF_INIT;

	r->stream = (struct stream){.id = "1", .source = "s", .path = "/var/log/x.log"};
	r->conf.format = format;
	r->conf.multiline.s = (char *)(uintptr_t)multiline;
	r->f = format_new(&r->conf, 65536, &error);
	ck_assert_msg(r->f != NULL, "%s", buf_str(&error));
	if (format == FORMAT_AUTO && multiline == NULL)
		r->got.decoder = decoder_new();
	return r;
}

void
fx_end(struct fx *r)
{
	fx_forget(&r->got);
	decoder_free(&r->got.decoder);
	format_free(&r->f);
	free(r);
}

void
fx_feed_stream(struct fx *r, const struct stream *stream, uint64_t offset, struct sv text)
{
	struct chunk chunk = {.stream = stream,
	    .offset = offset,
	    .next = offset + text.n,
	    .data = text,
	    .form = stream->form};

	format_chunk(r->f, &chunk, NOW, fx_got_chunk, &r->got);
}

void
fx_feed(struct fx *r, struct sv text)
{
	fx_feed_stream(r, &r->stream, r->fed, text);
	r->fed += text.n;
}

void
fx_flush(struct fx *r)
{
	format_flush(r->f, INT64_MAX, fx_got_chunk, &r->got);
	ck_assert_int_eq(format_due(r->f), -1);
}

void
fx_check_all_given(struct fx *r)
{
	ck_assert_uint_eq(*fx_position(&r->got, &r->stream), r->fed);
}

struct fx *
fx_after(int format, const char *text)
{
	struct fx *r = fx_of(format, NULL);

	fx_feed(r, sv_str(text));
	fx_flush(r);
	fx_check_all_given(r);
	return r;
}

struct fx *
fx_record_of(int format, const char *text)
{
	struct fx *r = fx_after(format, text);

	ck_assert_int_eq(r->got.n, 1);
	fx_check_form(r->got.lines[0]);
	return r;
}

struct fx *
fx_spool(int format, const char *multiline)
{
	struct fx *r = fx_of(format, multiline);

	r->stream.form = LINE_SPOOL;
	return r;
}

const char *
fx_part(const struct fx *r, int i, const char *name)
{
	static char places[8][70000];
	static int turn;
	char *place = places[turn++ % 8];
	const char *p;
	size_t n = strlen(name);

	ck_assert_msg(i < r->got.n, "line %d of %d", i, r->got.n);
	p = r->got.lines[i];
	while ((p = strchr(p, '\x1f')) != NULL) {
		p++;
		if (strncmp(p, name, n) == 0 && p[n] == '=') {
			size_t length = strcspn(p + n + 1, US);

			ck_assert_uint_lt(length, sizeof(places[0]));
			memcpy(place, p + n + 1, length);
			place[length] = '\0';
			return place;
		}
	}
	return NULL;
}

void
fx_expect(const struct fx *r, int i, const char *name, const char *value)
{
	const char *is = fx_part(r, i, name);

	if (value == NULL)
		ck_assert_msg(is == NULL, "%s is %s", name, is);
	else
		ck_assert_msg(is != NULL && strcmp(is, value) == 0, "%s is %s, not %s\nin %s", name,
		    is == NULL ? "absent" : is, value, r->got.lines[i]);
}

void
fx_check_form(const char *line)
{
	static const char *const known[] = {"@time=", "@host=", "@program=", "@pid=", "@facility=",
	    "@severity=", "@peer_ip=", "@peer_name=", "@message="};
	bool seen[COUNT(known)] = {false}, fields = false;
	const char *p = line + strspn(line, "0123456789");
	int count = 0;

	ck_assert(p > line && *p == '\x1f');
	while (*p == '\x1f') {
		size_t name = strcspn(++p, "=" US), n = strcspn(p, US);

		ck_assert_msg(name < n && name > 0 && name <= FIELDS_NAME_MAX, "%s", p);
		ck_assert(!seen[COUNT(known) - 1]);
		for (size_t i = 0; i < name; i++)
			ck_assert(p[i] > ' ' && p[i] < 0x7f);
		if (*p == '@') {
			int i = 0;

			while (i < COUNT(known) && strncmp(known[i], p, strlen(known[i])) != 0)
				i++;
			ck_assert_msg(i < COUNT(known) && !seen[i], "%s", p);
			ck_assert(!fields || i == COUNT(known) - 1);
			seen[i] = true;
		} else {
			fields = true;
			count++;
		}
		p += n;
	}
	ck_assert(*p == '\0' && seen[COUNT(known) - 1]);
	ck_assert_int_le(count, FIELDS_MAX);
}

int
fx_main(const char *name, void (*add)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);

	setenv("TZ", "UTC", 1);
	add(tc);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
