/*
 * decode_iso: lines that begin with an ISO 8601 stamp.  rsyslog and systemd go on
 * with "host prog[123]: message"; most others with the message itself, so host
 * and program are taken only where there is little doubt.
 */
#include <strings.h>

#include "decode/decode_internal.h"

/* Applications write "2026-01-31 23:59:59 INFO server: ..." */
static bool
is_level(struct sv word)
{
	static const char *const levels[] = {"trace", "debug", "info", "notice", "warn", "warning",
	    "err", "error", "crit", "critical", "fatal", "panic", "severe", "security"};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (word.n == strlen(levels[i]) && strncasecmp(word.p, levels[i], word.n) == 0)
			return true;
	return false;
}

/* "prog[123]: ", or "host prog[123]"; "host prog:" only after the full stamp of
 * a syslog daemon. */
static bool
take_header(struct sv *s, bool full_stamp, struct sv *host, struct tag *tag)
{
	struct sv rest = *s;
	size_t n = decode_host(rest), end = 0;

	if (n == 0 || decode_may_be_tag(rest, n))
		end = decode_tag(rest, tag);
	*host = (struct sv){rest.p, end > 0 ? 0 : n};
	if (end > 0) {
		if (!decode_is_number(tag->pid) || !tag->colon || is_level(tag->program))
			return false;
	} else {
		rest = decode_trim(sv_from(rest, n));
		if (n == 0 || is_level(*host) || (end = decode_tag(rest, tag)) == 0)
			return false;
		if (!decode_is_number(tag->pid) && !(full_stamp && tag->colon))
			return false;
	}
	*s = sv_from(rest, end);
	return true;
}

bool
decode_iso(struct decoder *d, struct sv s, int64_t now, bool relayed, struct record *rec)
{
	struct stamp stamp;
	struct sv host;
	struct tag tag;
	bool full_stamp, listed;

	if (!decode_time_iso(d, &s, &stamp))
		return false;
	full_stamp = stamp.has_t && stamp.zoned;
	decode_time_zone(&s, &stamp);
	listed = decode_take(&s, ':') || decode_take(&s, ','); /* no daemon's header */
	if (!listed && s.n > 0 && !decode_is_blank(s.p[0]))
		return false;
	rec->format = RECORD_ISO;
	rec->time = decode_time_resolve(d, &stamp, now);
	if (relayed) {
		decode_body(s, rec);
		return true;
	}
	s = decode_trim(s);
	if (!listed && take_header(&s, full_stamp, &host, &tag)) {
		rec->host = host;
		rec->program = tag.program;
		rec->pid = tag.pid;
	}
	rec->message = s;
	return true;
}
