/*
 * format_cef: "CEF:0|vendor|product|version|id|name|severity|extension", alone or
 * behind a syslog header.
 */
#include "format/format_internal.h"

#define HEADERS 7

/* Up to the bar that is not escaped, which it takes; without the escapes. */
static bool
take_header(struct format *f, struct sv *s, struct sv *out)
{
	struct buf *b = &f->scratch;
	size_t begin = b->n, n = 0;

	while (n < s->n && s->p[n] != '|') {
		if (s->p[n] == '\\' && n + 1 < s->n && (s->p[n + 1] == '|' || s->p[n + 1] == '\\'))
			n++;
		buf_putc(b, s->p[n++]);
	}
	*out = (struct sv){b->p + begin, b->n - begin};
	if (n == s->n)
		return false;
	*s = sv_from(*s, n + 1);
	return true;
}

static bool
read_headers(struct format *f, struct sv *s)
{
	static const char *const names[HEADERS] = {"cef.version", "cef.vendor", "cef.product",
	    "cef.product_version", "cef.id", "cef.name", "cef.severity"};
	struct sv value;

	for (size_t i = 0; i < HEADERS; i++) {
		bool bar = take_header(f, s, &value);

		/* Some leave out the last bar when there is no extension. */
		if (!bar && i + 1 < HEADERS)
			return false;
		if (!bar)
			*s = sv_from(*s, s->n);
		format_record_field(f, sv_str(names[i]), value);
	}
	return true;
}

/* ---- the extension ----------------------------------------------------------- */

static bool
is_key(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '_' || c == '.' || c == '-' || c == '[' || c == ']';
}

/* Where the next "key=" behind a blank begins, from ${i} on; the end when there
 * is none. */
static size_t
next_key(struct sv s, size_t i)
{
	size_t begin;

	for (; i < s.n; i++) {
		if (s.p[i] == '\\') {
			i++;
			continue;
		}
		if (s.p[i] != ' ')
			continue;
		begin = i + 1;
		while (i + 1 < s.n && is_key(s.p[i + 1]))
			i++;
		if (i + 1 < s.n && s.p[i + 1] == '=' && i >= begin)
			return begin;
	}
	return s.n;
}

static struct sv
unescape(struct format *f, struct sv s)
{
	struct buf *b = &f->scratch;
	size_t begin = b->n;

	if (s.n == 0 || memchr(s.p, '\\', s.n) == NULL)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : '\0';

		if (c == '\\' && (next == '=' || next == '\\' || next == '|')) {
			c = next;
			i++;
		} else if (c == '\\' && (next == 'n' || next == 'r')) {
			c = ' ';
			i++;
		}
		buf_putc(b, c);
	}
	return (struct sv){b->p + begin, b->n - begin};
}

static void
add(struct format *f, struct sv name, struct sv value)
{
	while (value.n > 0 && value.p[value.n - 1] == ' ')
		value.n--;
	value = unescape(f, value);
	format_record_field(f, name, value);
	if (sv_eq(name, SV("rt")) && f->record.head.time < 0) {
		int64_t time = format_time_epoch(value);

		f->record.head.time = time >= 0 ? time : format_time_text(f, value);
	}
}

static void
read_extension(struct format *f, struct sv s)
{
	while (s.n > 0 && s.p[0] == ' ')
		s = sv_from(s, 1);
	while (s.n > 0) {
		const char *equals = memchr(s.p, '=', s.n);
		size_t n, end;

		if (equals == NULL)
			return;
		n = (size_t)(equals - s.p);
		end = next_key(s, n + 1);
		if (n > 0)
			add(f, (struct sv){s.p, n}, (struct sv){s.p + n + 1, end - n - 1});
		s = sv_from(s, end);
	}
}

static bool
read_text(struct format *f, struct sv text)
{
	struct format_head before = f->record.head;
	struct sv s = text;

	if (text.n < 5 || memcmp(text.p, "CEF:", 4) != 0)
		return false;
	f->scratch.n = 0;
	buf_reserve(&f->scratch, text.n);
	s = sv_from(s, 4);
	if (!read_headers(f, &s)) {
		f->record.head = before;
		return false;
	}
	read_extension(f, s);
	f->record.head.message = text;
	return true;
}

static void
read_cef(struct format *f, const struct format_line *in)
{
	format_record_begin(f);
	if (read_text(f, in->text) || read_text(f, format_record_header(f, in, in->text)))
		format_give(f, in);
	else
		format_misfit(f, in);
}

const struct format_kind format_cef = {.line = read_cef};
