/*
 * check_util: text made harmless, bytes counted, numbers and durations, digests, JSON strings.
 */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/hash.h"
#include "util/json.h"
#include "util/num.h"
#include "util/sv.h"
#include "util/vis.h"
#include "util/xalloc.h"
#include "util/zone.h"
#include "util/zone_rule.h"

START_TEST(utf8_keeps_good_and_replaces_bad)
{
	static const struct {
		const char *in, *out;
		bool clean;
	} cases[] = {{"plain", "plain", true}, {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", true},
	    {"\xf0\x9f\x94\xa5", "\xf0\x9f\x94\xa5", true}, {"a\xff""b", "a\xef\xbf\xbd""b", false},
	    {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd", false},                 /* overlong */
	    {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", false}, /* surrogate */
	    {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd", false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = BUF_INIT;

		ck_assert(vis_utf8(&out, sv_str(cases[i].in)) == cases[i].clean);
		ck_assert_str_eq(buf_str(&out), cases[i].out);
		buf_free(&out);
	}
}
END_TEST

START_TEST(text_shows_no_control_character)
{
	struct buf out = BUF_INIT;

	vis_text(&out, sv_str("\x1b[2Jhi\r\n\xe2\x80\xae" "evil\x7f\xff"));
	ck_assert_str_eq(buf_str(&out), "\\x1b[2Jhi\\x0d\\x0a\\u{202e}evil\\x7f\\xff");
	buf_free(&out);
}
END_TEST

START_TEST(cut_keeps_sequences_whole)
{
	struct sv s = SV("ab\xe2\x82\xac");

	ck_assert_uint_eq(vis_cut(s, 10), 5);
	ck_assert_uint_eq(vis_cut(s, 4), 2);
	ck_assert_uint_eq(vis_cut(s, 3), 2);
	ck_assert_uint_eq(vis_cut(s, 2), 2);
}
END_TEST

START_TEST(json_quote_is_json_for_every_byte)
{
	char bytes[256];
	struct buf out = BUF_INIT;
	json_t *back;

	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	json_quote(&out, (struct sv){bytes, sizeof(bytes)});
	back = json_loadb(out.p, out.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	ck_assert_ptr_nonnull(back);
	ck_assert(json_string_length(back) > 256);
	json_decref(back);
	out.n = 0;
	json_quote(&out, sv_str("a\"\\\n\xe2\x80\xa8z"));
	ck_assert_str_eq(buf_str(&out), "\"a\\\"\\\\\\n\xef\xbf\xbdz\"");
	buf_free(&out);
}
END_TEST

START_TEST(json_quote_finds_what_needs_an_escape_anywhere)
{
	struct buf out = BUF_INIT;

	for (int c = 0; c < 128; c++) {
		for (size_t at = 0; at < 20; at++) {
			char text[20];
			json_t *back;

			memset(text, 'x', sizeof(text));
			text[at] = (char)c;
			out.n = 0;
			json_quote(&out, (struct sv){text, sizeof(text)});
			ck_assert_ptr_null(memchr(out.p, 0x7f, out.n));
			back = json_loadb(out.p, out.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
			ck_assert_msg(back != NULL, "byte %d at %zu: %s", c, at, buf_str(&out));
			ck_assert_uint_eq(json_string_length(back), sizeof(text));
			ck_assert_mem_eq(json_string_value(back), text, sizeof(text));
			json_decref(back);
		}
	}
	buf_free(&out);
}
END_TEST

START_TEST(numbers_are_written_in_decimal)
{
	char digits[NUM_DECIMAL];

	ck_assert(sv_is(num_decimal(0, digits), "0"));
	ck_assert(sv_is(num_decimal(10, digits), "10"));
	ck_assert(sv_is(num_decimal(UINT64_MAX, digits), "18446744073709551615"));
}
END_TEST

START_TEST(numbers_have_bounds)
{
	int64_t n = 7;

	ck_assert(num_int(SV("42"), 0, 100, &n) && n == 42);
	ck_assert(num_int(SV("-5"), -5, 5, &n) && n == -5);
	ck_assert(!num_int(SV("101"), 0, 100, &n));
	ck_assert(!num_int(SV(""), 0, 100, &n));
	ck_assert(!num_int(SV("1 "), 0, 100, &n));
	ck_assert(!num_int(SV("0x1"), 0, 100, &n));
	ck_assert(!num_int(SV("99999999999999999999"), 0, INT64_MAX, &n));
	ck_assert_int_eq(n, -5);
}
END_TEST

START_TEST(durations_need_a_unit)
{
	int64_t ms;

	ck_assert(num_duration(SV("250ms"), &ms) && ms == 250);
	ck_assert(num_duration(SV("10s"), &ms) && ms == 10000);
	ck_assert(num_duration(SV("10m"), &ms) && ms == 600000);
	ck_assert(num_duration(SV("2h"), &ms) && ms == 7200000);
	ck_assert(num_duration(SV("7d"), &ms) && ms == 604800000);
	ck_assert(!num_duration(SV("10"), &ms));
	ck_assert(!num_duration(SV("m"), &ms));
	ck_assert(!num_duration(SV("1.5h"), &ms));
	ck_assert(!num_duration(SV("10 m"), &ms));
}
END_TEST

START_TEST(digests_are_those_of_the_standard)
{
	unsigned char raw[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	struct digest *d = digest_new();

	digest_sha256_hex(SV("abc"), hex);
	ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	for (int i = 0; i < 2; i++) {
		digest_next_hex(d, SV("abc"), hex);
		ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
		digest_next_hex(d, SV(""), hex);
		ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	}
	digest_free(&d);
	/* RFC 4231, case 2 */
	digest_hmac_sha256(SV("Jefe"), SV("what do ya want for nothing?"), raw);
	digest_hex(raw, sizeof(raw), hex);
	ck_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
END_TEST

START_TEST(base64_goes_both_ways)
{
	static const char *const pairs[][2] = {
	    {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < 4; i++) {
		out.n = 0;
		digest_base64(&out, pairs[i][0], strlen(pairs[i][0]));
		ck_assert(sv_is(buf_view(&out), pairs[i][1]));
		out.n = 0;
		ck_assert(digest_unbase64(&out, sv_str(pairs[i][1])));
		ck_assert(sv_is(buf_view(&out), pairs[i][0]));
	}
	out.n = 0;
	ck_assert(!digest_unbase64(&out, SV("Zg=")));
	ck_assert(!digest_unbase64(&out, SV("Z!==")));
	ck_assert_uint_eq(out.n, 0);
	buf_free(&out);
}
END_TEST

START_TEST(times_are_rfc3339)
{
	struct buf out = BUF_INIT;

	clock_format(&out, 0);
	ck_assert_str_eq(buf_str(&out), "1970-01-01T00:00:00.000Z");
	out.n = 0;
	clock_format(&out, 1709164799999);
	ck_assert_str_eq(buf_str(&out), "2024-02-28T23:59:59.999Z");
	out.n = 0;
	clock_format(&out, -1);
	ck_assert_str_eq(buf_str(&out), "1969-12-31T23:59:59.999Z");
	out.n = 0;
	clock_format(&out, 253402300799999);
	ck_assert_str_eq(buf_str(&out), "9999-12-31T23:59:59.999Z");
	out.n = 0;
	clock_format(&out, 253402300800000); /* RFC 3339 has no such year */
	ck_assert_str_eq(buf_str(&out), "1970-01-01T00:00:00.000Z");
	buf_free(&out);
}
END_TEST

/* All lengths around blocks and vectors, at each place of them; lanes that fill up. */
START_TEST(bytes_are_counted)
{
	size_t n = 300 * 64 + 1, sum;
	char *text = xmalloc(n);

	for (size_t i = 0; i < n; i++)
		text[i] = (char)(i % 7 == 0 || i % 64 == 3 ? '\n' : i);
	for (size_t from = 0; from < 70; from++) {
		sum = 0;
		for (size_t length = 0; length < 300; length++) {
			ck_assert_uint_eq(sv_count((struct sv){text + from, length}, '\n'), sum);
			sum += text[from + length] == '\n';
		}
	}
	memset(text, '\xff', n);
	for (size_t length = n - 64; length <= n; length++)
		ck_assert_uint_eq(sv_count((struct sv){text + n - length, length}, '\xff'), length);
	ck_assert_uint_eq(sv_count((struct sv){text, n}, '\0'), 0);
	ck_assert_uint_eq(sv_count((struct sv){NULL, 0}, '\n'), 0);
	free(text);
}
END_TEST

START_TEST(hash_depends_on_key_and_bytes)
{
	struct hash_key a = hash_key_random(), b = hash_key_random();
	struct sv s = SV("INC|9:192.0.2.1");

	ck_assert(hash_bytes(a, s) == hash_bytes(a, s));
	ck_assert(hash_bytes(a, s) != hash_bytes(b, s));
	ck_assert(hash_bytes(a, s) != hash_bytes(a, sv_from(s, 1)));
	for (size_t i = 0; i < s.n; i++) {
		struct hash128 one = hash_wide(a, (struct sv){s.p, i}), other = hash_wide(a, s);

		ck_assert(one.a != other.a && one.b != other.b);
	}
}
END_TEST

/* Values are kept by their hashes, so these are the same for ever. */
START_TEST(hashes_stay)
{
	static const struct {
		size_t n;
		uint64_t hash;
	} cases[] = {{0, 0xabac0158050fc4dc}, {5, 0xdef9d52f49533b67},
	    {8, 0x369095118d299a8e}, {10, 0x79de85ee92ff097f},
	    {15, 0xd320d86d2a519956}};
	const struct hash_key key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
	char bytes[16];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_uint_eq(hash_bytes(key, (struct sv){bytes, cases[i].n}), cases[i].hash);
}
END_TEST

START_TEST(buf_grows_and_steals)
{
	struct buf b = BUF_INIT;
	char *s;

	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	ck_assert_uint_eq(b.n, 3890);
	s = buf_steal(&b);
	ck_assert_uint_eq(strlen(s), 3890);
	ck_assert_str_eq(buf_str(&b), "");
	free(s);
}
END_TEST

/* The hours east of UTC by the rule ${text} at ${t}; 99: it is no rule. */
static double
hours_east(const char *text, int64_t t)
{
	struct zone_rule rule;

	return zone_rule_parse(sv_str(text), &rule) ? (double)zone_rule_offset(&rule, t) / 3600 : 99;
}

START_TEST(zones_follow_their_rule)
{
	static const char berlin[] = "CET-1CEST,M3.5.0,M10.5.0/3";
	static const char sydney[] = "AEST-10AEDT,M10.1.0,M4.1.0/3";

	/* 29 March and 25 October 2026, 01:00 UTC. */
	ck_assert_double_eq(hours_east(berlin, 1774745999), 1);
	ck_assert_double_eq(hours_east(berlin, 1774746000), 2);
	ck_assert_double_eq(hours_east(berlin, 1792889999), 2);
	ck_assert_double_eq(hours_east(berlin, 1792890000), 1);
	/* Summer over the new year; 5 April and 4 October 2026, 16:00 UTC the day before. */
	ck_assert_double_eq(hours_east(sydney, 1775318399), 11);
	ck_assert_double_eq(hours_east(sydney, 1775318400), 10);
	ck_assert_double_eq(hours_east(sydney, 1791043200), 11);
	ck_assert_double_eq(hours_east("<-03>3", 0), -3);
	ck_assert_double_eq(hours_east("IST-5:30", 0), 5.5);
	ck_assert_double_eq(hours_east("A0B,J60/0,300", 59 * 86400 - 1), 0); /* 28 February 1970 */
	ck_assert_double_eq(hours_east("A0B,J60/0,300", 59 * 86400), 1);
}
END_TEST

START_TEST(what_is_no_zone_is_refused)
{
	static const char *const rules[] = {"", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "1",
	    "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0 ", "<CET-1", "CET-99"};
	static const char *const names[] = {"", "/etc/localtime", "../../../etc/passwd", "No/Where",
	    "Europe", "zone.tab"};
	const char *why;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		ck_assert_msg(hours_east(rules[i], 0) == 99, "%s", rules[i]);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(zone_read(names[i], &why) == NULL, "%s", names[i]);
	ck_assert_ptr_null(zone_parse(SV("TZif2"), &why));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("util");
	TCase *tc = tcase_create("util");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, utf8_keeps_good_and_replaces_bad);
	tcase_add_test(tc, text_shows_no_control_character);
	tcase_add_test(tc, cut_keeps_sequences_whole);
	tcase_add_test(tc, json_quote_is_json_for_every_byte);
	tcase_add_test(tc, json_quote_finds_what_needs_an_escape_anywhere);
	tcase_add_test(tc, numbers_are_written_in_decimal);
	tcase_add_test(tc, numbers_have_bounds);
	tcase_add_test(tc, durations_need_a_unit);
	tcase_add_test(tc, digests_are_those_of_the_standard);
	tcase_add_test(tc, base64_goes_both_ways);
	tcase_add_test(tc, times_are_rfc3339);
	tcase_add_test(tc, bytes_are_counted);
	tcase_add_test(tc, hash_depends_on_key_and_bytes);
	tcase_add_test(tc, hashes_stay);
	tcase_add_test(tc, buf_grows_and_steals);
	tcase_add_test(tc, zones_follow_their_rule);
	tcase_add_test(tc, what_is_no_zone_is_refused);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
