/*
 * decode: see decode.h.  Chooses the format by the first bytes of a line and
 * holds what the formats share: PRI, host, and the PROGRAM[PID]: tag.  Stamps are
 * decode_time.c's.  Nothing here owns a byte of the line.
 */
#include "decode/decode.h"

#include <stdlib.h>
#include <time.h>

#include "decode/decode_internal.h"
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
	static const char *const names[] = {"plain", "rfc3164", "rfc5424", "iso"};

	return names[f];
}

/* Tag, host, message. */

/* What a character may be part of. */
enum { NAME = 1, HOST = 2, PROGRAM = 4 };

static const unsigned char kinds[256] = {
    ['!'] = PROGRAM, ['"'] = PROGRAM, ['#'] = PROGRAM, ['$'] = PROGRAM,
    ['%'] = HOST | PROGRAM, ['&'] = PROGRAM, ['\''] = PROGRAM,
    ['*'] = PROGRAM, ['+'] = PROGRAM, [','] = PROGRAM, ['-'] = HOST | PROGRAM,
    ['.'] = HOST | PROGRAM, ['/'] = PROGRAM, ['0' ... '9'] = NAME | HOST | PROGRAM,
    [':'] = HOST, [';' ... '@'] = PROGRAM, ['A' ... 'Z'] = NAME | HOST | PROGRAM,
    ['\\'] = PROGRAM, ['^'] = PROGRAM, ['_'] = HOST | PROGRAM, ['`'] = PROGRAM,
    ['a' ... 'z'] = NAME | HOST | PROGRAM, ['{' ... '~'] = PROGRAM};

static bool
is_program_char(char c)
{
	return (kinds[(unsigned char)c] & PROGRAM) != 0;
}

struct sv
decode_program(struct sv token)
{
	struct sv none = {token.p, 0};
	size_t n = 0, base = 0;

	for (; n < token.n && n <= PATH_MAX_SEEN && is_program_char(token.p[n]); n++)
		if (token.p[n] == '/' && token.p[0] == '/')
			base = n + 1;
	if (n > PATH_MAX_SEEN || n - base > DECODE_PROGRAM_MAX)
		return none;
	return (struct sv){token.p + base, n - base};
}

/* Take "[...]" and give what is inside: printable, no brackets, no spaces. */
static bool
take_pid(struct sv *s, struct sv *pid)
{
	size_t n = 1;

	if (s->n < 3 || s->p[0] != '[')
		return false;
	while (n < s->n && n <= DECODE_PID_MAX && s->p[n] > ' ' && s->p[n] < 0x7f &&
	    s->p[n] != '[' && s->p[n] != ']')
		n++;
	if (n == 1 || n == s->n || s->p[n] != ']')
		return false;
	*pid = (struct sv){s->p + 1, n - 1};
	*s = sv_from(*s, n + 1);
	return true;
}

/* The "(pam_unix)" of su(pam_unix)[123]: */
static void
take_note(struct sv *s)
{
	size_t n = 1;

	if (s->n == 0 || s->p[0] != '(')
		return;
	while (n < s->n && n < DECODE_PROGRAM_MAX && is_program_char(s->p[n]))
		n++;
	if (n < s->n && s->p[n] == ')')
		*s = sv_from(*s, n + 1);
}

/* "prog [123]:", as SOGo writes: the pid stands apart, so it must be a number. */
static bool
take_distant_pid(struct sv *s, struct sv *pid)
{
	struct sv rest = *s;

	if (!decode_take(&rest, ' ') || !take_pid(&rest, pid) || !decode_is_number(*pid) ||
	    rest.n == 0 || rest.p[0] != ':')
		return false;
	*s = rest;
	return true;
}

/* A word is a tag only with a pid or a colon: without, it is more often the
 * first word of the message ("last message repeated 2 times"). */
bool
decode_tag(struct sv *s, struct tag *tag)
{
	struct sv rest, program = decode_program(*s);
	bool has_pid;

	if (program.n == 0)
		return false;
	rest = sv_from(*s, (size_t)(program.p - s->p) + program.n);
	*tag = (struct tag){program, {s->p, 0}, false};
	take_note(&rest);
	if (rest.n > 1 && rest.p[0] == ']' && rest.p[1] == ':')
		rest = sv_from(rest, 1); /* "gdm-password]:", as GDM's PAM modules log */
	has_pid = take_pid(&rest, &tag->pid) || take_distant_pid(&rest, &tag->pid);
	tag->colon = decode_take(&rest, ':');
	if (!tag->colon && !has_pid)
		return false;
	if (rest.n > 0 && !decode_is_blank(rest.p[0]) && !(tag->colon && has_pid))
		return false;
	*s = decode_trim(rest);
	return true;
}

bool
decode_host(struct sv *s, struct sv *host)
{
	size_t n = 0;
	bool named = false; /* not just "---" */
	unsigned char kind;

	for (; n < s->n && n <= DECODE_HOST_MAX; n++) {
		kind = kinds[(unsigned char)s->p[n]];
		if ((kind & HOST) == 0)
			break;
		named |= (kind & NAME) != 0;
	}
	if (!named || n > DECODE_HOST_MAX || (n < s->n && !decode_is_blank(s->p[n])))
		return false;
	*host = (struct sv){s->p, n};
	*s = decode_trim(sv_from(*s, n));
	return true;
}

static bool
take_tag(struct sv *s, struct record *rec)
{
	struct tag tag;

	if (!decode_tag(s, &tag))
		return false;
	rec->program = tag.program;
	rec->pid = tag.pid;
	return true;
}

/* What comes first is a tag when it looks like one, since lines read from
 * /dev/log have no host; otherwise a host. */
void
decode_body(struct sv s, struct record *rec)
{
	s = decode_trim(s);
	if (!take_tag(&s, rec) && decode_host(&s, &rec->host))
		take_tag(&s, rec);
	rec->message = s;
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
	take_tag(&s, rec);
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
plain(const struct line *line, int64_t now)
{
	struct sv none = {line->text.p, 0};

	return (struct record){.line = line,
	    .format = RECORD_PLAIN,
	    .time = now,
	    .facility = -1,
	    .severity = -1,
	    .host = none,
	    .program = none,
	    .pid = none,
	    .structured = none,
	    .message = line->text};
}

void
decode_line(struct decoder *d, const struct line *line, int64_t now, struct record *rec)
{
	struct sv s = line->text;
	bool known;

	*rec = plain(line, now);
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
		*rec = plain(line, now);
}
