/*
 * decode_rfc3164: "Dec 10 06:55:48 host prog[123]: message", as daemons write it
 * to files, which is looser than the RFC: no PRI, no host, years, fractions.
 */
#include "decode/decode_internal.h"

/* " 2026", and not " 2026:db8::1". */
static bool
is_year(struct sv s)
{
	if (s.p[0] != ' ' || !decode_is_number((struct sv){s.p + 1, 4}))
		return false;
	s = sv_from(s, 5);
	decode_take(&s, ':');
	return s.n == 0 || memchr(" ,;|", s.p[0], 4) != NULL;
}

bool
decode_rfc3164(struct decoder *d, struct sv s, int64_t now, struct record *rec)
{
	int64_t ms;

	if (!decode_time_bsd(d, &s, now, &ms))
		return false;
	decode_take(&s, ':'); /* Cisco puts one after the stamp */
	if (s.n > 0 && !decode_is_blank(s.p[0]))
		return false;
	if (s.n > 4 && s.p[1] == '2' && is_year(s))
		return false; /* no daemon's stamp ends there */
	rec->format = RECORD_RFC3164;
	rec->time = ms;
	decode_body(s, rec);
	return true;
}
