/*
 * check_notify_http: notify over real connections: to a server in this process
 * that answers with canned bytes, to contrib/receiver, and to a TLS server.
 *
 * The clock is virtual and starts at the real time (receivers check timestamps);
 * nothing waits for a retry.
 */
#include <arpa/inet.h>
#include <check.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "ev/ev_conn.h"
#include "notify/notify.h"
#include "notify/notify_internal.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define MESSAGE                                                                                    \
	"{\"type\":\"incident.opened\",\"timestamp\":\"2026-01-31T23:59:59.123Z\",\"data\":"       \
	"{\"incident\":{\"id\":\"INC-1\",\"title\":\"\\u001b[2J <!channel> \\u202e\xc3\xa4\"}}}"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define HOUR ((int64_t)3600000)

/* --- a server in this process --- */

struct canned_conn {
	struct canned *server;
	struct ev_conn *conn;
};

/* Every request gets ${answer} and the end of the connection; NULL: nothing at
 * all, ever. */
struct canned {
	struct ev *ev;
	int fd;
	uint16_t port;
	struct ev_fd *watch;
	const char *answer;
	struct buf request; /* the last one */
	size_t n;           /* connections so far */
	struct canned_conn conns[64];
};

static int
listen_any(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static size_t
canned_readable(void *ctx, struct sv data)
{
	struct canned_conn *c = ctx;
	struct canned *s = c->server;

	if (memmem(data.p, data.n, "}}}", 3) == NULL) /* the end of MESSAGE */
		return 0;
	buf_free(&s->request);
	buf_sv(&s->request, data);
	if (s->answer != NULL) {
		ev_conn_write(c->conn, sv_str(s->answer));
		ev_conn_finish(&c->conn);
	}
	return data.n;
}

static void
canned_closed(void *ctx, const char *reason)
{
	struct canned_conn *c = ctx;

	(void)reason;
	ev_conn_free(&c->conn);
}

static void
canned_accept(void *ctx, int fd, unsigned what)
{
	static const struct ev_conn_cb cb = {.readable = canned_readable, .closed = canned_closed};
	struct canned *s = ctx;
	struct canned_conn *c = &s->conns[s->n++];

	(void)what;
	ck_assert_uint_le(s->n, 64);
	c->server = s;
	c->conn = ev_conn_fd(s->ev, accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), &cb, c);
}

static void
canned_start(struct canned *s, struct ev *ev, const char *answer)
{
	*s = (struct canned){.ev = ev, .answer = answer};
	s->fd = listen_any(&s->port);
	s->watch = ev_fd_new(ev, s->fd, EV_FD_READ, canned_accept, s);
}

static void
canned_stop(struct canned *s)
{
	for (size_t i = 0; i < s->n; i++)
		ev_conn_free(&s->conns[i].conn);
	ev_fd_free(&s->watch);
	buf_free(&s->request);
	close(s->fd);
}

/* --- notify and what it said --- */

struct said {
	char id[64];
	int64_t attempts;
	struct outcome outcome;
};

static struct ev *ev;
static struct notify *notify;
static struct channel_conf conf[2];
static char urls[2][128];
static struct said said[256];
static size_t nsaid;
static void
on_outcome(void *ctx, const struct delivery *d, const struct outcome *o)
{
	ck_assert_ptr_eq(ctx, &nsaid);
	ck_assert_uint_lt(nsaid, 256);
	snprintf(said[nsaid].id, sizeof(said[nsaid].id), "%s", d->id);
	said[nsaid].attempts = d->attempts;
	said[nsaid].outcome = *o;
	nsaid++;
}

static void
setup(void)
{
	static char ids[2][8] = {"ops", "chat"};

	clock_set_virtual((int64_t)time(NULL) * 1000);
	ev = ev_new();
	memset(conf, 0, sizeof(conf));
	for (int i = 0; i < 2; i++) {
		conf[i].id.s = ids[i];
		conf[i].insecure = true;
	}
	nsaid = 0;
}

static void
teardown(void)
{
	notify_free(&notify);
	for (int i = 0; i < 16; i++)
		ev_turn(ev, false); /* what the canned server still had to say */
	ev_free(&ev);
}

static void
set_url(int channel, uint16_t port, const char *path)
{
	snprintf(urls[channel], sizeof(urls[0]), "http://127.0.0.1:%u%s", port, path);
}

static void
start(size_t n, const char *secret)
{
	const char *const u[] = {urls[0], urls[1]}, *const s[] = {secret, NULL};

	notify = notify_new(ev, conf, n, u, s, on_outcome, &nsaid);
}

static void
submit(const char *channel, const char *incident, int seq)
{
	struct delivery d = {.seq = seq, .created = clock_now()};

	d.id = xasprintf("t_%s_%d_%s", incident, seq, channel);
	d.channel = xstrdup(channel);
	d.incident = xstrdup(incident);
	d.message = xstrdup(MESSAGE);
	notify_submit(notify, &d);
	ck_assert_ptr_null(d.id);
}

static void
wait_for(size_t n)
{
	while (nsaid < n)
		ev_turn(ev, true);
	ck_assert_uint_eq(nsaid, n);
}

/* Move the clock to when the last outcome said it would be tried again. */
static void
pass_time(void)
{
	clock_set_virtual(said[nsaid - 1].outcome.due);
	notify_run_due(notify);
}

/* --- what goes out --- */

START_TEST(request_is_as_documented)
{
	struct canned s;
	const char *r;

	canned_start(&s, ev, OK);
	set_url(0, s.port, "/hook?x=1");
	start(1, SECRET);
	submit("ops", "INC-1", 1);
	ck_assert_uint_eq(nsaid, 0); /* never from inside submit */
	ck_assert_uint_eq(notify_inflight(notify), 1);
	wait_for(1);
	ck_assert_uint_eq(notify_inflight(notify), 0);
	ck_assert(said[0].outcome.delivered && !said[0].outcome.dead);
	ck_assert_str_eq(said[0].outcome.text, "HTTP 200");
	ck_assert_int_eq(said[0].attempts, 1);
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
}
END_TEST

START_TEST(request_ignores_proxies_of_the_environment)
{
	static const char *const names[] = {
	    "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy"};
	struct canned s, proxy;
	char url[64];

	canned_start(&s, ev, OK);
	canned_start(&proxy, ev, OK);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", proxy.port);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		setenv(names[i], url, 1);
	set_url(0, s.port, "/");
	start(1, NULL);
	submit("ops", "INC-1", 1);
	wait_for(1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	ck_assert(said[0].outcome.delivered);
	ck_assert_uint_eq(s.n, 1);
	ck_assert_uint_eq(proxy.n, 0);
	ck_assert_ptr_null(strstr(buf_str(&s.request), "webhook-signature"));
	canned_stop(&s);
	canned_stop(&proxy);
}
END_TEST

START_TEST(request_follows_no_redirect)
{
	static const char *const codes[] = {"301", "302", "303", "307", "308"};
	struct canned s, other;
	char answer[128];

	canned_start(&other, ev, OK);
	snprintf(answer, sizeof(answer),
	    "HTTP/1.1 %s Go\r\nLocation: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
	    codes[_i], other.port);
	canned_start(&s, ev, answer);
	set_url(0, s.port, "/");
	start(1, SECRET);
	submit("ops", "INC-1", 1);
	wait_for(1);
	ck_assert(!said[0].outcome.delivered && !said[0].outcome.dead);
	ck_assert_int_eq(said[0].outcome.status, atol(codes[_i]));
	ck_assert_ptr_nonnull(strstr(said[0].outcome.text, "redirects are not followed"));
	ck_assert_uint_eq(other.n, 0);
	canned_stop(&s);
	canned_stop(&other);
}
END_TEST

START_TEST(request_needs_https_unless_insecure)
{
	static const char *const schemes[] = {"http", "ftp", "gopher"};
	struct canned s;

	canned_start(&s, ev, OK);
	conf[0].insecure = false;
	snprintf(urls[0], sizeof(urls[0]), "%s://127.0.0.1:%u/etc/passwd", schemes[_i], s.port);
	start(1, NULL);
	submit("ops", "INC-1", 1);
	wait_for(1);
	ck_assert(!said[0].outcome.delivered);
	ck_assert_str_eq(
	    said[0].outcome.text, "the URL is not https (for http, set insecure: true)");
	ck_assert_uint_eq(s.n, 0);
	canned_stop(&s);
}
END_TEST

START_TEST(request_reads_no_file)
{
	snprintf(urls[0], sizeof(urls[0]), "file:///etc/passwd");
	start(1, NULL);
	submit("ops", "INC-1", 1);
	wait_for(1);
	ck_assert(!said[0].outcome.delivered);
	ck_assert_ptr_null(strstr(said[0].outcome.text, "root"));
}
END_TEST

START_TEST(request_id_cannot_carry_a_header)
{
	struct delivery d = {.seq = 1, .created = clock_now()};
	struct canned s;

	canned_start(&s, ev, OK);
	set_url(0, s.port, "/");
	start(1, SECRET);
	d.id = xstrdup("x\r\nEvil: yes");
	d.channel = xstrdup("ops");
	d.incident = xstrdup("INC-1");
	d.message = xstrdup(MESSAGE);
	notify_submit(notify, &d);
	wait_for(1);
	ck_assert(said[0].outcome.dead);
	ck_assert_ptr_nonnull(strstr(said[0].outcome.text, "delivery id is malformed"));
	ck_assert_uint_eq(s.n, 0);
	canned_stop(&s);
}
END_TEST

START_TEST(request_is_not_sent_unsigned)
{
	struct canned s;

	canned_start(&s, ev, OK);
	set_url(0, s.port, "/");
	start(1, "hunter2");
	submit("ops", "INC-1", 1);
	wait_for(1);
	ck_assert(!said[0].outcome.delivered && !said[0].outcome.dead);
	ck_assert_ptr_nonnull(strstr(said[0].outcome.text, "secret is malformed"));
	ck_assert_ptr_null(strstr(said[0].outcome.text, "hunter2"));
	ck_assert_uint_eq(s.n, 0);
	canned_stop(&s);
}
END_TEST

/* --- bad endpoints --- */

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
	struct canned s;

	canned_start(&s, ev, cases[_i].answer);
	set_url(0, s.port, "/s3cret");
	start(1, NULL);
	submit("ops", "INC-1", 1);
	wait_for(1);
	ck_assert(!said[0].outcome.delivered && !said[0].outcome.dead);
	ck_assert_msg(strstr(said[0].outcome.text, cases[_i].text) == said[0].outcome.text, "%s",
	    said[0].outcome.text);
	ck_assert_ptr_null(strstr(said[0].outcome.text, "s3cret"));
	canned_stop(&s);
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
	struct buf answer = BUF_INIT;
	struct canned s;

	buf_puts(&answer, cases[_i].start);
	while (answer.n < 10000000)
		buf_puts(&answer, cases[_i].unit);
	canned_start(&s, ev, buf_str(&answer));
	set_url(0, s.port, "/");
	start(1, NULL);
	submit("ops", "INC-1", 1);
	wait_for(1);
	ck_assert(!said[0].outcome.delivered && !said[0].outcome.dead);
	ck_assert_msg(
	    strstr(said[0].outcome.text, "longer than 64 KiB") != NULL, "%s", said[0].outcome.text);
	canned_stop(&s);
	buf_free(&answer);
}
END_TEST

START_TEST(endpoint_refuses_connections)
{
	uint16_t port;

	close(listen_any(&port));
	set_url(0, port, "/");
	start(1, NULL);
	submit("ops", "INC-1", 1);
	wait_for(1);
	ck_assert(!said[0].outcome.delivered && !said[0].outcome.dead);
	ck_assert_int_eq(said[0].outcome.status, 0);
	ck_assert_str_eq(said[0].outcome.text, "Connection refused");
}
END_TEST

START_TEST(endpoint_hangs)
{
	struct canned s;

	canned_start(&s, ev, NULL);
	set_url(0, s.port, "/");
	start(1, NULL);
	notify_set_timeout(notify, 50);
	submit("ops", "INC-1", 1);
	wait_for(1);
	ck_assert(!said[0].outcome.delivered && !said[0].outcome.dead);
	ck_assert_ptr_nonnull(strstr(said[0].outcome.text, "timed out"));
	canned_stop(&s);
}
END_TEST

START_TEST(endpoint_that_hangs_delays_no_other)
{
	struct canned dead, live;
	char incident[16];

	canned_start(&dead, ev, NULL);
	canned_start(&live, ev, OK);
	set_url(0, dead.port, "/");
	set_url(1, live.port, "/");
	start(2, NULL);
	for (int i = 0; i < 20; i++) {
		snprintf(incident, sizeof(incident), "INC-%d", i);
		submit("ops", incident, 1);
		submit("chat", incident, 1);
	}
	wait_for(20);
	for (int i = 0; i < 20; i++)
		ck_assert_msg(strstr(said[i].id, "_chat") != NULL, "%s", said[i].id);
	ck_assert_uint_eq(dead.n, NOTIFY_TRANSFERS);
	canned_stop(&dead);
	canned_stop(&live);
}
END_TEST

START_TEST(endpoint_that_asks_for_peace_gets_it)
{
	struct canned s;
	int64_t began = clock_now();

	canned_start(&s, ev, "HTTP/1.1 429 Slow\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n");
	set_url(0, s.port, "/");
	start(1, NULL);
	submit("ops", "INC-1", 1);
	wait_for(1);
	ck_assert_int_ge(said[0].outcome.due, began + 600000);
	submit("ops", "INC-2", 1); /* another incident, the same endpoint */
	clock_set_virtual(began + 599000);
	notify_run_due(notify);
	ck_assert_uint_eq(notify_inflight(notify), 0);
	ck_assert_uint_eq(s.n, 1);
	s.answer = OK;
	clock_set_virtual(began + 601000);
	notify_run_due(notify);
	wait_for(3);
	ck_assert(said[1].outcome.delivered && said[2].outcome.delivered);
	canned_stop(&s);
}
END_TEST

START_TEST(endpoint_may_give_a_date)
{
	struct canned s;
	char answer[128], date[40];
	time_t then = time(NULL) + 1000;
	struct tm tm;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
	snprintf(answer, sizeof(answer),
	    "HTTP/1.1 503 Busy\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date);
	canned_start(&s, ev, answer);
	set_url(0, s.port, "/");
	start(1, NULL);
	submit("ops", "INC-1", 1);
	wait_for(1);
	ck_assert_int_gt(said[0].outcome.due, clock_now() + 900000);
	ck_assert_int_le(said[0].outcome.due, clock_now() + 1000000);
	canned_stop(&s);
}
END_TEST

/* --- deliveries --- */

START_TEST(delivery_waits_for_the_earlier_one)
{
	struct canned s;

	canned_start(&s, ev, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
	set_url(0, s.port, "/");
	start(1, NULL);
	submit("ops", "INC-1", 1);
	submit("ops", "INC-1", 2);
	submit("ops", "INC-1", 2); /* again: dropped */
	wait_for(1);
	pass_time();
	wait_for(2);
	ck_assert_uint_eq(s.n, 2);
	s.answer = OK;
	pass_time();
	wait_for(4);
	ck_assert_str_eq(said[1].id, "t_INC-1_1_ops");
	ck_assert_int_eq(said[1].attempts, 2);
	ck_assert_str_eq(said[2].id, "t_INC-1_1_ops");
	ck_assert(said[2].outcome.delivered);
	ck_assert_str_eq(said[3].id, "t_INC-1_2_ops");
	ck_assert(said[3].outcome.delivered);
	ck_assert_uint_eq(notify_inflight(notify), 0);
	ck_assert_uint_eq(s.n, 4);
	canned_stop(&s);
}
END_TEST

START_TEST(delivery_that_is_dead_lets_the_next_go)
{
	struct canned s;

	canned_start(&s, ev, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
	set_url(0, s.port, "/");
	start(1, NULL);
	submit("ops", "INC-1", 1);
	wait_for(1);
	clock_set_virtual(clock_now() + 72 * HOUR);
	submit("ops", "INC-1", 2);
	notify_run_due(notify);
	wait_for(2);
	ck_assert(said[1].outcome.dead);
	ck_assert_str_eq(said[1].outcome.text, "HTTP 500; given up after 72 hours");
	wait_for(3);
	ck_assert_str_eq(said[2].id, "t_INC-1_2_ops");
	ck_assert(!said[2].outcome.dead);
	canned_stop(&s);
}
END_TEST

START_TEST(delivery_due_in_a_far_future_is_sent_now)
{
	struct delivery d = {.seq = 1, .created = clock_now(), .due = clock_now() + 100 * HOUR};
	struct canned s;

	canned_start(&s, ev, OK);
	set_url(0, s.port, "/");
	start(1, NULL);
	d.id = xstrdup("x");
	d.channel = xstrdup("ops");
	d.incident = xstrdup("INC-1");
	d.message = xstrdup(MESSAGE);
	notify_submit(notify, &d);
	wait_for(1);
	ck_assert(said[0].outcome.delivered);
	canned_stop(&s);
}
END_TEST

START_TEST(delivery_for_an_unknown_channel_is_dead)
{
	start(0, NULL);
	submit("gone", "INC-1", 1);
	ck_assert_uint_eq(nsaid, 0);
	wait_for(1);
	ck_assert(said[0].outcome.dead);
	ck_assert_str_eq(said[0].outcome.text, "the channel is no longer configured");
}
END_TEST

START_TEST(delivery_with_a_broken_message_is_dead)
{
	struct delivery d = {.seq = 1, .created = clock_now()};

	set_url(0, 9, "/");
	start(1, NULL);
	d.id = xstrdup("x");
	d.channel = xstrdup("ops");
	d.incident = xstrdup("INC-1");
	d.message = xstrdup("{\"type\":");
	notify_submit(notify, &d);
	wait_for(1);
	ck_assert(said[0].outcome.dead);
	ck_assert_ptr_nonnull(strstr(said[0].outcome.text, "stored message is malformed"));
}
END_TEST

/* --- contrib/receiver --- */

struct receiver {
	pid_t pid;
	FILE *output;
	uint16_t port;
	char out[32];
};

/* Start it; it is listening when this returns. */
static void
receiver_start(struct receiver *r, const char *mode, const char *fail_first)
{
	const char *srcdir = getenv("srcdir");
	char *path = xasprintf("%s/contrib/receiver", srcdir == NULL ? "." : srcdir);
	int fds[2], out;
	unsigned port;

	snprintf(r->out, sizeof(r->out), "/tmp/check_notify.XXXXXX");
	out = mkstemp(r->out);
	ck_assert_int_ge(out, 0);
	close(out);
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
	FILE *f = fopen(r->out, "r");
	json_t *expected = json_loads(MESSAGE, 0, NULL), *got;
	size_t n = 0;

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
	unlink(r->out);
}

/* Two failures of each kind, then success: the same id thrice, each time signed
 * with the time of the attempt, verified by code that is not ours. */
START_TEST(receiver_verifies_every_attempt)
{
	static const char *const modes[] = {"500", "429", "drop", "garbage", "hang"};
	struct receiver r;

	receiver_start(&r, modes[_i], "2");
	set_url(0, r.port, "/");
	start(1, SECRET);
	submit("ops", "INC-1", 1);
	for (size_t i = 0; i < 2; i++) {
		notify_set_timeout(notify, strcmp(modes[_i], "hang") == 0 ? 300 : 10000);
		wait_for(i + 1);
		ck_assert(!said[i].outcome.delivered && !said[i].outcome.dead);
		pass_time();
	}
	notify_set_timeout(notify, 10000);
	while (!said[nsaid - 1].outcome.delivered) {
		/* A busy machine may need longer than the short timeout. */
		wait_for(nsaid + 1);
		if (!said[nsaid - 1].outcome.delivered)
			pass_time();
	}
	ck_assert_uint_ge(receiver_check(&r, "t_INC-1_1_ops"), 3);
	receiver_stop(&r);
}
END_TEST

/* --- TLS --- */

static X509 *
make_certificate(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
	    (const unsigned char *)"check_notify", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_add_ext(cert, san, -1);
	X509_EXTENSION_free(san);
	ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
	return cert;
}

/* One connection after the other: a request, a 200. */
_Noreturn static void
serve_tls(int fd, EVP_PKEY *key, X509 *cert)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	SSL_CTX_use_certificate(ctx, cert);
	SSL_CTX_use_PrivateKey(ctx, key);
	for (;;) {
		int conn = accept(fd, NULL, NULL);
		SSL *ssl = SSL_new(ctx);
		char request[4096];

		SSL_set_fd(ssl, conn);
		if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof(request)) > 0)
			SSL_write(ssl, OK, sizeof(OK) - 1);
		SSL_free(ssl);
		close(conn);
	}
}

struct tls {
	pid_t pid;
	uint16_t port;
	char ca[32];
};

static void
tls_start(struct tls *t)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make_certificate(key);
	int fd = listen_any(&t->port);
	FILE *ca;

	snprintf(t->ca, sizeof(t->ca), "/tmp/check_notify.XXXXXX");
	ca = fdopen(mkstemp(t->ca), "w");
	PEM_write_X509(ca, cert);
	fclose(ca);
	t->pid = fork();
	if (t->pid == 0)
		serve_tls(fd, key, cert);
	close(fd);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
tls_stop(struct tls *t)
{
	kill(t->pid, SIGKILL);
	waitpid(t->pid, NULL, 0);
	unlink(t->ca);
}

static void
try_tls(struct tls *t, const char *host, bool trust)
{
	snprintf(urls[0], sizeof(urls[0]), "https://%s:%u/", host, t->port);
	if (trust)
		conf[0].ca_file.s = t->ca;
	start(1, SECRET);
	submit("ops", "INC-1", 1);
	wait_for(1);
	tls_stop(t);
}

START_TEST(tls_certificate_of_the_ca_file_is_trusted)
{
	struct tls t;

	tls_start(&t);
	conf[0].insecure = false;
	try_tls(&t, "127.0.0.1", true);
	ck_assert_msg(said[0].outcome.delivered, "%s", said[0].outcome.text);
}
END_TEST

/* insecure allows http; it never means an unverified peer */
START_TEST(tls_unknown_certificate_is_refused_even_if_insecure)
{
	struct tls t;

	tls_start(&t);
	try_tls(&t, "127.0.0.1", false);
	ck_assert(!said[0].outcome.delivered);
	ck_assert_ptr_nonnull(strstr(said[0].outcome.text, "certificate"));
}
END_TEST

START_TEST(tls_certificate_for_another_name_is_refused)
{
	struct tls t;

	tls_start(&t);
	try_tls(&t, "localhost", true);
	ck_assert(!said[0].outcome.delivered);
	ck_assert_ptr_nonnull(strstr(said[0].outcome.text, "certificate"));
}
END_TEST

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *c = tcase_create(name);

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	suite_add_tcase(suite, c);
	return c;
}

static void
add_cases(Suite *suite)
{
	TCase *c = new_case(suite, "request");

	tcase_add_test(c, request_is_as_documented);
	tcase_add_test(c, request_ignores_proxies_of_the_environment);
	tcase_add_loop_test(c, request_follows_no_redirect, 0, 5);
	tcase_add_loop_test(c, request_needs_https_unless_insecure, 0, 3);
	tcase_add_test(c, request_reads_no_file);
	tcase_add_test(c, request_id_cannot_carry_a_header);
	tcase_add_test(c, request_is_not_sent_unsigned);
	c = new_case(suite, "endpoint");
	tcase_add_loop_test(c, endpoint_answers_badly, 0, 7);
	tcase_add_loop_test(c, endpoint_never_stops_talking, 0, 5);
	tcase_add_test(c, endpoint_refuses_connections);
	tcase_add_test(c, endpoint_hangs);
	tcase_add_test(c, endpoint_that_hangs_delays_no_other);
	tcase_add_test(c, endpoint_that_asks_for_peace_gets_it);
	tcase_add_test(c, endpoint_may_give_a_date);
	c = new_case(suite, "delivery");
	tcase_add_test(c, delivery_waits_for_the_earlier_one);
	tcase_add_test(c, delivery_that_is_dead_lets_the_next_go);
	tcase_add_test(c, delivery_due_in_a_far_future_is_sent_now);
	tcase_add_test(c, delivery_for_an_unknown_channel_is_dead);
	tcase_add_test(c, delivery_with_a_broken_message_is_dead);
	c = new_case(suite, "receiver");
	tcase_add_loop_test(c, receiver_verifies_every_attempt, 0, 5);
	c = new_case(suite, "tls");
	tcase_add_test(c, tls_certificate_of_the_ca_file_is_trusted);
	tcase_add_test(c, tls_unknown_certificate_is_refused_even_if_insecure);
	tcase_add_test(c, tls_certificate_for_another_name_is_refused);
}

int
main(void)
{
	Suite *suite = suite_create("notify over HTTP");
	SRunner *runner = srunner_create(suite);
	int failed;

	add_cases(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
