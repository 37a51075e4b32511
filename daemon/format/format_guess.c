/*
 * format_guess: what lines look like, for sources of format auto.  Looks at how a line
 * begins and no further: whether it really is of the format, the format says.
 *
 * Most of what is read is text, and must not cost more than a glance.
 */
#include "conf/config.h"
#include "format/format_internal.h"
#include "spool/spool_line.h"

#define STAMP_LEAST 20 /* bytes of 2026-01-31T10:00:00Z */
#define AUDIT_TYPE_MOST 80

static bool
begins(struct sv s, struct sv with)
{
	return s.n >= with.n && memcmp(s.p, with.p, with.n) == 0;
}

static bool
holds(struct sv s, struct sv what)
{
	return s.n >= what.n && memmem(s.p, s.n, what.p, what.n) != NULL;
}

static struct sv
after_word(struct sv s)
{
	const char *blank = s.n == 0 ? NULL : memchr(s.p, ' ', s.n);

	return sv_from(s, blank == NULL ? s.n : (size_t)(blank - s.p) + 1);
}

/* {"log":"...","stream":"stdout","time":"..."} */
static bool
is_docker(struct sv s)
{
	return begins(s, SV("{\"log\":\"")) && holds(s, SV("\"stream\":\"std"));
}

/* 2026-01-31T10:00:00.123456789+01:00 stderr F text */
static bool
is_cri(struct sv s)
{
	struct sv stream, tag;

	if (s.n < STAMP_LEAST || s.p[0] < '0' || s.p[0] > '9' || s.p[10] != 'T')
		return false;
	stream = after_word(s);
	tag = after_word(stream);
	return (begins(stream, SV("stdout ")) || begins(stream, SV("stderr "))) && tag.n > 0 &&
	    (tag.p[0] == 'F' || tag.p[0] == 'P') &&
	    (tag.n == 1 || tag.p[1] == ' ' || tag.p[1] == ':');
}

/* [node=NAME ]type=NAME msg=audit(...): */
static bool
is_audit(struct sv s)
{
	if (begins(s, SV("node=")))
		s = after_word(s);
	if (!begins(s, SV("type=")))
		return false;
	return begins(after_word(s.n > AUDIT_TYPE_MOST ? (struct sv){s.p, AUDIT_TYPE_MOST} : s),
	    SV("msg=audit("));
}

static int
by_start(struct sv line)
{
	if (line.n == 0)
		return FORMAT_AUTO;
	switch (line.p[0]) {
	case '{':
		return is_docker(line) ? FORMAT_DOCKER : FORMAT_JSON;
	case 't':
	case 'n':
		return is_audit(line) ? FORMAT_AUDIT : FORMAT_AUTO;
	case 'C':
		return begins(line, SV("CEF:")) ? FORMAT_CEF : FORMAT_AUTO;
	default:
		return is_cri(line) ? FORMAT_CRI : FORMAT_AUTO;
	}
}

/* Bars are rare, and looked for much faster. */
static bool
may_be_cef(struct sv data)
{
	return data.n > 0 && memchr(data.p, '|', data.n) != NULL && holds(data, SV("CEF:"));
}

/* Behind a header. */
static bool
is_cef(struct decoder *d, struct sv text)
{
	static const struct stream stream = {.path = ""};
	struct line line = {.stream = &stream, .text = text};
	struct record rec;

	if (!may_be_cef(text))
		return false;
	decode_header(d, &line, 0, &rec);
	return begins(rec.message, SV("CEF:"));
}

int
format_guess_line(struct decoder *d, struct sv line)
{
	int format = by_start(line);

	return format == FORMAT_AUTO && is_cef(d, line) ? FORMAT_CEF : format;
}

int
format_guess(struct sv line)
{
	struct decoder *d = decoder_new();
	int format = format_guess_line(d, line);

	decoder_free(&d);
	return format;
}

static struct sv
first_line(const struct chunk *chunk)
{
	struct sv s = chunk->data;
	const char *newline = memchr(s.p, '\n', s.n);
	struct spool_line spooled;

	s.n = newline == NULL ? s.n : (size_t)(newline - s.p);
	while (s.n > 0 && s.p[0] == '\0')
		s = sv_from(s, 1);
	return chunk->form == LINE_SPOOL && spool_line_parse(s, &spooled) ? spooled.message : s;
}

/* A brace may begin a line where it stands behind a newline, or zeros; in a spool, behind a
 * blank. */
static bool
may_be_objects(const struct chunk *chunk)
{
	const char *p = chunk->data.p, *end = p + chunk->data.n;

	while (p < end && (p = memchr(p, '{', (size_t)(end - p))) != NULL) {
		char before = p == chunk->data.p ? '\n' : p[-1];

		if (before == '\n' || before == '\0' || (before == ' ' && chunk->form == LINE_SPOOL))
			return true;
		p++;
	}
	return false;
}

bool
format_guess_is_text(const struct chunk *chunk)
{
	return chunk->data.n == 0 ||
	    (by_start(first_line(chunk)) == FORMAT_AUTO && !may_be_objects(chunk) &&
	        !may_be_cef(chunk->data));
}
