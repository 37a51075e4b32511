/*
 * check_notify_http: what notify sends over a connection, and endpoints that answer badly,
 * not at all, or with a wish.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "notify_rig.h"
#include "rig.h"

/* ---- what goes out ------------------------------------------------------------------------- */

START_TEST(request_is_as_documented)
{
	struct nx *n = nx_new();
	struct canned s;
	const char *r;

	canned_start(&s, n, OK);
	nx_set_url(n, 0, s.port, "/hook?x=1");
	nx_start(n, 1, SECRET);
	nx_submit(n, "ops", "INC-1", 1);
	ck_assert_uint_eq(n->nsaid, 0); /* never from inside submit */
	ck_assert_uint_eq(notify_inflight(n->notify), 1);
	nx_wait(n, 1);
	ck_assert_uint_eq(notify_inflight(n->notify), 0);
	ck_assert(n->said[0].outcome.delivered && !n->said[0].outcome.dead);
	ck_assert_str_eq(n->said[0].outcome.text, "HTTP 200");
	ck_assert_int_eq(n->said[0].attempts, 1);
	r = buf_str(&s.request);
	ck_assert_int_eq(strncmp(r, "POST /hook?x=1 HTTP/1.1\r\n", 25), 0);
	ck_assert_ptr_nonnull(strstr(r, "\r\nUser-Agent: triaged/"));
	ck_assert_ptr_nonnull(strstr(r, "\r\nContent-Type: application/json\r\n"));
	ck_assert_ptr_nonnull(strstr(r, "\r\nwebhook-id: t_INC-1_1_ops\r\n"));
	ck_assert_ptr_nonnull(strstr(r, "\r\nwebhook-timestamp: "));
	ck_assert_ptr_nonnull(strstr(r, "\r\nwebhook-signature: v1,"));
	ck_assert_ptr_null(strcasestr(r, "\r\nExpect:"));
	ck_assert_ptr_null(strcasestr(r, "\r\nCookie:"));
	ck_assert_ptr_null(strcasestr(r, "\r\nAccept-Encoding:"));
	ck_assert_str_eq(strstr(r, "\r\n\r\n") + 4, MESSAGE);
	canned_stop(&s);
	nx_free(n);
}
END_TEST

START_TEST(request_ignores_proxies_of_the_environment)
{
	static const char *const names[] = {
	    "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy"};
	struct nx *n = nx_new();
	const struct outcome *o;
	struct canned s, proxy;
	char url[64];

	canned_start(&s, n, OK);
	canned_start(&proxy, n, OK);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", proxy.port);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		setenv(names[i], url, 1);
	o = nx_post(n, s.port, "/", NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	ck_assert(o->delivered);
	ck_assert_uint_eq(s.n, 1);
	ck_assert_uint_eq(proxy.n, 0);
	ck_assert_ptr_null(strstr(buf_str(&s.request), "webhook-signature"));
	canned_stop(&s);
	canned_stop(&proxy);
	nx_free(n);
}
END_TEST

START_TEST(request_follows_no_redirect)
{
	static const char *const codes[] = {"301", "302", "303", "307", "308"};
	struct nx *n = nx_new();
	const struct outcome *o;
	struct canned s, other;
	char answer[128];

	canned_start(&other, n, OK);
	snprintf(answer, sizeof(answer),
	    "HTTP/1.1 %s Go\r\nLocation: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
	    codes[_i], other.port);
	canned_start(&s, n, answer);
	o = nx_post(n, s.port, "/", SECRET);
	ck_assert(!o->delivered && !o->dead);
	ck_assert_int_eq(o->status, atol(codes[_i]));
	ck_assert_ptr_nonnull(strstr(o->text, "redirects are not followed"));
	ck_assert_uint_eq(other.n, 0);
	canned_stop(&s);
	canned_stop(&other);
	nx_free(n);
}
END_TEST

START_TEST(request_needs_https_unless_insecure)
{
	static const char *const schemes[] = {"http", "ftp", "gopher"};
	struct nx *n = nx_new();
	const struct outcome *o;
	struct canned s;

	canned_start(&s, n, OK);
	n->conf[0].insecure = false;
	snprintf(n->urls[0], sizeof(n->urls[0]), "%s://127.0.0.1:%u/etc/passwd", schemes[_i], s.port);
	o = nx_deliver(n, NULL);
	ck_assert(!o->delivered);
	ck_assert_str_eq(o->text, "the URL is not https (for http, set insecure: true)");
	ck_assert_uint_eq(s.n, 0);
	canned_stop(&s);
	nx_free(n);
}
END_TEST

START_TEST(request_reads_no_file)
{
	struct nx *n = nx_new();
	const struct outcome *o;

	snprintf(n->urls[0], sizeof(n->urls[0]), "file:///etc/passwd");
	o = nx_deliver(n, NULL);
	ck_assert(!o->delivered);
	ck_assert_ptr_null(strstr(o->text, "root"));
	nx_free(n);
}
END_TEST

START_TEST(request_id_cannot_carry_a_header)
{
	struct nx *n = nx_new();
	struct canned s;

	canned_start(&s, n, OK);
	nx_set_url(n, 0, s.port, "/");
	nx_start(n, 1, SECRET);
	nx_submit_as(n, (struct delivery){0}, "x\r\nEvil: yes", MESSAGE);
	nx_wait(n, 1);
	ck_assert(n->said[0].outcome.dead);
	ck_assert_ptr_nonnull(strstr(n->said[0].outcome.text, "delivery id is malformed"));
	ck_assert_uint_eq(s.n, 0);
	canned_stop(&s);
	nx_free(n);
}
END_TEST

START_TEST(request_is_not_sent_unsigned)
{
	struct nx *n = nx_new();
	const struct outcome *o;
	struct canned s;

	canned_start(&s, n, OK);
	o = nx_post(n, s.port, "/", "hunter2");
	ck_assert(!o->delivered && !o->dead);
	ck_assert_ptr_nonnull(strstr(o->text, "secret is malformed"));
	ck_assert_ptr_null(strstr(o->text, "hunter2"));
	ck_assert_uint_eq(s.n, 0);
	canned_stop(&s);
	nx_free(n);
}
END_TEST

/* ---- bad endpoints ------------------------------------------------------------------------- */

START_TEST(endpoint_answers_badly)
{
	static const struct {
		const char *answer, *text;
	} cases[] = {
	    {"SSH-2.0-OpenSSH_9.2p1\r\n", "the answer is not HTTP"},
	    {"\x01\x02\x03\x04\n\n\n\n\n\n", "the answer is not HTTP"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort", "HTTP 200: "},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "HTTP 200: "},
	    {"HTTP/7.9 200 OK\r\n\r\n", "the answer is not HTTP"},
	    {"HTTP/1.1 503 Busy\r\nContent-Length: 12\r\n\r\n\x1b[31mred\n<b>",
	        "HTTP 503: \\x1b[31mred\\x0a<b>"},
	    {"HTTP/1.1 404 No\r\nContent-Length: 15\r\n\r\nno /s3cret here", "HTTP 404"},
	};
	struct nx *n = nx_new();
	const struct outcome *o;
	struct canned s;

	canned_start(&s, n, cases[_i].answer);
	o = nx_post(n, s.port, "/s3cret", NULL);
	ck_assert(!o->delivered && !o->dead);
	ck_assert_msg(strstr(o->text, cases[_i].text) == o->text, "%s", o->text);
	ck_assert_ptr_null(strstr(o->text, "s3cret"));
	canned_stop(&s);
	nx_free(n);
}
END_TEST

/* 10 MB as one header, as many headers, as body with a length, without one, and
 * as interim answers that never end. */
START_TEST(endpoint_never_stops_talking)
{
	static const struct {
		const char *start, *unit;
	} cases[] = {
	    {"HTTP/1.1 200 OK\r\nX: ", "x"},
	    {"HTTP/1.1 200 OK\r\n", "X-Y: z\r\n"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n", "x"},
	    {"HTTP/1.1 200 OK\r\n\r\n", "x"},
	    {"", "HTTP/1.1 100 Continue\r\n\r\n"},
	};
	struct nx *n = nx_new();
	const struct outcome *o;
	struct buf answer = BUF_INIT;
	struct canned s;

	buf_puts(&answer, cases[_i].start);
	while (answer.n < 10000000)
		buf_puts(&answer, cases[_i].unit);
	canned_start(&s, n, buf_str(&answer));
	o = nx_post(n, s.port, "/", NULL);
	ck_assert(!o->delivered && !o->dead);
	ck_assert_msg(strstr(o->text, "longer than 64 KiB") != NULL, "%s", o->text);
	canned_stop(&s);
	buf_free(&answer);
	nx_free(n);
}
END_TEST

START_TEST(endpoint_refuses_connections)
{
	struct nx *n = nx_new();
	const struct outcome *o;
	uint16_t port;
	int fd = nx_bind(&port); /* nobody else listens there either */

	o = nx_post(n, port, "/", NULL);
	ck_assert(!o->delivered && !o->dead);
	ck_assert_int_eq(o->status, 0);
	ck_assert_str_eq(o->text, "Connection refused");
	close(fd);
	nx_free(n);
}
END_TEST

START_TEST(endpoint_hangs)
{
	struct nx *n = nx_new();
	struct canned s;

	canned_start(&s, n, NULL);
	nx_set_url(n, 0, s.port, "/");
	nx_start(n, 1, NULL);
	notify_set_timeout(n->notify, 50);
	nx_submit(n, "ops", "INC-1", 1);
	nx_wait(n, 1);
	ck_assert(!n->said[0].outcome.delivered && !n->said[0].outcome.dead);
	ck_assert_ptr_nonnull(strstr(n->said[0].outcome.text, "timed out"));
	canned_stop(&s);
	nx_free(n);
}
END_TEST

START_TEST(endpoint_that_hangs_delays_no_other)
{
	struct nx *n = nx_new();
	struct canned dead, live;
	char incident[16];

	canned_start(&dead, n, NULL);
	canned_start(&live, n, OK);
	nx_set_url(n, 0, dead.port, "/");
	nx_set_url(n, 1, live.port, "/");
	nx_start(n, 2, NULL);
	for (int i = 0; i < 20; i++) {
		snprintf(incident, sizeof(incident), "INC-%d", i);
		nx_submit(n, "ops", incident, 1);
		nx_submit(n, "chat", incident, 1);
	}
	nx_wait(n, 20);
	for (int i = 0; i < 20; i++)
		ck_assert_msg(strstr(n->said[i].id, "_chat") != NULL, "%s", n->said[i].id);
	while (dead.n < NOTIFY_TRANSFERS)
		ev_turn(n->ev, true);
	ck_assert_uint_eq(dead.n, NOTIFY_TRANSFERS);
	canned_stop(&dead);
	canned_stop(&live);
	nx_free(n);
}
END_TEST

START_TEST(endpoint_that_asks_for_peace_gets_it)
{
	struct nx *n = nx_new();
	const struct outcome *o;
	struct canned s;
	int64_t began = clock_now();

	canned_start(&s, n, "HTTP/1.1 429 Slow\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n");
	o = nx_post(n, s.port, "/", NULL);
	ck_assert_int_ge(o->due, began + 600000);
	nx_submit(n, "ops", "INC-2", 1); /* another incident, the same endpoint */
	clock_set_virtual(began + 599000);
	notify_run_due(n->notify);
	ck_assert_uint_eq(notify_inflight(n->notify), 0);
	ck_assert_uint_eq(s.n, 1);
	s.answer = OK;
	clock_set_virtual(began + 601000);
	notify_run_due(n->notify);
	nx_wait(n, 3);
	ck_assert(n->said[1].outcome.delivered && n->said[2].outcome.delivered);
	canned_stop(&s);
	nx_free(n);
}
END_TEST

START_TEST(endpoint_may_give_a_date)
{
	struct nx *n = nx_new();
	const struct outcome *o;
	struct canned s;
	char answer[128], date[40];
	time_t then = time(NULL) + 1000;
	struct tm tm;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
	snprintf(answer, sizeof(answer),
	    "HTTP/1.1 503 Busy\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date);
	canned_start(&s, n, answer);
	o = nx_post(n, s.port, "/", NULL);
	ck_assert_int_gt(o->due, clock_now() + 900000);
	ck_assert_int_le(o->due, clock_now() + 1000000);
	canned_stop(&s);
	nx_free(n);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("notify_http");
	TCase *c = nx_case(suite, "request");

	tcase_add_test(c, request_is_as_documented);
	tcase_add_test(c, request_ignores_proxies_of_the_environment);
	tcase_add_loop_test(c, request_follows_no_redirect, 0, 5);
	tcase_add_loop_test(c, request_needs_https_unless_insecure, 0, 3);
	tcase_add_test(c, request_reads_no_file);
	tcase_add_test(c, request_id_cannot_carry_a_header);
	tcase_add_test(c, request_is_not_sent_unsigned);
	c = nx_case(suite, "endpoint");
	tcase_add_loop_test(c, endpoint_answers_badly, 0, 7);
	tcase_add_loop_test(c, endpoint_never_stops_talking, 0, 5);
	tcase_add_test(c, endpoint_refuses_connections);
	tcase_add_test(c, endpoint_hangs);
	tcase_add_test(c, endpoint_that_hangs_delays_no_other);
	tcase_add_test(c, endpoint_that_asks_for_peace_gets_it);
	tcase_add_test(c, endpoint_may_give_a_date);
	return rig_run(suite);
}
