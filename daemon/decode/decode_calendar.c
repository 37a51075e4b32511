/*
 * decode_calendar: dates to ms since the epoch: leap years, years that nobody states,
 * and local time with the hours that it skips or goes through twice.
 */
#include <time.h>

#include "decode/decode_internal.h"

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

int
decode_calendar_days(int year, int month)
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

int64_t
decode_calendar_civil(const struct date *t)
{
	return days_since_epoch(t->year, t->month, t->day) * DAY + t->hour * HOUR +
	    t->minute * MINUTE;
}

/* Of the years that have this day, the one that puts it nearest to ${now}, and
 * for which values of now that stays so.  Local time is compared with UTC here:
 * some hours do not matter half a year away.  Only February 29 has to look
 * beyond the neighbouring years. */
void
decode_calendar_infer_year(struct date *t, int64_t now, struct minute *holds)
{
	int this_year = year_of(now), reach = t->month == 2 && t->day == 29 ? 8 : 1;
	int64_t best = 0, middle, civil;
	struct date try = *t;

	holds->now_from = days_since_epoch(this_year, 1, 1) * DAY;
	holds->now_to = days_since_epoch(this_year + 1, 1, 1) * DAY;
	for (try.year = this_year - reach; try.year <= this_year + reach; try.year++) {
		if (t->day > decode_calendar_days(try.year, t->month))
			continue;
		civil = decode_calendar_civil(&try);
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
int64_t
decode_calendar_utc(struct zone *zone, int64_t civil, int64_t now)
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
