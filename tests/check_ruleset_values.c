/*
 * check_ruleset_values: what the values in rules may be, and in the lines that they match:
 * lists and exceptions, addresses and other types of fields, points of the criteria.
 */
#include <check.h>
#include <stdio.h>

#include "ruleset_rig.h"
#include "util/buf.h"

/* ---- lists and exceptions ------------------------------------------------ */

#define UNLESS(map)                                                                               \
	"events:\n"                                                                               \
	"  - {id: a, title: t, class: c, severity: low, match: '^x (?<source_ip>\\S+)"            \
	" (?<user_name>\\S+)$',\n"                                                                \
	"     unless: [" map "]}\n"

static bool
excluded(const struct ruleset *rs, const char *ip)
{
	const struct rule_body *body = ruleset_find_event(rs, "a")->body;

	return rule_list_has(body->unless[0].conditions[0].values, sv_str(ip));
}

START_TEST(lists_are_inline_or_files)
{
	struct ruleset *rs;

	rs_put("base/list.txt",
	    "# our offices\n192.0.2.0/25   # first floor\n\n\t2001:db8::/64\r\n");
	rs_put("base/a.yaml",
	    "lists:\n  - {id: ours, values: [198.51.100.7], file: list.txt}\n" UNLESS(
	        "{source_ip: ['@ours', 203.0.113.0/24]}"));
	rs = rs_load_base();
	rs_expect_loaded(rs);
	ck_assert(excluded(rs, "198.51.100.7"));
	ck_assert(excluded(rs, "192.0.2.127"));
	ck_assert(!excluded(rs, "192.0.2.128"));
	ck_assert(excluded(rs, "2001:db8::9"));
	ck_assert(excluded(rs, "203.0.113.255"));
	ck_assert(excluded(rs, "::ffff:203.0.113.1"));
	ck_assert(!excluded(rs, "203.0.114.1"));
	ck_assert(!excluded(rs, "nonsense"));
	ruleset_unref(&rs);
}
END_TEST

START_TEST(a_site_replaces_a_list)
{
	struct ruleset *rs;

	rs_put("base/a.yaml", "lists:\n  - {id: ours, values: []}\n" UNLESS("{source_ip: '@ours'}"));
	rs_put("site/local.yaml", "lists:\n  - {id: ours, values: 192.0.2.1}\n");
	rs = rs_load_base_and_site();
	rs_expect_loaded(rs);
	ck_assert(excluded(rs, "192.0.2.1"));
	ruleset_unref(&rs);
}
END_TEST

START_TEST(exceptions_are_checked)
{
	rs_refuse(UNLESS("{source_ip: 10.0.0.5/8}"), "did you mean 10.0.0.0/8?");
	rs_refuse(UNLESS("{source_ip: '2001:db8::1/32'}"), "did you mean 2001:db8::/32?");
	rs_refuse(UNLESS("{source_ip: 10.0.0.0/33}"), "prefix length that is not 0 to 32");
	rs_refuse(UNLESS("{source_ip: 010.0.0.1}"), "is not an IP address");
	rs_refuse(UNLESS("{source_ip: localhost}"), "is not an IP address");
	rs_refuse(UNLESS("{source_port: 22}"), "no pattern of the rule captures \"source_port\"");
	rs_refuse(UNLESS("{}"), "needs a condition");
	rs_refuse(UNLESS("{source_ip: []}"), "needs a value");
	rs_refuse("lists:\n  - {id: ours, values: x}\n" UNLESS("{source_ip: '@our'}"),
	    "no list \"our\"; did you mean @ours?");
	rs_refuse("lists:\n  - {id: ours, values: x}\n" UNLESS("{source_ip: '@ours'}"),
	    "base/a.yaml:2:24: \"x\" is not an IP address or network (such as 192.0.2.0/24) (list "
	    "ours");
	rs_refuse("lists:\n  - {id: ours, file: none.txt}\n" UNLESS("{source_ip: '@ours'}"),
	    "base/none.txt: No such file");
	rs_put("base/list.txt", "192.0.2.1\nbad\n");
	rs_refuse("lists:\n  - {id: ours, file: list.txt}\n" UNLESS("{source_ip: '@ours'}"),
	    "base/list.txt:2:1: \"bad\" is not an IP address");
}
END_TEST

/* ---- values -------------------------------------------------------------- */

static bool
accepts(enum field_type type, const char *text)
{
	struct sv value = sv_str(text);
	char room[RULE_FIELD_ROOM];

	return rule_field_accept(type, &value, room);
}

static void
expect_address(enum field_type type, const char *text, const char *wanted)
{
	struct sv value = sv_str(text);
	char room[RULE_FIELD_ROOM];

	ck_assert(rule_field_accept(type, &value, room));
	if (!sv_is(value, wanted))
		ck_abort_msg("%s is '%.*s', not '%s'", text, SV_FMT(value), wanted);
}

/* One host is one value, however it is written. */
START_TEST(an_address_is_put_in_one_way)
{
	expect_address(FIELD_IP, "fe80::1%eth0", "fe80::1");
	expect_address(FIELD_IP, "::ffff:192.0.2.1", "192.0.2.1");
	expect_address(FIELD_IP, "::FFFF:c000:0201", "192.0.2.1");
	expect_address(FIELD_IP, "2001:DB8:0:0::1", "2001:db8::1");
	expect_address(FIELD_IP, "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1");
	expect_address(FIELD_IP, "192.0.2.1:65535", "192.0.2.1");
	expect_address(FIELD_IP, "[192.0.2.1]", "192.0.2.1");
	expect_address(FIELD_IP, "[2001:DB8::1]", "2001:db8::1");
	expect_address(FIELD_IP, "[2001:db8::1%eth0]:443", "2001:db8::1");
	expect_address(FIELD_ADDRESS, "::ffff:192.0.2.1", "192.0.2.1");
	expect_address(FIELD_ADDRESS, "Host.example.net", "Host.example.net");
	ck_assert(!accepts(FIELD_IP, "192.0.2.1:") && !accepts(FIELD_IP, "192.0.2.1:65536"));
	ck_assert(!accepts(FIELD_IP, "[192.0.2.1") && !accepts(FIELD_IP, "[]"));
	ck_assert(!accepts(FIELD_IP, "[2001:db8::1]x") && !accepts(FIELD_IP, "[2001:db8::1]:x"));
	ck_assert(!accepts(FIELD_IP, "[[::1]]") && !accepts(FIELD_IP, "192.0.2.1:1:1"));
}
END_TEST

START_TEST(values_must_be_of_their_type)
{
	ck_assert(accepts(FIELD_IP, "192.0.2.1") && accepts(FIELD_IP, "2001:db8::1"));
	ck_assert(accepts(FIELD_IP, "::ffff:192.0.2.1"));
	ck_assert(!accepts(FIELD_IP, "192.0.2.01") && !accepts(FIELD_IP, "192.0.2"));
	ck_assert(!accepts(FIELD_IP, "0x7f.1") && !accepts(FIELD_IP, "2130706433"));
	ck_assert(!accepts(FIELD_IP, "") && !accepts(FIELD_IP, "host.example.net"));
	ck_assert(!accepts(FIELD_IP, "192.0.2.1%eth0") && !accepts(FIELD_IP, "%eth0"));
	ck_assert(accepts(FIELD_ADDRESS, "host.example.net") && accepts(FIELD_ADDRESS, "192.0.2.1"));
	ck_assert(!accepts(FIELD_ADDRESS, "a b") && !accepts(FIELD_ADDRESS, ""));
	ck_assert(accepts(FIELD_PORT, "0") && accepts(FIELD_PORT, "65535"));
	ck_assert(!accepts(FIELD_PORT, "65536") && !accepts(FIELD_PORT, "-1"));
	ck_assert(accepts(FIELD_INTEGER, "-12") && !accepts(FIELD_INTEGER, "1.5"));
	ck_assert(accepts(FIELD_USER, "a b") && !accepts(FIELD_USER, "a\033b"));
	ck_assert(!accepts(FIELD_TEXT, "") && accepts(FIELD_TEXT, "\377\033"));
}
END_TEST

START_TEST(names_become_dotted)
{
	static const char *const names[][2] = {{"source_ip", "source.ip"},
	    {"user_target_name", "user.target.name"},
	    {"http_response_status_code", "http.response.status_code"},
	    {"process_command_line", "process.command_line"}, {"my_own_field", "my.own_field"},
	    {"plain", "plain"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct buf b = BUF_INIT;

		rule_field_dotted(&b, names[i][0]);
		ck_assert_str_eq(buf_str(&b), names[i][1]);
		buf_free(&b);
	}
	ck_assert_str_eq(rule_field_nearest("sorce_ip"), "source_ip");
	ck_assert_ptr_null(rule_field_nearest("frobnication"));
}
END_TEST

START_TEST(large_sets_are_searched_right)
{
	struct rule_list *s = rule_list_new(RULE_LIST_NETS);
	struct buf why = BUF_INIT;
	char text[64];

	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "10.%d.%d.0/%d", i / 256, i % 256, 24 + i % 9);
		ck_assert_msg(rule_list_add(s, text, &why), "%s", buf_str(&why));
	}
	rule_list_sort(s);
	for (int i = 0; i < 2000; i++) {
		int size = 1 << (8 - i % 9);

		snprintf(text, sizeof(text), "10.%d.%d.%d", i / 256, i % 256, size - 1);
		ck_assert(rule_list_has(s, sv_str(text)));
		snprintf(text, sizeof(text), "10.%d.%d.%d", i / 256, i % 256, size);
		ck_assert(!rule_list_has(s, sv_str(text)));
	}
	rule_list_free(&s);
	s = rule_list_new(RULE_LIST_TEXT);
	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "user%d", i);
		ck_assert(rule_list_add(s, text, &why));
	}
	rule_list_sort(s);
	ck_assert(rule_list_has(s, SV("user0")) && rule_list_has(s, SV("user299")));
	ck_assert(!rule_list_has(s, SV("user")) && !rule_list_has(s, SV("user300")));
	ck_assert(!rule_list_has(s, (struct sv){NULL, 0}));
	rule_list_free(&s);
	buf_free(&why);
}
END_TEST

/* ---- criteria ------------------------------------------------------------ */

/* An event rule of these criteria, and one that extends it. */
#define SPEAKING(tsc)                                                                              \
	"events:\n"                                                                               \
	"  - {id: a, title: t, class: c, severity: low, match: aaa, tsc: " tsc "}\n"               \
	"  - {id: b, extends: a, match: bbb}\n"

START_TEST(points_of_the_criteria_are_those_that_exist)
{
	struct ruleset *rs;

	rs_put("base/a.yaml", SPEAKING("CC9.2"));
	rs = rs_load_base();
	rs_expect_loaded(rs);
	ck_assert_str_eq(ruleset_find_event(rs, "b")->body->tsc.v[0], "CC9.2");
	ruleset_unref(&rs);
	rs_refuse(SPEAKING("[CC6.1, CC6.9]"),
	    "\"CC6.9\" is no point of the Trust Services Criteria: of CC6 there are CC6.1 to CC6.8");
	rs_refuse(SPEAKING("CC8.2"), "of CC8 there is only CC8.1");
	rs_refuse(SPEAKING("CC6"), "of CC6 there are CC6.1 to CC6.8");
	rs_refuse(SPEAKING("CC6.11"), "of CC6 there are CC6.1 to CC6.8");
	rs_refuse(SPEAKING("CC6.0"), "of CC6 there are CC6.1 to CC6.8");
	rs_refuse(SPEAKING("T1110"), "expected one of CC1.1 to CC9.2");
	rs_refuse(SPEAKING("''"), "expected one of CC1.1 to CC9.2");
}
END_TEST

/* Numbers are in order, and each is of one point. */
START_TEST(points_are_in_the_order_of_the_criteria)
{
	static const char *const order[] = {"CC1.1", "CC1.5", "CC2.1", "CC6.8", "CC7.1", "CC9.2",
	    "A1.1", "C1.2", "PI1.1", "P1.1", "P6.7", "P8.1"};

	ck_assert_int_eq(rule_tsc_number(order[0]), 0);
	for (size_t i = 1; i < sizeof(order) / sizeof(order[0]); i++)
		ck_assert_int_lt(rule_tsc_number(order[i - 1]), rule_tsc_number(order[i]));
	ck_assert_int_lt(rule_tsc_number("P8.1"), RULE_TSC_POINTS);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, lists_are_inline_or_files);
	tcase_add_test(tc, a_site_replaces_a_list);
	tcase_add_test(tc, exceptions_are_checked);
	tcase_add_test(tc, an_address_is_put_in_one_way);
	tcase_add_test(tc, values_must_be_of_their_type);
	tcase_add_test(tc, names_become_dotted);
	tcase_add_test(tc, large_sets_are_searched_right);
	tcase_add_test(tc, points_of_the_criteria_are_those_that_exist);
	tcase_add_test(tc, points_are_in_the_order_of_the_criteria);
}

int
main(void)
{
	return rs_run("ruleset_values", add_tests);
}
