/*
 * check_source_content: what was read is cut away or written anew.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "source_rig.h"
#include "util/xalloc.h"

/* Reads that begin in these bytes of any file fail; those that end in them end
 * before. */
static off_t fail_from, fail_to;

ssize_t
pread(int fd, void *p, size_t n, off_t offset)
{
	if (offset >= fail_from && offset < fail_to) {
		errno = EIO;
		return -1;
	}
	if (offset < fail_from && offset + (off_t)n > fail_from && fail_to > 0)
		n = (size_t)(fail_from - offset);
	return syscall(SYS_pread64, fd, p, n, offset);
}

/* ---- truncation ------------------------------------------------------------------------ */

START_TEST(a_truncated_file_begins_again)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\ntwo\npart");
	rig_start(r);
	rig_settle(r);
	rig_cut(r, "log", 0);
	rig_settle(r);
	ck_assert_uint_eq(rig_last(r, "log")->offset, 0);
	rig_say(r, "log", "three\n");
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\n");
	ck_assert_uint_eq(rig_last(r, "log")->offset, 6);
	ck_assert_uint_eq(r->nnow, 2); /* the same stream, and the mark */
	ck_assert_uint_eq(source_stats(r->set)->truncations, 1);
	rig_close(r);
}
END_TEST

START_TEST(a_file_cut_to_fewer_bytes_begins_again)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\ntwo\nthree\n");
	rig_start(r);
	rig_settle(r);
	rig_cut(r, "log", 4);
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\none\n");
	ck_assert_uint_eq(rig_last(r, "log")->offset, 4);
	rig_close(r);
}
END_TEST

START_TEST(an_old_commit_does_not_count_for_new_content)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	char *id;

	rig_say(r, "log", "old content\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_cut(r, "log", 0);
	rig_say(r, "log", "new\n");
	rig_settle(r);
	id = xstrdup(rig_last(r, "log")->stream);
	rig_erase(r, "log");
	source_set_grace(r->set, 0);
	rig_settle(r);
	ck_assert_uint_eq(rig_open_files(r), 1);
	source_committed(r->set, id, 12); /* was under way when the file was cut */
	rig_settle(r);
	ck_assert_uint_eq(rig_open_files(r), 1);
	source_committed(r->set, id, 4);
	rig_settle(r);
	ck_assert_uint_eq(rig_open_files(r), 0);
	free(id);
	rig_close(r);
}
END_TEST

START_TEST(a_file_begun_at_its_end_and_cut_is_rewound_to_0)
{
	struct rig *r = rig_open(START_END, "log");

	rig_say(r, "log", "old\n");
	rig_start(r);
	rig_settle(r);
	rig_cut(r, "log", 0);
	rig_settle(r);
	rig_say(r, "log", "longer than before\n");
	rig_settle(r);
	rig_start(r); /* nothing is committed */
	rig_settle(r);
	rig_expect(r, "longer than before\n");
	rig_close(r);
}
END_TEST

START_TEST(a_rewind_to_before_a_truncation_begins_at_0)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "old content\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_cut(r, "log", 0);
	rig_say(r, "log", "new\n");
	rig_settle(r);
	rig_say(r, "log", "and much more than before\n");
	rig_start(r); /* committed: 12, of what is no more */
	rig_settle(r);
	rig_expect(r, "old content\nnew\nand much more than before\n");
	rig_start(r); /* nor is it known now that the new position was committed */
	rig_settle(r);
	rig_expect(r, "old content\nnew\nand much more than before\n");
	rig_commit(r);
	rig_say(r, "log", "end\n");
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "old content\nnew\nand much more than before\nend\n");
	rig_close(r);
}
END_TEST

/* ---- written anew ------------------------------------------------------------------- */

/* What was read is put away and other lines stand in its place, whatever their
 * length. */
START_TEST(refilled_beyond_the_position_is_noticed)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	struct buf want = BUF_INIT;
	char line[64];

	rig_say(r, "log", "the first line of the old content\nsecond\n");
	rig_start(r);
	rig_settle(r);
	buf_puts(&want, buf_str(&r->text));
	rig_cut(r, "log", 0);
	for (int i = 0; i <= _i; i++) {
		snprintf(line, sizeof(line), "new line %d of %d\n", i, _i);
		rig_say(r, "log", line);
		buf_puts(&want, line);
	}
	rig_settle(r);
	rig_expect(r, buf_str(&want));
	ck_assert_uint_eq(source_stats(r->set)->truncations, 1);
	rig_expect_told(r, "truncated 41-41\n");
	buf_free(&want);
	rig_close(r);
}
END_TEST

START_TEST(refilled_while_stopped_is_noticed)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\ntwo\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_stop(r);
	rig_cut(r, "log", 0);
	rig_say(r, "log", "another line, and longer than all before\n");
	rig_create_set(r);
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\nanother line, and longer than all before\n");
	rig_expect_told(r, "truncated 8-8\n");
	rig_start(r); /* not committed: once more, and told once more */
	rig_settle(r);
	rig_expect(r, "one\ntwo\nanother line, and longer than all before\n");
	rig_expect_told(r, "truncated 8-8\n");
	rig_commit(r);
	rig_restart(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\nanother line, and longer than all before\n");
	rig_expect_told(r, "truncated 8-8\n");
	rig_close(r);
}
END_TEST

START_TEST(cut_to_any_size_nothing_is_lost_and_what_is_certain_not_doubled)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	struct buf want = BUF_INIT;
	int whole = _i;
	char line[64];

	rig_start(r);
	for (int i = 0; i < 20; i++) {
		snprintf(line, sizeof(line), "line number %02d\n", i);
		rig_say(r, "log", line);
		rig_settle(r);
	}
	buf_puts(&want, buf_str(&r->text));
	rig_cut(r, "log", whole * 15);
	rig_settle(r);
	rig_say(r, "log", "new\n");
	rig_settle(r);
	if (whole * 15 < SOURCE_CHECK_SIZE) /* too little to be certain */
		buf_add(&want, buf_str(&r->text), (size_t)whole * 15);
	buf_puts(&want, "new\n");
	rig_expect(r, buf_str(&want));
	ck_assert_uint_eq(source_stats(r->set)->truncations, 1);
	buf_free(&want);
	rig_close(r);
}
END_TEST

/* ---- copytruncate -------------------------------------------------------------------- */

START_TEST(what_a_copy_has_is_read_before_the_new_content)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\ntwo\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	if (_i % 2 == 1)
		rig_stop(r);
	rig_say(r, "log", "three\nfour\n");
	rig_copy(r, "log", "log.1");
	if (_i / 2 == 1)
		rig_gzip(r, "log.1");
	rig_cut(r, "log", 0);
	rig_say(r, "log", "five\n");
	if (_i % 2 == 1) {
		rig_create_set(r);
		rig_start(r);
	}
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\nfour\nfive\n");
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\nfour\nfive\n");
	rig_finish(r);
	ck_assert_uint_eq(rig_open_files(r), 1);
	rig_restart(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\nfour\nfive\n");
	rig_expect_told(r, "");
	rig_close(r);
}
END_TEST

/* Redis goes away when the copy has been found, and knows less than was delivered before
 * the cut. */
START_TEST(a_copy_is_read_from_what_is_committed_after_a_rewind)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\ntwo\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_say(r, "log", "three\n");
	rig_settle(r);
	rig_say(r, "log", "four\n");
	rig_copy(r, "log", "log.1");
	if (_i == 1)
		rig_gzip(r, "log.1");
	rig_cut(r, "log", 0);
	rig_say(r, "log", "five\n");
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\nfour\nfive\n");
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\nfour\nfive\n");
	rig_expect_told(r, "");
	rig_close(r);
}
END_TEST

/* The copy is seen empty, half and whole before the file is cut. */
START_TEST(a_copy_that_the_pattern_matches_is_not_read_twice)
{
	struct rig *r = rig_open(START_BEGINNING, "log*");

	rig_say(r, "log", "one\ntwo\n");
	rig_start(r);
	rig_settle(r);
	source_pause(r->set);
	rig_say(r, "log", "three\n");
	rig_say(r, "log.1", "");
	rig_settle(r);
	rig_say(r, "log.1", "one\ntw");
	rig_settle(r);
	rig_say(r, "log.1", "o\nthree\n");
	rig_settle(r);
	source_resume(r->set);
	if (_i == 0)
		rig_settle(r);
	rig_cut(r, "log", 0);
	rig_settle(r);
	rig_say(r, "log", "four\n");
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\nfour\n");
	rig_commit(r);
	rig_gzip(r, "log.1");
	rig_settle(r);
	rig_finish(r);
	rig_restart(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\nfour\n");
	rig_close(r);
}
END_TEST

START_TEST(a_remote_file_is_cut_when_it_stays_so)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\ntwo\n");
	rig_start(r);
	rig_settle(r);
	r->set->files[0]->remote = true;
	rig_cut(r, "log", 4); /* what a server shows for a moment */
	source_set_check(r->set, r->set->files[0]);
	rig_say(r, "log", "two\nthree\n");
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\n");
	rig_cut(r, "log", 0);
	for (int i = 0; i < 3; i++)
		rig_settle(r);
	rig_say(r, "log", "new\n");
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\nnew\n");
	rig_close(r);
}
END_TEST

START_TEST(several_copies_made_while_stopped_are_read_in_order)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "0\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_stop(r);
	for (int i = 1; i < 5; i++) {
		char line[32], from[32], to[32];

		for (int k = i - 1; k > 0; k--) {
			snprintf(from, sizeof(from), "log.%d%s", k, _i == 0 ? "" : ".gz");
			snprintf(to, sizeof(to), "log.%d%s", k + 1, _i == 0 ? "" : ".gz");
			rig_move(r, from, to);
		}
		rig_copy(r, "log", "log.1");
		if (_i == 1)
			rig_gzip(r, "log.1");
		rig_cut(r, "log", 0);
		snprintf(line, sizeof(line), "%d\n", i);
		rig_say(r, "log", line);
	}
	rig_create_set(r);
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "0\n1\n2\n3\n4\n");
	rig_finish(r);
	rig_expect(r, "0\n1\n2\n3\n4\n");
	rig_expect_told(r, "");
	rig_close(r);
}
END_TEST

START_TEST(what_was_cut_after_the_copy_is_told)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\ntwo\n");
	rig_start(r);
	rig_settle(r);
	source_pause(r->set);
	rig_say(r, "log", "three\n");
	rig_copy(r, "log", "log.1");
	rig_say(r, "log", "destroyed\n");
	rig_settle(r);
	rig_cut(r, "log", 0);
	rig_settle(r);
	source_resume(r->set);
	rig_turn(r);
	rig_expect(r, "one\ntwo\nthree\n");
	rig_expect_told(r, "truncated 14-24\n");
	rig_close(r);
}
END_TEST

/* ---- what is no text ----------------------------------------------------------------- */

START_TEST(a_hole_of_any_size_is_passed_over_at_once)
{
	static const off_t hole = (off_t)10 * 1024 * 1024 * 1024;
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "before\n");
	rig_start(r);
	rig_settle(r);
	rig_cut(r, "log", hole);
	rig_say(r, "log", "after\n");
	rig_settle(r);
	rig_expect(r, "before\nafter\n");
	ck_assert_uint_eq(source_stats(r->set)->nul_bytes, (uint64_t)hole - 7);
	rig_expect_told(r, "nul 7-10737418240\n");
	rig_commit(r);
	rig_restart(r);
	rig_say(r, "log", "end\n");
	rig_settle(r);
	rig_expect(r, "before\nafter\nend\n");
	rig_close(r);
}
END_TEST

START_TEST(the_rest_of_a_huge_line_is_a_gap)
{
	enum { HUGE_LINE = 8 * 1024 * 1024 };
	struct rig *r = rig_open(START_BEGINNING, "log");
	char *line = xmalloc(HUGE_LINE);

	memset(line, 'x', HUGE_LINE);
	rig_start(r);
	rig_append(r, "log", (struct sv){line, HUGE_LINE});
	rig_settle(r);
	rig_expect_told(r, "");
	rig_say(r, "log", "\nnext\n");
	rig_settle(r);
	rig_expect_told(r, "oversize 100-8388608\n");
	ck_assert_str_eq(r->text.p + r->text.n - 5, "next\n");
	free(line);
	rig_close(r);
}
END_TEST

START_TEST(a_byte_order_mark_is_no_text)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "\xef\xbb\xbfone\n");
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "one\n");
	rig_commit(r);
	rig_restart(r);
	rig_say(r, "log", "two\n");
	rig_settle(r);
	rig_expect(r, "one\ntwo\n");
	rig_close(r);
}
END_TEST

/* ---- read errors ---------------------------------------------------------------------- */

static bool
all_but_one_block(struct rig *r)
{
	return strstr(buf_str(&r->told), "unreadable 4096-8192\n") != NULL;
}

START_TEST(a_block_that_cannot_be_read_is_passed_over_in_the_end)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	struct buf text = BUF_INIT;

	for (int i = 0; i < 2000; i++)
		buf_printf(&text, "line %d\n", i);
	rig_append(r, "log", buf_view(&text));
	fail_from = 4096;
	fail_to = 8192;
	rig_start(r);
	for (int i = 0; i < 12 && !all_but_one_block(r); i++)
		rig_settle(r);
	ck_assert(all_but_one_block(r));
	ck_assert_ptr_nonnull(strstr(buf_str(&r->text), "line 0\n"));
	ck_assert_ptr_nonnull(strstr(buf_str(&r->text), "line 1999\n"));
	rig_commit(r);
	rig_restart(r);
	rig_say(r, "log", "end\n");
	rig_settle(r);
	ck_assert_str_eq(r->text.p + r->text.n - 14, "line 1999\nend\n");
	fail_to = 0;
	buf_free(&text);
	rig_close(r);
}
END_TEST

static void
add(TCase *tc)
{
	tcase_add_test(tc, a_truncated_file_begins_again);
	tcase_add_test(tc, a_file_cut_to_fewer_bytes_begins_again);
	tcase_add_test(tc, an_old_commit_does_not_count_for_new_content);
	tcase_add_test(tc, a_file_begun_at_its_end_and_cut_is_rewound_to_0);
	tcase_add_test(tc, a_rewind_to_before_a_truncation_begins_at_0);
	tcase_add_loop_test(tc, refilled_beyond_the_position_is_noticed, 0, 8);
	tcase_add_test(tc, refilled_while_stopped_is_noticed);
	tcase_add_loop_test(tc, cut_to_any_size_nothing_is_lost_and_what_is_certain_not_doubled, 0, 20);
	tcase_add_loop_test(tc, what_a_copy_has_is_read_before_the_new_content, 0, 4);
	tcase_add_loop_test(tc, a_copy_is_read_from_what_is_committed_after_a_rewind, 0, 2);
	tcase_add_loop_test(tc, a_copy_that_the_pattern_matches_is_not_read_twice, 0, 2);
	tcase_add_test(tc, a_remote_file_is_cut_when_it_stays_so);
	tcase_add_loop_test(tc, several_copies_made_while_stopped_are_read_in_order, 0, 2);
	tcase_add_test(tc, what_was_cut_after_the_copy_is_told);
	tcase_add_test(tc, a_hole_of_any_size_is_passed_over_at_once);
	tcase_add_test(tc, the_rest_of_a_huge_line_is_a_gap);
	tcase_add_test(tc, a_byte_order_mark_is_no_text);
	tcase_add_test(tc, a_block_that_cannot_be_read_is_passed_over_in_the_end);
}

int
main(void)
{
	return rig_main("source_content", add);
}
