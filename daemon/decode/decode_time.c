/*
 * decode_time: time stamps of log lines, to ms since the epoch.  Owns the date
 * arithmetic and what is remembered from one line to the next, so that a line
 * of the same minute costs a comparison and its seconds.  Knows nothing of what
 * comes after a stamp.
 */
#include <assert.h>
#include <time.h>

#include "decode/decode_internal.h"

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define STAMP_MAX 64 /* bytes a stamp may have, with everything */

struct date {
	int year; /* 0 = not stated */
	int month, day, hour, minute;
};

static int64_t
floor_to(int64_t ms, int64_t unit)
{
	int64_t past = ms % unit;

	return ms - past - (past < 0 ? unit : 0);
}

/* The calendar. */

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

static int64_t
leap_days_before(int64_t year)
{
	int64_t last = year - 1;

	return last / 4 - last / 100 + last / 400;
}

static int64_t
days_since_epoch(int year, int month, int day)
{
	static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int64_t days = 365 * ((int64_t)year - 1970);

	days += leap_days_before(year) - leap_days_before(1970);
	days += before[month - 1] + (month > 2 && is_leap(year));
	return days + day - 1;
}

static int
year_of(int64_t ms)
{
	int64_t days = floor_to(ms, DAY) / DAY;
	int year = 1970 + (int)(days / 365); /* never too early, late by a year or so */

	while (days_since_epoch(year, 1, 1) > days)
		year--;
	return year;
}

static int64_t
civil_of(const struct date *t)
{
	return days_since_epoch(t->year, t->month, t->day) * DAY + t->hour * HOUR +
	    t->minute * MINUTE;
}

/* Of the years that have this day, the one that puts it nearest to ${now}, and
 * for which values of now that stays so.  Local time is compared with UTC here:
 * some hours do not matter half a year away.  Only February 29 has to look
 * beyond the neighbouring years. */
static void
infer_year(struct date *t, int64_t now, struct minute *holds)
{
	int this_year = year_of(now), reach = t->month == 2 && t->day == 29 ? 8 : 1;
	int64_t best = 0, middle, civil;
	struct date try = *t;

	holds->now_from = days_since_epoch(this_year, 1, 1) * DAY;
	holds->now_to = days_since_epoch(this_year + 1, 1, 1) * DAY;
	for (try.year = this_year - reach; try.year <= this_year + reach; try.year++) {
		if (t->day > days_in(try.year, t->month))
			continue;
		civil = civil_of(&try);
		middle = floor_to(best + civil, 2) / 2;
		if (t->year != 0 && now <= middle) {
			if (holds->now_to > middle)
				holds->now_to = middle + 1;
			return;
		}
		if (t->year != 0 && holds->now_from <= middle)
			holds->now_from = middle + 1;
		t->year = try.year;
		best = civil;
	}
}

/* Local time. */

static int64_t
local_offset(int64_t ms)
{
	time_t t = (time_t)(floor_to(ms, SECOND) / SECOND);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		return 0;
	return tm.tm_gmtoff * SECOND;
}

static void
remember_zone(struct zone *zone, int64_t civil, int64_t span, int64_t offset)
{
	zone->from = floor_to(civil, span);
	zone->to = zone->from + span;
	zone->offset = offset;
}

/* No zone is further than 14 hours from UTC, so the days before and after show
 * whether the clocks change anywhere near.  If they do, there are two readings:
 * the hour that is skipped takes the offset from before, the hour that comes
 * twice is the one nearer to ${now} and is not remembered. */
static int64_t
local_to_utc(struct zone *zone, int64_t civil, int64_t now)
{
	int64_t before, after, first, second;
	bool first_is, second_is;

	if (civil >= zone->from && civil < zone->to)
		return civil - zone->offset;
	before = local_offset(civil - DAY);
	after = local_offset(civil + DAY);
	first = civil - before;
	second = civil - after;
	if (before == after) {
		remember_zone(zone, civil, HOUR, before);
		return first;
	}
	first_is = local_offset(first) == before;
	second_is = local_offset(second) == after;
	if (first_is && second_is)
		return now - first <= second - now ? first : second;
	remember_zone(zone, civil, MINUTE, second_is ? after : before);
	return civil - zone->offset;
}

/* Text. */

static bool
take_number(struct sv *s, size_t min, size_t max, int *out)
{
	size_t n = 0;
	int value = 0;

	while (n < max && n < s->n && decode_is_digit(s->p[n]))
		value = value * 10 + (s->p[n++] - '0');
	if (n < min)
		return false;
	*s = sv_from(*s, n);
	*out = value;
	return true;
}

static bool
take_month(struct sv *s, int *month)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	if (s->n < 3)
		return false;
	for (int i = 0; i < 12; i++) {
		const char *name = names + 3 * i;

		if ((s->p[0] | 32) == name[0] && (s->p[1] | 32) == name[1] &&
		    (s->p[2] | 32) == name[2]) {
			*s = sv_from(*s, 3);
			*month = i + 1;
			return true;
		}
	}
	return false;
}

/* "06:55:", as far as what is remembered goes. */
static bool
take_minute(struct sv *s, size_t hour_digits, struct date *t)
{
	return take_number(s, hour_digits, 2, &t->hour) && decode_take(s, ':') &&
	    take_number(s, 2, 2, &t->minute) && decode_take(s, ':') && t->hour <= 23 &&
	    t->minute <= 59;
}

/* "48" or "48.123456" or "48,123".  A leap second is the first second of the
 * next minute. */
static bool
take_seconds(struct sv *s, int64_t *ms)
{
	int64_t unit = 100;
	int seconds;

	if (!take_number(s, 2, 2, &seconds) || seconds > 60)
		return false;
	*ms = seconds * SECOND;
	if (s->n < 2 || (s->p[0] != '.' && s->p[0] != ',') || !decode_is_digit(s->p[1]))
		return true;
	for (*s = sv_from(*s, 1); s->n > 0 && decode_is_digit(s->p[0]); *s = sv_from(*s, 1)) {
		*ms += unit * (s->p[0] - '0');
		unit /= 10;
	}
	return true;
}

static struct sv
stamp_part(struct sv s)
{
	return (struct sv){s.p, s.n < STAMP_MAX ? s.n : STAMP_MAX};
}

static bool
recall(const struct minute *m, struct sv s, int64_t now)
{
	return m->n > 0 && s.n > m->n && memcmp(m->text, s.p, m->n) == 0 && now >= m->now_from &&
	    now < m->now_to;
}

static void
remember(struct minute *m, struct sv whole, struct sv rest)
{
	m->n = whole.n - rest.n;
	assert(m->n <= sizeof(m->text));
	memcpy(m->text, whole.p, m->n);
}

/* "Dec 10 06:55:48", "Dec  1 ...", "Dec 1 ...", "Dec 10 2025 ...". */

static bool
take_bsd_minute(struct sv *s, struct date *t)
{
	*t = (struct date){0};
	if (!take_month(s, &t->month) || !decode_take(s, ' '))
		return false;
	decode_take(s, ' ');
	if (!take_number(s, 1, 2, &t->day) || !decode_take(s, ' '))
		return false;
	if (s->n > 4 && s->p[4] == ' ') {
		if (!take_number(s, 4, 4, &t->year) || t->year < 1970)
			return false;
		decode_take(s, ' ');
	}
	return take_minute(s, 2, t) && t->day >= 1 &&
	    t->day <= days_in(t->year != 0 ? t->year : 2000, t->month);
}

static bool
learn_bsd(struct decoder *d, struct sv s, int64_t now)
{
	struct minute *m = &d->bsd;
	struct sv rest = s;
	struct date t;
	int64_t civil;

	if (!take_bsd_minute(&rest, &t))
		return false;
	m->now_from = INT64_MIN;
	m->now_to = INT64_MAX;
	if (t.year == 0)
		infer_year(&t, now, m);
	civil = civil_of(&t);
	m->start = local_to_utc(&d->zone, civil, now);
	remember(m, s, rest);
	if (civil < d->zone.from || civil >= d->zone.to)
		m->now_to = m->now_from; /* depends on now: holds for this line only */
	return true;
}

bool
decode_time_bsd(struct decoder *d, struct sv *s, int64_t now, int64_t *ms)
{
	struct sv whole = stamp_part(*s), rest;
	int64_t seconds;

	if (!recall(&d->bsd, whole, now) && !learn_bsd(d, whole, now))
		return false;
	rest = sv_from(whole, d->bsd.n);
	if (!take_seconds(&rest, &seconds))
		return false;
	*ms = d->bsd.start + seconds;
	*s = sv_from(*s, whole.n - rest.n);
	return true;
}

/* "2026-01-31T23:59:59.123456+01:00", "2026-01-31 23:59:59,123", and with
 * slashes, as nginx and Go's log package write. */

static bool
take_iso_minute(struct sv *s, struct date *t)
{
	size_t hour_digits = 2;
	char dash, between;

	if (s->n < 11)
		return false;
	dash = s->p[4];
	between = s->p[10];
	if (!(dash == '-' && (between == 'T' || between == ' ')) &&
	    !(dash == '/' && between == ' '))
		return false;
	if (!take_number(s, 4, 4, &t->year) || !decode_take(s, dash) ||
	    !take_number(s, 2, 2, &t->month) || !decode_take(s, dash) ||
	    !take_number(s, 2, 2, &t->day) || !decode_take(s, between))
		return false;
	if (between == ' ' && decode_take(s, ' '))
		hour_digits = 1; /* padded with a space: MySQL 5.6 */
	return take_minute(s, hour_digits, t) && t->year >= 1970 && t->month >= 1 &&
	    t->month <= 12 && t->day >= 1 && t->day <= days_in(t->year, t->month);
}

static bool
learn_iso(struct minute *m, struct sv s)
{
	struct sv rest = s;
	struct date t;

	if (!take_iso_minute(&rest, &t))
		return false;
	m->start = civil_of(&t);
	m->now_from = INT64_MIN;
	m->now_to = INT64_MAX;
	remember(m, s, rest);
	return true;
}

/* "Z", "+01:00", "+0100"; also "+01" unless ${minutes}. */
static bool
take_offset(struct sv *s, bool minutes, struct stamp *stamp)
{
	struct sv rest = *s;
	bool west = s->n > 0 && s->p[0] == '-';
	int hour, minute = 0;

	if (!decode_take(&rest, west ? '-' : '+') || !take_number(&rest, 2, 2, &hour))
		return false;
	if (decode_take(&rest, ':'))
		minutes = true;
	if ((!take_number(&rest, 2, 2, &minute) && minutes) || hour > 23 || minute > 59)
		return false;
	stamp->zoned = true;
	stamp->offset = (west ? -1 : 1) * (hour * HOUR + minute * MINUTE);
	*s = rest;
	return true;
}

bool
decode_time_iso(struct decoder *d, struct sv *s, struct stamp *stamp)
{
	struct sv whole = stamp_part(*s), rest;
	int64_t seconds;

	if (!recall(&d->iso, whole, 0) && !learn_iso(&d->iso, whole))
		return false;
	rest = sv_from(whole, d->iso.n);
	if (!take_seconds(&rest, &seconds))
		return false;
	*stamp = (struct stamp){d->iso.start + seconds, whole.p[10] == 'T', false, 0};
	if (decode_take(&rest, 'Z'))
		stamp->zoned = true;
	else
		take_offset(&rest, false, stamp);
	*s = sv_from(*s, whole.n - rest.n);
	return true;
}

static bool
ends_word(struct sv s)
{
	int c = s.n == 0 ? ' ' : s.p[0] | 32;

	return (c < '0' || c > '9') && (c < 'a' || c > 'z');
}

void
decode_time_zone(struct sv *s, struct stamp *stamp)
{
	struct sv rest = *s;
	struct stamp with = *stamp;

	if (stamp->zoned || !decode_take(&rest, ' '))
		return;
	if (rest.n >= 3 && (memcmp(rest.p, "UTC", 3) == 0 || memcmp(rest.p, "GMT", 3) == 0)) {
		rest = sv_from(rest, 3);
		with.zoned = true;
	} else if (!take_offset(&rest, true, &with)) {
		return;
	}
	if (!ends_word(rest))
		return;
	*stamp = with;
	*s = rest;
}

int64_t
decode_time_resolve(struct decoder *d, const struct stamp *stamp, int64_t now)
{
	if (stamp->zoned)
		return stamp->civil - stamp->offset;
	return local_to_utc(&d->zone, stamp->civil, now);
}
