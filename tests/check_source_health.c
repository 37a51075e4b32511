/*
 * check_source_health: what is told of a source that is refused, gone or silent,
 * and what status shows.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source_rig.h"
#include "util/xalloc.h"

START_TEST(what_was_there_before_is_a_gap_once_committed)
{
	struct rig *r = rig_open(START_END, "log");

	rig_say(r, "log", "old\nolder\n");
	rig_start(r);
	rig_settle(r);
	rig_expect_told(r, "start 0-10\n");
	rig_start(r); /* nothing was committed: it is owed again */
	rig_expect_told(r, "");
	rig_settle(r);
	rig_expect_told(r, "start 0-10\n");
	rig_commit(r);
	rig_say(r, "log", "new\n");
	rig_settle(r);
	rig_start(r);
	rig_settle(r);
	rig_restart(r);
	rig_settle(r);
	rig_expect_told(r, "start 0-10\n");
	rig_expect(r, "new\n");
	rig_close(r);
}
END_TEST

START_TEST(a_source_without_files_is_gone_until_there_is_one)
{
	struct rig *r = rig_open(START_BEGINNING, "log*");

	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_settle(r);
	rig_erase(r, "log");
	rig_settle(r);
	rig_expect_told(r, ""); /* it may be about to be made anew */
	source_set_grace(r->set, 0);
	rig_settle(r);
	rig_settle(r);
	rig_expect_told(r, "gone\n");
	rig_say(r, "log2", "two\n");
	rig_settle(r);
	rig_settle(r);
	rig_expect_told(r, "gone\nwell\n");
	rig_close(r);
}
END_TEST

/* As root, by being nobody for a while. */
START_TEST(a_refused_file_is_told_and_its_end)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	char *path = rig_path(r, "log");
	bool root = geteuid() == 0;

	rig_say(r, "log", "one\n");
	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_int_eq(chmod(r->dir, 0755), 0);
	ck_assert(!root || seteuid(65534) == 0);
	rig_start(r);
	for (int i = 0; i < 3; i++)
		rig_settle(r);
	rig_expect_told(r, "denied\n");
	ck_assert(!root || seteuid(0) == 0);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert(!root || seteuid(65534) == 0);
	rig_settle(r);
	rig_settle(r);
	rig_expect(r, "one\n");
	rig_expect_told(r, "denied\nwell\n");
	ck_assert(!root || seteuid(0) == 0);
	free(path);
	rig_close(r);
}
END_TEST

START_TEST(silence_is_told_and_its_end)
{
	struct rig *r = rig_open(START_BEGINNING, "log");

	r->conf[0].expect_every = 1;
	rig_say(r, "log", "one\n");
	rig_start(r);
	rig_settle(r);
	usleep(5000);
	rig_settle(r);
	rig_settle(r);
	rig_expect_told(r, "silent\n");
	r->conf[0].expect_every = 1000000;
	rig_say(r, "log", "two\n");
	rig_settle(r);
	rig_settle(r);
	rig_expect_told(r, "silent\nwell\n");
	rig_close(r);
}
END_TEST

static void
got_status(void *ctx, const struct source_status *st)
{
	struct source_status *status = ctx;

	if (st->stream != NULL && !st->rotated)
		*status = *st;
}

START_TEST(status_shows_when_a_file_grew)
{
	struct rig *r = rig_open(START_END, "log");
	struct source_status st = {0};

	rig_say(r, "log", "old\n");
	rig_start(r);
	rig_settle(r);
	source_each(r->set, got_status, &st);
	ck_assert_int_eq(st.heard, 0);
	rig_say(r, "log", "new\n");
	rig_settle(r);
	source_each(r->set, got_status, &st);
	ck_assert_uint_eq(st.offset, 8);
	ck_assert_int_gt(st.heard, 1000000000000);
	rig_close(r);
}
END_TEST

/* What has no newline waits for it; when the file is cut, it begins anew. */
START_TEST(status_shows_a_line_without_end_and_a_cut)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	struct source_status st = {0};

	rig_start(r);
	rig_say(r, "log", "one\nhalf");
	rig_settle(r);
	source_each(r->set, got_status, &st);
	ck_assert_uint_eq(st.offset, 4);
	ck_assert_uint_eq(st.unended, 4);
	ck_assert_int_eq(st.begun, 0);
	rig_say(r, "log", " a line\n");
	rig_settle(r);
	source_each(r->set, got_status, &st);
	ck_assert_uint_eq(st.unended, 0);
	rig_commit(r);
	rig_cut(r, "log", 0);
	rig_settle(r);
	source_each(r->set, got_status, &st);
	ck_assert_int_gt(st.begun, 1000000000000);
	rig_close(r);
}
END_TEST

START_TEST(an_identity_is_printable_and_survives_as_text)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	char *path = rig_path(r, "log");
	struct source_id id, again, next;

	rig_say(r, "log", "one\n");
	ck_assert_int_eq(source_identity_of(NULL, path, &id), 0);
	for (const char *p = id.text; *p != '\0'; p++)
		ck_assert(*p > ' ' && *p < 127);
	ck_assert(source_identity_parse(id.text, &again));
	ck_assert(source_identity_eq(&id, &again));
	ck_assert_uint_eq(id.birth, again.birth);
	ck_assert(source_identity_alike(&id, &again));
	for (int i = 0; i < 1000; i++) { /* inodes are used again at once */
		rig_erase(r, "log");
		rig_say(r, "log", "one\n");
		ck_assert_int_eq(source_identity_of(NULL, path, &next), 0);
		ck_assert(!source_identity_eq(&id, &next));
		id = next;
	}
	free(path);
	rig_close(r);
}
END_TEST

static void
add(TCase *tc)
{
	tcase_add_test(tc, what_was_there_before_is_a_gap_once_committed);
	tcase_add_test(tc, a_source_without_files_is_gone_until_there_is_one);
	tcase_add_test(tc, a_refused_file_is_told_and_its_end);
	tcase_add_test(tc, silence_is_told_and_its_end);
	tcase_add_test(tc, status_shows_when_a_file_grew);
	tcase_add_test(tc, status_shows_a_line_without_end_and_a_cut);
	tcase_add_test(tc, an_identity_is_printable_and_survives_as_text);
}

int
main(void)
{
	return rig_main("source_health", add);
}
