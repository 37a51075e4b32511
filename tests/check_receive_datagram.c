/*
 * check_receive_datagram: messages that come in datagrams: whole, cut and told, dropped
 * and counted.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "receive_rig.h"
#include "rig.h"
#include "util/xalloc.h"

START_TEST(a_datagram_is_a_message)
{
	struct rx *r = rx_new();
	int fd = rx_serve(r, "udp");

	rx_puts(fd, "<13>one");
	rx_puts(fd, "<13>two\n");
	rx_puts(fd, "<13>thr\nee\r\n");
	rx_puts(fd, "\n");
	rx_put(fd, SV("<13>fo\0ur\0"));
	rx_wait_messages(r, 4);
	rx_stop(r);
	rx_check_spooled(r,
	    "udp:127.0.0.1 <13>one\n"
	    "udp:127.0.0.1 <13>two\n"
	    "udp:127.0.0.1 <13>thr#012ee\n"
	    "udp:127.0.0.1 <13>fo#000ur\n");
	close(fd);
	rx_free(r);
}
END_TEST

START_TEST(an_address_of_both_families_shows_ipv4)
{
	struct rx *r = rx_new();
	int fd;

	rx_listen(r, xasprintf("udp://[::]:%d", rx_port(r, SOCK_DGRAM)));
	rx_must_start(r);
	fd = rx_connect(r);
	rx_puts(fd, "four");
	rx_wait_messages(r, 1);
	rx_stop(r);
	rx_check_spooled(r, "udp:127.0.0.1 four\n");
	close(fd);
	rx_free(r);
}
END_TEST

START_TEST(the_largest_datagrams_come_whole_or_cut_and_told)
{
	static const size_t sizes[] = {1, MAX_MESSAGE, MAX_MESSAGE + 1, 65507};
	struct rx *r = rx_new();
	int fd = rx_serve(r, "udp");
	char *bytes = xmalloc(65507), *text;

	memset(bytes, 'x', 65507);
	for (size_t i = 0; i < 4; i++)
		rx_put(fd, (struct sv){bytes, sizes[i]});
	rx_wait_messages(r, 4);
	ck_assert_uint_eq(rx_status(r, 0)->bytes, 1 + 3 * MAX_MESSAGE);
	rx_stop(r);
	ck_assert_uint_eq(rx_times(r, TROUBLE_OVERSIZE), 1);
	text = xasprintf(
	    "2 messages were longer than max_line, %d bytes cut off", 1 + 65507 - MAX_MESSAGE);
	ck_assert_str_eq(rx_text(r), text);
	free(text);
	free(bytes);
	close(fd);
	rx_free(r);
}
END_TEST

/* After a drain: each of ${sent} messages is in the spool, or was counted and told. */
static void
check_all_counted(struct rx *r, size_t sent)
{
	const struct receive_status *st = rx_status(r, 0);

	ck_assert_uint_eq(st->messages + st->refused + st->dropped, sent);
	rx_quit(r);
	rx_check_all_told(r, sent, TROUBLE_DROPPED);
}

/* More than the socket can hold while nobody reads. */
START_TEST(drops_are_counted_exactly)
{
	struct rx *r = rx_new();
	int fd = rx_serve(r, "udp"), small = 4096;

	setsockopt(rx_socket(r)->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	rx_repeat(fd, 3000, "<13>Nov 22 09:00:00 gate doord[7]: door north: opened");
	rx_wait_trouble(r, TROUBLE_DROPPED);
	ck_assert_uint_gt(rx_lost(r, TROUBLE_DROPPED), 0);
	rx_repeat(fd, 3000, "<13>Nov 22 09:00:00 gate doord[7]: door north: opened");
	rx_drain(r);
	ck_assert_uint_eq(rx_status(r, 0)->refused, 0);
	check_all_counted(r, 6000);
	close(fd);
	rx_free(r);
}
END_TEST

START_TEST(a_peer_beyond_its_rate_is_dropped_and_counted)
{
	struct rx *r = rx_new();
	int fd;

	rx_conf(r)->peer_rate = 10;
	fd = rx_serve(r, "udp");
	rx_repeat(fd, 1000, "again");
	rx_drain(r);
	ck_assert_uint_ge(rx_status(r, 0)->messages, 10);
	ck_assert_uint_lt(rx_status(r, 0)->messages, 500);
	check_all_counted(r, 1000);
	close(fd);
	rx_free(r);
}
END_TEST

START_TEST(what_waits_in_a_socket_survives_a_change_of_configuration)
{
	struct rx *r = rx_new();
	int fd = rx_serve(r, "udp");

	rx_puts(fd, "before");
	rx_stop(r);
	rx_puts(fd, "between");
	rx_must_start(r);
	rx_puts(fd, "after");
	rx_wait_messages(r, 2);
	rx_stop(r);
	rx_check_spooled(r, "udp:127.0.0.1 before\nudp:127.0.0.1 between\nudp:127.0.0.1 after\n");
	close(fd);
	rx_free(r);
}
END_TEST

START_TEST(a_unix_datagram_has_the_uid_of_its_sender)
{
	struct rx *r = rx_new();
	char *path = rx_listen_path(r, "unixgram"), *want;
	struct stat st;
	int fd;

	rx_must_start(r);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	fd = rx_dial_unix(SOCK_DGRAM, path);
	rx_puts(fd, "<13>one\n");
	rx_puts(fd, "<13>two");
	rx_wait_messages(r, 2);
	rx_stop(r);
	want = xasprintf("unix:%u <13>one\nunix:%u <13>two\n", getuid(), getuid());
	rx_check_spooled(r, want);
	rx_forget_sockets(r);
	ck_assert_int_eq(access(path, F_OK), -1);
	free(want);
	free(path);
	close(fd);
	rx_free(r);
}
END_TEST

/* More than the spool holds in memory. */
START_TEST(a_drain_waits_for_the_disk)
{
	struct rx *r = rx_new();
	char line[700];
	int fd = rx_serve(r, "udp");

	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 20000; i++)
		rx_put(fd, (struct sv){line, sizeof(line)});
	rx_drain(r);
	ck_assert_uint_eq(rx_status(r, 0)->refused, 0);
	check_all_counted(r, 20000);
	close(fd);
	rx_free(r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("receive_datagram");
	TCase *tc = tcase_create("datagram");

	tcase_add_test(tc, a_datagram_is_a_message);
	tcase_add_test(tc, an_address_of_both_families_shows_ipv4);
	tcase_add_test(tc, the_largest_datagrams_come_whole_or_cut_and_told);
	tcase_add_test(tc, drops_are_counted_exactly);
	tcase_add_test(tc, a_peer_beyond_its_rate_is_dropped_and_counted);
	tcase_add_test(tc, what_waits_in_a_socket_survives_a_change_of_configuration);
	tcase_add_test(tc, a_unix_datagram_has_the_uid_of_its_sender);
	tcase_add_test(tc, a_drain_waits_for_the_disk);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
