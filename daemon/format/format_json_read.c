/*
 * format_json_read: one object of JSON into the fields of a record, nested names
 * with dots.  Copies nothing that needs no unescaping, allocates nothing.
 *
 * Takes more than RFC 8259 allows where loggers write more: bytes that are no
 * UTF-8, raw control characters, nginx's \xHH, numbers of any size, NaN.  To
 * refuse a line for one of these would let its author choose not to be seen.
 */
#include "format/format_internal.h"
#include "util/num.h"

#define DEPTH_MAX 512

struct level {
	uint32_t index;       /* of the next element */
	unsigned char prefix; /* bytes of the path that are the container's name */
	bool array;
};

struct reader {
	struct format *f;
	struct buf *scratch;
	const char *p, *end;
	struct sv name; /* of the value in hand */
	size_t depth;
	char path[FIELDS_NAME_MAX];
	struct level levels[DEPTH_MAX];
};

static void
skip_blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r' || *r->p == '\n'))
		r->p++;
}

static bool
take(struct reader *r, char c)
{
	skip_blanks(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

/* ---- strings ----------------------------------------------------------------- */

/* ${n} hex digits, or -1. */
static long
hex_number(const char *p, const char *end, int n)
{
	long value = 0;

	if (end - p < n)
		return -1;
	for (int i = 0; i < n; i++) {
		int digit = format_hex_digit(p[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static void
add_utf8(struct buf *out, long c)
{
	if (c < 0x80) {
		buf_putc(out, (char)c);
	} else if (c < 0x800) {
		buf_putc(out, (char)(0xc0 | c >> 6));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_putc(out, (char)(0xe0 | c >> 12));
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_putc(out, (char)(0xf0 | c >> 18));
		buf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	}
}

/* ${p} is behind "\u".  Half a pair is U+FFFD. */
static bool
unescape_unicode(struct buf *out, const char **p, const char *end)
{
	long c = hex_number(*p, end, 4), low;

	if (c < 0)
		return false;
	*p += 4;
	if (c >= 0xd800 && c < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' &&
	    (low = hex_number(*p + 2, end, 4)) >= 0xdc00 && low < 0xe000) {
		*p += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	add_utf8(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
	return true;
}

void
format_json_unescape(struct buf *out, const char **pp, const char *end, bool *dirty)
{
	static const char from[] = "nrtbf\"\\/'", to[] = "\n\r\t\b\f\"\\/'";
	const char *p = *pp + 1, *simple;
	size_t before = out->n;
	long byte;

	simple = p == end || *p == '\0' ? NULL : memchr(from, *p, sizeof(from) - 1);
	if (simple != NULL) {
		buf_putc(out, to[simple - from]);
		p++;
	} else if (p < end && *p == 'x' && (byte = hex_number(p + 1, end, 2)) >= 0) {
		buf_putc(out, (char)byte);
		p += 3;
	} else if (p < end && *p == 'u' && (p++, unescape_unicode(out, &p, end))) {
		/* p has moved */
	} else {
		p = *pp + 1;
		buf_putc(out, '\\');
	}
	*dirty |= (unsigned char)out->p[before] < ' ';
	*pp = p;
}

/* From the first backslash on. */
static bool
read_escaped(struct reader *r, const char *from, struct sv *out)
{
	struct buf *b = r->scratch;
	size_t begin = b->n;

	buf_add(b, from, (size_t)(r->p - from));
	while (r->p < r->end && *r->p != '"') {
		if (*r->p == '\\')
			format_json_unescape(b, &r->p, r->end, &r->f->record.head.dirty);
		else
			buf_putc(b, *r->p++);
	}
	if (r->p == r->end)
		return false;
	r->p++;
	*out = (struct sv){b->p + begin, b->n - begin};
	return true;
}

static bool
read_string(struct reader *r, struct sv *out)
{
	const char *from, *quote, *escape;

	if (!take(r, '"'))
		return false;
	from = r->p;
	quote = memchr(from, '"', (size_t)(r->end - from));
	if (quote == NULL)
		return false;
	escape = memchr(from, '\\', (size_t)(quote - from));
	if (escape != NULL) {
		r->p = escape;
		return read_escaped(r, from, out);
	}
	*out = (struct sv){from, (size_t)(quote - from)};
	r->p = quote + 1;
	return true;
}

/* ---- names ------------------------------------------------------------------- */

static size_t
extend(struct reader *r, size_t n, const char *p, size_t more)
{
	size_t room = sizeof(r->path) - n;

	more = more < room ? more : room;
	memcpy(r->path + n, p, more);
	return n + more;
}

/* Name what is ${key} in, or the next element of, the innermost container. */
static void
name_value(struct reader *r, struct sv key)
{
	struct level *l = &r->levels[r->depth - 1];
	char digits[NUM_DECIMAL];
	size_t n = l->prefix;

	if (l->array) {
		key = num_decimal(l->index++, digits);
	} else if (n == 0) {
		r->name = key;
		return;
	}
	n = extend(r, n, ".", n > 0);
	n = extend(r, n, key.p, key.n);
	r->name = (struct sv){r->path, n};
}

static void
give(struct reader *r, struct sv value)
{
	struct sv name = r->name;

	if (name.p == r->path && r->f->record.head.n < FIELDS_MAX) {
		buf_sv(r->scratch, name);
		name.p = r->scratch->p + r->scratch->n - name.n;
	}
	format_record_add(r->f, name, value);
}

/* ---- values ------------------------------------------------------------------ */

static bool
enter(struct reader *r, bool array)
{
	size_t n = 0;

	if (r->depth == DEPTH_MAX)
		return false;
	if (r->depth > 0)
		n = r->name.p == r->path ? r->name.n : extend(r, 0, r->name.p, r->name.n);
	r->levels[r->depth++] = (struct level){.prefix = (unsigned char)n, .array = array};
	return true;
}

static bool
is_journal_name(struct sv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
		        s.p[i] == '_'))
			return false;
	return s.n > 0;
}

static bool
read_byte(struct reader *r)
{
	int value = 0, digits = 0;

	skip_blanks(r);
	for (; r->p < r->end && *r->p >= '0' && *r->p <= '9' && digits < 3; digits++)
		value = value * 10 + (*r->p++ - '0');
	if (digits == 0 || value > 255)
		return false;
	buf_putc(r->scratch, (char)value);
	return true;
}

/* The journal exports what is no text as an array of numbers. */
static bool
read_bytes(struct reader *r)
{
	size_t begin = r->scratch->n;
	const char *from = r->p++;

	do {
		if (!read_byte(r)) {
			r->p = from;
			r->scratch->n = begin;
			return false;
		}
	} while (take(r, ','));
	if (!take(r, ']')) {
		r->p = from;
		r->scratch->n = begin;
		return false;
	}
	r->f->record.head.dirty = true;
	give(r, (struct sv){r->scratch->p + begin, r->scratch->n - begin});
	return true;
}

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    c == '-' || c == '+' || c == '.';
}

/* A number, true, false; null is nothing. */
static bool
read_word(struct reader *r)
{
	const char *from = r->p;
	struct sv word;

	while (r->p < r->end && is_word(*r->p))
		r->p++;
	word = (struct sv){from, (size_t)(r->p - from)};
	if (word.n > 0 && !sv_eq(word, SV("null")))
		give(r, word);
	return word.n > 0;
}

/* What follows a value: a comma, or the end of its container. */
static bool
separate(struct reader *r)
{
	if (take(r, ','))
		return true;
	return r->p < r->end && *r->p == (r->levels[r->depth - 1].array ? ']' : '}');
}

static bool
leave(struct reader *r)
{
	r->p++;
	return --r->depth == 0 || separate(r);
}

static bool
read_value(struct reader *r)
{
	struct sv text;

	skip_blanks(r);
	if (r->p == r->end)
		return false;
	if (*r->p == '"') {
		if (!read_string(r, &text))
			return false;
		give(r, text);
		return separate(r);
	}
	if (*r->p == '[' && r->depth == 1 && is_journal_name(r->name) && read_bytes(r))
		return separate(r);
	if (*r->p == '{' || *r->p == '[')
		return enter(r, *r->p++ == '[');
	return read_word(r) && separate(r);
}

/* One member, element or end. */
static bool
step(struct reader *r)
{
	bool array = r->levels[r->depth - 1].array;
	struct sv key = {NULL, 0};

	skip_blanks(r);
	if (r->p < r->end && *r->p == (array ? ']' : '}'))
		return leave(r);
	if (!array && (!read_string(r, &key) || !take(r, ':')))
		return false;
	name_value(r, key);
	return read_value(r);
}

bool
format_json_object(struct format *f, struct buf *scratch, struct sv text)
{
	struct format_head before = f->record.head;
	struct reader r;

	r.f = f;
	r.scratch = scratch;
	r.p = text.p;
	r.end = text.p + text.n;
	r.depth = 0;
	/* Room for everything at once, since views into it must stay. */
	scratch->n = 0;
	buf_reserve(scratch, text.n + (FIELDS_MAX + 1) * FIELDS_NAME_MAX);
	if (!take(&r, '{') || !enter(&r, false))
		return false;
	while (r.depth > 0)
		if (!step(&r)) {
			f->record.head = before;
			return false;
		}
	skip_blanks(&r);
	if (r.p < r.end) {
		f->record.head = before;
		return false;
	}
	if (f->record.head.message.p == NULL && f->record.head.overflow)
		f->record.head.message = text;
	return true;
}
