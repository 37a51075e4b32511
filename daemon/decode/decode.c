/*
 * decode: see decode.h.  Chooses the format by the first bytes of a line, and takes
 * the PRI off.  Nothing here owns a byte of the line.
 */
#include "decode/decode.h"

#include <stdlib.h>
#include <time.h>

#include "decode/decode_internal.h"
#include "spool/spool_line.h"
#include "util/xalloc.h"

#define FRAME_DIGITS_MAX 6
#define REPEAT_DIGITS_MAX 9

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
	static const char *const names[] = {
	    "plain", "rfc3164", "rfc5424", "iso", "dated", "tagged", "fields"};

	return names[f];
}

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
	if (decode_rfc3164(d, s, now, rec) || decode_iso(d, s, now, true, rec) ||
	    decode_dated(d, s, now, rec))
		return true;
	rec->format = RECORD_RFC3164;
	decode_untimed(s, rec);
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

/* With Cisco's mark that the clock is not set. */
static bool
decode_unset(struct decoder *d, struct sv s, int64_t now, struct record *rec)
{
	return (decode_take(&s, '*') || decode_take(&s, '.')) && decode_rfc3164(d, s, now, rec);
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
	    .repeat = 1,
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
		known = decode_rfc3164(d, s, now, rec) || decode_unset(d, s, now, rec);
	else
		known = decode_iso(d, s, now, false, rec) || decode_rfc5424(d, s, now, rec) ||
		    decode_framed(d, s, now, rec);
	if (!known) {
		*rec = plain(line, s, now);
		if (!decode_dated(d, s, now, rec) && !decode_tagged(s, rec))
			decode_stamp_inside(d, s, now, &rec->time);
	}
	if (rec->structured.n > 0)
		decode_structured(d, rec);
}

void
decode_header(struct decoder *d, const struct line *line, int64_t now, struct record *rec)
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

/* Take ${word}, that the text begins with. */
static bool
take_word(struct sv *s, struct sv word)
{
	if (s->n < word.n || memcmp(s->p, word.p, word.n) != 0)
		return false;
	*s = sv_from(*s, word.n);
	return true;
}

/* "message repeated 3 times: [ MESSAGE]"; the bracket at its end may have been cut off. */
static void
take_repeated(struct record *rec)
{
	struct sv s = rec->message;
	unsigned long count = 0;
	size_t digits = 0;

	if (!take_word(&s, SV("message repeated ")))
		return;
	for (; digits < s.n && digits < REPEAT_DIGITS_MAX && decode_is_digit(s.p[digits]); digits++)
		count = count * 10 + (unsigned long)(s.p[digits] - '0');
	s = sv_from(s, digits);
	if (count == 0 || !take_word(&s, SV(" times: [")))
		return;
	s = decode_trim(s);
	if (s.n > 0 && s.p[s.n - 1] == ']')
		s.n--;
	rec->message = s;
	rec->repeat = count > RECORD_REPEAT_MAX ? RECORD_REPEAT_MAX : (unsigned)count;
}

void
decode_line(struct decoder *d, const struct line *line, int64_t now, struct record *rec)
{
	decode_header(d, line, now, rec);
	if (rec->message.n > 0 && rec->message.p[0] == 'm')
		take_repeated(rec);
}
