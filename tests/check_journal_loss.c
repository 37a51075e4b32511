/*
 * check_journal_loss: rotated journals are read without a gap, entries that are gone are
 * told, and damaged files are no harm to the others.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal_rig.h"
#include "source/source_journal_internal.h"
#include "util/clock.h"
#include "util/xalloc.h"

/* ---- rotation and loss -------------------------------------------------------- */

START_TEST(first_entry_after_rotation_is_not_lost)
{
	struct jr *r = jr_open(START_BEGINNING, _i == 0 ? NULL : "x.journal");
	char *path = jr_path(r, "x.journal");

	jr_append(r, "x.journal", 1, 3);
	jr_start(r);
	jr_until_lines(r, 3);
	for (unsigned round = 0; round < 5; round++) {
		char *name = xasprintf("x@%u.journal", round), *old = jr_path(r, name);

		ck_assert_int_eq(rename(path, old), 0);
		jr_append(r, "x.journal", 4 + round, 4 + round);
		jr_until_lines(r, 4 + round);
		free(name);
		free(old);
	}
	jr_expect_range(r, 1, 8);
	ck_assert(!jr_told(r, "lost"));
	free(path);
	jr_close(r);
}
END_TEST

START_TEST(rotation_while_stopped)
{
	struct jr *r = jr_open(START_BEGINNING, NULL);

	jr_append(r, "a.journal", 1, 3);
	jr_start(r);
	jr_until_lines(r, 3);
	jr_commit(r);
	jr_append(r, "a.journal", 4, 6);
	jr_append(r, "b.journal", 7, 9);
	jr_append(r, "c.journal", 10, 12);
	jr_restart(r);
	jr_until_lines(r, 12);
	jr_expect_range(r, 1, 12);
	ck_assert_uint_eq(r->troubles.n, 0);
	jr_close(r);
}
END_TEST

/* The file of the cursor is gone; the others have its boot. */
START_TEST(lost_cursor_goes_on_by_the_clock_of_the_boot)
{
	struct jr *r = jr_open(START_BEGINNING, NULL);
	char *path = jr_path(r, "a.journal");

	jr_append(r, "a.journal", 1, 3);
	jr_start(r);
	jr_until_lines(r, 3);
	jr_commit(r);
	jr_append(r, "b.journal", 2, 6);
	ck_assert_int_eq(unlink(path), 0);
	jr_restart(r);
	jr_until_lines(r, 6);
	jr_expect_range(r, 1, 6);
	ck_assert(jr_told(r, "lost 0 the entry read last, of 2023-11-14T"));
	free(path);
	jr_close(r);
}
END_TEST

START_TEST(lost_cursor_of_another_boot_goes_on_by_the_wall_clock)
{
	struct jr *r = jr_open(START_BEGINNING, NULL);

	jr_append(r, "b.journal", 1, 6);
	r->committed = xasprintf("s=%032x;i=99;b=%032x;m=5;t=%llx;x=1", 1, 2,
	    (unsigned long long)(T0 + 4 * 1000000));
	r->committed_offset = 40;
	jr_start(r);
	jr_until_lines(r, 2);
	jr_expect(r, "5 6");
	ck_assert_uint_eq(r->offset, 42);
	ck_assert(jr_told(r, "lost 0 "));
	jr_close(r);
}
END_TEST

/* A cursor of the future, or no cursor at all, does not end in silence. */
START_TEST(strange_cursor_does_not_blind)
{
	struct jr *r = jr_open(START_BEGINNING, NULL);
	struct buf export = BUF_INIT;
	char *path = jr_path(r, "b.journal");
	uint64_t now;

	jr_append(r, "b.journal", 1, 2);
	r->committed = _i == 0 ? xasprintf("s=%032x;i=99;b=%032x;m=5;t=%llx;x=1", 1, 2,
	                             (unsigned long long)T0 * 2)
	                       : xstrdup("garbage");
	jr_start(r);
	if (_i == 1)
		jr_until_lines(r, 2);
	else
		for (int i = 0; i < 50; i++)
			ev_turn(r->ev, false);
	clock_update();
	now = (uint64_t)clock_now() * 1000 + 60000000;
	buf_printf(&export,
	    "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=9\n_BOOT_ID=" BOOT
	    "\nMESSAGE=line 3\n\n",
	    (unsigned long long)now);
	jr_append_file(path, &export);
	jr_until_lines(r, _i == 1 ? 3 : 1);
	jr_expect(r, _i == 1 ? "1 2 3" : "3");
	buf_free(&export);
	free(path);
	jr_close(r);
}
END_TEST

/* Replace the number of entry ${n} in its file by ${number}. */
static void
renumber(const char *path, uint64_t n, uint64_t number)
{
	uint64_t stamp = T0 + n * 1000000;
	struct buf file = jr_content(path);
	FILE *f = fopen(path, "r+e");
	char *at;

	ck_assert_ptr_nonnull(f);
	/* The header has it as well when it is the last. */
	at = memmem(file.p + 1024, file.n - 1024, &stamp, sizeof(stamp));
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(fseek(f, at - file.p - 8, SEEK_SET), 0);
	ck_assert_uint_eq(fwrite(&number, sizeof(number), 1, f), 1);
	fclose(f);
	buf_free(&file);
}

START_TEST(missing_numbers_are_a_gap)
{
	struct jr *r = jr_open(START_BEGINNING, _i == 0 ? NULL : "x.journal");
	char *path = jr_path(r, "x.journal");

	jr_append(r, "x.journal", 1, 6);
	renumber(path, 6, 10);
	jr_start(r);
	jr_until_lines(r, 6);
	jr_expect_range(r, 1, 6);
	ck_assert_str_eq(buf_str(&r->troubles),
	    "lost 4 the 4 entries before number 10 are not in the journal's files\n");
	free(path);
	jr_close(r);
}
END_TEST

/* journald shares its numbers out between these. */
START_TEST(no_gap_in_one_of_several_files)
{
	struct jr *r = jr_open(START_BEGINNING, "system.journal");

	jr_append(r, "system.journal", 1, 6);
	renumber(r->path, 6, 10);
	jr_start(r);
	jr_until_lines(r, 6);
	ck_assert_uint_eq(r->troubles.n, 0);
	jr_close(r);
}
END_TEST

/* The entry of the cursor is not there, but the next one of its sequence is. */
START_TEST(next_entry_after_a_lost_one_is_no_gap)
{
	struct jr *r = jr_open(START_BEGINNING, NULL);
	char *cursors[6];

	jr_append(r, "x.journal", 1, 6);
	jr_read_cursors(r, cursors, 6);
	if (_i == 0)
		memcpy(strstr(cursors[2], ";x=") + 3, "0", 1);
	else
		memcpy(strstr(cursors[0], ";i=") + 3, "0", 1);
	jr_restart_from(r, cursors[_i == 0 ? 2 : 0], 3);
	jr_until_lines(r, _i == 0 ? 3 : 6);
	jr_expect_range(r, _i == 0 ? 4 : 1, 6);
	ck_assert_uint_eq(r->troubles.n, 0);
	for (unsigned n = 0; n < 6; n++)
		free(cursors[n]);
	jr_close(r);
}
END_TEST

START_TEST(entries_gone_before_they_were_read_are_counted)
{
	struct jr *r = jr_open(START_BEGINNING, NULL);
	char *path = jr_path(r, "x.journal"), *cursors[3];

	jr_append(r, "x.journal", 1, 3);
	jr_read_cursors(r, cursors, 3);
	/* As if the file began with number 12 and ended with 14. */
	for (uint64_t n = 1; n <= 3; n++)
		renumber(path, n, 11 + n);
	memcpy(strstr(cursors[0], ";i=") + 3, "5", 1);
	jr_restart_from(r, cursors[0], 5);
	jr_until_lines(r, 3);
	jr_expect_range(r, 1, 3);
	ck_assert(jr_told(r, "lost 6 the 6 entries before number 12"));
	for (unsigned n = 0; n < 3; n++)
		free(cursors[n]);
	free(path);
	jr_close(r);
}
END_TEST

/* ---- damage ------------------------------------------------------------------- */

START_TEST(damaged_file_is_told_and_the_others_are_read)
{
	struct jr *r = jr_open(START_BEGINNING, NULL);
	char *path = rig_file(r->dir, "bad.journal", "this is no journal\n");

	jr_append(r, "x.journal", 1, 3);
	jr_start(r);
	jr_until_lines(r, 3);
	jr_expect_range(r, 1, 3);
	ck_assert(jr_told(r, "unreadable 0 this file is damaged"));
	jr_forget_troubles(r);
	jr_append(r, "y.journal", 4, 4);
	jr_until_lines(r, 4);
	ck_assert_uint_eq(r->troubles.n, 0);
	free(path);
	jr_close(r);
}
END_TEST

START_TEST(only_a_damaged_file)
{
	struct jr *r = jr_open(START_BEGINNING, "x.journal");
	char *path = rig_file(r->dir, "x.journal", "this is no journal\n");

	jr_start(r);
	jr_until_trouble(r);
	ck_assert(jr_told(r, "unreadable"));
	source_journal_status(r->journal, &r->status);
	ck_assert_ptr_nonnull(r->status.problem);
	ck_assert_int_eq(unlink(path), 0);
	jr_append(r, "x.journal", 1, 3);
	jr_until_lines(r, 3);
	free(path);
	jr_close(r);
}
END_TEST

/* Read with the reader alone: each job ends, and none brings more than there is. */
static void
read_damaged(const char *path)
{
	struct source_journal_reader *reader = source_journal_reader_new(path, MAX_LINE);
	struct source_journal_result result;
	size_t jobs = 0;

	source_journal_reader_seek(reader, NULL, false);
	do {
		source_journal_reader_work(reader);
		source_journal_reader_result(reader, &result);
		for (size_t i = 0; i < result.n; i++)
			ck_assert_uint_le(result.v[i].end, (size_t)1 << 20);
	} while (result.more && ++jobs < 100);
	ck_assert_uint_lt(jobs, 100);
	source_journal_reader_free(&reader);
}

/* Bytes of a whole journal file turned over, one after the other, where there are any. */
START_TEST(no_flipped_byte_is_fatal)
{
	struct jr *r = jr_open(START_BEGINNING, "x.journal");
	struct buf file;
	int fd;
	size_t step = getenv("TRIAGED_LONG") != NULL ? 1 : 23;

	jr_append(r, "x.journal", 1, 5);
	file = jr_content(r->path);
	fd = open(r->path, O_RDWR | O_CLOEXEC);
	for (size_t i = 0, nth = 0; i < file.n; i++) {
		char flipped = (char)~file.p[i];

		if (file.p[i] == 0 && i > 300 && (i & 0x3f) != 0)
			continue;
		if (nth++ % step != 0)
			continue;
		ck_assert_int_eq(pwrite(fd, &flipped, 1, (off_t)i), 1);
		read_damaged(r->path);
		ck_assert_int_eq(pwrite(fd, file.p + i, 1, (off_t)i), 1);
		if (nth > 40000)
			break;
	}
	close(fd);
	buf_free(&file);
	jr_close(r);
}
END_TEST

START_TEST(no_cut_is_fatal)
{
	struct jr *r = jr_open(START_BEGINNING, "x.journal");
	static const long sizes[] = {4 << 20, 100000, 70000, 9000, 5000, 4096, 1000, 272, 100, 0};

	jr_append(r, "x.journal", 1, 50);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ck_assert_int_eq(truncate(r->path, sizes[i]), 0);
		read_damaged(r->path);
	}
	jr_close(r);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, first_entry_after_rotation_is_not_lost, 0, 2);
	tcase_add_test(tc, rotation_while_stopped);
	tcase_add_test(tc, lost_cursor_goes_on_by_the_clock_of_the_boot);
	tcase_add_test(tc, lost_cursor_of_another_boot_goes_on_by_the_wall_clock);
	tcase_add_loop_test(tc, strange_cursor_does_not_blind, 0, 2);
	tcase_add_loop_test(tc, missing_numbers_are_a_gap, 0, 2);
	tcase_add_test(tc, no_gap_in_one_of_several_files);
	tcase_add_loop_test(tc, next_entry_after_a_lost_one_is_no_gap, 0, 2);
	tcase_add_test(tc, entries_gone_before_they_were_read_are_counted);
	tcase_add_test(tc, damaged_file_is_told_and_the_others_are_read);
	tcase_add_test(tc, only_a_damaged_file);
	tcase_add_test(tc, no_flipped_byte_is_fatal);
	tcase_add_test(tc, no_cut_is_fatal);
}

int
main(void)
{
	return jr_run("journal_loss", add_tests);
}
