/*
 * check_ruleset: rule files become one rule set, in which a site has overridden what it
 * would have otherwise.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "ruleset_rig.h"
#include "util/buf.h"

#define BUILTINS 6 /* event rules that are always there, first */

/* ---- what is loaded ------------------------------------------------------ */

START_TEST(builtin_rules_are_always_there)
{
	struct ruleset *rs;
	const struct event_rule *r;

	rs_put("base/notes.txt", "not a rule file");
	rs = rs_load_base();
	rs_expect_loaded(rs);
	ck_assert_uint_eq(ruleset_nevents(rs), BUILTINS);
	r = ruleset_find_event(rs, RULE_MATCH_LIMIT);
	ck_assert_ptr_nonnull(r);
	ck_assert_str_eq(r->class, "detector");
	ck_assert_int_eq(r->severity, SEVERITY_LOW);
	ck_assert_ptr_nonnull(ruleset_find_event(rs, RULE_LINE_CUT));
	ck_assert_ptr_null(ruleset_find_event(rs, "nothing"));
	ruleset_unref(&rs);
	ck_assert_ptr_null(rs);
}
END_TEST

START_TEST(rules_have_what_the_file_says)
{
	const struct event_rule *e;
	const struct incident_rule *i;
	struct ruleset *rs;

	rs_put("base/a.yaml",
	    "events:\n"
	    "  - id: ftp.failed\n"
	    "    title: FTP login failed\n"
	    "    class: unauthorized-access\n"
	    "    severity: medium\n"
	    "    attack: T1110\n"
	    "    tsc: [CC6.1, PI1.5]\n"
	    "    where: {program: [ftpd, vsftpd], facility: authpriv}\n"
	    "    match: '^failed (?<user_name>\\S+) (?<source_ip>\\S+) (?<odd_thing_here>x)$'\n"
	    "incidents:\n"
	    "  - id: ftp-guessing\n"
	    "    title: 'FTP guessing of {user_name} from {source_ip}'\n"
	    "    on: ftp.failed\n"
	    "    by: [source_ip, user_name]\n"
	    "    count: 7\n"
	    "    within: 5m\n"
	    "    severity: high\n"
	    "    criteria: seven\n");
	rs = rs_load_base();
	rs_expect_loaded(rs);
	e = ruleset_find_event(rs, "ftp.failed");
	ck_assert_str_eq(e->title, "FTP login failed");
	ck_assert_str_eq(e->class, "unauthorized-access");
	ck_assert_int_eq(e->severity, SEVERITY_MEDIUM);
	ck_assert_ptr_eq(ruleset_event(rs, e->index), e);
	ck_assert_uint_eq(e->body->tsc.n, 2);
	ck_assert_str_eq(e->body->tsc.v[1], "PI1.5");
	ck_assert_uint_eq(e->body->programs.n, 2);
	ck_assert_uint_eq(e->body->facilities, 1U << 10);
	ck_assert_uint_eq(e->body->severities, RULE_ANY_SEVERITY);
	ck_assert_int_eq(e->body->place.line, 2);
	ck_assert_str_eq(e->body->patterns[0].captures[1].field, "source.ip");
	ck_assert_int_eq(e->body->patterns[0].captures[1].type, FIELD_IP);
	ck_assert_str_eq(e->body->patterns[0].captures[2].field, "odd.thing_here");
	ck_assert_uint_eq(e->nincidents, 1);
	i = e->incidents[0].rule;
	ck_assert_ptr_eq(ruleset_incident(rs, 0), i);
	ck_assert_str_eq(i->title, "FTP guessing of {user_name} from {source_ip}");
	ck_assert_uint_eq(i->nby, 2);
	ck_assert_str_eq(i->by[0].field, "source.ip");
	ck_assert_str_eq(i->by[1].field, "user.name");
	ck_assert_int_eq(i->condition.least, 7);
	ck_assert_int_eq(i->condition.within, 300000);
	ck_assert_int_eq(i->rearm, 86400000);
	ck_assert_str_eq(i->playbook, "");
	ck_assert_str_eq(i->file, "a.yaml");
	ck_assert_uint_eq(strlen(i->file_hash), 64);
	ck_assert_int_eq(ruleset_incident_place(rs, 0)->line, 11);
	ruleset_unref(&rs);
}
END_TEST

START_TEST(files_are_read_in_order_of_name)
{
	struct ruleset *rs;

	rs_put("base/b.yaml", "events:\n" EVENT("second", "bbb"));
	rs_put("base/a.yaml", "events:\n" EVENT("first", "aaa"));
	rs_put("base/.hidden.yaml", "events:\n" EVENT("hidden", "ccc"));
	rs = rs_load_base();
	rs_expect_loaded(rs);
	ck_assert_uint_eq(ruleset_nevents(rs), BUILTINS + 2);
	ck_assert_str_eq(ruleset_event(rs, BUILTINS)->id, "first");
	ck_assert_str_eq(ruleset_event(rs, BUILTINS + 1)->id, "second");
	ruleset_unref(&rs);
}
END_TEST

START_TEST(a_path_may_be_a_file)
{
	struct ruleset *rs;

	rs_put("base/a.yaml", ANY_EVENT);
	rs_put("base/b.yaml", "events: broken\n");
	rs = rs_load((const char *const[]){"base/a.yaml"}, 1);
	rs_expect_loaded(rs);
	ck_assert_ptr_nonnull(ruleset_find_event(rs, "a"));
	ruleset_unref(&rs);
}
END_TEST

START_TEST(the_hash_tells_versions_apart)
{
	struct ruleset *first, *again, *other;

	rs_put("base/a.yaml", ANY_EVENT);
	first = rs_load_base();
	again = rs_load_base();
	rs_put("base/a.yaml", ANY_EVENT "# a comment\n");
	other = rs_load_base();
	ck_assert_str_eq(ruleset_hash(first), ruleset_hash(again));
	ck_assert_str_ne(ruleset_hash(first), ruleset_hash(other));
	ruleset_unref(&first);
	ruleset_unref(&again);
	ruleset_unref(&other);
}
END_TEST

START_TEST(a_reference_keeps_the_set)
{
	struct ruleset *rs, *mine;

	rs_put("base/a.yaml", ANY_EVENT);
	rs = rs_load_base();
	mine = ruleset_ref(rs);
	ruleset_unref(&rs);
	ck_assert_ptr_null(rs);
	ck_assert_str_eq(ruleset_find_event(mine, "a")->id, "a");
	ruleset_unref(&mine);
}
END_TEST

START_TEST(an_incident_may_be_about_the_detector)
{
	struct ruleset *rs;

	rs_put("base/a.yaml",
	    "incidents:\n  - {id: i, title: 'rule {rule_id}', on: triaged.match-limit, by: rule_id,\n"
	    "     severity: low, criteria: c}\n");
	rs = rs_load_base();
	rs_expect_loaded(rs);
	ck_assert_uint_eq(ruleset_find_event(rs, RULE_MATCH_LIMIT)->nincidents, 1);
	ruleset_unref(&rs);
}
END_TEST

/* ---- overriding ---------------------------------------------------------- */

#define INCIDENT                                                                                  \
	"incidents:\n"                                                                            \
	"  - {id: i, title: 'from {source_ip}', on: a, by: source_ip, count: 5, within: 10m,\n"   \
	"     severity: low, criteria: five}\n"

START_TEST(a_site_overrides_single_keys)
{
	struct ruleset *rs;
	const struct event_rule *e;

	rs_put("base/a.yaml", ANY_EVENT INCIDENT);
	rs_put("site/local.yaml",
	    "events:\n  - {id: a, severity: high}\n"
	    "incidents:\n  - {id: i, count: 20, rearm: 1h}\n");
	rs = rs_load_base_and_site();
	rs_expect_loaded(rs);
	e = ruleset_find_event(rs, "a");
	ck_assert_int_eq(e->severity, SEVERITY_HIGH);
	ck_assert_str_eq(e->title, "t");
	ck_assert_uint_eq(e->body->npatterns, 1);
	ck_assert_ptr_nonnull(strstr(e->body->place.file, "base/a.yaml"));
	ck_assert_ptr_nonnull(strstr(e->body->override_file, "site/local.yaml"));
	ck_assert_int_eq(e->incidents[0].rule->condition.least, 20);
	ck_assert_int_eq(e->incidents[0].rule->condition.within, 600000);
	ck_assert_int_eq(e->incidents[0].rule->rearm, 3600000);
	ck_assert_str_eq(e->incidents[0].rule->file, "a.yaml");
	ruleset_unref(&rs);
}
END_TEST

/* So many that an index of ids has grown; each is overridden, and asked for after that. */
START_TEST(each_of_many_rules_is_found_by_its_id)
{
	struct buf base = BUF_INIT, site = BUF_INIT;
	struct ruleset *rs;
	char id[16];

	buf_puts(&base, "events:\n");
	buf_puts(&site, "events:\n");
	for (int i = 0; i < 500; i++) {
		buf_printf(&base, EVENT("rule-%d", "^x"), i);
		buf_printf(&site, "  - {id: rule-%d, severity: high}\n", i);
	}
	rs_put("base/a.yaml", buf_str(&base));
	rs_put("site/local.yaml", buf_str(&site));
	rs = rs_load_base_and_site();
	rs_expect_loaded(rs);
	for (int i = 0; i < 500; i++) {
		const struct event_rule *e;

		snprintf(id, sizeof(id), "rule-%d", i);
		e = ruleset_find_event(rs, id);
		ck_assert_ptr_nonnull(e);
		ck_assert_str_eq(e->id, id);
		ck_assert_int_eq(e->severity, SEVERITY_HIGH);
	}
	ck_assert_ptr_null(ruleset_find_event(rs, "rule-500"));
	ck_assert_ptr_null(ruleset_find_event(rs, "rule-"));
	ruleset_unref(&rs);
	buf_printf(&site, "  - {id: rule-7, severity: low}\n");
	rs_put("site/local.yaml", buf_str(&site));
	rs_expect_error(rs_load_base_and_site(),
	    "site/local.yaml:502:10: \"rule-7\" is defined twice: also at ");
	buf_free(&base);
	buf_free(&site);
}
END_TEST

START_TEST(a_site_switches_rules_off)
{
	struct ruleset *rs;

	rs_put("base/a.yaml",
	    "events:\n" EVENT("a", "^x (?<source_ip>\\S+)$") EVENT("b", "bbb") INCIDENT);
	rs_put("site/local.yaml", "events:\n  - {id: a, enabled: false}\n");
	rs = rs_load_base_and_site();
	rs_expect_loaded(rs);
	ck_assert_ptr_null(ruleset_find_event(rs, "a"));
	ck_assert_ptr_nonnull(ruleset_find_event(rs, "b"));
	ck_assert_uint_eq(ruleset_nincidents(rs), 0);
	ruleset_unref(&rs);
}
END_TEST

START_TEST(an_override_of_nothing_names_what_is_missing)
{
	struct ruleset *rs;

	rs_put("base/a.yaml", ANY_EVENT);
	rs_put("site/local.yaml", "events:\n  - {id: aa, severity: high}\n");
	rs = rs_load_base_and_site();
	rs_expect_error(rs, "site/local.yaml:2:5: ");
	rs_expect_error(rs, "title");
	rs_expect_error(rs, "match");
}
END_TEST

START_TEST(a_broken_override_is_located_in_its_own_file)
{
	rs_put("base/a.yaml", ANY_EVENT);
	rs_put("site/local.yaml", "events:\n  - {id: a, match: '^x (y'}\n");
	rs_expect_error(rs_load_base_and_site(),
	    "site/local.yaml:2:26: missing closing parenthesis");
}
END_TEST

START_TEST(one_directory_defines_an_id_once)
{
	struct ruleset *rs;

	rs_put("base/a.yaml", ANY_EVENT);
	rs_put("base/b.yaml", ANY_EVENT);
	rs = rs_load_base();
	rs_expect_error(rs, "base/b.yaml:2:10: ");
	rs_expect_error(rs, "base/a.yaml:2");
	rs_put("base/b.yaml", "{}\n");
	rs_put("site/local.yaml",
	    "events:\n  - {id: a, severity: high}\n  - {id: a, severity: low}\n");
	rs_expect_error(rs_load_base_and_site(), "site/local.yaml:3:10: \"a\" is defined twice");
}
END_TEST

START_TEST(built_in_rules_cannot_be_redefined)
{
	rs_refuse("events:\n" EVENT("triaged.match-limit", "aaa"), "is built in");
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, builtin_rules_are_always_there);
	tcase_add_test(tc, rules_have_what_the_file_says);
	tcase_add_test(tc, files_are_read_in_order_of_name);
	tcase_add_test(tc, a_path_may_be_a_file);
	tcase_add_test(tc, the_hash_tells_versions_apart);
	tcase_add_test(tc, a_reference_keeps_the_set);
	tcase_add_test(tc, an_incident_may_be_about_the_detector);
	tcase_add_test(tc, a_site_overrides_single_keys);
	tcase_add_test(tc, each_of_many_rules_is_found_by_its_id);
	tcase_add_test(tc, a_site_switches_rules_off);
	tcase_add_test(tc, an_override_of_nothing_names_what_is_missing);
	tcase_add_test(tc, a_broken_override_is_located_in_its_own_file);
	tcase_add_test(tc, one_directory_defines_an_id_once);
	tcase_add_test(tc, built_in_rules_cannot_be_redefined);
}

int
main(void)
{
	return rs_run("ruleset", add_tests);
}
