/*
 * check_notify_delivery: deliveries that wait, die and are tried again, with a server in this
 * process and with contrib/receiver.
 */
#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "notify_rig.h"
#include "rig.h"
#include "util/xalloc.h"

/* ---- deliveries ---------------------------------------------------------------------------- */

START_TEST(delivery_waits_for_the_earlier_one)
{
	struct nx *n = nx_new();
	struct canned s;

	canned_start(&s, n, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
	nx_set_url(n, 0, s.port, "/");
	nx_start(n, 1, NULL);
	nx_submit(n, "ops", "INC-1", 1);
	nx_submit(n, "ops", "INC-1", 2);
	nx_submit(n, "ops", "INC-1", 2); /* again: dropped */
	nx_wait(n, 1);
	nx_pass_time(n);
	nx_wait(n, 2);
	ck_assert_uint_eq(s.n, 2);
	s.answer = OK;
	nx_pass_time(n);
	nx_wait(n, 4);
	ck_assert_str_eq(n->said[1].id, "t_INC-1_1_ops");
	ck_assert_int_eq(n->said[1].attempts, 2);
	ck_assert_str_eq(n->said[2].id, "t_INC-1_1_ops");
	ck_assert(n->said[2].outcome.delivered);
	ck_assert_str_eq(n->said[3].id, "t_INC-1_2_ops");
	ck_assert(n->said[3].outcome.delivered);
	ck_assert_uint_eq(notify_inflight(n->notify), 0);
	ck_assert_uint_eq(s.n, 4);
	canned_stop(&s);
	nx_free(n);
}
END_TEST

START_TEST(delivery_that_is_dead_lets_the_next_go)
{
	struct nx *n = nx_new();
	struct canned s;

	canned_start(&s, n, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
	nx_post(n, s.port, "/", NULL);
	clock_set_virtual(clock_now() + 72 * HOUR);
	nx_submit(n, "ops", "INC-1", 2);
	notify_run_due(n->notify);
	nx_wait(n, 2);
	ck_assert(n->said[1].outcome.dead);
	ck_assert_str_eq(n->said[1].outcome.text, "HTTP 500; given up after 72 hours");
	nx_wait(n, 3);
	ck_assert_str_eq(n->said[2].id, "t_INC-1_2_ops");
	ck_assert(!n->said[2].outcome.dead);
	canned_stop(&s);
	nx_free(n);
}
END_TEST

START_TEST(delivery_due_in_a_far_future_is_sent_now)
{
	struct nx *n = nx_new();
	struct delivery d = {.due = clock_now() + 100 * HOUR};
	struct canned s;

	canned_start(&s, n, OK);
	nx_set_url(n, 0, s.port, "/");
	nx_start(n, 1, NULL);
	nx_submit_as(n, d, "x", MESSAGE);
	nx_wait(n, 1);
	ck_assert(n->said[0].outcome.delivered);
	canned_stop(&s);
	nx_free(n);
}
END_TEST

START_TEST(delivery_for_an_unknown_channel_is_dead)
{
	struct nx *n = nx_new();

	nx_start(n, 0, NULL);
	nx_submit(n, "gone", "INC-1", 1);
	ck_assert_uint_eq(n->nsaid, 0);
	nx_wait(n, 1);
	ck_assert(n->said[0].outcome.dead);
	ck_assert_str_eq(n->said[0].outcome.text, "the channel is no longer configured");
	nx_free(n);
}
END_TEST

START_TEST(delivery_with_a_broken_message_is_dead)
{
	struct nx *n = nx_new();
	struct canned s;

	canned_start(&s, n, OK);
	nx_set_url(n, 0, s.port, "/");
	nx_start(n, 1, NULL);
	nx_submit_as(n, (struct delivery){0}, "x", "{\"type\":");
	nx_wait(n, 1);
	ck_assert(n->said[0].outcome.dead);
	ck_assert_ptr_nonnull(strstr(n->said[0].outcome.text, "stored message is malformed"));
	ck_assert_uint_eq(s.n, 0);
	canned_stop(&s);
	nx_free(n);
}
END_TEST

/* ---- contrib/receiver ---------------------------------------------------------------------- */

struct receiver {
	pid_t pid;
	FILE *output;
	uint16_t port;
	char *dir, *out;
};

/* Start it; it is listening when this returns. */
static void
receiver_start(struct receiver *r, const char *mode, const char *fail_first)
{
	const char *srcdir = getenv("srcdir");
	char *path = xasprintf("%s/contrib/receiver", srcdir == NULL ? "." : srcdir);
	int fds[2];
	unsigned port;

	r->dir = rig_dir();
	r->out = rig_file(r->dir, "requests", "");
	ck_assert_int_eq(pipe(fds), 0);
	r->pid = fork();
	if (r->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl(path, path, "--out", r->out, "--secret", SECRET, "--mode", mode,
		    "--fail-first", fail_first, (char *)NULL);
		perror(path);
		_exit(127);
	}
	close(fds[1]);
	free(path);
	r->output = fdopen(fds[0], "r");
	ck_assert_int_eq(
	    fscanf(r->output, "receiver: listening on http://127.0.0.1:%u/", &port), 1);
	r->port = (uint16_t)port;
}

/* Every request it got must be whole and signed; returns how many there were. */
static size_t
receiver_check(const struct receiver *r, const char *id)
{
	FILE *f = fopen(r->out, "re");
	json_t *expected = json_loads(MESSAGE, 0, NULL), *got;
	size_t n = 0;

	ck_assert_ptr_nonnull(f);
	while ((got = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL)) != NULL) {
		ck_assert_str_eq(json_string_value(json_object_get(got, "id")), id);
		ck_assert(json_is_true(json_object_get(got, "signature_ok")));
		ck_assert(json_equal(json_object_get(got, "body"), expected));
		json_decref(got);
		n++;
	}
	json_decref(expected);
	fclose(f);
	return n;
}

static void
receiver_stop(struct receiver *r)
{
	int status;

	kill(r->pid, SIGTERM);
	ck_assert_int_eq(waitpid(r->pid, &status, 0), r->pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	fclose(r->output);
	free(r->out);
	rig_remove(&r->dir);
}

/* Two failures of each kind, then success: the same id thrice, each time signed
 * with the time of the attempt, verified by code that is not ours. */
START_TEST(receiver_verifies_every_attempt)
{
	static const char *const modes[] = {"500", "429", "drop", "garbage", "hang"};
	struct nx *n = nx_new();
	struct receiver r;

	receiver_start(&r, modes[_i], "2");
	nx_set_url(n, 0, r.port, "/");
	nx_start(n, 1, SECRET);
	nx_submit(n, "ops", "INC-1", 1);
	for (size_t i = 0; i < 2; i++) {
		notify_set_timeout(n->notify, strcmp(modes[_i], "hang") == 0 ? 300 : 10000);
		nx_wait(n, i + 1);
		ck_assert(!n->said[i].outcome.delivered && !n->said[i].outcome.dead);
		nx_pass_time(n);
	}
	notify_set_timeout(n->notify, 10000);
	while (!n->said[n->nsaid - 1].outcome.delivered) {
		/* A busy machine may need longer than the short timeout. */
		nx_wait(n, n->nsaid + 1);
		if (!n->said[n->nsaid - 1].outcome.delivered)
			nx_pass_time(n);
	}
	ck_assert_uint_ge(receiver_check(&r, "t_INC-1_1_ops"), 3);
	receiver_stop(&r);
	nx_free(n);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("notify_delivery");
	TCase *c = nx_case(suite, "delivery");

	tcase_add_test(c, delivery_waits_for_the_earlier_one);
	tcase_add_test(c, delivery_that_is_dead_lets_the_next_go);
	tcase_add_test(c, delivery_due_in_a_far_future_is_sent_now);
	tcase_add_test(c, delivery_for_an_unknown_channel_is_dead);
	tcase_add_test(c, delivery_with_a_broken_message_is_dead);
	c = nx_case(suite, "receiver");
	tcase_add_loop_test(c, receiver_verifies_every_attempt, 0, 5);
	return rig_run(suite);
}
