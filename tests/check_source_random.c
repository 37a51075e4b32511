/*
 * check_source_random: many files, and whatever may happen in whatever order.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source_rig.h"
#include "util/xalloc.h"

/* ---- many, and at random ------------------------------------------------------ */

START_TEST(hundreds_of_files_are_followed_fairly)
{
	enum { FILES = 300 };
	struct rig *r = rig_open(START_BEGINNING, "log.*");
	char name[32], text[64];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "log.%03d", i);
		snprintf(text, sizeof(text), "file %03d a\nfile %03d b\n", i, i);
		rig_say(r, name, text);
	}
	rig_start(r);
	rig_settle(r);
	ck_assert_uint_eq(r->text.n, FILES * 22);
	ck_assert_uint_eq(source_stats(r->set)->bytes, FILES * 22);
	for (int i = 0; i < FILES; i++) {
		snprintf(text, sizeof(text), "file %03d a\nfile %03d b\n", i, i);
		ck_assert_ptr_nonnull(strstr(r->text.p, text));
		ck_assert_uint_eq(r->set->files[i]->lines.head.cap, 0);
	}
	rig_close(r);
}
END_TEST

START_TEST(a_flood_in_one_file_does_not_hold_up_another)
{
	enum { FLOOD = 8 * 1024 * 1024 };
	struct rig *r = rig_open(START_BEGINNING, "log.*");
	char *flood = xmalloc(FLOOD);

	for (size_t i = 0; i < FLOOD; i++)
		flood[i] = i % 64 == 63 ? '\n' : 'f';
	rig_append(r, "log.a", (struct sv){flood, FLOOD});
	rig_say(r, "log.b", "small\n");
	rig_start(r);
	for (int i = 0; i < 3; i++)
		ev_turn(r->ev, true);
	ck_assert_ptr_nonnull(strstr(buf_str(&r->text), "small\n"));
	ck_assert_uint_lt(r->text.n, FLOOD);
	rig_turn(r);
	ck_assert_uint_eq(r->text.n, FLOOD + 6);
	free(flood);
	rig_close(r);
}
END_TEST

/* us: what the times of files are counted in, and more. */
#define TICK 8000

struct chance {
	unsigned state;
	int line;     /* written so far */
	int rotation;
	bool copies;  /* the file is copied and cut, else renamed */
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
		rig_say(r, c->writer, "\n");
		c->partial = false;
	}
	for (unsigned n = pick(c, 4); n > 0; n--) {
		snprintf(text, sizeof(text), "line %d\n", c->line++);
		rig_say(r, c->writer, text);
	}
	if (pick(c, 3) == 0) {
		snprintf(text, sizeof(text), "line %d", c->line++);
		rig_say(r, c->writer, text);
		c->partial = true;
	}
}

/* The committed position of the file that has the name ${name}, or ${none}. */
static uint64_t
committed_of(const struct rig *r, const char *name, uint64_t none)
{
	char *path = rig_path(r, name);
	struct source_id identity;
	uint64_t offset = none;

	if (source_identity_of(NULL, path, &identity) == 0)
		for (size_t i = 0; i < r->ncommitted; i++)
			if (strcmp(r->committed[i].stream, identity.text) == 0)
				offset = r->committed[i].offset;
	free(path);
	return offset;
}

static void
next_name(struct chance *c, char name[32])
{
	snprintf(name, 32, "log-%08d", 20260101 + ++c->rotation);
	usleep(TICK);
}

/* The writer goes on with the renamed file until it is told to reopen.  While the
 * state knows of none of the files nobody could tell after a restart what is new. */
static void
rotate(struct rig *r, struct chance *c)
{
	if (c->copies || strcmp(c->writer, "log") != 0 || r->ncommitted < 2)
		return;
	next_name(c, c->writer);
	rig_move(r, "log", c->writer);
}

/* As logrotate does once the writer has gone from a renamed file.  One that is known
 * but of which nothing is read has no content yet to be known again by. */
static void
compress_one(struct rig *r, struct chance *c)
{
	char name[32], *path;

	snprintf(name, sizeof(name), "log-%08d", 20260101 + 1 + (int)pick(c, 1 + (unsigned)c->rotation));
	path = rig_path(r, name);
	if (strcmp(c->writer, name) != 0 && access(path, F_OK) == 0 &&
	    committed_of(r, name, 1) > 0) {
		usleep(TICK);
		(pick(c, 2) == 0 ? rig_gzip : rig_zstd)(r, name);
		usleep(TICK);
	}
	free(path);
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
	rig_settle(r);
	if (r->set->paused || c->partial || strcmp(c->writer, "log") != 0)
		return;
	rig_commit(r);
	rig_cut(r, "log", 0);
	rig_settle(r);
	if (pick(c, 2) == 0) {
		write_some(r, c);
		rig_start(r); /* committed is a position of what was cut away */
		rig_settle(r);
	}
	rig_commit(r);
}

/* And at one when it would, were it not for the copy. */
static void
copy_and_cut(struct rig *r, struct chance *c)
{
	char name[32];

	if (!c->copies)
		return;
	rig_settle(r);
	if (r->set->paused || c->partial || strcmp(c->writer, "log") != 0)
		return;
	rig_commit(r);
	if (committed_of(r, "log", 0) == 0)
		return;
	write_some(r, c);
	if (c->partial)
		return;
	next_name(c, name);
	rig_copy(r, "log", name);
	rig_cut(r, "log", 0);
	write_some(r, c);
}

static void
step(struct rig *r, struct chance *c)
{
	switch (pick(c, 16)) {
	case 13:
		compress_one(r, c);
		break;
	case 14:
		copy_and_cut(r, c);
		break;
	case 0:
		rotate(r, c);
		break;
	case 1:
		reopen(c);
		break;
	case 2:
		rig_commit(r);
		break;
	case 3:
		rig_restart(r);
		break;
	case 4:
		rig_start(r);
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
		rig_settle(r);
		break;
	default:
		write_some(r, c);
		break;
	}
}

/* Whatever happens in whatever order, each line is in the state once. */
START_TEST(each_line_counts_once_whatever_happens)
{
	struct rig *r = rig_open(START_BEGINNING, "log");
	struct chance c = {.state = (unsigned)_i * 7919 + 1, .writer = "log", .copies = _i % 3 == 0};
	char *seen;
	int number, used;

	rig_say(r, "log", "");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	for (int i = 0; i < 150; i++) {
		rig_say(r, c.writer, "");
		/* With the writer gone from the renamed files they need not be waited for. */
		source_set_grace(r->set, strcmp(c.writer, "log") == 0 ? 0 : 1000000);
		step(r, &c);
	}
	if (c.partial)
		rig_say(r, c.writer, "\n");
	source_resume(r->set);
	r->pause_after = 0;
	rig_settle(r);
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
	rig_close(r);
}
END_TEST

/* ---- logs that are shifted: log, log.1, log.2.gz ------------------------------------- */

#define KEEP 99

struct shifted {
	struct chance c;
	bool stopped;   /* the daemon is */
	bool missing;   /* the log is renamed, and no other is there yet */
	unsigned delay; /* rotations until one is compressed */
	int mixed;      /* one rotation in so many copies and cuts; 0 = none */
};

static bool
exists(const struct rig *r, const char *name)
{
	char *path = rig_path(r, name);
	bool does = access(path, F_OK) == 0;

	free(path);
	return does;
}

static void
shift(struct rig *r, int keep)
{
	static const char *const ends[] = {"", ".gz", ".zst"};
	char from[32], to[32];

	for (int i = keep; i > 0; i--)
		for (size_t k = 0; k < 3; k++) {
			snprintf(from, sizeof(from), "log.%d%s", i, ends[k]);
			snprintf(to, sizeof(to), "log.%d%s", i + 1, ends[k]);
			if (exists(r, from))
				rig_move(r, from, to);
		}
}

/* Some keep the time of what they compress, some do not. */
static void
pack(struct rig *r, struct shifted *t)
{
	char name[32], packed[40], *path;

	snprintf(name, sizeof(name), "log.%u", t->delay);
	if (!exists(r, name) || pick(&t->c, 3) == 0)
		return;
	switch (pick(&t->c, 3)) {
	case 0:
		rig_zstd(r, name);
		break;
	case 1:
		rig_gzip(r, name);
		break;
	default:
		rig_gzip(r, name);
		snprintf(packed, sizeof(packed), "%s.gz", name);
		path = rig_path(r, packed);
		ck_assert_int_eq(utimensat(AT_FDCWD, path, NULL, 0), 0);
		free(path);
	}
}

static void
write_lines(struct rig *r, struct shifted *t)
{
	char text[32];

	if (t->missing)
		return;
	for (unsigned n = pick(&t->c, 4); n > 0; n--) {
		snprintf(text, sizeof(text), "line %d\n", t->c.line++);
		rig_say(r, "log", text);
	}
}

static void
come_again(struct rig *r, struct shifted *t)
{
	if (t->missing)
		rig_say(r, "log", "");
	t->missing = false;
	usleep(TICK);
}

/* At a moment when it loses nothing. */
static void
shift_copy(struct rig *r, struct shifted *t)
{
	if (t->stopped || t->missing || r->set->paused)
		return;
	rig_settle(r);
	rig_commit(r);
	write_lines(r, t);
	if (committed_of(r, "log", 0) == 0)
		return;
	usleep(TICK);
	shift(r, KEEP);
	rig_copy(r, "log", "log.1");
	rig_cut(r, "log", 0);
	usleep(TICK);
	rig_settle(r);
	pack(r, t);
}

static void
shift_rename(struct rig *r, struct shifted *t)
{
	if (t->missing)
		return;
	if (t->mixed > 0 && pick(&t->c, (unsigned)t->mixed) == 0) {
		shift_copy(r, t);
		return;
	}
	usleep(TICK);
	shift(r, KEEP);
	rig_move(r, "log", "log.1");
	t->missing = true;
	if (pick(&t->c, 4) == 0 && !t->stopped)
		rig_settle(r);
	if (pick(&t->c, 4) != 0)
		come_again(r, t);
	pack(r, t);
}

static void
shifted_step(struct rig *r, struct shifted *t)
{
	switch (pick(&t->c, 20)) {
	case 0:
	case 1:
	case 2:
	case 3:
		shift_rename(r, t);
		break;
	case 4:
		come_again(r, t);
		break;
	case 5:
		rig_stop(r);
		t->stopped = true;
		break;
	case 6:
		rig_stop(r);
		rig_create_set(r);
		source_set_grace(r->set, 0);
		rig_start(r);
		t->stopped = false;
		break;
	case 7:
	case 8:
	case 9:
		if (!t->stopped)
			rig_commit(r);
		break;
	case 10:
	case 11:
		if (!t->stopped)
			rig_settle(r);
		break;
	case 12:
	case 13:
		if (!t->stopped)
			ev_turn(r->ev, false);
		break;
	case 14:
		if (!t->stopped && pick(&t->c, 3) == 0)
			rig_start(r);
		break;
	case 15:
		if (!t->stopped)
			source_rescan_now(r->set);
		break;
	default:
		write_lines(r, t);
		break;
	}
}

static void
check_each_once(struct rig *r, int lines, const char *what)
{
	char *seen = xcalloc((size_t)lines + 1, 1);
	int number, used;

	for (const char *p = buf_str(&r->text); *p != '\0'; p += used) {
		ck_assert_msg(sscanf(p, "line %d%n", &number, &used) == 1, "no line: %s", p);
		ck_assert_msg(p[used++] == '\n', "not whole: %s", p);
		ck_assert_int_lt(number, lines);
		ck_assert_msg(!seen[number], "%s: line %d twice:\n%s", what, number, buf_str(&r->text));
		seen[number] = 1;
	}
	for (int i = 0; i < lines; i++)
		ck_assert_msg(seen[i], "%s: line %d lost", what, i);
	free(seen);
}

/* Killed and started again at any moment, and however often the log is rotated meanwhile. */
START_TEST(each_line_of_shifted_logs_counts_once)
{
	struct rig *r = rig_open(START_BEGINNING, _i % 2 == 0 ? "log" : "log*");
	struct shifted t = {.c.state = (unsigned)_i * 7919 + 3,
	    .delay = 1 + (unsigned)_i / 2 % 2,
	    .mixed = _i % 5 == 0 ? 3 : 0};

	source_set_grace(r->set, 0);
	rig_say(r, "log", "");
	rig_start(r);
	rig_settle(r);
	rig_commit(r);
	for (int i = 0; i < 150; i++)
		shifted_step(r, &t);
	come_again(r, &t);
	if (t.stopped) {
		rig_create_set(r);
		rig_start(r);
	}
	rig_finish(r);
	check_each_once(r, t.c.line, "at the end");
	ck_assert_msg(strstr(buf_str(&r->told), "lost") == NULL, "told: %s", buf_str(&r->told));
	rig_restart(r);
	rig_finish(r);
	check_each_once(r, t.c.line, "after one more start");
	rig_close(r);
}
END_TEST

static void
add(TCase *tc)
{
	tcase_add_test(tc, hundreds_of_files_are_followed_fairly);
	tcase_add_test(tc, a_flood_in_one_file_does_not_hold_up_another);
	tcase_add_loop_test(tc, each_line_counts_once_whatever_happens, 0, 60);
	/* Rewinds while generations that are not committed are compressed; a file that is
	 * cut, filled and not committed before a rewind. */
	tcase_add_loop_test(tc, each_line_counts_once_whatever_happens, 130, 131);
	tcase_add_loop_test(tc, each_line_counts_once_whatever_happens, 227, 232);
	tcase_add_loop_test(tc, each_line_of_shifted_logs_counts_once, 0, 20);
	/* A file is let go while what was made of it is compared with it; a rewind during a
	 * search; a copy that keeps its time; a copy found at a start. */
	tcase_add_loop_test(tc, each_line_of_shifted_logs_counts_once, 95, 97);
	tcase_add_loop_test(tc, each_line_of_shifted_logs_counts_once, 157, 158);
	tcase_add_loop_test(tc, each_line_of_shifted_logs_counts_once, 285, 286);
	/* What is sought has a name that the pattern matches; empty archives. */
	tcase_add_loop_test(tc, each_line_of_shifted_logs_counts_once, 315, 316);
	tcase_add_loop_test(tc, each_line_of_shifted_logs_counts_once, 688, 689);
}

int
main(void)
{
	return rig_main("source_random", add);
}
