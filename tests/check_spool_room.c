/*
 * check_spool_room: a disk that fails or is full is waited for; segments go when they are
 * committed and old, or when their room is needed, and not before.
 */
#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "spool_rig.h"
#include "util/clock.h"

#define QUARTER_HOUR (15 * 60 * 1000)

/* ---- a disk that fails ------------------------------------------------------------ */

static bool
is_well(void *ctx)
{
	return ((struct sp *)ctx)->well > 0;
}

static bool
failed_twice(void *ctx)
{
	return spool_stats(((struct sp *)ctx)->spool)->failures >= 2;
}

static bool
has_room(void *ctx)
{
	return ((struct sp *)ctx)->rooms > 0;
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
	struct sp r;
	uint64_t size, part = 11 * (uint64_t)_i;
	char *path;

	sp_open(&r, 64 * MIB);
	sp_add_and_sync(&r, 0, 5, 0);
	path = sp_segment(&r, 0);
	size = sp_size(path);
	limit_files(size + part);
	for (unsigned i = 5; i < 10; i++)
		ck_assert(sp_add(&r, i, 0));
	rig_turn_until(r.ev, failed_twice, &r, SP_WAIT);
	ck_assert(!spool_is_synced(r.spool));
	ck_assert_uint_eq(r.denied, 1);
	ck_assert_uint_eq(sp_size(path), size + part);
	ck_assert(sp_add(&r, 10, 0));
	limit_files(RLIM_INFINITY);
	rig_turn_until(r.ev, is_well, &r, SP_WAIT);
	sp_turn_until_synced(&r);
	ck_assert_uint_eq(r.denied, 1);
	ck_assert_uint_eq(r.well, 1);
	ck_assert_uint_eq(r.lost, 0);
	sp_check_messages(&r, 11, 11);
	ck_assert_uint_eq(spool_stats(r.spool)->held, sp_size(path));
	free(path);
	sp_close(&r);
}
END_TEST

START_TEST(what_cannot_be_written_before_the_end_is_told)
{
	struct sp r;

	sp_open(&r, 64 * MIB);
	sp_add_and_sync(&r, 0, 5, 0);
	limit_files(0);
	for (unsigned i = 5; i < 12; i++)
		ck_assert(sp_add(&r, i, 0));
	spool_close(&r.spool);
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(r.kind, TROUBLE_FULL);
	ck_assert_uint_eq(r.lost, 7);
	sp_check_messages(&r, 5, 5);
	sp_close(&r);
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
	struct sp r;
	char *filler;
	unsigned n = 0;

	sp_new(&r);
	if (!mount_small(r.dir)) {
		fputs("not run: a file system of a small size cannot be mounted\n", stderr);
		sp_start(&r, MIB);
		sp_close(&r);
		return;
	}
	sp_start(&r, 32 * MIB);
	sp_add_and_sync(&r, 0, 10, 200);
	filler = fill(r.dir);
	for (n = 10; sp_add(&r, n, 1000); n++)
		ev_turn(r.ev, false);
	ck_assert_uint_lt(n, 20000);
	rig_turn_until(r.ev, failed_twice, &r, SP_WAIT);
	spool_lost(r.spool, TROUBLE_FULL, "udp:192.0.2.1", 1);
	ck_assert_uint_eq(r.denied, 1);
	ck_assert_int_eq(unlink(filler), 0);
	rig_turn_until(r.ev, has_room, &r, SP_WAIT);
	sp_turn_until_synced(&r);
	ck_assert_uint_eq(r.well, 1);
	ck_assert_uint_eq(r.rooms, 1);
	ck_assert_uint_eq(r.lost, 1);
	sp_check_messages(&r, n, n);
	spool_close(&r.spool);
	ck_assert_int_eq(umount(r.dir), 0);
	free(filler);
	sp_close(&r);
}
END_TEST

/* ---- room ------------------------------------------------------------------------- */

/* So few at once that what fills up is the spool, and not its memory on a slow disk. */
static bool
add_some(struct sp *r)
{
	for (int i = 0; i < 100; i++)
		if (!sp_add(r, 0, 200))
			return false;
	return true;
}

/* Fill it until it refuses and all is on disk. */
static void
fill_up(struct sp *r)
{
	bool taken;

	do {
		taken = add_some(r);
		sp_turn_until_synced(r);
	} while (taken);
}

struct removal {
	const struct spool *spool;
	const char *path;
	uint64_t held; /* before */
};

/* By the thread, and the spool knows it. */
static bool
is_removed(void *ctx)
{
	const struct removal *wait = ctx;

	return access(wait->path, F_OK) != 0 && spool_stats(wait->spool)->held < wait->held;
}

START_TEST(what_is_committed_makes_room)
{
	struct sp r;
	size_t n;

	sp_open(&r, 2 * MIB);
	fill_up(&r);
	n = sp_count(&r);
	ck_assert_uint_ge(n, 4);
	ck_assert_uint_le(spool_stats(r.spool)->held, 2 * MIB);
	ck_assert_uint_eq(r.rooms, 0);
	ck_assert(!sp_add(&r, 0, 10));
	for (size_t i = 0; i < n && r.rooms == 0; i++) {
		char *path = sp_segment(&r, 0);
		struct removal wait = {r.spool, path, spool_stats(r.spool)->held};

		spool_committed(r.spool, path, sp_size(path) - 1);
		ev_turn(r.ev, false);
		ck_assert_int_eq(access(path, F_OK), 0);
		spool_committed(r.spool, path, sp_size(path));
		rig_turn_until(r.ev, is_removed, &wait, SP_WAIT);
		free(path);
	}
	rig_turn_until(r.ev, has_room, &r, SP_WAIT);
	ck_assert_uint_gt(sp_count(&r), 1);
	ck_assert(sp_add(&r, 0, 10));
	ck_assert_uint_eq(r.rooms, 1);
	sp_close(&r);
}
END_TEST

static bool
is_comfortable(void *ctx)
{
	return spool_stats(((struct sp *)ctx)->spool)->held <= 2 * MIB * 3 / 4;
}

START_TEST(old_committed_segments_go_first)
{
	struct sp r;

	sp_open(&r, 2 * MIB);
	for (unsigned k = 0; k < 200; k++) {
		sp_add_and_sync(&r, 100 * k, 100, 200);
		sp_commit(&r, 0);
	}
	rig_turn_until(r.ev, is_comfortable, &r, SP_WAIT);
	ck_assert_uint_le(spool_stats(r.spool)->held, 2 * MIB * 3 / 4);
	ck_assert_uint_eq(r.rooms + r.gaps, 0);
	sp_close(&r);
}
END_TEST

static bool
only_newest_held(void *ctx)
{
	const struct sp *r = ctx;
	char *newest = sp_newest_segment(r);
	bool less = spool_stats(r->spool)->held == sp_size(newest);

	free(newest);
	return less;
}

START_TEST(what_is_committed_is_kept_for_a_while)
{
	struct sp r;
	char *oldest, *newest;

	clock_set_virtual(1900000000000);
	sp_open(&r, 64 * MIB);
	sp_add_and_sync(&r, 0, 3, 0);
	spool_close(&r.spool);
	sp_start(&r, 64 * MIB);
	sp_add_and_sync(&r, 3, 3, 0);
	oldest = sp_segment(&r, 0);
	newest = sp_segment(&r, 1);
	clock_set_virtual(0); /* long before the file was made */
	spool_committed(r.spool, oldest, sp_size(oldest));
	ev_turn(r.ev, false);
	ck_assert_uint_eq(sp_count(&r), 2);
	clock_set_virtual(1900000000000 + 2 * QUARTER_HOUR);
	spool_committed(r.spool, newest, sp_size(newest));
	spool_committed(r.spool, "/elsewhere/0000000000000000.log", 1);
	spool_committed(r.spool, r.segments, 1);
	ev_turn(r.ev, false);
	ck_assert_uint_eq(sp_count(&r), 2);
	spool_committed(r.spool, oldest, sp_size(oldest));
	rig_turn_until(r.ev, only_newest_held, &r, SP_WAIT);
	ck_assert_uint_eq(sp_count(&r), 1);
	ck_assert_int_eq(access(newest, F_OK), 0);
	free(oldest);
	free(newest);
	sp_close(&r);
}
END_TEST

START_TEST(a_position_that_went_back_keeps_its_segment)
{
	struct sp r;
	char *oldest;

	clock_set_virtual(1900000000000);
	sp_open(&r, 64 * MIB);
	sp_add_and_sync(&r, 0, 3, 0);
	spool_close(&r.spool);
	sp_start(&r, 64 * MIB);
	clock_set_virtual(0);
	sp_add_and_sync(&r, 3, 3, 0);
	oldest = sp_segment(&r, 0);
	spool_committed(r.spool, oldest, sp_size(oldest));
	spool_committed(r.spool, oldest, sp_size(oldest) - 1);
	clock_set_virtual(1900000000000 + 2 * QUARTER_HOUR);
	/* What may go is decided after a group and done before the next. */
	sp_add_and_sync(&r, 6, 3, 0);
	sp_add_and_sync(&r, 9, 3, 0);
	ck_assert_uint_eq(sp_count(&r), 2);
	sp_check_messages(&r, 12, 12);
	free(oldest);
	sp_close(&r);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, a_group_that_failed_is_written_once, 0, 9);
	tcase_add_test(tc, what_cannot_be_written_before_the_end_is_told);
	tcase_add_test(tc, a_full_disk_is_waited_for);
	tcase_add_test(tc, what_is_committed_makes_room);
	tcase_add_test(tc, old_committed_segments_go_first);
	tcase_add_test(tc, what_is_committed_is_kept_for_a_while);
	tcase_add_test(tc, a_position_that_went_back_keeps_its_segment);
}

int
main(void)
{
	return sp_run("spool_room", add_tests);
}
