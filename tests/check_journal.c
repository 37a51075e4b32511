/*
 * check_journal: a journal is followed from where it was begun, and goes on where what
 * was committed ends; and cursors, which say where that is.
 *
 * Without systemd-journal-remote only what needs no files is checked.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal_rig.h"
#include "source/source_journal_internal.h"
#include "util/xalloc.h"

/* ---- where it begins ---------------------------------------------------------- */

START_TEST(new_source_begins_at_the_beginning)
{
	struct jr *r = jr_open(START_BEGINNING, "x.journal");

	jr_append(r, "x.journal", 1, 5);
	jr_start(r);
	jr_until_lines(r, 5);
	jr_expect(r, "1 2 3 4 5");
	ck_assert_uint_eq(r->offset, 5);
	ck_assert_uint_eq(r->positions, 1);
	ck_assert_uint_eq(r->troubles.n, 0);
	jr_close(r);
}
END_TEST

START_TEST(new_source_begins_at_the_end)
{
	struct jr *r = jr_open(START_END, NULL);

	jr_append(r, "x.journal", 1, 5);
	jr_start(r);
	jr_until_known(r);
	ck_assert_uint_eq(r->offset, 0);
	ck_assert(jr_told(r, "start 0"));
	jr_commit(r);
	jr_append(r, "x.journal", 6, 7);
	jr_restart(r);
	jr_until_lines(r, 2);
	jr_expect(r, "6 7");
	jr_close(r);
}
END_TEST

START_TEST(journal_that_comes_later_is_read_from_its_beginning)
{
	struct jr *r = jr_open(START_END, NULL);

	jr_start(r);
	jr_until_known(r);
	source_journal_status(r->journal, &r->status);
	ck_assert_ptr_nonnull(r->status.problem);
	ck_assert(jr_told(r, "gone"));
	jr_append(r, "x.journal", 1, 3);
	jr_until_lines(r, 3);
	jr_expect(r, "1 2 3");
	ck_assert(jr_told(r, "well"));
	source_journal_status(r->journal, &r->status);
	ck_assert_ptr_null(r->status.problem);
	jr_close(r);
}
END_TEST

START_TEST(what_is_appended_is_delivered)
{
	struct jr *r = jr_open(_i == 0 ? START_BEGINNING : START_END, _i < 2 ? NULL : "x.journal");

	jr_append(r, "x.journal", 1, 1);
	jr_start(r);
	jr_until_known(r);
	jr_append(r, "x.journal", 2, 3);
	jr_until_lines(r, _i == 0 ? 3 : 2);
	jr_append(r, "x.journal", 4, 4);
	jr_until_lines(r, _i == 0 ? 4 : 3);
	jr_expect_range(r, _i == 0 ? 1 : 2, 4);
	jr_close(r);
}
END_TEST

/* ---- going on ----------------------------------------------------------------- */

START_TEST(every_position_delivers_the_rest)
{
	struct jr *r = jr_open(START_BEGINNING, _i == 0 ? NULL : "x.journal");
	char *cursors[21] = {xstrdup("")};

	jr_append(r, "x.journal", 1, 20);
	jr_read_cursors(r, cursors + 1, 20);
	for (unsigned n = 0; n < 20; n++) {
		jr_restart_from(r, cursors[n], n);
		jr_until_lines(r, 20 - n);
		jr_expect_range(r, n + 1, 20);
		ck_assert_str_eq(r->cursor, cursors[20]);
		ck_assert_uint_eq(r->offset, 20);
	}
	ck_assert_uint_eq(r->troubles.n, 0);
	for (unsigned n = 0; n <= 20; n++)
		free(cursors[n]);
	jr_close(r);
}
END_TEST

START_TEST(start_again_delivers_again_what_was_not_committed)
{
	struct jr *r = jr_open(START_BEGINNING, NULL);

	jr_append(r, "x.journal", 1, 3);
	jr_start(r);
	jr_until_lines(r, 3);
	jr_commit(r);
	jr_append(r, "x.journal", 4, 6);
	jr_until_lines(r, 6);
	jr_start(r);
	jr_until_lines(r, 6);
	jr_expect_range(r, 1, 6);
	ck_assert_uint_eq(r->troubles.n, 0);
	jr_close(r);
}
END_TEST

START_TEST(start_again_with_nothing_committed_goes_back_to_where_it_was_begun)
{
	struct jr *r = jr_open(START_END, NULL);

	jr_append(r, "x.journal", 1, 3);
	jr_start(r);
	jr_until_known(r);
	jr_append(r, "x.journal", 4, 6);
	jr_until_lines(r, 3);
	jr_start(r);
	jr_until_lines(r, 3);
	jr_expect_range(r, 4, 6);
	jr_close(r);
}
END_TEST

static bool
is_paused(void *ctx)
{
	return ((struct jr *)ctx)->paused;
}

START_TEST(pause_and_resume)
{
	struct jr *r = jr_open(START_BEGINNING, NULL);
	struct buf export = BUF_INIT;
	char *path = jr_path(r, "x.journal");

	/* More than a job reads. */
	for (uint64_t n = 1; n <= 300; n++) {
		jr_add_stamp(&export, n);
		buf_printf(&export, "MESSAGE=line %llu %04000d\n\n", (unsigned long long)n, 0);
	}
	jr_append_file(path, &export);
	jr_start(r);
	for (unsigned chunks = 0; sv_count(buf_view(&r->text), '\n') < 300; chunks++) {
		size_t before = r->text.n;

		r->pause_after = 1;
		rig_turn_until(r->ev, is_paused, r, JR_WAIT);
		ck_assert_uint_gt(r->text.n, before);
		for (int i = 0; i < 20; i++)
			ev_turn(r->ev, false);
		r->paused = false;
		if (chunks == 2)
			jr_start(r);
		source_journal_resume(r->journal);
	}
	jr_expect_range(r, 1, 300);
	buf_free(&export);
	free(path);
	jr_close(r);
}
END_TEST

START_TEST(free_while_a_job_runs)
{
	struct jr *r = jr_open(START_BEGINNING, NULL);

	jr_append(r, "x.journal", 1, 100);
	jr_start(r);
	ev_turn(r->ev, true);
	jr_close(r);
}
END_TEST

/* ---- silence ------------------------------------------------------------------ */

START_TEST(silence_is_told_and_ends)
{
	struct jr *r = jr_open(START_BEGINNING, NULL);

	r->conf.expect_every = 50;
	jr_append(r, "x.journal", 1, 1);
	jr_start(r);
	jr_until_lines(r, 1);
	/* It may have been silent before. */
	jr_forget_troubles(r);
	jr_until_trouble(r);
	ck_assert(jr_told(r, "silent"));
	jr_append(r, "x.journal", 2, 2);
	jr_until_lines(r, 2);
	ck_assert(jr_told(r, "well"));
	jr_close(r);
}
END_TEST

/* ---- cursors ------------------------------------------------------------------ */

#define S1 "s=11111111111111111111111111111111;"
#define S2 "s=22222222222222222222222222222222;"
#define B1 "b=33333333333333333333333333333333;"
#define B2 "b=44444444444444444444444444444444;"

START_TEST(cursor_text)
{
	static const char *const bad[] = {"", "x", ";", "s=1", "i=", "i=g", "i=11111111111111111",
	    S1 "i=1;", "s=GGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGG;i=1"};
	struct source_journal_cursor c;

	ck_assert(source_journal_cursor_parse(S1 "i=1f;" B1 "m=2;t=3;x=ffffffffffffffff", &c));
	ck_assert_str_eq(c.sequence, "11111111111111111111111111111111");
	ck_assert_str_eq(c.boot, "33333333333333333333333333333333");
	ck_assert(c.number == 0x1f && c.monotonic == 2 && c.realtime == 3 && c.hash == UINT64_MAX);
	ck_assert(source_journal_cursor_parse("i=1;n=new", &c));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(!source_journal_cursor_parse(bad[i], &c), "%s", bad[i]);
		ck_assert(c.number == 0 && c.sequence[0] == '\0');
	}
}
END_TEST

START_TEST(order_of_cursors)
{
	static const struct {
		const char *e, *c;
		bool later;
	} cases[] = {
	    {S1 "i=2;" B1 "m=1;t=1;x=0", S1 "i=1;" B1 "m=9;t=9;x=0", true},
	    {S1 "i=1;" B1 "m=9;t=9;x=0", S1 "i=1;" B1 "m=1;t=1;x=1", false},
	    {S2 "i=1;" B1 "m=5;t=1;x=0", S1 "i=9;" B1 "m=4;t=9;x=0", true},
	    {S2 "i=1;" B1 "m=4;t=1;x=0", S1 "i=9;" B1 "m=4;t=9;x=0", false},
	    {S2 "i=1;" B1 "m=4;t=1;x=1", S1 "i=9;" B1 "m=4;t=9;x=0", true},
	    {S2 "i=1;" B1 "m=1;t=9;x=1", S1 "i=9;" B2 "m=4;t=8;x=0", true},
	    {S2 "i=1;" B1 "m=1;t=8;x=1", S1 "i=9;" B2 "m=4;t=8;x=0", false},
	    {S2 "i=1;b=00000000000000000000000000000000;m=1;t=1;x=1", S1 "i=9;" B2 "m=4;t=8;x=0",
	        true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct source_journal_cursor e, c;

		ck_assert(source_journal_cursor_parse(cases[i].e, &e));
		ck_assert(source_journal_cursor_parse(cases[i].c, &c));
		ck_assert_msg(source_journal_cursor_is_later(&e, &c,
		                  "00000000000000000000000000000000") == cases[i].later,
		    "%s", cases[i].e);
	}
}
END_TEST

START_TEST(missing_numbers_of_many_sequences)
{
	struct source_journal_sequences *s = xcalloc(1, sizeof(*s));
	struct source_journal_cursor c = {.number = 1};

	for (unsigned i = 0; i < 2 * SOURCE_JOURNAL_SEQUENCES; i++) {
		snprintf(c.sequence, sizeof(c.sequence), "%032x", i);
		c.number = 5;
		ck_assert_int_eq(source_journal_sequences_missing(s, &c), 0);
		source_journal_sequences_seen(s, &c);
		c.number = 6;
		ck_assert_int_eq(source_journal_sequences_missing(s, &c), 0);
		c.number = 9;
		ck_assert_int_eq(source_journal_sequences_missing(s, &c), 3);
		c.number = 5;
		ck_assert_int_eq(source_journal_sequences_missing(s, &c), -1);
	}
	free(s);
}
END_TEST

static void
add_cursors(TCase *cursors)
{
	tcase_add_test(cursors, cursor_text);
	tcase_add_test(cursors, order_of_cursors);
	tcase_add_test(cursors, missing_numbers_of_many_sequences);
}

static void
add_files(TCase *tc)
{
	tcase_add_test(tc, new_source_begins_at_the_beginning);
	tcase_add_test(tc, new_source_begins_at_the_end);
	tcase_add_test(tc, journal_that_comes_later_is_read_from_its_beginning);
	tcase_add_loop_test(tc, what_is_appended_is_delivered, 0, 3);
	tcase_add_loop_test(tc, every_position_delivers_the_rest, 0, 2);
	tcase_add_test(tc, start_again_delivers_again_what_was_not_committed);
	tcase_add_test(tc, start_again_with_nothing_committed_goes_back_to_where_it_was_begun);
	tcase_add_test(tc, pause_and_resume);
	tcase_add_test(tc, free_while_a_job_runs);
	tcase_add_test(tc, silence_is_told_and_ends);
}

int
main(void)
{
	Suite *suite = suite_create("journal");
	TCase *cursors = tcase_create("cursors"), *files = tcase_create("files");

	add_cursors(cursors);
	suite_add_tcase(suite, cursors);
	tcase_set_timeout(files, 120);
	if (jr_has_remote())
		add_files(files);
	suite_add_tcase(suite, files);
	return rig_run(suite);
}
