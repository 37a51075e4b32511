/*
 * check_live: the parts of lists that are in Redis or in files, as rules see them: of Redis empty
 * after a load, then whatever was put there, checked as the values of the rule file are.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/diag.h"
#include "rig.h"
#include "rule/rule.h"
#include "rule/rule_live.h"
#include "util/xalloc.h"

#define RULES \
	"lists:\n" \
	"  - {id: l, redis: l-set, values: ['192.0.2.1']}\n" \
	"  - {id: k, redis: k-set}\n" \
	"events:\n" \
	"  - {id: t.a, title: a, class: c, severity: low,\n" \
	"     match: '^(?<source_ip>\\S+) (?<source_address>\\S+) (?<user_name>\\S+)$',\n" \
	"     unless: [{source_ip: '@l'}, {source_address: '@l'}, {user_name: '@l'}]}\n" \
	"  - {id: t.b, title: a, class: c, severity: low, match: '^(?<source_ip>\\S+)$',\n" \
	"     unless: [{source_ip: '@l'}]}\n"

#define ABSENT(by) \
	"incidents:\n" \
	"  - {id: i, title: i, on: [t.b], by: ['" by "'], absent: 5m, each: '@k', severity: low,\n" \
	"     criteria: c}\n"

static const struct rule_list *
unless(const struct ruleset *rs, const char *event, size_t i)
{
	return ruleset_find_event(rs, event)->body->unless[i].conditions[0].values;
}

/* Put ${values}, ending in NULL, into live ${i}; returns how many are of the wrong form. */
static size_t
put(struct ruleset *rs, size_t i, const char *const *values)
{
	const struct rule_live *live = ruleset_live(rs, i);
	struct rule_list *list = rule_list_new(live->kind);
	struct buf why = BUF_INIT;
	size_t wrong = 0;

	for (; *values != NULL; values++)
		wrong += !rule_live_add(live, list, *values, &why);
	buf_free(&why);
	rule_list_sort(list);
	rule_live_put(rs, i, list);
	return wrong;
}

START_TEST(values_are_checked_by_the_field)
{
	static const char *const values[] = {"198.51.100.0/24", "2001:DB8::1", "ann", "10.0.0.1/8", NULL};
	static const size_t wrong[] = {2, 1, 0}; /* of an ip, an address, a user */
	struct ruleset *rs = rig_rules(RULES);

	/* t.b looks addresses up in it as t.a does. */
	ck_assert_uint_eq(ruleset_nlives(rs), 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_str_eq(ruleset_live(rs, i)->list, "l");
		ck_assert_str_eq(ruleset_live(rs, i)->set, "l-set");
		ck_assert(!rule_list_has(unless(rs, "t.a", i), SV("ann")));
		ck_assert_uint_eq(put(rs, i, values), wrong[i]);
	}
	ck_assert(rule_list_has(unless(rs, "t.a", 0), SV("198.51.100.7")));
	ck_assert(rule_list_has(unless(rs, "t.a", 0), SV("2001:db8::1")));
	ck_assert(rule_list_has(unless(rs, "t.a", 0), SV("192.0.2.1"))); /* the rule file's */
	ck_assert(!rule_list_has(unless(rs, "t.a", 0), SV("ann")));
	ck_assert(rule_list_has(unless(rs, "t.a", 1), SV("ann")));
	ck_assert(rule_list_has(unless(rs, "t.a", 1), SV("198.51.100.7")));
	ck_assert(rule_list_has(unless(rs, "t.a", 2), SV("ann")));
	ck_assert(!rule_list_has(unless(rs, "t.a", 2), SV("198.51.100.7")));
	ck_assert(rule_list_has(unless(rs, "t.b", 0), SV("198.51.100.7")));
	ruleset_unref(&rs);
}
END_TEST

START_TEST(values_that_go_are_gone)
{
	static const char *const some[] = {"198.51.100.1", "198.51.100.2", NULL};
	static const char *const other[] = {"198.51.100.2", NULL};
	static const char *const none[] = {NULL};
	struct ruleset *rs = rig_rules(RULES);

	put(rs, 0, some);
	ck_assert(rule_list_has(unless(rs, "t.b", 0), SV("198.51.100.1")));
	put(rs, 0, other);
	ck_assert(!rule_list_has(unless(rs, "t.b", 0), SV("198.51.100.1")));
	ck_assert(rule_list_has(unless(rs, "t.b", 0), SV("198.51.100.2")));
	put(rs, 0, none);
	ck_assert(!rule_list_has(unless(rs, "t.b", 0), SV("198.51.100.2")));
	ck_assert(rule_list_has(unless(rs, "t.b", 0), SV("192.0.2.1")));
	ruleset_unref(&rs);
}
END_TEST

/* The live one that @k is for the incident rule. */
static size_t
of_keys(const struct ruleset *rs)
{
	for (size_t i = 0; i < ruleset_nlives(rs); i++)
		if (ruleset_live(rs, i)->kind == RULE_LIST_KEYS)
			return i;
	ck_abort_msg("no live list of keys");
	return 0;
}

START_TEST(expected_keys_are_as_the_key_has_them)
{
	static const char *const values[] = {
	    "2001:0DB8::1", "192.0.2.77", "198.51.100.0/24", "alpha", "192.0.2.9", NULL};
	struct ruleset *rs = rig_rules(RULES ABSENT("source_ip/24"));
	const struct rule_list *each = ruleset_incident(rs, 0)->each;

	ck_assert_uint_eq(rule_list_size(each), 0);
	ck_assert_uint_eq(put(rs, of_keys(rs), values), 1);
	ck_assert_uint_eq(rule_list_size(each), 3);
	ck_assert_str_eq(rule_list_at(each, 0), "192.0.2.0/24");
	ck_assert_str_eq(rule_list_at(each, 1), "198.51.100.0/24");
	ck_assert_str_eq(rule_list_at(each, 2), "2001:db8::/64");
	ruleset_unref(&rs);
	rs = rig_rules(RULES ABSENT("source_ip"));
	ck_assert_uint_eq(put(rs, of_keys(rs), values), 2);
	ck_assert(rule_list_has(ruleset_incident(rs, 0)->each, SV("192.0.2.77")));
	ruleset_unref(&rs);
}
END_TEST

/* Read the file of the first live anew; NULL: it is used, else the errors. */
static char *
read_again(struct ruleset *rs)
{
	struct rule_live_reading r = {.path = ruleset_live(rs, 0)->file};
	struct diag *diag = diag_new();
	struct buf errors = BUF_INIT;

	if (rule_live_read(rs, &r, diag))
		rule_live_take(rs, &r);
	else
		diag_print(diag, &errors);
	rule_live_forget(rs, &r);
	diag_free(&diag);
	return errors.n == 0 ? NULL : buf_steal(&errors);
}

static void
expect_refused(struct ruleset *rs, const char *error)
{
	char *errors = read_again(rs);

	ck_assert_ptr_nonnull(errors);
	ck_assert_msg(strstr(errors, error) != NULL, "%s", errors);
	free(errors);
}

START_TEST(a_file_is_read_for_all_that_look_it_up)
{
	char *dir = rig_dir(), *path = rig_file(dir, "f.txt", "192.0.2.1\n198.51.100.0/24 # x\n");
	char *rules = xasprintf("lists:\n  - {id: l, file: %s}\n  - {id: k, file: %s, redis: k}\n%s",
	    path, path, strstr(RULES ABSENT("source_ip/24"), "events:"));
	struct ruleset *rs = rig_rules(rules);
	const struct rule_list *ip = unless(rs, "t.a", 0), *each = ruleset_incident(rs, 0)->each;
	struct stamp first = ruleset_live(rs, 0)->stamp;

	ck_assert(rule_list_has(ip, SV("198.51.100.9")));
	ck_assert(rule_list_has(unless(rs, "t.a", 2), SV("192.0.2.1"))); /* as a user */
	ck_assert_uint_eq(rule_list_size(each), 2);
	ck_assert_uint_eq(ruleset_live(rs, 0)->nvalues, 2);
	free(rig_file(dir, "f.txt", "203.0.113.7\n2001:db8::/32\n192.0.2.1\n"));
	ck_assert_ptr_null(read_again(rs));
	ck_assert(!rule_list_has(ip, SV("198.51.100.9")));
	ck_assert(rule_list_has(ip, SV("2001:db8::9")));
	ck_assert(rule_list_has(unless(rs, "t.a", 1), SV("203.0.113.7")));
	ck_assert(rule_list_has(unless(rs, "t.b", 0), SV("203.0.113.7")));
	ck_assert_uint_eq(ruleset_live(rs, 0)->nvalues, 3);
	ck_assert(!stamp_same(&first, &ruleset_live(rs, 0)->stamp));
	ck_assert_uint_eq(rule_list_size(each), 3);
	ck_assert_str_eq(rule_list_at(each, 2), "203.0.113.0/24");
	ruleset_unref(&rs);
	rig_remove(&dir);
	free(path);
	free(rules);
}
END_TEST

START_TEST(a_file_that_cannot_be_used_changes_nothing)
{
	char *dir = rig_dir(), *path = rig_file(dir, "f.txt", "192.0.2.1\n");
	char *rules = xasprintf("lists:\n  - {id: l, file: %s}\n%s", path, strstr(RULES, "events:"));
	struct ruleset *rs = rig_rules(rules);

	free(rig_file(dir, "f.txt", "192.0.2.2\n\n10.0.0.1/8\n"));
	expect_refused(rs, "f.txt:3:1: \"10.0.0.1/8\" has bits set beyond its prefix; did you mean "
	    "10.0.0.0/8? (list l is used for an address)");
	remove(path);
	expect_refused(rs, "f.txt: No such file");
	ck_assert(rule_list_has(unless(rs, "t.a", 0), SV("192.0.2.1")));
	ck_assert(rule_list_has(unless(rs, "t.a", 2), SV("192.0.2.1")));
	ck_assert(!rule_list_has(unless(rs, "t.a", 2), SV("192.0.2.2")));
	ruleset_unref(&rs);
	rig_remove(&dir);
	free(path);
	free(rules);
}
END_TEST

START_TEST(several_lists_are_one_sequence)
{
	static const char *const first[] = {"a", "b", NULL}, *const second[] = {"c", NULL};
	struct rule_list *all = rule_list_new(RULE_LIST_TEXT), *lives[3];
	struct buf why = BUF_INIT;

	rule_list_add(all, "z", &why);
	for (size_t i = 0; i < 3; i++) {
		lives[i] = rule_list_new(RULE_LIST_TEXT);
		for (const char *const *v = i == 0 ? first : second; i != 1 && *v != NULL; v++)
			rule_list_add(lives[i], *v, &why);
		rule_list_sort(lives[i]);
		rule_list_add_live(all, &lives[i]);
	}
	rule_list_sort(all);
	ck_assert_uint_eq(rule_list_size(all), 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(rule_list_at(all, i)[0], "zabc"[i]);
	for (size_t i = 0; i < 3; i++)
		rule_list_free(&lives[i]);
	rule_list_free(&all);
	buf_free(&why);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("live");
	TCase *t = tcase_create("live");
	SRunner *r;
	int failed;

	tcase_add_test(t, values_are_checked_by_the_field);
	tcase_add_test(t, values_that_go_are_gone);
	tcase_add_test(t, expected_keys_are_as_the_key_has_them);
	tcase_add_test(t, a_file_is_read_for_all_that_look_it_up);
	tcase_add_test(t, a_file_that_cannot_be_used_changes_nothing);
	tcase_add_test(t, several_lists_are_one_sequence);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
