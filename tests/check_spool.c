/*
 * check_spool: a message that was taken comes out of the segments once: after kill
 * -9, a power cut, a full disk; segments go when they are committed and old; what
 * was not taken is told.
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ev/ev.h"
#include "rig.h"
#include "spool/spool.h"
#include "spool/spool_line.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define WAIT 20000
#define MIB (1024 * 1024)
#define NUMBERS 100000 /* messages are "m" and a number below that */
#define QUARTER_HOUR (15 * 60 * 1000)

/* A spool and what it told. */
struct rig {
	struct ev *ev;
	struct spool *spool;
	char *dir, *segments;
	unsigned rooms, denied, well, gaps;
	uint64_t lost;
	enum trouble_kind kind; /* of the last gap */
	bool path;              /* it had one */
};

static void
got_room(void *ctx)
{
	((struct rig *)ctx)->rooms++;
}

static void
got_trouble(void *ctx, const struct trouble *t)
{
	struct rig *r = ctx;

	ck_assert_str_eq(t->source, "net");
	ck_assert_uint_gt(strlen(t->text), 0);
	if (t->kind == TROUBLE_DENIED) {
		r->denied++;
	} else if (t->kind == TROUBLE_WELL) {
		r->well++;
	} else {
		r->gaps++;
		r->lost += t->lost;
		r->kind = t->kind;
		r->path = t->path != NULL;
	}
}

static void
start(struct rig *r, uint64_t max_bytes)
{
	struct spool_conf conf = {
	    .source = "net", .dir = r->segments, .max_bytes = max_bytes, .max_line = 65536};
	struct spool_cb cb = {got_room, got_trouble};

	r->spool = spool_open(r->ev, &conf, &cb, r);
	ck_assert_ptr_nonnull(r->spool);
}

static void
rig_open(struct rig *r, uint64_t max_bytes)
{
	*r = (struct rig){.ev = ev_new(), .dir = rig_dir()};
	r->segments = xasprintf("%s/spool/net", r->dir);
	start(r, max_bytes);
}

static void
rig_close(struct rig *r)
{
	spool_close(&r->spool);
	ev_free(&r->ev);
	free(r->segments);
	rig_remove(&r->dir);
}

/* Message ${i}, with ${size} bytes at least. */
static bool
add(struct rig *r, unsigned i, size_t size)
{
	struct buf m = BUF_INIT;
	bool ok;

	buf_printf(&m, "m%u ", i);
	while (m.n < size)
		buf_putc(&m, (char)('a' + m.n % 26));
	ok = spool_add(r->spool, clock_now(), SV("udp:192.0.2.1"), buf_view(&m));
	buf_free(&m);
	return ok;
}

static bool
synced(void *ctx)
{
	return spool_is_synced(((struct rig *)ctx)->spool);
}

static void
turn_until_synced(struct rig *r)
{
	rig_turn_until(r->ev, synced, r, WAIT);
}

static void
add_and_sync(struct rig *r, unsigned from, unsigned n, size_t size)
{
	for (unsigned i = 0; i < n; i++)
		ck_assert(add(r, from + i, size));
	turn_until_synced(r);
}

static bool
full(void *ctx)
{
	return !add(ctx, 0, 200);
}

static bool
has_room(void *ctx)
{
	return ((struct rig *)ctx)->rooms > 0;
}

/* ---- what is on disk --------------------------------------------------------------- */

static int
is_segment(const struct dirent *e)
{
	return e->d_type == DT_REG && strlen(e->d_name) == 20 &&
	    strcmp(e->d_name + 16, ".log") == 0;
}

static size_t
list(const struct rig *r, struct dirent ***names)
{
	int n = scandir(r->segments, names, is_segment, alphasort);

	ck_assert_int_ge(n, 0);
	return (size_t)n;
}

static void
list_free(struct dirent **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static size_t
count(const struct rig *r)
{
	struct dirent **names;
	size_t n = list(r, &names);

	list_free(names, n);
	return n;
}

static char *
path_of(const struct rig *r, const struct dirent *e)
{
	return xasprintf("%s/%s", r->segments, e->d_name);
}

/* The path of segment ${i}, counted from the oldest, malloc()ed. */
static char *
segment(const struct rig *r, size_t i)
{
	struct dirent **names;
	size_t n = list(r, &names);
	char *path;

	ck_assert_uint_lt(i, n);
	path = path_of(r, names[i]);
	list_free(names, n);
	return path;
}

/* Listed once: the thread of the spool may remove others meanwhile. */
static char *
newest_segment(const struct rig *r)
{
	struct dirent **names;
	size_t n = list(r, &names);
	char *path;

	ck_assert_uint_gt(n, 0);
	path = path_of(r, names[n - 1]);
	list_free(names, n);
	return path;
}

static uint64_t
size_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return (uint64_t)st.st_size;
}

static struct buf
content(const char *path)
{
	struct buf b = BUF_INIT;
	FILE *f = fopen(path, "re");
	size_t got;

	ck_assert_ptr_nonnull(f);
	while ((got = fread(buf_reserve(&b, MIB), 1, MIB, f)) > 0)
		b.n += got;
	fclose(f);
	return b;
}

/* Count message numbers into ${seen}; all lines must be whole and intact. */
static void
read_lines(struct sv lines, unsigned *seen)
{
	while (lines.n > 0) {
		const char *newline = memchr(lines.p, '\n', lines.n);
		struct spool_line line;
		char number[16] = "";
		unsigned long i;
		struct sv one;

		one = (struct sv){lines.p, newline == NULL ? lines.n : (size_t)(newline - lines.p)};
		if (newline == NULL || !spool_line_intact(one) || !spool_line_parse(one, &line) ||
		    line.message.n < 3)
			ck_abort_msg("not a whole line: %.*s", SV_FMT(one));
		memcpy(number, line.message.p + 1, line.message.n > 15 ? 15 : line.message.n - 1);
		i = strtoul(number, NULL, 10);
		if (i >= NUMBERS)
			ck_abort_msg("not one of ours: %.*s", SV_FMT(one));
		seen[i]++;
		lines = sv_from(lines, one.n + 1);
	}
}

static unsigned *
read_all(const struct rig *r)
{
	unsigned *seen = xcalloc(NUMBERS, sizeof(*seen));

	for (size_t i = 0; i < count(r); i++) {
		char *path = segment(r, i);
		struct buf b = content(path);

		read_lines(buf_view(&b), seen);
		buf_free(&b);
		free(path);
	}
	return seen;
}

/* Messages below ${must} are there once, those below ${may} at most once, others not. */
static void
check_messages(const struct rig *r, unsigned must, unsigned may)
{
	unsigned *seen = read_all(r);

	for (unsigned i = 0; i < NUMBERS; i++)
		if ((i < must && seen[i] != 1) || seen[i] > (i < may ? 1 : 0))
			ck_abort_msg("message %u came %u times", i, seen[i]);
	free(seen);
}

/* ---- groups and segments ---------------------------------------------------------------- */

START_TEST(a_burst_is_one_group)
{
	struct rig r;
	struct stat st;
	char *path;

	rig_open(&r, 64 * MIB);
	ck_assert(spool_is_synced(r.spool));
	for (unsigned i = 0; i < 1000; i++)
		ck_assert(add(&r, i, 0));
	ck_assert(!spool_is_synced(r.spool));
	turn_until_synced(&r);
	ck_assert_uint_eq(spool_stats(r.spool)->syncs, 1);
	ck_assert_uint_eq(spool_stats(r.spool)->messages, 1000);
	check_messages(&r, 1000, 1000);
	path = segment(&r, 0);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_uint_eq(spool_stats(r.spool)->held, (uint64_t)st.st_size);
	ck_assert_int_eq(lstat(r.segments, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	free(path);
	rig_close(&r);
}
END_TEST

START_TEST(close_brings_all_to_disk)
{
	struct rig r;

	rig_open(&r, 64 * MIB);
	add_and_sync(&r, 0, 10, 0);
	for (unsigned i = 10; i < 20; i++)
		ck_assert(add(&r, i, 0));
	ev_turn(r.ev, false); /* a thread may be at work */
	for (unsigned i = 20; i < 30; i++)
		ck_assert(add(&r, i, 0));
	spool_close(&r.spool);
	check_messages(&r, 30, 30);
	ck_assert_uint_eq(r.gaps + r.denied, 0);
	rig_close(&r);
}
END_TEST

START_TEST(each_start_begins_a_segment)
{
	struct rig r;
	uint64_t before;
	char *path;

	rig_open(&r, 64 * MIB);
	add_and_sync(&r, 0, 3, 0);
	path = segment(&r, 0);
	before = size_of(path);
	spool_close(&r.spool);
	start(&r, 64 * MIB);
	ck_assert_uint_eq(count(&r), 1);
	ck_assert_uint_eq(spool_stats(r.spool)->held, before);
	add_and_sync(&r, 3, 3, 0);
	ck_assert_uint_eq(count(&r), 2);
	ck_assert_uint_eq(size_of(path), before);
	check_messages(&r, 6, 6);
	free(path);
	rig_close(&r);
}
END_TEST

START_TEST(a_clock_set_back_does_not_change_the_order)
{
	struct rig r;
	char *first, *again;

	rig_open(&r, 64 * MIB);
	clock_set_virtual(2000000000000);
	add_and_sync(&r, 0, 1, 0);
	first = segment(&r, 0);
	spool_close(&r.spool);
	clock_set_virtual(1000000000000);
	start(&r, 64 * MIB);
	add_and_sync(&r, 1, 1, 0);
	again = segment(&r, 0);
	ck_assert_str_eq(first, again);
	ck_assert_uint_eq(count(&r), 2);
	free(first);
	free(again);
	rig_close(&r);
}
END_TEST

START_TEST(a_directory_is_of_one_spool)
{
	struct rig r;
	struct spool_conf conf = {.source = "net", .max_bytes = MIB, .max_line = 256};
	struct spool_cb cb = {got_room, got_trouble};

	rig_open(&r, MIB);
	conf.dir = r.segments;
	ck_assert_ptr_null(spool_open(r.ev, &conf, &cb, &r));
	conf.dir = "/proc/no such directory";
	ck_assert_ptr_null(spool_open(r.ev, &conf, &cb, &r));
	rig_close(&r);
}
END_TEST

START_TEST(what_is_no_segment_is_left_alone)
{
	struct rig r;
	char *target, *link, *other;

	rig_open(&r, MIB);
	spool_close(&r.spool);
	target = rig_file(r.dir, "target", "without a newline");
	link = xasprintf("%s/0000000000000001.log", r.segments);
	ck_assert_int_eq(symlink(target, link), 0);
	other = rig_file(r.segments, "note.txt", "also without");
	start(&r, MIB);
	ck_assert_uint_eq(spool_stats(r.spool)->held, 0);
	ck_assert_uint_eq(size_of(target), 17);
	ck_assert_uint_eq(size_of(other), 12);
	free(target);
	free(link);
	free(other);
	rig_close(&r);
}
END_TEST

START_TEST(a_segment_that_was_removed_takes_no_more)
{
	struct rig r;
	char *path;

	rig_open(&r, 64 * MIB);
	add_and_sync(&r, NUMBERS - 1, 1, 0);
	path = segment(&r, 0);
	ck_assert_int_eq(unlink(path), 0);
	add_and_sync(&r, 0, 1, 0);
	check_messages(&r, 1, 1);
	free(path);
	rig_close(&r);
}
END_TEST

START_TEST(a_long_message_is_cut_and_told)
{
	struct rig r;
	char *path, *nuls = xcalloc(1, 40000);
	struct buf b;

	rig_open(&r, 64 * MIB);
	ck_assert(add(&r, 0, 100000));
	ck_assert(spool_add(r.spool, 1, SV("udp:192.0.2.1"), (struct sv){nuls, 40000}));
	turn_until_synced(&r);
	ck_assert_int_eq(r.kind, TROUBLE_OVERSIZE);
	spool_close(&r.spool);
	ck_assert_uint_eq(r.lost, 2);
	path = segment(&r, 0);
	b = content(path);
	for (struct sv left = buf_view(&b); left.n > 0;) {
		size_t n = (size_t)((char *)memchr(left.p, '\n', left.n) - left.p);

		ck_assert_uint_le(n, 65536);
		ck_assert_uint_gt(n, 65000);
		ck_assert(spool_line_intact((struct sv){left.p, n}));
		left = sv_from(left, n + 1);
	}
	buf_free(&b);
	free(nuls);
	free(path);
	rig_close(&r);
}
END_TEST

/* ---- power cuts and kills ------------------------------------------------------------------ */

static void
cut(const char *path, uint64_t size, uint64_t zeros)
{
	ck_assert_int_eq(truncate(path, (off_t)size), 0);
	ck_assert_int_eq(truncate(path, (off_t)(size + zeros)), 0);
}

static void
write_file(const char *path, struct sv data)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data.p, data.n), (ssize_t)data.n);
	close(fd);
}

static void
remove_segments(const struct rig *r)
{
	while (count(r) > 0) {
		char *path = segment(r, 0);

		ck_assert_int_eq(unlink(path), 0);
		free(path);
	}
}

/* ${_i}: with that many NUL bytes where data did not get to the disk. */
START_TEST(a_power_cut_at_any_byte_loses_nothing_that_was_synced)
{
	struct rig r;
	char *path;
	uint64_t safe;
	struct buf all;

	rig_open(&r, 64 * MIB);
	add_and_sync(&r, 0, 5, 0);
	path = segment(&r, 0);
	safe = size_of(path);
	add_and_sync(&r, 5, 2, 0);
	spool_close(&r.spool);
	all = content(path);
	for (uint64_t size = safe; size <= all.n; size++) {
		remove_segments(&r);
		write_file(path, buf_view(&all));
		cut(path, size, (uint64_t)_i);
		start(&r, 64 * MIB);
		add_and_sync(&r, 7, 1, 0);
		spool_close(&r.spool);
		check_messages(&r, 5, 8);
	}
	buf_free(&all);
	free(path);
	rig_close(&r);
}
END_TEST

START_TEST(a_long_torn_tail_is_found)
{
	struct rig r;
	char *path;
	struct buf all;

	rig_open(&r, 64 * MIB);
	add_and_sync(&r, 0, 1, 0);
	path = segment(&r, 0);
	spool_close(&r.spool);
	all = content(path);
	cut(path, all.n, 3 * MIB);
	start(&r, 64 * MIB);
	ck_assert_uint_eq(spool_stats(r.spool)->held, all.n);
	check_messages(&r, 1, 1);
	spool_close(&r.spool);
	cut(path, 0, 3 * MIB);
	start(&r, 64 * MIB);
	ck_assert_uint_eq(count(&r), 0);
	buf_free(&all);
	free(path);
	rig_close(&r);
}
END_TEST

/* Take messages for ever, and say on ${fd} how many are safe. */
static void
take_and_tell(struct rig *r, int fd)
{
	unsigned i = 0;

	ck_assert_int_eq(setenv("TMPDIR", r->dir, 1), 0);
	r->ev = ev_new();
	start(r, 8 * MIB);
	for (;;) {
		for (int k = 0; k < 20 && i + 1 < NUMBERS; k++)
			if (add(r, i, 300))
				i++;
		turn_until_synced(r);
		if (count(r) > 2) {
			char *path = segment(r, 0);

			spool_committed(r->spool, path, size_of(path));
			free(path);
		}
		ev_turn(r->ev, false);
		if (write(fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

/* The child dies by itself when ${point} is not NULL, or else after some messages. */
static unsigned
run_child(struct rig *r, const char *point, unsigned enough)
{
	unsigned safe = 0, got;
	int fds[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(fds[0]);
		if (point != NULL)
			setenv("TRIAGED_CRASH_AT", point, 1);
		take_and_tell(r, fds[1]);
	}
	close(fds[1]);
	while ((point != NULL || safe < enough) && read(fds[0], &got, sizeof(got)) == sizeof(got))
		safe = got;
	kill(pid, SIGKILL);
	while (read(fds[0], &got, sizeof(got)) == sizeof(got))
		safe = got;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	close(fds[0]);
	return safe;
}

START_TEST(kill_nine_loses_nothing_that_was_synced)
{
	struct rig r;
	unsigned safe;

	rig_open(&r, 64 * MIB);
	spool_close(&r.spool);
	for (unsigned enough = 20; enough < 2000; enough += 217) {
		safe = run_child(&r, NULL, enough);
		ck_assert_uint_ge(safe, enough);
		start(&r, 64 * MIB);
		spool_close(&r.spool);
		check_messages(&r, safe, safe + 20);
		remove_segments(&r);
	}
	rig_close(&r);
}
END_TEST

#ifdef TRIAGED_CRASH_POINTS

/* Segments that were committed may be gone: there only that nothing came twice. */
START_TEST(a_crash_at_any_point_loses_nothing_that_was_synced)
{
	static const char *points[] = {
	    "spool-segment-created", "spool-written", "spool-synced", "spool-deleted"};
	struct rig r;

	rig_open(&r, 64 * MIB);
	spool_close(&r.spool);
	for (int n = 1; n <= 3; n++) {
		char *at = xasprintf("%s:%d", points[_i], n);
		unsigned *seen, safe = run_child(&r, at, 0);

		start(&r, 64 * MIB);
		spool_close(&r.spool);
		seen = read_all(&r);
		for (unsigned i = 0; i < NUMBERS; i++)
			if (seen[i] > (i < safe + 20 ? 1 : 0))
				ck_abort_msg("message %u came %u times", i, seen[i]);
		free(seen);
		remove_segments(&r);
		free(at);
	}
	rig_close(&r);
}
END_TEST

#endif

/* ---- a disk that fails ------------------------------------------------------------------------ */

static bool
is_well(void *ctx)
{
	return ((struct rig *)ctx)->well > 0;
}

static bool
failed_twice(void *ctx)
{
	return spool_stats(((struct rig *)ctx)->spool)->failures >= 2;
}

static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* ${_i}: how far the write gets before it fails, in steps of 11 bytes. */
START_TEST(a_group_that_failed_is_written_once)
{
	struct rig r;
	uint64_t size, part = 11 * (uint64_t)_i;
	char *path;

	rig_open(&r, 64 * MIB);
	add_and_sync(&r, 0, 5, 0);
	path = segment(&r, 0);
	size = size_of(path);
	limit_files(size + part);
	for (unsigned i = 5; i < 10; i++)
		ck_assert(add(&r, i, 0));
	rig_turn_until(r.ev, failed_twice, &r, WAIT);
	ck_assert(!spool_is_synced(r.spool));
	ck_assert_uint_eq(r.denied, 1);
	ck_assert_uint_eq(size_of(path), size + part);
	ck_assert(add(&r, 10, 0));
	limit_files(RLIM_INFINITY);
	rig_turn_until(r.ev, is_well, &r, WAIT);
	turn_until_synced(&r);
	ck_assert_uint_eq(r.denied, 1);
	ck_assert_uint_eq(r.well, 1);
	ck_assert_uint_eq(r.lost, 0);
	check_messages(&r, 11, 11);
	ck_assert_uint_eq(spool_stats(r.spool)->held, size_of(path));
	free(path);
	rig_close(&r);
}
END_TEST

START_TEST(what_cannot_be_written_before_the_end_is_told)
{
	struct rig r;

	rig_open(&r, 64 * MIB);
	add_and_sync(&r, 0, 5, 0);
	limit_files(0);
	for (unsigned i = 5; i < 12; i++)
		ck_assert(add(&r, i, 0));
	spool_close(&r.spool);
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(r.kind, TROUBLE_FULL);
	ck_assert_uint_eq(r.lost, 7);
	check_messages(&r, 5, 5);
	rig_close(&r);
}
END_TEST

static char *
fill(const char *dir)
{
	char *path = rig_file(dir, "filler", ""), zeros[4096] = {0};
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	close(fd);
	return path;
}

/* For this process alone, so that it goes with it. */
static bool
mount_small(const char *dir)
{
	return unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("tmpfs", dir, "tmpfs", 0, "size=16m") == 0;
}

/* Memory is bounded meanwhile, and all that was taken comes out in the end. */
START_TEST(a_full_disk_is_waited_for)
{
	struct rig r = {.ev = ev_new(), .dir = rig_dir()};
	char *filler;
	unsigned n = 0;

	r.segments = xasprintf("%s/spool/net", r.dir);
	if (!mount_small(r.dir)) {
		fputs("not run: a file system of a small size cannot be mounted\n", stderr);
		start(&r, MIB);
		rig_close(&r);
		return;
	}
	start(&r, 32 * MIB);
	add_and_sync(&r, 0, 10, 200);
	filler = fill(r.dir);
	for (n = 10; add(&r, n, 1000); n++)
		ev_turn(r.ev, false);
	ck_assert_uint_lt(n, 20000);
	rig_turn_until(r.ev, failed_twice, &r, WAIT);
	spool_lost(r.spool, TROUBLE_FULL, "udp:192.0.2.1", 1);
	ck_assert_uint_eq(r.denied, 1);
	ck_assert_int_eq(unlink(filler), 0);
	rig_turn_until(r.ev, has_room, &r, WAIT);
	turn_until_synced(&r);
	ck_assert_uint_eq(r.well, 1);
	ck_assert_uint_eq(r.rooms, 1);
	ck_assert_uint_eq(r.lost, 1);
	check_messages(&r, n, n);
	spool_close(&r.spool);
	ck_assert_int_eq(umount(r.dir), 0);
	free(filler);
	rig_close(&r);
}
END_TEST

/* ---- room ---------------------------------------------------------------------------------------- */

/* Fill it until it refuses and all is on disk. */
static void
fill_up(struct rig *r)
{
	rig_turn_until(r->ev, full, r, WAIT);
	turn_until_synced(r);
}

START_TEST(what_is_committed_makes_room)
{
	struct rig r;
	size_t n;

	rig_open(&r, 2 * MIB);
	fill_up(&r);
	n = count(&r);
	ck_assert_uint_ge(n, 4);
	ck_assert_uint_le(spool_stats(r.spool)->held, 2 * MIB);
	ck_assert_uint_eq(r.rooms, 0);
	ck_assert(!add(&r, 0, 10));
	for (size_t i = 0; i < n && r.rooms == 0; i++) {
		char *path = segment(&r, 0);

		spool_committed(r.spool, path, size_of(path) - 1);
		ev_turn(r.ev, false);
		ck_assert_int_eq(access(path, F_OK), 0);
		spool_committed(r.spool, path, size_of(path));
		while (access(path, F_OK) == 0)
			ev_turn(r.ev, true);
		ev_turn(r.ev, false);
		free(path);
	}
	rig_turn_until(r.ev, has_room, &r, WAIT);
	ck_assert_uint_gt(count(&r), 1);
	ck_assert(add(&r, 0, 10));
	ck_assert_uint_eq(r.rooms, 1);
	rig_close(&r);
}
END_TEST

START_TEST(old_committed_segments_go_first)
{
	struct rig r;

	rig_open(&r, 2 * MIB);
	for (unsigned k = 0; k < 200; k++) {
		char *path;

		add_and_sync(&r, 100 * k, 100, 200);
		for (size_t i = 0; i < count(&r); i++) {
			path = segment(&r, i);
			spool_committed(r.spool, path, size_of(path));
			free(path);
		}
	}
	ck_assert_uint_le(spool_stats(r.spool)->held, 2 * MIB * 3 / 4);
	ck_assert_uint_eq(r.rooms + r.gaps, 0);
	rig_close(&r);
}
END_TEST

static bool
only_newest_held(void *ctx)
{
	const struct rig *r = ctx;
	char *newest = newest_segment(r);
	bool less = spool_stats(r->spool)->held == size_of(newest);

	free(newest);
	return less;
}

START_TEST(what_is_committed_is_kept_for_a_while)
{
	struct rig r;
	char *oldest, *newest;

	clock_set_virtual(1900000000000);
	rig_open(&r, 64 * MIB);
	add_and_sync(&r, 0, 3, 0);
	spool_close(&r.spool);
	start(&r, 64 * MIB);
	add_and_sync(&r, 3, 3, 0);
	oldest = segment(&r, 0);
	newest = segment(&r, 1);
	clock_set_virtual(0); /* long before the file was made */
	spool_committed(r.spool, oldest, size_of(oldest));
	ev_turn(r.ev, false);
	ck_assert_uint_eq(count(&r), 2);
	clock_set_virtual(1900000000000 + 2 * QUARTER_HOUR);
	spool_committed(r.spool, newest, size_of(newest));
	spool_committed(r.spool, "/elsewhere/0000000000000000.log", 1);
	spool_committed(r.spool, r.segments, 1);
	ev_turn(r.ev, false);
	ck_assert_uint_eq(count(&r), 2);
	spool_committed(r.spool, oldest, size_of(oldest));
	rig_turn_until(r.ev, only_newest_held, &r, WAIT);
	ck_assert_uint_eq(count(&r), 1);
	ck_assert_int_eq(access(newest, F_OK), 0);
	free(oldest);
	free(newest);
	rig_close(&r);
}
END_TEST

START_TEST(a_position_that_went_back_keeps_its_segment)
{
	struct rig r;
	char *oldest;

	clock_set_virtual(1900000000000);
	rig_open(&r, 64 * MIB);
	add_and_sync(&r, 0, 3, 0);
	spool_close(&r.spool);
	start(&r, 64 * MIB);
	clock_set_virtual(0);
	add_and_sync(&r, 3, 3, 0);
	oldest = segment(&r, 0);
	spool_committed(r.spool, oldest, size_of(oldest));
	spool_committed(r.spool, oldest, size_of(oldest) - 1);
	clock_set_virtual(1900000000000 + 2 * QUARTER_HOUR);
	/* What may go is decided after a group and done before the next. */
	add_and_sync(&r, 6, 3, 0);
	add_and_sync(&r, 9, 3, 0);
	ck_assert_uint_eq(count(&r), 2);
	check_messages(&r, 12, 12);
	free(oldest);
	rig_close(&r);
}
END_TEST

/* ---- what was not taken ------------------------------------------------------------------------------ */

START_TEST(what_was_not_taken_is_summed_up)
{
	struct rig r;

	rig_open(&r, MIB);
	spool_lost(r.spool, TROUBLE_DROPPED, "udp:0.0.0.0:514", 3);
	ck_assert_uint_eq(r.gaps, 1);
	ck_assert_uint_eq(r.lost, 3);
	ck_assert_int_eq(r.kind, TROUBLE_DROPPED);
	ck_assert(r.path);
	for (int i = 0; i < 1000; i++)
		spool_lost(r.spool, TROUBLE_DROPPED, i % 2 ? "udp:a" : "udp:b", 2);
	spool_lost(r.spool, TROUBLE_DROPPED, NULL, 0);
	ck_assert_uint_lt(r.gaps, 100);
	spool_lost(r.spool, TROUBLE_FULL, NULL, 5);
	ck_assert_int_eq(r.kind, TROUBLE_FULL);
	spool_close(&r.spool);
	ck_assert_uint_eq(r.lost, 2008);
	ck_assert(!r.path);
	rig_close(&r);
}
END_TEST

static bool
all_told(void *ctx)
{
	return ((struct rig *)ctx)->lost == 3;
}

START_TEST(the_sum_is_told_without_another_loss)
{
	struct rig r;

	rig_open(&r, MIB);
	spool_lost(r.spool, TROUBLE_FULL, "tcp:192.0.2.1", 1);
	spool_lost(r.spool, TROUBLE_FULL, "tcp:192.0.2.1", 2);
	rig_turn_until(r.ev, all_told, &r, WAIT);
	ck_assert(r.path);
	rig_close(&r);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, a_burst_is_one_group);
	tcase_add_test(tc, close_brings_all_to_disk);
	tcase_add_test(tc, each_start_begins_a_segment);
	tcase_add_test(tc, a_clock_set_back_does_not_change_the_order);
	tcase_add_test(tc, a_directory_is_of_one_spool);
	tcase_add_test(tc, what_is_no_segment_is_left_alone);
	tcase_add_test(tc, a_segment_that_was_removed_takes_no_more);
	tcase_add_test(tc, a_long_message_is_cut_and_told);
	tcase_add_loop_test(tc, a_power_cut_at_any_byte_loses_nothing_that_was_synced, 0, 2);
	tcase_add_test(tc, a_long_torn_tail_is_found);
	tcase_add_test(tc, kill_nine_loses_nothing_that_was_synced);
#ifdef TRIAGED_CRASH_POINTS
	tcase_add_loop_test(tc, a_crash_at_any_point_loses_nothing_that_was_synced, 0, 4);
#endif
	tcase_add_loop_test(tc, a_group_that_failed_is_written_once, 0, 9);
	tcase_add_test(tc, what_cannot_be_written_before_the_end_is_told);
	tcase_add_test(tc, a_full_disk_is_waited_for);
	tcase_add_test(tc, what_is_committed_makes_room);
	tcase_add_test(tc, old_committed_segments_go_first);
	tcase_add_test(tc, what_is_committed_is_kept_for_a_while);
	tcase_add_test(tc, a_position_that_went_back_keeps_its_segment);
	tcase_add_test(tc, what_was_not_taken_is_summed_up);
	tcase_add_test(tc, the_sum_is_told_without_another_loss);
}

int
main(void)
{
	Suite *suite = suite_create("spool");
	TCase *tc = tcase_create("spool");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
