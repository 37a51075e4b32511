/*
 * zone_rule: see zone_rule.h.
 */
#include "util/zone_rule.h"

#define HOUR 3600
#define DAY (24 * HOUR)

/* Each of these takes what it reads off the front; false when that is not there. */

static bool
take_char(struct sv *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = sv_from(*s, 1);
	return true;
}

static bool
is_digit(struct sv s)
{
	return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9';
}

static bool
take_int(struct sv *s, int min, int max, int *out)
{
	int n = 0;

	if (!is_digit(*s))
		return false;
	for (; is_digit(*s) && n <= max; *s = sv_from(*s, 1))
		n = n * 10 + (s->p[0] - '0');
	*out = n;
	return n >= min && n <= max;
}

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
take_name(struct sv *s)
{
	const char *end;
	size_t n = 0;

	if (take_char(s, '<')) {
		end = s->n == 0 ? NULL : memchr(s->p, '>', s->n);
		if (end == NULL)
			return false;
		*s = sv_from(*s, (size_t)(end - s->p) + 1);
		return true;
	}
	while (n < s->n && is_letter(s->p[n]))
		n++;
	*s = sv_from(*s, n);
	return n > 0;
}

/* [+-]hh[:mm[:ss]] */
static bool
take_time(struct sv *s, int max_hours, int64_t *out)
{
	bool negative = take_char(s, '-');
	int h, m = 0, sec = 0;

	if (!negative)
		take_char(s, '+');
	if (!take_int(s, 0, max_hours, &h))
		return false;
	if (take_char(s, ':') && !take_int(s, 0, 59, &m))
		return false;
	if (take_char(s, ':') && !take_int(s, 0, 59, &sec))
		return false;
	*out = (negative ? -1 : 1) * (h * HOUR + m * 60 + sec);
	return true;
}

static bool
take_date(struct sv *s, struct zone_day *d)
{
	if (take_char(s, 'M')) {
		d->kind = ZONE_DAY_WEEKDAY;
		return take_int(s, 1, 12, &d->month) && take_char(s, '.') &&
		    take_int(s, 1, 5, &d->week) && take_char(s, '.') && take_int(s, 0, 6, &d->day);
	}
	if (take_char(s, 'J')) {
		d->kind = ZONE_DAY_NO_LEAP;
		if (!take_int(s, 1, 365, &d->day))
			return false;
		d->day--;
		return true;
	}
	d->kind = ZONE_DAY_NUMBER;
	return take_int(s, 0, 365, &d->day);
}

static bool
take_day(struct sv *s, struct zone_day *d)
{
	*d = (struct zone_day){.time = 2 * HOUR};
	return take_char(s, ',') && take_date(s, d) &&
	    (!take_char(s, '/') || take_time(s, 167, &d->time));
}

bool
zone_rule_parse(struct sv text, struct zone_rule *rule)
{
	int64_t west;

	*rule = (struct zone_rule){.has_summer = false};
	if (!take_name(&text) || !take_time(&text, 24, &west))
		return false;
	rule->standard = -west;
	if (text.n == 0)
		return true;
	rule->has_summer = true;
	rule->summer = rule->standard + HOUR;
	if (!take_name(&text))
		return false;
	if (text.n > 0 && text.p[0] != ',') {
		if (!take_time(&text, 24, &west))
			return false;
		rule->summer = -west;
	}
	return take_day(&text, &rule->from) && take_day(&text, &rule->to) && text.n == 0;
}

static bool
is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from the epoch to 1 January of ${year}, which is 1 at least. */
static int64_t
year_start(int64_t year)
{
	int64_t y = year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

static int64_t
year_of(int64_t t)
{
	int64_t year = 1970 + t / (365 * DAY + DAY / 4);

	while (year > 1 && year_start(year) * DAY > t)
		year--;
	while (year_start(year + 1) * DAY <= t)
		year++;
	return year < 1 ? 1 : year;
}

/* Day of the year on which ${month} begins. */
static int64_t
month_start(int64_t year, int month)
{
	static const int start[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

	return start[month - 1] + (month > 2 && is_leap(year) ? 1 : 0);
}

static int64_t
month_length(int64_t year, int month)
{
	return month == 12 ? 31 : month_start(year, month + 1) - month_start(year, month);
}

static int64_t
day_of_year(const struct zone_day *d, int64_t year)
{
	int64_t first, weekday, day;

	if (d->kind == ZONE_DAY_NUMBER)
		return d->day;
	if (d->kind == ZONE_DAY_NO_LEAP)
		return d->day + (d->day >= 59 && is_leap(year) ? 1 : 0);
	first = month_start(year, d->month);
	weekday = (year_start(year) + first + 4) % 7; /* the epoch was a Thursday */
	if (weekday < 0)
		weekday += 7;
	day = (d->day - weekday + 7) % 7 + (d->week - 1) * 7;
	if (day >= month_length(year, d->month))
		day -= 7;
	return first + day;
}

/* When summer time begins or ends in ${year}, in seconds by the clock until then. */
static int64_t
clock_at(const struct zone_day *d, int64_t year)
{
	return (year_start(year) + day_of_year(d, year)) * DAY + d->time;
}

int64_t
zone_rule_offset(const struct zone_rule *rule, int64_t t)
{
	int64_t year, from, to;
	bool summer;

	if (!rule->has_summer)
		return rule->standard;
	year = year_of(t + rule->standard);
	from = clock_at(&rule->from, year) - rule->standard;
	to = clock_at(&rule->to, year) - rule->summer;
	/* South of the equator summer goes on over the new year. */
	summer = from < to ? t >= from && t < to : t >= from || t < to;
	return summer ? rule->summer : rule->standard;
}
