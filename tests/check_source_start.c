/*
 * check_source_start: where reading begins, and what cannot be read.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source_rig.h"
#include "util/xalloc.h"

/* ---- where to begin -------------------------------------------------------------------- */

START_TEST(a_new_source_begins_at_the_end_of_what_is_there)
{
	struct rig *r = rig_open(START_END, "log*");

	rig_say(r, "log", "old\n");
	rig_start(r);
	rig_say(r, "log", "new\n"); /* after the start, so it counts */
	rig_settle(r);
	rig_expect(r, "new\n");
	rig_say(r, "log2", "from the first byte\n");
	rig_settle(r);
	rig_expect(r, "new\nfrom the first byte\n");
	rig_close(r);
}
END_TEST

START_TEST(the_end_is_after_the_last_whole_line)
{
	struct rig *r = rig_open(START_END, "log");

	rig_say(r, "log", "old\nhalf of");
	rig_start(r);
	rig_say(r, "log", " a line\n");
	rig_settle(r);
	rig_expect(r, "half of a line\n");
	rig_close(r);
}
END_TEST

START_TEST(a_known_source_begins_new_files_at_0)
{
	struct rig *r = rig_open(START_END, "log*");

	rig_say(r, "log", "old\n");
	rig_start(r);
	rig_settle(r);
	ck_assert_uint_eq(r->nnow, 2);
	ck_assert_uint_gt(rig_known(r, "source:test", "")->offset, 1000000000000);
	ck_assert_uint_eq(rig_last(r, "log")->offset, 4);
	rig_commit(r);
	source_free(&r->set);
	rig_say(r, "log", "a\n");
	rig_say(r, "log2", "b\n");
	rig_create_set(r);
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "a\nb\n");
	rig_close(r);
}
END_TEST

START_TEST(the_mark_is_reported_again_until_committed)
{
	struct rig *r = rig_open(START_END, "log");

	rig_say(r, "log", "old\n");
	rig_start(r);
	rig_settle(r);
	ck_assert_uint_eq(r->nnow, 2);
	rig_start(r); /* nothing was committed */
	ck_assert_uint_eq(r->nnow, 0);
	rig_say(r, "log", "new\n");
	rig_settle(r);
	ck_assert_uint_eq(r->nnow, 2);
	rig_expect(r, "new\n");
	rig_commit(r);
	r->calls = 0;
	rig_start(r);
	rig_settle(r);
	ck_assert_uint_eq(r->calls, 0);
	rig_close(r);
}
END_TEST

START_TEST(a_file_that_appears_later_is_followed)
{
	struct rig *r = rig_open(START_END, "sub/log");

	rig_start(r);
	rig_settle(r);
	rig_make_dir(r, "sub");
	rig_settle(r);
	rig_say(r, "sub/log", "one\n");
	rig_settle(r);
	rig_expect(r, "one\n");
	rig_close(r);
}
END_TEST

START_TEST(a_glob_may_stand_in_any_component)
{
	struct rig *r = rig_open(START_BEGINNING, "app-*/log.[0-9]");

	rig_make_dir(r, "app-a");
	rig_say(r, "app-a/log.1", "a1\n");
	rig_start(r);
	rig_settle(r);
	rig_make_dir(r, "app-b");
	rig_say(r, "app-b/log.2", "b2\n");
	rig_say(r, "app-b/log.x", "no\n");
	rig_say(r, "app-a/log.3", "a3\n");
	rig_settle(r);
	rig_expect(r, "a1\na3\nb2\n");
	rig_close(r);
}
END_TEST

START_TEST(two_names_of_a_file_are_one_stream)
{
	struct rig *r = rig_open(START_BEGINNING, "log*");
	char *a = rig_path(r, "log"), *b = rig_path(r, "log.hard"), *c = rig_path(r, "log.soft");

	rig_say(r, "log", "one\n");
	ck_assert_int_eq(link(a, b), 0);
	ck_assert_int_eq(symlink(a, c), 0);
	rig_start(r);
	rig_settle(r);
	rig_say(r, "log", "two\n");
	rig_settle(r);
	rig_expect(r, "one\ntwo\n");
	ck_assert_uint_eq(rig_open_files(r), 1);
	ck_assert_str_eq(r->set->files[0]->stream.path, a);
	free(a);
	free(b);
	free(c);
	rig_close(r);
}
END_TEST

START_TEST(a_link_turned_to_another_file_is_a_rotation)
{
	struct rig *r = rig_open(START_BEGINNING, "current");
	char *a = rig_path(r, "a"), *b = rig_path(r, "b"), *current = rig_path(r, "current");

	rig_say(r, "a", "1\n");
	ck_assert_int_eq(symlink(a, current), 0);
	rig_start(r);
	rig_settle(r);
	rig_say(r, "a", "2\n");
	rig_say(r, "b", "3\n");
	ck_assert_int_eq(unlink(current), 0);
	ck_assert_int_eq(symlink(b, current), 0);
	rig_settle(r);
	rig_expect(r, "1\n2\n3\n");
	ck_assert_uint_eq(source_stats(r->set)->rotations, 1);
	free(a);
	free(b);
	free(current);
	rig_close(r);
}
END_TEST

/* ---- what cannot be read ------------------------------------------------------------------ */

struct status {
	size_t problems, streams;
	char text[100];
	uint64_t offset, size;
};

static void
got_status(void *ctx, const struct source_status *st)
{
	struct status *status = ctx;

	ck_assert_str_eq(st->source, "test");
	ck_assert_ptr_nonnull(st->path);
	if (st->problem != NULL) {
		status->problems++;
		snprintf(status->text, sizeof(status->text), "%s", st->problem);
	}
	if (st->stream != NULL) {
		status->streams++;
		status->offset = st->offset;
		status->size = st->size;
	}
}

static struct status
status_of(const struct rig *r)
{
	struct status status = {0};

	source_each(r->set, got_status, &status);
	return status;
}

START_TEST(status_shows_streams_and_what_is_missing)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	rig_start(r);
	rig_settle(r);
	ck_assert_uint_eq(status_of(r).problems, 1);
	ck_assert_str_eq(status_of(r).text, "No such file or directory");
	rig_say(r, "log", "one\ntw");
	rig_settle(r);
	ck_assert_uint_eq(status_of(r).problems, 0);
	ck_assert_uint_eq(status_of(r).streams, 1);
	ck_assert_uint_eq(status_of(r).offset, 4);
	ck_assert_uint_eq(status_of(r).size, 6);
	rig_close(r);
}
END_TEST

START_TEST(a_glob_in_a_missing_directory_is_a_problem)
{
	struct rig *r = rig_open(START_BEGINNING, "typo/*.log");

	rig_start(r);
	rig_settle(r);
	ck_assert_uint_eq(status_of(r).problems, 1);
	rig_make_dir(r, "typo");
	rig_settle(r);
	ck_assert_uint_eq(status_of(r).problems, 0);
	rig_close(r);
}
END_TEST

/* As root, by being nobody for a while. */
START_TEST(an_unreadable_file_is_shown_and_tried_again)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	char *path = rig_path(r, "log");
	bool root = geteuid() == 0;

	rig_say(r, "log", "one\n");
	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_int_eq(chmod(r->dir, 0755), 0);
	ck_assert(!root || seteuid(65534) == 0);
	rig_start(r);
	rig_settle(r);
	ck_assert_str_eq(status_of(r).text, "Permission denied");
	rig_expect(r, "");
	ck_assert(!root || seteuid(0) == 0);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert(!root || seteuid(65534) == 0);
	rig_settle(r);
	rig_expect(r, "one\n");
	ck_assert_uint_eq(status_of(r).problems, 0);
	ck_assert(!root || seteuid(0) == 0);
	free(path);
	rig_close(r);
}
END_TEST

START_TEST(only_regular_files_are_opened)
{
	struct rig *r = rig_open(START_BEGINNING, "*");
	char *fifo = rig_path(r, "fifo"), *null = rig_path(r, "null");

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(symlink("/dev/null", null), 0);
	rig_make_dir(r, "directory");
	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "one\n");
	ck_assert_uint_eq(status_of(r).problems, 3);
	ck_assert_str_eq(status_of(r).text, "not a regular file");
	free(fifo);
	free(null);
	rig_close(r);
}
END_TEST

/* A log may be a link, but not one of those that /proc makes up. */
START_TEST(magic_links_are_not_followed)
{
	struct rig *r = rig_open(START_BEGINNING, "link");
	char *a = rig_path(r, "a"), *link = rig_path(r, "link"), target[64];
	int fd;

	rig_say(r, "a", "secret\n");
	fd = open(a, O_RDONLY | O_CLOEXEC);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	ck_assert_int_eq(symlink(target, link), 0);
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "");
	ck_assert_uint_eq(status_of(r).problems, 1);
	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(symlink("a", link), 0);
	rig_settle(r);
	rig_expect(r, "secret\n");
	close(fd);
	free(a);
	free(link);
	rig_close(r);
}
END_TEST

START_TEST(a_tree_that_appears_later_is_seen_without_waiting_for_a_scan)
{
	struct rig *r = rig_open(START_BEGINNING, "a/b*/c/log");

	rig_start(r);
	rig_turn(r);
	rig_make_dir(r, "a");
	rig_make_dir(r, "a/b1");
	rig_make_dir(r, "a/b1/c");
	rig_say(r, "a/b1/c/log", "one\n");
	for (int i = 0; i < 100 && r->text.n == 0; i++) {
		usleep(1000);
		rig_turn(r);
	}
	rig_expect(r, "one\n");
	rig_close(r);
}
END_TEST

START_TEST(descriptors_are_left_to_others)
{
	enum { FILES = 40 };
	struct rig *r = rig_open(START_BEGINNING, "log.*");
	struct rlimit before, few = {32, 32};
	char name[32];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "log.%03d", i);
		rig_say(r, name, "a line\n");
	}
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few.rlim_max = before.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	rig_start(r);
	rig_settle(r);
	ck_assert_uint_lt(r->text.n, FILES * 7);
	ck_assert_str_eq(status_of(r).text, "Too many open files");
	ck_assert_int_lt(dup(0), 32 - 4);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	rig_settle(r);
	ck_assert_uint_eq(r->text.n, FILES * 7);
	ck_assert_uint_eq(status_of(r).problems, 0);
	rig_close(r);
}
END_TEST

START_TEST(archives_are_no_logs)
{
	struct rig *r = rig_open(START_BEGINNING, "log*");

	rig_say(r, "log.2", "old\n");
	rig_gzip(r, "log.2");
	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_settle(r);
	rig_expect(r, "one\n");
	rig_close(r);
}
END_TEST

static void
add(TCase *tc)
{
	tcase_add_test(tc, a_new_source_begins_at_the_end_of_what_is_there);
	tcase_add_test(tc, the_end_is_after_the_last_whole_line);
	tcase_add_test(tc, a_known_source_begins_new_files_at_0);
	tcase_add_test(tc, the_mark_is_reported_again_until_committed);
	tcase_add_test(tc, a_file_that_appears_later_is_followed);
	tcase_add_test(tc, a_glob_may_stand_in_any_component);
	tcase_add_test(tc, two_names_of_a_file_are_one_stream);
	tcase_add_test(tc, a_link_turned_to_another_file_is_a_rotation);
	tcase_add_test(tc, status_shows_streams_and_what_is_missing);
	tcase_add_test(tc, a_glob_in_a_missing_directory_is_a_problem);
	tcase_add_test(tc, an_unreadable_file_is_shown_and_tried_again);
	tcase_add_test(tc, only_regular_files_are_opened);
	tcase_add_test(tc, magic_links_are_not_followed);
	tcase_add_test(tc, a_tree_that_appears_later_is_seen_without_waiting_for_a_scan);
	tcase_add_test(tc, descriptors_are_left_to_others);
	tcase_add_test(tc, archives_are_no_logs);
}

int
main(void)
{
	return rig_main("source_start", add);
}
