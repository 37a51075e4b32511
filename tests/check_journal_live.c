/*
 * check_journal_live: a journald that is logged to, rotated, vacuumed and killed while it
 * is followed.
 *
 * It is run as root, in a mount namespace of its own with empty /run and /var/log, which
 * end with the test's process.
 */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "journal_rig.h"
#include "util/xalloc.h"

#define JOURNALD "/lib/systemd/systemd-journald"
#define SOCKET "/run/systemd/journal/io.systemd.journal"

/* ---- a journald --------------------------------------------------------------- */

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

/* Until it listens, which is later than its socket is there, nothing can be asked of it. */
static bool
is_listening(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected;

	ck_assert_int_ge(fd, 0);
	connected = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
	close(fd);
	return connected;
}

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
	while (!is_listening()) {
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
	return unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", "/run", "tmpfs", 0, NULL) == 0 &&
	    mount("none", "/var/log", "tmpfs", 0, NULL) == 0;
}

/* Another process logs the lines ${from} to ${to}, as ${uid}. */
static pid_t
log_lines(unsigned from, unsigned to, uid_t uid)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	if (setuid(uid) != 0)
		_exit(1);
	for (unsigned n = from; n <= to; n++)
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

/* ---- followed ----------------------------------------------------------------- */

struct live {
	pid_t journald;
	struct jr *r;
};

/* A journald, and its journal to be followed from the end. */
static void
begin(struct live *l)
{
	ck_assert(open_namespace());
	make_dirs();
	l->journald = spawn_journald();
	l->r = jr_open_where(START_END, "system");
}

/* The same, and where the end is has been found. */
static void
begin_followed(struct live *l)
{
	begin(l);
	jr_start(l->r);
	jr_until_known(l->r);
}

static void
end(struct live *l)
{
	kill(l->journald, SIGTERM);
	waitpid(l->journald, NULL, 0);
	jr_close(l->r);
}

static void
expect_none_lost(const struct live *l)
{
	ck_assert_msg(!jr_told(l->r, "lost"), "%s", buf_str(&l->r->troubles));
}

START_TEST(rotated_while_it_is_followed)
{
	const unsigned most = 6000;
	struct live l;
	pid_t writer;

	begin_followed(&l);
	writer = log_lines(1, most, 0);
	for (unsigned round = 1; round <= 8; round++) {
		jr_until_numbered(l.r, most / 10 * round);
		run("journalctl --rotate");
	}
	reap(writer);
	jr_until_numbered(l.r, most);
	jr_expect_range(l.r, 1, most);
	expect_none_lost(&l);
	end(&l);
}
END_TEST

/* The journal of a user is made when he first logs: his first entries must not be
 * missed because those after them were read already. */
START_TEST(journals_of_users_come_and_go)
{
	struct live l;

	begin_followed(&l);
	for (unsigned round = 0; round < 5; round++) {
		pid_t a = log_lines(1, 1000, 0), b = log_lines(1, 1000, 4000 + round);

		jr_until_numbered(l.r, 2000 * (round + 1));
		reap(a);
		reap(b);
	}
	ck_assert_uint_eq(l.r->nlines, 10000);
	expect_none_lost(&l);
	end(&l);
}
END_TEST

/* Delivered and told to be lost make up all there was. */
START_TEST(vacuumed_while_it_is_not_followed)
{
	struct live l;
	const char *lost;
	size_t delivered;

	begin(&l);
	reap(log_lines(1, 10, 0));
	run("journalctl --sync");
	jr_start(l.r);
	jr_until_known(l.r);
	reap(log_lines(11, 20, 0));
	jr_until_numbered(l.r, 10);
	jr_commit(l.r);
	source_journal_free(&l.r->journal);
	reap(log_lines(21, 520, 0));
	run("journalctl --rotate");
	run("journalctl --vacuum-files=1");
	reap(log_lines(521, 600, 0));
	run("journalctl --sync");
	jr_create(l.r);
	jr_start(l.r);
	jr_until_numbered(l.r, 90);
	delivered = l.r->nlines;
	ck_assert_uint_eq(delivered, 90);
	lost = strstr(buf_str(&l.r->troubles), "lost ");
	ck_assert_ptr_nonnull(lost);
	/* journald's own lines about all this are lost as well. */
	ck_assert_uint_ge(strtoul(lost + 5, NULL, 10), 500);
	ck_assert_uint_le(strtoul(lost + 5, NULL, 10), 520);
	end(&l);
}
END_TEST

START_TEST(journald_killed_while_it_is_followed)
{
	struct live l;

	begin_followed(&l);
	for (unsigned round = 0; round < 3; round++) {
		reap(log_lines(100 * round + 1, 100 * round + 100, 0));
		run("journalctl --sync");
		kill(l.journald, SIGKILL);
		waitpid(l.journald, NULL, 0);
		unlink(SOCKET);
		l.journald = spawn_journald();
	}
	jr_until_numbered(l.r, 300);
	jr_expect_range(l.r, 1, 300);
	expect_none_lost(&l);
	end(&l);
}
END_TEST

/* A container may forbid it. */
static bool
may_open_namespace(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(open_namespace() ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Each test in a process of its own, or the namespace would be the program's. */
static bool
can_run_journald(void)
{
	const char *forks = getenv("CK_FORK");

	return geteuid() == 0 && access(JOURNALD, X_OK) == 0 &&
	    access("/etc/machine-id", R_OK) == 0 && (forks == NULL || strcmp(forks, "no") != 0) &&
	    may_open_namespace();
}

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, rotated_while_it_is_followed);
	tcase_add_test(tc, journals_of_users_come_and_go);
	tcase_add_test(tc, vacuumed_while_it_is_not_followed);
	tcase_add_test(tc, journald_killed_while_it_is_followed);
}

int
main(void)
{
	Suite *suite;
	TCase *tc;

	if (!can_run_journald()) {
		fputs("needs root, " JOURNALD ", mounts of its own and a process for each test\n", stderr);
		return JR_SKIPPED;
	}
	suite = suite_create("journal_live");
	tc = tcase_create("journald");
	tcase_set_timeout(tc, 120);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
