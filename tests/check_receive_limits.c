/*
 * check_receive_limits: too many connections, idle ones, peers that are too quick, no
 * descriptors, and a spool that is full.
 */
#include <check.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ev/ev.h"
#include "receive_rig.h"
#include "rig.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

START_TEST(a_flood_of_connections_leaves_the_others_theirs)
{
	struct rx *r = rx_new();
	int fd[5];

	rx_conf(r)->max_connections = 3;
	fd[0] = rx_serve(r, "tcp");
	for (size_t i = 1; i < 5; i++)
		fd[i] = rx_connect(r);
	for (size_t i = 0; i < 5; i++)
		rx_puts(fd[i], "one\n");
	rx_wait_messages(r, 3);
	rx_wait_refused(r, 2);
	ck_assert_uint_eq(rx_status(r, 0)->connections, 3);
	rx_check_closed(fd[3]);
	rx_check_closed(fd[4]);
	close(fd[0]);
	rx_wait_messages(r, 3);
	rx_wait_connections(r, 2);
	fd[3] = rx_connect(r);
	rx_puts(fd[3], "again\n");
	rx_wait_messages(r, 4);
	for (size_t i = 1; i < 4; i++)
		close(fd[i]);
	rx_free(r);
}
END_TEST

START_TEST(one_peer_has_no_more_than_its_connections)
{
	struct rx *r = rx_new();
	int fd[3];

	rx_conf(r)->peer_connections = 2;
	fd[0] = rx_serve(r, "tcp");
	fd[1] = rx_connect(r);
	fd[2] = rx_connect(r);
	rx_wait_refused(r, 1);
	rx_check_closed(fd[2]);
	ck_assert_uint_eq(rx_status(r, 0)->connections, 2);
	close(fd[0]);
	close(fd[1]);
	rx_free(r);
}
END_TEST

/* One that drips bytes is as idle as one that sends none. */
START_TEST(a_connection_without_messages_is_closed)
{
	struct rx *r = rx_new();
	int fd;

	rx_conf(r)->idle_timeout = 1000;
	fd = rx_serve(r, "tcp");
	rx_puts(fd, "half a line");
	rx_wait_connections(r, 1);
	do {
		(void)send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		ev_turn(rx_ev(r), true);
	} while (rx_status(r, 0)->connections > 0);
	rx_check_closed(fd);
	rx_stop(r);
	ck_assert_uint_eq(rx_count_spooled(r), 1);
	rx_free(r);
}
END_TEST

START_TEST(a_connection_beyond_its_rate_waits_and_loses_nothing)
{
	struct rx *r = rx_new();
	int fd;

	rx_conf(r)->peer_rate = 100;
	fd = rx_serve(r, "tcp");
	rx_repeat(fd, 120, "7 <13>one");
	rx_wait_messages(r, 100);
	ck_assert_uint_lt(rx_status(r, 0)->messages, 120);
	rx_wait_messages(r, 120);
	rx_stop(r);
	ck_assert_uint_eq(rx_count_spooled(r), 120);
	rx_check_closed(fd);
	rx_free(r);
}
END_TEST

START_TEST(without_descriptors_connections_wait)
{
	struct rx *r = rx_new();
	struct rlimit limit, none;
	int fd = rx_serve(r, "tcp");

	rx_puts(fd, "one\n");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)fd;
	log_open("check_receive", LOG_LEVEL_ERROR);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < 100; i++)
		ev_turn(rx_ev(r), false);
	ck_assert_uint_eq(rx_status(r, 0)->connections, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	rx_wait_messages(r, 1);
	close(fd);
	rx_free(r);
}
END_TEST

/* Tell the spool that Redis has all of it. */
static void
commit_all(struct rx *r)
{
	struct dirent **names;
	char *dir = receive_spool_dir(rx_dir(r), "net"), *path;
	int n = scandir(dir, &names, rx_is_segment, alphasort);
	struct stat st;

	ck_assert_int_ge(n, 0);
	for (int i = 0; i < n; i++) {
		path = xasprintf("%s/%s", dir, names[i]->d_name);
		if (stat(path, &st) == 0)
			receive_committed(rx_receive(r), path, (uint64_t)st.st_size);
		free(path);
		free(names[i]);
	}
	free(names);
	free(dir);
}

static bool
has_problem(void *ctx)
{
	return rx_status(ctx, 0)->problem != NULL;
}

/* Write what goes of ${all} without waiting. */
static void
push(int fd, const struct buf *all, size_t *sent)
{
	ssize_t n = send(fd, all->p + *sent, all->n - *sent, MSG_DONTWAIT);

	*sent += n > 0 ? (size_t)n : 0;
}

/* The spool takes no more: connections wait, and when there is room again nothing of
 * what they sent is missing. */
START_TEST(a_full_spool_makes_connections_wait)
{
	struct rx *r = rx_new();
	struct buf all = BUF_INIT;
	size_t sent = 0;
	int fd;

	for (int i = 0; i < 30000; i++)
		buf_printf(&all, "<13>%0700d\n", i);
	rx_conf(r)->spool_mib = 1;
	fd = rx_serve(r, "tcp");
	while (!has_problem(r)) {
		push(fd, &all, &sent);
		ev_turn(rx_ev(r), false);
	}
	ck_assert_uint_lt(sent, all.n);
	ck_assert_uint_lt(rx_status(r, 0)->messages, 1500);
	while (sent < all.n) {
		commit_all(r);
		push(fd, &all, &sent);
		ev_turn(rx_ev(r), false);
	}
	while (rx_status(r, 0)->messages < 30000) {
		commit_all(r);
		ev_turn(rx_ev(r), false);
	}
	ck_assert_uint_eq(rx_status(r, 0)->refused, 0);
	ck_assert_uint_eq(rx_times(r, TROUBLE_FULL), 0);
	buf_free(&all);
	close(fd);
	rx_free(r);
}
END_TEST

START_TEST(what_a_full_spool_leaves_out_is_counted_exactly)
{
	struct rx *r = rx_new();
	char line[700];
	int fd, small = 65536;
	size_t sent = 0, left = 0;
	struct receive_socket *socket;

	memset(line, 'x', sizeof(line));
	rx_conf(r)->spool_mib = 1;
	fd = rx_serve(r, "udp");
	socket = rx_socket(r);
	setsockopt(socket->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	while (rx_times(r, TROUBLE_FULL) == 0) {
		rx_put(fd, (struct sv){line, sizeof(line)});
		if (sent++ % 10 == 0)
			ev_turn(rx_ev(r), false);
		clock_update();
	}
	receive_drain(rx_receive(r));
	rx_quit(r);
	while (recv(socket->fd, line, sizeof(line), MSG_DONTWAIT) >= 0)
		left++;
	ck_assert_uint_eq(
	    rx_count_spooled(r) + rx_lost(r, TROUBLE_FULL) + rx_lost(r, TROUBLE_DROPPED) + left, sent);
	close(fd);
	rx_free(r);
}
END_TEST

/* Who logs to a unix socket is not to stop because of us. */
START_TEST(a_full_spool_does_not_stop_local_programs)
{
	struct rx *r = rx_new();
	char line[700], *path = rx_listen_path(r, "unixgram");
	uint64_t sent = 0;
	int fd;

	memset(line, 'x', sizeof(line));
	rx_conf(r)->spool_mib = 1;
	rx_must_start(r);
	fd = rx_dial_unix(SOCK_DGRAM, path);
	for (clock_update(); sent < 5000; ev_turn(rx_ev(r), false))
		sent += send(fd, line, sizeof(line), MSG_DONTWAIT) > 0;
	rx_wait_trouble(r, TROUBLE_FULL);
	receive_drain(rx_receive(r));
	ck_assert(!receive_is_idle(rx_receive(r)));
	rx_quit(r);
	rx_check_all_told(r, sent, TROUBLE_FULL);
	free(path);
	close(fd);
	rx_free(r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("receive_limits");
	TCase *tc = tcase_create("limits");

	tcase_add_test(tc, a_flood_of_connections_leaves_the_others_theirs);
	tcase_add_test(tc, one_peer_has_no_more_than_its_connections);
	tcase_add_test(tc, a_connection_without_messages_is_closed);
	tcase_add_test(tc, a_connection_beyond_its_rate_waits_and_loses_nothing);
	tcase_add_test(tc, without_descriptors_connections_wait);
	tcase_add_test(tc, a_full_spool_makes_connections_wait);
	tcase_add_test(tc, what_a_full_spool_leaves_out_is_counted_exactly);
	tcase_add_test(tc, a_full_spool_does_not_stop_local_programs);
	tcase_set_timeout(tc, 30);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
