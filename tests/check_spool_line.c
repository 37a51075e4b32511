/*
 * check_spool_line: what goes into a line of a spool comes out of it, whatever it
 * is; what was damaged is told apart.
 */
#include <check.h>
#include <stdlib.h>

#include "spool/spool_line.h"
#include "util/crc32c.h"

static struct sv
without_newline(const struct buf *b)
{
	ck_assert_uint_gt(b->n, 0);
	ck_assert_int_eq(b->p[b->n - 1], '\n');
	return (struct sv){b->p, b->n - 1};
}

static bool
is_escape(struct sv s)
{
	return s.n >= 4 && s.p[0] == '#' && s.p[1] >= '0' && s.p[1] <= '7' && s.p[2] >= '0' &&
	    s.p[2] <= '7' && s.p[3] >= '0' && s.p[3] <= '7';
}

static void
unescape(struct buf *out, struct sv s)
{
	while (s.n > 0) {
		if (is_escape(s)) {
			buf_putc(out,
			    (char)((s.p[1] - '0') << 6 | (s.p[2] - '0') << 3 | (s.p[3] - '0')));
			s = sv_from(s, 4);
		} else {
			buf_putc(out, s.p[0]);
			s = sv_from(s, 1);
		}
	}
}

static void
check_round_trip(struct sv message)
{
	struct buf line = BUF_INIT, back = BUF_INIT;
	struct spool_line parsed;

	spool_line_write(&line, 1700000000123, SV("udp:192.0.2.1"), message);
	ck_assert_uint_eq(sv_count(buf_view(&line), '\n'), 1);
	ck_assert(spool_line_intact(without_newline(&line)));
	ck_assert(spool_line_parse(without_newline(&line), &parsed));
	ck_assert_int_eq(parsed.time, 1700000000123);
	ck_assert(sv_is(parsed.transport, "udp"));
	ck_assert(sv_is(parsed.peer, "192.0.2.1"));
	ck_assert_uint_eq(parsed.name.n, 0);
	unescape(&back, parsed.message);
	ck_assert(sv_eq(buf_view(&back), message));
	buf_free(&line);
	buf_free(&back);
}

START_TEST(crc_is_castagnolis)
{
	char zeros[32] = {0};

	ck_assert_uint_eq(crc32c_bytes(SV("123456789")), 0xe3069283);
	ck_assert_uint_eq(crc32c_bytes((struct sv){zeros, sizeof(zeros)}), 0x8a9136aa);
	ck_assert_uint_eq(crc32c_bytes(SV("")), 0);
}
END_TEST

START_TEST(crc_is_the_same_by_table)
{
	char data[300];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 13);
	for (size_t from = 0; from < 9; from++) {
		for (size_t n = 0; from + n < sizeof(data); n++) {
			struct sv s = {data + from, n};

			ck_assert_uint_eq(crc32c_bytes(s), crc32c_portable(s));
		}
	}
}
END_TEST

START_TEST(every_byte_comes_back)
{
	char all[256], one[5] = "a_b_c";

	for (int c = 0; c < 256; c++) {
		all[c] = (char)c;
		one[1] = one[3] = (char)c;
		check_round_trip((struct sv){one, sizeof(one)});
		check_round_trip((struct sv){all + c, 1});
	}
	check_round_trip((struct sv){all, sizeof(all)});
	check_round_trip(SV(""));
}
END_TEST

START_TEST(what_looks_like_an_escape_comes_back)
{
	check_round_trip(SV("#012"));
	check_round_trip(SV("##012"));
	check_round_trip(SV("#\n"));
	check_round_trip(SV("#0\n12"));
	check_round_trip(SV("#043012"));
	check_round_trip(SV("#999 #01 #"));
	check_round_trip(SV("ends in a carriage return\r\r"));
}
END_TEST

START_TEST(ordinary_text_stays_readable)
{
	struct buf line = BUF_INIT;
	struct spool_line parsed;

	spool_line_write(&line, 5, SV("stdin:"), SV("job #12 done #1\ttab"));
	ck_assert(spool_line_parse(without_newline(&line), &parsed));
	ck_assert(sv_is(parsed.message, "job #12 done #1\ttab"));
	ck_assert(sv_is(parsed.transport, "stdin"));
	ck_assert_uint_eq(parsed.peer.n, 0);
	buf_free(&line);
}
END_TEST

START_TEST(a_forged_line_stays_inside_its_message)
{
	struct buf inner = BUF_INIT, message = BUF_INIT, line = BUF_INIT;
	struct spool_line parsed;
	bool intact;

	spool_line_write(&inner, 1, SV("unix:0"), SV("sshd: all is well"));
	buf_puts(&message, "x\n");
	buf_sv(&message, buf_view(&inner));
	check_round_trip(buf_view(&message));
	spool_line_write(&line, 2, SV("udp:203.0.113.9"), buf_view(&message));
	ck_assert_uint_eq(spool_line_run(buf_view(&line), &intact).n, line.n);
	ck_assert(intact);
	ck_assert(spool_line_parse(without_newline(&line), &parsed));
	ck_assert(sv_is(parsed.peer, "203.0.113.9"));
	ck_assert_int_eq(parsed.time, 2);
	buf_free(&inner);
	buf_free(&message);
	buf_free(&line);
}
END_TEST

START_TEST(a_name_of_a_peer_forges_nothing)
{
	struct buf line = BUF_INIT, name = BUF_INIT;
	struct spool_line parsed;

	spool_line_write(&line, 3, SV("tls:2001:db8::1/a b\nc"), SV("m"));
	ck_assert(spool_line_parse(without_newline(&line), &parsed));
	ck_assert(sv_is(parsed.transport, "tls"));
	ck_assert(sv_is(parsed.name, "a_b_c"));
	ck_assert(sv_is(parsed.message, "m"));
	line.n = 0;
	for (int i = 0; i < 1000; i++)
		buf_puts(&name, "tls:n/");
	spool_line_write(&line, INT64_MAX, buf_view(&name), SV("m"));
	ck_assert_uint_le(line.n, SPOOL_LINE_OVERHEAD + 2);
	ck_assert(spool_line_intact(without_newline(&line)));
	buf_free(&line);
	buf_free(&name);
}
END_TEST

START_TEST(any_flipped_bit_is_found)
{
	struct buf line = BUF_INIT;

	spool_line_write(&line, 1700000000123, SV("tcp:192.0.2.7"), SV("su: session opened"));
	for (size_t bit = 0; bit < 8 * (line.n - 1); bit++) {
		line.p[bit / 8] ^= (char)(1 << bit % 8);
		ck_assert(!spool_line_intact(without_newline(&line)));
		line.p[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t n = 0; n < line.n - 1; n++)
		ck_assert(!spool_line_intact((struct sv){line.p, n}));
	ck_assert(spool_line_intact(without_newline(&line)));
	buf_free(&line);
}
END_TEST

START_TEST(runs_tell_the_damaged_from_the_intact)
{
	struct buf lines = BUF_INIT;
	struct sv rest, run;
	size_t two, three;
	bool intact;

	spool_line_write(&lines, 1, SV("fifo:"), SV("one"));
	spool_line_write(&lines, 1, SV("fifo:"), SV("two"));
	two = lines.n;
	buf_puts(&lines, "\nnot a line\n");
	three = lines.n;
	spool_line_write(&lines, 1, SV("fifo:"), SV("three"));
	rest = buf_view(&lines);
	run = spool_line_run(rest, &intact);
	ck_assert(intact && run.n == two);
	rest = sv_from(rest, run.n);
	run = spool_line_run(rest, &intact);
	ck_assert(!intact && run.n == three - two);
	rest = sv_from(rest, run.n);
	run = spool_line_run(rest, &intact);
	ck_assert(intact && run.n == rest.n);
	ck_assert_uint_eq(spool_line_run(SV("torn"), &intact).n, 4);
	ck_assert(!intact);
	ck_assert_uint_eq(spool_line_run(SV(""), &intact).n, 0);
	buf_free(&lines);
}
END_TEST

START_TEST(other_forms_are_no_lines)
{
	static const char *wrong[] = {"", "01234567", "01234567 ", "01234567 1", "01234567 1 ",
	    "01234567 1 udp:x", "0123456g 1 udp:x m", "01234567 x udp:x m", "01234567 -1 udp:x m",
	    "01234567 1 udp m", "01234567 1 :x m", "01234567  udp:x m", "012345678 1 udp:x m",
	    "01234567 99999999999999999999 udp:x m", "ABCDEFAB 1 udp:x m"};
	struct spool_line parsed;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!spool_line_parse(sv_str(wrong[i]), &parsed), "%s", wrong[i]);
	ck_assert(spool_line_parse(SV("01234567 1 udp:x "), &parsed));
	ck_assert_uint_eq(parsed.message.n, 0);
}
END_TEST

START_TEST(fit_counts_what_is_written)
{
	struct sv m = SV("ab\n#012#01\r");

	ck_assert_uint_eq(spool_line_fit(m, 0), 0);
	ck_assert_uint_eq(spool_line_fit(m, 2), 2);
	ck_assert_uint_eq(spool_line_fit(m, 5), 2);
	ck_assert_uint_eq(spool_line_fit(m, 6), 3);
	ck_assert_uint_eq(spool_line_fit(m, 9), 3);
	ck_assert_uint_eq(spool_line_fit(m, 10), 4);
	ck_assert_uint_eq(spool_line_fit(m, 19), 10);
	ck_assert_uint_eq(spool_line_fit(m, 20), 11);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spool_line");
	TCase *tc = tcase_create("spool_line");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, crc_is_castagnolis);
	tcase_add_test(tc, crc_is_the_same_by_table);
	tcase_add_test(tc, every_byte_comes_back);
	tcase_add_test(tc, what_looks_like_an_escape_comes_back);
	tcase_add_test(tc, ordinary_text_stays_readable);
	tcase_add_test(tc, a_forged_line_stays_inside_its_message);
	tcase_add_test(tc, a_name_of_a_peer_forges_nothing);
	tcase_add_test(tc, any_flipped_bit_is_found);
	tcase_add_test(tc, runs_tell_the_damaged_from_the_intact);
	tcase_add_test(tc, other_forms_are_no_lines);
	tcase_add_test(tc, fit_counts_what_is_written);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
