/*
 * zone_rule: a time zone as POSIX writes it in TZ: CET-1CEST,M3.5.0,M10.5.0/3.
 */
#ifndef UTIL_ZONE_RULE_H
#define UTIL_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/sv.h"

/* When in a year it changes. */
struct zone_day {
	enum { ZONE_DAY_WEEKDAY, ZONE_DAY_NUMBER, ZONE_DAY_NO_LEAP } kind;
	int month, week, day; /* day: of the week, Sunday being 0; else of the year from 0 */
	int64_t time;         /* seconds from its midnight, by the clock until then */
};

struct zone_rule {
	int64_t standard; /* seconds east of UTC */
	bool has_summer;
	int64_t summer;
	struct zone_day from, to; /* of summer time */
};

/* False when ${text} is none. */
bool zone_rule_parse(struct sv text, struct zone_rule *rule);
/* Seconds east of UTC at ${t}. */
int64_t zone_rule_offset(const struct zone_rule *rule, int64_t t);

#endif
