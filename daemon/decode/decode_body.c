/*
 * decode_body: what daemons of syslog put between stamp and message: host, and the
 * PROGRAM[PID]: tag, with what some of them put around it.
 */
#include <strings.h>

#include "decode/decode_internal.h"

#define ID_MAX 64 /* bytes, of Solaris' [ID ...] */
#define MARK_MAX 20 /* bytes, of BSD's <auth.info> */
#define PATH_MAX_SEEN 255 /* of a program named with its directory */

/* What a character may be part of. */
enum { NAME = 1, HOST = 2, PROGRAM = 4, PID = 8, CHAIN = 16 /* of hosts */ };

static const unsigned char kinds[256] = {
    ['!'] = PROGRAM, ['"'] = PROGRAM, ['#'] = PROGRAM, ['$'] = PROGRAM,
    ['%'] = HOST, ['&'] = PROGRAM, ['\''] = PROGRAM, ['('] = PID, [')'] = PID,
    ['*'] = PROGRAM, ['+'] = PROGRAM, [','] = PROGRAM, ['-'] = HOST | PROGRAM,
    ['.'] = HOST | PROGRAM, ['/'] = PROGRAM | CHAIN, ['0' ... '9'] = NAME | HOST | PROGRAM,
    [':'] = HOST | PID, [';' ... '?'] = PROGRAM, ['@'] = PROGRAM | CHAIN, ['A' ... 'Z'] = NAME | HOST | PROGRAM,
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

	if (n == 0 && decode_take(&token, '(')) /* as systemd calls what it is about to run */
		n = run_of(PROGRAM, token, PATH_MAX_SEEN);
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
	if (program.p != s.p && s.p[0] == '(')
		decode_take(&rest, ')');
	rest = sv_from(rest, note_length(rest));
	if (rest.n > 1 && rest.p[0] == ']' && rest.p[1] == ':')
		rest = sv_from(rest, 1); /* "gdm-password]:", as GDM's PAM modules log */
	if (is_distant_pid(rest))
		rest = sv_from(rest, 1);
	pid = pid_length(rest);
	tag->program = program;
	tag->pid = pid == 0 ? (struct sv){s.p, 0} : (struct sv){rest.p + 1, pid - 2};
	if (pid == 3 && rest.p[1] == '-')
		tag->pid.n = 0;
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
	/* "%ASA-6-302013:" is the better part of the message. */
	return is_named((struct sv){s.p, n}) && s.p[0] != '%' ? n : 0;
}

bool
decode_may_be_tag(struct sv s, size_t host)
{
	return s.p[host - 1] == ':' || (host + 1 < s.n && s.p[host + 1] == '[');
}

bool
decode_is_level(struct sv word)
{
	static const char *const levels[] = {"trace", "debug", "verbose", "info", "notice", "warn",
	    "warning", "err", "error", "crit", "critical", "fatal", "panic", "severe", "security"};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (word.n == strlen(levels[i]) && strncasecmp(word.p, levels[i], word.n) == 0)
			return true;
	return false;
}

static inline size_t
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

/* "[prog] message", of metalog; also "[prog]: ", and "[prog][123]", which alone may
 * stand behind a host. */
static size_t
take_bracketed(struct sv s, bool behind_host, struct record *rec)
{
	struct sv program, number, rest = s;
	size_t pid;

	if (!decode_take(&rest, '[') || rest.n == 0 || (rest.p[0] | 32) < 'a' ||
	    (rest.p[0] | 32) > 'z')
		return 0;
	program = decode_program(rest);
	rest = sv_from(rest, program.n);
	rest = sv_from(rest, note_length(rest));
	if (program.n == 0 || !decode_take(&rest, ']') || decode_is_level(program))
		return 0;
	pid = pid_length(rest);
	number = (struct sv){rest.p, 0};
	if (pid > 0)
		number = (struct sv){rest.p + 1, pid - 2};
	if (pid > 0 ? !decode_is_number(number) : behind_host)
		return 0;
	rest = sv_from(rest, pid);
	decode_take(&rest, ':');
	if (!decode_take(&rest, ' '))
		return 0;
	rec->program = program;
	rec->pid = number;
	return (size_t)(decode_trim(rest).p - s.p);
}

/* "relay/192.0.2.1" or "src@relay", of syslog-ng: more often part of a message, so a tag
 * must follow.  The length of both. */
static size_t
take_chained_host(struct sv s, struct record *rec)
{
	size_t n = run_of(HOST | CHAIN, s, DECODE_HOST_MAX), tag;
	struct sv rest;

	if (n == 0 || n > DECODE_HOST_MAX || n == s.n || !decode_is_blank(s.p[n]) ||
	    !is_named((struct sv){s.p, n}))
		return 0;
	rest = decode_trim(sv_from(s, n));
	tag = take_tag(rest, rec);
	if (tag > 0)
		rec->host = (struct sv){s.p, n};
	return tag == 0 ? 0 : (size_t)(rest.p - s.p) + tag;
}

/* "<auth.info> ", as syslogd -vv of BSD writes. */
static struct sv
skip_mark(struct sv s)
{
	struct sv rest = s;
	size_t n = 0, dots = 0;

	if (!decode_take(&rest, '<'))
		return s;
	while (n < rest.n && n < MARK_MAX &&
	    (rest.p[n] == '.' || (kinds[(unsigned char)rest.p[n]] & NAME) != 0))
		dots += rest.p[n++] == '.';
	rest = sv_from(rest, n);
	if (dots != 1 || !decode_take(&rest, '>') || !decode_take(&rest, ' '))
		return s;
	return decode_trim(rest);
}

/* "[ID 800047 auth.info] ", of Solaris. */
static struct sv
skip_id(struct sv s)
{
	const char *end;

	if (s.n < 5 || memcmp(s.p, "[ID ", 4) != 0 || !decode_is_digit(s.p[4]))
		return s;
	end = memchr(s.p, ']', s.n < ID_MAX ? s.n : ID_MAX);
	return end == NULL ? s : decode_trim(sv_from(s, (size_t)(end + 1 - s.p)));
}

/* "%SEC-6-IPACCESSLOGP: ", of Cisco. */
static bool
begins_with_code(struct sv s)
{
	size_t n = 1;

	while (n < s.n && n < ID_MAX && (s.p[n] == '_' || (s.p[n] >= 'A' && s.p[n] <= 'Z')))
		n++;
	return n > 1 && n + 2 < s.n && s.p[n] == '-' && decode_is_digit(s.p[n + 1]) &&
	    s.p[n + 2] == '-';
}

/* The message, and what its first byte says of what was before it. */
static inline void
set_message(struct sv s, struct record *rec)
{
	rec->message = s;
	if (s.n > 0 && s.p[0] == '[')
		rec->message = skip_id(s);
	else if (s.n > 0 && s.p[0] == '%' && rec->host.n + rec->pid.n == 0 && begins_with_code(s))
		rec->program.n = 0; /* it is the zone of Cisco's stamp: "gmt: %SEC-6-..." */
}

void
decode_untimed(struct sv s, struct record *rec)
{
	s = decode_trim(s);
	set_message(sv_from(s, take_tag(s, rec)), rec);
}

/* What comes first is a tag when it looks like one, since lines read from
 * /dev/log have no host; otherwise a host. */
void
decode_body(struct sv s, struct record *rec)
{
	size_t host, tag = 0;

	s = decode_trim(s);
	if (s.n > 0 && s.p[0] == '<')
		s = skip_mark(s);
	host = decode_host(s);
	if (host == 0 || decode_may_be_tag(s, host))
		tag = take_tag(s, rec);
	if (tag == 0 && host > 0) {
		rec->host = (struct sv){s.p, host};
		s = decode_trim(sv_from(s, host));
		tag = take_tag(s, rec);
		if (tag == 0 && s.n > 0 && s.p[0] == '[')
			tag = take_bracketed(s, true, rec);
	} else if (tag == 0 && (tag = take_bracketed(s, false, rec)) == 0) {
		tag = take_chained_host(s, rec);
	}
	set_message(sv_from(s, tag), rec);
}
