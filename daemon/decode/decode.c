/*
 * decode: see decode.h.  Chooses the format by the first bytes of a line and
 * holds what the formats share: PRI, host, and the PROGRAM[PID]: tag.  Stamps are
 * decode_time.c's.  Nothing here owns a byte of the line.
 */
#include "decode/decode.h"

#include <stdlib.h>
#include <time.h>

#include "decode/decode_internal.h"
#include "spool/spool_line.h"
#include "util/xalloc.h"

#define FRAME_DIGITS_MAX 6
#define PATH_MAX_SEEN 255 /* of a program named with its directory */

struct decoder *
decoder_new(void)
{
	tzset(); /* localtime_r() need not */
	return xcalloc(1, sizeof(struct decoder));
}

void
decoder_free(struct decoder **d)
{
	free(*d);
	*d = NULL;
}

const char *
record_format_name(enum record_format f)
{
	static const char *const names[] = {"plain", "rfc3164", "rfc5424", "iso", "fields"};

	return names[f];
}

/* Tag, host, message. */

/* What a character may be part of. */
enum { NAME = 1, HOST = 2, PROGRAM = 4, PID = 8 };

static const unsigned char kinds[256] = {
    ['!'] = PROGRAM, ['"'] = PROGRAM, ['#'] = PROGRAM, ['$'] = PROGRAM,
    ['%'] = HOST | PROGRAM, ['&'] = PROGRAM, ['\''] = PROGRAM, ['('] = PID, [')'] = PID,
    ['*'] = PROGRAM, ['+'] = PROGRAM, [','] = PROGRAM, ['-'] = HOST | PROGRAM,
    ['.'] = HOST | PROGRAM, ['/'] = PROGRAM, ['0' ... '9'] = NAME | HOST | PROGRAM,
    [':'] = HOST | PID, [';' ... '@'] = PROGRAM, ['A' ... 'Z'] = NAME | HOST | PROGRAM,
    ['\\'] = PROGRAM, ['^'] = PROGRAM, ['_'] = HOST | PROGRAM, ['`'] = PROGRAM,
    ['a' ... 'z'] = NAME | HOST | PROGRAM, ['{' ... '~'] = PROGRAM};

/* How many characters of one of ${wanted} ${s} begins with; may stop behind ${max}. */
static inline size_t
run_of(unsigned wanted, struct sv s, size_t max)
{
	size_t n = 0, end = s.n <= max ? s.n : max + 1;

	while (n < end && (kinds[(unsigned char)s.p[n]] & wanted) != 0)
		n++;
	return n;
}

struct sv
decode_program(struct sv token)
{
	struct sv none = {token.p, 0};
	size_t n = run_of(PROGRAM, token, PATH_MAX_SEEN), base = 0;

	if (n > 0 && token.p[0] == '/')
		base = (size_t)((const char *)memrchr(token.p, '/', n) - token.p) + 1;
	if (n > PATH_MAX_SEEN || n - base > DECODE_PROGRAM_MAX)
		return none;
	return (struct sv){token.p + base, n - base};
}

/* Of "[...]" at the start of ${s}: printable inside, no brackets, no spaces. */
static inline size_t
pid_length(struct sv s)
{
	size_t n;

	if (s.n < 3 || s.p[0] != '[')
		return 0;
	n = 1 + run_of(PROGRAM | PID, sv_from(s, 1), DECODE_PID_MAX);
	if (n == 1 || n > 1 + DECODE_PID_MAX || n == s.n || s.p[n] != ']')
		return 0;
	return n + 1;
}

/* Of the "(pam_unix)" of su(pam_unix)[123]: */
static inline size_t
note_length(struct sv s)
{
	size_t n;

	if (s.n == 0 || s.p[0] != '(')
		return 0;
	n = 1 + run_of(PROGRAM, sv_from(s, 1), DECODE_PROGRAM_MAX);
	return n <= DECODE_PROGRAM_MAX && n < s.n && s.p[n] == ')' ? n + 1 : 0;
}

/* "prog [123]:", as SOGo writes: the pid stands apart, so it must be a number. */
static inline bool
is_distant_pid(struct sv s)
{
	size_t n;

	if (s.n < 2 || s.p[0] != ' ' || s.p[1] != '[')
		return false;
	s = sv_from(s, 1);
	n = pid_length(s);
	return n > 0 && n < s.n && s.p[n] == ':' &&
	    decode_is_number((struct sv){s.p + 1, n - 2});
}

/* A word is a tag only with a pid or a colon: without, it is more often the
 * first word of the message ("last message repeated 2 times"). */
size_t
decode_tag(struct sv s, struct tag *tag)
{
	struct sv rest, program = decode_program(s);
	size_t pid;

	if (program.n == 0)
		return 0;
	rest = sv_from(s, (size_t)(program.p - s.p) + program.n);
	rest = sv_from(rest, note_length(rest));
	if (rest.n > 1 && rest.p[0] == ']' && rest.p[1] == ':')
		rest = sv_from(rest, 1); /* "gdm-password]:", as GDM's PAM modules log */
	if (is_distant_pid(rest))
		rest = sv_from(rest, 1);
	pid = pid_length(rest);
	tag->program = program;
	tag->pid = pid == 0 ? (struct sv){s.p, 0} : (struct sv){rest.p + 1, pid - 2};
	rest = sv_from(rest, pid);
	tag->colon = decode_take(&rest, ':');
	if (!tag->colon && pid == 0)
		return 0;
	if (rest.n > 0 && !decode_is_blank(rest.p[0]) && !(tag->colon && pid > 0))
		return 0;
	return (size_t)(decode_trim(rest).p - s.p);
}

/* More than "---". */
static bool
is_named(struct sv s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((kinds[(unsigned char)s.p[i]] & NAME) != 0)
			return true;
	return false;
}

size_t
decode_host(struct sv s)
{
	size_t n = run_of(HOST, s, DECODE_HOST_MAX);

	if (n > DECODE_HOST_MAX || (n < s.n && !decode_is_blank(s.p[n])))
		return 0;
	return is_named((struct sv){s.p, n}) ? n : 0;
}

bool
decode_may_be_tag(struct sv s, size_t host)
{
	return s.p[host - 1] == ':' || (host + 1 < s.n && s.p[host + 1] == '[');
}

static size_t
take_tag(struct sv s, struct record *rec)
{
	struct tag tag;
	size_t n = decode_tag(s, &tag);

	if (n > 0) {
		rec->program = tag.program;
		rec->pid = tag.pid;
	}
	return n;
}

/* What comes first is a tag when it looks like one, since lines read from
 * /dev/log have no host; otherwise a host. */
void
decode_body(struct sv s, struct record *rec)
{
	size_t host, tag = 0;

	s = decode_trim(s);
	host = decode_host(s);
	if (host == 0 || decode_may_be_tag(s, host))
		tag = take_tag(s, rec);
	if (tag == 0 && host > 0) {
		rec->host = (struct sv){s.p, host};
		s = decode_trim(sv_from(s, host));
		tag = take_tag(s, rec);
	}
	rec->message = sv_from(s, tag);
}

/* The line. */

/* "<34>": facility and severity; no leading zeros, at most 191. */
static bool
take_pri(struct sv *s, struct record *rec)
{
	int value = 0;
	size_t n = 1;

	if (s->n < 3 || s->p[0] != '<')
		return false;
	for (; n < s->n && n <= 3 && decode_is_digit(s->p[n]); n++)
		value = value * 10 + (s->p[n] - '0');
	if (n == 1 || n == s->n || s->p[n] != '>' || value > 191 || (n > 2 && s->p[1] == '0'))
		return false;
	rec->facility = value / 8;
	rec->severity = value % 8;
	*s = sv_from(*s, n + 1);
	return true;
}

/* With a PRI it is syslog whatever follows (RFC 3164, 4.3); but without a stamp
 * there is no telling a host from the first word of the message. */
static bool
decode_with_pri(struct decoder *d, struct sv s, int64_t now, struct record *rec)
{
	if (!take_pri(&s, rec))
		return false;
	if (decode_rfc5424(d, s, now, rec))
		return true;
	decode_take(&s, ' ');
	if (decode_rfc3164(d, s, now, rec) || decode_iso(d, s, now, true, rec))
		return true;
	s = decode_trim(s);
	s = sv_from(s, take_tag(s, rec));
	rec->format = RECORD_RFC3164;
	rec->message = s;
	return true;
}

/* "123 <34>1 ...": a frame of RFC 6587 that was stored with its length. */
static bool
decode_framed(struct decoder *d, struct sv s, int64_t now, struct record *rec)
{
	size_t digits = 0;

	while (digits < s.n && digits < FRAME_DIGITS_MAX && decode_is_digit(s.p[digits]))
		digits++;
	s = sv_from(s, digits);
	return decode_take(&s, ' ') && take_pri(&s, rec) && decode_rfc5424(d, s, now, rec);
}

static struct record
plain(const struct line *line, struct sv text, int64_t now)
{
	struct sv none = {text.p, 0};

	return (struct record){.line = line,
	    .format = RECORD_PLAIN,
	    .time = now,
	    .facility = -1,
	    .severity = -1,
	    .host = none,
	    .program = none,
	    .pid = none,
	    .structured = none,
	    .message = text,
	    .text = text};
}

static void
decode_text(
    struct decoder *d, const struct line *line, struct sv s, int64_t now, struct record *rec)
{
	bool known;

	*rec = plain(line, s, now);
	if (s.n == 0)
		return;
	if (s.p[0] == '<')
		known = decode_with_pri(d, s, now, rec);
	else if (!decode_is_digit(s.p[0]))
		known = decode_rfc3164(d, s, now, rec);
	else
		known = decode_iso(d, s, now, false, rec) || decode_rfc5424(d, s, now, rec) ||
		    decode_framed(d, s, now, rec);
	if (!known)
		*rec = plain(line, s, now);
	if (rec->structured.n > 0)
		decode_structured(d, rec);
}

void
decode_line(struct decoder *d, const struct line *line, int64_t now, struct record *rec)
{
	struct spool_line spooled;

	if (line->form == LINE_FIELDS) {
		*rec = plain(line, line->text, now);
		decode_fields(d, line->text, rec);
	} else if (line->form == LINE_SPOOL && spool_line_parse(line->text, &spooled)) {
		decode_text(d, line, spooled.message, spooled.time, rec);
		decode_origin(&spooled, rec);
	} else {
		decode_text(d, line, line->text, now, rec);
	}
	if (rec->program.n == 0 && line->stream->program != NULL)
		rec->program = sv_str(line->stream->program);
}
