/*
 * decode_dated: lines that no syslog daemon wrote: with a stamp of some other form in
 * front, or with no stamp but a tag, as "journalctl -o short" without its time.
 */
#include "decode/decode_internal.h"

bool
decode_dated(struct decoder *d, struct sv s, int64_t now, struct record *rec)
{
	bool bracket = decode_take(&s, '['), listed;
	int64_t ms;

	if (!decode_stamp(d, &s, bracket, now, &ms))
		return false;
	if (bracket)
		decode_take(&s, ']');
	listed = s.n > 0 && memchr(":,;|", s.p[0], 4) != NULL;
	rec->format = RECORD_DATED;
	rec->time = ms;
	s = decode_trim(sv_from(s, listed));
	if (!listed)
		decode_iso_header(&s, false, rec);
	rec->message = s;
	return true;
}

bool
decode_tagged(struct sv s, struct record *rec)
{
	if (!decode_iso_header(&s, false, rec))
		return false;
	rec->format = RECORD_TAGGED;
	rec->message = s;
	return true;
}
