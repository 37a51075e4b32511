/*
 * check_conf: what tables make of YAML that can be read: values, defaults, what is missing,
 * overrides; and the schema and the manual that are made of tables.
 */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "conf_rig.h"
#include "util/xalloc.h"

/* --- values */

static const char *const words[] = {
    "no", "0777", "1e3", "~", "null", "2026-01-01", "12:30:45", "0x1F"};

START_TEST(plain_text_stays_text)
{
	char *text = xasprintf("name: %s\nlabels: {%s: [%s]}\n", words[_i], words[_i], words[_i]);
	const struct car *car = cr_expect_read(text);

	ck_assert_str_eq(car->name.s, words[_i]);
	ck_assert_str_eq(car->labels.v[0].name.s, words[_i]);
	ck_assert_str_eq(car->labels.v[0].values.v[0].s, words[_i]);
	free(text);
}
END_TEST

START_TEST(absent_keys_have_their_defaults)
{
	const struct car *car = cr_expect_read("name: a");

	ck_assert_int_eq(car->doors, 4);
	ck_assert_int_eq(car->pause, 600000);
	ck_assert(car->electric);
	ck_assert_int_eq(car->colour, 1);
	ck_assert_uint_eq(car->owners.n, 2);
	ck_assert_str_eq(car->owners.v[1].s, "bob");
	ck_assert_int_eq(car->spare.spokes, 12);
	ck_assert_ptr_null(car->key.s);
	ck_assert(conf_is_set(&car_table, car, "name"));
	ck_assert(!conf_is_set(&car_table, car, "doors"));
}
END_TEST

START_TEST(every_type_is_read)
{
	const struct car *car = cr_expect_read(
	    "name: 'it''s'\ndoors: 5\npause: 30s\nelectric: false\ncolour: blue\n"
	    "owners: eve\nkey: k\nspare: {id: s}\n"
	    "wheels:\n- {id: a}\n- id: b\n  spokes: -3\n"
	    "labels: {x: [1, 2], y: z}\ntrips:\n  - {to: rome}\n  - {to: oslo, by: sea}\n");

	ck_assert_str_eq(car->name.s, "it's");
	ck_assert_int_eq(car->name.at.line, 1);
	ck_assert_int_eq(car->name.at.column, 7);
	ck_assert_int_eq(car->doors, 5);
	ck_assert_int_eq(car->pause, 30000);
	ck_assert(!car->electric);
	ck_assert_int_eq(car->colour, 2);
	ck_assert_uint_eq(car->owners.n, 1);
	ck_assert_str_eq(car->owners.v[0].s, "eve");
	ck_assert_str_eq(car->spare.id.s, "s");
	ck_assert_uint_eq(car->wheels.n, 2);
	ck_assert_int_eq(((struct wheel *)car->wheels.v)[0].spokes, 12);
	ck_assert_int_eq(((struct wheel *)car->wheels.v)[1].spokes, -3);
	ck_assert_int_eq(((struct wheel *)car->wheels.v)[1].head.at.line, 11);
	ck_assert_uint_eq(car->labels.n, 2);
	ck_assert_uint_eq(car->labels.v[0].values.n, 2);
	ck_assert_uint_eq(car->trips.n, 2);
	ck_assert_str_eq(car->trips.v[1].v[1].name.s, "by");
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
	cr_refuse(wrong[_i].text, wrong[_i].wanted);
}
END_TEST

START_TEST(word_stands_for_an_empty_mapping)
{
	struct car *car = cr_expect_read("name: a\nlabels: none");

	ck_assert(car->labels.is_word);
	ck_assert_uint_eq(car->labels.n, 0);
	ck_assert_int_eq(car->labels.at.line, 2);
	conf_clear(&car_table, car);
	car = cr_expect_read("name: a\nlabels: {none: none}");
	ck_assert(!car->labels.is_word);
}
END_TEST

START_TEST(required_keys_are_asked_for_at_every_depth)
{
	cr_expect_read("spare: {}\nwheels: [{id: a}, {spokes: 3}]\n");
	cr_check_required();
	ck_assert_str_eq(cr_errors(),
	    "car.yaml:1:1: a car needs the key 'name'\nspare: {}\n^\n"
	    "car.yaml:1:8: a wheel needs the key 'id'\nspare: {}\n       ^\n"
	    "car.yaml:2:19: a wheel needs the key 'id'\n"
	    "wheels: [{id: a}, {spokes: 3}]\n                  ^\n");
}
END_TEST

START_TEST(override_replaces_the_keys_that_it_sets)
{
	static const char text[] = "doors: 2\nowners: [eve]\nspare: {id: t}\nlabels: {c: d}";
	struct car over = {0};
	struct car *car = cr_expect_read(
	    "name: a\ndoors: 6\npause: 1m\nowners: [cy, di]\nspare: {id: s, spokes: 5}\n"
	    "labels: {a: b}\nwheels: [{id: w}]");

	ck_assert_int_eq(
	    conf_read_text("site.yaml", text, strlen(text), &car_table, &over, cr_diag()), 0);
	conf_merge(&car_table, car, &over);
	ck_assert_str_eq(car->name.s, "a");
	ck_assert_int_eq(car->doors, 2);
	ck_assert_int_eq(car->pause, 60000);
	ck_assert_uint_eq(car->owners.n, 1);
	ck_assert_str_eq(car->owners.v[0].s, "eve");
	ck_assert_str_eq(car->spare.id.s, "t");
	ck_assert_int_eq(car->spare.spokes, 12); /* as a whole: not 5 */
	ck_assert_uint_eq(car->labels.n, 1);
	ck_assert_str_eq(car->labels.v[0].name.s, "c");
	ck_assert_uint_eq(car->wheels.n, 1);
	ck_assert_ptr_null(over.name.s);
	ck_assert_uint_eq(over.owners.n, 0);
}
END_TEST

START_TEST(override_adds_keys_that_were_not_set)
{
	struct car over = {0}, *car = cr_expect_read("doors: 6");

	ck_assert_int_eq(
	    conf_read_text("site.yaml", "name: b", 7, &car_table, &over, cr_diag()), 0);
	conf_merge(&car_table, car, &over);
	cr_check_required();
	ck_assert_uint_eq(cr_nerrors(), 0);
	ck_assert_int_eq(car->doors, 6);
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
		char *item = xasprintf(".It Ic %s : Ar ", car_table.keys[i].name);

		ck_assert_msg(strstr(buf_str(&out), item) != NULL, "no item for %s", item);
		free(item);
	}
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "How many.\nFrom 2 to 10.\nDefault:\n.Li 4\n"));
	buf_free(&out);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, plain_text_stays_text, 0, COUNT(words));
	tcase_add_test(tc, absent_keys_have_their_defaults);
	tcase_add_test(tc, every_type_is_read);
	tcase_add_loop_test(tc, value_is_refused_with_what_was_expected, 0, COUNT(wrong));
	tcase_add_test(tc, word_stands_for_an_empty_mapping);
	tcase_add_test(tc, required_keys_are_asked_for_at_every_depth);
	tcase_add_test(tc, override_replaces_the_keys_that_it_sets);
	tcase_add_test(tc, override_adds_keys_that_were_not_set);
	tcase_add_test(tc, schema_says_what_the_table_says);
	tcase_add_test(tc, manual_names_every_key);
}

int
main(void)
{
	return cr_run("conf", add_tests);
}
