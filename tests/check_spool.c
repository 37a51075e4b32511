/*
 * check_spool: a message that was taken comes out of the segments once, in groups that
 * are on disk; what was not taken is told.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/spool_line.h"
#include "spool_rig.h"
#include "util/clock.h"
#include "util/xalloc.h"

/* ---- groups and segments ---------------------------------------------------------- */

START_TEST(a_burst_is_one_group)
{
	struct sp r;
	struct stat st;
	char *path;

	sp_open(&r, 64 * MIB);
	ck_assert(spool_is_synced(r.spool));
	for (unsigned i = 0; i < 1000; i++)
		ck_assert(sp_add(&r, i, 0));
	ck_assert(!spool_is_synced(r.spool));
	sp_turn_until_synced(&r);
	ck_assert_uint_eq(spool_stats(r.spool)->syncs, 1);
	ck_assert_uint_eq(spool_stats(r.spool)->messages, 1000);
	sp_check_messages(&r, 1000, 1000);
	path = sp_segment(&r, 0);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_uint_eq(spool_stats(r.spool)->held, (uint64_t)st.st_size);
	ck_assert_int_eq(lstat(r.segments, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	free(path);
	sp_close(&r);
}
END_TEST

START_TEST(close_brings_all_to_disk)
{
	struct sp r;

	sp_open(&r, 64 * MIB);
	sp_add_and_sync(&r, 0, 10, 0);
	for (unsigned i = 10; i < 20; i++)
		ck_assert(sp_add(&r, i, 0));
	ev_turn(r.ev, false); /* a thread may be at work */
	for (unsigned i = 20; i < 30; i++)
		ck_assert(sp_add(&r, i, 0));
	spool_close(&r.spool);
	sp_check_messages(&r, 30, 30);
	ck_assert_uint_eq(r.gaps + r.denied, 0);
	sp_close(&r);
}
END_TEST

START_TEST(each_start_begins_a_segment)
{
	struct sp r;
	uint64_t before;
	char *path;

	sp_open(&r, 64 * MIB);
	sp_add_and_sync(&r, 0, 3, 0);
	path = sp_segment(&r, 0);
	before = sp_size(path);
	spool_close(&r.spool);
	sp_start(&r, 64 * MIB);
	ck_assert_uint_eq(sp_count(&r), 1);
	ck_assert_uint_eq(spool_stats(r.spool)->held, before);
	sp_add_and_sync(&r, 3, 3, 0);
	ck_assert_uint_eq(sp_count(&r), 2);
	ck_assert_uint_eq(sp_size(path), before);
	sp_check_messages(&r, 6, 6);
	free(path);
	sp_close(&r);
}
END_TEST

START_TEST(a_clock_set_back_does_not_change_the_order)
{
	struct sp r;
	char *first, *again;

	sp_open(&r, 64 * MIB);
	clock_set_virtual(2000000000000);
	sp_add_and_sync(&r, 0, 1, 0);
	first = sp_segment(&r, 0);
	spool_close(&r.spool);
	clock_set_virtual(1000000000000);
	sp_start(&r, 64 * MIB);
	sp_add_and_sync(&r, 1, 1, 0);
	again = sp_segment(&r, 0);
	ck_assert_str_eq(first, again);
	ck_assert_uint_eq(sp_count(&r), 2);
	free(first);
	free(again);
	sp_close(&r);
}
END_TEST

START_TEST(a_directory_is_of_one_spool)
{
	struct sp r;

	sp_open(&r, MIB);
	ck_assert_ptr_null(sp_try_open(&r, r.segments));
	ck_assert_ptr_null(sp_try_open(&r, "/proc/no such directory"));
	sp_close(&r);
}
END_TEST

START_TEST(what_is_no_segment_is_left_alone)
{
	struct sp r;
	char *target, *link, *other;

	sp_open(&r, MIB);
	spool_close(&r.spool);
	target = rig_file(r.dir, "target", "without a newline");
	link = xasprintf("%s/0000000000000001.log", r.segments);
	ck_assert_int_eq(symlink(target, link), 0);
	other = rig_file(r.segments, "note.txt", "also without");
	sp_start(&r, MIB);
	ck_assert_uint_eq(spool_stats(r.spool)->held, 0);
	ck_assert_uint_eq(sp_size(target), 17);
	ck_assert_uint_eq(sp_size(other), 12);
	free(target);
	free(link);
	free(other);
	sp_close(&r);
}
END_TEST

START_TEST(a_segment_that_was_removed_takes_no_more)
{
	struct sp r;
	char *path;

	sp_open(&r, 64 * MIB);
	sp_add_and_sync(&r, NUMBERS - 1, 1, 0);
	path = sp_segment(&r, 0);
	ck_assert_int_eq(unlink(path), 0);
	sp_add_and_sync(&r, 0, 1, 0);
	sp_check_messages(&r, 1, 1);
	free(path);
	sp_close(&r);
}
END_TEST

START_TEST(a_long_message_is_cut_and_told)
{
	struct sp r;
	char *path, *nuls = xcalloc(1, 40000);
	struct buf b;

	sp_open(&r, 64 * MIB);
	ck_assert(sp_add(&r, 0, 100000));
	ck_assert(spool_add(r.spool, 1, SV("udp:192.0.2.1"), (struct sv){nuls, 40000}));
	sp_turn_until_synced(&r);
	ck_assert_int_eq(r.kind, TROUBLE_OVERSIZE);
	spool_close(&r.spool);
	ck_assert_uint_eq(r.lost, 2);
	path = sp_segment(&r, 0);
	b = sp_content(path);
	for (struct sv left = buf_view(&b); left.n > 0;) {
		size_t n = (size_t)((char *)memchr(left.p, '\n', left.n) - left.p);

		ck_assert_uint_le(n, 65536);
		ck_assert_uint_gt(n, 65000);
		ck_assert(spool_line_intact((struct sv){left.p, n}));
		left = sv_from(left, n + 1);
	}
	buf_free(&b);
	free(nuls);
	free(path);
	sp_close(&r);
}
END_TEST

/* ---- what was not taken ----------------------------------------------------------- */

START_TEST(what_was_not_taken_is_summed_up)
{
	struct sp r;

	sp_open(&r, MIB);
	spool_lost(r.spool, TROUBLE_DROPPED, "udp:0.0.0.0:514", 3);
	ck_assert_uint_eq(r.gaps, 1);
	ck_assert_uint_eq(r.lost, 3);
	ck_assert_int_eq(r.kind, TROUBLE_DROPPED);
	ck_assert(r.path);
	for (int i = 0; i < 1000; i++)
		spool_lost(r.spool, TROUBLE_DROPPED, i % 2 ? "udp:a" : "udp:b", 2);
	spool_lost(r.spool, TROUBLE_DROPPED, NULL, 0);
	ck_assert_uint_lt(r.gaps, 100);
	spool_lost(r.spool, TROUBLE_FULL, NULL, 5);
	ck_assert_int_eq(r.kind, TROUBLE_FULL);
	spool_close(&r.spool);
	ck_assert_uint_eq(r.lost, 2008);
	ck_assert(!r.path);
	sp_close(&r);
}
END_TEST

static bool
all_told(void *ctx)
{
	return ((struct sp *)ctx)->lost == 3;
}

START_TEST(the_sum_is_told_without_another_loss)
{
	struct sp r;

	sp_open(&r, MIB);
	spool_lost(r.spool, TROUBLE_FULL, "tcp:192.0.2.1", 1);
	spool_lost(r.spool, TROUBLE_FULL, "tcp:192.0.2.1", 2);
	rig_turn_until(r.ev, all_told, &r, SP_WAIT);
	ck_assert(r.path);
	sp_close(&r);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, a_burst_is_one_group);
	tcase_add_test(tc, close_brings_all_to_disk);
	tcase_add_test(tc, each_start_begins_a_segment);
	tcase_add_test(tc, a_clock_set_back_does_not_change_the_order);
	tcase_add_test(tc, a_directory_is_of_one_spool);
	tcase_add_test(tc, what_is_no_segment_is_left_alone);
	tcase_add_test(tc, a_segment_that_was_removed_takes_no_more);
	tcase_add_test(tc, a_long_message_is_cut_and_told);
	tcase_add_test(tc, what_was_not_taken_is_summed_up);
	tcase_add_test(tc, the_sum_is_told_without_another_loss);
}

int
main(void)
{
	return sp_run("spool", add_tests);
}
