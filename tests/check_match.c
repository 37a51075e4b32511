/*
 * check_match: which lines are which events, why not, and that the rules we ship
 * mean the same by machine code and by PCRE2's interpreter.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/config.h"
#include "decode/decode.h"
#include "match/match.h"
#include "match/rules_lint.h"
#include "match/rules_test.h"
#include "rule/rule.h"
#include "scan/scan.h"

static const struct match_conf limits = {.jit = true,
    .match_limit = 200000,
    .depth_limit = 20000,
    .heap_limit_kib = 2048,
    .max_length = 8192};

static struct buf seen; /* the events of a line: "RULE field=value field=value; " */
static struct ruleset *rules;
static struct matcher *matcher;

/* ---- helpers --------------------------------------------------------------- */

static void
use_with(const char *text, const struct match_conf *conf)
{
	struct diag *d = diag_new();
	struct buf errors = BUF_INIT;

	rules = ruleset_load_text("rules.yaml", text, strlen(text), conf, d);
	diag_print(d, &errors);
	ck_assert_msg(rules != NULL, "%s", buf_str(&errors));
	buf_free(&errors);
	diag_free(&d);
	matcher = matcher_new(rules);
}

static void
use(const char *text)
{
	use_with(text, &limits);
}

static void
drop(void)
{
	matcher_free(&matcher);
	ruleset_unref(&rules);
	buf_free(&seen);
}

static void
see(void *ctx, const struct event *event)
{
	ck_assert_ptr_eq(event->record, ctx);
	buf_printf(&seen, "%s", event->rule->id);
	for (size_t i = 0; i < event->nfields; i++) {
		buf_printf(&seen, " %s=", event->fields[i].name);
		buf_sv(&seen, event->fields[i].value);
	}
	buf_puts(&seen, "; ");
}

static void
ignore(void *ctx, const struct event *event)
{
	(void)ctx;
	(void)event;
}

static struct record
record_of(const struct line *line, const char *program)
{
	return (struct record){.line = line,
	    .facility = -1,
	    .severity = -1,
	    .program = sv_str(program),
	    .message = line->text};
}

static const char *
events_of(struct record *rec)
{
	buf_free(&seen);
	match_record(matcher, rec, see, rec);
	return buf_str(&seen);
}

static const char *
match_text(const char *program, struct sv message)
{
	struct line line = {.text = message};
	struct record rec = record_of(&line, program);

	return events_of(&rec);
}

static void
expect(const char *program, const char *message, const char *wanted)
{
	ck_assert_str_eq(match_text(program, sv_str(message)), wanted);
}

static void
expect_why(const char *rule, const char *program, const char *message, const char *wanted)
{
	struct line line = {.text = sv_str(message)};
	struct record rec = record_of(&line, program);
	struct buf why = BUF_INIT;

	match_explain(matcher, ruleset_find_event(rules, rule), &rec, &why);
	ck_assert_str_eq(buf_str(&why), wanted);
	buf_free(&why);
}

/* The head of an event rule. */
#define RULE(id) "  - id: " id "\n    title: t\n    class: c\n    severity: low\n"

/* ---- matching -------------------------------------------------------------- */

START_TEST(the_first_pattern_that_matches_gives_the_fields)
{
	use("events:\n" RULE("a") "    match:\n"
	    "      - '^login (?<user_name>\\w+) from (?<source_ip>\\S+)$'\n"
	    "      - '^login (?<user_id>\\d+)'\n");
	expect("x", "login 12 from 192.0.2.1", "a user.name=12 source.ip=192.0.2.1; ");
	expect("x", "login 12 again", "a user.id=12; ");
	expect("x", "logout", "");
	ck_assert_uint_eq(matcher_stats(matcher)->records, 3);
	ck_assert_uint_eq(matcher_stats(matcher)->events, 2);
}
END_TEST

START_TEST(every_rule_that_matches_makes_an_event_in_order)
{
	use("events:\n" RULE("open1") "    match: needle\n" RULE("named")
	    "    where: {program: [p, q]}\n    match: needle\n" RULE("open2") "    match: needle\n"
	    RULE("other") "    where: {program: z}\n    match: needle\n");
	expect("q", "a needle", "open1; named; open2; ");
	expect("z", "a needle", "open1; open2; other; ");
	expect("", "a needle", "open1; open2; ");
	expect("P", "a needle", "open1; open2; ");
}
END_TEST

START_TEST(preconditions_hold_or_there_is_no_event)
{
	struct line line = {.text = SV("needle")};
	struct record rec = record_of(&line, "p");

	use("events:\n" RULE("a")
	    "    where: {host: [Gate, db], facility: [auth, authpriv], severity: [err, crit]}\n"
	    "    match: needle\n");
	ck_assert_str_eq(events_of(&rec), "");
	rec.host = SV("GATE");
	rec.facility = 10;
	rec.severity = 3;
	ck_assert_str_eq(events_of(&rec), "a; ");
	rec.facility = 0;
	ck_assert_str_eq(events_of(&rec), "");
	rec.facility = 4;
	rec.severity = 6;
	ck_assert_str_eq(events_of(&rec), "");
	rec.severity = 2;
	rec.host = SV("gateway");
	ck_assert_str_eq(events_of(&rec), "");
}
END_TEST

START_TEST(what_is_not_of_its_type_is_no_field)
{
	use("events:\n" RULE("a")
	    "    match: '^(?<user_name>.*) from (?<source_ip>\\S*) port (?<source_port>\\d+)(?<x_y>z)?$'\n");
	expect("p", "bob from 192.0.2.300 port 70000", "a user.name=bob; ");
	expect("p", " from fe80::1%lo port 22", "a source.ip=fe80::1 source.port=22; ");
	expect("p", "a\033b from  port 22z", "a source.port=22 x.y=z; ");
	expect("p", " from ::FFFF:192.0.2.1 port 1", "a source.ip=192.0.2.1 source.port=1; ");
}
END_TEST

START_TEST(exceptions_exclude)
{
	use("lists:\n  - {id: ours, values: [10.0.0.0/8, '2001:db8::/32']}\n"
	    "events:\n" RULE("a") "    match: '^(?<user_name>\\S*) (?<source_ip>\\S+)$'\n"
	    "    unless:\n      - {source_ip: '@ours', user_name: [backup, monitor]}\n"
	    "      - {source_ip: 192.0.2.1}\n");
	expect("p", "backup 10.1.2.3", "");
	expect("p", "monitor 2001:db8::1", "");
	expect("p", "backup ::ffff:10.1.2.3", "");
	expect("p", "backup 192.0.2.2", "a user.name=backup source.ip=192.0.2.2; ");
	expect("p", "eve 10.1.2.3", "a user.name=eve source.ip=10.1.2.3; ");
	expect("p", "eve 192.0.2.1", "");
	/* What was not captured is in no list. */
	expect("p", " 10.1.2.3", "a source.ip=10.1.2.3; ");
}
END_TEST

/* Once for each rule, with the fields that decided; not what does not match at all. */
START_TEST(what_is_excluded_is_told)
{
	struct line line = {.text = SV("ann 10.1.2.3")}, other = {.text = SV("ann at 10.1.2.3")};
	struct record rec = record_of(&line, "p"), none = record_of(&other, "p");

	use("events:\n" RULE("a") "    match: '^(?<user_name>\\S+) (?<source_ip>\\S+)$'\n"
	    "    unless: [{source_ip: 10.0.0.0/8}, {user_name: ann}]\n"
	    RULE("b") "    match: '^ann (?<source_ip>\\S+)$'\n    unless: [{source_ip: 10.1.2.3}]\n"
	    RULE("c") "    match: '^ann (?<source_ip>\\S+)$'\n    unless: [{source_ip: 10.1.2.4}]\n");
	buf_free(&seen);
	matcher_set_excluded(matcher, see, &rec);
	match_record(matcher, &rec, ignore, NULL);
	ck_assert_str_eq(
	    buf_str(&seen), "a user.name=ann source.ip=10.1.2.3; b source.ip=10.1.2.3; ");
	ck_assert_uint_eq(matcher_stats(matcher)->events, 1);
	buf_free(&seen);
	match_record(matcher, &none, ignore, NULL);
	matcher_set_excluded(matcher, NULL, NULL);
	match_record(matcher, &rec, ignore, NULL);
	ck_assert_str_eq(buf_str(&seen), "");
}
END_TEST

/* In any order of the rules. */
START_TEST(fallback_rules_are_for_lines_that_are_no_others)
{
	use("events:\n" RULE("g") "    fallback: true\n    match: 'needle'\n"
	    RULE("a") "    match: 'needle from (?<source_ip>\\S+)$'\n"
	    "    unless: [{source_ip: 192.0.2.1}]\n"
	    RULE("b") "    where: {program: b}\n    match: 'needle'\n"
	    RULE("h") "    fallback: true\n    match: 'need'\n");
	expect("p", "a needle", "g; h; ");
	expect("p", "in need", "h; ");
	expect("p", "a needle from 192.0.2.2", "a source.ip=192.0.2.2; ");
	expect("b", "a needle", "b; ");
	/* Excluded is known, too. */
	expect("p", "a needle from 192.0.2.1", "");
	expect_why("g", "p", "a needle", "yes: pattern #1 matches\n");
	expect_why("g", "p", "a needle from 192.0.2.1",
	    "no: this rule is a fallback, and the line is one of a\n");
	expect_why("h", "b", "a needle", "no: this rule is a fallback, and the line is one of b\n");
	expect_why("g", "p", "in need", "no: the pattern does not match the message (7 bytes)\n");
}
END_TEST

/* Nothing but what it is told to incident rules makes it another. */
START_TEST(context_is_no_event_but_a_match)
{
	struct sv needle = SV("a needle in more hay than the limit lets through");
	struct match_conf few = limits;

	few.max_length = 16;
	use_with("events:\n" RULE("g") "    fallback: true\n    match: 'needle'\n"
	    RULE("a") "    context: true\n    match: '^a needle'\n"
	    "    tests:\n      - {line: 'a needle', event: {}}\n"
	    "      - {line: 'no needle', event: none}\n", &few);
	ck_assert(ruleset_find_event(rules, "a")->context);
	ck_assert(!ruleset_find_event(rules, "g")->context);
	expect("p", "a needle", "a; ");
	expect("p", "no needle", "g; ");
	expect_why("a", "p", "a needle", "yes: pattern #1 matches\n");
	ck_assert_uint_eq(matcher_stats(matcher)->events, 1);
	/* What else the line holds nobody knows. */
	ck_assert_str_eq(match_text("p", needle), "a; " RULE_LINE_CUT "; ");
	ck_assert_uint_eq(rules_test(rules, NULL, NULL, NULL), 0);
}
END_TEST

START_TEST(bytes_are_bytes)
{
	use("events:\n" RULE("a") "    match: '^a.b.(?<user_name>\\S+)$'\n");
	ck_assert_str_eq(match_text("p", (struct sv){"a\377b\0x\200", 6}), "a user.name=x\200; ");
	ck_assert_str_eq(match_text("p", (struct sv){NULL, 0}), "");
}
END_TEST

/* ---- limits ---------------------------------------------------------------- */

#define EXPLODING "events:\n" RULE("slow") "    match: '^(?<x_y>(a+)+)$'\n" RULE("next") "    match: aaaa\n"

static void
check_limit(bool jit)
{
	struct match_conf conf = limits;

	conf.jit = jit;
	conf.match_limit = 1000;
	use_with(EXPLODING, &conf);
	expect("p", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
	    "triaged.match-limit rule.id=slow; next; ");
	ck_assert_uint_eq(matcher_stats(matcher)->limited, 1);
	expect_why("slow", "p", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
	    "undecided: pattern #1 ran out of its limits: match limit exceeded\n");
}

START_TEST(running_out_of_a_limit_is_an_event)
{
	check_limit(_i != 0);
}
END_TEST

START_TEST(a_long_message_is_tried_as_far_as_allowed)
{
	struct match_conf conf = limits;
	struct line line = {.text = SV("0123456789"), .cut = true};
	struct record rec = record_of(&line, "p");

	conf.max_length = 10;
	use_with("events:\n" RULE("a") "    match: '^0123456789'\n" RULE("b") "    match: 'needle'\n",
	    &conf);
	expect("p", "0123456789 needle", "a; ");
	expect("p", "012345678. needle", "triaged.line-cut; ");
	expect("p", "1234567890", "");
	ck_assert_uint_eq(matcher_stats(matcher)->cut, 2);
	/* The head of a line longer than the source takes. */
	ck_assert_str_eq(events_of(&rec), "a; ");
	line.text = SV("x");
	rec.message = line.text;
	ck_assert_str_eq(events_of(&rec), "triaged.line-cut; ");
}
END_TEST

/* Each crashed or hung PCRE2 10.42's machine code. */
START_TEST(machine_code_that_goes_wrong_is_not_made)
{
	use("events:\n" RULE("back") "    match: '((.||\\1){3}b){2,}+'\n" RULE("call")
	    "    match: '(|\\g<1>(?:|[^a]))\\dB'\n");
	expect("p", "bb", "back; ");
	expect("p", "xxB", "triaged.match-limit rule.id=call; ");
}
END_TEST

/* ---- fields of the record --------------------------------------------------- */

static struct record_field json_fields[] = {{.name = SV("event_type"), .value = SV("alert")},
    {.name = SV("src_ip"), .value = SV("192.0.2.7")}, {.name = SV("user"), .value = SV("eve")}};

static const char *
match_json(const char *message)
{
	struct line line = {.text = sv_str(message)};
	struct record rec = record_of(&line, "suricata");

	rec.fields = json_fields;
	rec.nfields = sizeof(json_fields) / sizeof(json_fields[0]);
	return events_of(&rec);
}

START_TEST(fields_of_the_record_decide_and_are_taken)
{
	use("events:\n" RULE("a") "    where: {fields: {event_type: [alert, drop]}}\n"
	    "    take: {source_ip: [client, src_ip], user_name: user, source_port: port}\n" RULE("b")
	    "    where: {fields: {event_type: alert, user: mallory}}\n" RULE("c")
	    "    where: {fields: {event_type: alert}}\n    match: 'from (?<source_ip>\\S+)'\n"
	    "    take: {source_ip: src_ip}\n" RULE("d") "    match: 'from (?<source_ip>\\S+)'\n");
	/* What a message claims is nothing against what the record says. */
	ck_assert_str_eq(match_json("from 203.0.113.9"),
	    "a source.ip=192.0.2.7 user.name=eve; "
	    "c source.ip=192.0.2.7; d source.ip=203.0.113.9; ");
	ck_assert_str_eq(match_json("nothing"), "a source.ip=192.0.2.7 user.name=eve; ");
	expect("suricata", "from 203.0.113.9", "d source.ip=203.0.113.9; ");
	expect_why("b", "suricata", "x",
	    "no: the line's event_type is not known, the rule wants alert\n");
}
END_TEST

START_TEST(a_field_may_have_any_value_and_a_list_of_addresses_gives_the_first)
{
	static const struct record_field proxied[] = {
	    {.name = SV("forwarded"), .value = SV("192.0.2.9 , 198.51.100.1,2001:db8::1")},
	    {.name = SV("empty"), .value = SV("")}};
	struct line line = {.text = SV("x")};
	struct record rec = record_of(&line, "p");

	rec.fields = proxied;
	rec.nfields = 2;
	use("events:\n" RULE("a") "    where: {fields: {forwarded: '*'}}\n"
	    "    take: {source_ip: forwarded, user_name: forwarded}\n" RULE("b")
	    "    where: {fields: {empty: '*'}}\n");
	ck_assert_str_eq(events_of(&rec),
	    "a source.ip=192.0.2.9 user.name=192.0.2.9 , 198.51.100.1,2001:db8::1; ");
	expect_why("a", "p", "x", "no: the line's forwarded is not known, the rule wants any\n");
}
END_TEST

/* ---- explaining ------------------------------------------------------------ */

START_TEST(a_verdict_is_explained)
{
	use("lists:\n  - {id: ours, values: [10.0.0.0/8]}\n"
	    "events:\n" RULE("a") "    where: {program: [sshd, sshd-session]}\n"
	    "    match: ['^from (?<source_ip>\\S+)(?: as (?<user_name>.*))?$', '^to']\n"
	    "    unless: [{user_name: root}, {source_ip: '@ours', user_name: [a, b]}]\n" RULE("f")
	    "    where: {facility: [auth, authpriv]}\n    match: 'xxx'\n");
	expect_why("a", "cron\033", "from 192.0.2.1",
	    "no: the line's program is \"cron\\x1b\", the rule wants sshd or sshd-session\n");
	expect_why("a", "", "from 192.0.2.1",
	    "no: the line's program is not known, the rule wants sshd or sshd-session\n");
	expect_why("a", "sshd", "hello", "no: none of 2 patterns matches the message (5 bytes)\n");
	expect_why("f", "sshd", "xxx",
	    "no: the line's syslog facility is not known, the rule wants auth or authpriv\n");
	expect_why("a", "sshd", "from 10.0.0.1 as b",
	    "no: excluded by unless #2: source_ip in @ours and user_name in a, b\n"
	    "  source.ip = 10.0.0.1\n  user.name = b\n");
	expect_why("a", "sshd", "from 192.0.2.1 as root",
	    "no: excluded by unless #1: user_name is root\n"
	    "  source.ip = 192.0.2.1\n  user.name = root\n");
	expect_why("a", "sshd", "from host as x\033[2J",
	    "yes: pattern #1 matches\n"
	    "  source.ip: nothing captured, or not of type ip\n"
	    "  user.name: nothing captured, or not of type user\n");
	expect_why("a", "sshd", "from 192.0.2.1", "yes: pattern #1 matches\n  source.ip = 192.0.2.1\n"
	                                          "  user.name: nothing captured, or not of type user\n");
	expect_why(RULE_LINE_CUT, "sshd", "x",
	    "no: this rule is about the detector, no pattern belongs to it\n");
}
END_TEST

/* ---- the rules' own tests -------------------------------------------------- */

static void
note_result(void *ctx, const struct rules_test_result *r)
{
	buf_printf(ctx, "%s:%d %s %s%s%s\n", r->file, r->line, r->rule, r->ok ? "ok" : "failed",
	    r->ok ? "" : ": ", r->ok ? "" : r->text);
}

START_TEST(tests_in_rules_run_as_lines_do)
{
	struct buf results = BUF_INIT;

	use("events:\n" RULE("a") "    where: {program: app}\n"
	    "    match: '^from (?<source_ip>\\S+)$'\n    tests:\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: from 192.0.2.1', event: {source_ip: 192.0.2.1}}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: from 192.0.2.1', event: {}}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: to 192.0.2.1', event: none}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: from 192.0.2.1', event: none}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: from 192.0.2.1', event: {source_ip: 192.0.2.2}}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: from there', event: {source_ip: there}}\n"
	    "      - {line: 'Jan 10 08:15:01 gate cron[1]: from 192.0.2.1', event: {}}\n");
	ck_assert_uint_eq(rules_test(rules, NULL, note_result, &results), 4);
	ck_assert_str_eq(buf_str(&results),
	    "rules.yaml:9 a ok\nrules.yaml:10 a ok\nrules.yaml:11 a ok\n"
	    "rules.yaml:12 a failed: expected no event, but the rule matches\n"
	    "rules.yaml:13 a failed: expected source.ip = 192.0.2.2, got 192.0.2.1\n"
	    "rules.yaml:14 a failed: expected source.ip = there, got nothing\n"
	    "rules.yaml:15 a failed: expected an event: no: the line's program is \"cron\", the "
	    "rule wants app\n");
	buf_free(&results);
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
	size_t n;
	bool says;

	buf_printf(&text, "events:\n" RULE("a") "    match: '%s'\n    tests:\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: failed for bob from 192.0.2.1', event: {}}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: x', event: none}\n", pattern);
	use(buf_str(&text));
	n = rules_lint(rules, note_finding, &found);
	says = words == NULL ? n == 0 : strstr(buf_str(&found), words) != NULL;
	if (!says)
		fprintf(stderr, "%s: %s\n", pattern, buf_str(&found));
	buf_free(&text);
	buf_free(&found);
	drop();
	return says;
}

/* What other rules match must not break them. */
START_TEST(fallback_rules_are_tested_by_themselves)
{
	use("events:\n" RULE("a") "    match: 'needle'\n" RULE("g")
	    "    fallback: true\n    match: 'needle'\n    tests:\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: needle', event: {}}\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: nettle', event: none}\n");
	ck_assert_uint_eq(rules_test(rules, NULL, NULL, NULL), 0);
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
	struct buf found = BUF_INIT;

	use("events:\n" RULE("a") "    match: abc\n" RULE("b") "    match: [abc, def]\n    tests:\n"
	    "      - {line: 'Jan 10 08:15:01 gate app[1]: abc', event: {}}\n");
	ck_assert_uint_eq(rules_lint(rules, note_finding, &found), 4);
	ck_assert_str_eq(buf_str(&found),
	    "2 a: no test shows a line that matches\n"
	    "2 a: no test shows a line that nearly matches (event: none)\n"
	    "7 b: no test shows a line that nearly matches (event: none)\n"
	    "11 b: no test shows a line for this pattern\n");
	buf_free(&found);
}
END_TEST

/* ---- the rules we ship ----------------------------------------------------- */

static struct ruleset *
load_shipped(bool jit)
{
	const char *top = getenv("srcdir");
	char path[4096];
	const char *paths[] = {path};
	struct match_conf conf = limits;
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

	matcher = matcher_new(rs);
	for (size_t i = 0; i < ruleset_nevents(rs); i++) {
		const struct rule_body *body = ruleset_event(rs, i)->body;

		for (size_t j = 0; j < body->ntests; j++) {
			struct line line = {.stream = &stream, .text = sv_str(body->tests[j].line)};
			struct record rec;

			decode_line(decoder, &line, 0, &rec);
			buf_printf(out, "%s\n", events_of(&rec));
		}
	}
	ck_assert_uint_eq(matcher_stats(matcher)->limited, 0);
	matcher_free(&matcher);
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
	static const char *const attempt[] = {
	    "Invalid user oracle from 192.0.2.10 port 40022",
	    "pam_unix(sshd:auth): check pass; user unknown",
	    "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh rhost=::1 ",
	    "Failed password for invalid user oracle from 192.0.2.10 port 40022 ssh2",
	    "Connection closed by invalid user oracle 192.0.2.10 port 40022 [preauth]"};
	size_t counted = 0;

	rules = load_shipped(true);
	matcher = matcher_new(rules);
	for (size_t i = 0; i < sizeof(attempt) / sizeof(attempt[0]); i++)
		counted += strstr(match_text("sshd-session", sv_str(attempt[i])),
		               "sshd.login-failed ") != NULL;
	ck_assert_uint_eq(counted, 1);
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, NULL, drop);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, the_first_pattern_that_matches_gives_the_fields);
	tcase_add_test(t, every_rule_that_matches_makes_an_event_in_order);
	tcase_add_test(t, preconditions_hold_or_there_is_no_event);
	tcase_add_test(t, what_is_not_of_its_type_is_no_field);
	tcase_add_test(t, exceptions_exclude);
	tcase_add_test(t, what_is_excluded_is_told);
	tcase_add_test(t, fallback_rules_are_for_lines_that_are_no_others);
	tcase_add_test(t, context_is_no_event_but_a_match);
	tcase_add_test(t, bytes_are_bytes);
	tcase_add_loop_test(t, running_out_of_a_limit_is_an_event, 0, 2);
	tcase_add_test(t, a_long_message_is_tried_as_far_as_allowed);
	tcase_add_test(t, machine_code_that_goes_wrong_is_not_made);
	tcase_add_test(t, fields_of_the_record_decide_and_are_taken);
	tcase_add_test(t, a_field_may_have_any_value_and_a_list_of_addresses_gives_the_first);
	tcase_add_test(t, a_verdict_is_explained);
	tcase_add_test(t, tests_in_rules_run_as_lines_do);
	tcase_add_test(t, fallback_rules_are_tested_by_themselves);
	tcase_add_test(t, the_linter_finds_what_can_go_wrong);
	tcase_add_test(t, the_linter_wants_tests);
	tcase_add_loop_test(t, shipped_rules_pass_their_tests, 0, 2);
	tcase_add_test(t, shipped_rules_have_nothing_to_complain_about);
	tcase_add_test(t, shipped_rules_have_a_literal_each);
	tcase_add_test(t, machine_code_and_interpreter_agree);
	tcase_add_test(t, one_failed_login_counts_once);
}

int
main(void)
{
	Suite *s = suite_create("match");
	TCase *t = tcase_create("match");
	SRunner *runner;
	int failed;

	add_tests(t);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
