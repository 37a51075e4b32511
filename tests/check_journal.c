/*
 * check_journal: journal files made by systemd-journal-remote from export text and
 * followed by path.  The rig plays the part of the state, as in check_source: after a
 * start what was not committed is forgotten, so the text shows each entry once.
 *
 * Without systemd-journal-remote only what needs no files is checked.
 *
 * As root a systemd-journald is run as well, in a mount namespace of its own with
 * empty /run and /var/log, which end with the test's process: logged to, rotated and
 * vacuumed while it is followed.
 */
#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "rig.h"
#include "source/source_journal.h"
#include "source/source_journal_internal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

#define REMOTE "/lib/systemd/systemd-journal-remote"
#define MAX_LINE 6000
#define BOOT "0123456789abcdef0123456789abcdef"
#define T0 1700000000000000u /* us */

struct rig {
	char *dir, *path;
	struct ev *ev;
	struct source_journal *journal;
	struct source_conf conf;
	struct source_status status;
	struct buf text, troubles; /* lines; one "kind lost text" a line */
	char *cursor;              /* as the state knows it ... */
	uint64_t offset;
	bool known;
	char *committed; /* ... and has committed it */
	uint64_t committed_offset;
	size_t committed_text;
	size_t nlines, committed_lines; /* "line N"s */
	size_t calls, positions;
	size_t pause_after; /* chunks */
	bool paused, gap_open;
	size_t wanted; /* lines to wait for */
};

/* ---- journal files ---------------------------------------------------------------- */

static char *
path_of(const struct rig *r, const char *name)
{
	return xasprintf("%s/%s", r->dir, name);
}

static void
add_stamp(struct buf *out, uint64_t n)
{
	buf_printf(out,
	    "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%llu\n_BOOT_ID=" BOOT "\n",
	    (unsigned long long)(T0 + n * 1000000), (unsigned long long)(n * 1000000));
}

/* The ${n}-th entry with more ${fields}, NAME=VALUE lines. */
static void
add_entry(struct buf *out, uint64_t n, const char *fields)
{
	add_stamp(out, n);
	buf_printf(out, "MESSAGE=line %llu\n%s\n", (unsigned long long)n, fields);
}

static void
add_binary(struct buf *out, const char *name, struct sv value)
{
	uint64_t n = value.n; /* little-endian in the format, and here */

	buf_printf(out, "%s\n", name);
	buf_add(out, &n, sizeof(n));
	buf_sv(out, value);
	buf_putc(out, '\n');
}

static void
append_file(const char *path, const struct buf *export)
{
	char *command = xasprintf(REMOTE " -o '%s' - >/dev/null 2>&1", path);
	FILE *f = popen(command, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(export->p, 1, export->n, f), export->n);
	ck_assert_int_eq(pclose(f), 0);
	free(command);
}

static void
append(const struct rig *r, const char *name, uint64_t from, uint64_t to)
{
	struct buf export = BUF_INIT;
	char *path = path_of(r, name);

	for (uint64_t n = from; n <= to; n++)
		add_entry(&export, n, "_COMM=app\n");
	append_file(path, &export);
	buf_free(&export);
	free(path);
}

/* Replace the number of entry ${n} in its file by ${number}. */
static void
renumber(const char *path, uint64_t n, uint64_t number)
{
	uint64_t stamp = T0 + n * 1000000;
	struct buf file = BUF_INIT;
	FILE *f = fopen(path, "r+e");
	char *at;

	ck_assert_ptr_nonnull(f);
	file.n = fread(buf_reserve(&file, 9 << 20), 1, 9 << 20, f);
	/* The header has it as well when it is the last. */
	at = memmem(file.p + 1024, file.n - 1024, &stamp, sizeof(stamp));
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(fseek(f, at - file.p - 8, SEEK_SET), 0);
	ck_assert_uint_eq(fwrite(&number, sizeof(number), 1, f), 1);
	fclose(f);
	buf_free(&file);
}

/* ---- the state's part --------------------------------------------------------------- */

static void
know(struct rig *r, const char *cursor, uint64_t offset)
{
	free(r->cursor);
	r->cursor = xstrdup(cursor);
	r->offset = offset;
	r->known = true;
	r->calls++;
}

static void
count_lines(struct rig *r, struct sv data)
{
	static const char key[] = "@message=line ";
	const char *p = data.p, *end = p + data.n;

	while ((p = memmem(p, (size_t)(end - p), key, sizeof(key) - 1)) != NULL) {
		p += sizeof(key) - 1;
		r->nlines++;
	}
}

static void
got_lines(void *ctx, const struct chunk *chunk)
{
	struct rig *r = ctx;

	ck_assert_msg(!r->paused, "lines while paused");
	ck_assert_str_eq(chunk->stream->id, "journal:test");
	ck_assert_int_eq(chunk->form, LINE_FIELDS);
	ck_assert_uint_eq(chunk->offset, r->offset);
	ck_assert_uint_ge(chunk->next, chunk->offset + sv_count(chunk->data, '\n'));
	know(r, chunk->stream->path, chunk->next);
	buf_sv(&r->text, chunk->data);
	count_lines(r, chunk->data);
	if (r->pause_after > 0 && --r->pause_after == 0) {
		r->paused = true;
		source_journal_pause(r->journal);
	}
}

static void
got_position(void *ctx, const struct position *pos)
{
	struct rig *r = ctx;

	ck_assert(!r->paused);
	r->positions++;
	know(r, pos->path, pos->offset);
}

static void
got_trouble(void *ctx, const struct trouble *t)
{
	static const char *const names[] = TROUBLE_NAMES;
	struct rig *r = ctx;

	r->calls++;
	ck_assert_str_eq(t->source, "test");
	buf_printf(&r->troubles, "%s %llu %s\n", names[t->kind], (unsigned long long)t->lost,
	    t->text);
}

static void
commit(struct rig *r)
{
	free(r->committed);
	r->committed = xstrdup(r->cursor);
	r->committed_offset = r->offset;
	r->committed_text = r->text.n;
	r->committed_lines = r->nlines;
}

static void
start(struct rig *r)
{
	struct position pos = {
	    .stream = "journal:test", .path = r->committed, .offset = r->committed_offset};

	r->text.n = r->committed_text;
	r->nlines = r->committed_lines;
	if (r->text.p != NULL)
		r->text.p[r->text.n] = '\0';
	r->offset = r->committed_offset;
	source_journal_start(r->journal, r->committed != NULL ? &pos : NULL);
}

/* ---- the rig -------------------------------------------------------------------------- */

static void
create(struct rig *r)
{
	static const struct source_cb cb = {
	    .lines = got_lines, .position = got_position, .trouble = got_trouble};

	r->journal = source_journal_new(r->ev, &r->conf, MAX_LINE, &cb, r);
}

/* Follow ${name} in a fresh directory, or the directory itself; not started yet. */
static struct rig *
open_rig(int begin, const char *name)
{
	static char id[] = "test";
	struct rig *r = xcalloc(1, sizeof(*r));

	log_open("check", LOG_LEVEL_ERROR);
	r->dir = rig_dir();
	r->path = name == NULL ? xstrdup(r->dir) : path_of(r, name);
	r->ev = ev_new();
	r->conf = (struct source_conf){
	    .id = {.s = id}, .journal = {.s = r->path}, .start = begin};
	create(r);
	return r;
}

static void
close_rig(struct rig *r)
{
	source_journal_free(&r->journal);
	ev_free(&r->ev);
	buf_free(&r->text);
	buf_free(&r->troubles);
	free(r->cursor);
	free(r->committed);
	free(r->path);
	rig_remove(&r->dir);
	free(r);
}

static void
restart(struct rig *r)
{
	source_journal_free(&r->journal);
	create(r);
	start(r);
}

static bool
has_lines(void *ctx)
{
	struct rig *r = ctx;

	return sv_count(buf_view(&r->text), '\n') >= r->wanted;
}

static bool
is_known(void *ctx)
{
	return ((struct rig *)ctx)->known;
}

static bool
has_trouble(void *ctx)
{
	return ((struct rig *)ctx)->troubles.n > 0;
}

static void
until_lines(struct rig *r, size_t n)
{
	r->wanted = n;
	rig_turn_until(r->ev, has_lines, r, 10000);
}

/* The numbers of the lines in order, as in "1 2 3". */
static char *
numbers(const struct rig *r)
{
	struct buf out = BUF_INIT;
	static const char key[] = "@message=line ";
	const char *p = buf_str(&r->text), *end = p + r->text.n;

	while ((p = memmem(p, (size_t)(end - p), key, sizeof(key) - 1)) != NULL) {
		p += sizeof(key) - 1;
		if (out.n > 0)
			buf_putc(&out, ' ');
		buf_add(&out, p, strcspn(p, "\n "));
	}
	return out.p == NULL ? xstrdup("") : buf_steal(&out);
}

static void
expect(const struct rig *r, const char *wanted)
{
	char *got = numbers(r);

	ck_assert_str_eq(got, wanted);
	free(got);
}

static void
expect_range(const struct rig *r, unsigned from, unsigned to)
{
	struct buf wanted = BUF_INIT;

	for (unsigned n = from; n <= to; n++)
		buf_printf(&wanted, n == from ? "%u" : " %u", n);
	expect(r, buf_str(&wanted));
	buf_free(&wanted);
}

static bool
told(const struct rig *r, const char *what)
{
	return strstr(buf_str(&r->troubles), what) != NULL;
}

/* ---- where it begins -------------------------------------------------------------------- */

START_TEST(new_source_begins_at_the_beginning)
{
	struct rig *r = open_rig(START_BEGINNING, "x.journal");

	append(r, "x.journal", 1, 5);
	start(r);
	until_lines(r, 5);
	expect(r, "1 2 3 4 5");
	ck_assert_uint_eq(r->offset, 5);
	ck_assert_uint_eq(r->positions, 1);
	ck_assert_uint_eq(r->troubles.n, 0);
	close_rig(r);
}
END_TEST

START_TEST(new_source_begins_at_the_end)
{
	struct rig *r = open_rig(START_END, NULL);

	append(r, "x.journal", 1, 5);
	start(r);
	rig_turn_until(r->ev, is_known, r, 10000);
	ck_assert_uint_eq(r->offset, 0);
	ck_assert(told(r, "start 0"));
	commit(r);
	append(r, "x.journal", 6, 7);
	restart(r);
	until_lines(r, 2);
	expect(r, "6 7");
	close_rig(r);
}
END_TEST

START_TEST(journal_that_comes_later_is_read_from_its_beginning)
{
	struct rig *r = open_rig(START_END, NULL);

	start(r);
	rig_turn_until(r->ev, is_known, r, 10000);
	source_journal_status(r->journal, &r->status);
	ck_assert_ptr_nonnull(r->status.problem);
	ck_assert(told(r, "gone"));
	append(r, "x.journal", 1, 3);
	until_lines(r, 3);
	expect(r, "1 2 3");
	ck_assert(told(r, "well"));
	source_journal_status(r->journal, &r->status);
	ck_assert_ptr_null(r->status.problem);
	close_rig(r);
}
END_TEST

START_TEST(what_is_appended_is_delivered)
{
	struct rig *r = open_rig(_i == 0 ? START_BEGINNING : START_END, _i < 2 ? NULL : "x.journal");

	append(r, "x.journal", 1, 1);
	start(r);
	rig_turn_until(r->ev, is_known, r, 10000);
	append(r, "x.journal", 2, 3);
	until_lines(r, _i == 0 ? 3 : 2);
	append(r, "x.journal", 4, 4);
	until_lines(r, _i == 0 ? 4 : 3);
	expect_range(r, _i == 0 ? 1 : 2, 4);
	close_rig(r);
}
END_TEST

/* ---- going on ------------------------------------------------------------------------------ */

/* The cursors of the ${n} entries of x.journal, as journalctl says them. */
static void
read_cursors(const struct rig *r, char **cursors, size_t n)
{
	char *command = xasprintf("journalctl -q --file '%s/x.journal' -o export", r->dir);
	FILE *f = popen(command, "re");
	char line[512];
	size_t i = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "__CURSOR=", 9) != 0)
			continue;
		ck_assert_uint_lt(i, n);
		line[strcspn(line, "\n")] = '\0';
		cursors[i++] = xstrdup(line + 9);
	}
	ck_assert_uint_eq(i, n);
	pclose(f);
	free(command);
}

/* Go on as if up to here all had been committed. */
static void
restart_from(struct rig *r, const char *cursor, uint64_t offset)
{
	free(r->committed);
	r->committed = xstrdup(cursor);
	r->committed_offset = offset;
	restart(r);
}

START_TEST(every_position_delivers_the_rest)
{
	struct rig *r = open_rig(START_BEGINNING, _i == 0 ? NULL : "x.journal");
	char *cursors[21] = {xstrdup("")};

	append(r, "x.journal", 1, 20);
	read_cursors(r, cursors + 1, 20);
	for (unsigned n = 0; n < 20; n++) {
		restart_from(r, cursors[n], n);
		until_lines(r, 20 - n);
		expect_range(r, n + 1, 20);
		ck_assert_str_eq(r->cursor, cursors[20]);
		ck_assert_uint_eq(r->offset, 20);
	}
	ck_assert_uint_eq(r->troubles.n, 0);
	for (unsigned n = 0; n <= 20; n++)
		free(cursors[n]);
	close_rig(r);
}
END_TEST

START_TEST(start_again_delivers_again_what_was_not_committed)
{
	struct rig *r = open_rig(START_BEGINNING, NULL);

	append(r, "x.journal", 1, 3);
	start(r);
	until_lines(r, 3);
	commit(r);
	append(r, "x.journal", 4, 6);
	until_lines(r, 6);
	start(r);
	until_lines(r, 6);
	expect_range(r, 1, 6);
	ck_assert_uint_eq(r->troubles.n, 0);
	close_rig(r);
}
END_TEST

START_TEST(start_again_with_nothing_committed_goes_back_to_where_it_was_begun)
{
	struct rig *r = open_rig(START_END, NULL);

	append(r, "x.journal", 1, 3);
	start(r);
	rig_turn_until(r->ev, is_known, r, 10000);
	append(r, "x.journal", 4, 6);
	until_lines(r, 3);
	start(r);
	until_lines(r, 3);
	expect_range(r, 4, 6);
	close_rig(r);
}
END_TEST

START_TEST(pause_and_resume)
{
	struct rig *r = open_rig(START_BEGINNING, NULL);
	struct buf export = BUF_INIT;
	char *path = path_of(r, "x.journal");

	/* More than a job reads. */
	for (uint64_t n = 1; n <= 300; n++) {
		add_stamp(&export, n);
		buf_printf(&export, "MESSAGE=line %llu %04000d\n\n", (unsigned long long)n, 0);
	}
	append_file(path, &export);
	start(r);
	for (unsigned chunks = 0; !has_lines(r) || r->wanted == 0; chunks++) {
		size_t before = r->text.n;

		r->wanted = 300;
		r->pause_after = 1;
		while (!r->paused)
			ev_turn(r->ev, true);
		ck_assert_uint_gt(r->text.n, before);
		for (int i = 0; i < 20; i++)
			ev_turn(r->ev, false);
		r->paused = false;
		if (chunks == 2)
			start(r);
		source_journal_resume(r->journal);
	}
	expect_range(r, 1, 300);
	buf_free(&export);
	free(path);
	close_rig(r);
}
END_TEST

START_TEST(free_while_a_job_runs)
{
	struct rig *r = open_rig(START_BEGINNING, NULL);

	append(r, "x.journal", 1, 100);
	start(r);
	ev_turn(r->ev, true);
	close_rig(r);
}
END_TEST

/* ---- rotation and loss ----------------------------------------------------------------------- */

START_TEST(first_entry_after_rotation_is_not_lost)
{
	struct rig *r = open_rig(START_BEGINNING, _i == 0 ? NULL : "x.journal");
	char *path = path_of(r, "x.journal");

	append(r, "x.journal", 1, 3);
	start(r);
	until_lines(r, 3);
	for (unsigned round = 0; round < 5; round++) {
		char *name = xasprintf("x@%u.journal", round), *old = path_of(r, name);

		ck_assert_int_eq(rename(path, old), 0);
		append(r, "x.journal", 4 + round, 4 + round);
		until_lines(r, 4 + round);
		free(name);
		free(old);
	}
	expect_range(r, 1, 8);
	ck_assert(!told(r, "lost"));
	free(path);
	close_rig(r);
}
END_TEST

START_TEST(rotation_while_stopped)
{
	struct rig *r = open_rig(START_BEGINNING, NULL);

	append(r, "a.journal", 1, 3);
	start(r);
	until_lines(r, 3);
	commit(r);
	append(r, "a.journal", 4, 6);
	append(r, "b.journal", 7, 9);
	append(r, "c.journal", 10, 12);
	restart(r);
	until_lines(r, 12);
	expect_range(r, 1, 12);
	ck_assert_uint_eq(r->troubles.n, 0);
	close_rig(r);
}
END_TEST

/* The file of the cursor is gone; the others have its boot. */
START_TEST(lost_cursor_goes_on_by_the_clock_of_the_boot)
{
	struct rig *r = open_rig(START_BEGINNING, NULL);
	char *path = path_of(r, "a.journal");

	append(r, "a.journal", 1, 3);
	start(r);
	until_lines(r, 3);
	commit(r);
	append(r, "b.journal", 2, 6);
	ck_assert_int_eq(unlink(path), 0);
	restart(r);
	until_lines(r, 6);
	expect_range(r, 1, 6);
	ck_assert(told(r, "lost 0 the entry read last, of 2023-11-14T"));
	free(path);
	close_rig(r);
}
END_TEST

START_TEST(lost_cursor_of_another_boot_goes_on_by_the_wall_clock)
{
	struct rig *r = open_rig(START_BEGINNING, NULL);

	append(r, "b.journal", 1, 6);
	r->committed = xasprintf("s=%032x;i=99;b=%032x;m=5;t=%llx;x=1", 1, 2,
	    (unsigned long long)(T0 + 4 * 1000000));
	r->committed_offset = 40;
	start(r);
	until_lines(r, 2);
	expect(r, "5 6");
	ck_assert_uint_eq(r->offset, 42);
	ck_assert(told(r, "lost 0 "));
	close_rig(r);
}
END_TEST

/* A cursor of the future, or no cursor at all, does not end in silence. */
START_TEST(strange_cursor_does_not_blind)
{
	struct rig *r = open_rig(START_BEGINNING, NULL);
	struct buf export = BUF_INIT;
	char *path = path_of(r, "b.journal");
	uint64_t now;

	append(r, "b.journal", 1, 2);
	r->committed = _i == 0 ? xasprintf("s=%032x;i=99;b=%032x;m=5;t=%llx;x=1", 1, 2,
	                             (unsigned long long)T0 * 2)
	                       : xstrdup("garbage");
	start(r);
	if (_i == 1)
		until_lines(r, 2);
	else
		for (int i = 0; i < 50; i++)
			ev_turn(r->ev, false);
	clock_update();
	now = (uint64_t)clock_now() * 1000 + 60000000;
	buf_printf(&export,
	    "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=9\n_BOOT_ID=" BOOT
	    "\nMESSAGE=line 3\n\n",
	    (unsigned long long)now);
	append_file(path, &export);
	until_lines(r, _i == 1 ? 3 : 1);
	expect(r, _i == 1 ? "1 2 3" : "3");
	buf_free(&export);
	free(path);
	close_rig(r);
}
END_TEST

START_TEST(missing_numbers_are_a_gap)
{
	struct rig *r = open_rig(START_BEGINNING, _i == 0 ? NULL : "x.journal");
	char *path = path_of(r, "x.journal");

	append(r, "x.journal", 1, 6);
	renumber(path, 6, 10);
	start(r);
	until_lines(r, 6);
	expect_range(r, 1, 6);
	ck_assert_str_eq(buf_str(&r->troubles),
	    "lost 4 the 4 entries before number 10 are not in the journal's files\n");
	free(path);
	close_rig(r);
}
END_TEST

/* journald shares its numbers out between these. */
START_TEST(no_gap_in_one_of_several_files)
{
	struct rig *r = open_rig(START_BEGINNING, "system.journal");

	append(r, "system.journal", 1, 6);
	renumber(r->path, 6, 10);
	start(r);
	until_lines(r, 6);
	ck_assert_uint_eq(r->troubles.n, 0);
	close_rig(r);
}
END_TEST

/* The entry of the cursor is not there, but the next one of its sequence is. */
START_TEST(next_entry_after_a_lost_one_is_no_gap)
{
	struct rig *r = open_rig(START_BEGINNING, NULL);
	char *cursors[6];

	append(r, "x.journal", 1, 6);
	read_cursors(r, cursors, 6);
	if (_i == 0)
		memcpy(strstr(cursors[2], ";x=") + 3, "0", 1);
	else
		memcpy(strstr(cursors[0], ";i=") + 3, "0", 1);
	restart_from(r, cursors[_i == 0 ? 2 : 0], 3);
	until_lines(r, _i == 0 ? 3 : 6);
	expect_range(r, _i == 0 ? 4 : 1, 6);
	ck_assert_uint_eq(r->troubles.n, 0);
	for (unsigned n = 0; n < 6; n++)
		free(cursors[n]);
	close_rig(r);
}
END_TEST

START_TEST(entries_gone_before_they_were_read_are_counted)
{
	struct rig *r = open_rig(START_BEGINNING, NULL);
	char *path = path_of(r, "x.journal"), *cursors[3];

	append(r, "x.journal", 1, 3);
	read_cursors(r, cursors, 3);
	/* As if the file began with number 12 and ended with 14. */
	for (uint64_t n = 1; n <= 3; n++)
		renumber(path, n, 11 + n);
	memcpy(strstr(cursors[0], ";i=") + 3, "5", 1);
	restart_from(r, cursors[0], 5);
	until_lines(r, 3);
	expect_range(r, 1, 3);
	ck_assert(told(r, "lost 6 the 6 entries before number 12"));
	for (unsigned n = 0; n < 3; n++)
		free(cursors[n]);
	free(path);
	close_rig(r);
}
END_TEST

/* ---- damage ---------------------------------------------------------------------------------- */

START_TEST(damaged_file_is_told_and_the_others_are_read)
{
	struct rig *r = open_rig(START_BEGINNING, NULL);
	char *path = rig_file(r->dir, "bad.journal", "this is no journal\n");

	append(r, "x.journal", 1, 3);
	start(r);
	until_lines(r, 3);
	expect_range(r, 1, 3);
	ck_assert(told(r, "unreadable 0 this file is damaged"));
	r->troubles.n = 0;
	append(r, "y.journal", 4, 4);
	until_lines(r, 4);
	ck_assert_uint_eq(r->troubles.n, 0);
	free(path);
	close_rig(r);
}
END_TEST

START_TEST(only_a_damaged_file)
{
	struct rig *r = open_rig(START_BEGINNING, "x.journal");
	char *path = rig_file(r->dir, "x.journal", "this is no journal\n");

	start(r);
	rig_turn_until(r->ev, has_trouble, r, 10000);
	ck_assert(told(r, "unreadable"));
	source_journal_status(r->journal, &r->status);
	ck_assert_ptr_nonnull(r->status.problem);
	ck_assert_int_eq(unlink(path), 0);
	append(r, "x.journal", 1, 3);
	until_lines(r, 3);
	free(path);
	close_rig(r);
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
	struct rig *r = open_rig(START_BEGINNING, "x.journal");
	struct buf file = BUF_INIT;
	FILE *f;
	int fd;
	size_t step = getenv("TRIAGED_LONG") != NULL ? 1 : 23;

	append(r, "x.journal", 1, 5);
	f = fopen(r->path, "re");
	ck_assert_ptr_nonnull(f);
	file.n = fread(buf_reserve(&file, 9 << 20), 1, 9 << 20, f);
	fclose(f);
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
	close_rig(r);
}
END_TEST

START_TEST(no_cut_is_fatal)
{
	struct rig *r = open_rig(START_BEGINNING, "x.journal");
	static const long sizes[] = {4 << 20, 100000, 70000, 9000, 5000, 4096, 1000, 272, 100, 0};

	append(r, "x.journal", 1, 50);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ck_assert_int_eq(truncate(r->path, sizes[i]), 0);
		read_damaged(r->path);
	}
	close_rig(r);
}
END_TEST

/* ---- what the lines say ------------------------------------------------------------------------ */

static void
follow_one(struct rig *r, const struct buf *export)
{
	append_file(r->path, export);
	start(r);
	until_lines(r, 1);
}

START_TEST(header_and_fields)
{
	struct rig *r = open_rig(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;

	add_entry(&export, 1,
	    "PRIORITY=3\nSYSLOG_FACILITY=10\nSYSLOG_IDENTIFIER=sshd\nSYSLOG_PID=9\n"
	    "_PID=77\n_UID=0\n_COMM=sshd\n_SYSTEMD_UNIT=ssh.service\n_HOSTNAME=web1\n"
	    "_TRANSPORT=syslog\nCODE_LINE=12\n");
	follow_one(r, &export);
	ck_assert_int_eq(strncmp(buf_str(&r->text),
	                     "0\x1f@time=1700000001000\x1f@host=web1\x1f@program=sshd\x1f@pid=77"
	                     "\x1f@facility=10\x1f@severity=3\x1f",
	                     80), 0);
	ck_assert(strstr(r->text.p, "\x1fuid=0\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f" "comm=sshd\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1fsystemd_unit=ssh.service\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f" "code_line=12\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f@message=line 1\n") != NULL);
	buf_free(&export);
	close_rig(r);
}
END_TEST

START_TEST(nobody_can_pass_for_a_trusted_field)
{
	struct rig *r = open_rig(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;

	add_entry(&export, 1,
	    "SYSTEMD_UNIT=ssh.service\n_SYSTEMD_UNIT=evil.service\nUID=0\nAUDIT_LOGINUID=0\n"
	    "HOSTNAME=other\nPID=1\nTRANSPORT=driver\n_ODD=trusted\nODD=forged\nOWN=x\n");
	follow_one(r, &export);
	ck_assert(strstr(r->text.p, "\x1fsystemd_unit=evil.service\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1fodd=trusted\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1fown=x\x1f") != NULL);
	ck_assert_ptr_null(strstr(r->text.p, "ssh.service"));
	ck_assert_ptr_null(strstr(r->text.p, "forged"));
	ck_assert_ptr_null(strstr(r->text.p, "uid="));
	ck_assert_ptr_null(strstr(r->text.p, "pid="));
	ck_assert_ptr_null(strstr(r->text.p, "other"));
	ck_assert_ptr_null(strstr(r->text.p, "driver"));
	buf_free(&export);
	close_rig(r);
}
END_TEST

START_TEST(values_cannot_break_the_form)
{
	struct rig *r = open_rig(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;

	add_stamp(&export, 1);
	add_binary(&export, "MESSAGE", (struct sv){"a\nb\x1f@host=c\0d", 13});
	add_binary(&export, "EXTRA", (struct sv){"x\n1\x1f@time=2", 11});
	buf_puts(&export, "SYSLOG_IDENTIFIER=p q\n\n");
	follow_one(r, &export);
	ck_assert_uint_eq(sv_count(buf_view(&r->text), '\n'), 1);
	ck_assert(strstr(r->text.p, "\x1f@program=p q\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f" "extra=x 1 @time=2\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f@message=a b @host=c d\n") != NULL);
	buf_free(&export);
	close_rig(r);
}
END_TEST

START_TEST(long_message_is_cut_and_told)
{
	struct rig *r = open_rig(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;

	add_stamp(&export, 1);
	buf_printf(&export, "MESSAGE=%0*d\n\n", MAX_LINE + 1, 7);
	add_entry(&export, 2, "");
	follow_one(r, &export);
	until_lines(r, 2);
	ck_assert(told(r, "oversize 0 an entry has 1 values"));
	ck_assert_uint_lt(r->text.n, MAX_LINE + 400);
	ck_assert(strstr(r->text.p, "line 2") != NULL);
	buf_free(&export);
	close_rig(r);
}
END_TEST

START_TEST(many_fields_do_not_hide_the_trusted_ones)
{
	struct rig *r = open_rig(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;

	add_stamp(&export, 1);
	for (int i = 0; i < 400; i++)
		buf_printf(&export, "F%d=%d\n", i, i);
	buf_puts(&export, "MESSAGE=last\n_UID=33\n_EXE=/bin/x\n\n");
	follow_one(r, &export);
	ck_assert(told(r, "oversize"));
	ck_assert(strstr(r->text.p, "\x1fuid=33\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f" "exe=/bin/x\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f@message=last\n") != NULL);
	ck_assert_uint_le(sv_count(buf_view(&r->text), FIELDS_SEPARATOR), FIELDS_MAX + 3);
	buf_free(&export);
	close_rig(r);
}
END_TEST

START_TEST(loss_upstream)
{
	struct rig *r = open_rig(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;

	add_stamp(&export, 1);
	buf_puts(&export, "_TRANSPORT=driver\nMESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e\n"
	                  "MESSAGE=Suppressed 12 messages from a.service\nN_DROPPED=12\n\n");
	add_stamp(&export, 2);
	buf_puts(&export, "_TRANSPORT=driver\nMESSAGE_ID=e9bf28e6e834481bb6f48f548ad13606\n"
	                  "MESSAGE=Missed 34 kernel messages\n\n");
	add_stamp(&export, 3);
	buf_puts(&export, "_TRANSPORT=journal\nTRANSPORT=driver\n"
	                  "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e\n"
	                  "MESSAGE=Suppressed 56 messages from b.service\n\n");
	follow_one(r, &export);
	until_lines(r, 3);
	ck_assert_str_eq(buf_str(&r->troubles),
	    "upstream 12 journald says: Suppressed 12 messages from a.service\n"
	    "upstream 34 journald says: Missed 34 kernel messages\n");
	buf_free(&export);
	close_rig(r);
}
END_TEST

/* What this process logs is passed over, but not what others did, and never lost count of. */
START_TEST(own_entries_are_passed_over)
{
	struct rig *r = open_rig(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	char id[40] = "", boot[40] = "";

	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(id, sizeof(id), f));
	fclose(f);
	for (char *p = id, *q = boot; *p != '\0' && *p != '\n'; p++)
		if (*p != '-')
			*q++ = *p;
	clock_update();
	for (int i = 1; i <= 3; i++)
		buf_printf(&export,
		    "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%llu\n_BOOT_ID=%s\n"
		    "MESSAGE=line %d\n_PID=%ld\n\n",
		    (unsigned long long)(T0 + (unsigned)i),
		    (unsigned long long)(clock_mono() * 1000 + (i == 3 ? -3600000000 : 3600000000)),
		    boot, i, i == 2 ? 1L : (long)getpid());
	follow_one(r, &export);
	until_lines(r, 2);
	expect(r, "2 3");
	ck_assert_uint_eq(r->offset, 3);
	buf_free(&export);
	close_rig(r);
}
END_TEST

/* ---- equal to journalctl ------------------------------------------------------------------------- */

/* "name=value" of our line is what journalctl has under the names that make it. */
static bool
json_has(const json_t *o, const char *name, struct sv value)
{
	static const char *const parts[][2] = {{"@host", "_HOSTNAME"}, {"@pid", "_PID"},
	    {"@severity", "PRIORITY"}, {"@facility", "SYSLOG_FACILITY"}, {"@message", "MESSAGE"},
	    {"@program", "SYSLOG_IDENTIFIER"}};
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		bool match = strcasecmp(key + (key[0] == '_'), name) == 0;

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			match = match ||
			    (strcmp(parts[i][0], name) == 0 && strcmp(parts[i][1], key) == 0);
		if (match && json_is_string(v) && sv_is(value, json_string_value(v)))
			return true;
	}
	return false;
}

static size_t
check_line(const json_t *o, char *line)
{
	size_t n = 0;

	for (char *save, *f = strtok_r(line, "\x1f", &save); f != NULL;
	     f = strtok_r(NULL, "\x1f", &save), n++) {
		char *equals = strchr(f, '=');

		if (n == 0)
			continue;
		ck_assert_ptr_nonnull(equals);
		*equals = '\0';
		if (strcmp(f, "@time") == 0)
			ck_assert_int_eq(strncmp(equals + 1,
			    json_string_value(json_object_get(o, "__REALTIME_TIMESTAMP")), 13), 0);
		else
			ck_assert_msg(json_has(o, f, sv_str(equals + 1)), "%s=%s", f, equals + 1);
	}
	return n - 2; /* offset, @time */
}

START_TEST(equal_to_journalctl)
{
	struct rig *r = open_rig(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;
	char *command = xasprintf("journalctl -q --file '%s' -o json --all", r->path), line[8192];
	FILE *f;
	char *save, *ours;

	for (uint64_t n = 1; n <= 200; n++) {
		char *fields = xasprintf("PRIORITY=%u\nSYSLOG_IDENTIFIER=prog%u\n_PID=%u\n_UID=%u\n"
		                         "_SYSTEMD_UNIT=u%u.service\nUSER_FIELD=v%u\n_EXE=/x/%u\n"
		                         "_HOSTNAME=h%u\nSYSLOG_FACILITY=%u\n",
		    (unsigned)n % 8, (unsigned)n % 7, (unsigned)n % 50, (unsigned)n % 3,
		    (unsigned)n % 11, (unsigned)n, (unsigned)n % 5, (unsigned)n % 2,
		    (unsigned)n % 24);

		add_entry(&export, n, fields);
		free(fields);
	}
	follow_one(r, &export);
	until_lines(r, 200);
	f = popen(command, "re");
	for (ours = strtok_r(r->text.p, "\n", &save); ours != NULL;
	     ours = strtok_r(NULL, "\n", &save)) {
		json_t *o;

		ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
		o = json_loads(line, 0, NULL);
		ck_assert_ptr_nonnull(o);
		/* Not in a line: __CURSOR, __REALTIME_TIMESTAMP, __MONOTONIC_TIMESTAMP. */
		ck_assert_uint_eq(check_line(o, ours) + 3, json_object_size(o));
		json_decref(o);
	}
	ck_assert_ptr_null(fgets(line, sizeof(line), f));
	pclose(f);
	free(command);
	buf_free(&export);
	close_rig(r);
}
END_TEST

/* ---- silence ------------------------------------------------------------------------------------- */

START_TEST(silence_is_told_and_ends)
{
	struct rig *r = open_rig(START_BEGINNING, NULL);

	r->conf.expect_every = 50;
	append(r, "x.journal", 1, 1);
	start(r);
	until_lines(r, 1);
	rig_turn_until(r->ev, has_trouble, r, 10000);
	ck_assert(told(r, "silent"));
	append(r, "x.journal", 2, 2);
	until_lines(r, 2);
	ck_assert(told(r, "well"));
	close_rig(r);
}
END_TEST

/* ---- a living journald ------------------------------------------------------------------------- */

#define JOURNALD "/lib/systemd/systemd-journald"

static void
run(const char *command)
{
	char *quiet = xasprintf("%s >/dev/null 2>&1", command);

	ck_assert_msg(system(quiet) == 0, "%s", command);
	free(quiet);
}

static void
make_dirs(void)
{
	char machine[SD_ID128_STRING_MAX], *dir;
	sd_id128_t id;

	ck_assert_int_ge(sd_id128_get_machine(&id), 0);
	dir = xasprintf("mkdir -p /run/systemd/journal /run/log/journal /var/log/journal/%s",
	    sd_id128_to_string(id, machine));
	run(dir);
	free(dir);
}

/* Until it has made its socket nothing can be asked of it. */
static pid_t
spawn_journald(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(127);
		execl(JOURNALD, JOURNALD, (char *)NULL);
		_exit(127);
	}
	ck_assert_int_gt(pid, 0);
	while (access("/run/systemd/journal/io.systemd.journal", F_OK) != 0) {
		ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
		usleep(1000);
	}
	run("journalctl --flush");
	return pid;
}

/* Only in a process of the test's own; false where that is not allowed. */
static bool
open_namespace(void)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/run", "tmpfs", 0, NULL) != 0 ||
	    mount("none", "/var/log", "tmpfs", 0, NULL) != 0)
		return false;
	make_dirs();
	return true;
}

static void
kill_journald(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/* Another process logs every ${step}-th line from ${from} to ${to}, as ${uid}. */
static pid_t
log_lines(unsigned from, unsigned to, unsigned step, uid_t uid)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	if (setuid(uid) != 0)
		_exit(1);
	for (unsigned n = from; n <= to; n += step)
		if (sd_journal_send("MESSAGE=line %u", n, "PRIORITY=6", (char *)NULL) < 0)
			_exit(1);
	_exit(0);
}

static void
reap(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static bool
has_own_lines(void *ctx)
{
	struct rig *r = ctx;

	return r->nlines >= r->wanted;
}

static struct rig *
open_live(int begin)
{
	struct rig *r = open_rig(begin, NULL);

	free(r->path);
	r->path = xstrdup("system");
	r->conf.journal.s = r->path;
	source_journal_free(&r->journal);
	create(r);
	return r;
}

START_TEST(rotated_while_it_is_followed)
{
	const unsigned most = 6000;
	struct rig *r;
	pid_t journald, writer;

	if (!open_namespace())
		return;
	journald = spawn_journald();
	r = open_live(START_END);
	start(r);
	rig_turn_until(r->ev, is_known, r, 10000);
	writer = log_lines(1, most, 1, 0);
	for (unsigned round = 1; round <= 8; round++) {
		r->wanted = most / 10 * round;
		rig_turn_until(r->ev, has_own_lines, r, 20000);
		run("journalctl --rotate");
	}
	reap(writer);
	r->wanted = most;
	rig_turn_until(r->ev, has_own_lines, r, 20000);
	expect_range(r, 1, most);
	ck_assert_msg(!told(r, "lost"), "%s", buf_str(&r->troubles));
	kill_journald(journald);
	close_rig(r);
}
END_TEST

/* The journal of a user is made when he first logs: his first entries must not be
 * missed because those after them were read already. */
START_TEST(journals_of_users_come_and_go)
{
	struct rig *r;
	pid_t journald;

	if (!open_namespace())
		return;
	journald = spawn_journald();
	r = open_live(START_END);
	start(r);
	rig_turn_until(r->ev, is_known, r, 10000);
	for (unsigned round = 0; round < 5; round++) {
		pid_t a = log_lines(1, 1000, 1, 0), b = log_lines(1, 1000, 1, 4000 + round);

		r->wanted += 2000;
		rig_turn_until(r->ev, has_own_lines, r, 20000);
		reap(a);
		reap(b);
	}
	ck_assert_uint_eq(r->nlines, 10000);
	ck_assert_msg(!told(r, "lost"), "%s", buf_str(&r->troubles));
	kill_journald(journald);
	close_rig(r);
}
END_TEST

/* Delivered and told to be lost make up all there was. */
START_TEST(vacuumed_while_it_is_not_followed)
{
	struct rig *r;
	pid_t journald;
	const char *lost;
	size_t delivered;

	if (!open_namespace())
		return;
	journald = spawn_journald();
	r = open_live(START_END);
	reap(log_lines(1, 10, 1, 0));
	run("journalctl --sync");
	start(r);
	rig_turn_until(r->ev, is_known, r, 10000);
	reap(log_lines(11, 20, 1, 0));
	r->wanted = 10;
	rig_turn_until(r->ev, has_own_lines, r, 10000);
	commit(r);
	source_journal_free(&r->journal);
	reap(log_lines(21, 520, 1, 0));
	run("journalctl --rotate");
	run("journalctl --vacuum-files=1");
	reap(log_lines(521, 600, 1, 0));
	run("journalctl --sync");
	create(r);
	start(r);
	r->wanted = 90;
	rig_turn_until(r->ev, has_own_lines, r, 10000);
	delivered = r->nlines;
	ck_assert_uint_eq(delivered, 90);
	lost = strstr(buf_str(&r->troubles), "lost ");
	ck_assert_ptr_nonnull(lost);
	/* journald's own lines about all this are lost as well. */
	ck_assert_uint_ge(strtoul(lost + 5, NULL, 10), 500);
	ck_assert_uint_le(strtoul(lost + 5, NULL, 10), 520);
	kill_journald(journald);
	close_rig(r);
}
END_TEST

START_TEST(journald_killed_while_it_is_followed)
{
	struct rig *r;
	pid_t journald;

	if (!open_namespace())
		return;
	journald = spawn_journald();
	r = open_live(START_END);
	start(r);
	rig_turn_until(r->ev, is_known, r, 10000);
	for (unsigned round = 0; round < 3; round++) {
		reap(log_lines(100 * round + 1, 100 * round + 100, 1, 0));
		run("journalctl --sync");
		kill(journald, SIGKILL);
		waitpid(journald, NULL, 0);
		unlink("/run/systemd/journal/io.systemd.journal");
		journald = spawn_journald();
	}
	r->wanted = 300;
	rig_turn_until(r->ev, has_own_lines, r, 20000);
	expect_range(r, 1, 300);
	ck_assert_msg(!told(r, "lost"), "%s", buf_str(&r->troubles));
	kill_journald(journald);
	close_rig(r);
}
END_TEST

/* ---- cursors ----------------------------------------------------------------------------------------- */

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

static TCase *
with_files(void)
{
	TCase *t = tcase_create("files");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, new_source_begins_at_the_beginning);
	tcase_add_test(t, new_source_begins_at_the_end);
	tcase_add_test(t, journal_that_comes_later_is_read_from_its_beginning);
	tcase_add_loop_test(t, what_is_appended_is_delivered, 0, 3);
	tcase_add_loop_test(t, every_position_delivers_the_rest, 0, 2);
	tcase_add_test(t, start_again_delivers_again_what_was_not_committed);
	tcase_add_test(t, start_again_with_nothing_committed_goes_back_to_where_it_was_begun);
	tcase_add_test(t, pause_and_resume);
	tcase_add_test(t, free_while_a_job_runs);
	tcase_add_loop_test(t, first_entry_after_rotation_is_not_lost, 0, 2);
	tcase_add_test(t, rotation_while_stopped);
	tcase_add_test(t, lost_cursor_goes_on_by_the_clock_of_the_boot);
	tcase_add_test(t, lost_cursor_of_another_boot_goes_on_by_the_wall_clock);
	tcase_add_loop_test(t, strange_cursor_does_not_blind, 0, 2);
	tcase_add_loop_test(t, missing_numbers_are_a_gap, 0, 2);
	tcase_add_test(t, no_gap_in_one_of_several_files);
	tcase_add_loop_test(t, next_entry_after_a_lost_one_is_no_gap, 0, 2);
	tcase_add_test(t, entries_gone_before_they_were_read_are_counted);
	tcase_add_test(t, damaged_file_is_told_and_the_others_are_read);
	tcase_add_test(t, only_a_damaged_file);
	tcase_add_test(t, no_flipped_byte_is_fatal);
	tcase_add_test(t, no_cut_is_fatal);
	tcase_add_test(t, header_and_fields);
	tcase_add_test(t, nobody_can_pass_for_a_trusted_field);
	tcase_add_test(t, values_cannot_break_the_form);
	tcase_add_test(t, long_message_is_cut_and_told);
	tcase_add_test(t, many_fields_do_not_hide_the_trusted_ones);
	tcase_add_test(t, loss_upstream);
	tcase_add_test(t, own_entries_are_passed_over);
	tcase_add_test(t, equal_to_journalctl);
	tcase_add_test(t, silence_is_told_and_ends);
	return t;
}

/* Each test in a process of its own, or the namespace would be the program's. */
static bool
can_run_journald(void)
{
	return geteuid() == 0 && access(JOURNALD, X_OK) == 0 && access("/etc/machine-id", R_OK) == 0;
}

static TCase *
with_journald(void)
{
	TCase *t = tcase_create("journald");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, rotated_while_it_is_followed);
	tcase_add_test(t, journals_of_users_come_and_go);
	tcase_add_test(t, vacuumed_while_it_is_not_followed);
	tcase_add_test(t, journald_killed_while_it_is_followed);
	return t;
}

int
main(void)
{
	Suite *s = suite_create("journal");
	TCase *cursors = tcase_create("cursors");
	SRunner *runner;
	int failed;

	tcase_add_test(cursors, cursor_text);
	tcase_add_test(cursors, order_of_cursors);
	tcase_add_test(cursors, missing_numbers_of_many_sequences);
	suite_add_tcase(s, cursors);
	if (access(REMOTE, X_OK) == 0)
		suite_add_tcase(s, with_files());
	else
		fprintf(stderr, "check_journal: " REMOTE " is not there (package "
		                "systemd-journal-remote): tests with files are left out\n");
	runner = srunner_create(s);
	if (can_run_journald() && srunner_fork_status(runner) == CK_FORK)
		suite_add_tcase(s, with_journald());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
