/*
 * check_match_rules: the tests that rules carry, what the linter finds in rules, and that
 * those we ship are good, and mean the same by machine code and by PCRE2's interpreter.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"
#include "match/rules_lint.h"
#include "match/rules_test.h"
#include "match_rig.h"
#include "rig.h"
#include "rule/rule.h"
#include "scan/scan.h"

/* ---- the rules' own tests -------------------------------------------------- */

static void
note_result(void *ctx, const struct rules_test_result *r)
{
	buf_printf(ctx, "%s:%d %s %s%s%s\n", r->file, r->line, r->rule, r->ok ? "ok" : "failed",
	    r->ok ? "" : ": ", r->ok ? "" : r->text);
}

START_TEST(tests_in_rules_run_as_lines_do)
{
	struct mx m;
	struct buf results = BUF_INIT;

	mx_use(&m, "events:\n" RULE("a") "    where: {program: app}\n"
	    "    match: '^from (?<source_ip>\\S+)$'\n    tests:\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: from 192.0.2.1', event: {source_ip: 192.0.2.1}}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: from 192.0.2.1', event: {}}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: to 192.0.2.1', event: none}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: from 192.0.2.1', event: none}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: from 192.0.2.1', event: {source_ip: 192.0.2.2}}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: from there', event: {source_ip: there}}\n"
	    "      - {line: 'Jan 10 08:15:01 gate cron[1]: from 192.0.2.1', event: {}}\n");
	ck_assert_uint_eq(rules_test(m.rules, NULL, note_result, &results), 4);
	ck_assert_str_eq(buf_str(&results),
	    "rules.yaml:9 a ok\nrules.yaml:10 a ok\nrules.yaml:11 a ok\n"
	    "rules.yaml:12 a failed: expected no event, but the rule matches\n"
	    "rules.yaml:13 a failed: expected source.ip = 192.0.2.2, got 192.0.2.1\n"
	    "rules.yaml:14 a failed: expected source.ip = there, got nothing\n"
	    "rules.yaml:15 a failed: expected an event: no: the line's program is \"cron\", the "
	    "rule wants app\n");
	buf_free(&results);
	mx_drop(&m);
}
END_TEST

/* ---- the linter ------------------------------------------------------------ */

static void
note_finding(void *ctx, const struct rules_lint_finding *f)
{
	buf_printf(ctx, "%d %s: %s\n", f->line, f->rule, f->text);
}

/* Lint a rule with this pattern and good tests; does a finding have ${words}? */
static bool
lint_says(const char *pattern, const char *words)
{
	struct buf text = BUF_INIT, found = BUF_INIT;
	struct mx m;
	size_t n;
	bool says;

	buf_printf(&text, "events:\n" RULE("a") "    match: '%s'\n    tests:\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: failed for bob from 192.0.2.1', event: {}}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: x', event: none}\n", pattern);
	mx_use(&m, buf_str(&text));
	n = rules_lint(m.rules, note_finding, &found);
	says = words == NULL ? n == 0 : strstr(buf_str(&found), words) != NULL;
	if (!says)
		fprintf(stderr, "%s: %s\n", pattern, buf_str(&found));
	buf_free(&text);
	buf_free(&found);
	mx_drop(&m);
	return says;
}

/* What other rules match must not break them. */
START_TEST(fallback_rules_are_tested_by_themselves)
{
	struct mx m;

	mx_use(&m, "events:\n" RULE("a") "    match: 'needle'\n" RULE("g")
	    "    fallback: true\n    match: 'needle'\n    tests:\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: needle', event: {}}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: nettle', event: none}\n");
	ck_assert_uint_eq(rules_test(m.rules, NULL, NULL, NULL), 0);
	mx_drop(&m);
}
END_TEST

START_TEST(the_linter_finds_what_can_go_wrong)
{
	ck_assert(lint_says("^failed for (?<user_name>.*) from (?<source_ip>\\S+)$", NULL));
	ck_assert(lint_says("^failed for \\S+ from (?<source_ip>\\S+)", NULL));
	ck_assert(lint_says("failed.* from (?<source_ip>\\S+)", "can steer"));
	ck_assert(lint_says("^failed for (?<user_name>.*?) from (?<source_ip>\\S+)", "can steer"));
	ck_assert(lint_says("^\\w+ \\w+ \\w+ \\w+ (?<source_ip>\\S+)$", "no text of 3 or more bytes"));
	ck_assert(lint_says("^failed for \\S+ from (?<sorce_ip>\\S+)$", "did you mean \"source_ip\"?"));
	ck_assert(lint_says("failed for \\S+ from \\S+\\s*$", NULL));
	ck_assert(lint_says("failed for|\\s+$", "grows faster"));
	ck_assert(lint_says("^failed (\\w+\\s?)+ from (?<source_ip>\\S+)", "runs out of its limits"));
}
END_TEST

START_TEST(the_linter_wants_tests)
{
	struct mx m;
	struct buf found = BUF_INIT;

	mx_use(&m, "events:\n" RULE("a") "    match: abc\n" RULE("b") "    match: [abc, def]\n    tests:\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: abc', event: {}}\n");
	ck_assert_uint_eq(rules_lint(m.rules, note_finding, &found), 4);
	ck_assert_str_eq(buf_str(&found),
	    "2 a: no test shows a line that matches\n"
	    "2 a: no test shows a line that nearly matches (event: none)\n"
	    "7 b: no test shows a line that nearly matches (event: none)\n"
	    "11 b: no test shows a line for this pattern\n");
	buf_free(&found);
	mx_drop(&m);
}
END_TEST

/* ---- the rules we ship ----------------------------------------------------- */

static struct ruleset *
load_shipped(bool jit)
{
	const char *top = getenv("srcdir");
	char path[4096];
	const char *paths[] = {path};
	struct match_conf conf = rig_limits;
	struct diag *d = diag_new();
	struct buf errors = BUF_INIT;
	struct ruleset *rs;

	conf.jit = jit;
	snprintf(path, sizeof(path), "%s/rules", top == NULL ? "." : top);
	rs = ruleset_load(paths, 1, &conf, d);
	diag_print(d, &errors);
	ck_assert_msg(rs != NULL, "%s", buf_str(&errors));
	buf_free(&errors);
	diag_free(&d);
	return rs;
}

static void
note_failure(void *ctx, const struct rules_test_result *r)
{
	if (!r->ok)
		note_result(ctx, r);
}

START_TEST(shipped_rules_pass_their_tests)
{
	struct ruleset *rs = load_shipped(_i != 0);
	struct buf failures = BUF_INIT;

	ck_assert_uint_ge(ruleset_nevents(rs), 30);
	ck_assert_msg(rules_test(rs, NULL, note_failure, &failures) == 0, "%s", buf_str(&failures));
	buf_free(&failures);
	ruleset_unref(&rs);
}
END_TEST

/* All findings but those that rest on measured time, which a busy machine can
 * make up. */
static void
note_lasting(void *ctx, const struct rules_lint_finding *f)
{
	if (strstr(f->text, "grows faster") == NULL)
		note_finding(ctx, f);
}

START_TEST(shipped_rules_have_nothing_to_complain_about)
{
	struct ruleset *rs = load_shipped(true);
	struct buf found = BUF_INIT;

	rules_lint(rs, note_lasting, &found);
	ck_assert_str_eq(buf_str(&found), "");
	buf_free(&found);
	ruleset_unref(&rs);
}
END_TEST

/* None is tried on every line; one that has to be would be named here, with its cost. */
START_TEST(shipped_rules_have_a_literal_each)
{
	struct ruleset *rs = load_shipped(true);
	struct scanner *scanner = scanner_new(rs);

	ck_assert_uint_eq(scanner_without_literal(scanner), 0);
	scanner_free(&scanner);
	ruleset_unref(&rs);
}
END_TEST

/* All events of all test lines by ${rs}. */
static void
run_all_lines(struct ruleset *rs, struct buf *out)
{
	static const struct stream stream = {.id = "s", .source = "s", .path = "s"};
	struct decoder *decoder = decoder_new();
	struct mx m;

	mx_use_rules(&m, ruleset_ref(rs));
	for (size_t i = 0; i < ruleset_nevents(rs); i++) {
		const struct rule_body *body = ruleset_event(rs, i)->body;

		for (size_t j = 0; j < body->ntests; j++) {
			struct line line = {.stream = &stream, .text = sv_str(body->tests[j].line)};
			struct record rec;

			decode_line(decoder, &line, 0, &rec);
			buf_printf(out, "%s\n", mx_events(&m, &rec));
		}
	}
	ck_assert_uint_eq(matcher_stats(m.matcher)->limited, 0);
	mx_drop(&m);
	decoder_free(&decoder);
}

START_TEST(machine_code_and_interpreter_agree)
{
	struct ruleset *by_code = load_shipped(true), *interpreted = load_shipped(false);
	struct buf one = BUF_INIT, other = BUF_INIT;

	ck_assert(!ruleset_limits(interpreted)->jit);
	run_all_lines(by_code, &one);
	run_all_lines(interpreted, &other);
	ck_assert_uint_gt(one.n, 1000);
	ck_assert_str_eq(buf_str(&one), buf_str(&other));
	buf_free(&one);
	buf_free(&other);
	ruleset_unref(&by_code);
	ruleset_unref(&interpreted);
}
END_TEST

/* One attempt to log in, as the lines that OpenSSH writes about it, is counted once. */
START_TEST(one_failed_login_counts_once)
{
	struct mx m;
	static const char *const attempt[] = {
	    "Invalid user oracle from 192.0.2.10 port 40022",
	    "pam_unix(sshd:auth): check pass; user unknown",
	    "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh rhost=::1 ",
	    "Failed password for invalid user oracle from 192.0.2.10 port 40022 ssh2",
	    "Connection closed by invalid user oracle 192.0.2.10 port 40022 [preauth]"};
	size_t counted = 0;

	mx_use_rules(&m, load_shipped(true));
	for (size_t i = 0; i < sizeof(attempt) / sizeof(attempt[0]); i++)
		counted += strstr(mx_match(&m, "sshd-session", sv_str(attempt[i])),
		               "sshd.login-failed ") != NULL;
	ck_assert_uint_eq(counted, 1);
	mx_drop(&m);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("match_rules");
	TCase *tc = tcase_create("match_rules");

	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, tests_in_rules_run_as_lines_do);
	tcase_add_test(tc, fallback_rules_are_tested_by_themselves);
	tcase_add_test(tc, the_linter_finds_what_can_go_wrong);
	tcase_add_test(tc, the_linter_wants_tests);
	tcase_add_loop_test(tc, shipped_rules_pass_their_tests, 0, 2);
	tcase_add_test(tc, shipped_rules_have_nothing_to_complain_about);
	tcase_add_test(tc, shipped_rules_have_a_literal_each);
	tcase_add_test(tc, machine_code_and_interpreter_agree);
	tcase_add_test(tc, one_failed_login_counts_once);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
