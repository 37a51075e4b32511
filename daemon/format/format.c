/*
 * format: see format.h.  Splits chunks into lines, takes off what the spool put
 * around them, hands them to their format, and gives on what that has made of
 * them.  Knows no format; what waits is format_join.c's.
 */
#include "format/format.h"

#include <stdlib.h>

#include "conf/config.h"
#include "format/format_internal.h"
#include "spool/spool_line.h"
#include "util/xalloc.h"

static const struct format_kind lines_of_text = {.line = format_text};

static const struct format_kind *
kind_of(int format)
{
	static const struct format_kind *const kinds[] = {[FORMAT_AUTO] = &lines_of_text,
	    [FORMAT_JSON] = &format_json,
	    [FORMAT_DOCKER] = &format_docker,
	    [FORMAT_CRI] = &format_cri,
	    [FORMAT_LOGFMT] = &format_logfmt,
	    [FORMAT_AUDIT] = &format_audit,
	    [FORMAT_ACCESS] = &format_access,
	    [FORMAT_CEF] = &format_cef};

	return kinds[format];
}

struct format *
format_new(const struct source_conf *conf, size_t max_line, struct buf *error)
{
	struct format *f = xcalloc(1, sizeof(*f));

	f->conf = conf;
	f->kind = kind_of(conf->format);
	f->guesses = conf->format == FORMAT_AUTO && conf->multiline.s == NULL;
	f->max_line = max_line;
	f->decoder = decoder_new();
	f->stamps = decoder_new();
	f->join = format_join_new();
	format_record_names(f->names);
	f->joins = f->guesses || f->kind->joined != NULL;
	if (conf->format == FORMAT_AUTO && conf->multiline.s != NULL) {
		f->kind = &format_lines;
		f->joins = true;
		f->multiline = format_multiline_new(conf->multiline.s, error);
		if (f->multiline == NULL)
			format_free(&f);
	}
	return f;
}

void
format_free(struct format **fp)
{
	struct format *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	format_join_free(&f->join);
	format_multiline_free(&f->multiline);
	decoder_free(&f->decoder);
	decoder_free(&f->stamps);
	buf_free(&f->out.text);
	buf_free(&f->raw);
	buf_free(&f->scratch);
	buf_free(&f->inner);
	buf_free(&f->structured);
	buf_free(&f->stem);
	free(f);
}

uint64_t
format_misfits(const struct format *f)
{
	return f->misfits;
}

/* ---- records out ------------------------------------------------------------- */

static void
fire(struct format *f, const struct stream *stream, struct chunk chunk)
{
	chunk.stream = stream;
	chunk.form = LINE_FIELDS;
	f->cb(f->ctx, &chunk);
}

void
format_emit(struct format *f, const struct stream *stream, uint64_t next, uint64_t check)
{
	struct chunk chunk = {.offset = next, .next = next, .check = check};

	if (f->out.text.n > 0 && f->out.stream == stream) {
		chunk.offset = f->out.offset;
		chunk.data = buf_view(&f->out.text);
		f->out.text.n = 0;
	}
	fire(f, stream, chunk);
}

/* The line ends in f->out.text and was begun at ${from}. */
static void
finish_line(struct format *f, const struct format_line *in, size_t from)
{
	struct buf *text = &f->out.text;

	if (in->cut) {
		struct sv line = {text->p + from, text->n - from};

		text->n = from;
		if (from > 0)
			format_emit(f, in->stream, in->offset, 0);
		text->n = 0;
		fire(f, in->stream,
		    (struct chunk){
		        .offset = in->offset, .next = in->offset, .data = line, .cut = true});
		return;
	}
	buf_putc(text, '\n');
	if (from == 0)
		f->out.offset = in->offset;
	f->out.stream = in->stream;
}

void
format_put(struct format *f, const struct stream *stream, uint64_t offset, struct sv text, bool cut)
{
	struct format_line line = {.stream = stream, .offset = offset, .cut = cut};
	size_t from = f->out.text.n;

	buf_sv(&f->out.text, text);
	finish_line(f, &line, from);
}

void
format_give(struct format *f, const struct format_line *in)
{
	size_t from = f->out.text.n;

	if (in->entry != NULL) {
		format_out_record(format_join_text(in->entry), f, in);
	} else if (format_join_waits(f)) {
		format_join_put(f, in);
	} else {
		format_out_record(&f->out.text, f, in);
		finish_line(f, in, from);
	}
}

void
format_text(struct format *f, const struct format_line *in)
{
	format_record_begin(f);
	f->record.head.message = format_record_header(f, in, in->text);
	format_give(f, in);
}

void
format_misfit(struct format *f, const struct format_line *in)
{
	f->misfits++;
	format_text(f, in);
}

void
format_give_text(struct format *f, const struct format_line *in, struct sv text)
{
	if (text.n == 0 || text.p[0] != '{' || !format_json_object(f, &f->inner, text))
		f->record.head.message = format_record_header(f, in, text);
	format_give(f, in);
}

/* ---- text as it is ------------------------------------------------------------- */

/* Give on the run, behind what is in f->out. */
static void
end_run(struct format *f)
{
	struct chunk run = f->run;

	if (run.data.n == 0)
		return;
	if (f->out.text.n > 0)
		format_emit(f, run.stream, run.offset, 0);
	run.next = run.offset + run.data.n;
	f->run.data.n = 0;
	f->cb(f->ctx, &run);
}

/* The line at ${from} of ${chunk} goes on as it is. */
static void
extend_run(struct format *f, const struct chunk *chunk, struct sv line, uint64_t number)
{
	if (f->run.data.n > 0) {
		f->run.data.n += line.n;
		return;
	}
	f->run = *chunk;
	f->run.offset = chunk->offset + (uint64_t)(line.p - chunk->data.p);
	f->run.number = number;
	f->run.check = 0;
	f->run.data = line;
}

/* ---- lines in ---------------------------------------------------------------- */

static bool
is_octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' &&
	    p[2] <= '7';
}

/* The message of a spooled line as it came, but that it stays one line: lines are
 * told apart by who reads them, not by who sends them. */
static struct sv
unescape(struct format *f, struct sv message)
{
	const char *end = message.p + message.n;

	if (message.n == 0 || memchr(message.p, '#', message.n) == NULL)
		return message;
	f->raw.n = 0;
	for (const char *p = message.p; p < end;) {
		if (*p == '#' && end - p > 3 && is_octal(p + 1)) {
			char c = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));

			buf_putc(&f->raw, c == '\n' || c == '\0' ? ' ' : c);
			p += 4;
		} else {
			buf_putc(&f->raw, *p++);
		}
	}
	return buf_view(&f->raw);
}

/* Without what was put around it, or came after it. */
static void
strip_line(struct format *f, struct format_line *in, enum line_form form)
{
	struct spool_line spooled;

	while (in->text.n > 0 && in->text.p[0] == '\0') {
		in->text = sv_from(in->text, 1);
		in->offset++;
	}
	if (form == LINE_SPOOL && spool_line_parse(in->text, &spooled)) {
		in->text = unescape(f, spooled.message);
		in->dirty |= in->text.p != spooled.message.p;
		in->transport = spooled.transport;
		in->peer = spooled.peer;
		in->peer_name = spooled.name;
		in->time = spooled.time;
	}
	if (in->text.n > 0 && in->text.p[in->text.n - 1] == '\r')
		in->text.n--;
}

/* ${line} is what ${in} was made of, with its newline. */
static void
read_line(struct format *f, struct format_line *in, const struct chunk *chunk, struct sv line)
{
	strip_line(f, in, chunk->form);
	if (f->guesses) {
		f->kind = kind_of(format_guess_line(f->decoder, in->text));
		if (f->kind == &lines_of_text && !format_join_waits(f)) {
			extend_run(f, chunk, line, in->number);
			return;
		}
		end_run(f);
	}
	if (in->text.n == 0)
		return;
	format_join_line(f);
	f->kind->line(f, in);
}

static bool
is_dirty(struct sv data)
{
	return data.n > 0 &&
	    (memchr(data.p, FIELDS_SEPARATOR, data.n) != NULL ||
	        memchr(data.p, '\0', data.n) != NULL);
}

static void
read_lines(struct format *f, const struct chunk *chunk, int64_t now)
{
	bool dirty = is_dirty(chunk->data);
	struct sv rest = chunk->data;
	uint64_t number = chunk->number;

	while (rest.n > 0) {
		const char *newline = memchr(rest.p, '\n', rest.n);
		size_t n = newline == NULL ? rest.n : (size_t)(newline - rest.p);
		struct format_line in = {.stream = chunk->stream,
		    .offset = chunk->offset + (uint64_t)(rest.p - chunk->data.p),
		    .number = number,
		    .text = {rest.p, n},
		    .time = now,
		    .dirty = dirty,
		    .cut = chunk->cut};

		read_line(f, &in, chunk, (struct sv){rest.p, n + (newline != NULL)});
		rest = sv_from(rest, n + 1);
		number += number > 0;
	}
	end_run(f);
}

void
format_chunk(struct format *f, const struct chunk *chunk, int64_t now, format_cb *cb, void *ctx)
{
	if (chunk->form == LINE_FIELDS || (f->guesses && format_guess_is_text(chunk) &&
	                                      !format_join_concerns(f, chunk))) {
		cb(ctx, chunk);
		return;
	}
	f->cb = cb;
	f->ctx = ctx;
	format_join_begin(f, chunk);
	read_lines(f, chunk, now);
	format_join_end(f, chunk);
}

int64_t
format_due(const struct format *f)
{
	return format_join_due(f->join);
}

void
format_flush(struct format *f, int64_t mono, format_cb *cb, void *ctx)
{
	f->cb = cb;
	f->ctx = ctx;
	format_join_flush(f, mono);
}

void
format_reset(struct format *f)
{
	format_join_reset(f);
	f->out.text.n = 0;
	f->run.data.n = 0;
}
