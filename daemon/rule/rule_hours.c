/*
 * rule_hours: the hours whose events a rule does not count.
 */
#include <time.h>

#include "conf/suggest.h"
#include "rule/rule_internal.h"
#include "util/num.h"
#include "util/zone.h"

#define DAY_MINUTES 1440
#define WEEK 7
#define ALL_DAYS 0x7fU

static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct span {
	int from, to; /* minutes; from may be the greater: over midnight */
};

struct rule_hours {
	const struct zone *zone; /* NULL: local time */
	unsigned days;           /* bit per day on which the hours begin, Sunday being 0 */
	const struct span *spans;
	size_t nspans;
};

/* hh:mm */
static bool
parse_minute(struct sv s, int *out)
{
	int64_t h, m;

	if (s.n != 5 || s.p[2] != ':' || !num_int((struct sv){s.p, 2}, 0, 24, &h) ||
	    !num_int(sv_from(s, 3), 0, 59, &m) || h * 60 + m > DAY_MINUTES)
		return false;
	*out = (int)(h * 60 + m);
	return true;
}

static void
build_span(struct rule_load *l, const struct conf_string *text, struct span *out)
{
	struct sv s = sv_str(text->s);

	if (s.n != 11 || s.p[5] != '-' || !parse_minute((struct sv){s.p, 5}, &out->from) ||
	    !parse_minute(sv_from(s, 6), &out->to))
		diag_error(l->diag, text->at, "\"%s\": expected hours such as 08:00-18:00", text->s);
	else if (out->from == out->to || out->from == DAY_MINUTES)
		diag_error(l->diag, text->at,
		    "\"%s\" is no span of time; for whole days leave hours out", text->s);
}

/* 0 Sunday; -1 with an error. */
static int
parse_day(struct rule_load *l, const struct conf_string *text, struct sv name)
{
	const char *near;

	for (int i = 0; i < WEEK; i++)
		if (sv_is(name, day_names[i]))
			return i;
	near = conf_suggest(name, day_names, WEEK);
	if (near == NULL)
		diag_error(l->diag, text->at,
		    "\"%s\": expected a day such as mon, or days such as mon-fri", text->s);
	else
		diag_error(l->diag, text->at, "\"%s\": expected a day; did you mean \"%s\"?", text->s,
		    near);
	return -1;
}

static unsigned
parse_days(struct rule_load *l, const struct conf_string *text)
{
	struct sv s = sv_str(text->s), first = s;
	const char *dash = strchr(text->s, '-');
	unsigned days = 0;
	int from, to;

	if (dash != NULL)
		first.n = (size_t)(dash - text->s);
	from = parse_day(l, text, first);
	to = dash == NULL || from < 0 ? from : parse_day(l, text, sv_from(s, first.n + 1));
	if (to < 0)
		return 0;
	for (int day = from;; day = (day + 1) % WEEK) {
		days |= 1U << day;
		if (day == to)
			return days;
	}
}

static const struct zone *
build_zone(struct ruleset *rs, struct rule_load *l, const struct conf_string *name)
{
	const char *why;
	struct zone *z = zone_read(name->s, &why);

	if (z == NULL) {
		diag_error(l->diag, name->at, "\"%s\" %s", name->s, why);
		return NULL;
	}
	return ruleset_keep(rs, z);
}

const struct rule_hours *
rule_hours_build(struct ruleset *rs, struct rule_load *l, const struct hours_conf *conf)
{
	static const struct span whole_day = {0, DAY_MINUTES};
	struct rule_hours *h = ruleset_array(rs, 1, sizeof(*h));
	struct span *spans = ruleset_array(rs, conf->hours.n, sizeof(*spans));

	if (conf->hours.n == 0 && conf->days.n == 0)
		diag_error(l->diag, conf->head.at, "outside needs hours or days");
	for (size_t i = 0; i < conf->hours.n; i++)
		build_span(l, &conf->hours.v[i], &spans[i]);
	h->spans = conf->hours.n == 0 ? &whole_day : spans;
	h->nspans = conf->hours.n == 0 ? 1 : conf->hours.n;
	h->days = conf->days.n == 0 ? ALL_DAYS : 0;
	for (size_t i = 0; i < conf->days.n; i++)
		h->days |= parse_days(l, &conf->days.v[i]);
	if (conf->zone.s != NULL)
		h->zone = build_zone(rs, l, &conf->zone);
	return h;
}

static int64_t
offset_at(const struct rule_hours *hours, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (hours->zone != NULL)
		return zone_offset(hours->zone, seconds);
	return localtime_r(&t, &tm) == NULL ? 0 : tm.tm_gmtoff;
}

/* Rounded down, as C does not. */
static int64_t
divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

bool
rule_hours_has(const struct rule_hours *hours, int64_t t)
{
	int64_t seconds = divide(t, 1000);
	int64_t minutes = divide(seconds + offset_at(hours, seconds), 60);
	int64_t day = divide(minutes, DAY_MINUTES);
	int minute = (int)(minutes - day * DAY_MINUTES);
	int64_t weekday = day + 4 - divide(day + 4, WEEK) * WEEK; /* the epoch was a Thursday */
	bool today = (hours->days >> weekday & 1) != 0;
	bool yesterday = (hours->days >> (weekday + WEEK - 1) % WEEK & 1) != 0;

	for (size_t i = 0; i < hours->nspans; i++) {
		const struct span *s = &hours->spans[i];

		if (s->from < s->to && today && minute >= s->from && minute < s->to)
			return true;
		if (s->from > s->to &&
		    ((today && minute >= s->from) || (yesterday && minute < s->to)))
			return true;
	}
	return false;
}
