/*
 * check_receive_local: FIFOs, standard input, sockets that systemd passes, and sockets
 * that cannot be made or have lost their file.
 */
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ev/ev.h"
#include "receive_rig.h"
#include "rig.h"
#include "util/xalloc.h"

#define PASSED 3

/* ---- FIFO and standard input ------------------------------------------------------------ */

START_TEST(writers_of_a_fifo_come_and_go)
{
	struct rx *r = rx_new();
	char *path = rx_listen_path(r, "fifo"), text[32];
	struct stat st;

	rx_must_start(r);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	for (size_t i = 1; i <= 20; i++) {
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		snprintf(text, sizeof(text), "%zu\n8 <13>%zu\n", i, i);
		rx_puts(fd, text);
		close(fd);
		rx_wait_messages(r, 2 * i);
	}
	rx_stop(r);
	rx_must_start(r);
	rx_stop(r);
	ck_assert_uint_eq(rx_count_spooled(r), 40);
	free(path);
	rx_free(r);
}
END_TEST

/* More than one read, and lines that go over its end. */
START_TEST(a_drain_takes_all_of_a_fifo)
{
	struct rx *r = rx_new();
	char *path = rx_listen_path(r, "fifo");
	struct buf all = BUF_INIT;
	int fd;

	for (int i = 0; i < 2000; i++)
		buf_printf(&all, "%0100d\n", i);
	rx_must_start(r);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	rx_put(fd, buf_view(&all));
	rx_stop(r);
	ck_assert_uint_eq(rx_count_spooled(r), 2000);
	buf_free(&all);
	free(path);
	close(fd);
	rx_free(r);
}
END_TEST

START_TEST(a_line_goes_on_over_a_change)
{
	struct rx *r = rx_new();
	char *path = rx_listen_path(r, "fifo");
	int fd;

	rx_must_start(r);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	rx_puts(fd, "one\ntw");
	rx_wait_messages(r, 1);
	rx_stop_for_change(r);
	rx_puts(fd, "o\nth");
	rx_must_start(r);
	rx_wait_messages(r, 1);
	rx_puts(fd, "ree\n");
	rx_wait_messages(r, 2);
	rx_stop(r);
	rx_check_spooled(r, "fifo: one\nfifo: two\nfifo: three\n");
	free(path);
	close(fd);
	rx_free(r);
}
END_TEST

static void
set_stdin(int fd)
{
	ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	close(fd);
}

START_TEST(standard_input_ends_and_its_source_is_gone)
{
	struct rx *r = rx_new();
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	set_stdin(ends[0]);
	rx_listen(r, xstrdup("stdin:"));
	rx_must_start(r);
	rx_puts(ends[1], "one\ntwo");
	close(ends[1]);
	rx_wait_trouble(r, TROUBLE_GONE);
	rx_stop(r);
	rx_check_spooled(r, "stdin: one\nstdin: two\n");
	rx_free(r);
}
END_TEST

START_TEST(standard_input_may_be_a_file)
{
	struct rx *r = rx_new();
	struct buf text = BUF_INIT;
	char *path;

	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "line %d\n", i);
	path = rig_file(rx_dir(r), "in", buf_str(&text));
	set_stdin(open(path, O_RDONLY | O_CLOEXEC));
	rx_listen(r, xstrdup("stdin:"));
	rx_must_start(r);
	rx_wait_trouble(r, TROUBLE_GONE);
	rx_stop(r);
	ck_assert_uint_eq(rx_count_spooled(r), 20000);
	buf_free(&text);
	free(path);
	rx_free(r);
}
END_TEST

/* ---- systemd --------------------------------------------------------------------------- */

/* Bind what a socket unit would, as descriptors 3 and up, which main() keeps free. */
static void
pass_socket(int *next, int type, const char *path, int *port)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sin);
	int fd = socket(path == NULL ? AF_INET : AF_UNIX, type, 0);

	if (path != NULL) {
		strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	} else {
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
		ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &n), 0);
		*port = ntohs(sin.sin_port);
	}
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 8), 0);
	if (fd != *next) {
		ck_assert_int_eq(dup2(fd, *next), *next);
		close(fd);
	}
	(*next)++;
}

static void
announce(const char *n, const char *names)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", n, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

START_TEST(sockets_of_systemd_are_read_and_stay_open)
{
	struct rx *r = rx_new();
	char *path = xasprintf("%s/passed", rx_dir(r));
	int next = 3, udp = 0, tcp = 0, fd;

	pass_socket(&next, SOCK_DGRAM, NULL, &udp);
	pass_socket(&next, SOCK_STREAM, NULL, &tcp);
	pass_socket(&next, SOCK_DGRAM, path, NULL);
	announce("3", "syslog:syslog:syslog");
	rx_listen(r, xstrdup("systemd:syslog"));
	rx_must_start(r);
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	fd = rx_dial(SOCK_DGRAM, udp);
	rx_puts(fd, "udp");
	close(fd);
	fd = rx_dial_unix(SOCK_DGRAM, path);
	rx_puts(fd, "gram");
	close(fd);
	fd = rx_dial(SOCK_STREAM, tcp);
	rx_puts(fd, "tcp\n");
	rx_wait_messages(r, 3);
	ck_assert_uint_eq(rx_nstatus(r), 3);
	rx_stop(r);
	ck_assert_uint_eq(rx_count_spooled(r), 3);
	rx_forget_sockets(r);
	ck_assert_int_eq(fcntl(3, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(access(path, F_OK), 0);
	free(path);
	rx_free(r);
}
END_TEST

/* The kernel's count goes on over our restarts; what it dropped while we were away is
 * told too. */
START_TEST(drops_of_a_socket_of_systemd_are_told_once)
{
	static const char line[] = "<13>Nov 22 09:00:00 gate doord[7]: door north: opened";
	struct rx *r = rx_new();
	int next = 3, small = 4096, port = 0, fd;

	pass_socket(&next, SOCK_DGRAM, NULL, &port);
	rx_listen(r, xstrdup("systemd:syslog"));
	fd = rx_dial(SOCK_DGRAM, port);
	for (int i = 0; i < 3; i++) {
		announce("1", "syslog");
		rx_must_start(r);
		setsockopt(3, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		rx_repeat(fd, 3000, line);
		rx_stop(r);
		rx_forget_sockets(r);
		rx_repeat(fd, 3000, line);
	}
	announce("1", "syslog");
	rx_must_start(r);
	rx_stop(r);
	rx_check_all_told(r, 3 * 6000, TROUBLE_DROPPED);
	close(fd);
	rx_free(r);
}
END_TEST

START_TEST(a_socket_whose_file_was_removed_is_made_anew)
{
	struct rx *r = rx_new();
	char *gram = rx_listen_path(r, "unixgram"), *fifo = rx_listen_path(r, "fifo");
	int fd;

	rx_must_start(r);
	fd = rx_dial_unix(SOCK_DGRAM, gram);
	rx_puts(fd, "one");
	close(fd);
	unlink(gram);
	unlink(fifo);
	while (access(gram, F_OK) != 0 || access(fifo, F_OK) != 0)
		ev_turn(rx_ev(r), true);
	fd = rx_dial_unix(SOCK_DGRAM, gram);
	rx_puts(fd, "two");
	close(fd);
	fd = open(fifo, O_WRONLY | O_CLOEXEC);
	rx_puts(fd, "three\n");
	close(fd);
	rx_wait_messages(r, 3);
	free(gram);
	free(fifo);
	rx_free(r);
}
END_TEST

START_TEST(what_cannot_be_bound_is_refused_as_a_whole)
{
	struct rx *r = rx_new();
	char *path = rx_listen_path(r, "unix");

	rx_listen(r, xstrdup("udp://192.0.2.77:5514"));
	ck_assert(!rx_start(r));
	ck_assert_int_eq(access(path, F_OK), -1);
	rx_unlisten(r);
	rx_listen(r, xstrdup("systemd:nobody"));
	ck_assert(!rx_start(r));
	rx_unlisten(r);
	rx_must_start(r);
	ck_assert_int_eq(access(path, F_OK), 0);
	free(path);
	rx_free(r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("receive_local");
	TCase *tc = tcase_create("local");

	/* Where systemd passes its sockets: a test puts some there. */
	for (int fd = 3; fd < 3 + PASSED; fd++)
		if (fcntl(fd, F_GETFD) < 0 && dup2(STDERR_FILENO, fd) < 0)
			abort();
	tcase_add_test(tc, writers_of_a_fifo_come_and_go);
	tcase_add_test(tc, a_drain_takes_all_of_a_fifo);
	tcase_add_test(tc, a_line_goes_on_over_a_change);
	tcase_add_test(tc, standard_input_ends_and_its_source_is_gone);
	tcase_add_test(tc, standard_input_may_be_a_file);
	tcase_add_test(tc, sockets_of_systemd_are_read_and_stay_open);
	tcase_add_test(tc, drops_of_a_socket_of_systemd_are_told_once);
	tcase_add_test(tc, a_socket_whose_file_was_removed_is_made_anew);
	tcase_add_test(tc, what_cannot_be_bound_is_refused_as_a_whole);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
