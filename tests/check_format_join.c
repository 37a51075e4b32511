/*
 * check_format_join: records of several lines, and that neither cuts nor restarts change,
 * lose or double one.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "format_rig.h"

/* ---- joining -------------------------------------------------------------------- */

START_TEST(test_audit_event)
{
	struct fx *r = fx_record_of(FORMAT_AUDIT,
	    SYSCALL("1:7", "ls") PATH("1:7", "0", "/bin/ls") PATH("1:7", "1", "/etc/shadow")
	        PROCTITLE("1:7") "type=EOE msg=audit(1700000000.1:7): \n");

	fx_expect(r, 0, "type", "SYSCALL");
	fx_expect(r, 0, "comm", "ls");
	fx_expect(r, 0, "name", "/bin/ls");
	fx_expect(r, 0, "path.name", "/etc/shadow");
	fx_expect(r, 0, "proctitle", "ls -l");
	ck_assert_ptr_nonnull(strstr(fx_part(r, 0, "@message"), "comm=\"ls\" type=PATH msg="));
	fx_end(r);
}
END_TEST

START_TEST(test_audit_interleaved)
{
	struct fx *r = fx_after(FORMAT_AUDIT,
	    SYSCALL("1:7", "a") SYSCALL("1:8", "b") USER("1:9") PATH("1:7", "0", "/a")
	        PATH("1:8", "0", "/b") PROCTITLE("1:8") PROCTITLE("1:7"));

	ck_assert_int_eq(r->got.n, 3);
	fx_expect(r, 0, "comm", "a");
	fx_expect(r, 0, "name", "/a");
	fx_expect(r, 1, "comm", "b");
	fx_expect(r, 1, "name", "/b");
	fx_expect(r, 2, "cmd", "ls");
	fx_end(r);
}
END_TEST

/* Without its end an event waits for a while, not for ever. */
START_TEST(test_audit_no_end)
{
	struct fx *r = fx_of(FORMAT_AUDIT, NULL);

	fx_feed(r, SV(SYSCALL("1:7", "a")));
	for (int i = 0; i < 40; i++)
		fx_feed(r, SV(USER("1:9")));
	ck_assert_int_eq(r->got.n, 41);
	fx_expect(r, 0, "comm", "a");
	ck_assert_int_eq(format_due(r->f), -1);
	fx_end(r);
}
END_TEST

START_TEST(test_docker_parts)
{
	struct fx *r = fx_after(FORMAT_DOCKER,
	    DOCKER("one ", "stdout") DOCKER("err\\n", "stderr") DOCKER("two ", "stdout")
	        DOCKER("three\\n", "stdout") DOCKER("next\\n", "stdout"));

	ck_assert_int_eq(r->got.n, 3);
	fx_expect(r, 0, "@message", "one two three");
	fx_expect(r, 0, "stream", "stdout");
	fx_expect(r, 1, "@message", "err");
	fx_expect(r, 2, "@message", "next");
	fx_end(r);

	r = fx_after(FORMAT_DOCKER,
	    DOCKER("{\\\"msg\\\":\\\"j", "stdout") DOCKER("son\\\",\\\"a\\\":1}\\n", "stdout"));
	ck_assert_int_eq(r->got.n, 1);
	fx_expect(r, 0, "@message", "json");
	fx_expect(r, 0, "a", "1");
	fx_end(r);
}
END_TEST

START_TEST(test_cri_parts)
{
	struct fx *r = fx_after(FORMAT_CRI,
	    "2026-01-31T23:59:59.5Z stdout P one \n"
	    "2026-01-31T23:59:59.6Z stderr F err\n"
	    "2026-01-31T23:59:59.7Z stdout F two\n"
	    "2026-01-31T23:59:59.7Z stdout F\n");

	ck_assert_int_eq(r->got.n, 2);
	fx_expect(r, 0, "@message", "one two");
	fx_expect(r, 0, "@time", "1769903999500");
	fx_expect(r, 1, "@message", "err");
	fx_end(r);
}
END_TEST

START_TEST(test_multiline)
{
	struct fx *r = fx_of(FORMAT_AUTO, "^\\w{3} [ \\d]\\d |^\\d{4}-");

	fx_feed(r,
	    SV("  tail of what came before\n"
	       "Jan 31 23:59:59 web1 shop[9]: failed\n\tat Shop.run\n\n\tat Main.main\r\n"
	       "2026-01-31 23:59:59 next\n"));
	ck_assert_int_eq(r->got.n, 2);
	ck_assert_uint_eq(*fx_position(&r->got, &r->stream), r->fed - 25);
	fx_flush(r);
	ck_assert_int_eq(r->got.n, 3);
	fx_check_all_given(r);
	fx_expect(r, 0, "@message", "  tail of what came before");
	fx_expect(r, 1, "@message", "failed \tat Shop.run \tat Main.main");
	fx_expect(r, 1, "@program", "shop");
	fx_expect(r, 1, "@host", "web1");
	fx_expect(r, 2, "@message", "next");
	ck_assert_int_eq(strncmp(r->got.lines[1], "27" US, 3), 0);
	fx_end(r);
}
END_TEST

START_TEST(test_multiline_pattern)
{
	struct source_conf conf = {.multiline = {.s = (char *)(uintptr_t) "^(a"}};
	struct buf error = BUF_INIT;

	ck_assert_ptr_null(format_new(&conf, 65536, &error));
	ck_assert_ptr_nonnull(strstr(buf_str(&error), "multiline"));
	buf_free(&error);
}
END_TEST

/* What exceeds the longest line is left out, and the record says so. */
START_TEST(test_too_long)
{
	struct fx *r = fx_of(FORMAT_AUTO, "^begin");

	fx_feed(r, SV("begin first\n"));
	for (int i = 0; i < 10000; i++)
		fx_feed(r, SV(" and more\n"));
	fx_feed(r, SV("begin second\n"));
	fx_flush(r);
	ck_assert_int_eq(r->got.n, 2);
	ck_assert(r->got.cut[0] && !r->got.cut[1]);
	ck_assert_uint_ge(strlen(fx_part(r, 0, "@message")), 65000);
	ck_assert_uint_le(strlen(fx_part(r, 0, "@message")), 65600);
	fx_expect(r, 1, "@message", "begin second");
	fx_check_all_given(r);
	fx_end(r);
}
END_TEST

START_TEST(test_cut_line)
{
	struct fx *r = fx_of(FORMAT_LOGFMT, NULL);
	struct chunk chunk = {
	    .stream = &r->stream, .offset = 10, .next = 99, .data = SV("a=1 b=2"), .cut = true};

	format_chunk(r->f, &chunk, NOW, fx_got_chunk, &r->got);
	ck_assert_int_eq(r->got.n, 1);
	ck_assert(r->got.cut[0]);
	fx_expect(r, 0, "b", "2");
	ck_assert_uint_eq(*fx_position(&r->got, &r->stream), 99);
	fx_end(r);
}
END_TEST

START_TEST(test_due)
{
	struct fx *r = fx_of(FORMAT_DOCKER, NULL);
	int64_t due;

	ck_assert_int_eq(format_due(r->f), -1);
	clock_update();
	fx_feed(r, SV(DOCKER("part", "stdout")));
	ck_assert_int_eq(r->got.n, 0);
	due = format_due(r->f);
	ck_assert_int_gt(due, clock_mono());
	format_flush(r->f, due - 1, fx_got_chunk, &r->got);
	ck_assert_int_eq(r->got.n, 0);
	format_flush(r->f, due, fx_got_chunk, &r->got);
	ck_assert_int_eq(r->got.n, 1);
	fx_expect(r, 0, "@message", "part");
	fx_check_all_given(r);
	fx_end(r);
}
END_TEST

/* A line that is cut, behind one that waits. */
START_TEST(test_cut_line_waits)
{
	struct fx *r = fx_of(FORMAT_DOCKER, NULL);
	struct chunk chunk = {.stream = &r->stream, .data = SV("{\"log\":\"too lo"), .cut = true};

	fx_feed(r, SV(DOCKER("one ", "stdout")));
	chunk.offset = r->fed;
	chunk.next = r->fed += 100000;
	format_chunk(r->f, &chunk, NOW, fx_got_chunk, &r->got);
	ck_assert_int_eq(r->got.n, 0);
	fx_feed(r, SV(DOCKER("two\\n", "stdout") DOCKER("x\\n", "stderr")));
	ck_assert_int_eq(r->got.n, 3);
	fx_expect(r, 0, "@message", "one two");
	fx_expect(r, 1, "@message", "{\"log\":\"too lo");
	fx_expect(r, 2, "@message", "x");
	ck_assert(!r->got.cut[0] && r->got.cut[1] && !r->got.cut[2]);
	fx_check_all_given(r);
	fx_end(r);
}
END_TEST

/* ---- cuts and restarts -------------------------------------------------------------- */

static const struct {
	int format;
	const char *multiline;
	const char *text;
} streams[] = {
    {FORMAT_JSON, NULL, "{\"a\":1}\nnone\n\n{\"msg\":\"x\",\"b\":[1,2]}\n{\"a\":\"b\x1f\"}\n"},
    {FORMAT_DOCKER, NULL,
        DOCKER("1", "stdout") DOCKER("e\\n", "stderr") DOCKER("2", "stdout") DOCKER("f", "stderr")
            DOCKER("3\\n", "stdout") DOCKER("x\\n", "stdout") "misfit\n" DOCKER("g\\n", "stderr")
                DOCKER("y\\n", "stdout") DOCKER("open", "stdout")},
    {FORMAT_CRI, NULL,
        "2026-01-31T23:59:59Z stdout P a\n2026-01-31T23:59:59Z stderr F b\n"
        "2026-01-31T23:59:59Z stdout F c\n2026-01-31T23:59:59Z stderr F d\n"},
    {FORMAT_AUDIT, NULL,
        USER("1:1") SYSCALL("1:7", "a") SYSCALL("1:8", "b") USER("1:9") PATH("1:7", "0", "/a")
            PATH("1:8", "0", "/b") PROCTITLE("1:8") USER("1:10") PROCTITLE(
                "1:7") "type=EOE msg=audit(1700000000.1:7): \n" USER("1:11") SYSCALL("1:12", "c")},
    {FORMAT_AUTO, "^B", " tail\nB one\n x\n y\nB two\nB three\n z\n"},
    {FORMAT_LOGFMT, NULL, "a=1 b=\"2\"\nx\nmsg=m\n"},
    /* Text goes on as it is, but where it waits behind half a line of a container. */
    {FORMAT_AUTO, NULL,
        "Jan 31 23:59:59 web1 shop[9]: text\r\n\n{\"msg\":\"a\",\"b\":1}\nx\n\n{no JSON\n" DOCKER("1",
            "stdout") "Jan 31 23:59:59 web1 shop[9]: {}\n\n{\"msg\":\"c\"}\n" DOCKER("2\\n",
            "stdout") "Jan 31 23:59:59 web1 CEF:0|v|p|1|i|n|5|src=192.0.2.1\n" DOCKER("3\\n", "stderr")
            "Jan 31 23:59:59 web1 shop[9]: last\n"},
    {FORMAT_AUTO, NULL,
        "2026-01-31T23:59:59Z stdout P a\n2026-01-31T23:59:59Z stderr F b\n"
        "2026-01-31T23:59:59Z stdout F c\n2026-01-31T23:59:59Z stderr F d\n"},
    {FORMAT_AUTO, NULL,
        USER("1:1") SYSCALL("1:7", "a") SYSCALL("1:8", "b") USER("1:9") PATH("1:7", "0", "/a")
            PROCTITLE("1:8") USER("1:10") PROCTITLE("1:7") SYSCALL("1:12", "c")},
};

static size_t
line_end(const char *text, size_t from)
{
	return (size_t)(strchr(text + from, '\n') - text) + 1;
}

static void
compare(const struct got *a, int from, const struct got *b)
{
	ck_assert_int_eq(a->n - from, b->n);
	for (int i = 0; i < b->n; i++)
		ck_assert_str_eq(a->lines[from + i], b->lines[i]);
}

/* Feed ${text} from ${at} on, so many lines at a time as the bits of ${seed} say;
 * note after each chunk the position and how many records there were. */
static int
feed_cut(
    struct fx *r, const char *text, size_t at, uint32_t seed, uint64_t *positions, int *counts)
{
	int n = 0;

	r->fed = at;
	while (r->fed < strlen(text)) {
		size_t end = line_end(text, r->fed);

		seed = seed * 1664525 + 1013904223;
		for (uint32_t more = seed >> 30; more > 0 && end < strlen(text); more--)
			end = line_end(text, end);
		fx_feed(r, (struct sv){text + r->fed, end - r->fed});
		positions[n] = *fx_position(&r->got, &r->stream);
		counts[n++] = r->got.n;
	}
	fx_flush(r);
	return n;
}

START_TEST(test_cuts_and_restarts)
{
	const char *text = streams[_i].text;
	struct fx *whole = fx_of(streams[_i].format, streams[_i].multiline);
	uint64_t positions[64], ignored[64];
	int counts[64], ignored_counts[64];

	fx_feed(whole, sv_str(text));
	fx_flush(whole);
	for (int i = 0; i < whole->got.n; i++)
		fx_check_form(whole->got.lines[i]);
	for (uint32_t seed = 0; seed < 100; seed++) {
		struct fx *cut = fx_of(streams[_i].format, streams[_i].multiline);
		int n = feed_cut(cut, text, 0, seed, positions, counts);

		compare(&whole->got, 0, &cut->got);
		ck_assert_uint_eq(*fx_position(&cut->got, &cut->stream), strlen(text));
		/* Killed after any commit, and started again. */
		for (int i = 0; i < n; i++) {
			struct fx *again = fx_of(streams[_i].format, streams[_i].multiline);

			feed_cut(again, text, positions[i], seed + 1, ignored, ignored_counts);
			compare(&whole->got, counts[i], &again->got);
			fx_end(again);
		}
		fx_end(cut);
	}
	fx_end(whole);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, test_audit_event);
	tcase_add_test(tc, test_audit_interleaved);
	tcase_add_test(tc, test_audit_no_end);
	tcase_add_test(tc, test_docker_parts);
	tcase_add_test(tc, test_cri_parts);
	tcase_add_test(tc, test_multiline);
	tcase_add_test(tc, test_multiline_pattern);
	tcase_add_test(tc, test_too_long);
	tcase_add_test(tc, test_cut_line);
	tcase_add_test(tc, test_cut_line_waits);
	tcase_add_test(tc, test_due);
	tcase_add_loop_test(tc, test_cuts_and_restarts, 0, COUNT(streams));
}

int
main(void)
{
	return fx_main("format_join", add_tests);
}
