/*
 * check_source: real files, written, rotated, cut and removed while a set follows
 * them.  The rig plays the part of the state: it keeps what was delivered and
 * what of it is committed; after a rewind what was not committed is forgotten.
 * So "each line once" is what the text in it must show.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "rig.h"
#include "source/source_internal.h"
#include "util/log.h"
#include "util/xalloc.h"

#define MAX_LINE 100
#define STREAMS 1024

/* A stream as the state knows it. */
struct known {
	char *stream, *path;
	uint64_t offset;
	bool done;
};

struct rig {
	char *dir;
	struct ev *ev;
	struct source_set *set;
	struct source_conf conf[2];
	struct conf_string files[4];
	size_t nconf;
	struct known now[STREAMS], committed[STREAMS];
	size_t nnow, ncommitted;
	struct buf text; /* all lines, in order of delivery */
	size_t text_committed;
	size_t calls;
	size_t pause_after; /* chunks, then the callback pauses; 0 = never */
	bool rewind;        /* the callback starts the set again, once */
};

/* ---- the state's part ---------------------------------------------------------- */

static struct known *
known(struct rig *r, const char *stream, const char *path)
{
	struct known *k = r->now, *end = r->now + r->nnow;

	while (k < end && strcmp(k->stream, stream) != 0)
		k++;
	if (k == end) {
		ck_assert_uint_lt(r->nnow++, STREAMS);
		*k = (struct known){.stream = xstrdup(stream)};
	}
	free(k->path);
	k->path = xstrdup(path);
	return k;
}

static void
clear(struct known *v, size_t *n)
{
	for (size_t i = 0; i < *n; i++) {
		free(v[i].stream);
		free(v[i].path);
	}
	*n = 0;
}

static void
copy(struct known *to, size_t *nto, const struct known *from, size_t n)
{
	clear(to, nto);
	for (size_t i = 0; i < n; i++) {
		if (from[i].done)
			continue;
		to[*nto] = from[i];
		to[*nto].stream = xstrdup(from[i].stream);
		to[(*nto)++].path = xstrdup(from[i].path);
	}
}

static void
commit(struct rig *r)
{
	copy(r->committed, &r->ncommitted, r->now, r->nnow);
	for (size_t i = 0; i < r->nnow; i++)
		source_committed(r->set, r->now[i].stream, r->now[i].offset);
	copy(r->now, &r->nnow, r->committed, r->ncommitted);
	r->text_committed = r->text.n;
}

/* Start the set from what is committed. */
static void
start(struct rig *r)
{
	struct position positions[STREAMS];

	copy(r->now, &r->nnow, r->committed, r->ncommitted);
	if (r->text.n > 0) {
		r->text.n = r->text_committed;
		r->text.p[r->text.n] = '\0';
	}
	for (size_t i = 0; i < r->ncommitted; i++)
		positions[i] = (struct position){.stream = r->committed[i].stream,
		    .path = r->committed[i].path,
		    .offset = r->committed[i].offset};
	source_start(r->set, positions, r->ncommitted);
}

static void
got_position(void *ctx, const struct position *pos)
{
	struct rig *r = ctx;
	struct known *k = known(r, pos->stream, pos->path);

	r->calls++;
	ck_assert(!r->set->paused);
	k->offset = pos->offset;
	k->done = pos->done;
}

static void
got_lines(void *ctx, const struct chunk *chunk)
{
	struct rig *r = ctx;
	struct known *k = known(r, chunk->stream->id, chunk->stream->path);

	r->calls++;
	ck_assert_msg(!r->set->paused, "lines while paused");
	ck_assert_msg(!k->done, "lines of a stream that was done");
	ck_assert_uint_ge(chunk->offset, k->offset);
	ck_assert_uint_ge(chunk->next, chunk->offset + chunk->data.n);
	ck_assert_uint_eq(chunk->number, 0);
	ck_assert_uint_gt(chunk->data.n, 0);
	k->offset = chunk->next;
	buf_sv(&r->text, chunk->data);
	if (r->pause_after > 0 && --r->pause_after == 0)
		source_pause(r->set);
	if (r->rewind) {
		r->rewind = false;
		start(r);
	}
}

/* ---- the rig --------------------------------------------------------------------- */

static void
create_set(struct rig *r)
{
	static const struct source_cb cb = {.lines = got_lines, .position = got_position};

	r->set = source_new(r->ev, r->conf, r->nconf, MAX_LINE, &cb, r);
}

static char *
path_of(const struct rig *r, const char *name)
{
	return xasprintf("%s/%s", r->dir, name);
}

static void
add_source(struct rig *r, char *id, int begin, const char *pattern)
{
	struct conf_string *file = &r->files[r->nconf];

	file->s = path_of(r, pattern);
	r->conf[r->nconf++] = (struct source_conf){
	    .id = {.s = id}, .files = {.v = file, .n = 1}, .start = begin};
}

/* Follow ${pattern} in a fresh directory; nothing is started yet. */
static struct rig *
open_rig(int begin, const char *pattern)
{
	static char id[] = "test";
	struct rig *r = xcalloc(1, sizeof(*r));

	log_open("check", LOG_LEVEL_ERROR);
	r->dir = rig_dir();
	r->ev = ev_new();
	add_source(r, id, begin, pattern);
	create_set(r);
	return r;
}

static void
close_rig(struct rig *r)
{
	source_free(&r->set);
	ev_free(&r->ev);
	clear(r->now, &r->nnow);
	clear(r->committed, &r->ncommitted);
	for (size_t i = 0; i < r->nconf; i++)
		free(r->files[i].s);
	buf_free(&r->text);
	rig_remove(&r->dir);
	free(r);
}

/* Turn the loop until nothing has happened for a while. */
static void
turn(struct rig *r)
{
	for (int idle = 0; idle < 30; idle++) {
		size_t before = r->calls;

		ev_turn(r->ev, false);
		if (r->calls != before)
			idle = 0;
	}
}

static void
settle(struct rig *r)
{
	source_rescan_now(r->set);
	turn(r);
}

/* Kill and start again. */
static void
restart(struct rig *r)
{
	source_free(&r->set);
	create_set(r);
	start(r);
}

static void
append(const struct rig *r, const char *name, struct sv text)
{
	char *path = path_of(r, name);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text.p, text.n), (ssize_t)text.n);
	close(fd);
	free(path);
}

static void
say(const struct rig *r, const char *name, const char *text)
{
	append(r, name, sv_str(text));
}

static void
move(const struct rig *r, const char *from, const char *to)
{
	char *a = path_of(r, from), *b = path_of(r, to);

	ck_assert_int_eq(rename(a, b), 0);
	free(a);
	free(b);
}

static void
cut(const struct rig *r, const char *name, off_t size)
{
	char *path = path_of(r, name);

	ck_assert_int_eq(truncate(path, size), 0);
	free(path);
}

static void
erase(const struct rig *r, const char *name)
{
	char *path = path_of(r, name);

	ck_assert_int_eq(unlink(path), 0);
	free(path);
}

static void
make_dir(const struct rig *r, const char *name)
{
	char *path = path_of(r, name);

	ck_assert_int_eq(mkdir(path, 0700), 0);
	free(path);
}

#define expect(r, want) ck_assert_str_eq(buf_str(&(r)->text), want)

/* Position of the stream that was last seen as ${name}, the newest of them. */
static const struct known *
last_of(struct rig *r, const char *name)
{
	char *path = path_of(r, name);
	const struct known *found = NULL;

	for (size_t i = 0; i < r->nnow; i++)
		if (strcmp(r->now[i].path, path) == 0)
			found = &r->now[i];
	free(path);
	ck_assert_ptr_nonnull(found);
	return found;
}

static size_t
open_files(const struct rig *r)
{
	return r->set->nfiles;
}

/* ---- lines ------------------------------------------------------------------------- */

START_TEST(appended_lines_arrive_once_with_exact_positions)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "one\ntwo\n");
	start(r);
	settle(r);
	expect(r, "one\ntwo\n");
	say(r, "log", "three\r\nfo");
	settle(r);
	expect(r, "one\ntwo\nthree\r\n");
	ck_assert_uint_eq(last_of(r, "log")->offset, 15);
	say(r, "log", "ur\n");
	settle(r);
	expect(r, "one\ntwo\nthree\r\nfour\n");
	ck_assert_uint_eq(last_of(r, "log")->offset, 20);
	ck_assert_uint_eq(source_stats(r->set)->bytes, 20);
	close_rig(r);
}
END_TEST

START_TEST(nothing_happens_before_the_start)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "one\n");
	turn(r);
	ck_assert_uint_eq(r->calls, 0);
	close_rig(r);
}
END_TEST

START_TEST(a_write_is_seen_without_waiting_for_a_scan)
{
	struct rig *r = open_rig(START_BEGINNING, "log");
	char *path = path_of(r, "log");

	say(r, "log", "one\n");
	start(r);
	turn(r);
	say(r, "log", "two\n");
	if (r->set->files[0]->wd >= 0) /* inotify can be had here */
		turn(r);
	else
		settle(r);
	expect(r, "one\ntwo\n");
	free(path);
	close_rig(r);
}
END_TEST

START_TEST(a_line_waits_for_its_newline)
{
	static const char text[] = "byte by byte\nand on\n";
	struct rig *r = open_rig(START_BEGINNING, "log");
	struct buf want = BUF_INIT;

	say(r, "log", "");
	start(r);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		append(r, "log", (struct sv){text + i, 1});
		settle(r);
		if (text[i] == '\n') {
			buf_free(&want);
			buf_add(&want, text, i + 1);
		}
		expect(r, buf_str(&want));
		ck_assert_uint_eq(last_of(r, "log")->offset, want.n);
	}
	buf_free(&want);
	close_rig(r);
}
END_TEST

START_TEST(a_huge_line_is_cut_and_the_next_is_seen)
{
	enum { HUGE_LINE = 3 * 1024 * 1024 };
	struct rig *r = open_rig(START_BEGINNING, "log");
	char *line = xmalloc(HUGE_LINE), want[MAX_LINE + 1];

	memset(line, 'x', HUGE_LINE);
	memset(want, 'x', MAX_LINE);
	want[MAX_LINE] = '\0';
	start(r);
	append(r, "log", (struct sv){line, HUGE_LINE});
	settle(r);
	expect(r, "");
	ck_assert_uint_le(r->set->files[0]->lines.head.cap, 4 * MAX_LINE);
	say(r, "log", "\nnext\n");
	settle(r);
	ck_assert_uint_eq(r->text.n, MAX_LINE + 5);
	ck_assert_int_eq(memcmp(r->text.p, want, MAX_LINE), 0);
	ck_assert_str_eq(r->text.p + MAX_LINE, "next\n");
	ck_assert_uint_eq(last_of(r, "log")->offset, HUGE_LINE + 6);
	ck_assert_uint_eq(source_stats(r->set)->cut_lines, 1);
	free(line);
	close_rig(r);
}
END_TEST

START_TEST(a_hole_is_skipped_and_counted)
{
	enum { HOLE = 20 * 1024 * 1024 };
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "");
	start(r);
	settle(r);
	cut(r, "log", HOLE);
	say(r, "log", "after\n");
	settle(r);
	turn(r);
	expect(r, "after\n");
	ck_assert_uint_eq(source_stats(r->set)->nul_bytes, HOLE);
	ck_assert_uint_eq(last_of(r, "log")->offset, HOLE + 6);
	close_rig(r);
}
END_TEST

/* ---- rotation ------------------------------------------------------------------------ */

START_TEST(a_renamed_file_is_read_to_its_end_first)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "one\n");
	start(r);
	settle(r);
	say(r, "log", "two\n");
	move(r, "log", "log.1");
	say(r, "log", "three\n");
	say(r, "log.1", "late\n");
	settle(r);
	expect(r, "one\ntwo\nlate\nthree\n");
	ck_assert_uint_eq(source_stats(r->set)->rotations, 1);
	say(r, "log.1", "later\n");
	settle(r);
	expect(r, "one\ntwo\nlate\nthree\nlater\n");
	close_rig(r);
}
END_TEST

START_TEST(a_renamed_file_is_let_go_when_all_of_it_is_committed)
{
	struct rig *r = open_rig(START_BEGINNING, "log");
	const struct known *old;

	say(r, "log", "one\nunfini");
	start(r);
	settle(r);
	move(r, "log", "log.1");
	say(r, "log", "new\n");
	settle(r);
	expect(r, "one\nnew\n");
	say(r, "log.1", "shed");
	settle(r);
	expect(r, "one\nnew\n");
	source_set_grace(r->set, 0);
	settle(r);
	expect(r, "one\nnew\nunfinished");
	settle(r);
	ck_assert_uint_eq(open_files(r), 2);
	old = &r->now[1];
	ck_assert_uint_eq(old->offset, 14);
	ck_assert(!old->done);
	commit(r);
	turn(r);
	ck_assert_uint_eq(open_files(r), 1);
	old = &r->now[1];
	ck_assert(old->done);
	ck_assert_uint_eq(old->offset, 14);
	close_rig(r);
}
END_TEST

START_TEST(a_file_is_not_let_go_while_it_grows)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "one\n");
	start(r);
	settle(r);
	move(r, "log", "log.1");
	source_set_grace(r->set, 0);
	settle(r);
	ck_assert_uint_eq(open_files(r), 1);
	say(r, "log.1", "two\n");
	commit(r);
	settle(r);
	expect(r, "one\ntwo\n");
	ck_assert_uint_eq(open_files(r), 1);
	commit(r);
	settle(r);
	ck_assert_uint_eq(open_files(r), 0);
	close_rig(r);
}
END_TEST

START_TEST(a_removed_file_is_read_to_its_end)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "one\n");
	start(r);
	settle(r);
	say(r, "log", "two\nend");
	erase(r, "log");
	source_set_grace(r->set, 0);
	settle(r);
	expect(r, "one\ntwo\nend");
	commit(r);
	settle(r);
	ck_assert_uint_eq(open_files(r), 0);
	close_rig(r);
}
END_TEST

START_TEST(nul_at_the_end_does_not_keep_a_file_open)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	append(r, "log", SV("one\n\0\0\0"));
	start(r);
	settle(r);
	erase(r, "log");
	source_set_grace(r->set, 0);
	for (int i = 0; i < 3; i++) {
		settle(r);
		commit(r);
	}
	settle(r);
	expect(r, "one\n");
	ck_assert_uint_eq(open_files(r), 0);
	close_rig(r);
}
END_TEST

START_TEST(rotations_during_a_pause_come_in_order)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "1\n");
	start(r);
	settle(r);
	source_pause(r->set);
	say(r, "log", "2\n");
	move(r, "log", "log.1");
	say(r, "log", "3\n");
	settle(r);
	move(r, "log.1", "log.2");
	move(r, "log", "log.1");
	say(r, "log", "4\n");
	settle(r);
	expect(r, "1\n");
	source_resume(r->set);
	turn(r);
	expect(r, "1\n2\n3\n4\n");
	close_rig(r);
}
END_TEST

START_TEST(a_large_old_file_is_read_before_the_new_one)
{
	enum { LINES = 100000 };
	struct rig *r = open_rig(START_BEGINNING, "log");
	struct buf text = BUF_INIT;

	for (int i = 0; i < LINES; i++)
		buf_printf(&text, "line %d\n", i);
	say(r, "log", "");
	start(r);
	settle(r);
	append(r, "log", buf_view(&text));
	move(r, "log", "log.1");
	say(r, "log", "new\n");
	buf_puts(&text, "new\n");
	settle(r);
	ck_assert(sv_eq(buf_view(&r->text), buf_view(&text)));
	buf_free(&text);
	close_rig(r);
}
END_TEST

START_TEST(a_glob_that_matches_the_rotated_name_reads_it_once)
{
	struct rig *r = open_rig(START_BEGINNING, "log*");

	say(r, "log", "1\n");
	start(r);
	settle(r);
	say(r, "log", "2\n");
	move(r, "log", "log.1");
	say(r, "log", "3\n");
	settle(r);
	settle(r);
	expect(r, "1\n2\n3\n");
	ck_assert_uint_eq(open_files(r), 2);
	ck_assert_uint_eq(source_stats(r->set)->rotations, 0);
	say(r, "log.1", "late\n");
	settle(r);
	expect(r, "1\n2\n3\nlate\n");
	ck_assert_uint_eq(last_of(r, "log.1")->offset, 9);
	close_rig(r);
}
END_TEST

/* ---- truncation ------------------------------------------------------------------------ */

START_TEST(a_truncated_file_begins_again)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "one\ntwo\npart");
	start(r);
	settle(r);
	cut(r, "log", 0);
	settle(r);
	ck_assert_uint_eq(last_of(r, "log")->offset, 0);
	say(r, "log", "three\n");
	settle(r);
	expect(r, "one\ntwo\nthree\n");
	ck_assert_uint_eq(last_of(r, "log")->offset, 6);
	ck_assert_uint_eq(r->nnow, 2); /* the same stream, and the mark */
	ck_assert_uint_eq(source_stats(r->set)->truncations, 1);
	close_rig(r);
}
END_TEST

START_TEST(a_file_cut_to_fewer_bytes_begins_again)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "one\ntwo\nthree\n");
	start(r);
	settle(r);
	cut(r, "log", 4);
	settle(r);
	expect(r, "one\ntwo\nthree\none\n");
	ck_assert_uint_eq(last_of(r, "log")->offset, 4);
	close_rig(r);
}
END_TEST

START_TEST(an_old_commit_does_not_count_for_new_content)
{
	struct rig *r = open_rig(START_BEGINNING, "log");
	char *id;

	say(r, "log", "old content\n");
	start(r);
	settle(r);
	commit(r);
	cut(r, "log", 0);
	say(r, "log", "new\n");
	settle(r);
	id = xstrdup(last_of(r, "log")->stream);
	erase(r, "log");
	source_set_grace(r->set, 0);
	settle(r);
	ck_assert_uint_eq(open_files(r), 1);
	source_committed(r->set, id, 12); /* was under way when the file was cut */
	settle(r);
	ck_assert_uint_eq(open_files(r), 1);
	source_committed(r->set, id, 4);
	settle(r);
	ck_assert_uint_eq(open_files(r), 0);
	free(id);
	close_rig(r);
}
END_TEST

START_TEST(a_file_begun_at_its_end_and_cut_is_rewound_to_0)
{
	struct rig *r = open_rig(START_END, "log");

	say(r, "log", "old\n");
	start(r);
	settle(r);
	cut(r, "log", 0);
	settle(r);
	say(r, "log", "longer than before\n");
	settle(r);
	start(r); /* nothing is committed */
	settle(r);
	expect(r, "longer than before\n");
	close_rig(r);
}
END_TEST

START_TEST(a_rewind_to_before_a_truncation_begins_at_0)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "old content\n");
	start(r);
	settle(r);
	commit(r);
	cut(r, "log", 0);
	say(r, "log", "new\n");
	settle(r);
	say(r, "log", "and much more than before\n");
	start(r); /* committed: 12, of what is no more */
	settle(r);
	expect(r, "old content\nnew\nand much more than before\n");
	start(r); /* nor is it known now that the new position was committed */
	settle(r);
	expect(r, "old content\nnew\nand much more than before\n");
	commit(r);
	say(r, "log", "end\n");
	start(r);
	settle(r);
	expect(r, "old content\nnew\nand much more than before\nend\n");
	close_rig(r);
}
END_TEST

/* ---- restart ----------------------------------------------------------------------------- */

START_TEST(a_restart_goes_on_from_the_committed_position)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "one\ntwo\n");
	start(r);
	settle(r);
	commit(r);
	say(r, "log", "three\n");
	settle(r);
	say(r, "log", "four\n");
	restart(r);
	settle(r);
	expect(r, "one\ntwo\nthree\nfour\n");
	close_rig(r);
}
END_TEST

START_TEST(a_file_cut_while_stopped_begins_again)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "one\ntwo\n");
	start(r);
	settle(r);
	commit(r);
	cut(r, "log", 0);
	say(r, "log", "new\n");
	restart(r);
	settle(r);
	expect(r, "one\ntwo\nnew\n");
	ck_assert_uint_eq(source_stats(r->set)->truncations, 1);
	close_rig(r);
}
END_TEST

START_TEST(a_file_rotated_while_stopped_is_finished_first)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "1\n");
	start(r);
	settle(r);
	commit(r);
	source_free(&r->set);
	say(r, "log", "2\n3");
	move(r, "log", "log.1");
	say(r, "log", "4\n");
	create_set(r);
	start(r);
	settle(r);
	expect(r, "1\n2\n4\n");
	source_set_grace(r->set, 0);
	settle(r);
	expect(r, "1\n2\n4\n3");
	commit(r);
	settle(r);
	ck_assert_uint_eq(open_files(r), 1);
	close_rig(r);
}
END_TEST

START_TEST(a_file_rotated_into_the_glob_while_stopped_is_finished_first)
{
	struct rig *r = open_rig(START_BEGINNING, "log*");

	say(r, "log", "1\n");
	start(r);
	settle(r);
	commit(r);
	say(r, "log", "2\n");
	move(r, "log", "log.1");
	say(r, "log", "3\n");
	restart(r);
	settle(r);
	expect(r, "1\n2\n3\n");
	ck_assert_uint_eq(open_files(r), 2);
	close_rig(r);
}
END_TEST

START_TEST(two_rotations_that_were_not_finished_come_in_order)
{
	struct rig *r = open_rig(START_BEGINNING, "log");
	struct known swap;

	say(r, "log", "1\n");
	start(r);
	settle(r);
	move(r, "log", "log.1");
	say(r, "log", "3\n");
	settle(r);
	commit(r);
	ck_assert_uint_eq(r->ncommitted, 3);
	swap = r->committed[1]; /* the state keeps no order */
	r->committed[1] = r->committed[2];
	r->committed[2] = swap;
	say(r, "log.1", "2\n");
	say(r, "log", "4\n");
	move(r, "log.1", "log.2");
	move(r, "log", "log.1");
	say(r, "log", "5\n");
	restart(r);
	settle(r);
	expect(r, "1\n3\n2\n4\n5\n");
	close_rig(r);
}
END_TEST

START_TEST(an_empty_file_rotated_while_stopped_is_known)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "");
	start(r);
	settle(r);
	commit(r);
	say(r, "log", "1\n");
	move(r, "log", "log.1");
	say(r, "log", "2\n");
	restart(r);
	settle(r);
	expect(r, "1\n2\n");
	close_rig(r);
}
END_TEST

START_TEST(a_stream_found_nowhere_is_reported_done)
{
	struct rig *r = open_rig(START_BEGINNING, "log");
	const struct known *old;

	say(r, "log", "one\n");
	start(r);
	settle(r);
	commit(r);
	source_free(&r->set);
	move(r, "log", "elsewhere"); /* keeps the inode from being used again */
	make_dir(r, "sub");
	move(r, "elsewhere", "sub/log");
	say(r, "log", "two\n");
	create_set(r);
	start(r);
	settle(r);
	expect(r, "one\ntwo\n");
	old = &r->now[1];
	ck_assert(old->done);
	ck_assert_uint_eq(old->offset, 4);
	close_rig(r);
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
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "one\n");
	source_start(r->set, odd, sizeof(odd) / sizeof(odd[0]));
	settle(r);
	expect(r, "one\n");
	ck_assert_uint_eq(r->nnow, 2);
	source_committed(r->set, "nonsense", 1);
	source_committed(r->set, "8:1:2:3", 1);
	close_rig(r);
}
END_TEST

/* ---- where to begin -------------------------------------------------------------------- */

START_TEST(a_new_source_begins_at_the_end_of_what_is_there)
{
	struct rig *r = open_rig(START_END, "log*");

	say(r, "log", "old\n");
	start(r);
	say(r, "log", "new\n"); /* after the start, so it counts */
	settle(r);
	expect(r, "new\n");
	say(r, "log2", "from the first byte\n");
	settle(r);
	expect(r, "new\nfrom the first byte\n");
	close_rig(r);
}
END_TEST

START_TEST(the_end_is_after_the_last_whole_line)
{
	struct rig *r = open_rig(START_END, "log");

	say(r, "log", "old\nhalf of");
	start(r);
	say(r, "log", " a line\n");
	settle(r);
	expect(r, "half of a line\n");
	close_rig(r);
}
END_TEST

START_TEST(a_known_source_begins_new_files_at_0)
{
	struct rig *r = open_rig(START_END, "log*");

	say(r, "log", "old\n");
	start(r);
	settle(r);
	ck_assert_uint_eq(r->nnow, 2);
	ck_assert_uint_gt(known(r, "source:test", "")->offset, 1000000000000);
	ck_assert_uint_eq(last_of(r, "log")->offset, 4);
	commit(r);
	source_free(&r->set);
	say(r, "log", "a\n");
	say(r, "log2", "b\n");
	create_set(r);
	start(r);
	settle(r);
	expect(r, "a\nb\n");
	close_rig(r);
}
END_TEST

START_TEST(the_mark_is_reported_again_until_committed)
{
	struct rig *r = open_rig(START_END, "log");

	say(r, "log", "old\n");
	start(r);
	settle(r);
	ck_assert_uint_eq(r->nnow, 2);
	start(r); /* nothing was committed */
	ck_assert_uint_eq(r->nnow, 0);
	say(r, "log", "new\n");
	settle(r);
	ck_assert_uint_eq(r->nnow, 2);
	expect(r, "new\n");
	commit(r);
	r->calls = 0;
	start(r);
	settle(r);
	ck_assert_uint_eq(r->calls, 0);
	close_rig(r);
}
END_TEST

START_TEST(a_file_that_appears_later_is_followed)
{
	struct rig *r = open_rig(START_END, "sub/log");

	start(r);
	settle(r);
	make_dir(r, "sub");
	settle(r);
	say(r, "sub/log", "one\n");
	settle(r);
	expect(r, "one\n");
	close_rig(r);
}
END_TEST

START_TEST(a_glob_may_stand_in_any_component)
{
	struct rig *r = open_rig(START_BEGINNING, "app-*/log.[0-9]");

	make_dir(r, "app-a");
	say(r, "app-a/log.1", "a1\n");
	start(r);
	settle(r);
	make_dir(r, "app-b");
	say(r, "app-b/log.2", "b2\n");
	say(r, "app-b/log.x", "no\n");
	say(r, "app-a/log.3", "a3\n");
	settle(r);
	expect(r, "a1\na3\nb2\n");
	close_rig(r);
}
END_TEST

START_TEST(two_names_of_a_file_are_one_stream)
{
	struct rig *r = open_rig(START_BEGINNING, "log*");
	char *a = path_of(r, "log"), *b = path_of(r, "log.hard"), *c = path_of(r, "log.soft");

	say(r, "log", "one\n");
	ck_assert_int_eq(link(a, b), 0);
	ck_assert_int_eq(symlink(a, c), 0);
	start(r);
	settle(r);
	say(r, "log", "two\n");
	settle(r);
	expect(r, "one\ntwo\n");
	ck_assert_uint_eq(open_files(r), 1);
	ck_assert_str_eq(r->set->files[0]->stream.path, a);
	free(a);
	free(b);
	free(c);
	close_rig(r);
}
END_TEST

START_TEST(a_link_turned_to_another_file_is_a_rotation)
{
	struct rig *r = open_rig(START_BEGINNING, "current");
	char *a = path_of(r, "a"), *b = path_of(r, "b"), *current = path_of(r, "current");

	say(r, "a", "1\n");
	ck_assert_int_eq(symlink(a, current), 0);
	start(r);
	settle(r);
	say(r, "a", "2\n");
	say(r, "b", "3\n");
	ck_assert_int_eq(unlink(current), 0);
	ck_assert_int_eq(symlink(b, current), 0);
	settle(r);
	expect(r, "1\n2\n3\n");
	ck_assert_uint_eq(source_stats(r->set)->rotations, 1);
	free(a);
	free(b);
	free(current);
	close_rig(r);
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
	struct rig *r = open_rig(START_BEGINNING, "log");

	start(r);
	settle(r);
	ck_assert_uint_eq(status_of(r).problems, 1);
	ck_assert_str_eq(status_of(r).text, "No such file or directory");
	say(r, "log", "one\ntw");
	settle(r);
	ck_assert_uint_eq(status_of(r).problems, 0);
	ck_assert_uint_eq(status_of(r).streams, 1);
	ck_assert_uint_eq(status_of(r).offset, 4);
	ck_assert_uint_eq(status_of(r).size, 6);
	close_rig(r);
}
END_TEST

START_TEST(a_glob_in_a_missing_directory_is_a_problem)
{
	struct rig *r = open_rig(START_BEGINNING, "typo/*.log");

	start(r);
	settle(r);
	ck_assert_uint_eq(status_of(r).problems, 1);
	make_dir(r, "typo");
	settle(r);
	ck_assert_uint_eq(status_of(r).problems, 0);
	close_rig(r);
}
END_TEST

/* As root, by being nobody for a while. */
START_TEST(an_unreadable_file_is_shown_and_tried_again)
{
	struct rig *r = open_rig(START_BEGINNING, "log");
	char *path = path_of(r, "log");
	bool root = geteuid() == 0;

	say(r, "log", "one\n");
	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_int_eq(chmod(r->dir, 0755), 0);
	ck_assert(!root || seteuid(65534) == 0);
	start(r);
	settle(r);
	ck_assert_str_eq(status_of(r).text, "Permission denied");
	expect(r, "");
	ck_assert(!root || seteuid(0) == 0);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert(!root || seteuid(65534) == 0);
	settle(r);
	expect(r, "one\n");
	ck_assert_uint_eq(status_of(r).problems, 0);
	ck_assert(!root || seteuid(0) == 0);
	free(path);
	close_rig(r);
}
END_TEST

START_TEST(only_regular_files_are_opened)
{
	struct rig *r = open_rig(START_BEGINNING, "*");
	char *fifo = path_of(r, "fifo"), *null = path_of(r, "null");

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(symlink("/dev/null", null), 0);
	make_dir(r, "directory");
	say(r, "log", "one\n");
	start(r);
	settle(r);
	expect(r, "one\n");
	ck_assert_uint_eq(status_of(r).problems, 3);
	ck_assert_str_eq(status_of(r).text, "not a regular file");
	free(fifo);
	free(null);
	close_rig(r);
}
END_TEST

/* ---- pause and rewind ------------------------------------------------------------------------ */

START_TEST(a_pause_inside_the_callback_is_exact)
{
	struct rig *r = open_rig(START_BEGINNING, "log");
	char longer[MAX_LINE * 2 + 2];

	memset(longer, 'y', sizeof(longer));
	longer[sizeof(longer) - 2] = '\n';
	longer[sizeof(longer) - 1] = '\0';
	say(r, "log", "one\n");
	say(r, "log", longer);
	say(r, "log", "two\n");
	r->pause_after = 1;
	start(r);
	settle(r);
	settle(r);
	expect(r, "one\n");
	r->pause_after = 1;
	source_resume(r->set);
	turn(r);
	ck_assert_uint_eq(r->text.n, 4 + MAX_LINE);
	source_resume(r->set);
	turn(r);
	ck_assert_str_eq(r->text.p + 4 + MAX_LINE, "two\n");
	close_rig(r);
}
END_TEST

START_TEST(a_pause_of_a_moment_loses_nothing)
{
	struct rig *r = open_rig(START_BEGINNING, "log*");

	say(r, "log1", "1\n");
	say(r, "log2", "2\n");
	start(r);
	r->pause_after = 1;
	settle(r);
	expect(r, "1\n");
	say(r, "log1", "3\n");
	source_resume(r->set);
	settle(r);
	expect(r, "1\n2\n3\n");
	close_rig(r);
}
END_TEST

START_TEST(a_rewind_delivers_again_from_the_committed_position)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	say(r, "log", "one\n");
	start(r);
	settle(r);
	commit(r);
	say(r, "log", "two\nthr");
	settle(r);
	start(r);
	expect(r, "one\n");
	say(r, "log", "ee\n");
	settle(r);
	expect(r, "one\ntwo\nthree\n");
	close_rig(r);
}
END_TEST

START_TEST(a_rewind_inside_the_callback_is_allowed)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	append(r, "log", SV("o\0ne\ntwo\nthree\n"));
	r->rewind = true;
	start(r);
	settle(r);
	expect(r, "one\ntwo\nthree\n");
	close_rig(r);
}
END_TEST

START_TEST(a_rewind_covers_rotated_files)
{
	struct rig *r = open_rig(START_BEGINNING, "log");

	source_set_grace(r->set, 0);
	say(r, "log", "1\n");
	start(r);
	settle(r);
	commit(r);
	say(r, "log", "2\nend");
	move(r, "log", "log.1");
	say(r, "log", "3\n");
	settle(r);
	ck_assert_uint_eq(r->text.n, 9);
	erase(r, "log.1");
	settle(r);
	start(r);
	expect(r, "1\n");
	settle(r);
	ck_assert_uint_eq(r->text.n, 9);
	ck_assert_ptr_nonnull(strstr(r->text.p, "2\n"));
	ck_assert_ptr_nonnull(strstr(r->text.p, "end"));
	close_rig(r);
}
END_TEST

/* ---- many, and at random ------------------------------------------------------ */

START_TEST(hundreds_of_files_are_followed_fairly)
{
	enum { FILES = 300 };
	struct rig *r = open_rig(START_BEGINNING, "log.*");
	char name[32], text[64];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "log.%03d", i);
		snprintf(text, sizeof(text), "file %03d a\nfile %03d b\n", i, i);
		say(r, name, text);
	}
	start(r);
	settle(r);
	ck_assert_uint_eq(r->text.n, FILES * 22);
	ck_assert_uint_eq(source_stats(r->set)->bytes, FILES * 22);
	for (int i = 0; i < FILES; i++) {
		snprintf(text, sizeof(text), "file %03d a\nfile %03d b\n", i, i);
		ck_assert_ptr_nonnull(strstr(r->text.p, text));
		ck_assert_uint_eq(r->set->files[i]->lines.head.cap, 0);
	}
	close_rig(r);
}
END_TEST

START_TEST(a_flood_in_one_file_does_not_hold_up_another)
{
	enum { FLOOD = 8 * 1024 * 1024 };
	struct rig *r = open_rig(START_BEGINNING, "log.*");
	char *flood = xmalloc(FLOOD);

	for (size_t i = 0; i < FLOOD; i++)
		flood[i] = i % 64 == 63 ? '\n' : 'f';
	append(r, "log.a", (struct sv){flood, FLOOD});
	say(r, "log.b", "small\n");
	start(r);
	for (int i = 0; i < 3; i++)
		ev_turn(r->ev, true);
	ck_assert_ptr_nonnull(strstr(buf_str(&r->text), "small\n"));
	ck_assert_uint_lt(r->text.n, FLOOD);
	turn(r);
	ck_assert_uint_eq(r->text.n, FLOOD + 6);
	free(flood);
	close_rig(r);
}
END_TEST

struct chance {
	unsigned state;
	int line;     /* written so far */
	int rotation;
	bool partial; /* the last line has no newline yet */
	char writer[32]; /* the file that is written to: it may have been renamed */
};

static unsigned
pick(struct chance *c, unsigned n)
{
	c->state = c->state * 1103515245 + 12345;
	return (c->state >> 16) % n;
}

static void
write_some(struct rig *r, struct chance *c)
{
	char text[32];

	if (c->partial) {
		say(r, c->writer, "\n");
		c->partial = false;
	}
	for (unsigned n = pick(c, 4); n > 0; n--) {
		snprintf(text, sizeof(text), "line %d\n", c->line++);
		say(r, c->writer, text);
	}
	if (pick(c, 3) == 0) {
		snprintf(text, sizeof(text), "line %d", c->line++);
		say(r, c->writer, text);
		c->partial = true;
	}
}

static bool
is_committed(const struct rig *r, const char *name)
{
	char *path = path_of(r, name), id[SOURCE_ID_SIZE];
	struct source_id identity;
	bool found = false;

	if (source_file_identify(path, &identity) == 0) {
		source_id_format(&identity, id);
		for (size_t i = 0; i < r->ncommitted; i++)
			found |= strcmp(r->committed[i].stream, id) == 0;
	}
	free(path);
	return found;
}

/* The writer goes on with the renamed file until it is told to reopen.  A file of
 * which the state has never heard is left: after a restart nobody would know. */
static void
rotate(struct rig *r, struct chance *c)
{
	if (strcmp(c->writer, "log") != 0 || !is_committed(r, "log"))
		return;
	snprintf(c->writer, sizeof(c->writer), "log.%d", ++c->rotation);
	move(r, "log", c->writer);
}

static void
reopen(struct chance *c)
{
	if (!c->partial)
		snprintf(c->writer, sizeof(c->writer), "log");
}

/* What logrotate's copytruncate does, at a moment when it loses nothing. */
static void
copytruncate(struct rig *r, struct chance *c)
{
	settle(r);
	if (r->set->paused || c->partial || strcmp(c->writer, "log") != 0)
		return;
	commit(r);
	cut(r, "log", 0);
	settle(r);
	if (pick(c, 2) == 0) {
		write_some(r, c);
		start(r); /* committed is a position of what was cut away */
		settle(r);
	}
	commit(r);
}

static void
step(struct rig *r, struct chance *c)
{
	switch (pick(c, 13)) {
	case 0:
		rotate(r, c);
		break;
	case 1:
		reopen(c);
		break;
	case 2:
		commit(r);
		break;
	case 3:
		restart(r);
		break;
	case 4:
		start(r);
		break;
	case 5:
		r->pause_after = 1 + pick(c, 3);
		break;
	case 6:
		source_resume(r->set);
		break;
	case 7:
		copytruncate(r, c);
		break;
	case 8:
	case 9:
		settle(r);
		break;
	default:
		write_some(r, c);
		break;
	}
}

/* Whatever happens in whatever order, each line is in the state once. */
START_TEST(each_line_counts_once_whatever_happens)
{
	struct rig *r = open_rig(START_BEGINNING, "log");
	struct chance c = {.state = (unsigned)_i * 7919 + 1, .writer = "log"};
	char *seen;
	int number, used;

	say(r, "log", "");
	start(r);
	settle(r);
	commit(r);
	for (int i = 0; i < 150; i++) {
		say(r, c.writer, "");
		/* With the writer gone from the renamed files they need not be waited for. */
		source_set_grace(r->set, strcmp(c.writer, "log") == 0 ? 0 : 1000000);
		step(r, &c);
	}
	if (c.partial)
		say(r, c.writer, "\n");
	source_resume(r->set);
	r->pause_after = 0;
	settle(r);
	seen = xcalloc((size_t)c.line + 1, 1);
	for (const char *p = buf_str(&r->text); *p != '\0'; p += used) {
		ck_assert_msg(sscanf(p, "line %d%n", &number, &used) == 1, "no line: %s", p);
		ck_assert_msg(p[used++] == '\n', "not whole: %s", p);
		ck_assert_int_lt(number, c.line);
		ck_assert_msg(!seen[number], "line %d twice:\n%s", number, buf_str(&r->text));
		seen[number] = 1;
	}
	for (int i = 0; i < c.line; i++)
		ck_assert_msg(seen[i], "line %d lost", i);
	free(seen);
	close_rig(r);
}
END_TEST

static TCase *
lines_and_rotation(void)
{
	TCase *tc = tcase_create("lines and rotation");

	tcase_add_test(tc, appended_lines_arrive_once_with_exact_positions);
	tcase_add_test(tc, nothing_happens_before_the_start);
	tcase_add_test(tc, a_write_is_seen_without_waiting_for_a_scan);
	tcase_add_test(tc, a_line_waits_for_its_newline);
	tcase_add_test(tc, a_huge_line_is_cut_and_the_next_is_seen);
	tcase_add_test(tc, a_hole_is_skipped_and_counted);
	tcase_add_test(tc, a_renamed_file_is_read_to_its_end_first);
	tcase_add_test(tc, a_renamed_file_is_let_go_when_all_of_it_is_committed);
	tcase_add_test(tc, a_file_is_not_let_go_while_it_grows);
	tcase_add_test(tc, a_removed_file_is_read_to_its_end);
	tcase_add_test(tc, nul_at_the_end_does_not_keep_a_file_open);
	tcase_add_test(tc, rotations_during_a_pause_come_in_order);
	tcase_add_test(tc, a_large_old_file_is_read_before_the_new_one);
	tcase_add_test(tc, a_glob_that_matches_the_rotated_name_reads_it_once);
	tcase_add_test(tc, a_truncated_file_begins_again);
	tcase_add_test(tc, a_file_cut_to_fewer_bytes_begins_again);
	tcase_add_test(tc, an_old_commit_does_not_count_for_new_content);
	tcase_add_test(tc, a_file_begun_at_its_end_and_cut_is_rewound_to_0);
	tcase_add_test(tc, a_rewind_to_before_a_truncation_begins_at_0);
	return tc;
}

static TCase *
starts_and_files(void)
{
	TCase *tc = tcase_create("starts and files");

	tcase_add_test(tc, a_restart_goes_on_from_the_committed_position);
	tcase_add_test(tc, a_file_cut_while_stopped_begins_again);
	tcase_add_test(tc, a_file_rotated_while_stopped_is_finished_first);
	tcase_add_test(tc, a_file_rotated_into_the_glob_while_stopped_is_finished_first);
	tcase_add_test(tc, two_rotations_that_were_not_finished_come_in_order);
	tcase_add_test(tc, an_empty_file_rotated_while_stopped_is_known);
	tcase_add_test(tc, a_stream_found_nowhere_is_reported_done);
	tcase_add_test(tc, positions_of_others_are_left_alone);
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
	return tc;
}

static TCase *
pause_and_rewind(void)
{
	TCase *tc = tcase_create("pause and rewind");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_pause_inside_the_callback_is_exact);
	tcase_add_test(tc, a_pause_of_a_moment_loses_nothing);
	tcase_add_test(tc, a_rewind_delivers_again_from_the_committed_position);
	tcase_add_test(tc, a_rewind_inside_the_callback_is_allowed);
	tcase_add_test(tc, a_rewind_covers_rotated_files);
	tcase_add_test(tc, hundreds_of_files_are_followed_fairly);
	tcase_add_test(tc, a_flood_in_one_file_does_not_hold_up_another);
	tcase_add_loop_test(tc, each_line_counts_once_whatever_happens, 0, 30);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("source");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, lines_and_rotation());
	suite_add_tcase(suite, starts_and_files());
	suite_add_tcase(suite, pause_and_rewind());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
