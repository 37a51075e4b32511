/*
 * check_conf_yaml: which YAML is read at all: the strict subset, its bounds, and where it
 * is said that something is outside of them.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "conf_rig.h"
#include "util/xalloc.h"

static const struct {
	const char *text;
	const char *wanted;
} refused[] = {
    {"name: &x a", "car.yaml:1:7: anchors (&x)"},
    {"name: *x", "car.yaml:1:7: aliases (*x)"},
    {"name: !!str a", "car.yaml:1:7: tags"},
    {"name: ! a", "car.yaml:1:7: tags"},
    {"spare: !wheel {id: a}", "car.yaml:1:8: tags"},
    {"name: a\n<<: {doors: 3}", "car.yaml:2:1: merge keys"},
    {"name: a\n\"name\": b", "car.yaml:2:1: duplicate key 'name', first on line 1"},
    {"labels: {a: 1, b: 2, a: 3}", "car.yaml:1:22: duplicate key 'a'"},
    {"name: a\n---\nname: b", "car.yaml:2:1: a second document"},
    {"name: a\n...\n---\n", "car.yaml:3:1: a second document"},
    {"? [name]\n: a", "car.yaml:1:3: a key must be plain text"},
    {"\"\": a", "car.yaml:1:1: an empty key"},
    {"name: \"a\\0b\"", "car.yaml:1:7: a NUL character"},
    {"[name]", "car.yaml:1:1: a car: expected a mapping (key: value), not a list"},
    {"name", "car.yaml:1:1: a car: expected a mapping (key: value), not 'name'"},
    {"name: a: b", "car.yaml:1:8: a ': ' that is not expected here"},
    {"wheels:\n\t- id: x", "car.yaml:2:1: a tab here"},
    {"name: x\n\tdoors: 3", "car.yaml:2:1: a tab here"},
    {"name: \"\\S+\"", "car.yaml:1:8: an unknown escape in double quotes"},
    {"name: a\nowners: [a,\n  b", "car.yaml:2:9: opened here and never closed"},
    {"name: 'a\nb: c", "car.yaml:1:7: opened here and never closed"},
    {"name: @a", "car.yaml:1:7: a value cannot start with '@'"},
    {"name: %a", "car.yaml:1:7: a value cannot start with '%'"},
    {"name: a\ndoors\ncolour: red", "car.yaml:2:1: expected 'key: value'"},
    {"wheels:\n  - id: a\n id: b", "car.yaml:3:2: expected"},
    {"name: a\x01", "car.yaml:1:8: a control character (byte 01)"},
    {"name: \xc3\xa4\xff", "car.yaml:1:8: not UTF-8 text (byte ff)"},
    {"name: \xed\xa0\x80", "car.yaml:1:7: not UTF-8 text"},
    {"name: a\rb", "car.yaml:1:8: a control character (byte 0d)"},
    {"name: a\xe2\x80\xa8", "car.yaml:1:8: a line end other than a newline"},
    {"name: a\xef\xbb\xbf", "car.yaml:1:8: a byte order mark inside"},
};

START_TEST(yaml_is_refused_with_its_place)
{
	cr_refuse(refused[_i].text, refused[_i].wanted);
}
END_TEST

START_TEST(bytes_that_are_no_text_end_in_one_file)
{
	char noise[4000];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i % 7 == 0 ? '\n' : 0);
	ck_assert_int_eq(cr_read_bytes(noise, sizeof(noise)), -1);
	ck_assert_uint_lt(cr_nerrors(), 20);
	ck_assert_ptr_nonnull(strstr(cr_errors(), "this is no text"));
	cr_check_required();
	ck_assert_ptr_null(strstr(cr_errors(), "needs the key"));
}
END_TEST

START_TEST(depth_is_bounded)
{
	struct buf text = BUF_INIT;

	buf_puts(&text, "trips: ");
	for (int i = 0; i < 100000; i++)
		buf_putc(&text, '[');
	ck_assert_int_eq(cr_read_bytes(text.p, text.n), -1);
	ck_assert_ptr_nonnull(strstr(cr_errors(), "car.yaml:1:23: nested deeper than 16 levels"));
	buf_free(&text);
}
END_TEST

START_TEST(size_is_bounded)
{
	size_t n = (4U << 20) + 1;
	char *text = xmalloc(n);

	memset(text, '#', n);
	ck_assert_int_eq(cr_read_bytes(text, n - 1), 0);
	ck_assert_int_eq(cr_read_bytes(text, n), -1);
	ck_assert_str_eq(cr_errors(), "car.yaml: larger than 4 MiB\n");
	free(text);
}
END_TEST

START_TEST(reading_goes_on_up_to_a_syntax_error)
{
	ck_assert_int_eq(cr_read("doors: 1\ncolour: re\nname: a: b\n"), -1);
	cr_check_required();
	ck_assert_uint_eq(cr_nerrors(), 3);
	ck_assert_ptr_nonnull(strstr(cr_errors(), "car.yaml:3:8: a ': '"));
}
END_TEST

static const char *const empty[] = {"", "# nothing\n", "---\n", "%YAML 1.1\n---\n...\n", "{}"};

START_TEST(empty_document_is_an_empty_mapping)
{
	cr_expect_read(empty[_i]);
	cr_check_required();
	ck_assert_ptr_nonnull(strstr(cr_errors(), "a car needs the key 'name'"));
}
END_TEST

START_TEST(unreadable_file_is_an_error)
{
	struct car car = {0};

	ck_assert_int_eq(conf_read("/nonexistent/x", &car_table, &car, cr_diag()), -1);
	ck_assert_int_eq(conf_read("/", &car_table, &car, cr_diag()), -1);
	ck_assert_str_eq(cr_errors(),
	    "/nonexistent/x: cannot be read: No such file or directory\n"
	    "/: cannot be read: not a regular file\n");
	conf_clear(&car_table, &car);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, yaml_is_refused_with_its_place, 0, COUNT(refused));
	tcase_add_test(tc, bytes_that_are_no_text_end_in_one_file);
	tcase_add_test(tc, depth_is_bounded);
	tcase_add_test(tc, size_is_bounded);
	tcase_add_test(tc, reading_goes_on_up_to_a_syntax_error);
	tcase_add_loop_test(tc, empty_document_is_an_empty_mapping, 0, COUNT(empty));
	tcase_add_test(tc, unreadable_file_is_an_error);
}

int
main(void)
{
	return cr_run("conf_yaml", add_tests);
}
