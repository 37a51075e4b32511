/*
 * check_diag: errors as they are printed: all at once, in order, each once, harmless, with
 * the line and a caret under the place.
 */
#include <check.h>
#include <string.h>

#include "conf_rig.h"
#include "util/vis.h"

START_TEST(all_errors_are_printed_at_once)
{
	static const char text[] =
	    "nmae: x\n"
	    "doors: eleven\n"
	    "colour: gren\n"
	    "wheels:\n"
	    "  - {spokes: 3, id: a, id: b}\n"
	    "  - id: &b c\n";
	static const char wanted[] =
	    "car.yaml:1:1: unknown key 'nmae' in a car; did you mean 'name'?\n"
	    "nmae: x\n"
	    "^\n"
	    "car.yaml:2:8: doors: expected a whole number from 2 to 10, not 'eleven'\n"
	    "doors: eleven\n"
	    "       ^\n"
	    "car.yaml:3:9: colour: 'gren' is unknown: expected one of red, green, blue; did you mean "
	    "'green'?\n"
	    "colour: gren\n"
	    "        ^\n"
	    "car.yaml:5:24: duplicate key 'id', first on line 5\n"
	    "  - {spokes: 3, id: a, id: b}\n"
	    "                       ^\n"
	    "car.yaml:6:9: anchors (&b) are not allowed: write it out\n"
	    "  - id: &b c\n"
	    "        ^\n";

	ck_assert_int_eq(cr_read(text), -1);
	cr_check_required(); /* a misspelt name is not missing, too */
	ck_assert_uint_eq(cr_nerrors(), 5);
	ck_assert_str_eq(cr_errors(), wanted);
}
END_TEST

/* What stands in the line before the caret takes the room that it is shown in. */
static const struct {
	const char *text;
	const char *line_and_caret;
} carets[] = {
    {"name: x\nölé: 1", "\nölé: 1\n^\n"},
    {"owners: [äöü, {}]", "\nowners: [äöü, {}]\n              ^\n"},
    {"{name:\tx, doors:\t1}", "\n{name:  x, doors:       1}\n                        ^\n"},
    {"{name: '\xe2\x80\xaex', doors: 1}",
        "\n{name: '\\u{202e}x', doors: 1}\n                           ^\n"},
    {"name: x\r\ndoors: 1\r\n", "\ndoors: 1\n       ^\n"},
    {"\xef\xbb\xbf"
     "doors: 1",
        "\ndoors: 1\n       ^\n"},
    {"name: \"x", "\nname: \"x\n      ^\n"},
};

START_TEST(caret_is_under_its_character)
{
	ck_assert_int_eq(cr_read(carets[_i].text), -1);
	ck_assert_msg(strstr(cr_errors(), carets[_i].line_and_caret) != NULL, "wanted:%s\ngot:\n%s",
	    carets[_i].line_and_caret, cr_errors());
}
END_TEST

START_TEST(long_line_is_cut_around_the_caret)
{
	struct buf text = BUF_INIT, spaces = BUF_INIT;
	const char *out, *line, *caret;

	for (int i = 0; i < 5000; i++)
		buf_putc(&spaces, ' ');
	buf_printf(
	    &text, "{name: a,%s doors: 1,%s electric: true}", buf_str(&spaces), buf_str(&spaces));
	ck_assert_int_eq(cr_read_bytes(text.p, text.n), -1);
	out = cr_errors();
	line = strchr(out, '\n') + 1;
	caret = strchr(line, '\n') + 1;
	ck_assert_uint_lt(strlen(out), 400);
	ck_assert_int_eq(strncmp(line, "...", 3), 0);
	ck_assert_int_eq(line[strcspn(caret, "^")], '1');
	buf_free(&text);
	buf_free(&spaces);
}
END_TEST

START_TEST(errors_are_in_order_of_file_and_line)
{
	struct diag *diag = cr_diag();
	const struct conf_file *a = diag_add_file(diag, "a", "1\n2\n", 4);
	const struct conf_file *b;

	diag_error(diag, (struct mark){a, 2, 1}, "second");
	diag_error_path(diag, "/dir", "third");
	b = diag_add_file(diag, "b", "", 0);
	diag_error(diag, (struct mark){b, 1, 1}, "fourth");
	diag_error(diag, (struct mark){a, 1, 1}, "first");
	ck_assert_str_eq(
	    cr_errors(), "a:1:1: first\n1\n^\na:2:1: second\n2\n^\n/dir: third\nb:1:1: fourth\n");
	ck_assert_uint_eq(cr_nerrors(), 4);
}
END_TEST

START_TEST(what_is_wrong_once_is_said_once)
{
	struct diag *diag = cr_diag();
	const struct conf_file *a = diag_add_file(diag, "a", "1\n2\n", 4);

	diag_error(diag, (struct mark){a, 2, 1}, "%s is wrong", "this");
	diag_error(diag, (struct mark){a, 2, 1}, "%s is wrong", "this");
	diag_error(diag, (struct mark){a, 2, 1}, "%s is wrong", "that");
	ck_assert_str_eq(cr_errors(), "a:2:1: this is wrong\n2\n^\na:2:1: that is wrong\n2\n^\n");
	ck_assert_uint_eq(cr_nerrors(), 3);
}
END_TEST

START_TEST(output_is_harmless)
{
	static const char text[] = "na\x1bme: \xff\x01\nname: \"\\e[31m\\u202e\"\n\"\\e[2J\": 1\n";
	struct buf utf8 = BUF_INIT;
	const char *printed;

	ck_assert_int_eq(cr_read(text), -1);
	ck_assert_uint_ge(cr_nerrors(), 2);
	printed = cr_errors();
	ck_assert(vis_utf8(&utf8, sv_str(printed)));
	for (const char *p = printed; *p != '\0'; p++)
		ck_assert((unsigned char)*p >= ' ' || *p == '\n');
	buf_free(&utf8);
}
END_TEST

START_TEST(errors_without_end_are_counted)
{
	struct buf text = BUF_INIT;

	buf_puts(&text, "owners:\n");
	for (int i = 0; i < 5000; i++)
		buf_puts(&text, "  - []\n");
	ck_assert_int_eq(cr_read_bytes(text.p, text.n), -1);
	ck_assert_uint_eq(cr_nerrors(), 5000);
	ck_assert_ptr_nonnull(strstr(cr_errors(), "\nand 4000 more\n"));
	buf_free(&text);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, all_errors_are_printed_at_once);
	tcase_add_loop_test(tc, caret_is_under_its_character, 0, COUNT(carets));
	tcase_add_test(tc, long_line_is_cut_around_the_caret);
	tcase_add_test(tc, errors_are_in_order_of_file_and_line);
	tcase_add_test(tc, what_is_wrong_once_is_said_once);
	tcase_add_test(tc, output_is_harmless);
	tcase_add_test(tc, errors_without_end_are_counted);
}

int
main(void)
{
	return cr_run("diag", add_tests);
}
