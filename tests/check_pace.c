/*
 * check_pace: how much a batch may hold follows what commits take.
 */
#include <check.h>
#include <stdlib.h>

#include "correlate/pace.h"

START_TEST(slow_commits_make_batches_smaller_and_fast_ones_larger)
{
	struct pace p = {0};
	size_t first = pace_room(&p, 0), slow;

	for (int i = 0; i < 20; i++)
		pace_learn(&p, 20000, 0, 1000);
	slow = pace_room(&p, 0);
	ck_assert_uint_lt(slow, first);
	/* A commit that is as full as it may be takes about a fifth of a second. */
	ck_assert_uint_ge(slow, 4000);
	ck_assert_uint_le(slow, 5000);
	for (int i = 0; i < 20; i++)
		pace_learn(&p, 20000, 0, 20);
	ck_assert_uint_gt(pace_room(&p, 0), first);
}
END_TEST

START_TEST(incidents_that_open_cost_more_than_groups)
{
	struct pace with = {0}, without = {0};

	pace_learn(&with, 10000, 10000, 300);
	pace_learn(&without, 10000, 0, 300);
	ck_assert_uint_gt(pace_room(&with, 0), pace_room(&without, 0));
}
END_TEST

START_TEST(groups_that_are_known_take_room_but_not_all_of_it)
{
	struct pace p = {0};
	size_t room = pace_room(&p, 0);

	ck_assert_uint_eq(pace_room(&p, 1000), room - 1000);
	ck_assert_uint_ge(pace_room(&p, SIZE_MAX), 1000);
}
END_TEST

START_TEST(small_commits_and_odd_times_tell_nothing)
{
	struct pace p = {0};
	size_t first = pace_room(&p, 0);

	pace_learn(&p, 1, 1, 5000);
	pace_learn(&p, 0, 0, 5000);
	ck_assert_uint_eq(pace_room(&p, 0), first);
	pace_learn(&p, 20000, 0, INT64_MAX);
	ck_assert_uint_gt(pace_room(&p, 0), 0);
	pace_learn(&p, 20000, 0, 0);
	ck_assert_uint_gt(pace_room(&p, 0), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pace");
	TCase *tc = tcase_create("pace");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_test(tc, slow_commits_make_batches_smaller_and_fast_ones_larger);
	tcase_add_test(tc, incidents_that_open_cost_more_than_groups);
	tcase_add_test(tc, groups_that_are_known_take_room_but_not_all_of_it);
	tcase_add_test(tc, small_commits_and_odd_times_tell_nothing);
	suite_add_tcase(s, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
