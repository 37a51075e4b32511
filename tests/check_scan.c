/*
 * check_scan: chunks are split into the lines an editor would show, each with
 * the offset and number to find it again.
 */
#include <check.h>
#include <stdlib.h>

#include "scan/scan.h"
#include "util/buf.h"

/* What the scan said, as text: "OFFSET:NUMBER:TEXT|" for each line. */
struct seen {
	struct buf text;
	const struct chunk *chunk;
};

static void
see(void *ctx, const struct line *line)
{
	struct seen *seen = ctx;

	ck_assert_ptr_eq(line->stream, seen->chunk->stream);
	ck_assert_int_eq(line->cut, seen->chunk->cut);
	/* An offset leads to the first byte of the text, whatever was skipped. */
	ck_assert_ptr_eq(line->text.p, seen->chunk->data.p + (line->offset - seen->chunk->offset));
	buf_printf(&seen->text, "%d:%d:", (int)line->offset, (int)line->number);
	buf_sv(&seen->text, line->text);
	buf_putc(&seen->text, '|');
}

static void
expect(struct chunk chunk, uint64_t lines, const char *wanted)
{
	struct seen seen = {BUF_INIT, &chunk};
	struct stream stream = {.id = "s"};
	struct scanner *s = scanner_new(NULL);

	chunk.stream = &stream;
	ck_assert_uint_eq(scan_chunk(s, &chunk, see, &seen), lines);
	ck_assert_str_eq(buf_str(&seen.text), wanted);
	buf_free(&seen.text);
	scanner_free(&s);
	ck_assert_ptr_null(s);
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

START_TEST(zeros_inside_stay)
{
	struct chunk chunk = numbered(SV("a\0b\n"));
	struct seen seen = {BUF_INIT, &chunk};
	struct scanner *s = scanner_new(NULL);

	ck_assert_uint_eq(scan_chunk(s, &chunk, see, &seen), 1);
	ck_assert(sv_eq(buf_view(&seen.text), SV("100:7:a\0b|")));
	buf_free(&seen.text);
	scanner_free(&s);
}
END_TEST

START_TEST(cut_is_passed_on)
{
	struct chunk chunk = {
	    .offset = 5, .next = 1 << 20, .number = 3, .data = SV("head of"), .cut = true};

	expect(chunk, 1, "5:3:head of|");
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
	tcase_add_test(lines, cut_is_passed_on);
	suite_add_tcase(suite, lines);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
