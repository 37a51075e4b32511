/*
 * decode_time: time stamps that begin the lines of syslog daemons, to ms since the
 * epoch.  Owns what is remembered from one line to the next, so that a line of the
 * same minute costs a comparison and its seconds.  Knows nothing of what comes after
 * a stamp; other stamps are decode_stamp.c's.
 */
#include <assert.h>

#include "decode/decode_internal.h"

#define STAMP_MAX 64 /* bytes a stamp may have, with everything */

/* Text. */

bool
decode_time_number(struct sv *s, size_t min, size_t max, int *out)
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

bool
decode_time_month(struct sv *s, int *month)
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
	return decode_time_number(s, hour_digits, 2, &t->hour) && decode_take(s, ':') &&
	    decode_time_number(s, 2, 2, &t->minute) && decode_take(s, ':') && t->hour <= 23 &&
	    t->minute <= 59;
}

/* "48" or "48.123456" or "48,123".  A leap second is the first second of the
 * next minute. */
bool
decode_time_seconds(struct sv *s, int64_t *ms)
{
	int64_t unit = 100;
	int seconds;

	if (!decode_time_number(s, 2, 2, &seconds) || seconds > 60)
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
	if (!decode_time_month(s, &t->month) || !decode_take(s, ' '))
		return false;
	decode_take(s, ' ');
	if (!decode_time_number(s, 1, 2, &t->day) || !decode_take(s, ' '))
		return false;
	if (s->n > 4 && s->p[4] == ' ') {
		if (!decode_time_number(s, 4, 4, &t->year) || t->year < 1970)
			return false;
		decode_take(s, ' ');
	}
	return take_minute(s, 2, t) && t->day >= 1 &&
	    t->day <= decode_calendar_days(t->year != 0 ? t->year : 2000, t->month);
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
		decode_calendar_infer_year(&t, now, m);
	civil = decode_calendar_civil(&t);
	m->start = decode_calendar_utc(&d->zone, civil, now);
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
	if (!decode_time_seconds(&rest, &seconds))
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
	if (!decode_time_number(s, 4, 4, &t->year) || !decode_take(s, dash) ||
	    !decode_time_number(s, 2, 2, &t->month) || !decode_take(s, dash) ||
	    !decode_time_number(s, 2, 2, &t->day) || !decode_take(s, between))
		return false;
	if (between == ' ' && decode_take(s, ' '))
		hour_digits = 1; /* padded with a space: MySQL 5.6 */
	return take_minute(s, hour_digits, t) && t->year >= 1970 && t->month >= 1 &&
	    t->month <= 12 && t->day >= 1 && t->day <= decode_calendar_days(t->year, t->month);
}

static bool
learn_iso(struct minute *m, struct sv s)
{
	struct sv rest = s;
	struct date t;

	if (!take_iso_minute(&rest, &t))
		return false;
	m->start = decode_calendar_civil(&t);
	m->now_from = INT64_MIN;
	m->now_to = INT64_MAX;
	remember(m, s, rest);
	return true;
}

/* "Z", "+01:00", "+0100"; also "+01" unless ${minutes}. */
bool
decode_time_offset(struct sv *s, bool minutes, struct stamp *stamp)
{
	struct sv rest = *s;
	bool west = s->n > 0 && s->p[0] == '-';
	int hour, minute = 0;

	if (!decode_take(&rest, west ? '-' : '+') || !decode_time_number(&rest, 2, 2, &hour))
		return false;
	if (decode_take(&rest, ':'))
		minutes = true;
	if ((!decode_time_number(&rest, 2, 2, &minute) && minutes) || hour > 23 || minute > 59)
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
	if (!decode_time_seconds(&rest, &seconds))
		return false;
	*stamp = (struct stamp){d->iso.start + seconds, whole.p[10] == 'T', false, 0};
	if (decode_take(&rest, 'Z'))
		stamp->zoned = true;
	else
		decode_time_offset(&rest, false, stamp);
	*s = sv_from(*s, whole.n - rest.n);
	return true;
}

static bool
ends_word(struct sv s)
{
	int c = s.n == 0 ? ' ' : s.p[0] | 32;

	return (c < '0' || c > '9') && (c < 'a' || c > 'z');
}

/* Names of zones, but for those of UTC, say no more than that time is local: many mean
 * several zones. */
static bool
is_local_zone(struct sv name)
{
	static const char names[] = " ACDT ACST ADT AEDT AEST AKDT AKST AST AWST BRT BST CDT CEST"
	                            " CET CST EAT EDT EEST EET EST HKT HST IDT IST JST KST MDT MEST"
	                            " MET MSD MSK MST NDT NST NZDT NZST PDT PKT PST SAST SGT WAT"
	                            " WEST WET WIB ";
	char wanted[] = {' ', ' ', ' ', ' ', ' ', ' ', ' '};

	memcpy(wanted + 1, name.p, name.n);
	return memmem(names, sizeof(names) - 1, wanted, name.n + 2) != NULL;
}

static bool
take_zone_name(struct sv *s, struct stamp *stamp)
{
	struct sv name = {s->p, 0};

	while (name.n < s->n && name.n < 5 && s->p[name.n] >= 'A' && s->p[name.n] <= 'Z')
		name.n++;
	stamp->zoned = sv_eq(name, SV("UTC")) || sv_eq(name, SV("GMT"));
	if (!stamp->zoned && (name.n < 3 || !is_local_zone(name)))
		return false;
	*s = sv_from(*s, name.n);
	if (stamp->zoned)
		decode_time_offset(s, true, stamp); /* as JavaScript writes: GMT+0200 */
	return true;
}

void
decode_time_zone(struct sv *s, struct stamp *stamp)
{
	struct sv rest = *s;
	struct stamp with = *stamp;

	if (stamp->zoned || !decode_take(&rest, ' '))
		return;
	if (!decode_time_offset(&rest, true, &with) && !take_zone_name(&rest, &with))
		return;
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
	return decode_calendar_utc(&d->zone, stamp->civil, now);
}
