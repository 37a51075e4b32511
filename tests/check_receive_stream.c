/*
 * check_receive_stream: connections: framing, draining, and what a change of the
 * configuration does to them.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "receive_rig.h"
#include "rig.h"
#include "util/xalloc.h"

START_TEST(both_framings_come_over_one_connection)
{
	struct rx *r = rx_new();
	int fd = rx_serve(r, "tcp");

	rx_puts(fd, "<13>one\n8 <13>two\n<13>three\r\n9 <13>\nfour54 <1 minute\n<13>unfinished");
	rx_wait_messages(r, 5);
	close(fd);
	rx_wait_connections(r, 0);
	rx_stop(r);
	rx_check_spooled(r,
	    "tcp:127.0.0.1 <13>one\n"
	    "tcp:127.0.0.1 <13>two\n"
	    "tcp:127.0.0.1 <13>three\n"
	    "tcp:127.0.0.1 <13>#012four\n"
	    "tcp:127.0.0.1 54 <1 minute\n"
	    "tcp:127.0.0.1 <13>unfinished\n");
	rx_free(r);
}
END_TEST

START_TEST(a_drain_takes_what_was_sent)
{
	struct rx *r = rx_new();
	int fd = rx_serve(r, "tcp"), late;

	rx_puts(fd, "one\n");
	rx_wait_messages(r, 1);
	rx_puts(fd, "two\nthree");
	late = rx_connect(r);
	rx_puts(late, "four\n");
	rx_stop(r);
	rx_check_closed(fd);
	rx_check_closed(late);
	ck_assert_uint_eq(rx_count_spooled(r), 4);
	rx_free(r);
}
END_TEST

START_TEST(a_change_leaves_connections_open)
{
	struct rx *r = rx_new();
	int fd = rx_serve(r, "tcp"), late;

	rx_puts(fd, "one\ntw");
	rx_wait_messages(r, 1);
	rx_puts(fd, "o\nthr");
	rx_stop_for_change(r);
	rx_puts(fd, "ee\n8 <13>fo");
	late = rx_connect(r);
	rx_puts(late, "late\n");
	rx_conf(r)->idle_timeout *= 2;
	rx_must_start(r);
	rx_puts(fd, "ur");
	rx_wait_messages(r, 4);
	ck_assert_uint_eq(rx_status(r, 0)->connections, 2);
	rx_stop(r);
	rx_check_closed(fd);
	rx_check_closed(late);
	ck_assert_uint_eq(rx_count_spooled(r), 5);
	ck_assert_uint_eq(rx_times(r, TROUBLE_FULL), 0);
	rx_free(r);
}
END_TEST

/* Limits count them as before. */
START_TEST(a_change_forgets_no_connection_of_a_peer)
{
	struct rx *r = rx_new();
	int fd, more;

	rx_conf(r)->peer_connections = 1;
	fd = rx_serve(r, "tcp");
	rx_puts(fd, "one\n");
	rx_wait_messages(r, 1);
	rx_stop_for_change(r);
	rx_must_start(r);
	more = rx_connect(r);
	rx_wait_refused(r, 1);
	rx_check_closed(more);
	rx_puts(fd, "two\n");
	rx_wait_messages(r, 1);
	close(fd);
	rx_wait_connections(r, 0);
	rx_stop(r);
	ck_assert_uint_eq(rx_count_spooled(r), 2);
	rx_free(r);
}
END_TEST

/* Somebody else may be let in now: who was, must show again who it is. */
START_TEST(a_change_of_who_is_let_in_closes_connections)
{
	struct rx *r = rx_new();
	int fd = rx_serve(r, "tcp");

	rx_puts(fd, "one\n");
	rx_wait_messages(r, 1);
	rx_puts(fd, "two\n");
	rx_conf(r)->tls.clients = TLS_NONE;
	receive_sockets_expect(rx_sockets(r), rx_conf(r), 1);
	rx_conf(r)->tls.clients = TLS_REQUIRED;
	rx_stop(r);
	rx_check_closed(fd);
	ck_assert_uint_eq(rx_count_spooled(r), 2);
	rx_free(r);
}
END_TEST

/* Another change came in between. */
START_TEST(connections_left_open_are_closed_when_the_terms_change_after_all)
{
	struct rx *r = rx_new();
	int fd = rx_serve(r, "tcp");

	rx_puts(fd, "one\ntw");
	rx_wait_messages(r, 1);
	rx_stop_for_change(r);
	rx_conf(r)->tls.clients = TLS_NONE;
	rx_must_start(r);
	rx_check_closed(fd);
	rx_stop(r);
	ck_assert_uint_eq(rx_count_spooled(r), 1);
	ck_assert_uint_eq(rx_lost(r, TROUBLE_FULL), 1);
	rx_free(r);
}
END_TEST

/* A stop comes while a change is under way. */
START_TEST(what_a_change_left_is_taken_in_by_a_stop)
{
	struct rx *r = rx_new();
	int fd = rx_serve(r, "tcp");

	rx_puts(fd, "one\n");
	rx_wait_messages(r, 1);
	receive_sockets_expect(rx_sockets(r), rx_conf(r), 1);
	receive_drain(rx_receive(r));
	rx_puts(fd, "two\nthree");
	receive_sockets_expect(rx_sockets(r), NULL, 0);
	rx_stop(r);
	rx_check_closed(fd);
	ck_assert_uint_eq(rx_count_spooled(r), 3);
	rx_free(r);
}
END_TEST

START_TEST(connections_that_nobody_comes_for_are_closed)
{
	struct rx *r = rx_new();
	int fd = rx_serve(r, "tcp");

	rx_puts(fd, "one\ntw");
	rx_wait_messages(r, 1);
	rx_stop_for_change(r);
	rx_forget_sockets(r);
	rx_check_closed(fd);
	rx_free(r);
}
END_TEST

START_TEST(a_frame_longer_than_a_line_is_cut_and_the_next_one_whole)
{
	struct rx *r = rx_new();
	int fd = rx_serve(r, "tcp");
	char *x = xmalloc(5000), *want;

	memset(x, 'x', 5000);
	rx_puts(fd, "<13>");
	rx_put(fd, (struct sv){x, 5000});
	rx_puts(fd, "\n<13>one\n5004 <13>");
	rx_put(fd, (struct sv){x, 5000});
	rx_puts(fd, "7 <13>two");
	rx_wait_messages(r, 4);
	rx_stop(r);
	x[MAX_MESSAGE - 4] = '\0';
	want = xasprintf(
	    "tcp:127.0.0.1 <13>%s\ntcp:127.0.0.1 <13>one\n"
	    "tcp:127.0.0.1 <13>%s\ntcp:127.0.0.1 <13>two\n",
	    x, x);
	rx_check_spooled(r, want);
	ck_assert_uint_gt(rx_times(r, TROUBLE_OVERSIZE), 0);
	rx_check_closed(fd);
	free(want);
	free(x);
	rx_free(r);
}
END_TEST

START_TEST(a_wrong_count_costs_the_connection_and_is_told)
{
	struct rx *r = rx_new();
	int fd = rx_serve(r, "tcp");
	char *x = xmalloc(5000);

	memset(x, 'x', 5000);
	rx_puts(fd, "7 <13>one");
	rx_put(fd, (struct sv){x, 5000});
	rx_wait_trouble(r, TROUBLE_MALFORMED);
	rx_check_closed(fd);
	rx_stop(r);
	ck_assert_uint_eq(rx_count_spooled(r), 2);
	free(x);
	rx_free(r);
}
END_TEST

START_TEST(a_unix_stream_has_the_uid_of_its_sender)
{
	struct rx *r = rx_new();
	char *path = rx_listen_path(r, "unix"), *want;
	int fd;

	rx_must_start(r);
	fd = rx_dial_unix(SOCK_STREAM, path);
	rx_puts(fd, "<13>one\n");
	rx_wait_messages(r, 1);
	rx_stop(r);
	want = xasprintf("unix:%u <13>one\n", getuid());
	rx_check_spooled(r, want);
	rx_check_closed(fd);
	free(want);
	free(path);
	rx_free(r);
}
END_TEST

START_TEST(a_stale_socket_file_is_replaced_and_a_served_one_is_not)
{
	struct rx *r = rx_new(), *other = rx_new();
	char *path = rx_listen_path(r, "unix");
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	rx_must_start(r);
	rx_listen(other, xasprintf("unix://%s", path));
	ck_assert(!rx_start(other));
	close(rx_dial_unix(SOCK_STREAM, path));
	free(path);
	rx_free(other);
	rx_free(r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("receive_stream");
	TCase *tc = tcase_create("stream");

	tcase_add_test(tc, both_framings_come_over_one_connection);
	tcase_add_test(tc, a_drain_takes_what_was_sent);
	tcase_add_test(tc, a_change_leaves_connections_open);
	tcase_add_test(tc, a_change_forgets_no_connection_of_a_peer);
	tcase_add_test(tc, a_change_of_who_is_let_in_closes_connections);
	tcase_add_test(tc, connections_left_open_are_closed_when_the_terms_change_after_all);
	tcase_add_test(tc, what_a_change_left_is_taken_in_by_a_stop);
	tcase_add_test(tc, connections_that_nobody_comes_for_are_closed);
	tcase_add_test(tc, a_frame_longer_than_a_line_is_cut_and_the_next_one_whole);
	tcase_add_test(tc, a_wrong_count_costs_the_connection_and_is_told);
	tcase_add_test(tc, a_unix_stream_has_the_uid_of_its_sender);
	tcase_add_test(tc, a_stale_socket_file_is_replaced_and_a_served_one_is_not);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
