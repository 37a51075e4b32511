/*
 * check_ruleset_errors: rule files that are wrong give one complete list of what is wrong
 * with them and where.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ruleset_rig.h"
#include "util/buf.h"
#include "util/xalloc.h"

/* ---- where, and all of them ---------------------------------------------- */

START_TEST(five_mistakes_are_five_errors)
{
	struct ruleset *rs;

	rs_put("base/a.yaml",
	    "events:\n"
	    "  - id: one\n"
	    "    title: One\n"
	    "    class: c\n"
	    "    severity: enormous\n"
	    "    match: '^a(?<source_ip>\\S+'\n"
	    "  - id: two\n"
	    "    titel: Two\n"
	    "    class: c\n"
	    "    severity: low\n"
	    "    match: 'bbb'\n"
	    "incidents:\n"
	    "  - {id: i, title: t, on: [twoo], severity: low, criteria: c}\n"
	    "  - {id: j, title: t, on: [two], by: [source_ip], severity: low, criteria: c}\n");
	rs = rs_load_base();
	rs_expect_error(rs, "base/a.yaml:5:15: ");
	rs_expect_error(rs, "base/a.yaml:6:");
	rs_expect_error(rs, "base/a.yaml:8:5: ");
	rs_expect_error(rs,
	    "base/a.yaml:13:28: there is no event rule \"twoo\"; did you mean \"two\"?");
	rs_expect_error(rs, "base/a.yaml:14:39: not every pattern of two captures \"source_ip\"");
}
END_TEST

START_TEST(a_pattern_error_points_into_the_pattern)
{
	/* The column of the closing bracket that is one too many. */
	rs_refuse("events:\n  - id: a\n    title: t\n    class: c\n    severity: low\n"
	          "    match: 'abc)def'\n",
	    "base/a.yaml:6:16: unmatched closing parenthesis (at offset 3 of the pattern)");
	rs_refuse("events:\n  - id: a\n    title: t\n    class: c\n    severity: low\n"
	          "    match:\n      - abc)def\n",
	    "base/a.yaml:7:12: unmatched closing parenthesis");
	/* Escapes: where it is in the file would be a guess. */
	rs_refuse("events:\n  - id: a\n    title: t\n    class: c\n    severity: low\n"
	          "    match: \"a\\tbc)def\"\n",
	    "base/a.yaml:6:12: unmatched closing parenthesis (at offset 4");
	rs_refuse("events:\n  - id: a\n    title: t\n    class: c\n    severity: low\n"
	          "    match: |-\n      abc)def\n",
	    "base/a.yaml:6:12: unmatched closing parenthesis");
}
END_TEST

START_TEST(missing_and_odd_paths_are_errors)
{
	struct ruleset *rs;
	char *fifo = rs_path("base/b.yaml");

	rs_expect_error(rs_load((const char *const[]){"none"}, 1),
	    "none: No such file or directory");
	rs_put("base/a.yaml", ANY_EVENT);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	rs = rs_load_base();
	rs_expect_error(rs, "base/b.yaml: is not a regular file");
	free(fifo);
}
END_TEST

/* ---- what is refused ----------------------------------------------------- */

START_TEST(any_value_stands_alone)
{
	rs_refuse("events:\n  - {id: a, title: t, class: c, severity: low, "
	          "where: {fields: {user: [ann, '*']}}}\n",
	    "\"*\" is any value; expected no others beside it");
}
END_TEST

START_TEST(patterns_that_lift_limits_are_refused)
{
	char *text, *longest = xcalloc(5000, 1);

	rs_refuse("events:\n" EVENT("a", "(*LIMIT_MATCH=1000000000)abc"),
	    "must not begin with an option");
	rs_refuse("events:\n" EVENT("a", "(*UTF)abc"), "must not begin with an option");
	rs_refuse("events:\n" EVENT("a", "abc(?C1)"), "callouts");
	rs_refuse("events:\n" EVENT("a", "abc\\C"), "\\C");
	rs_refuse("events:\n" EVENT("a", "^(?<Source_IP>x)"), "Source_IP");
	rs_refuse("events:\n" EVENT("a", "^(?<source_ip>x)(?<source_ip>y)"), "same name");
	memset(longest, 'a', 4097);
	text = xasprintf("events:\n" EVENT("a", "%s"), longest);
	rs_refuse(text, "pattern string is longer");
	free(text);
	free(longest);
}
END_TEST

START_TEST(a_pattern_has_at_most_sixteen_groups)
{
	struct buf text = BUF_INIT;

	buf_puts(&text, "events:\n  - {id: a, title: t, class: c, severity: low, match: '");
	for (int i = 0; i < 17; i++)
		buf_printf(&text, "(?<x_n%d>a)", i);
	buf_puts(&text, "'}\n");
	rs_refuse(buf_str(&text), "17 named groups; at most 16");
	buf_free(&text);
}
END_TEST

START_TEST(ids_and_names_are_checked)
{
	rs_refuse("events:\n" EVENT("Bad Id", "aaa"), "id \"Bad Id\" is not");
	rs_refuse("events:\n  - {title: t}\n", "id");
	rs_refuse("events:\n  - {id: a, title: t, class: c, severity: low, match: []}\n",
	    "base/a.yaml:2:5: an event rule needs match with a pattern, or where with fields");
	rs_refuse("events:\n  - {id: a, title: t, class: 'A B', severity: low, match: aaa}\n",
	    "class \"A B\" is not");
	rs_refuse("events:\n  - {id: a, title: t, class: c, severity: low, match: aaa,\n"
	          "     where: {facility: autpriv}}\n",
	    "\"autpriv\" is not a syslog facility");
	rs_refuse("events:\n  - {id: a, title: t, class: c, severity: low, match: aaa,\n"
	          "     where: {severity: worst}}\n",
	    "\"worst\" is not a syslog severity");
}
END_TEST

/* An incident rule over ANY_EVENT with these keys. */
static void
refuse_incident(const char *keys, const char *words)
{
	char *text = xasprintf(
	    ANY_EVENT "incidents:\n  - {id: i, severity: low, criteria: c, %s}\n", keys);

	rs_refuse(text, words);
	free(text);
}

START_TEST(incident_rules_are_checked)
{
	refuse_incident("title: '{user_name}', on: a, by: source_ip", "names {user_name}");
	refuse_incident("title: 'to {source_ip', on: a, by: source_ip",
	    "brace without its partner");
	refuse_incident("title: 'to }', on: a, by: source_ip", "brace without its partner");
	refuse_incident("title: t, on: [a, a]", "\"a\" is named twice");
	refuse_incident("title: t, on: a, count: 5", "count: 5 needs a time: within");
	refuse_incident("title: t, on: a, count: 0", "count");
	refuse_incident("title: t, on: a, count: 2, within: 8d", "within");
	refuse_incident("title: t, on: a, count: 2, within: 10", "within");
	refuse_incident("title: t, on: triaged.line-cut, by: rule_id", "not every pattern");
	refuse_incident("on: a", "title");
	refuse_incident("title: t, on: []", "on needs an event rule");
	refuse_incident("title: t, on: a, playbook: ../x", "playbook");
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, five_mistakes_are_five_errors);
	tcase_add_test(tc, a_pattern_error_points_into_the_pattern);
	tcase_add_test(tc, missing_and_odd_paths_are_errors);
	tcase_add_test(tc, any_value_stands_alone);
	tcase_add_test(tc, patterns_that_lift_limits_are_refused);
	tcase_add_test(tc, a_pattern_has_at_most_sixteen_groups);
	tcase_add_test(tc, ids_and_names_are_checked);
	tcase_add_test(tc, incident_rules_are_checked);
}

int
main(void)
{
	return rs_run("ruleset_errors", add_tests);
}
