/*
 * check_decode_time: which time a stamp means that lacks a year or a zone.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decode_rig.h"

/* --- which year, which hour --- */

struct moment {
	const char *zone, *now, *stamp, *time;
};

static const struct moment moments[] = {
    /* New Year, both ways, live and late. */
    {"UTC", "2026-01-01T00:00:01", "Dec 31 23:59:59", "2025-12-31T23:59:59.000Z"},
    {"UTC", "2025-12-31T23:59:59", "Jan  1 00:00:01", "2026-01-01T00:00:01.000Z"},
    {"UTC", "2026-01-01T00:00:00", "Jan  1 00:00:00", "2026-01-01T00:00:00.000Z"},
    {"UTC", "2026-03-01T00:00:00", "Nov  1 00:00:00", "2025-11-01T00:00:00.000Z"},
    {"UTC", "2025-11-01T00:00:00", "Mar  1 00:00:00", "2026-03-01T00:00:00.000Z"},
    {"UTC", "2026-07-01T00:00:00", "Jan  2 00:00:00", "2026-01-02T00:00:00.000Z"},
    {"UTC", "2026-07-01T00:00:00", "Dec 30 00:00:00", "2026-12-30T00:00:00.000Z"},
    {"UTC", "2026-07-10T00:00:00", "Jan  1 00:00:00", "2027-01-01T00:00:00.000Z"},
    {BERLIN, "2025-12-31T23:30:00", "Jan  1 00:30:00", "2025-12-31T23:30:00.000Z"},
    /* February 29. */
    {"UTC", "2024-02-29T12:00:00", "Feb 29 06:00:00", "2024-02-29T06:00:00.000Z"},
    {"UTC", "2024-03-01T00:00:00", "Feb 29 06:00:00", "2024-02-29T06:00:00.000Z"},
    {"UTC", "2025-12-01T00:00:00", "Feb 29 06:00:00", "2024-02-29T06:00:00.000Z"},
    {"UTC", "2027-06-01T00:00:00", "Feb 29 06:00:00", "2028-02-29T06:00:00.000Z"},
    {"UTC", "2026-02-01T00:00:00", "Feb 29 06:00:00", "2024-02-29T06:00:00.000Z"},
    {"UTC", "2000-03-01T00:00:00", "Feb 29 06:00:00", "2000-02-29T06:00:00.000Z"},
    /* Summer and winter time. */
    {BERLIN, "2026-01-10T12:00:00", "Jan 10 12:00:00", "2026-01-10T11:00:00.000Z"},
    {BERLIN, "2026-07-10T12:00:00", "Jul 10 12:00:00", "2026-07-10T10:00:00.000Z"},
    {BERLIN, "2026-07-10T12:00:00", "Mar 29 01:59:59", "2026-03-29T00:59:59.000Z"},
    {BERLIN, "2026-07-10T12:00:00", "Mar 29 03:00:00", "2026-03-29T01:00:00.000Z"},
    {BERLIN, "2026-07-10T12:00:00", "Oct 25 01:59:59", "2026-10-24T23:59:59.000Z"},
    {BERLIN, "2026-07-10T12:00:00", "Oct 25 03:00:00", "2026-10-25T02:00:00.000Z"},
    /* The hour that is not: as if the clock had not been changed. */
    {BERLIN, "2026-07-10T12:00:00", "Mar 29 02:30:00", "2026-03-29T01:30:00.000Z"},
    /* The hour that comes twice: the one that is nearer. */
    {BERLIN, "2026-10-25T00:30:01", "Oct 25 02:30:00", "2026-10-25T00:30:00.000Z"},
    {BERLIN, "2026-10-25T01:30:01", "Oct 25 02:30:00", "2026-10-25T01:30:00.000Z"},
    {ST_JOHNS, "2026-01-10T12:00:00", "Jan 10 12:00:00", "2026-01-10T15:30:00.000Z"},
    {KOLKATA, "2026-01-10T12:00:00", "Jan 10 12:00:00", "2026-01-10T06:30:00.000Z"},
    {KIRITIMATI, "2026-01-10T12:00:00", "Jan 11 01:00:00", "2026-01-10T11:00:00.000Z"},
    /* ISO stamps without a zone are local as well, with one they are not. */
    {BERLIN, "2026-01-10T12:00:00", "2026-07-10 12:00:00", "2026-07-10T10:00:00.000Z"},
    {BERLIN, "2026-01-10T12:00:00", "2026-07-10T12:00:00", "2026-07-10T10:00:00.000Z"},
    {BERLIN, "2026-01-10T12:00:00", "2026-07-10T12:00:00Z", "2026-07-10T12:00:00.000Z"},
    {BERLIN, "2026-10-25T01:30:01", "2026-10-25 02:30:00", "2026-10-25T01:30:00.000Z"},
    {BERLIN, "2026-01-10T12:00:00", "Jul 10 2019 12:00:00", "2019-07-10T10:00:00.000Z"},
};

START_TEST(stamp_means_a_time)
{
	const struct moment *m = &moments[_i];
	struct decoder *d = dx_decoder(m->zone);
	struct line line;
	struct record rec = dx_decode(d, sv_str(m->stamp), dx_at(m->now), &line);

	dx_expect_time(&rec, m->time);
	decoder_free(&d);
}
END_TEST

/* One decoder, the clock moving on: what was remembered for one now must not be
 * used for another. */
START_TEST(stamp_is_not_remembered_too_long)
{
	struct decoder *d = dx_decoder(BERLIN);
	struct line line;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < COUNT(moments); i++) {
			struct record rec;

			if (strcmp(moments[i].zone, BERLIN) != 0)
				continue;
			rec = dx_decode(d, sv_str(moments[i].stamp), dx_at(moments[i].now), &line);
			dx_expect_time(&rec, moments[i].time);
			rec = dx_decode(d, sv_str(moments[i].stamp), dx_at(moments[i].now), &line);
			dx_expect_time(&rec, moments[i].time);
		}
	}
	decoder_free(&d);
}
END_TEST

/* The year follows now from day to day, up and down; a decoder that has seen the
 * stamp before says the same as a new one. */
static void
expect_nearest(struct decoder *old, struct sv stamp, int64_t now)
{
	struct decoder *d = decoder_new();
	struct line line;
	int64_t time = dx_decode(d, stamp, now, &line).time;

	ck_assert_int_le(llabs(time - now), 183 * DAY);
	ck_assert_int_eq(dx_decode(old, stamp, now, &line).time, time);
	decoder_free(&d);
}

START_TEST(year_is_the_nearest_on_every_day)
{
	static const char *const stamps[] = {
	    "Jan  1 00:00:00", "Feb 28 12:00:00", "Jul  2 12:00:00", "Dec 31 23:59:59"};
	struct sv stamp = sv_str(stamps[_i]);
	struct decoder *old = dx_decoder("UTC");
	int64_t start = dx_at("2023-01-01T06:00:00"), end = start + 3 * 365 * DAY, now;

	for (now = start; now < end; now += DAY)
		expect_nearest(old, stamp, now);
	for (; now > start; now -= DAY)
		expect_nearest(old, stamp, now);
	decoder_free(&old);
}
END_TEST

/* Two files read side by side over New Year, in Berlin an hour before UTC has it. */
START_TEST(year_is_the_nearest_from_line_to_line)
{
	static const struct { const char *stamp, *time; } lines[] = {
	    {"Dec 31 23:59:59", "2025-12-31T22:59:59.000Z"},
	    {"Jan  1 00:00:00", "2025-12-31T23:00:00.000Z"},
	    {"Dec 31 23:59:60", "2025-12-31T23:00:00.000Z"},
	    {"Feb 28 12:00:00", "2026-02-28T11:00:00.000Z"},
	    {"Dec 31 2025 23:59:59", "2025-12-31T22:59:59.000Z"},
	    {"Dec 31 2024 23:59:59", "2024-12-31T22:59:59.000Z"},
	    {"2026-01-01 00:00:00", "2025-12-31T23:00:00.000Z"},
	};
	struct decoder *d = dx_decoder(BERLIN);
	int64_t midnight = dx_at("2025-12-31T23:00:00");
	struct line line;

	for (int64_t now = midnight - 60000; now < midnight + 60000; now += 500) {
		for (int i = 0; i < 2 * COUNT(lines); i++) {
			int k = i < COUNT(lines) ? i : 2 * COUNT(lines) - 1 - i;
			struct record rec = dx_decode(d, sv_str(lines[k].stamp), now, &line);

			dx_expect_time(&rec, lines[k].time);
		}
	}
	decoder_free(&d);
}
END_TEST

/* With now at the time itself, the doubled hour is resolved, too. */
static void
expect_local_time(struct decoder *d, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct line line;
	struct tm tm;
	char text[32];

	ck_assert_ptr_nonnull(localtime_r(&t, &tm));
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	ck_assert_int_eq(dx_decode(d, sv_str(text), seconds * 1000, &line).time, seconds * 1000);
	strftime(text, sizeof(text), "%b %e %H:%M:%S", &tm);
	ck_assert_int_eq(dx_decode(d, sv_str(text), seconds * 1000, &line).time, seconds * 1000);
}

/* Against the C library, a quarter of an hour and a bit at a time, over some changes of
 * the clocks: forth, back, and to and fro. */
START_TEST(local_time_agrees_with_the_library)
{
	static const char *const zones[] = {
	    "UTC", BERLIN, NEW_YORK, LORD_HOWE, ST_JOHNS, KATHMANDU};
	struct decoder *d = dx_decoder(zones[_i]);
	int64_t start = dx_at("2024-01-01T00:00:00") / 1000, end = dx_at("2026-01-01T00:00:00") / 1000;

	for (int64_t t = start; t < end; t += 907)
		expect_local_time(d, t);
	for (int64_t t = end; t > start; t -= 907)
		expect_local_time(d, t);
	for (int64_t t = start; t + 40000 < end; t += 10007) {
		expect_local_time(d, t + 40000);
		expect_local_time(d, t);
	}
	decoder_free(&d);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decode_time");
	TCase *tc = tcase_create("decode_time");

	tcase_add_loop_test(tc, stamp_means_a_time, 0, COUNT(moments));
	tcase_add_test(tc, stamp_is_not_remembered_too_long);
	tcase_add_loop_test(tc, year_is_the_nearest_on_every_day, 0, 4);
	tcase_add_test(tc, year_is_the_nearest_from_line_to_line);
	tcase_add_loop_test(tc, local_time_agrees_with_the_library, 0, 6);
	tcase_set_timeout(tc, 60); /* the sanitizers take their time */
	suite_add_tcase(suite, tc);
	return dx_run(suite);
}
