/*
 * check_spool_crash: after a power cut, kill -9 or a crash at any point what was synced
 * comes out of the segments once.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spool_rig.h"
#include "util/xalloc.h"

/* ---- power cuts ------------------------------------------------------------------- */

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

/* ${_i}: with that many NUL bytes where data did not get to the disk. */
START_TEST(a_power_cut_at_any_byte_loses_nothing_that_was_synced)
{
	struct sp r;
	char *path;
	uint64_t safe;
	struct buf all;

	sp_open(&r, 64 * MIB);
	sp_add_and_sync(&r, 0, 5, 0);
	path = sp_segment(&r, 0);
	safe = sp_size(path);
	sp_add_and_sync(&r, 5, 2, 0);
	spool_close(&r.spool);
	all = sp_content(path);
	for (uint64_t size = safe; size <= all.n; size++) {
		sp_remove_segments(&r);
		write_file(path, buf_view(&all));
		cut(path, size, (uint64_t)_i);
		sp_start(&r, 64 * MIB);
		sp_add_and_sync(&r, 7, 1, 0);
		spool_close(&r.spool);
		sp_check_messages(&r, 5, 8);
	}
	buf_free(&all);
	free(path);
	sp_close(&r);
}
END_TEST

START_TEST(a_long_torn_tail_is_found)
{
	struct sp r;
	char *path;
	struct buf all;

	sp_open(&r, 64 * MIB);
	sp_add_and_sync(&r, 0, 1, 0);
	path = sp_segment(&r, 0);
	spool_close(&r.spool);
	all = sp_content(path);
	cut(path, all.n, 3 * MIB);
	sp_start(&r, 64 * MIB);
	ck_assert_uint_eq(spool_stats(r.spool)->held, all.n);
	sp_check_messages(&r, 1, 1);
	spool_close(&r.spool);
	cut(path, 0, 3 * MIB);
	sp_start(&r, 64 * MIB);
	ck_assert_uint_eq(sp_count(&r), 0);
	buf_free(&all);
	free(path);
	sp_close(&r);
}
END_TEST

/* ---- kills ------------------------------------------------------------------------ */

/* Take messages for ever, and say on ${fd} how many are safe. */
static void
take_and_tell(struct sp *r, int fd)
{
	unsigned i = 0;

	ck_assert_int_eq(setenv("TMPDIR", r->dir, 1), 0);
	r->ev = ev_new();
	sp_start(r, 8 * MIB);
	for (;;) {
		for (int k = 0; k < 20 && i + 1 < NUMBERS; k++)
			if (sp_add(r, i, 300))
				i++;
		sp_turn_until_synced(r);
		sp_commit(r, 2);
		ev_turn(r->ev, false);
		if (write(fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

/* The child dies by itself when ${point} is not NULL, or else after some messages. */
static unsigned
run_child(struct sp *r, const char *point, unsigned enough)
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
	struct sp r;
	unsigned safe;

	sp_open(&r, 64 * MIB);
	spool_close(&r.spool);
	for (unsigned enough = 20; enough < 2000; enough += 217) {
		safe = run_child(&r, NULL, enough);
		ck_assert_uint_ge(safe, enough);
		sp_start(&r, 64 * MIB);
		spool_close(&r.spool);
		sp_check_messages(&r, safe, safe + 20);
		sp_remove_segments(&r);
	}
	sp_close(&r);
}
END_TEST

#ifdef TRIAGED_CRASH_POINTS

/* Segments that were committed may be gone: there only that nothing came twice. */
START_TEST(a_crash_at_any_point_loses_nothing_that_was_synced)
{
	static const char *points[] = {
	    "spool-segment-created", "spool-written", "spool-synced", "spool-deleted"};
	struct sp r;

	sp_open(&r, 64 * MIB);
	spool_close(&r.spool);
	for (int n = 1; n <= 3; n++) {
		char *at = xasprintf("%s:%d", points[_i], n);
		unsigned *seen, safe = run_child(&r, at, 0);

		sp_start(&r, 64 * MIB);
		spool_close(&r.spool);
		seen = sp_read_all(&r);
		for (unsigned i = 0; i < NUMBERS; i++)
			if (seen[i] > (i < safe + 20 ? 1 : 0))
				ck_abort_msg("message %u came %u times", i, seen[i]);
		free(seen);
		sp_remove_segments(&r);
		free(at);
	}
	sp_close(&r);
}
END_TEST

#endif

static void
add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, a_power_cut_at_any_byte_loses_nothing_that_was_synced, 0, 2);
	tcase_add_test(tc, a_long_torn_tail_is_found);
	tcase_add_test(tc, kill_nine_loses_nothing_that_was_synced);
#ifdef TRIAGED_CRASH_POINTS
	tcase_add_loop_test(tc, a_crash_at_any_point_loses_nothing_that_was_synced, 0, 4);
#endif
}

int
main(void)
{
	return sp_run("spool_crash", add_tests);
}
