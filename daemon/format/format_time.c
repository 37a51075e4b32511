/*
 * format_time: time stamps that stand alone.  ISO ones are read by decode, as the
 * header of a line that has nothing else.
 */
#include "format/format_internal.h"

#define STAMP_MAX 64
#define TIME_MIN 100000000000LL /* 1973: of a stamp without a year */

int64_t
format_time_text(struct format *f, struct sv text)
{
	static const struct stream stream = {.path = ""};
	struct line line = {.stream = &stream, .text = text};
	struct record r;

	if (text.n < 10 || text.n > STAMP_MAX)
		return -1;
	decode_line(f->stamps, &line, 0, &r);
	if (r.format == RECORD_PLAIN || r.facility >= 0 || r.message.n > 0 || r.host.n > 0 ||
	    r.time < TIME_MIN || r.time >= FORMAT_TIME_MAX)
		return -1;
	return r.time;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits with at most one point, as a whole number of 10^-9. */
static bool
parse_nanos(struct sv s, uint64_t *whole, uint64_t *nanos)
{
	size_t i = 0;
	uint64_t unit = 100000000;

	*whole = *nanos = 0;
	for (; i < s.n && is_digit(s.p[i]); i++)
		*whole = *whole * 10 + (uint64_t)(s.p[i] - '0');
	if (i == 0 || i > 19 || (i < s.n && s.p[i] != '.'))
		return false;
	for (i++; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return false;
		*nanos += unit * (uint64_t)(s.p[i] - '0');
		unit /= 10;
	}
	return true;
}

/* Seconds have ten digits until 2286, so the magnitude tells the unit.  What is
 * small is no time of an event. */
int64_t
format_time_epoch(struct sv text)
{
	uint64_t whole, nanos;

	if (text.n < 9 || text.n > 30 || !parse_nanos(text, &whole, &nanos))
		return -1;
	if (whole < 100000000)
		return -1;
	if (whole < 100000000000)
		return (int64_t)(whole * 1000 + nanos / 1000000);
	if (whole < 100000000000000)
		return (int64_t)whole;
	if (whole < 100000000000000000)
		return (int64_t)(whole / 1000);
	return (int64_t)(whole / 1000000);
}

/* "10/Oct/2000:13:55:36 -0700" is put as "2000-10-10T13:55:36-0700". */
int64_t
format_time_access(struct format *f, struct sv text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *month;
	char iso[24];

	if (text.n != 26 || text.p[2] != '/' || text.p[6] != '/' || text.p[11] != ':')
		return -1;
	month = memmem(months, sizeof(months) - 1, text.p + 3, 3);
	if (month == NULL || (month - months) % 3 != 0)
		return -1;
	memcpy(iso, text.p + 7, 4);
	iso[4] = iso[7] = '-';
	iso[5] = (char)('0' + ((month - months) / 3 + 1) / 10);
	iso[6] = (char)('0' + ((month - months) / 3 + 1) % 10);
	memcpy(iso + 8, text.p, 2);
	iso[10] = 'T';
	memcpy(iso + 11, text.p + 12, 8);
	memcpy(iso + 19, text.p + 21, 5);
	return format_time_text(f, (struct sv){iso, sizeof(iso)});
}
