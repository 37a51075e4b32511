/*
 * check_match: which lines are which events, and why not.
 */
#include <check.h>

#include "match/rules_test.h"
#include "match_rig.h"
#include "rig.h"
#include "rule/rule.h"

/* ---- matching -------------------------------------------------------------- */

START_TEST(the_first_pattern_that_matches_gives_the_fields)
{
	struct mx m;

	mx_use(&m, "events:\n" RULE("a") "    match:\n"
	    "      - '^login (?<user_name>\\w+) from (?<source_ip>\\S+)$'\n"
	    "      - '^login (?<user_id>\\d+)'\n");
	mx_expect(&m, "x", "login 12 from 192.0.2.1", "a user.name=12 source.ip=192.0.2.1; ");
	mx_expect(&m, "x", "login 12 again", "a user.id=12; ");
	mx_expect(&m, "x", "logout", "");
	ck_assert_uint_eq(matcher_stats(m.matcher)->records, 3);
	ck_assert_uint_eq(matcher_stats(m.matcher)->events, 2);
	mx_drop(&m);
}
END_TEST

START_TEST(every_rule_that_matches_makes_an_event_in_order)
{
	struct mx m;

	mx_use(&m, "events:\n" RULE("open1") "    match: needle\n" RULE("named")
	    "    where: {program: [p, q]}\n    match: needle\n" RULE("open2") "    match: needle\n"
	    RULE("other") "    where: {program: z}\n    match: needle\n");
	mx_expect(&m, "q", "a needle", "open1; named; open2; ");
	mx_expect(&m, "z", "a needle", "open1; open2; other; ");
	mx_expect(&m, "", "a needle", "open1; open2; ");
	mx_expect(&m, "P", "a needle", "open1; open2; ");
	mx_drop(&m);
}
END_TEST

START_TEST(preconditions_hold_or_there_is_no_event)
{
	struct mx m;
	struct line line = {.text = SV("needle")};
	struct record rec = mx_record(&line, "p");

	mx_use(&m, "events:\n" RULE("a")
	    "    where: {host: [Gate, db], facility: [auth, authpriv], severity: [err, crit]}\n"
	    "    match: needle\n");
	ck_assert_str_eq(mx_events(&m, &rec), "");
	rec.host = SV("GATE");
	rec.facility = 10;
	rec.severity = 3;
	ck_assert_str_eq(mx_events(&m, &rec), "a; ");
	rec.facility = 0;
	ck_assert_str_eq(mx_events(&m, &rec), "");
	rec.facility = 4;
	rec.severity = 6;
	ck_assert_str_eq(mx_events(&m, &rec), "");
	rec.severity = 2;
	rec.host = SV("gateway");
	ck_assert_str_eq(mx_events(&m, &rec), "");
	mx_drop(&m);
}
END_TEST

START_TEST(what_is_not_of_its_type_is_no_field)
{
	struct mx m;

	mx_use(&m, "events:\n" RULE("a")
	    "    match: '^(?<user_name>.*) from (?<source_ip>\\S*) port (?<source_port>\\d+)(?<x_y>z)?$'\n");
	mx_expect(&m, "p", "bob from 192.0.2.300 port 70000", "a user.name=bob; ");
	mx_expect(&m, "p", " from fe80::1%lo port 22", "a source.ip=fe80::1 source.port=22; ");
	mx_expect(&m, "p", "a\033b from  port 22z", "a source.port=22 x.y=z; ");
	mx_expect(&m, "p", " from ::FFFF:192.0.2.1 port 1", "a source.ip=192.0.2.1 source.port=1; ");
	mx_drop(&m);
}
END_TEST

START_TEST(exceptions_exclude)
{
	struct mx m;

	mx_use(&m, "lists:\n  - {id: ours, values: [10.0.0.0/8, '2001:db8::/32']}\n"
	    "events:\n" RULE("a") "    match: '^(?<user_name>\\S*) (?<source_ip>\\S+)$'\n"
	    "    unless:\n      - {source_ip: '@ours', user_name: [backup, monitor]}\n"
	    "      - {source_ip: 192.0.2.1}\n");
	mx_expect(&m, "p", "backup 10.1.2.3", "");
	mx_expect(&m, "p", "monitor 2001:db8::1", "");
	mx_expect(&m, "p", "backup ::ffff:10.1.2.3", "");
	mx_expect(&m, "p", "backup 192.0.2.2", "a user.name=backup source.ip=192.0.2.2; ");
	mx_expect(&m, "p", "eve 10.1.2.3", "a user.name=eve source.ip=10.1.2.3; ");
	mx_expect(&m, "p", "eve 192.0.2.1", "");
	/* What was not captured is in no list. */
	mx_expect(&m, "p", " 10.1.2.3", "a source.ip=10.1.2.3; ");
	mx_drop(&m);
}
END_TEST

static void
ignore(void *ctx, const struct event *event)
{
	(void)ctx;
	(void)event;
}

/* Once for each rule, with the fields that decided; not what does not match at all. */
START_TEST(what_is_excluded_is_told)
{
	struct mx m;
	struct line line = {.text = SV("ann 10.1.2.3")}, other = {.text = SV("ann at 10.1.2.3")};
	struct record rec = mx_record(&line, "p"), none = mx_record(&other, "p");

	mx_use(&m, "events:\n" RULE("a") "    match: '^(?<user_name>\\S+) (?<source_ip>\\S+)$'\n"
	    "    unless: [{source_ip: 10.0.0.0/8}, {user_name: ann}]\n"
	    RULE("b") "    match: '^ann (?<source_ip>\\S+)$'\n    unless: [{source_ip: 10.1.2.3}]\n"
	    RULE("c") "    match: '^ann (?<source_ip>\\S+)$'\n    unless: [{source_ip: 10.1.2.4}]\n");
	m.record = &rec;
	matcher_set_excluded(m.matcher, mx_see, &m);
	match_record(m.matcher, &rec, ignore, NULL);
	ck_assert_str_eq(
	    buf_str(&m.seen), "a user.name=ann source.ip=10.1.2.3; b source.ip=10.1.2.3; ");
	ck_assert_uint_eq(matcher_stats(m.matcher)->events, 1);
	buf_free(&m.seen);
	match_record(m.matcher, &none, ignore, NULL);
	matcher_set_excluded(m.matcher, NULL, NULL);
	match_record(m.matcher, &rec, ignore, NULL);
	ck_assert_str_eq(buf_str(&m.seen), "");
	mx_drop(&m);
}
END_TEST

/* In any order of the rules. */
START_TEST(fallback_rules_are_for_lines_that_are_no_others)
{
	struct mx m;

	mx_use(&m, "events:\n" RULE("g") "    fallback: true\n    match: 'needle'\n"
	    RULE("a") "    match: 'needle from (?<source_ip>\\S+)$'\n"
	    "    unless: [{source_ip: 192.0.2.1}]\n"
	    RULE("b") "    where: {program: b}\n    match: 'needle'\n"
	    RULE("h") "    fallback: true\n    match: 'need'\n");
	mx_expect(&m, "p", "a needle", "g; h; ");
	mx_expect(&m, "p", "in need", "h; ");
	mx_expect(&m, "p", "a needle from 192.0.2.2", "a source.ip=192.0.2.2; ");
	mx_expect(&m, "b", "a needle", "b; ");
	/* Excluded is known, too. */
	mx_expect(&m, "p", "a needle from 192.0.2.1", "");
	mx_expect_why(&m, "g", "p", "a needle", "yes: pattern #1 matches\n");
	mx_expect_why(&m, "g", "p", "a needle from 192.0.2.1",
	    "no: this rule is a fallback, and the line is one of a\n");
	mx_expect_why(&m, "h", "b", "a needle", "no: this rule is a fallback, and the line is one of b\n");
	mx_expect_why(&m, "g", "p", "in need", "no: the pattern does not match the message (7 bytes)\n");
	mx_drop(&m);
}
END_TEST

/* Nothing but what it is told to incident rules makes it another. */
START_TEST(context_is_no_event_but_a_match)
{
	struct mx m;
	struct sv needle = SV("a needle in more hay than the limit lets through");
	struct match_conf few = rig_limits;

	few.max_length = 16;
	mx_use_with(&m, "events:\n" RULE("g") "    fallback: true\n    match: 'needle'\n"
	    RULE("a") "    context: true\n    match: '^a needle'\n"
	    "    tests:\n      - {line: 'a needle', event: {}}\n"
	    "      - {line: 'no needle', event: none}\n", &few);
	ck_assert(ruleset_find_event(m.rules, "a")->context);
	ck_assert(!ruleset_find_event(m.rules, "g")->context);
	mx_expect(&m, "p", "a needle", "a; ");
	mx_expect(&m, "p", "no needle", "g; ");
	mx_expect_why(&m, "a", "p", "a needle", "yes: pattern #1 matches\n");
	ck_assert_uint_eq(matcher_stats(m.matcher)->events, 1);
	/* What else the line holds nobody knows. */
	ck_assert_str_eq(mx_match(&m, "p", needle), "a; " RULE_LINE_CUT "; ");
	ck_assert_uint_eq(rules_test(m.rules, NULL, NULL, NULL), 0);
	mx_drop(&m);
}
END_TEST

START_TEST(bytes_are_bytes)
{
	struct mx m;

	mx_use(&m, "events:\n" RULE("a") "    match: '^a.b.(?<user_name>\\S+)$'\n");
	ck_assert_str_eq(mx_match(&m, "p", (struct sv){"a\377b\0x\200", 6}), "a user.name=x\200; ");
	ck_assert_str_eq(mx_match(&m, "p", (struct sv){NULL, 0}), "");
	mx_drop(&m);
}
END_TEST

/* ---- limits ---------------------------------------------------------------- */

#define EXPLODING "events:\n" RULE("slow") "    match: '^(?<x_y>(a+)+)$'\n" RULE("next") "    match: aaaa\n"

static void
check_limit(bool jit)
{
	struct match_conf conf = rig_limits;
	struct mx m;

	conf.jit = jit;
	conf.match_limit = 1000;
	mx_use_with(&m, EXPLODING, &conf);
	mx_expect(&m, "p", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
	    "triaged.match-limit rule.id=slow; next; ");
	ck_assert_uint_eq(matcher_stats(m.matcher)->limited, 1);
	mx_expect_why(&m, "slow", "p", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
	    "undecided: pattern #1 ran out of its limits: match limit exceeded\n");
	mx_drop(&m);
}

START_TEST(running_out_of_a_limit_is_an_event)
{
	check_limit(_i != 0);
}
END_TEST

START_TEST(a_long_message_is_tried_as_far_as_allowed)
{
	struct mx m;
	struct match_conf conf = rig_limits;
	struct line line = {.text = SV("0123456789"), .cut = true};
	struct record rec = mx_record(&line, "p");

	conf.max_length = 10;
	mx_use_with(&m, "events:\n" RULE("a") "    match: '^0123456789'\n" RULE("b") "    match: 'needle'\n",
	    &conf);
	mx_expect(&m, "p", "0123456789 needle", "a; ");
	mx_expect(&m, "p", "012345678. needle", "triaged.line-cut; ");
	mx_expect(&m, "p", "1234567890", "");
	ck_assert_uint_eq(matcher_stats(m.matcher)->cut, 2);
	/* The head of a line longer than the source takes. */
	ck_assert_str_eq(mx_events(&m, &rec), "a; ");
	line.text = SV("x");
	rec.message = line.text;
	ck_assert_str_eq(mx_events(&m, &rec), "triaged.line-cut; ");
	mx_drop(&m);
}
END_TEST

/* Each crashed or hung PCRE2 10.42's machine code. */
START_TEST(machine_code_that_goes_wrong_is_not_made)
{
	struct mx m;

	mx_use(&m, "events:\n" RULE("back") "    match: '((.||\\1){3}b){2,}+'\n" RULE("call")
	    "    match: '(|\\g<1>(?:|[^a]))\\dB'\n");
	mx_expect(&m, "p", "bb", "back; ");
	mx_expect(&m, "p", "xxB", "triaged.match-limit rule.id=call; ");
	mx_drop(&m);
}
END_TEST

/* ---- fields of the record --------------------------------------------------- */

static struct record_field json_fields[] = {{.name = SV("event_type"), .value = SV("alert")},
    {.name = SV("src_ip"), .value = SV("192.0.2.7")}, {.name = SV("user"), .value = SV("eve")}};

static const char *
match_json(struct mx *m, const char *message)
{
	struct line line = {.text = sv_str(message)};
	struct record rec = mx_record(&line, "suricata");

	rec.fields = json_fields;
	rec.nfields = sizeof(json_fields) / sizeof(json_fields[0]);
	return mx_events(m, &rec);
}

START_TEST(fields_of_the_record_decide_and_are_taken)
{
	struct mx m;

	mx_use(&m, "events:\n" RULE("a") "    where: {fields: {event_type: [alert, drop]}}\n"
	    "    take: {source_ip: [client, src_ip], user_name: user, source_port: port}\n" RULE("b")
	    "    where: {fields: {event_type: alert, user: mallory}}\n" RULE("c")
	    "    where: {fields: {event_type: alert}}\n    match: 'from (?<source_ip>\\S+)'\n"
	    "    take: {source_ip: src_ip}\n" RULE("d") "    match: 'from (?<source_ip>\\S+)'\n");
	/* What a message claims is nothing against what the record says. */
	ck_assert_str_eq(match_json(&m, "from 203.0.113.9"),
	    "a source.ip=192.0.2.7 user.name=eve; "
	    "c source.ip=192.0.2.7; d source.ip=203.0.113.9; ");
	ck_assert_str_eq(match_json(&m, "nothing"), "a source.ip=192.0.2.7 user.name=eve; ");
	mx_expect(&m, "suricata", "from 203.0.113.9", "d source.ip=203.0.113.9; ");
	mx_expect_why(&m, "b", "suricata", "x",
	    "no: the line's event_type is not known, the rule wants alert\n");
	mx_drop(&m);
}
END_TEST

START_TEST(a_field_may_have_any_value_and_a_list_of_addresses_gives_the_first)
{
	struct mx m;
	static const struct record_field proxied[] = {
	    {.name = SV("forwarded"), .value = SV("192.0.2.9 , 198.51.100.1,2001:db8::1")},
	    {.name = SV("empty"), .value = SV("")}};
	struct line line = {.text = SV("x")};
	struct record rec = mx_record(&line, "p");

	rec.fields = proxied;
	rec.nfields = 2;
	mx_use(&m, "events:\n" RULE("a") "    where: {fields: {forwarded: '*'}}\n"
	    "    take: {source_ip: forwarded, user_name: forwarded}\n" RULE("b")
	    "    where: {fields: {empty: '*'}}\n");
	ck_assert_str_eq(mx_events(&m, &rec),
	    "a source.ip=192.0.2.9 user.name=192.0.2.9 , 198.51.100.1,2001:db8::1; ");
	mx_expect_why(&m, "a", "p", "x", "no: the line's forwarded is not known, the rule wants any\n");
	mx_drop(&m);
}
END_TEST

/* ---- explaining ------------------------------------------------------------ */

START_TEST(a_verdict_is_explained)
{
	struct mx m;

	mx_use(&m, "lists:\n  - {id: ours, values: [10.0.0.0/8]}\n"
	    "events:\n" RULE("a") "    where: {program: [sshd, sshd-session]}\n"
	    "    match: ['^from (?<source_ip>\\S+)(?: as (?<user_name>.*))?$', '^to']\n"
	    "    unless: [{user_name: root}, {source_ip: '@ours', user_name: [a, b]}]\n" RULE("f")
	    "    where: {facility: [auth, authpriv]}\n    match: 'xxx'\n");
	mx_expect_why(&m, "a", "cron\033", "from 192.0.2.1",
	    "no: the line's program is \"cron\\x1b\", the rule wants sshd or sshd-session\n");
	mx_expect_why(&m, "a", "", "from 192.0.2.1",
	    "no: the line's program is not known, the rule wants sshd or sshd-session\n");
	mx_expect_why(&m, "a", "sshd", "hello", "no: none of 2 patterns matches the message (5 bytes)\n");
	mx_expect_why(&m, "f", "sshd", "xxx",
	    "no: the line's syslog facility is not known, the rule wants auth or authpriv\n");
	mx_expect_why(&m, "a", "sshd", "from 10.0.0.1 as b",
	    "no: excluded by unless #2: source_ip in @ours and user_name in a, b\n"
	    "  source.ip = 10.0.0.1\n  user.name = b\n");
	mx_expect_why(&m, "a", "sshd", "from 192.0.2.1 as root",
	    "no: excluded by unless #1: user_name is root\n"
	    "  source.ip = 192.0.2.1\n  user.name = root\n");
	mx_expect_why(&m, "a", "sshd", "from host as x\033[2J",
	    "yes: pattern #1 matches\n"
	    "  source.ip: nothing captured, or not of type ip\n"
	    "  user.name: nothing captured, or not of type user\n");
	mx_expect_why(&m, "a", "sshd", "from 192.0.2.1",
	    "yes: pattern #1 matches\n  source.ip = 192.0.2.1\n"
	    "  user.name: nothing captured, or not of type user\n");
	mx_expect_why(&m, RULE_LINE_CUT, "sshd", "x",
	    "no: this rule is about the detector, no pattern belongs to it\n");
	mx_drop(&m);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("match");
	TCase *tc = tcase_create("match");

	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, the_first_pattern_that_matches_gives_the_fields);
	tcase_add_test(tc, every_rule_that_matches_makes_an_event_in_order);
	tcase_add_test(tc, preconditions_hold_or_there_is_no_event);
	tcase_add_test(tc, what_is_not_of_its_type_is_no_field);
	tcase_add_test(tc, exceptions_exclude);
	tcase_add_test(tc, what_is_excluded_is_told);
	tcase_add_test(tc, fallback_rules_are_for_lines_that_are_no_others);
	tcase_add_test(tc, context_is_no_event_but_a_match);
	tcase_add_test(tc, bytes_are_bytes);
	tcase_add_loop_test(tc, running_out_of_a_limit_is_an_event, 0, 2);
	tcase_add_test(tc, a_long_message_is_tried_as_far_as_allowed);
	tcase_add_test(tc, machine_code_that_goes_wrong_is_not_made);
	tcase_add_test(tc, fields_of_the_record_decide_and_are_taken);
	tcase_add_test(tc, a_field_may_have_any_value_and_a_list_of_addresses_gives_the_first);
	tcase_add_test(tc, a_verdict_is_explained);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
