/*
 * decode_rig: what tests of decode/ share: zones, and lines decoded in one of them at a
 * time of the test's own.
 */
#ifndef TESTS_DECODE_RIG_H
#define TESTS_DECODE_RIG_H

#include <check.h>

#include "decode/decode.h"

/* As POSIX strings: the data base of zones need not be installed. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"
#define ST_JOHNS "NST3:30NDT,M3.2.0,M11.1.0"
#define LORD_HOWE "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0" /* half an hour of summer time */
#define KATHMANDU "<+0545>-5:45"
#define KOLKATA "IST-5:30"
#define KIRITIMATI "<+14>-14"

#define DAY ((int64_t)86400000)
#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

#define NOW_TEXT "2026-01-10T12:00:00.000Z"

/* Milliseconds of "2026-06-15T12:00:00". */
int64_t dx_at(const char *text);
/* A decoder on a host in ${zone}. */
struct decoder *dx_decoder(const char *zone);
/* Decode ${text} at ${now}; ${line} is what the record is of. */
struct record dx_decode(struct decoder *d, struct sv text, int64_t now, struct line *line);

void dx_expect_time(const struct record *rec, const char *text);
/* ${what} is ${wanted}, or empty when that is NULL. */
void dx_expect(const char *what, struct sv got, const char *wanted);

/* Run the suite; what main() returns. */
int dx_run(Suite *suite);

#endif
