/*
 * check_conf: the strict reader of YAML: what it refuses, where it says so, and
 * what it makes of the rest.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "conf/schema.h"
#include "rig.h"
#include "util/vis.h"
#include "util/xalloc.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* A table with a key of each type. */
struct wheel {
	struct conf_head head;
	struct conf_string id;
	int64_t spokes;
};

struct car {
	struct conf_head head;
	struct conf_string name;
	int64_t doors;
	int64_t pause;
	bool electric;
	int colour;
	struct conf_strings owners;
	struct conf_string key;
	struct wheel spare;
	struct conf_list wheels;
	struct conf_map labels;
	struct conf_maps trips;
};

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct conf_key wheel_keys[] = {
    {.name = "id", .type = CONF_STRING, .offset = offsetof(struct wheel, id), .required = true},
    {.name = "spokes",
        .type = CONF_INT,
        .offset = offsetof(struct wheel, spokes),
        .fallback = "12"},
};

static const struct conf_table wheel_table = {
    "a wheel", "wheel", sizeof(struct wheel), wheel_keys, 2};

static const struct conf_key car_keys[] = {
    {.name = "name", .type = CONF_STRING, .offset = offsetof(struct car, name), .required = true},
    {.name = "doors",
        .type = CONF_INT,
        .offset = offsetof(struct car, doors),
        .min = 2,
        .max = 10,
        .fallback = "4",
        .help = "How many."},
    {.name = "pause",
        .type = CONF_DURATION,
        .offset = offsetof(struct car, pause),
        .min = 1000,
        .max = 3600000,
        .fallback = "10m"},
    {.name = "electric",
        .type = CONF_BOOL,
        .offset = offsetof(struct car, electric),
        .fallback = "true"},
    {.name = "colour",
        .type = CONF_ENUM,
        .offset = offsetof(struct car, colour),
        .names = colours,
        .fallback = "green"},
    {.name = "owners",
        .type = CONF_STRINGS,
        .offset = offsetof(struct car, owners),
        .fallback = "[ann, bob]"},
    {.name = "key", .type = CONF_SECRET, .offset = offsetof(struct car, key)},
    {.name = "spare",
        .type = CONF_OBJECT,
        .offset = offsetof(struct car, spare),
        .sub = &wheel_table},
    {.name = "wheels",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct car, wheels),
        .sub = &wheel_table},
    {.name = "labels", .type = CONF_MAP, .offset = offsetof(struct car, labels), .scalar = "none"},
    {.name = "trips", .type = CONF_MAPS, .offset = offsetof(struct car, trips)},
};

static const struct conf_table car_table = {
    "a car", "car", sizeof(struct car), car_keys, sizeof(car_keys) / sizeof(car_keys[0])};

static struct diag *diag;
static struct car car;
static struct buf printed;

static void
setup(void)
{
	diag = diag_new();
	memset(&car, 0, sizeof(car));
	printed = (struct buf)BUF_INIT;
}

static void
teardown(void)
{
	conf_clear(&car_table, &car);
	diag_free(&diag);
	buf_free(&printed);
}

static int
read_bytes(const char *text, size_t n)
{
	return conf_read_text("car.yaml", text, n, &car_table, &car, diag);
}

static int
read_car(const char *text)
{
	return read_bytes(text, strlen(text));
}

static const char *
errors(void)
{
	printed.n = 0;
	diag_print(diag, &printed);
	return buf_str(&printed);
}

/* Did reading ${text} give one error, and does it begin with ${wanted}? */
static void
expect_one(const char *text, const char *wanted)
{
	ck_assert_int_eq(read_car(text), -1);
	ck_assert_msg(diag_errors(diag) == 1 && strncmp(errors(), wanted, strlen(wanted)) == 0,
	    "wanted one error: %s\ngot %zu:\n%s", wanted, diag_errors(diag), errors());
}

static void
expect_none(const char *text)
{
	ck_assert_msg(read_car(text) == 0, "%s", errors());
}

/* --- errors and carets */

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

	ck_assert_int_eq(read_car(text), -1);
	conf_check_required(&car_table, &car, diag); /* a misspelt name is not missing, too */
	ck_assert_uint_eq(diag_errors(diag), 5);
	ck_assert_str_eq(errors(), wanted);
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
	ck_assert_int_eq(read_car(carets[_i].text), -1);
	ck_assert_msg(strstr(errors(), carets[_i].line_and_caret) != NULL, "wanted:%s\ngot:\n%s",
	    carets[_i].line_and_caret, errors());
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
	ck_assert_int_eq(read_bytes(text.p, text.n), -1);
	out = errors();
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
	const struct conf_file *a = diag_add_file(diag, "a", "1\n2\n", 4);
	const struct conf_file *b;

	diag_error(diag, (struct mark){a, 2, 1}, "second");
	diag_error_path(diag, "/dir", "third");
	b = diag_add_file(diag, "b", "", 0);
	diag_error(diag, (struct mark){b, 1, 1}, "fourth");
	diag_error(diag, (struct mark){a, 1, 1}, "first");
	ck_assert_str_eq(errors(),
	    "a:1:1: first\n1\n^\na:2:1: second\n2\n^\n/dir: third\nb:1:1: fourth\n");
	ck_assert_uint_eq(diag_errors(diag), 4);
}
END_TEST

START_TEST(what_is_wrong_once_is_said_once)
{
	const struct conf_file *a = diag_add_file(diag, "a", "1\n2\n", 4);

	diag_error(diag, (struct mark){a, 2, 1}, "%s is wrong", "this");
	diag_error(diag, (struct mark){a, 2, 1}, "%s is wrong", "this");
	diag_error(diag, (struct mark){a, 2, 1}, "%s is wrong", "that");
	ck_assert_str_eq(errors(), "a:2:1: this is wrong\n2\n^\na:2:1: that is wrong\n2\n^\n");
	ck_assert_uint_eq(diag_errors(diag), 3);
}
END_TEST

START_TEST(output_is_harmless)
{
	static const char text[] = "na\x1bme: \xff\x01\nname: \"\\e[31m\\u202e\"\n\"\\e[2J\": 1\n";
	struct buf utf8 = BUF_INIT;

	ck_assert_int_eq(read_car(text), -1);
	ck_assert_uint_ge(diag_errors(diag), 2);
	errors();
	ck_assert(vis_utf8(&utf8, buf_view(&printed)));
	for (size_t i = 0; i < printed.n; i++)
		ck_assert((unsigned char)printed.p[i] >= ' ' || printed.p[i] == '\n');
	buf_free(&utf8);
}
END_TEST

START_TEST(errors_without_end_are_counted)
{
	struct buf text = BUF_INIT;

	buf_puts(&text, "owners:\n");
	for (int i = 0; i < 5000; i++)
		buf_puts(&text, "  - []\n");
	ck_assert_int_eq(read_bytes(text.p, text.n), -1);
	ck_assert_uint_eq(diag_errors(diag), 5000);
	ck_assert_ptr_nonnull(strstr(errors(), "\nand 4000 more\n"));
	buf_free(&text);
}
END_TEST

/* --- the YAML that is allowed */

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
	expect_one(refused[_i].text, refused[_i].wanted);
}
END_TEST

START_TEST(bytes_that_are_no_text_end_in_one_file)
{
	char noise[4000];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i % 7 == 0 ? '\n' : 0);
	ck_assert_int_eq(read_bytes(noise, sizeof(noise)), -1);
	ck_assert_uint_lt(diag_errors(diag), 20);
	ck_assert_ptr_nonnull(strstr(errors(), "this is no text"));
	conf_check_required(&car_table, &car, diag);
	ck_assert_ptr_null(strstr(errors(), "needs the key"));
}
END_TEST

START_TEST(depth_is_bounded)
{
	struct buf text = BUF_INIT;

	buf_puts(&text, "trips: ");
	for (int i = 0; i < 100000; i++)
		buf_putc(&text, '[');
	ck_assert_int_eq(read_bytes(text.p, text.n), -1);
	ck_assert_ptr_nonnull(strstr(errors(), "car.yaml:1:23: nested deeper than 16 levels"));
	buf_free(&text);
}
END_TEST

START_TEST(size_is_bounded)
{
	size_t n = (4U << 20) + 1;
	char *text = xmalloc(n);

	memset(text, '#', n);
	ck_assert_int_eq(read_bytes(text, n - 1), 0);
	ck_assert_int_eq(read_bytes(text, n), -1);
	ck_assert_str_eq(errors(), "car.yaml: larger than 4 MiB\n");
	free(text);
}
END_TEST

START_TEST(reading_goes_on_up_to_a_syntax_error)
{
	ck_assert_int_eq(read_car("doors: 1\ncolour: re\nname: a: b\n"), -1);
	conf_check_required(&car_table, &car, diag);
	ck_assert_uint_eq(diag_errors(diag), 3);
	ck_assert_ptr_nonnull(strstr(errors(), "car.yaml:3:8: a ': '"));
}
END_TEST

static const char *const empty[] = {"", "# nothing\n", "---\n", "%YAML 1.1\n---\n...\n", "{}"};

START_TEST(empty_document_is_an_empty_mapping)
{
	expect_none(empty[_i]);
	conf_check_required(&car_table, &car, diag);
	ck_assert_ptr_nonnull(strstr(errors(), "a car needs the key 'name'"));
}
END_TEST

START_TEST(unreadable_file_is_an_error)
{
	ck_assert_int_eq(conf_read("/nonexistent/x", &car_table, &car, diag), -1);
	ck_assert_int_eq(conf_read("/", &car_table, &car, diag), -1);
	ck_assert_str_eq(errors(),
	    "/nonexistent/x: cannot be read: No such file or directory\n"
	    "/: cannot be read: not a regular file\n");
}
END_TEST

/* --- values */

static const char *const words[] = {
    "no", "0777", "1e3", "~", "null", "2026-01-01", "12:30:45", "0x1F"};

START_TEST(plain_text_stays_text)
{
	char *text = xasprintf("name: %s\nlabels: {%s: [%s]}\n", words[_i], words[_i], words[_i]);

	expect_none(text);
	ck_assert_str_eq(car.name.s, words[_i]);
	ck_assert_str_eq(car.labels.v[0].name.s, words[_i]);
	ck_assert_str_eq(car.labels.v[0].values.v[0].s, words[_i]);
	free(text);
}
END_TEST

START_TEST(absent_keys_have_their_defaults)
{
	expect_none("name: a");
	ck_assert_int_eq(car.doors, 4);
	ck_assert_int_eq(car.pause, 600000);
	ck_assert(car.electric);
	ck_assert_int_eq(car.colour, 1);
	ck_assert_uint_eq(car.owners.n, 2);
	ck_assert_str_eq(car.owners.v[1].s, "bob");
	ck_assert_int_eq(car.spare.spokes, 12);
	ck_assert_ptr_null(car.key.s);
	ck_assert(conf_is_set(&car_table, &car, "name"));
	ck_assert(!conf_is_set(&car_table, &car, "doors"));
}
END_TEST

START_TEST(every_type_is_read)
{
	expect_none(
	    "name: 'it''s'\ndoors: 5\npause: 30s\nelectric: false\ncolour: blue\n"
	    "owners: eve\nkey: k\nspare: {id: s}\n"
	    "wheels:\n- {id: a}\n- id: b\n  spokes: -3\n"
	    "labels: {x: [1, 2], y: z}\ntrips:\n  - {to: rome}\n  - {to: oslo, by: sea}\n");
	ck_assert_str_eq(car.name.s, "it's");
	ck_assert_int_eq(car.name.at.line, 1);
	ck_assert_int_eq(car.name.at.column, 7);
	ck_assert_int_eq(car.doors, 5);
	ck_assert_int_eq(car.pause, 30000);
	ck_assert(!car.electric);
	ck_assert_int_eq(car.colour, 2);
	ck_assert_uint_eq(car.owners.n, 1);
	ck_assert_str_eq(car.owners.v[0].s, "eve");
	ck_assert_str_eq(car.spare.id.s, "s");
	ck_assert_uint_eq(car.wheels.n, 2);
	ck_assert_int_eq(((struct wheel *)car.wheels.v)[0].spokes, 12);
	ck_assert_int_eq(((struct wheel *)car.wheels.v)[1].spokes, -3);
	ck_assert_int_eq(((struct wheel *)car.wheels.v)[1].head.at.line, 11);
	ck_assert_uint_eq(car.labels.n, 2);
	ck_assert_uint_eq(car.labels.v[0].values.n, 2);
	ck_assert_uint_eq(car.trips.n, 2);
	ck_assert_str_eq(car.trips.v[1].v[1].name.s, "by");
}
END_TEST

static const struct {
	const char *text;
	const char *wanted;
} wrong[] = {
    {"doors: 1", "car.yaml:1:8: doors: expected a whole number from 2 to 10, not '1'"},
    {"doors: 11", "car.yaml:1:8: doors: expected a whole number from 2 to 10"},
    {"doors: 4.0", "car.yaml:1:8: doors: expected a whole number"},
    {"doors: 04", "car.yaml:1:8: doors: expected a whole number"},
    {"doors: +4", "car.yaml:1:8: doors: expected a whole number"},
    {"doors: 0x4", "car.yaml:1:8: doors: expected a whole number"},
    {"doors: '4'", "car.yaml:1:8: doors: expected a whole number from 2 to 10, not '4' in quotes"},
    {"doors: 99999999999999999999", "car.yaml:1:8: doors: expected a whole number"},
    {"doors: [4]", "car.yaml:1:8: doors: expected a whole number from 2 to 10, not a list"},
    {"doors:", "car.yaml:1:7: doors has no value: expected a whole number"},
    {"pause: 10",
        "car.yaml:1:8: pause: expected a time with its unit (such as 30s, 10m, 12h, 7d) "
        "from 1s to 1h, not '10'"},
    {"pause: 10min", "car.yaml:1:8: pause: expected a time with its unit"},
    {"pause: 999ms", "car.yaml:1:8: pause: expected a time with its unit"},
    {"pause: 61m", "car.yaml:1:8: pause: expected a time with its unit"},
    {"pause: 1 m", "car.yaml:1:8: pause: expected a time with its unit"},
    {"electric: yes", "car.yaml:1:11: electric: expected true or false, not 'yes'"},
    {"electric: True", "car.yaml:1:11: electric: expected true or false"},
    {"electric: 'true'", "car.yaml:1:11: electric: expected true or false"},
    {"colour: Red",
        "car.yaml:1:9: colour: 'Red' is unknown: expected one of red, green, blue; did "
        "you mean 'red'?"},
    {"colour: mauve", "car.yaml:1:9: colour: expected one of red, green, blue, not 'mauve'"},
    {"owners: [a, [b]]", "car.yaml:1:13: owners: expected text in each entry, not a list"},
    {"owners: [a, ]\nname:", "car.yaml:2:6: name has no value: expected text"},
    {"owners:\n- a\n-\n", "car.yaml:3:2: owners has no value: expected text in each entry"},
    {"owners: {a: b}", "car.yaml:1:9: owners: expected text or a list of texts, not a mapping"},
    {"spare: a", "car.yaml:1:8: a wheel: expected a mapping (key: value), not 'a'"},
    {"spare:\n  spoke: 3", "car.yaml:2:3: unknown key 'spoke' in a wheel; did you mean 'spokes'?"},
    {"wheels: {id: a}", "car.yaml:1:9: wheels: expected a list"},
    {"wheels: [a]", "car.yaml:1:10: wheels: expected a mapping (key: value) in each entry"},
    {"labels: all", "car.yaml:1:9: labels: expected a mapping of names to values, not 'all'"},
    {"labels: {a: {b: c}}", "car.yaml:1:13: a: expected text or a list of texts, not a mapping"},
    {"trips: [a]", "car.yaml:1:9: trips: expected a mapping of names to values"},
    {"paint: red", "car.yaml:1:1: unknown key 'paint' in a car\n"},
    {"keyfile: /x", "car.yaml:1:1: unknown key 'keyfile' in a car; did you mean 'key_file'?"},
    {"name_file: /x", "car.yaml:1:1: unknown key 'name_file' in a car"},
    {"key: a\nkey_file: /b", "car.yaml:2:1: key and key_file exclude each other"},
    {"key_file: b", "car.yaml:1:11: key_file: expected the absolute path of a file"},
};

START_TEST(value_is_refused_with_what_was_expected)
{
	expect_one(wrong[_i].text, wrong[_i].wanted);
}
END_TEST

START_TEST(word_stands_for_an_empty_mapping)
{
	expect_none("name: a\nlabels: none");
	ck_assert(car.labels.is_word);
	ck_assert_uint_eq(car.labels.n, 0);
	ck_assert_int_eq(car.labels.at.line, 2);
	conf_clear(&car_table, &car);
	expect_none("name: a\nlabels: {none: none}");
	ck_assert(!car.labels.is_word);
}
END_TEST

START_TEST(required_keys_are_asked_for_at_every_depth)
{
	expect_none("spare: {}\nwheels: [{id: a}, {spokes: 3}]\n");
	conf_check_required(&car_table, &car, diag);
	ck_assert_str_eq(errors(),
	    "car.yaml:1:1: a car needs the key 'name'\nspare: {}\n^\n"
	    "car.yaml:1:8: a wheel needs the key 'id'\nspare: {}\n       ^\n"
	    "car.yaml:2:19: a wheel needs the key 'id'\n"
	    "wheels: [{id: a}, {spokes: 3}]\n                  ^\n");
}
END_TEST

START_TEST(override_replaces_the_keys_that_it_sets)
{
	struct car over = {0};
	static const char text[] = "doors: 2\nowners: [eve]\nspare: {id: t}\nlabels: {c: d}";

	expect_none(
	    "name: a\ndoors: 6\npause: 1m\nowners: [cy, di]\nspare: {id: s, spokes: 5}\n"
	    "labels: {a: b}\nwheels: [{id: w}]");
	ck_assert_int_eq(
	    conf_read_text("site.yaml", text, strlen(text), &car_table, &over, diag), 0);
	conf_merge(&car_table, &car, &over);
	ck_assert_str_eq(car.name.s, "a");
	ck_assert_int_eq(car.doors, 2);
	ck_assert_int_eq(car.pause, 60000);
	ck_assert_uint_eq(car.owners.n, 1);
	ck_assert_str_eq(car.owners.v[0].s, "eve");
	ck_assert_str_eq(car.spare.id.s, "t");
	ck_assert_int_eq(car.spare.spokes, 12); /* as a whole: not 5 */
	ck_assert_uint_eq(car.labels.n, 1);
	ck_assert_str_eq(car.labels.v[0].name.s, "c");
	ck_assert_uint_eq(car.wheels.n, 1);
	ck_assert_ptr_null(over.name.s);
	ck_assert_uint_eq(over.owners.n, 0);
}
END_TEST

START_TEST(override_adds_keys_that_were_not_set)
{
	struct car over = {0};

	expect_none("doors: 6");
	ck_assert_int_eq(conf_read_text("site.yaml", "name: b", 7, &car_table, &over, diag), 0);
	conf_merge(&car_table, &car, &over);
	conf_check_required(&car_table, &car, diag);
	ck_assert_uint_eq(diag_errors(diag), 0);
	ck_assert_int_eq(car.doors, 6);
}
END_TEST

/* --- secrets */

static char *
secret_from_file(const char *contents)
{
	char *dir = rig_dir(), *path = rig_file(dir, "secret", contents);
	char *text = xasprintf("name: a\nkey_file: %s\n", path), *secret;

	expect_none(text);
	ck_assert(car.key.is_file);
	secret = conf_secret(&car.key, diag);
	free(text);
	free(path);
	rig_remove(&dir);
	return secret;
}

START_TEST(secret_comes_from_its_file_without_the_newline)
{
	char *secret = secret_from_file(" a b \r\n\n");

	ck_assert_str_eq(secret, " a b");
	free(secret);
}
END_TEST

START_TEST(secret_file_without_a_secret_is_an_error)
{
	ck_assert_ptr_null(secret_from_file("\n"));
	ck_assert_ptr_nonnull(strstr(errors(), "cannot be used: it is empty"));
}
END_TEST

START_TEST(secret_file_that_is_missing_is_an_error)
{
	expect_none("name: a\nkey_file: /nonexistent/x");
	ck_assert_ptr_null(conf_secret(&car.key, diag));
	ck_assert_ptr_nonnull(strstr(
	    errors(), "car.yaml:2:11: the secret in /nonexistent/x cannot be used: No such file"));
}
END_TEST

/* Whatever is wrong with the line of a secret, the secret is not repeated. */
static const char *const leaks[] = {
    "{name: a, key: hunter2, doors: 1}",
    "{name: a, \"key\" : hunter2, doors: 1}",
    "key: hunter2\nkey: hunter2",
    "{key: hunter2, key_file: /x}",
    "key: !x hunter2",
    "key:\n  !x hunter2",
    "key: \"hunter2",
    "key: hunter2: x",
    "kye: hunter2",
    "key_file: hunter2",
    "doors: 1 # key: hunter2",
};

START_TEST(secret_is_never_printed)
{
	ck_assert_int_eq(read_car(leaks[_i]), -1);
	ck_assert_msg(strstr(errors(), "hunter2") == NULL, "%s", errors());
	ck_assert_ptr_nonnull(strstr(errors(), "(hidden)\n"));
}
END_TEST

/* --- what is generated from the table */

START_TEST(schema_says_what_the_table_says)
{
	struct buf out = BUF_INIT;
	json_t *schema, *doors;
	const char *ref;

	conf_schema_json(&car_table, "Cars", &out);
	schema = json_loads(buf_str(&out), JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(schema);
	doors = json_object_get(json_object_get(schema, "properties"), "doors");
	ck_assert_int_eq(json_integer_value(json_object_get(doors, "minimum")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(doors, "default")), 4);
	ck_assert_str_eq(json_string_value(json_object_get(doors, "description")), "How many.");
	ck_assert_int_eq(
	    json_unpack(schema, "{s:{s:{s:s}}}", "properties", "spare", "$ref", &ref), 0);
	ck_assert_str_eq(ref, "#/$defs/wheel");
	ck_assert_ptr_nonnull(json_object_get(json_object_get(schema, "$defs"), "wheel"));
	json_decref(schema);
	buf_free(&out);
}
END_TEST

START_TEST(manual_names_every_key)
{
	struct buf out = BUF_INIT;

	conf_schema_mdoc(&car_table, &out);
	for (size_t i = 0; i < car_table.nkeys; i++) {
		char *item = xasprintf(".It Ic %s : Ar ", car_keys[i].name);

		ck_assert_msg(strstr(buf_str(&out), item) != NULL, "no item for %s", item);
		free(item);
	}
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "How many.\nFrom 2 to 10.\nDefault:\n.Li 4\n"));
	buf_free(&out);
}
END_TEST

static TCase *
add_case(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	suite_add_tcase(suite, tc);
	return tc;
}

static void
add_yaml(TCase *tc)
{
	tcase_add_loop_test(tc, yaml_is_refused_with_its_place, 0, COUNT(refused));
	tcase_add_test(tc, bytes_that_are_no_text_end_in_one_file);
	tcase_add_test(tc, depth_is_bounded);
	tcase_add_test(tc, size_is_bounded);
	tcase_add_test(tc, reading_goes_on_up_to_a_syntax_error);
	tcase_add_loop_test(tc, empty_document_is_an_empty_mapping, 0, COUNT(empty));
	tcase_add_test(tc, unreadable_file_is_an_error);
}

static void
add_values(TCase *tc)
{
	tcase_add_loop_test(tc, plain_text_stays_text, 0, COUNT(words));
	tcase_add_test(tc, absent_keys_have_their_defaults);
	tcase_add_test(tc, every_type_is_read);
	tcase_add_loop_test(tc, value_is_refused_with_what_was_expected, 0, COUNT(wrong));
	tcase_add_test(tc, word_stands_for_an_empty_mapping);
	tcase_add_test(tc, required_keys_are_asked_for_at_every_depth);
	tcase_add_test(tc, override_replaces_the_keys_that_it_sets);
	tcase_add_test(tc, override_adds_keys_that_were_not_set);
}

int
main(void)
{
	Suite *suite = suite_create("conf");
	TCase *diags = add_case(suite, "diag"), *secrets, *generated;
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(diags, all_errors_are_printed_at_once);
	tcase_add_loop_test(diags, caret_is_under_its_character, 0, COUNT(carets));
	tcase_add_test(diags, long_line_is_cut_around_the_caret);
	tcase_add_test(diags, errors_are_in_order_of_file_and_line);
	tcase_add_test(diags, what_is_wrong_once_is_said_once);
	tcase_add_test(diags, output_is_harmless);
	tcase_add_test(diags, errors_without_end_are_counted);
	add_yaml(add_case(suite, "yaml"));
	add_values(add_case(suite, "values"));
	secrets = add_case(suite, "secrets");
	tcase_add_test(secrets, secret_comes_from_its_file_without_the_newline);
	tcase_add_test(secrets, secret_file_without_a_secret_is_an_error);
	tcase_add_test(secrets, secret_file_that_is_missing_is_an_error);
	tcase_add_loop_test(secrets, secret_is_never_printed, 0, COUNT(leaks));
	generated = add_case(suite, "generated");
	tcase_add_test(generated, schema_says_what_the_table_says);
	tcase_add_test(generated, manual_names_every_key);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
