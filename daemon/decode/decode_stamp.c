/*
 * decode_stamp: the stamps that programs put before the lines of their own files, to
 * ms since the epoch.  A form is a short text, and one function reads them all; a
 * form that is missing is one more line in the table.  Nothing is remembered.
 */
#include "decode/decode_internal.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))
#define STAMP_MAX 64     /* bytes a stamp may have, with everything */
#define INSIDE_MAX 300   /* bytes before the stamp of an access log */
#define TAI_EPOCH ((INT64_C(1) << 62) + 10) /* TAI64 of 1970, as multilog counts */

/* a Wed  b Oct  d day  m month  Y 2000  y 00  H hour  M minute  S seconds, with their
 * fraction  p AM or PM, or neither  z zone, or none  Z zone  D day and N month, or month
 * and day where N can be no month.  A blank is one or two.  All else stands for itself. */
static const char *const forms[] = {
    "Y-m-d H:M:Spz",
    "Y-m-dTH:M:Sz",
    "Y/m/d H:M:Sz",
    "Y-m-d_H:M:Sz",
    "Y-m-d-H:M:Sz",
    "Y:m:d-H:M:Sz",
    "Y.m.d H:M:Sz",
    "Ymd H:M:Sz",
    "YmdTHMSz",
    "ymd H:M:S",
    "Y b d H:M:S",
    "a b d H:M:Sz Yz",
    "a b d Y H:M:Spz",
    "a d b H:M:Sz Y",
    "a d b Y H:M:Spz",
    "b d H:M:S Y",
    "b d, Y H:M:Spz",
    "b-d-y H:M:S",
    "d b Y H:M:Spz",
    "d b H:M:S",
    "d-b-Y H:M:Sz",
    "d/b/Y:H:M:Sz",
    "d/b/Y H:M:Sz",
    "N/D/Y H:M:Spz",
    "N/D/Y, H:M:Spz",
    "N/D/y H:M:Spz",
    "L N/D/Y - H:M:S",
    "D.N.Y H:M:Sz",
    "D-N-Y H:M:Sz",
};

/* In brackets only: elsewhere they are syslog's, or too little. */
static const char *const bracketed_forms[] = {"b d H:M:S", "b d Y H:M:S", "Z b d H:M:S"};

struct reading {
	struct date date;
	int64_t seconds; /* in ms */
	struct stamp zone;
	char half;   /* of the day: 'A', 'P', or 0 */
	bool either; /* day and month may be swapped */
};

/* ---- pieces -------------------------------------------------------------------- */

static bool
is_letter(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool
take_weekday(struct sv *s)
{
	static const char names[] = "montuewedthufrisatsun";

	if (s->n < 3)
		return false;
	for (size_t i = 0; i < sizeof(names) - 1; i += 3) {
		if ((s->p[0] | 32) == names[i] && (s->p[1] | 32) == names[i + 1] &&
		    (s->p[2] | 32) == names[i + 2]) {
			*s = sv_from(*s, 3);
			decode_take(s, ',');
			return true;
		}
	}
	return false;
}

/* One digit or two; behind another number always two. */
static bool
take_pair(struct sv *s, bool behind_number, int *out)
{
	return decode_time_number(s, behind_number ? 2 : 1, 2, out);
}

/* " PM", "PM"; none is fine as well. */
static void
take_half(struct sv *s, char *half)
{
	struct sv rest = *s;
	char c;

	decode_take(&rest, ' ');
	if (rest.n < 2 || (rest.p[1] | 32) != 'm')
		return;
	c = (char)(rest.p[0] & ~32);
	if ((c != 'A' && c != 'P') || (rest.n > 2 && is_letter(rest.p[2])))
		return;
	*half = c;
	*s = sv_from(rest, 2);
}

static void
take_zone(struct sv *s, struct stamp *zone)
{
	if (decode_take(s, 'Z'))
		zone->zoned = true;
	else if (!decode_time_offset(s, false, zone))
		decode_time_zone(s, zone);
}

/* A zone where nothing else can be, to the blank behind it. */
static bool
take_leading_zone(struct sv *s)
{
	size_t n = 0;

	while (n < s->n && n <= 5 && s->p[n] >= 'A' && s->p[n] <= 'Z')
		n++;
	if (n < 3 || n > 5)
		return false;
	*s = sv_from(*s, n);
	return true;
}

static bool
take_short_year(struct sv *s, int *year)
{
	if (!decode_time_number(s, 2, 2, year))
		return false;
	*year += *year < 70 ? 2000 : 1900;
	return true;
}

static bool
take_piece(char code, bool behind_number, struct sv *s, struct reading *r)
{
	switch (code) {
	case 'a':
		return take_weekday(s);
	case 'b':
		return decode_time_month(s, &r->date.month);
	case 'D':
	case 'd':
		return take_pair(s, behind_number, &r->date.day);
	case 'N':
		r->either = true;
		return take_pair(s, behind_number, &r->date.month);
	case 'm':
		return take_pair(s, behind_number, &r->date.month);
	case 'Y':
		return decode_time_number(s, 4, 4, &r->date.year) && r->date.year >= 1970;
	case 'y':
		return take_short_year(s, &r->date.year);
	case 'H':
		return take_pair(s, behind_number, &r->date.hour);
	case 'M':
		return decode_time_number(s, 2, 2, &r->date.minute);
	case 'S':
		return decode_time_seconds(s, &r->seconds);
	case 'p':
		take_half(s, &r->half);
		return true;
	case 'z':
		take_zone(s, &r->zone);
		return true;
	case 'Z':
		return take_leading_zone(s);
	case ' ':
		if (!decode_take(s, ' '))
			return false;
		decode_take(s, ' ');
		return true;
	default:
		return decode_take(s, code);
	}
}

static bool
take_form(const char *form, struct sv *s, struct reading *r)
{
	const char *begin = s->p;

	*r = (struct reading){.either = false};
	for (; *form != '\0'; form++)
		if (!take_piece(*form, s->p > begin && decode_is_digit(s->p[-1]), s, r))
			return false;
	return true;
}

/* How a text begins: with so many digits or letters, and what is next. */
struct beginning {
	bool digits;
	size_t n;
	char next;
};

static struct beginning
begin(struct sv s)
{
	struct beginning b = {.digits = s.n > 0 && decode_is_digit(s.p[0])};

	while (b.n < s.n && (b.digits ? decode_is_digit(s.p[b.n]) : is_letter(s.p[b.n])))
		b.n++;
	b.next = b.n < s.n ? s.p[b.n] : '\0';
	return b;
}

/* Is ${form} worth being read?  Most are not, and most lines have no stamp at all. */
static bool
may_begin(const char *form, const struct beginning *b)
{
	switch (form[0]) {
	case 'Y':
		return b->digits && (form[1] == 'm' ? b->n == 8 : b->n == 4 && b->next == form[1]);
	case 'y':
		return b->digits && b->n == 6;
	case 'd':
	case 'D':
	case 'N':
		return b->digits && b->n <= 2 && b->next == form[1];
	case 'a':
	case 'b':
		return !b->digits && b->n == 3;
	default:
		return !b->digits && b->n > 0;
	}
}

/* ---- what they mean -------------------------------------------------------------- */

/* Of 12 hours to 24. */
static bool
settle_hour(struct reading *r)
{
	if (r->half != 0 && (r->date.hour < 1 || r->date.hour > 12))
		return false;
	if (r->half == 'P' && r->date.hour < 12)
		r->date.hour += 12;
	if (r->half == 'A' && r->date.hour == 12)
		r->date.hour = 0;
	return r->date.hour <= 23 && r->date.minute <= 59;
}

static bool
settle_day(struct reading *r)
{
	struct date *t = &r->date;
	int month = t->month;

	if (r->either && month > 12) {
		t->month = t->day;
		t->day = month;
	}
	return t->month >= 1 && t->month <= 12 && t->day >= 1 &&
	    t->day <= decode_calendar_days(t->year != 0 ? t->year : 2000, t->month);
}

static int64_t
time_of(struct decoder *d, struct reading *r, int64_t now)
{
	struct minute unused;
	int64_t civil;

	if (r->date.year == 0)
		decode_calendar_infer_year(&r->date, now, &unused);
	civil = decode_calendar_civil(&r->date) + r->seconds;
	if (r->zone.zoned)
		return civil - r->zone.offset;
	return decode_calendar_utc(&d->zone, civil, now);
}

static bool
is_end(struct sv s, bool bracket)
{
	if (bracket)
		return s.n > 0 && s.p[0] == ']';
	return s.n == 0 || decode_is_blank(s.p[0]) || memchr(":,;|", s.p[0], 4) != NULL;
}

/* ---- numbers --------------------------------------------------------------------- */

/* "1700000000", "1700000000.123", and in ms: with that many digits it is a time, of 2001
 * to 2286. */
static bool
take_epoch(struct sv *s, int64_t *ms)
{
	struct sv rest = *s;
	int64_t value = 0, unit = 100;
	size_t n = 0;

	while (n < rest.n && n < 14 && decode_is_digit(rest.p[n]))
		value = value * 10 + (rest.p[n++] - '0');
	if ((n != 10 && n != 13) || rest.p[0] == '0')
		return false;
	rest = sv_from(rest, n);
	*ms = n == 10 ? value * SECOND : value;
	if (n == 10 && rest.n > 1 && rest.p[0] == '.' && decode_is_digit(rest.p[1])) {
		for (rest = sv_from(rest, 1); rest.n > 0 && decode_is_digit(rest.p[0]);
		     rest = sv_from(rest, 1), unit /= 10)
			*ms += unit * (rest.p[0] - '0');
	}
	*s = rest;
	return true;
}

static int
hex_digit(char c)
{
	if (decode_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "@4000000052d4b5e52f1b3c4d": TAI64N, of multilog and s6-log. */
static bool
take_tai64n(struct sv *s, int64_t *ms)
{
	uint64_t parts[2] = {0, 0}; /* 16 digits of seconds, 8 of nanoseconds */

	if (s->n < 25 || s->p[0] != '@' || s->p[1] != '4')
		return false;
	for (size_t i = 1; i < 25; i++) {
		int digit = hex_digit(s->p[i]);

		if (digit < 0)
			return false;
		parts[i > 16] = parts[i > 16] << 4 | (uint64_t)digit;
	}
	*ms = ((int64_t)parts[0] - TAI_EPOCH);
	if (*ms < 0 || *ms >> 33 != 0 || parts[1] >= 1000000000)
		return false;
	*ms = *ms * SECOND + (int64_t)(parts[1] / 1000000);
	*s = sv_from(*s, 25);
	return true;
}

/* ---- stamps ------------------------------------------------------------------------ */

static bool
read_form(struct decoder *d, const char *form, struct sv *s, int64_t now, int64_t *ms)
{
	struct reading r;

	if (!take_form(form, s, &r) || !settle_day(&r) || !settle_hour(&r))
		return false;
	*ms = time_of(d, &r, now);
	return true;
}

static struct sv
stamp_part(struct sv s)
{
	return (struct sv){s.p, s.n < STAMP_MAX ? s.n : STAMP_MAX};
}

/* The first of ${n} forms that ${s} begins with and ends behind: another may go on where
 * one ends.  The length of the stamp, or 0. */
static size_t
read_forms(struct decoder *d, const char *const *list, size_t n, struct sv s, bool bracket,
    int64_t now, int64_t *ms)
{
	struct sv whole = stamp_part(s);
	struct beginning beginning = begin(whole);

	for (size_t i = 0; i < n; i++) {
		struct sv rest = whole;

		if (may_begin(list[i], &beginning) && read_form(d, list[i], &rest, now, ms) &&
		    is_end(sv_from(s, whole.n - rest.n), bracket))
			return whole.n - rest.n;
	}
	return 0;
}

static size_t
read_number(struct sv s, bool bracket, int64_t *ms)
{
	struct sv whole = stamp_part(s), rest = whole;
	size_t n;

	if (!take_epoch(&rest, ms) && !take_tai64n(&rest, ms))
		return 0;
	n = whole.n - rest.n;
	return is_end(sv_from(s, n), bracket) ? n : 0;
}

bool
decode_stamp(struct decoder *d, struct sv *s, bool bracket, int64_t now, int64_t *ms)
{
	size_t n = read_number(*s, bracket, ms);

	if (n == 0)
		n = read_forms(d, forms, NELEM(forms), *s, bracket, now, ms);
	if (n == 0 && bracket)
		n = read_forms(d, bracketed_forms, NELEM(bracketed_forms), *s, true, now, ms);
	*s = sv_from(*s, n);
	return n > 0;
}

/* "[11/Oct/2000:13:55:36 +0200]". */
static bool
read_access(struct decoder *d, struct sv *s, int64_t now, int64_t *ms)
{
	return s->n > 21 && s->p[3] == '/' && decode_take(s, '[') &&
	    read_form(d, "d/b/Y:H:M:Sz", s, now, ms) && decode_take(s, ']');
}

/* Of several the one before the request: a client may call itself "[...]", but no quote
 * of his comes without a backslash. */
bool
decode_stamp_inside(struct decoder *d, struct sv s, int64_t now, int64_t *ms)
{
	struct sv rest = {s.p, s.n < INSIDE_MAX ? s.n : INSIDE_MAX};
	bool any = false;
	const char *p;
	int64_t found = 0;

	while (rest.n > 0 && (p = memchr(rest.p, '[', rest.n)) != NULL) {
		struct sv at = sv_from(rest, (size_t)(p - rest.p));

		rest = sv_from(at, 1);
		if (!read_access(d, &at, now, &found))
			continue;
		if (!any)
			*ms = found;
		any = true;
		if (at.n > 1 && at.p[0] == ' ' && at.p[1] == '"') {
			*ms = found;
			return true;
		}
	}
	return any;
}
