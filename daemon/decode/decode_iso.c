/*
 * decode_iso: lines that begin with an ISO 8601 stamp.  rsyslog and systemd go on
 * with "host prog[123]: message"; most others with the message itself, so host
 * and program are taken only where there is little doubt.
 */
#include "decode/decode_internal.h"

bool
decode_iso_header(struct sv *s, bool full_stamp, struct record *rec)
{
	struct sv rest = *s, host;
	size_t n = decode_host(rest), end = 0;
	struct tag tag;

	if (n == 0 || decode_may_be_tag(rest, n))
		end = decode_tag(rest, &tag);
	host = (struct sv){rest.p, end > 0 ? 0 : n};
	if (end > 0) {
		if (!decode_is_number(tag.pid) || !tag.colon || decode_is_level(tag.program))
			return false;
	} else {
		rest = decode_trim(sv_from(rest, n));
		if (n == 0 || (end = decode_tag(rest, &tag)) == 0 || decode_is_level(host))
			return false;
		if (!decode_is_number(tag.pid) && !(full_stamp && tag.colon))
			return false;
	}
	rec->host = host;
	rec->program = tag.program;
	rec->pid = tag.pid;
	*s = sv_from(rest, end);
	return true;
}

bool
decode_iso(struct decoder *d, struct sv s, int64_t now, bool relayed, struct record *rec)
{
	struct stamp stamp;
	bool full_stamp, listed;

	if (!decode_time_iso(d, &s, &stamp))
		return false;
	full_stamp = stamp.has_t && stamp.zoned;
	decode_time_zone(&s, &stamp);
	/* What no daemon's header has. */
	listed = s.n > 0 && memchr(":,;|", s.p[0], 4) != NULL;
	s = sv_from(s, listed);
	if (!listed && s.n > 0 && !decode_is_blank(s.p[0]))
		return false;
	rec->format = RECORD_ISO;
	rec->time = decode_time_resolve(d, &stamp, now);
	if (relayed) {
		decode_body(s, rec);
		return true;
	}
	s = decode_trim(s);
	if (!listed)
		decode_iso_header(&s, full_stamp, rec);
	rec->message = s;
	return true;
}
