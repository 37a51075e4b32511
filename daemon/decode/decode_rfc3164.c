/*
 * decode_rfc3164: "Dec 10 06:55:48 host prog[123]: message", as daemons write it
 * to files, which is looser than the RFC: no PRI, no host, years, fractions.
 */
#include "decode/decode_internal.h"

bool
decode_rfc3164(struct decoder *d, struct sv s, int64_t now, struct record *rec)
{
	int64_t ms;

	if (!decode_time_bsd(d, &s, now, &ms))
		return false;
	decode_take(&s, ':'); /* Cisco puts one after the stamp */
	if (s.n > 0 && !decode_is_blank(s.p[0]))
		return false;
	rec->format = RECORD_RFC3164;
	rec->time = ms;
	decode_body(s, rec);
	return true;
}
