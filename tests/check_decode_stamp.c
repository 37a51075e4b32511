/*
 * check_decode_stamp: stamps of programs that write their own files, where they stand, and
 * lines that only look as if they had one.
 */
#include <check.h>
#include <stdlib.h>

#include "decode_rig.h"
#include "util/buf.h"

/* --- stamps of programs that write their own files, in Berlin --- */

struct stamped {
	const char *stamp; /* the message "x" follows */
	const char *time;
};

static const struct stamped own_stamps[] = {
    {"Wed Jul  2 14:32:52 2025", "2025-07-02T12:32:52.000Z"},
    {"Wed Jul 02 14:32:52.123456 2025", "2025-07-02T12:32:52.123Z"},
    {"Wed Jul 2 14:32:52 CEST 2025", "2025-07-02T12:32:52.000Z"},
    {"Wed Jul 2 14:32:52 UTC 2025", "2025-07-02T14:32:52.000Z"},
    {"Wed Jul 02 2025 14:32:52 GMT+0300", "2025-07-02T11:32:52.000Z"},
    {"Wed, 02 Jul 2025 14:32:52 +0300", "2025-07-02T11:32:52.000Z"},
    {"Wed, 2 Jul 2025 14:32:52 GMT", "2025-07-02T14:32:52.000Z"},
    {"wed  2 jul 14:32:52 CEST 2025", "2025-07-02T12:32:52.000Z"},
    {"Wed 02 Jul 2025 02:32:52 PM CEST", "2025-07-02T12:32:52.000Z"},
    {"Jul  2 14:32:52 2025", "2025-07-02T12:32:52.000Z"},
    {"Jul 2, 2025 2:32:52 PM", "2025-07-02T12:32:52.000Z"},
    {"Jul 02, 2025 12:32:52 AM", "2025-07-01T22:32:52.000Z"},
    {"Jul 02, 2025 12:32:52pm", "2025-07-02T10:32:52.000Z"},
    {"Jul-02-25 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"02 Jul 2025 14:32:52.123", "2025-07-02T12:32:52.123Z"},
    {"2 Jul 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"02-Jul-2025 14:32:52.123", "2025-07-02T12:32:52.123Z"},
    {"02/Jul/2025:14:32:52 +0300", "2025-07-02T11:32:52.000Z"},
    {"02/Jul/2025:14:32:52", "2025-07-02T12:32:52.000Z"},
    {"2025 Jul 02 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"2025-07-02_14:32:52", "2025-07-02T12:32:52.000Z"},
    {"2025-07-02-14:32:52", "2025-07-02T12:32:52.000Z"},
    {"2025-7-2 2:32:52 PM", "2025-07-02T12:32:52.000Z"},
    {"2025:07:02-14:32:52", "2025-07-02T12:32:52.000Z"},
    {"2025.07.02 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"20250702 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"20250702T143252", "2025-07-02T12:32:52.000Z"},
    {"20250702T143252.5Z", "2025-07-02T14:32:52.500Z"},
    {"250702 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"250702  4:32:52", "2025-07-02T02:32:52.000Z"},
    {"991231 23:59:59", "1999-12-31T22:59:59.000Z"},
    /* Month first with slashes, day first otherwise, unless it cannot be. */
    {"07/02/2025 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"13/07/2025 14:32:52", "2025-07-13T12:32:52.000Z"},
    {"7/2/2025, 2:32:52 PM", "2025-07-02T12:32:52.000Z"},
    {"07/02/25 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"L 07/02/2025 - 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"02.07.2025 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"02-07-2025 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"07-13-2025 14:32:52", "2025-07-13T12:32:52.000Z"},
    /* Numbers. */
    {"1751459572", "2025-07-02T12:32:52.000Z"},
    {"1751459572.1234567", "2025-07-02T12:32:52.123Z"},
    {"1751459572123", "2025-07-02T12:32:52.123Z"},
    {"@40000000686526fe075bcd15", "2025-07-02T12:32:52.123Z"},
};

static void
expect_message_x(const char *begin, const char *stamp, const char *end, const char *time)
{
	struct decoder *d = dx_decoder(BERLIN);
	struct buf b = BUF_INIT;
	struct line line;
	struct record rec;

	buf_printf(&b, "%s%s%s", begin, stamp, end);
	rec = dx_decode(d, buf_view(&b), dx_at("2025-08-10T12:00:00"), &line);
	ck_assert_str_eq(record_format_name(rec.format), "dated");
	dx_expect_time(&rec, time);
	dx_expect("message", rec.message, "x");
	ck_assert_uint_eq(rec.host.n + rec.program.n + rec.pid.n, 0);
	buf_free(&b);
	decoder_free(&d);
}

START_TEST(stamp_is_taken_off)
{
	const struct stamped *s = &own_stamps[_i];

	expect_message_x("", s->stamp, " x", s->time);
	expect_message_x("", s->stamp, ": x", s->time);
	expect_message_x("", s->stamp, "|x", s->time);
	expect_message_x("[", s->stamp, "] x", s->time);
	expect_message_x("[", s->stamp, "]x", s->time);
	expect_message_x("[", s->stamp, "]:  x", s->time);
}
END_TEST

/* Nothing else looks like it there. */
static const struct stamped bracketed_stamps[] = {
    {"Jul  2 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"CEST Jul  2 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"Jul 02 2025 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"2025-07-02T14:32:52.123+03:00", "2025-07-02T11:32:52.123Z"},
    {"2025-07-02 14:32:52,123 UTC", "2025-07-02T14:32:52.123Z"},
    {"2025/07/02 14:32:52", "2025-07-02T12:32:52.000Z"},
};

START_TEST(stamp_in_brackets_is_taken_off)
{
	const struct stamped *s = &bracketed_stamps[_i];

	expect_message_x("[", s->stamp, "] x", s->time);
}
END_TEST

/* The lines of access logs stay as they are, but tell when they are of. */
static const struct stamped inside[] = {
    {"192.0.2.7 - - [02/Jul/2025:14:32:52 +0300] \"GET / HTTP/1.1\" 200 1",
        "2025-07-02T11:32:52.000Z"},
    {"www.example.com:80 2001:db8::7 - bob [02/Jul/2025:14:32:52 +0300] \"GET /\" 200 1",
        "2025-07-02T11:32:52.000Z"},
    {"192.0.2.7 [02/Jul/2025:14:32:52] x", "2025-07-02T12:32:52.000Z"},
    /* What a client may choose comes second. */
    {"192.0.2.7 - [01/Jan/1990:00:00:00 +0000] [02/Jul/2025:14:32:52 +0300] \"GET /\" 200 1",
        "2025-07-02T11:32:52.000Z"},
    {"192.0.2.7 - - [02/Jul/2025:14:32:52 +0300] \"GET /[01/Jan/1990:00:00:00 +0000] \" 200 1",
        "2025-07-02T11:32:52.000Z"},
    {"192.0.2.7 - - [02/Foo/2025:14:32:52 +0300] \"GET /\" 200 1", "2025-08-10T12:00:00.000Z"},
};

START_TEST(stamp_inside_is_the_time)
{
	const struct stamped *s = &inside[_i];
	struct decoder *d = dx_decoder(BERLIN);
	struct line line;
	struct record rec = dx_decode(d, sv_str(s->stamp), dx_at("2025-08-10T12:00:00"), &line);

	ck_assert_str_eq(record_format_name(rec.format), "plain");
	dx_expect_time(&rec, s->time);
	dx_expect("message", rec.message, s->stamp);
	decoder_free(&d);
}
END_TEST

/* --- near misses --- */

static const char *const plain_lines[] = {
    "x",
    "{\"time\":\"2025-12-10T06:55:48Z\"}",
    "type=USER_LOGIN msg=audit(1373330717.000:4068): pid=1",
    "\tat com.example.Main.run(Main.java:3)",
    /* Dates and times that are none. */
    "Dec 32 06:55:48 web1 sshd[1]: x",
    "Dec 00 06:55:48 web1 sshd[1]: x",
    "Feb 30 06:55:48 web1 sshd[1]: x",
    "Feb 29 2025 06:55:48 web1 sshd[1]: x",
    "Apr 31 06:55:48 web1 sshd[1]: x",
    "Dec 10 24:00:00 web1 sshd[1]: x",
    "Dec 10 06:60:48 web1 sshd[1]: x",
    "Dec 10 06:55:61 web1 sshd[1]: x",
    "Dez 10 06:55:48 web1 sshd[1]: x",
    "December 10 06:55:48 web1 sshd[1]: x",
    "Dec 10 1969 06:55:48 web1 sshd[1]: x",
    "2025-13-10T06:55:48Z x",
    "2025-00-10T06:55:48Z x",
    "2025-02-29T06:55:48Z x",
    "1900-02-29T06:55:48Z x",
    "2025-12-10T24:00:00Z x",
    "2025-12-10T06:55:61Z x",
    "0000-12-10T06:55:48Z x",
    /* Shapes that are none. */
    "Dec 10 06:55 web1 sshd[1]: x",
    "Dec 10 6:55:48 web1 sshd[1]: x",
    "Dec   10 06:55:48 web1 sshd[1]: x",
    "Dec-10 06:55:48 web1 sshd[1]: x",
    "Dec 10 06:55:48web1 sshd[1]: x",
    "Dec 10 06:55:485 web1 sshd[1]: x",
    "Dec 10 06:55:48.x web1 sshd[1]: x",
    " Dec 10 06:55:48 web1 sshd[1]: x",
    "2025-12-10",
    "2025-12-10 x",
    "2025-12-10T06:55Z x",
    "2025-12/10 06:55:48 x",
    "2025/12/10T06:55:48 x",
    "2025-12-10T06:55:48x",
    "2025-12-10T06:55:48+1 x",
    "2025-12-10T06:55:48+24:00 x",
    /* Stamps that are none. */
    "[Dec 10 06:55:48 web1 x",
    "[12345.678901] device eth0",
    "[12345] x",
    "[ 2025-12-10 06:55:48] x",
    "[2025-12-10 06:55:48 x] y",
    "[2025-12-10] x",
    "Wed Dec 10 06:55 2025 x",
    "Wen Dec 10 06:55:48 2025 x",
    "Wed Dec 10 06:55:48 20255 x",
    "Dec 10, 2025 13:55:48 PM x",
    "Dec 10, 2025 0:55:48 AM x",
    "10/32/2025 06:55:48 x",
    "13/13/2025 06:55:48 x",
    "2025-13-10 06:55:48 x",
    "10.12.25.1 06:55:48 x",
    "10.11.12.13 - - x",
    "120 06:55:48 x",
    "25121 06:55:48 x",
    "2512100 06:55:48 x",
    "251210  06:55 x",
    "142863468 x",
    "14286346871 x",
    "0428634687 x",
    "1428634687x",
    "1428634687.x",
    "1428634687123.5 x",
    "@4000000052d4b5e52f1b3c4 x",
    "@4000000052d4b5e5ff1b3c4d x",
    "@3000000052d4b5e52f1b3c4d x",
    "@4f00000052d4b5e52f1b3c4d x",
    "@4000000052D4B5E52F1B3C4D x",
    /* Tags that are none. */
    "sshd: x",
    "sshd[x]: y",
    "sshd[12] x",
    "NOTICE[12]: x",
    "a b sshd[12]: x",
    "7 <34>Dec 10 06:55:48 web1 su: x",
    "7 <34> x",
    "1234567 <34>1 - - - - - - x",
    "1 2025-12-10T06:55:48Z web1 app",
    "2 2025-12-10T06:55:48Z web1 app - - - x",
    /* PRIs that are none. */
    "<192>Dec 10 06:55:48 web1 su: x",
    "<999>x",
    "<013>x",
    "<>x",
    "<3",
    "<3x>x",
    "<1234>x",
    "<-1>x",
    "<html>",
};

START_TEST(near_miss_is_plain)
{
	struct decoder *d = dx_decoder("UTC");
	struct line line;
	struct record rec = dx_decode(d, sv_str(plain_lines[_i]), dx_at("2026-01-10T12:00:00"), &line);

	ck_assert_str_eq(record_format_name(rec.format), "plain");
	dx_expect_time(&rec, NOW_TEXT);
	ck_assert_int_eq(rec.facility, -1);
	ck_assert_int_eq(rec.severity, -1);
	ck_assert_uint_eq(rec.host.n + rec.program.n + rec.pid.n + rec.structured.n, 0);
	dx_expect("message", rec.message, plain_lines[_i]);
	decoder_free(&d);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decode_stamp");
	TCase *tc = tcase_create("decode_stamp");

	tcase_add_loop_test(tc, stamp_is_taken_off, 0, COUNT(own_stamps));
	tcase_add_loop_test(tc, stamp_in_brackets_is_taken_off, 0, COUNT(bracketed_stamps));
	tcase_add_loop_test(tc, stamp_inside_is_the_time, 0, COUNT(inside));
	tcase_add_loop_test(tc, near_miss_is_plain, 0, COUNT(plain_lines));
	suite_add_tcase(suite, tc);
	return dx_run(suite);
}
