/*
 * check_source_recover: rotated files are found again: compressed, copied, moved,
 * and those that came and went while nobody looked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "source_rig.h"
#include "util/xalloc.h"

/* A log that has been read and committed up to "one\n", and the set is stopped. */
static struct rig *
stopped(const char *pattern)
{
	struct rig *r = rig_open(START_END, pattern);

	rig_start(r);
	rig_settle(r);
	rig_say(r, "log", "one\n");
	rig_settle(r);
	rig_commit(r);
	rig_stop(r);
	return r;
}

static void
go_on(struct rig *r)
{
	rig_create_set(r);
	rig_start(r);
	rig_settle(r);
}

/* As logrotate does, three generations kept before the name goes. */
static void
rotate(const struct rig *r, int kept, void (*compress)(const struct rig *, const char *))
{
	const char *suffix = compress == NULL ? "" : compress == rig_gzip ? ".gz" : ".zst";
	char from[32], to[32], *path;

	for (int i = kept; i > 0; i--) {
		snprintf(from, sizeof(from), "log.%d%s", i, suffix);
		snprintf(to, sizeof(to), "log.%d%s", i + 1, suffix);
		path = rig_path(r, from);
		if (access(path, F_OK) == 0)
			rig_move(r, from, to);
		free(path);
	}
	rig_move(r, "log", "log.1");
	if (compress != NULL)
		compress(r, "log.1");
}

static void
expect_after_rotations(void (*compress)(const struct rig *, const char *))
{
	struct rig *r = stopped("log");

	rig_say(r, "log", "two\n");
	for (int i = 0; i < 10; i++) {
		char line[32];

		rotate(r, 20, compress);
		usleep(10000); /* times of birth and change are that coarse */
		snprintf(line, sizeof(line), "generation %d\n", i);
		rig_say(r, "log", line);
	}
	go_on(r);
	rig_expect(r, "one\ntwo\ngeneration 0\ngeneration 1\ngeneration 2\ngeneration 3\n"
		      "generation 4\ngeneration 5\ngeneration 6\ngeneration 7\ngeneration 8\n"
		      "generation 9\n");
	rig_finish(r);
	ck_assert_uint_eq(rig_open_files(r), 1);
	ck_assert_uint_eq(r->ncommitted, 2);
	rig_expect_told(r, "");
	rig_restart(r);
	rig_settle(r);
	ck_assert_ptr_null(strstr(r->text.p + r->text_committed, "generation"));
	rig_close(r);
}

START_TEST(ten_rotations_while_stopped_are_read_in_order)
{
	expect_after_rotations(NULL);
}
END_TEST

START_TEST(ten_rotations_with_gzip_while_stopped_are_read_in_order)
{
	expect_after_rotations(rig_gzip);
}
END_TEST

START_TEST(ten_rotations_with_zstd_while_stopped_are_read_in_order)
{
	expect_after_rotations(rig_zstd);
}
END_TEST

START_TEST(rotations_while_frozen_are_read_in_order)
{
	struct rig *r = stopped("log");

	go_on(r);
	for (int i = 0; i < 5; i++) {
		char line[32];

		rotate(r, 20, _i == 0 ? NULL : rig_gzip);
		usleep(10000);
		snprintf(line, sizeof(line), "generation %d\n", i);
		rig_say(r, "log", line);
	}
	rig_settle(r);
	rig_expect(r, "one\ngeneration 0\ngeneration 1\ngeneration 2\ngeneration 3\n"
		      "generation 4\n");
	rig_finish(r);
	ck_assert_uint_eq(rig_open_files(r), 1);
	rig_expect_told(r, "");
	rig_close(r);
}
END_TEST

START_TEST(older_archives_and_strangers_are_left_alone)
{
	struct rig *r = rig_open(START_END, "log");

	rig_say(r, "log", "ancient\n");
	rig_gzip(r, "log");
	rig_move(r, "log.gz", "log.2.gz");
	rig_say(r, "log.1", "old\n");
	usleep(10000);
	rig_start(r);
	rig_settle(r);
	rig_say(r, "log", "one\n");
	rig_settle(r);
	rig_commit(r);
	rig_stop(r);
	rig_move(r, "log.2.gz", "log.3.gz");
	rig_move(r, "log.1", "log.2");
	rig_move(r, "log", "log.1");
	rig_say(r, "login", "of another program\n");
	rig_say(r, "log.x", "no rotation\n");
	rig_copy(r, "log.1", "log.0"); /* a copy that somebody made */
	rig_say(r, "log", "two\n");
	go_on(r);
	rig_expect(r, "one\ntwo\n");
	rig_finish(r);
	rig_expect(r, "one\ntwo\n");
	rig_close(r);
}
END_TEST

START_TEST(dates_in_names_give_the_order)
{
	struct rig *r = stopped("log");

	rig_move(r, "log", "log-20260102");
	rig_gzip(r, "log-20260102");
	rig_say(r, "log-20260104", "three\n");
	usleep(10000);
	rig_say(r, "log-20260103", "two\n");
	rig_gzip(r, "log-20260103");
	rig_say(r, "log", "four\n");
	go_on(r);
	rig_expect(r, "one\ntwo\nthree\nfour\n");
	rig_close(r);
}
END_TEST

START_TEST(the_name_may_end_in_the_extension)
{
	struct rig *r = rig_open(START_BEGINNING, "a.log");

	rig_say(r, "a.log", "one\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_stop(r);
	rig_say(r, "a.log", "two\n");
	rig_move(r, "a.log", "a-20260101.log");
	rig_gzip(r, "a-20260101.log");
	rig_say(r, "a.log", "three\n");
	go_on(r);
	rig_expect(r, "one\ntwo\nthree\n");
	rig_close(r);
}
END_TEST

START_TEST(rotated_files_may_be_in_another_place)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_rotated(r, "old");
	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_stop(r);
	rig_say(r, "log", "two\n");
	rig_copy(r, "log", "old/log"); /* moved to another file system */
	rig_erase(r, "log");
	rig_say(r, "log", "three\n");
	go_on(r);
	rig_expect(r, "one\ntwo\nthree\n");
	rig_close(r);
}
END_TEST

/* An archive of which a part is read when the set is killed. */
START_TEST(an_archive_is_read_on_after_a_restart)
{
	enum { LINES = 200000 };
	struct rig *r = stopped("log");
	struct buf want = BUF_INIT, more = BUF_INIT;

	for (int i = 0; i < LINES; i++)
		buf_printf(&more, "line %d\n", i);
	buf_puts(&want, "one\n");
	buf_sv(&want, buf_view(&more));
	rig_append(r, "log", buf_view(&more));
	rig_move(r, "log", "log.1");
	rig_gzip(r, "log.1");
	rig_say(r, "log", "end\n");
	buf_puts(&want, "end\n");
	rig_create_set(r);
	r->pause_after = 3;
	rig_start(r);
	rig_settle(r);
	ck_assert_uint_lt(r->text.n, want.n);
	rig_commit(r);
	rig_restart(r);
	r->pause_after = 2;
	rig_settle(r);
	rig_start(r); /* and a rewind */
	source_resume(r->set);
	rig_settle(r);
	ck_assert(sv_eq(buf_view(&r->text), buf_view(&want)));
	rig_finish(r);
	ck_assert_uint_eq(r->ncommitted, 2);
	buf_free(&want);
	buf_free(&more);
	rig_close(r);
}
END_TEST

START_TEST(the_right_archive_is_found_among_many_that_begin_alike)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	struct buf head = BUF_INIT, want = BUF_INIT;

	for (int i = 0; i < 10; i++)
		buf_printf(&head, "the same first lines %d\n", i);
	rig_append(r, "log", buf_view(&head));
	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	rig_stop(r);
	rig_say(r, "log", "two\n");
	rotate(r, 9, rig_zstd);
	usleep(10000);
	for (int i = 0; i < 3; i++) {
		char line[32];

		rig_append(r, "log", buf_view(&head));
		snprintf(line, sizeof(line), "%d of another\n", i);
		rig_say(r, "log", line);
		rotate(r, 9, rig_zstd);
		usleep(10000);
	}
	rig_say(r, "log", "");
	go_on(r);
	buf_printf(&want, "%sone\ntwo\n", buf_str(&head));
	for (int i = 0; i < 3; i++)
		buf_printf(&want, "%s%d of another\n", buf_str(&head), i);
	rig_expect(r, buf_str(&want));
	buf_free(&head);
	buf_free(&want);
	rig_close(r);
}
END_TEST

START_TEST(a_damaged_archive_is_read_as_far_as_it_goes_and_told)
{
	enum { LINES = 100000 };
	struct rig *r = stopped("log");
	struct buf more = BUF_INIT;

	for (int i = 0; i < LINES; i++)
		buf_printf(&more, "line %d\n", i);
	rig_append(r, "log", buf_view(&more));
	rotate(r, 9, rig_gzip);
	rig_cut(r, "log.1.gz", 50000);
	rig_say(r, "log", "end\n");
	go_on(r);
	rig_finish(r);
	ck_assert_ptr_nonnull(strstr(buf_str(&r->told), "unreadable"));
	ck_assert_ptr_nonnull(strstr(buf_str(&r->text), "one\nline 0\nline 1\n"));
	ck_assert_str_eq(r->text.p + r->text.n - 4, "end\n");
	ck_assert_uint_eq(r->ncommitted, 2);
	buf_free(&more);
	rig_close(r);
}
END_TEST

START_TEST(a_file_that_is_nowhere_is_told)
{
	struct rig *r = stopped("log");

	rig_make_dir(r, "sub");
	rig_move(r, "log", "sub/log"); /* keeps the inode from being used again */
	rig_say(r, "log", "two\n");
	go_on(r);
	rig_expect(r, "one\ntwo\n");
	rig_expect_told(r, "lost 4-4\n");
	rig_close(r);
}
END_TEST

START_TEST(what_came_after_a_file_that_is_nowhere_is_read)
{
	struct rig *r = stopped("log");

	usleep(10000);
	rig_erase(r, "log");
	rig_say(r, "log", "two\n");
	rotate(r, 3, rig_gzip);
	rig_say(r, "log", "three\n");
	rotate(r, 3, rig_gzip);
	rig_say(r, "log", "four\n");
	go_on(r);
	rig_expect(r, "one\ntwo\nthree\nfour\n");
	rig_expect_told(r, "lost 4-4\n");
	rig_close(r);
}
END_TEST

static void
add(TCase *tc)
{
	tcase_add_test(tc, ten_rotations_while_stopped_are_read_in_order);
	tcase_add_test(tc, ten_rotations_with_gzip_while_stopped_are_read_in_order);
	tcase_add_test(tc, ten_rotations_with_zstd_while_stopped_are_read_in_order);
	tcase_add_loop_test(tc, rotations_while_frozen_are_read_in_order, 0, 2);
	tcase_add_test(tc, older_archives_and_strangers_are_left_alone);
	tcase_add_test(tc, dates_in_names_give_the_order);
	tcase_add_test(tc, the_name_may_end_in_the_extension);
	tcase_add_test(tc, rotated_files_may_be_in_another_place);
	tcase_add_test(tc, an_archive_is_read_on_after_a_restart);
	tcase_add_test(tc, the_right_archive_is_found_among_many_that_begin_alike);
	tcase_add_test(tc, a_damaged_archive_is_read_as_far_as_it_goes_and_told);
	tcase_add_test(tc, a_file_that_is_nowhere_is_told);
	tcase_add_test(tc, what_came_after_a_file_that_is_nowhere_is_read);
}

int
main(void)
{
	return rig_main("source_recover", add);
}
