/*
 * offline_format: see offline_format.h.  Looks at how a line begins and no further:
 * whether it really is of the format, the format says.
 */
#include "cli/offline_format.h"

#include "conf/config.h"
#include "decode/decode.h"
#include "util/clock.h"

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

static bool
is_cef(struct sv s)
{
	struct stream stream = {.id = "-", .source = "-", .path = "-"};
	struct line line = {.stream = &stream, .text = s};
	struct decoder *d;
	struct record rec;
	bool is;

	if (!offline_format_may_be_cef(s))
		return false;
	d = decoder_new();
	decode_line(d, &line, clock_now(), &rec);
	is = begins(rec.message, SV("CEF:"));
	decoder_free(&d);
	return is;
}

int
offline_format_by_start(struct sv line)
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

bool
offline_format_may_be_cef(struct sv data)
{
	/* Bars are rare, and looked for much faster. */
	return data.n > 0 && memchr(data.p, '|', data.n) != NULL && holds(data, SV("CEF:"));
}

int
offline_format_of(struct sv line)
{
	int format = offline_format_by_start(line);

	return format == FORMAT_AUTO && is_cef(line) ? FORMAT_CEF : format;
}
