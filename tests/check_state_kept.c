/*
 * check_state_kept: what a real redis-server keeps of a daemon: positions move with their
 * effects, messages stay until they are delivered, and losing Redis loses nothing.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rig.h"
#include "state_rig.h"
#include "util/xalloc.h"

START_TEST(positions_move_with_their_effects_and_survive)
{
	struct half h;
	struct position pos = {.stream = "1:2:3:4", .path = "/var/log/a b.log", .offset = 4242};

	half_begin(&h);
	ck_assert_uint_eq(h.npositions, 0);
	correlate_position(h.correlator, &pos);
	half_commit(&h);

	half_reopen(&h);
	ck_assert_uint_eq(h.npositions, 1);
	ck_assert_uint_eq(h.offset, 4242);
	pos.done = true;
	correlate_position(h.correlator, &pos);
	half_commit(&h);

	/* It was read to its end: that is still known. */
	half_reopen(&h);
	ck_assert_uint_eq(h.npositions, 1);
	ck_assert(h.done);
	ck_assert_uint_eq(h.offset, 4242);
	half_end(&h);
}
END_TEST

START_TEST(a_second_daemon_of_the_same_name_is_fenced_off)
{
	struct half a, b;

	half_begin(&a);
	half_open(&b, a.dir); /* attaches to the same server: the lock is held */
	half_count(&b, "192.0.2.1", 1000000);
	half_commit(&b);
	half_count(&a, "192.0.2.1", 1000000);
	state_commit(a.state, correlate_take(a.correlator));
	half_wait_lost(&a);
	ck_assert_uint_eq(state_stats(a.state)->refused, 1);
	ck_assert_uint_eq(a.committed, 0);
	half_close(&b);
	half_end(&a);
}
END_TEST

START_TEST(an_outbox_entry_stays_until_delivered)
{
	struct half h;
	char *id;
	struct outcome failed = {.due = 1234, .text = "connection refused"};
	struct outcome done = {.delivered = true, .text = "200"};

	half_begin(&h);
	for (int i = 0; i < 3; i++)
		half_count(&h, "192.0.2.1", 1000000 + i);
	half_commit(&h);
	id = xstrdup(h.delivery.id);
	h.delivery.attempts = 1;
	state_delivered(h.state, &h.delivery, &failed);
	half_list(&h); /* the answer comes after it */

	half_reopen(&h);
	half_list(&h);
	ck_assert_uint_eq(h.deliveries, 1);
	ck_assert_str_eq(h.delivery.id, id);
	ck_assert_int_eq(h.delivery.attempts, 1);
	ck_assert_int_eq(h.delivery.due, 1234);
	state_delivered(h.state, &h.delivery, &done);
	half_list(&h);

	half_reopen(&h);
	half_list(&h);
	ck_assert_uint_eq(h.deliveries, 0);
	half_end(&h);
	free(id);
}
END_TEST

/* Whoever listens on the socket of the private server. */
static pid_t
server_pid(const struct half *h)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct ucred peer = {0};
	socklen_t n = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/redis/redis.sock", h->dir);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n), 0);
	ck_assert_int_gt(peer.pid, 1);
	close(fd);
	return peer.pid;
}

START_TEST(a_killed_server_comes_back_with_what_was_committed)
{
	struct half h;

	half_begin(&h);
	half_count(&h, "192.0.2.1", 1000000);
	half_count(&h, "192.0.2.1", 1000001);
	half_commit(&h);
	kill(server_pid(&h), SIGKILL);
	half_wait_lost(&h);
	half_wait_ready(&h);
	half_count(&h, "192.0.2.1", 1000002);
	half_commit(&h);
	ck_assert_uint_eq(h.opened, 1);
	half_end(&h);
}
END_TEST

START_TEST(a_damaged_file_is_mended_from_what_is_whole)
{
	static const char junk[4096];
	struct half h;
	char *path;
	FILE *f;

	half_begin(&h);
	half_count(&h, "192.0.2.1", 1000000);
	half_count(&h, "192.0.2.1", 1000001);
	half_commit(&h);
	half_close(&h);
	path = xasprintf("%s/redis/appendonlydir/appendonly.aof.1.incr.aof", h.dir);
	f = fopen(path, "ae");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(junk, 1, sizeof(junk), f), sizeof(junk));
	fclose(f);
	half_open(&h, h.dir);
	half_count(&h, "192.0.2.1", 1000002);
	half_commit(&h);
	ck_assert_uint_eq(h.opened, 1);
	half_end(&h);
	free(path);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("state_kept");
	TCase *tc = tcase_create("state_kept");

	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, positions_move_with_their_effects_and_survive);
	tcase_add_test(tc, a_second_daemon_of_the_same_name_is_fenced_off);
	tcase_add_test(tc, an_outbox_entry_stays_until_delivered);
	tcase_add_test(tc, a_killed_server_comes_back_with_what_was_committed);
	tcase_add_test(tc, a_damaged_file_is_mended_from_what_is_whole);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
