/*
 * check_scan: candidates are the lines an editor would show, each with the offset
 * and number to find it again, and with the rules that might match it.
 */
#include <check.h>
#include <stdlib.h>

#include "rig.h"
#include "rule/ruleset.h"
#include "scan/scan.h"
#include "util/buf.h"

#define RULE(id, pattern)                                                                         \
	"  - {id: " id ", title: t, class: c, severity: low, match: '" pattern "'}\n"

/* No literal can be had of it: every line is a candidate. */
static const char any[] = "events:\n" RULE("any", ".");

/* What the scan said, as text: "OFFSET:NUMBER:TEXT|" for each line. */
struct seen {
	struct buf text;
	const struct chunk *chunk;
	bool show_rules; /* "#INDEX" of each after the text */
};

static void
see(void *ctx, const struct line *line, const uint32_t *rules, size_t nrules)
{
	struct seen *seen = ctx;

	ck_assert_ptr_eq(line->stream, seen->chunk->stream);
	ck_assert_int_eq(line->cut, seen->chunk->cut);
	/* An offset leads to the first byte of the text, whatever was skipped. */
	ck_assert_ptr_eq(line->text.p, seen->chunk->data.p + (line->offset - seen->chunk->offset));
	buf_printf(&seen->text, "%d:%d:", (int)line->offset, (int)line->number);
	buf_sv(&seen->text, line->text);
	for (size_t i = 0; i < nrules && seen->show_rules; i++)
		buf_printf(&seen->text, "#%u", (unsigned)rules[i]);
	buf_putc(&seen->text, '|');
}

/* What of ${chunk} is a candidate for the rules ${yaml}. */
static void
expect_of(const char *yaml, bool show_rules, struct chunk chunk, uint64_t lines, struct sv wanted)
{
	struct seen seen = {BUF_INIT, &chunk, show_rules};
	struct stream stream = {.id = "s"};
	struct ruleset *rules = rig_rules(yaml);
	struct scanner *s = scanner_new(rules);

	chunk.stream = &stream;
	ck_assert_uint_eq(scan_chunk(s, &chunk, see, &seen), lines);
	ck_assert_msg(sv_eq(buf_view(&seen.text), wanted), "%s", buf_str(&seen.text));
	buf_free(&seen.text);
	scanner_free(&s);
	ck_assert_ptr_null(s);
	ruleset_unref(&rules);
}

static void
expect(struct chunk chunk, uint64_t lines, const char *wanted)
{
	expect_of(any, false, chunk, lines, sv_str(wanted));
}

static struct chunk
numbered(struct sv data)
{
	return (struct chunk){.offset = 100, .number = 7, .data = data};
}

START_TEST(lines_have_offsets_and_numbers)
{
	expect(numbered(SV("one\ntwo\nthree\n")), 3, "100:7:one|104:8:two|108:9:three|");
}
END_TEST

START_TEST(numbers_stay_unknown)
{
	struct chunk chunk = {.offset = 0, .number = 0, .data = SV("one\ntwo\n")};

	expect(chunk, 2, "0:0:one|4:0:two|");
}
END_TEST

START_TEST(last_line_needs_no_newline)
{
	expect(numbered(SV("one\ntwo")), 2, "100:7:one|104:8:two|");
}
END_TEST

START_TEST(empty_lines_count_but_are_not_offered)
{
	expect(numbered(SV("")), 0, "");
	expect(numbered(SV("\n")), 1, "");
	expect(numbered(SV("\n\none\n\n")), 4, "102:9:one|");
	expect(numbered(SV("\r\none\n")), 2, "102:8:one|");
}
END_TEST

START_TEST(one_carriage_return_goes)
{
	expect(
	    numbered(SV("one\r\ntwo\r\r\nth\rree\r\n")), 3, "100:7:one|105:8:two\r|111:9:th\rree|");
}
END_TEST

START_TEST(leading_zeros_go)
{
	expect(numbered(SV("\0\0\0one\ntwo\n")), 2, "103:7:one|107:8:two|");
	expect(numbered(SV("\0\0\0\none\n")), 2, "104:8:one|");
	expect(numbered(SV("\0\0\r\none\n")), 2, "104:8:one|");
}
END_TEST

static void
note(void *ctx, const struct line *line, const uint32_t *rules, size_t nrules)
{
	(void)rules;
	(void)nrules;
	buf_printf(ctx, "%d:", (int)line->offset);
	buf_sv(ctx, line->text);
	buf_putc(ctx, '|');
}

/* Which lines of ${data} are candidates for rule r, written in ${form} in a file of ${program}. */
static void
expect_form(const char *where, const char *match, enum line_form form, const char *program,
    const char *data, const char *wanted)
{
	struct buf yaml = BUF_INIT, seen = BUF_INIT;
	struct stream stream = {.id = "s", .program = program};
	struct chunk chunk = {.stream = &stream, .form = form, .data = sv_str(data)};
	struct ruleset *rules;
	struct scanner *s;

	buf_printf(&yaml, "events:\n  - id: r\n    title: t\n    class: c\n    severity: low\n"
	                  "    where: %s\n%s", where, match);
	rules = rig_rules(buf_str(&yaml));
	s = scanner_new(rules);
	scan_chunk(s, &chunk, note, &seen);
	ck_assert_str_eq(buf_str(&seen), wanted);
	scanner_free(&s);
	ruleset_unref(&rules);
	buf_free(&seen);
	buf_free(&yaml);
}

START_TEST(lines_made_by_a_format_say_where_they_stand)
{
	const char *data = "12\x1f@program=suricata\x1f" "event_type=alert\x1f@message=one\n"
	                   "345\x1f@program=suricata\x1f" "event_type=flow\x1f@message=two\n";

	expect_form("{fields: {event_type: alert}}", "", LINE_FIELDS, NULL, data,
	    "12:@program=suricata\x1f" "event_type=alert\x1f@message=one|");
	expect_form("{program: suricata, fields: {a: ab}}", "", LINE_FIELDS, NULL, data,
	    "12:@program=suricata\x1f" "event_type=alert\x1f@message=one|"
	    "345:@program=suricata\x1f" "event_type=flow\x1f@message=two|");
}
END_TEST

START_TEST(a_program_that_lines_do_not_name_hides_nothing)
{
	const char *any_text = "    match: '\\d\\d'\n";

	expect_form("{program: nginx}", any_text, LINE_RAW, NULL, "12\nnginx: 34\n", "3:nginx: 34|");
	expect_form("{program: nginx}", any_text, LINE_RAW, "nginx", "12\n34\n", "0:12|3:34|");
}
END_TEST

START_TEST(zeros_inside_stay)
{
	expect_of(any, false, numbered(SV("a\0b\n")), 1, SV("100:7:a\0b|"));
}
END_TEST

START_TEST(cut_is_passed_on)
{
	struct chunk chunk = {
	    .offset = 5, .next = 1 << 20, .number = 3, .data = SV("head of"), .cut = true};

	expect(chunk, 1, "5:3:head of|");
}
END_TEST

static const char three[] = "events:\n" RULE("a", "^failed for (?<user_name>\\S+)")
    RULE("b", "(?i)failed|refused") RULE("c", "session opened");

START_TEST(only_lines_with_a_literal_are_offered)
{
	/* the built-in rules come first or last; those of the file keep their order */
	expect_of(three, false,
	    numbered(SV("nothing\nFAILED for bob\n\nquiet\nx session opened y\nend\nrefused")), 7,
	    SV("108:8:FAILED for bob|130:11:x session opened y|153:13:refused|"));
	expect_of(three, false, numbered(SV("failed f\nor bob\nfail\ned session open\ned\n")), 5,
	    SV("100:7:failed f|"));
}
END_TEST

START_TEST(a_candidate_names_its_rules)
{
	struct ruleset *rules = rig_rules(three);
	unsigned a = (unsigned)ruleset_find_event(rules, "a")->index;
	unsigned b = (unsigned)ruleset_find_event(rules, "b")->index;
	unsigned c = (unsigned)ruleset_find_event(rules, "c")->index;
	struct buf wanted = BUF_INIT;

	buf_printf(&wanted, "100:7:failed for x: session opened#%u#%u#%u|", a, b, c);
	buf_printf(&wanted, "133:9:refused#%u|", b);
	expect_of(three, true,
	    numbered(SV("failed for x: session opened\nxyz\nrefused\n")), 3, buf_view(&wanted));
	buf_free(&wanted);
	ruleset_unref(&rules);
}
END_TEST

START_TEST(a_rule_without_literal_sees_every_line)
{
	struct buf yaml = BUF_INIT, wanted = BUF_INIT;
	struct ruleset *rules;
	unsigned a, d;

	buf_printf(&yaml, "%s" RULE("d", "[0-9]+"), three);
	rules = rig_rules(buf_str(&yaml));
	a = (unsigned)ruleset_find_event(rules, "a")->index;
	d = (unsigned)ruleset_find_event(rules, "d")->index;
	buf_printf(&wanted, "100:7:one#%u|104:8:failed for x#%u#%u#%u|117:9:two#%u|", d, a, a + 1, d, d);
	expect_of(buf_str(&yaml), true, numbered(SV("one\nfailed for x\ntwo\n")), 3,
	    buf_view(&wanted));
	ruleset_unref(&rules);
	buf_free(&yaml);
	buf_free(&wanted);
}
END_TEST

START_TEST(a_cut_line_is_offered_whatever_it_holds)
{
	struct chunk chunk = {
	    .offset = 5, .next = 1 << 20, .number = 3, .data = SV("head of"), .cut = true};

	expect_of(three, true, chunk, 1, SV("5:3:head of|"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("scan");
	TCase *lines = tcase_create("lines");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(lines, lines_have_offsets_and_numbers);
	tcase_add_test(lines, numbers_stay_unknown);
	tcase_add_test(lines, last_line_needs_no_newline);
	tcase_add_test(lines, empty_lines_count_but_are_not_offered);
	tcase_add_test(lines, one_carriage_return_goes);
	tcase_add_test(lines, leading_zeros_go);
	tcase_add_test(lines, zeros_inside_stay);
	tcase_add_test(lines, lines_made_by_a_format_say_where_they_stand);
	tcase_add_test(lines, a_program_that_lines_do_not_name_hides_nothing);
	tcase_add_test(lines, cut_is_passed_on);
	tcase_add_test(lines, only_lines_with_a_literal_are_offered);
	tcase_add_test(lines, a_candidate_names_its_rules);
	tcase_add_test(lines, a_rule_without_literal_sees_every_line);
	tcase_add_test(lines, a_cut_line_is_offered_whatever_it_holds);
	suite_add_tcase(suite, lines);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
