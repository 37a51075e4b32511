/*
 * decode_rfc5424: "1 2026-01-31T23:59:59.003Z host app pid msgid [sd] message".
 * The structured data is delimited, not decoded.  Lenient where senders are
 * known to be sloppy (spaces inside structured data), strict about the fields
 * before it, since a line that fails here is read some other way.
 */
#include "decode/decode_internal.h"

#define APP_NAME_MAX 48
#define MSGID_MAX 32

/* Take a field of printable ASCII and the space after it; "-" gives an empty
 * one. */
static bool
take_field(struct sv *s, size_t max, struct sv *field)
{
	size_t n = 0;

	while (n < s->n && n <= max && s->p[n] > ' ' && s->p[n] < 0x7f)
		n++;
	if (n == 0 || n > max || n == s->n || s->p[n] != ' ')
		return false;
	*field = (struct sv){s->p, n == 1 && s->p[0] == '-' ? 0 : n};
	*s = sv_from(*s, n + 1);
	return true;
}

static bool
take_time(struct decoder *d, struct sv *s, int64_t now, int64_t *ms)
{
	struct stamp stamp;

	*ms = now;
	if (decode_take(s, '-'))
		return decode_take(s, ' ');
	if (!decode_time_iso(d, s, &stamp) || !stamp.has_t || !decode_take(s, ' '))
		return false;
	*ms = decode_time_resolve(d, &stamp, now);
	return true;
}

/* The length of the element "[...]" at the start of ${s}, 0 when it has no end. */
static size_t
element_length(struct sv s)
{
	bool quoted = false;

	for (size_t i = 1; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == ']' && !quoted)
			return i + 1;
	}
	return 0;
}

/* Take "-" or elements.  What has no end is not structured data but message:
 * better there than nowhere. */
static struct sv
take_structured(struct sv *s)
{
	struct sv rest = *s;
	size_t n;

	if (decode_take(&rest, '-')) {
		if (rest.n > 0 && rest.p[0] != ' ')
			return (struct sv){s->p, 0};
		*s = rest;
		return (struct sv){rest.p, 0};
	}
	while (rest.n > 0 && rest.p[0] == '[' && (n = element_length(rest)) > 0)
		rest = sv_from(rest, n);
	n = s->n - rest.n;
	*s = rest;
	return (struct sv){rest.p - n, n};
}

/* Firewalls say all in structured data and leave the message empty (Junos, Check Point):
 * then MSGID and what follows is what patterns see. */
bool
decode_rfc5424(struct decoder *d, struct sv s, int64_t now, struct record *rec)
{
	static const char bom[] = {'\xef', '\xbb', '\xbf'};
	struct sv host, app, pid, msgid;
	int64_t ms;

	if (!decode_take(&s, '1') || !decode_take(&s, ' ') || !take_time(d, &s, now, &ms) ||
	    !take_field(&s, DECODE_HOST_MAX, &host) || !take_field(&s, APP_NAME_MAX, &app) ||
	    !take_field(&s, DECODE_PID_MAX, &pid) || !take_field(&s, MSGID_MAX, &msgid))
		return false;
	if (s.n == 0 || (s.p[0] != '-' && s.p[0] != '['))
		return false;
	rec->format = RECORD_RFC5424;
	rec->time = ms;
	rec->host = host;
	rec->program = decode_program(app);
	rec->pid = pid;
	rec->structured = take_structured(&s);
	s = decode_trim(s);
	if (s.n >= sizeof(bom) && memcmp(s.p, bom, sizeof(bom)) == 0)
		s = decode_trim(sv_from(s, sizeof(bom)));
	if (s.n == 0 && rec->structured.n > 0)
		s = (struct sv){msgid.p, (size_t)(s.p - msgid.p)};
	rec->message = s;
	return true;
}
