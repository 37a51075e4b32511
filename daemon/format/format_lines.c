/*
 * format_lines: syslog of any kind, or plain, whose lines belong together by a
 * pattern.  A record has the header of its first line.
 */
#include "format/format_internal.h"

static void
join_line(struct format *f, const struct format_line *in)
{
	struct format_entry *e = format_join_find(f, in, SV(""));

	if (e != NULL && format_multiline_begins(f->multiline, in->text)) {
		format_join_close(f, e);
		e = NULL;
	}
	if (e == NULL)
		e = format_join_open(f, in, SV(""));
	format_join_add(f, e, in, '\n');
}

static void
read_joined(struct format *f, const struct format_line *in)
{
	const char *newline = memchr(in->text.p, '\n', in->text.n);
	struct sv first = {
	    in->text.p, newline == NULL ? in->text.n : (size_t)(newline - in->text.p)};
	struct sv message;

	format_record_begin(f);
	message = format_record_header(f, in, first);
	message.n += in->text.n - first.n;
	f->record.head.message = message;
	format_give(f, in);
}

const struct format_kind format_lines = {.line = join_line, .joined = read_joined};
