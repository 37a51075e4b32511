/*
 * check_source: lines arrive once, in order, and can be held up and gone
 * back to.
 */
#include <stdlib.h>

#include "source_rig.h"
#include "util/xalloc.h"

/* ---- lines ------------------------------------------------------------------------- */

START_TEST(appended_lines_arrive_once_with_exact_positions)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\ntwo\n");
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\n");
	rig_say(r, "log", "three\r\nfo");
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\r\n");
	ck_assert_uint_eq(rig_last(r, "log")->offset, 15);
	rig_say(r, "log", "ur\n");
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\r\nfour\n");
	ck_assert_uint_eq(rig_last(r, "log")->offset, 20);
	ck_assert_uint_eq(source_stats(r->set)->bytes, 20);
	rig_close(r);
}
END_TEST

START_TEST(nothing_happens_before_the_start)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\n");
	rig_turn(r);
	ck_assert_uint_eq(r->calls, 0);
	rig_close(r);
}
END_TEST

START_TEST(a_write_is_seen_without_waiting_for_a_scan)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	char *path = rig_path(r, "log");

	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_turn(r);
	rig_say(r, "log", "two\n");
	if (r->set->files[0]->wd >= 0) /* inotify can be had here */
		rig_turn(r);
	else
		rig_settle(r);
	rig_expect(r, "one\ntwo\n");
	free(path);
	rig_close(r);
}
END_TEST

START_TEST(a_line_waits_for_its_newline)
{
	static const char text[] = "byte by byte\nand on\n";
	struct rig *r = rig_open(START_BEGINNING, "log");
	struct buf want = BUF_INIT;

	rig_say(r, "log", "");
	rig_start(r);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		rig_append(r, "log", (struct sv){text + i, 1});
		rig_settle(r);
		if (text[i] == '\n') {
			buf_free(&want);
			buf_add(&want, text, i + 1);
		}
		rig_expect(r, buf_str(&want));
		ck_assert_uint_eq(rig_last(r, "log")->offset, want.n);
	}
	buf_free(&want);
	rig_close(r);
}
END_TEST

START_TEST(a_huge_line_is_cut_and_the_next_is_seen)
{
	enum { HUGE_LINE = 3 * 1024 * 1024 };
	struct rig *r = rig_open(START_BEGINNING, "log");
	char *line = xmalloc(HUGE_LINE), want[MAX_LINE + 1];

	memset(line, 'x', HUGE_LINE);
	memset(want, 'x', MAX_LINE);
	want[MAX_LINE] = '\0';
	rig_start(r);
	rig_append(r, "log", (struct sv){line, HUGE_LINE});
	rig_settle(r);
	rig_expect(r, "");
	ck_assert_uint_le(r->set->files[0]->lines.head.cap, 4 * MAX_LINE);
	rig_say(r, "log", "\nnext\n");
	rig_settle(r);
	ck_assert_uint_eq(r->text.n, MAX_LINE + 5);
	ck_assert_int_eq(memcmp(r->text.p, want, MAX_LINE), 0);
	ck_assert_str_eq(r->text.p + MAX_LINE, "next\n");
	ck_assert_uint_eq(rig_last(r, "log")->offset, HUGE_LINE + 6);
	ck_assert_uint_eq(source_stats(r->set)->cut_lines, 1);
	free(line);
	rig_close(r);
}
END_TEST

START_TEST(a_hole_is_skipped_and_counted)
{
	enum { HOLE = 20 * 1024 * 1024 };
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "");
	rig_start(r);
	rig_settle(r);
	rig_cut(r, "log", HOLE);
	rig_say(r, "log", "after\n");
	rig_settle(r);
	rig_turn(r);
	rig_expect(r, "after\n");
	ck_assert_uint_eq(source_stats(r->set)->nul_bytes, HOLE);
	ck_assert_uint_eq(rig_last(r, "log")->offset, HOLE + 6);
	rig_close(r);
}
END_TEST

/* ---- pause and rewind ------------------------------------------------------------------------ */

START_TEST(a_pause_inside_the_callback_is_exact)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	char longer[MAX_LINE * 2 + 2];

	memset(longer, 'y', sizeof(longer));
	longer[sizeof(longer) - 2] = '\n';
	longer[sizeof(longer) - 1] = '\0';
	rig_say(r, "log", "one\n");
	rig_say(r, "log", longer);
	rig_say(r, "log", "two\n");
	r->pause_after = 1;
	rig_start(r);
	rig_settle(r);
	rig_settle(r);
	rig_expect(r, "one\n");
	r->pause_after = 1;
	source_resume(r->set);
	rig_turn(r);
	ck_assert_uint_eq(r->text.n, 4 + MAX_LINE);
	source_resume(r->set);
	rig_turn(r);
	ck_assert_str_eq(r->text.p + 4 + MAX_LINE, "two\n");
	rig_close(r);
}
END_TEST

START_TEST(a_pause_of_a_moment_loses_nothing)
{
	struct rig *r = rig_open(START_BEGINNING, "log*");

	rig_say(r, "log1", "1\n");
	rig_say(r, "log2", "2\n");
	rig_start(r);
	r->pause_after = 1;
	rig_settle(r);
	rig_expect(r, "1\n");
	rig_say(r, "log1", "3\n");
	source_resume(r->set);
	rig_settle(r);
	rig_expect(r, "1\n2\n3\n");
	rig_close(r);
}
END_TEST

START_TEST(a_rewind_delivers_again_from_the_committed_position)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_say(r, "log", "two\nthr");
	rig_settle(r);
	rig_start(r);
	rig_expect(r, "one\n");
	rig_say(r, "log", "ee\n");
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\n");
	rig_close(r);
}
END_TEST

START_TEST(a_rewind_inside_the_callback_is_allowed)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_append(r, "log", SV("o\0ne\ntwo\nthree\n"));
	r->rewind = true;
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "one\ntwo\nthree\n");
	rig_close(r);
}
END_TEST

START_TEST(a_rewind_covers_rotated_files)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	source_set_grace(r->set, 0);
	rig_say(r, "log", "1\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_say(r, "log", "2\nend");
	rig_move(r, "log", "log.1");
	rig_say(r, "log", "3\n");
	rig_settle(r);
	ck_assert_uint_eq(r->text.n, 9);
	rig_erase(r, "log.1");
	rig_settle(r);
	rig_start(r);
	rig_expect(r, "1\n");
	rig_settle(r);
	ck_assert_uint_eq(r->text.n, 9);
	ck_assert_ptr_nonnull(strstr(r->text.p, "2\n"));
	ck_assert_ptr_nonnull(strstr(r->text.p, "end"));
	rig_close(r);
}
END_TEST

static void
add(TCase *tc)
{
	tcase_add_test(tc, appended_lines_arrive_once_with_exact_positions);
	tcase_add_test(tc, nothing_happens_before_the_start);
	tcase_add_test(tc, a_write_is_seen_without_waiting_for_a_scan);
	tcase_add_test(tc, a_line_waits_for_its_newline);
	tcase_add_test(tc, a_huge_line_is_cut_and_the_next_is_seen);
	tcase_add_test(tc, a_hole_is_skipped_and_counted);
	tcase_add_test(tc, a_pause_inside_the_callback_is_exact);
	tcase_add_test(tc, a_pause_of_a_moment_loses_nothing);
	tcase_add_test(tc, a_rewind_delivers_again_from_the_committed_position);
	tcase_add_test(tc, a_rewind_inside_the_callback_is_allowed);
	tcase_add_test(tc, a_rewind_covers_rotated_files);
}

int
main(void)
{
	return rig_main("source", add);
}
