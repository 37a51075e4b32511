/*
 * format_logfmt: name=value name="two words" name, alone or behind a syslog header.
 */
#include "format/format_internal.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A quoted value, from behind its quote; a missing one at the end is forgiven. */
static struct sv
take_quoted(struct format *f, const char **pp, const char *end)
{
	struct buf *b = &f->scratch;
	const char *p = *pp;
	size_t begin = b->n;
	struct sv value;

	while (p < end && *p != '"' && *p != '\\')
		p++;
	value = (struct sv){*pp, (size_t)(p - *pp)};
	if (p < end && *p == '\\') {
		buf_sv(b, value);
		while (p < end && *p != '"') {
			if (*p == '\\')
				format_json_unescape(b, &p, end, &f->record.head.dirty);
			else
				buf_putc(b, *p++);
		}
		value = (struct sv){b->p + begin, b->n - begin};
	}
	*pp = p < end ? p + 1 : p;
	return value;
}

static struct sv
take_value(struct format *f, const char **pp, const char *end)
{
	const char *p = *pp;
	struct sv value;

	if (p < end && *p == '"') {
		*pp = p + 1;
		return take_quoted(f, pp, end);
	}
	while (p < end && !is_blank(*p))
		p++;
	value = (struct sv){*pp, (size_t)(p - *pp)};
	*pp = p;
	return value;
}

/* How many were name=value. */
static size_t
read_pairs(struct format *f, struct sv text)
{
	const char *p = text.p, *end = p + text.n;
	size_t pairs = 0;

	f->scratch.n = 0;
	buf_reserve(&f->scratch, text.n);
	while (p < end) {
		struct sv name = {p, 0}, value = {p, 0};

		if (is_blank(*p)) {
			p++;
			continue;
		}
		while (p < end && !is_blank(*p) && *p != '=')
			p++;
		name.n = (size_t)(p - name.p);
		if (p < end && *p == '=') {
			p++;
			value = take_value(f, &p, end);
			pairs++;
		}
		if (name.n > 0)
			format_record_add(f, name, value);
	}
	return pairs;
}

/* Does it begin with name=?  Then there is no header in front. */
static bool
begins_with_name(struct sv text)
{
	for (size_t i = 0; i < text.n && !is_blank(text.p[i]) && text.p[i] != '<'; i++)
		if (text.p[i] == '=')
			return i > 0;
	return false;
}

static void
read_logfmt(struct format *f, const struct format_line *in)
{
	struct sv text = in->text;

	format_record_begin(f);
	if (!begins_with_name(text))
		text = format_record_header(f, in, text);
	if (read_pairs(f, text) == 0) {
		format_misfit(f, in);
		return;
	}
	if (f->record.head.message.p == NULL)
		f->record.head.message = text;
	format_give(f, in);
}

const struct format_kind format_logfmt = {.line = read_logfmt};
