/*
 * format_docker: the files of Docker's json-file driver.  A line of the container
 * is {"log": ..., "stream": ..., "time": ...}, in parts of 16 KiB of which the last
 * has the newline.
 */
#include "format/format_internal.h"

/* The text of this part, without its newline; false when it is no such line. */
static bool
read_part(struct format *f, const struct format_line *in, struct format_line *part, bool *last)
{
	const struct record_field *log;

	format_record_begin(f);
	if (in->text.p[0] != '{' || !format_json_object(f, &f->scratch, in->text) ||
	    (log = format_record_find(f, "log")) == NULL)
		return false;
	*part = *in;
	part->text = log->value;
	part->dirty |= f->record.head.dirty;
	*last = log->value.n == 0 || log->value.p[log->value.n - 1] == '\n';
	if (part->text.n > 0 && *last)
		part->text.n--;
	if (f->record.head.time >= 0)
		part->time = f->record.head.time;
	return true;
}

static struct sv
stream_of(const struct format *f)
{
	const struct record_field *stream = format_record_find(f, "stream");

	return stream == NULL ? SV("") : stream->value;
}

/* What stands around the text goes into the stem, so that the record is the text's
 * own. */
static void
keep_stem(struct format *f, struct format_line *part)
{
	f->stem.n = 0;
	part->nstem = format_out_stem(&f->stem, f, "log");
	part->stem = buf_view(&f->stem);
}

static void
give(struct format *f, const struct format_line *in)
{
	struct sv text = in->text;

	if (text.n > 0 && text.p[text.n - 1] == '\r')
		text.n--;
	format_record_begin(f);
	format_record_time(f, in->time);
	format_give_text(f, in, text);
}

static void
read_docker(struct format *f, const struct format_line *in)
{
	struct format_entry *e;
	struct format_line part;
	struct sv stream;
	bool last;

	if (!read_part(f, in, &part, &last)) {
		format_misfit(f, in);
		return;
	}
	stream = stream_of(f);
	e = format_join_find(f, in, stream);
	if (e == NULL && !last) {
		keep_stem(f, &part);
		e = format_join_open(f, &part, stream);
	}
	if (e != NULL) {
		format_join_add(f, e, &part, 0);
		if (last)
			format_join_close(f, e);
	} else if (part.text.n > 0) {
		keep_stem(f, &part);
		give(f, &part);
	}
}

const struct format_kind format_docker = {.line = read_docker, .joined = give};
