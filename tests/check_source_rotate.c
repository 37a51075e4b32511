/*
 * check_source_rotate: files are renamed, removed and found again.
 */
#include <stdlib.h>

#include "source_rig.h"
#include "util/xalloc.h"

/* ---- rotation ------------------------------------------------------------------------ */

START_TEST(a_renamed_file_is_read_to_its_end_first)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_settle(r);
	rig_say(r, "log", "two\n");
	rig_move(r, "log", "log.1");
	rig_say(r, "log", "three\n");
	rig_say(r, "log.1", "late\n");
	rig_settle(r);
	rig_expect(r, "one\ntwo\nlate\nthree\n");
	ck_assert_uint_eq(source_stats(r->set)->rotations, 1);
	rig_say(r, "log.1", "later\n");
	rig_settle(r);
	rig_expect(r, "one\ntwo\nlate\nthree\nlater\n");
	rig_close(r);
}
END_TEST

START_TEST(a_renamed_file_is_let_go_when_all_of_it_is_committed)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	const struct known *old;

	rig_say(r, "log", "one\nunfini");
	rig_start(r);
	rig_settle(r);
	rig_move(r, "log", "log.1");
	rig_say(r, "log", "new\n");
	rig_settle(r);
	rig_expect(r, "one\nnew\n");
	rig_say(r, "log.1", "shed");
	rig_settle(r);
	rig_expect(r, "one\nnew\n");
	source_set_grace(r->set, 0);
	rig_settle(r);
	rig_expect(r, "one\nnew\nunfinished");
	rig_settle(r);
	ck_assert_uint_eq(rig_open_files(r), 2);
	old = &r->now[1];
	ck_assert_uint_eq(old->offset, 14);
	ck_assert(!old->done);
	rig_commit(r);
	rig_turn(r);
	ck_assert_uint_eq(rig_open_files(r), 1);
	old = &r->now[1];
	ck_assert(old->done);
	ck_assert_uint_eq(old->offset, 14);
	rig_close(r);
}
END_TEST

START_TEST(a_file_is_not_let_go_while_it_grows)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_settle(r);
	rig_move(r, "log", "log.1");
	source_set_grace(r->set, 0);
	rig_settle(r);
	ck_assert_uint_eq(rig_open_files(r), 1);
	rig_say(r, "log.1", "two\n");
	rig_commit(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\n");
	ck_assert_uint_eq(rig_open_files(r), 1);
	rig_commit(r);
	rig_settle(r);
	ck_assert_uint_eq(rig_open_files(r), 0);
	rig_close(r);
}
END_TEST

START_TEST(a_removed_file_is_read_to_its_end)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_settle(r);
	rig_say(r, "log", "two\nend");
	rig_erase(r, "log");
	source_set_grace(r->set, 0);
	rig_settle(r);
	rig_expect(r, "one\ntwo\nend");
	rig_commit(r);
	rig_settle(r);
	ck_assert_uint_eq(rig_open_files(r), 0);
	rig_close(r);
}
END_TEST

START_TEST(nul_at_the_end_does_not_keep_a_file_open)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_append(r, "log", SV("one\n\0\0\0"));
	rig_start(r);
	rig_settle(r);
	rig_erase(r, "log");
	source_set_grace(r->set, 0);
	for (int i = 0; i < 3; i++) {
		rig_settle(r);
		rig_commit(r);
	}
	rig_settle(r);
	rig_expect(r, "one\n");
	ck_assert_uint_eq(rig_open_files(r), 0);
	rig_close(r);
}
END_TEST

START_TEST(rotations_during_a_pause_come_in_order)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "1\n");
	rig_start(r);
	rig_settle(r);
	source_pause(r->set);
	rig_say(r, "log", "2\n");
	rig_move(r, "log", "log.1");
	rig_say(r, "log", "3\n");
	rig_settle(r);
	rig_move(r, "log.1", "log.2");
	rig_move(r, "log", "log.1");
	rig_say(r, "log", "4\n");
	rig_settle(r);
	rig_expect(r, "1\n");
	source_resume(r->set);
	rig_turn(r);
	rig_expect(r, "1\n2\n3\n4\n");
	rig_close(r);
}
END_TEST

START_TEST(a_large_old_file_is_read_before_the_new_one)
{
	enum { LINES = 100000 };
	struct rig *r = rig_open(START_BEGINNING, "log");
	struct buf text = BUF_INIT;

	for (int i = 0; i < LINES; i++)
		buf_printf(&text, "line %d\n", i);
	rig_say(r, "log", "");
	rig_start(r);
	rig_settle(r);
	rig_append(r, "log", buf_view(&text));
	rig_move(r, "log", "log.1");
	rig_say(r, "log", "new\n");
	buf_puts(&text, "new\n");
	rig_settle(r);
	ck_assert(sv_eq(buf_view(&r->text), buf_view(&text)));
	buf_free(&text);
	rig_close(r);
}
END_TEST

START_TEST(a_glob_that_matches_the_rotated_name_reads_it_once)
{
	struct rig *r = rig_open(START_BEGINNING, "log*");

	rig_say(r, "log", "1\n");
	rig_start(r);
	rig_settle(r);
	rig_say(r, "log", "2\n");
	rig_move(r, "log", "log.1");
	rig_say(r, "log", "3\n");
	rig_settle(r);
	rig_settle(r);
	rig_expect(r, "1\n2\n3\n");
	ck_assert_uint_eq(rig_open_files(r), 2);
	ck_assert_uint_eq(source_stats(r->set)->rotations, 0);
	rig_say(r, "log.1", "late\n");
	rig_settle(r);
	rig_expect(r, "1\n2\n3\nlate\n");
	ck_assert_uint_eq(rig_last(r, "log.1")->offset, 9);
	rig_close(r);
}
END_TEST

/* ---- restart ----------------------------------------------------------------------------- */

START_TEST(a_restart_goes_on_from_the_committed_position)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\ntwo\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_say(r, "log", "three\n");
	rig_settle(r);
	rig_say(r, "log", "four\n");
	rig_restart(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\nfour\n");
	rig_close(r);
}
END_TEST

START_TEST(a_file_cut_while_stopped_begins_again)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\ntwo\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_cut(r, "log", 0);
	rig_say(r, "log", "new\n");
	rig_restart(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\nnew\n");
	ck_assert_uint_eq(source_stats(r->set)->truncations, 1);
	rig_close(r);
}
END_TEST

START_TEST(a_file_rotated_while_stopped_is_finished_first)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "1\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	source_free(&r->set);
	rig_say(r, "log", "2\n3");
	rig_move(r, "log", "log.1");
	rig_say(r, "log", "4\n");
	rig_create_set(r);
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "1\n2\n4\n");
	source_set_grace(r->set, 0);
	rig_settle(r);
	rig_expect(r, "1\n2\n4\n3");
	rig_commit(r);
	rig_settle(r);
	ck_assert_uint_eq(rig_open_files(r), 1);
	rig_close(r);
}
END_TEST

START_TEST(a_file_rotated_into_the_glob_while_stopped_is_finished_first)
{
	struct rig *r = rig_open(START_BEGINNING, "log*");

	rig_say(r, "log", "1\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_say(r, "log", "2\n");
	rig_move(r, "log", "log.1");
	rig_say(r, "log", "3\n");
	rig_restart(r);
	rig_settle(r);
	rig_expect(r, "1\n2\n3\n");
	ck_assert_uint_eq(rig_open_files(r), 2);
	rig_close(r);
}
END_TEST

START_TEST(two_rotations_that_were_not_finished_come_in_order)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	struct known swap;

	rig_say(r, "log", "1\n");
	rig_start(r);
	rig_settle(r);
	rig_move(r, "log", "log.1");
	rig_say(r, "log", "3\n");
	rig_settle(r);
	rig_commit(r);
	ck_assert_uint_eq(r->ncommitted, 3);
	swap = r->committed[1]; /* the state keeps no order */
	r->committed[1] = r->committed[2];
	r->committed[2] = swap;
	rig_say(r, "log.1", "2\n");
	rig_say(r, "log", "4\n");
	rig_move(r, "log.1", "log.2");
	rig_move(r, "log", "log.1");
	rig_say(r, "log", "5\n");
	rig_restart(r);
	rig_settle(r);
	rig_expect(r, "1\n3\n2\n4\n5\n");
	rig_close(r);
}
END_TEST

START_TEST(an_empty_file_rotated_while_stopped_is_known)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_say(r, "log", "1\n");
	rig_move(r, "log", "log.1");
	rig_say(r, "log", "2\n");
	rig_restart(r);
	rig_settle(r);
	rig_expect(r, "1\n2\n");
	rig_close(r);
}
END_TEST

START_TEST(a_stream_found_nowhere_is_reported_done)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	const struct known *old;

	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	source_free(&r->set);
	rig_move(r, "log", "elsewhere"); /* keeps the inode from being used again */
	rig_make_dir(r, "sub");
	rig_move(r, "elsewhere", "sub/log");
	rig_say(r, "log", "two\n");
	rig_create_set(r);
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\n");
	old = &r->now[1];
	ck_assert(old->done);
	ck_assert_uint_eq(old->offset, 4);
	rig_close(r);
}
END_TEST

START_TEST(positions_of_others_are_left_alone)
{
	static const struct position odd[] = {
	    {.stream = "8:1:2:3", .path = "/elsewhere/log", .offset = 7},
	    {.stream = "8:1:2:4", .path = "relative", .offset = 7},
	    {.stream = "8:1:2:5", .path = "", .offset = 7},
	    {.stream = "8:1:2", .path = "/x", .offset = 7},
	    {.stream = "08:1:2:3 ", .path = "/x", .offset = 7},
	    {.stream = "", .path = "/x", .offset = 7},
	    {.stream = "source:other", .path = "", .offset = 7}};
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\n");
	source_start(r->set, odd, sizeof(odd) / sizeof(odd[0]));
	rig_settle(r);
	rig_expect(r, "one\n");
	ck_assert_uint_eq(r->nnow, 2);
	source_committed(r->set, "nonsense", 1);
	source_committed(r->set, "8:1:2:3", 1);
	rig_close(r);
}
END_TEST

/* Its device may have another number after a reboot, where that is all there is. */
START_TEST(a_file_with_another_id_and_the_same_content_is_known)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	for (size_t i = 0; i < r->ncommitted; i++)
		if (strncmp(r->committed[i].stream, "source:", 7) != 0)
			r->committed[i].stream[0] ^= 1;
	rig_stop(r);
	rig_say(r, "log", "two\n");
	rig_create_set(r);
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\n");
	rig_expect_told(r, "");
	rig_commit(r);
	ck_assert_uint_eq(r->ncommitted, 2);
	rig_close(r);
}
END_TEST

static void
add(TCase *tc)
{
	tcase_add_test(tc, a_renamed_file_is_read_to_its_end_first);
	tcase_add_test(tc, a_renamed_file_is_let_go_when_all_of_it_is_committed);
	tcase_add_test(tc, a_file_is_not_let_go_while_it_grows);
	tcase_add_test(tc, a_removed_file_is_read_to_its_end);
	tcase_add_test(tc, nul_at_the_end_does_not_keep_a_file_open);
	tcase_add_test(tc, rotations_during_a_pause_come_in_order);
	tcase_add_test(tc, a_large_old_file_is_read_before_the_new_one);
	tcase_add_test(tc, a_glob_that_matches_the_rotated_name_reads_it_once);
	tcase_add_test(tc, a_restart_goes_on_from_the_committed_position);
	tcase_add_test(tc, a_file_cut_while_stopped_begins_again);
	tcase_add_test(tc, a_file_rotated_while_stopped_is_finished_first);
	tcase_add_test(tc, a_file_rotated_into_the_glob_while_stopped_is_finished_first);
	tcase_add_test(tc, two_rotations_that_were_not_finished_come_in_order);
	tcase_add_test(tc, an_empty_file_rotated_while_stopped_is_known);
	tcase_add_test(tc, a_stream_found_nowhere_is_reported_done);
	tcase_add_test(tc, positions_of_others_are_left_alone);
	tcase_add_test(tc, a_file_with_another_id_and_the_same_content_is_known);
}

int
main(void)
{
	return rig_main("source_rotate", add);
}
