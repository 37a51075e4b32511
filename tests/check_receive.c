/*
 * check_receive: real sockets on the loopback interface, a real spool.  What a
 * sender sent is compared with the lines of the spool's segments, read from disk by
 * the test itself.
 */
#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ev/ev.h"
#include "receive/receive_internal.h"
#include "rig.h"
#include "spool/spool_line.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

#define MAX_LINE 1024
#define MAX_MESSAGE (MAX_LINE - SPOOL_LINE_OVERHEAD)
#define WAIT_MS 20000
#define LISTENS 4
#define PASSED 3

struct rig {
	char *dir;
	struct ev *ev;
	struct receive_sockets *sockets;
	struct receive *receive;
	struct source_conf conf;
	struct conf_string listen[LISTENS];
	int port[LISTENS];
	struct receive_status status[LISTENS];
	size_t nstatus;
	uint64_t lost[TROUBLE_WELL + 1];  /* messages told as lost, by kind */
	uint64_t times[TROUBLE_WELL + 1]; /* troubles, by kind */
	char *text;                       /* of the last trouble */
	/* What the tests wait for. */
	size_t want;
	int kind;
};

/* ---- rig ------------------------------------------------------------------------ */

static void
got_trouble(void *ctx, const struct trouble *t)
{
	struct rig *r = ctx;

	ck_assert_str_eq(t->source, "net");
	ck_assert_ptr_nonnull(t->text);
	r->lost[t->kind] += t->lost;
	r->times[t->kind]++;
	free(r->text);
	r->text = xstrdup(t->text);
}

static const struct receive_cb callbacks = {.trouble = got_trouble};

static struct rig *
rig_new(void)
{
	struct rig *r = xcalloc(1, sizeof(*r));

	signal(SIGPIPE, SIG_IGN);
	log_open("check_receive", LOG_LEVEL_ERROR);
	r->dir = rig_dir();
	r->ev = ev_new();
	r->conf.id.s = xstrdup("net");
	r->conf.listen.v = r->listen;
	r->conf.max_connections = 64;
	r->conf.peer_connections = 64;
	r->conf.idle_timeout = 3600 * 1000;
	r->conf.spool_mib = 64;
	return r;
}

static void
add_address(struct rig *r, char *address)
{
	ck_assert_uint_lt(r->conf.listen.n, LISTENS);
	r->listen[r->conf.listen.n++].s = address;
}

static bool
bind_port(int type, int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons((uint16_t)port)};
	int on = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	bool bound;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	bound = bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0;
	close(fd);
	return bound;
}

/* A port that is free now, of those that the kernel gives to nobody who asks for any:
 * tests that run at the same time do. */
static int
free_port(int type)
{
	int port;

	do
		port = 10000 + (int)(arc4random_uniform(20000));
	while (!bind_port(type, port));
	return port;
}

/* Listen by ${scheme} on the loopback interface; returns the port. */
static int
listen_inet(struct rig *r, const char *scheme)
{
	int port = free_port(strcmp(scheme, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM);

	add_address(r, xasprintf("%s://127.0.0.1:%d", scheme, port));
	return port;
}

static char *
listen_path(struct rig *r, const char *scheme)
{
	char *path = xasprintf("%s/%s", r->dir, scheme);

	add_address(r, xasprintf("%s://%s", scheme, path));
	return path;
}

static bool
start(struct rig *r)
{
	if (r->sockets == NULL)
		r->sockets = receive_sockets_new();
	r->receive = receive_new(r->ev, r->sockets, &r->conf, 1, r->dir, MAX_LINE, &callbacks, r);
	return r->receive != NULL;
}

static void
must_start(struct rig *r)
{
	ck_assert(start(r));
}

static void
add_status(void *ctx, const struct receive_status *st)
{
	struct rig *r = ctx;

	ck_assert_uint_lt(r->nstatus, LISTENS);
	ck_assert_str_eq(st->source, "net");
	r->status[r->nstatus++] = *st;
}

static const struct receive_status *
status(struct rig *r, size_t i)
{
	r->nstatus = 0;
	receive_each(r->receive, add_status, r);
	ck_assert_uint_lt(i, r->nstatus);
	return &r->status[i];
}

static bool
is_idle(void *ctx)
{
	return receive_is_idle(((struct rig *)ctx)->receive);
}

static void
drain(struct rig *r)
{
	receive_drain(r->receive);
	rig_turn_until(r->ev, is_idle, r, WAIT_MS);
}

static void
stop(struct rig *r)
{
	drain(r);
	receive_free(&r->receive);
}

/* Stop for a change to what the configuration is now. */
static void
stop_for_change(struct rig *r)
{
	receive_sockets_expect(r->sockets, &r->conf, 1);
	stop(r);
}

static void
rig_free(struct rig *r)
{
	receive_free(&r->receive);
	receive_sockets_free(&r->sockets);
	ev_free(&r->ev);
	rig_remove(&r->dir);
	for (size_t i = 0; i < r->conf.listen.n; i++)
		free(r->listen[i].s);
	free(r->conf.id.s);
	free(r->text);
	free(r);
}

static bool
have_messages(void *ctx)
{
	struct rig *r = ctx;
	uint64_t n = 0;

	status(r, 0);
	for (size_t i = 0; i < r->nstatus; i++)
		n += r->status[i].messages;
	return n >= r->want;
}

static void
wait_messages(struct rig *r, size_t n)
{
	r->want = n;
	rig_turn_until(r->ev, have_messages, r, WAIT_MS);
}

static bool
have_trouble(void *ctx)
{
	struct rig *r = ctx;

	return r->times[r->kind] > 0;
}

static void
wait_trouble(struct rig *r, enum trouble_kind kind)
{
	r->kind = (int)kind;
	rig_turn_until(r->ev, have_trouble, r, WAIT_MS);
}

static bool
no_connection(void *ctx)
{
	return status(ctx, 0)->connections == 0;
}

static bool
some_refused(void *ctx)
{
	struct rig *r = ctx;

	return status(r, 0)->refused >= r->want;
}

static void
wait_refused(struct rig *r, size_t n)
{
	r->want = n;
	rig_turn_until(r->ev, some_refused, r, WAIT_MS);
}

/* ---- what is in the spool ----------------------------------------------------------- */

static void
add_line(struct buf *out, struct sv text)
{
	struct spool_line line;

	ck_assert(spool_line_intact(text));
	ck_assert(spool_line_parse(text, &line));
	buf_sv(out, line.transport);
	buf_putc(out, ':');
	buf_sv(out, line.peer);
	if (line.name.n > 0)
		buf_putc(out, '/');
	buf_sv(out, line.name);
	buf_putc(out, ' ');
	buf_sv(out, line.message);
	buf_putc(out, '\n');
}

static void
add_segment(struct buf *out, const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name), *line = NULL;
	FILE *f = fopen(path, "re");
	size_t cap = 0;
	ssize_t n;

	ck_assert_ptr_nonnull(f);
	while ((n = getline(&line, &cap, f)) > 0) {
		ck_assert_int_eq(line[n - 1], '\n');
		add_line(out, (struct sv){line, (size_t)n - 1});
	}
	free(line);
	fclose(f);
	free(path);
}

static int
is_segment(const struct dirent *d)
{
	return strstr(d->d_name, ".log") != NULL;
}

/* All of it, as "ORIGIN MESSAGE" lines in order. */
static char *
spooled(struct rig *r)
{
	struct buf out = BUF_INIT;
	struct dirent **names;
	char *dir = receive_spool_dir(r->dir, "net");
	int n = scandir(dir, &names, is_segment, alphasort);

	ck_assert_int_ge(n, 0);
	for (int i = 0; i < n; i++) {
		add_segment(&out, dir, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	free(dir);
	return buf_steal(&out);
}

static void
check_spooled(struct rig *r, const char *want)
{
	char *text = spooled(r);

	ck_assert_str_eq(text, want);
	free(text);
}

static size_t
count_spooled(struct rig *r)
{
	char *text = spooled(r);
	size_t n = sv_count(sv_str(text), '\n');

	free(text);
	return n;
}

/* ---- senders ------------------------------------------------------------------------- */

static int
dial(int type, int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static int
dial_unix(int type, const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void
put(int fd, struct sv s)
{
	ck_assert_int_eq(write(fd, s.p, s.n), (ssize_t)s.n);
}

static void
puts_to(int fd, const char *s)
{
	put(fd, sv_str(s));
}

/* The peer has closed it. */
static void
check_closed(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	ck_assert(n == 0 || (n < 0 && errno == ECONNRESET));
	close(fd);
}

/* ---- datagrams -------------------------------------------------------------------------- */

START_TEST(a_datagram_is_a_message)
{
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "udp");

	must_start(r);
	fd = dial(SOCK_DGRAM, port);
	puts_to(fd, "<13>one");
	puts_to(fd, "<13>two\n");
	puts_to(fd, "<13>thr\nee\r\n");
	puts_to(fd, "\n");
	put(fd, SV("<13>fo\0ur\0"));
	wait_messages(r, 4);
	stop(r);
	check_spooled(r,
	    "udp:127.0.0.1 <13>one\n"
	    "udp:127.0.0.1 <13>two\n"
	    "udp:127.0.0.1 <13>thr#012ee\n"
	    "udp:127.0.0.1 <13>fo#000ur\n");
	close(fd);
	rig_free(r);
}
END_TEST

START_TEST(an_address_of_both_families_shows_ipv4)
{
	struct rig *r = rig_new();
	int fd, port = free_port(SOCK_DGRAM);

	add_address(r, xasprintf("udp://[::]:%d", port));
	must_start(r);
	fd = dial(SOCK_DGRAM, port);
	puts_to(fd, "four");
	wait_messages(r, 1);
	stop(r);
	check_spooled(r, "udp:127.0.0.1 four\n");
	close(fd);
	rig_free(r);
}
END_TEST

START_TEST(the_largest_datagrams_come_whole_or_cut_and_told)
{
	static const size_t sizes[] = {1, MAX_MESSAGE, MAX_MESSAGE + 1, 65507};
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "udp");
	char *bytes = xmalloc(65507), *text;

	memset(bytes, 'x', 65507);
	must_start(r);
	fd = dial(SOCK_DGRAM, port);
	for (size_t i = 0; i < 4; i++)
		put(fd, (struct sv){bytes, sizes[i]});
	wait_messages(r, 4);
	ck_assert_uint_eq(status(r, 0)->bytes, 1 + 3 * MAX_MESSAGE);
	stop(r);
	ck_assert_uint_eq(r->times[TROUBLE_OVERSIZE], 1);
	text = xasprintf(
	    "2 messages were longer than max_line, %d bytes cut off", 1 + 65507 - MAX_MESSAGE);
	ck_assert_str_eq(r->text, text);
	free(text);
	free(bytes);
	close(fd);
	rig_free(r);
}
END_TEST

/* More than the socket can hold while nobody reads: what is in the spool and what is
 * counted as dropped are all that was sent. */
START_TEST(drops_are_counted_exactly)
{
	struct rig *r = rig_new();
	int fd, small = 4096, port = listen_inet(r, "udp");
	size_t sent = 3000;

	must_start(r);
	setsockopt(receive_sockets_get(r->sockets, r->listen[0].s, 0)->fd, SOL_SOCKET, SO_RCVBUF,
	    &small, sizeof(small));
	fd = dial(SOCK_DGRAM, port);
	for (size_t i = 0; i < sent; i++)
		puts_to(fd, "<13>Nov 22 09:00:00 gate doord[7]: door north: opened");
	wait_trouble(r, TROUBLE_DROPPED);
	ck_assert_uint_gt(r->lost[TROUBLE_DROPPED], 0);
	for (size_t i = 0; i < sent; i++)
		puts_to(fd, "<13>Nov 22 09:00:00 gate doord[7]: door north: opened");
	drain(r);
	ck_assert_uint_eq(status(r, 0)->messages + status(r, 0)->dropped, 2 * sent);
	receive_free(&r->receive);
	ck_assert_uint_eq(count_spooled(r) + r->lost[TROUBLE_DROPPED], 2 * sent);
	close(fd);
	rig_free(r);
}
END_TEST

START_TEST(a_peer_beyond_its_rate_is_dropped_and_counted)
{
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "udp");

	r->conf.peer_rate = 10;
	must_start(r);
	fd = dial(SOCK_DGRAM, port);
	for (size_t i = 0; i < 1000; i++)
		puts_to(fd, "again");
	drain(r);
	ck_assert_uint_ge(status(r, 0)->messages, 10);
	ck_assert_uint_lt(status(r, 0)->messages, 500);
	ck_assert_uint_eq(status(r, 0)->messages + status(r, 0)->refused, 1000);
	receive_free(&r->receive);
	ck_assert_uint_eq(count_spooled(r) + r->lost[TROUBLE_DROPPED], 1000);
	close(fd);
	rig_free(r);
}
END_TEST

START_TEST(what_waits_in_a_socket_survives_a_change_of_configuration)
{
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "udp");

	must_start(r);
	fd = dial(SOCK_DGRAM, port);
	puts_to(fd, "before");
	stop(r);
	puts_to(fd, "between");
	must_start(r);
	puts_to(fd, "after");
	wait_messages(r, 2);
	stop(r);
	check_spooled(r, "udp:127.0.0.1 before\nudp:127.0.0.1 between\nudp:127.0.0.1 after\n");
	close(fd);
	rig_free(r);
}
END_TEST

START_TEST(a_unix_datagram_has_the_uid_of_its_sender)
{
	struct rig *r = rig_new();
	char *path = listen_path(r, "unixgram"), *want;
	struct stat st;
	int fd;

	must_start(r);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	fd = dial_unix(SOCK_DGRAM, path);
	puts_to(fd, "<13>one\n");
	puts_to(fd, "<13>two");
	wait_messages(r, 2);
	stop(r);
	want = xasprintf("unix:%u <13>one\nunix:%u <13>two\n", getuid(), getuid());
	check_spooled(r, want);
	receive_sockets_free(&r->sockets);
	ck_assert_int_eq(access(path, F_OK), -1);
	free(want);
	free(path);
	close(fd);
	rig_free(r);
}
END_TEST

/* ---- streams ------------------------------------------------------------------------- */

START_TEST(both_framings_come_over_one_connection)
{
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "tcp");

	must_start(r);
	fd = dial(SOCK_STREAM, port);
	puts_to(fd, "<13>one\n8 <13>two\n<13>three\r\n9 <13>\nfour54 <1 minute\n<13>unfinished");
	wait_messages(r, 5);
	close(fd);
	rig_turn_until(r->ev, no_connection, r, WAIT_MS);
	stop(r);
	check_spooled(r,
	    "tcp:127.0.0.1 <13>one\n"
	    "tcp:127.0.0.1 <13>two\n"
	    "tcp:127.0.0.1 <13>three\n"
	    "tcp:127.0.0.1 <13>#012four\n"
	    "tcp:127.0.0.1 54 <1 minute\n"
	    "tcp:127.0.0.1 <13>unfinished\n");
	rig_free(r);
}
END_TEST

START_TEST(a_drain_takes_what_was_sent)
{
	struct rig *r = rig_new();
	int fd, late, port = listen_inet(r, "tcp");

	must_start(r);
	fd = dial(SOCK_STREAM, port);
	puts_to(fd, "one\n");
	wait_messages(r, 1);
	puts_to(fd, "two\nthree");
	late = dial(SOCK_STREAM, port);
	puts_to(late, "four\n");
	stop(r);
	check_closed(fd);
	check_closed(late);
	ck_assert_uint_eq(count_spooled(r), 4);
	rig_free(r);
}
END_TEST

START_TEST(a_change_leaves_connections_open)
{
	struct rig *r = rig_new();
	int fd, late, port = listen_inet(r, "tcp");

	must_start(r);
	fd = dial(SOCK_STREAM, port);
	puts_to(fd, "one\ntw");
	wait_messages(r, 1);
	puts_to(fd, "o\nthr");
	stop_for_change(r);
	puts_to(fd, "ee\n8 <13>fo");
	late = dial(SOCK_STREAM, port);
	puts_to(late, "late\n");
	r->conf.idle_timeout *= 2;
	must_start(r);
	puts_to(fd, "ur");
	wait_messages(r, 4);
	ck_assert_uint_eq(status(r, 0)->connections, 2);
	stop(r);
	check_closed(fd);
	check_closed(late);
	ck_assert_uint_eq(count_spooled(r), 5);
	ck_assert_uint_eq(r->times[TROUBLE_FULL], 0);
	rig_free(r);
}
END_TEST

/* Limits count them as before. */
START_TEST(a_change_forgets_no_connection_of_a_peer)
{
	struct rig *r = rig_new();
	int fd, more, port = listen_inet(r, "tcp");

	r->conf.peer_connections = 1;
	must_start(r);
	fd = dial(SOCK_STREAM, port);
	puts_to(fd, "one\n");
	wait_messages(r, 1);
	stop_for_change(r);
	must_start(r);
	more = dial(SOCK_STREAM, port);
	wait_refused(r, 1);
	check_closed(more);
	puts_to(fd, "two\n");
	wait_messages(r, 1);
	close(fd);
	rig_turn_until(r->ev, no_connection, r, WAIT_MS);
	stop(r);
	ck_assert_uint_eq(count_spooled(r), 2);
	rig_free(r);
}
END_TEST

/* Somebody else may be let in now: who was, must show again who it is. */
START_TEST(a_change_of_who_is_let_in_closes_connections)
{
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "tcp");

	must_start(r);
	fd = dial(SOCK_STREAM, port);
	puts_to(fd, "one\n");
	wait_messages(r, 1);
	puts_to(fd, "two\n");
	r->conf.tls.clients = TLS_NONE;
	receive_sockets_expect(r->sockets, &r->conf, 1);
	r->conf.tls.clients = TLS_REQUIRED;
	stop(r);
	check_closed(fd);
	ck_assert_uint_eq(count_spooled(r), 2);
	rig_free(r);
}
END_TEST

/* Another change came in between. */
START_TEST(connections_left_open_are_closed_when_the_terms_change_after_all)
{
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "tcp");

	must_start(r);
	fd = dial(SOCK_STREAM, port);
	puts_to(fd, "one\ntw");
	wait_messages(r, 1);
	stop_for_change(r);
	r->conf.tls.clients = TLS_NONE;
	must_start(r);
	check_closed(fd);
	stop(r);
	ck_assert_uint_eq(count_spooled(r), 1);
	ck_assert_uint_eq(r->lost[TROUBLE_FULL], 1);
	rig_free(r);
}
END_TEST

/* A stop comes while a change is under way. */
START_TEST(what_a_change_left_is_taken_in_by_a_stop)
{
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "tcp");

	must_start(r);
	fd = dial(SOCK_STREAM, port);
	puts_to(fd, "one\n");
	wait_messages(r, 1);
	receive_sockets_expect(r->sockets, &r->conf, 1);
	receive_drain(r->receive);
	puts_to(fd, "two\nthree");
	receive_sockets_expect(r->sockets, NULL, 0);
	stop(r);
	check_closed(fd);
	ck_assert_uint_eq(count_spooled(r), 3);
	rig_free(r);
}
END_TEST

START_TEST(connections_that_nobody_comes_for_are_closed)
{
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "tcp");

	must_start(r);
	fd = dial(SOCK_STREAM, port);
	puts_to(fd, "one\ntw");
	wait_messages(r, 1);
	stop_for_change(r);
	receive_sockets_free(&r->sockets);
	check_closed(fd);
	rig_free(r);
}
END_TEST

START_TEST(a_frame_longer_than_a_line_is_cut_and_the_next_one_whole)
{
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "tcp");
	char *x = xmalloc(5000), *want;

	must_start(r);
	memset(x, 'x', 5000);
	fd = dial(SOCK_STREAM, port);
	puts_to(fd, "<13>");
	put(fd, (struct sv){x, 5000});
	puts_to(fd, "\n<13>one\n5004 <13>");
	put(fd, (struct sv){x, 5000});
	puts_to(fd, "7 <13>two");
	wait_messages(r, 4);
	stop(r);
	x[MAX_MESSAGE - 4] = '\0';
	want = xasprintf(
	    "tcp:127.0.0.1 <13>%s\ntcp:127.0.0.1 <13>one\n"
	    "tcp:127.0.0.1 <13>%s\ntcp:127.0.0.1 <13>two\n",
	    x, x);
	check_spooled(r, want);
	ck_assert_uint_gt(r->times[TROUBLE_OVERSIZE], 0);
	check_closed(fd);
	free(want);
	free(x);
	rig_free(r);
}
END_TEST

START_TEST(a_wrong_count_costs_the_connection_and_is_told)
{
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "tcp");
	char *x = xmalloc(5000);

	must_start(r);
	memset(x, 'x', 5000);
	fd = dial(SOCK_STREAM, port);
	puts_to(fd, "7 <13>one");
	put(fd, (struct sv){x, 5000});
	wait_trouble(r, TROUBLE_MALFORMED);
	check_closed(fd);
	stop(r);
	ck_assert_uint_eq(count_spooled(r), 2);
	free(x);
	rig_free(r);
}
END_TEST

START_TEST(a_unix_stream_has_the_uid_of_its_sender)
{
	struct rig *r = rig_new();
	char *path = listen_path(r, "unix"), *want;
	int fd;

	must_start(r);
	fd = dial_unix(SOCK_STREAM, path);
	puts_to(fd, "<13>one\n");
	wait_messages(r, 1);
	stop(r);
	want = xasprintf("unix:%u <13>one\n", getuid());
	check_spooled(r, want);
	check_closed(fd);
	free(want);
	free(path);
	rig_free(r);
}
END_TEST

/* More than the spool holds in memory. */
START_TEST(a_drain_waits_for_the_disk)
{
	struct rig *r = rig_new();
	char line[700];
	int fd, port = listen_inet(r, "udp");

	memset(line, 'x', sizeof(line));
	must_start(r);
	fd = dial(SOCK_DGRAM, port);
	for (int i = 0; i < 20000; i++)
		put(fd, (struct sv){line, sizeof(line)});
	drain(r);
	ck_assert_uint_eq(status(r, 0)->messages + status(r, 0)->dropped, 20000);
	receive_free(&r->receive);
	ck_assert_uint_eq(count_spooled(r) + r->lost[TROUBLE_DROPPED], 20000);
	close(fd);
	rig_free(r);
}
END_TEST

START_TEST(a_stale_socket_file_is_replaced_and_a_served_one_is_not)
{
	struct rig *r = rig_new(), *other = rig_new();
	char *path = listen_path(r, "unix");
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	must_start(r);
	add_address(other, xasprintf("unix://%s", path));
	ck_assert(!start(other));
	close(dial_unix(SOCK_STREAM, path));
	free(path);
	rig_free(other);
	rig_free(r);
}
END_TEST

/* ---- limits -------------------------------------------------------------------------- */

START_TEST(a_flood_of_connections_leaves_the_others_theirs)
{
	struct rig *r = rig_new();
	int fd[5], port = listen_inet(r, "tcp");

	r->conf.max_connections = 3;
	must_start(r);
	for (size_t i = 0; i < 5; i++) {
		fd[i] = dial(SOCK_STREAM, port);
		puts_to(fd[i], "one\n");
	}
	wait_messages(r, 3);
	wait_refused(r, 2);
	ck_assert_uint_eq(status(r, 0)->connections, 3);
	check_closed(fd[3]);
	check_closed(fd[4]);
	close(fd[0]);
	wait_messages(r, 3);
	while (status(r, 0)->connections == 3)
		ev_turn(r->ev, true);
	fd[3] = dial(SOCK_STREAM, port);
	puts_to(fd[3], "again\n");
	wait_messages(r, 4);
	for (size_t i = 1; i < 4; i++)
		close(fd[i]);
	rig_free(r);
}
END_TEST

START_TEST(one_peer_has_no_more_than_its_connections)
{
	struct rig *r = rig_new();
	int fd[3], port = listen_inet(r, "tcp");

	r->conf.peer_connections = 2;
	must_start(r);
	for (size_t i = 0; i < 3; i++)
		fd[i] = dial(SOCK_STREAM, port);
	wait_refused(r, 1);
	check_closed(fd[2]);
	ck_assert_uint_eq(status(r, 0)->connections, 2);
	close(fd[0]);
	close(fd[1]);
	rig_free(r);
}
END_TEST

/* One that drips bytes is as idle as one that sends none. */
START_TEST(a_connection_without_messages_is_closed)
{
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "tcp");

	r->conf.idle_timeout = 1000;
	must_start(r);
	fd = dial(SOCK_STREAM, port);
	puts_to(fd, "half a line");
	while (status(r, 0)->connections == 0)
		ev_turn(r->ev, true);
	do {
		(void)send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		ev_turn(r->ev, true);
	} while (!no_connection(r));
	check_closed(fd);
	stop(r);
	ck_assert_uint_eq(count_spooled(r), 1);
	rig_free(r);
}
END_TEST

START_TEST(a_connection_beyond_its_rate_waits_and_loses_nothing)
{
	struct rig *r = rig_new();
	int fd, port = listen_inet(r, "tcp");

	r->conf.peer_rate = 100;
	must_start(r);
	fd = dial(SOCK_STREAM, port);
	for (size_t i = 0; i < 120; i++)
		puts_to(fd, "7 <13>one");
	wait_messages(r, 100);
	ck_assert_uint_lt(status(r, 0)->messages, 120);
	wait_messages(r, 120);
	stop(r);
	ck_assert_uint_eq(count_spooled(r), 120);
	check_closed(fd);
	rig_free(r);
}
END_TEST

START_TEST(without_descriptors_connections_wait)
{
	struct rig *r = rig_new();
	struct rlimit limit, none;
	int fd, port = listen_inet(r, "tcp");

	must_start(r);
	fd = dial(SOCK_STREAM, port);
	puts_to(fd, "one\n");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)fd;
	log_open("check_receive", LOG_LEVEL_ERROR);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < 100; i++)
		ev_turn(r->ev, false);
	ck_assert_uint_eq(status(r, 0)->connections, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	wait_messages(r, 1);
	close(fd);
	rig_free(r);
}
END_TEST

/* Tell the spool that Redis has all of it. */
static void
commit_all(struct rig *r)
{
	struct dirent **names;
	char *dir = receive_spool_dir(r->dir, "net"), *path;
	int n = scandir(dir, &names, is_segment, alphasort);
	struct stat st;

	for (int i = 0; i < n; i++) {
		path = xasprintf("%s/%s", dir, names[i]->d_name);
		if (stat(path, &st) == 0)
			receive_committed(r->receive, path, (uint64_t)st.st_size);
		free(path);
		free(names[i]);
	}
	free(names);
	free(dir);
}

static bool
has_problem(void *ctx)
{
	return status(ctx, 0)->problem != NULL;
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
	struct rig *r = rig_new();
	struct buf all = BUF_INIT;
	size_t sent = 0;
	int fd, port = listen_inet(r, "tcp");

	for (int i = 0; i < 30000; i++)
		buf_printf(&all, "<13>%0700d\n", i);
	r->conf.spool_mib = 1;
	must_start(r);
	fd = dial(SOCK_STREAM, port);
	while (!has_problem(r)) {
		push(fd, &all, &sent);
		ev_turn(r->ev, false);
	}
	ck_assert_uint_lt(sent, all.n);
	ck_assert_uint_lt(status(r, 0)->messages, 1500);
	while (sent < all.n) {
		commit_all(r);
		push(fd, &all, &sent);
		ev_turn(r->ev, false);
	}
	while (status(r, 0)->messages < 30000) {
		commit_all(r);
		ev_turn(r->ev, false);
	}
	ck_assert_uint_eq(status(r, 0)->refused, 0);
	ck_assert_uint_eq(r->times[TROUBLE_FULL], 0);
	buf_free(&all);
	close(fd);
	rig_free(r);
}
END_TEST

START_TEST(what_a_full_spool_leaves_out_is_counted_exactly)
{
	struct rig *r = rig_new();
	char line[700];
	int fd, small = 65536, port = listen_inet(r, "udp");
	size_t sent = 0, left = 0;
	struct receive_socket *socket;

	memset(line, 'x', sizeof(line));
	r->conf.spool_mib = 1;
	must_start(r);
	socket = receive_sockets_get(r->sockets, r->listen[0].s, 0);
	setsockopt(socket->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	fd = dial(SOCK_DGRAM, port);
	while (r->times[TROUBLE_FULL] == 0) {
		put(fd, (struct sv){line, sizeof(line)});
		if (sent++ % 10 == 0)
			ev_turn(r->ev, false);
		clock_update();
	}
	receive_drain(r->receive);
	receive_free(&r->receive);
	while (recv(socket->fd, line, sizeof(line), MSG_DONTWAIT) >= 0)
		left++;
	ck_assert_uint_eq(
	    count_spooled(r) + r->lost[TROUBLE_FULL] + r->lost[TROUBLE_DROPPED] + left, sent);
	close(fd);
	rig_free(r);
}
END_TEST

/* Who logs to a unix socket is not to stop because of us. */
START_TEST(a_full_spool_does_not_stop_local_programs)
{
	struct rig *r = rig_new();
	char line[700], *path = listen_path(r, "unixgram");
	uint64_t sent = 0;
	int fd;

	memset(line, 'x', sizeof(line));
	r->conf.spool_mib = 1;
	must_start(r);
	fd = dial_unix(SOCK_DGRAM, path);
	for (clock_update(); sent < 5000; ev_turn(r->ev, false))
		sent += send(fd, line, sizeof(line), MSG_DONTWAIT) > 0;
	wait_trouble(r, TROUBLE_FULL);
	receive_drain(r->receive);
	ck_assert(!receive_is_idle(r->receive));
	receive_free(&r->receive);
	ck_assert_uint_eq(count_spooled(r) + r->lost[TROUBLE_FULL], sent);
	free(path);
	close(fd);
	rig_free(r);
}
END_TEST

/* ---- FIFO and standard input ------------------------------------------------------------ */

START_TEST(writers_of_a_fifo_come_and_go)
{
	struct rig *r = rig_new();
	char *path = listen_path(r, "fifo"), text[32];
	struct stat st;

	must_start(r);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	for (size_t i = 1; i <= 20; i++) {
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		snprintf(text, sizeof(text), "%zu\n8 <13>%zu\n", i, i);
		puts_to(fd, text);
		close(fd);
		wait_messages(r, 2 * i);
	}
	stop(r);
	must_start(r);
	stop(r);
	ck_assert_uint_eq(count_spooled(r), 40);
	free(path);
	rig_free(r);
}
END_TEST

/* More than one read, and lines that go over its end. */
START_TEST(a_drain_takes_all_of_a_fifo)
{
	struct rig *r = rig_new();
	char *path = listen_path(r, "fifo");
	struct buf all = BUF_INIT;
	int fd;

	for (int i = 0; i < 2000; i++)
		buf_printf(&all, "%0100d\n", i);
	must_start(r);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	put(fd, buf_view(&all));
	stop(r);
	ck_assert_uint_eq(count_spooled(r), 2000);
	buf_free(&all);
	free(path);
	close(fd);
	rig_free(r);
}
END_TEST

START_TEST(a_line_goes_on_over_a_change)
{
	struct rig *r = rig_new();
	char *path = listen_path(r, "fifo");
	int fd;

	must_start(r);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	puts_to(fd, "one\ntw");
	wait_messages(r, 1);
	stop_for_change(r);
	puts_to(fd, "o\nth");
	must_start(r);
	wait_messages(r, 1);
	puts_to(fd, "ree\n");
	wait_messages(r, 2);
	stop(r);
	check_spooled(r, "fifo: one\nfifo: two\nfifo: three\n");
	free(path);
	close(fd);
	rig_free(r);
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
	struct rig *r = rig_new();
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	set_stdin(ends[0]);
	add_address(r, xstrdup("stdin:"));
	must_start(r);
	puts_to(ends[1], "one\ntwo");
	close(ends[1]);
	wait_trouble(r, TROUBLE_GONE);
	stop(r);
	check_spooled(r, "stdin: one\nstdin: two\n");
	rig_free(r);
}
END_TEST

START_TEST(standard_input_may_be_a_file)
{
	struct rig *r = rig_new();
	struct buf text = BUF_INIT;
	char *path;

	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "line %d\n", i);
	path = rig_file(r->dir, "in", buf_str(&text));
	set_stdin(open(path, O_RDONLY | O_CLOEXEC));
	add_address(r, xstrdup("stdin:"));
	must_start(r);
	wait_trouble(r, TROUBLE_GONE);
	stop(r);
	ck_assert_uint_eq(count_spooled(r), 20000);
	buf_free(&text);
	free(path);
	rig_free(r);
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
	struct rig *r = rig_new();
	char *path = xasprintf("%s/passed", r->dir);
	int next = 3, udp = 0, tcp = 0, fd;

	pass_socket(&next, SOCK_DGRAM, NULL, &udp);
	pass_socket(&next, SOCK_STREAM, NULL, &tcp);
	pass_socket(&next, SOCK_DGRAM, path, NULL);
	announce("3", "syslog:syslog:syslog");
	add_address(r, xstrdup("systemd:syslog"));
	must_start(r);
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	fd = dial(SOCK_DGRAM, udp);
	puts_to(fd, "udp");
	close(fd);
	fd = dial_unix(SOCK_DGRAM, path);
	puts_to(fd, "gram");
	close(fd);
	fd = dial(SOCK_STREAM, tcp);
	puts_to(fd, "tcp\n");
	wait_messages(r, 3);
	ck_assert_uint_eq(r->nstatus, 3);
	stop(r);
	ck_assert_uint_eq(count_spooled(r), 3);
	receive_sockets_free(&r->sockets);
	ck_assert_int_eq(fcntl(3, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(access(path, F_OK), 0);
	free(path);
	rig_free(r);
}
END_TEST

static void
overflow(int fd)
{
	for (int i = 0; i < 3000; i++)
		puts_to(fd, "<13>Nov 22 09:00:00 gate doord[7]: door north: opened");
}

/* The kernel's count goes on over our restarts; what it dropped while we were away is
 * told too. */
START_TEST(drops_of_a_socket_of_systemd_are_told_once)
{
	struct rig *r = rig_new();
	int next = 3, small = 4096, port = 0, fd;

	pass_socket(&next, SOCK_DGRAM, NULL, &port);
	add_address(r, xstrdup("systemd:syslog"));
	fd = dial(SOCK_DGRAM, port);
	for (int i = 0; i < 3; i++) {
		announce("1", "syslog");
		must_start(r);
		setsockopt(3, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		overflow(fd);
		stop(r);
		receive_sockets_free(&r->sockets);
		overflow(fd);
	}
	announce("1", "syslog");
	must_start(r);
	stop(r);
	ck_assert_uint_eq(count_spooled(r) + r->lost[TROUBLE_DROPPED], 3 * 6000);
	close(fd);
	rig_free(r);
}
END_TEST

START_TEST(a_socket_whose_file_was_removed_is_made_anew)
{
	struct rig *r = rig_new();
	char *gram = listen_path(r, "unixgram"), *fifo = listen_path(r, "fifo");
	int fd;

	must_start(r);
	fd = dial_unix(SOCK_DGRAM, gram);
	puts_to(fd, "one");
	close(fd);
	unlink(gram);
	unlink(fifo);
	while (access(gram, F_OK) != 0 || access(fifo, F_OK) != 0)
		ev_turn(r->ev, true);
	fd = dial_unix(SOCK_DGRAM, gram);
	puts_to(fd, "two");
	close(fd);
	fd = open(fifo, O_WRONLY | O_CLOEXEC);
	puts_to(fd, "three\n");
	close(fd);
	wait_messages(r, 3);
	free(gram);
	free(fifo);
	rig_free(r);
}
END_TEST

START_TEST(what_cannot_be_bound_is_refused_as_a_whole)
{
	struct rig *r = rig_new();
	char *path = listen_path(r, "unix");

	add_address(r, xstrdup("udp://192.0.2.77:5514"));
	ck_assert(!start(r));
	ck_assert_int_eq(access(path, F_OK), -1);
	free(r->listen[1].s);
	r->listen[1].s = xstrdup("systemd:nobody");
	ck_assert(!start(r));
	r->conf.listen.n = 1;
	free(r->listen[1].s);
	must_start(r);
	ck_assert_int_eq(access(path, F_OK), 0);
	free(path);
	rig_free(r);
}
END_TEST

/* ---- TLS --------------------------------------------------------------------------------- */

struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ck_assert_ptr_nonnull(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

/* A certificate good from ${from} to ${to} seconds from now, signed by ${ca}, or by
 * itself and for signing. */
static struct identity
identity_new(const char *name, const char *san, const struct identity *ca, long from, long to)
{
	struct identity id = {.key = EVP_EC_gen("P-256"), .cert = X509_new()};
	X509 *issuer = ca == NULL ? id.cert : ca->cert;
	X509_NAME *subject = X509_get_subject_name(id.cert);

	X509_set_version(id.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(id.cert), from);
	X509_gmtime_adj(X509_getm_notAfter(id.cert), to);
	X509_set_pubkey(id.cert, id.key);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(id.cert, X509_get_subject_name(issuer));
	if (ca == NULL)
		add_extension(id.cert, issuer, NID_basic_constraints, "critical,CA:TRUE");
	if (san != NULL)
		add_extension(id.cert, issuer, NID_subject_alt_name, san);
	ck_assert_int_gt(X509_sign(id.cert, ca == NULL ? id.key : ca->key, EVP_sha256()), 0);
	return id;
}

static void
identity_free(struct identity *id)
{
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
}

static char *
save_certificate(struct rig *r, const char *name, const struct identity *id)
{
	char *path = rig_file(r->dir, name, "");
	FILE *f = fopen(path, "we");

	ck_assert_int_eq(PEM_write_X509(f, id->cert), 1);
	fclose(f);
	return path;
}

static char *
save_key(struct rig *r, const char *name, const struct identity *id)
{
	char *path = rig_file(r->dir, name, "");
	FILE *f = fopen(path, "we");

	ck_assert_int_eq(PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	return path;
}

struct tls_rig {
	struct rig *r;
	struct identity ca, server;
	struct conf_string names[2];
	int port;
};

static struct tls_rig *
tls_rig_new(const char *name, const char *other)
{
	struct tls_rig *t = xcalloc(1, sizeof(*t));
	struct tls_conf *tls;

	t->r = rig_new();
	tls = &t->r->conf.tls;
	t->ca = identity_new("our CA", NULL, NULL, -60, 3600);
	t->server = identity_new("server", "DNS:log.example.org", &t->ca, -60, 3600);
	tls->certificate.s = save_certificate(t->r, "server.pem", &t->server);
	tls->key.s = save_key(t->r, "server.key", &t->server);
	tls->ca.s = save_certificate(t->r, "ca.pem", &t->ca);
	tls->clients = TLS_REQUIRED;
	tls->names.v = t->names;
	t->names[0].s = (char *)(uintptr_t)name;
	t->names[1].s = (char *)(uintptr_t)other;
	tls->names.n = (size_t)(name != NULL) + (size_t)(other != NULL);
	t->port = listen_inet(t->r, "tls");
	return t;
}

static void
tls_rig_free(struct tls_rig *t)
{
	free(t->r->conf.tls.certificate.s);
	free(t->r->conf.tls.key.s);
	free(t->r->conf.tls.ca.s);
	identity_free(&t->ca);
	identity_free(&t->server);
	rig_free(t->r);
	free(t);
}

/* In a process of its own: connect as ${id} and send ${text}, ${record} bytes a record;
 * exits with 0 when the other end let us send all. */
static pid_t
send_tls(int port, const struct identity *id, const char *text, size_t record, int version)
{
	pid_t pid = fork();
	SSL_CTX *ctx;
	SSL *ssl;
	char byte;
	size_t n;

	if (pid != 0)
		return pid;
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_min_proto_version(ctx, version);
	if (version < TLS1_2_VERSION)
		SSL_CTX_set_security_level(ctx, 0);
	if (id != NULL) {
		SSL_CTX_use_certificate(ctx, id->cert);
		SSL_CTX_use_PrivateKey(ctx, id->key);
	}
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, dial(SOCK_STREAM, port));
	if (SSL_connect(ssl) != 1)
		_exit(1);
	for (; *text != '\0'; text += n) {
		n = strnlen(text, record);
		if (SSL_write(ssl, text, (int)n) != (int)n)
			_exit(2);
	}
	SSL_shutdown(ssl);
	/* A refusal comes as an alert; else the other end closes too. */
	if (SSL_read(ssl, &byte, 1) <= 0 && SSL_get_error(ssl, 0) == SSL_ERROR_ZERO_RETURN)
		_exit(0);
	_exit(3);
}

/* The same, a byte read from ${gate} before connecting and before each text but the
 * first; the last is "".  Fork before the spool is open, whose lock it would keep. */
static pid_t
send_tls_texts(int port, const struct identity *id, int gate, const char *const *texts)
{
	pid_t pid = fork();
	SSL_CTX *ctx;
	SSL *ssl;
	char byte;

	if (pid != 0)
		return pid;
	if (read(gate, &byte, 1) != 1)
		_exit(3);
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_use_certificate(ctx, id->cert);
	SSL_CTX_use_PrivateKey(ctx, id->key);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, dial(SOCK_STREAM, port));
	if (SSL_connect(ssl) != 1)
		_exit(1);
	for (; **texts != '\0'; texts++)
		if (SSL_write(ssl, *texts, (int)strlen(*texts)) <= 0 || read(gate, &byte, 1) != 1)
			_exit(2);
	SSL_shutdown(ssl);
	_exit(0);
}

static int
exit_of(pid_t pid)
{
	int code;

	ck_assert_int_eq(waitpid(pid, &code, 0), pid);
	ck_assert(WIFEXITED(code));
	return WEXITSTATUS(code);
}

static void
check_let_in(struct tls_rig *t, const struct identity *id, const char *origin)
{
	char *want = xasprintf("%s <13>one\n%s <13>two\n", origin, origin);
	pid_t pid;

	must_start(t->r);
	pid = send_tls(t->port, id, "7 <13>one<13>two\n", 100, TLS1_3_VERSION);
	wait_messages(t->r, 2);
	rig_turn_until(t->r->ev, no_connection, t->r, WAIT_MS);
	ck_assert_int_eq(exit_of(pid), 0);
	ck_assert_uint_eq(status(t->r, 0)->refused, 0);
	stop(t->r);
	check_spooled(t->r, want);
	free(want);
}

static void
check_kept_out(struct tls_rig *t, const struct identity *id, int version)
{
	pid_t pid;

	must_start(t->r);
	pid = send_tls(t->port, id, "7 <13>one<13>two\n", 100, version);
	wait_refused(t->r, 1);
	rig_turn_until(t->r->ev, no_connection, t->r, WAIT_MS);
	ck_assert_int_ne(exit_of(pid), 0);
	stop(t->r);
	ck_assert_uint_eq(count_spooled(t->r), 0);
}

START_TEST(a_client_with_an_allowed_name_is_let_in_and_named)
{
	struct tls_rig *t = tls_rig_new("*.example.net", "gate.example.org");
	struct identity id =
	    identity_new("x", "DNS:other.org,DNS:Gate.example.org", &t->ca, -60, 3600);

	check_let_in(t, &id, "tls:127.0.0.1/Gate.example.org");
	identity_free(&id);
	tls_rig_free(t);
}
END_TEST

START_TEST(a_tls_connection_goes_on_over_changes)
{
	static const char *const texts[] = {"<13>one\n<13>tw", "o\n<13>three\n", "<13>four\n", ""};
	struct tls_rig *t = tls_rig_new("a.example.org", NULL);
	struct identity id = identity_new("x", "DNS:a.example.org", &t->ca, -60, 3600);
	int gate[2];
	pid_t pid;

	ck_assert_int_eq(pipe(gate), 0);
	pid = send_tls_texts(t->port, &id, gate[0], texts);
	must_start(t->r);
	puts_to(gate[1], "1");
	wait_messages(t->r, 1);
	stop_for_change(t->r);
	puts_to(gate[1], "2");
	must_start(t->r);
	wait_messages(t->r, 2);
	stop_for_change(t->r);
	must_start(t->r);
	puts_to(gate[1], "3");
	wait_messages(t->r, 1);
	puts_to(gate[1], "4");
	rig_turn_until(t->r->ev, no_connection, t->r, WAIT_MS);
	ck_assert_int_eq(exit_of(pid), 0);
	stop(t->r);
	check_spooled(t->r,
	    "tls:127.0.0.1/a.example.org <13>one\n"
	    "tls:127.0.0.1/a.example.org <13>two\n"
	    "tls:127.0.0.1/a.example.org <13>three\n"
	    "tls:127.0.0.1/a.example.org <13>four\n");
	identity_free(&id);
	tls_rig_free(t);
	close(gate[0]);
	close(gate[1]);
}
END_TEST

START_TEST(a_pattern_stands_for_one_label)
{
	struct tls_rig *t = tls_rig_new("*.example.net", NULL);
	struct identity deep = identity_new("x", "DNS:a.b.example.net", &t->ca, -60, 3600);
	struct identity id = identity_new("x", "DNS:a.example.net", &t->ca, -60, 3600);

	check_kept_out(t, &deep, TLS1_3_VERSION);
	check_let_in(t, &id, "tls:127.0.0.1/a.example.net");
	identity_free(&deep);
	identity_free(&id);
	tls_rig_free(t);
}
END_TEST

START_TEST(an_address_may_be_a_name)
{
	struct tls_rig *t = tls_rig_new("2001:db8:0::7", NULL);
	struct identity id = identity_new("x", "IP:2001:db8::7", &t->ca, -60, 3600);

	check_let_in(t, &id, "tls:127.0.0.1/2001:db8::7");
	identity_free(&id);
	tls_rig_free(t);
}
END_TEST

START_TEST(without_names_any_client_of_the_ca_is_let_in)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);
	struct identity id = identity_new("nobody", NULL, &t->ca, -60, 3600);

	check_let_in(t, &id, "tls:127.0.0.1");
	identity_free(&id);
	tls_rig_free(t);
}
END_TEST

START_TEST(without_certificates_anybody_is_let_in)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);

	t->r->conf.tls.clients = TLS_NONE;
	check_let_in(t, NULL, "tls:127.0.0.1");
	tls_rig_free(t);
}
END_TEST

START_TEST(who_cannot_prove_a_name_is_kept_out)
{
	struct tls_rig *t = tls_rig_new("gate.example.org", NULL);
	struct identity ca = identity_new("our CA", NULL, NULL, -60, 3600);
	struct identity kept_out[] = {
	    identity_new("x", "DNS:gate.example.org", &ca, -60, 3600),
	    identity_new("x", "DNS:gate.example.org", &t->ca, -3600, -60),
	    identity_new("x", "DNS:gate.example.org", &t->ca, 3600, 7200),
	    identity_new("x", "DNS:fate.example.org", &t->ca, -60, 3600),
	    identity_new("x", "DNS:gate.example.org.evil.org", &t->ca, -60, 3600),
	    identity_new("x", "URI:gate.example.org", &t->ca, -60, 3600),
	    identity_new("gate.example.org", NULL, &t->ca, -60, 3600),
	    identity_new("x", "DNS:*.example.org", &t->ca, -60, 3600),
	    identity_new("x", "DNS:gate.example.org", NULL, -60, 3600),
	};

	for (size_t i = 0; i < sizeof(kept_out) / sizeof(kept_out[0]); i++) {
		check_kept_out(t, &kept_out[i], TLS1_3_VERSION);
		check_kept_out(t, &kept_out[i], TLS1_2_VERSION);
		identity_free(&kept_out[i]);
	}
	check_kept_out(t, NULL, TLS1_3_VERSION);
	check_kept_out(t, NULL, TLS1_2_VERSION);
	identity_free(&ca);
	tls_rig_free(t);
}
END_TEST

START_TEST(old_tls_is_refused)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);
	struct identity id = identity_new("x", NULL, &t->ca, -60, 3600);

	check_kept_out(t, &id, TLS1_1_VERSION);
	identity_free(&id);
	tls_rig_free(t);
}
END_TEST

START_TEST(records_of_one_byte_and_large_ones_are_the_same)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);
	struct identity id = identity_new("x", NULL, &t->ca, -60, 3600);
	static const size_t records[] = {1, 100000};
	struct buf text = BUF_INIT;
	pid_t pid;

	for (int i = 0; i < 2000; i++)
		buf_printf(&text, "<13>a line that is number %d\n7 <13>one", i);
	must_start(t->r);
	for (size_t i = 0; i < 2; i++) {
		pid = send_tls(t->port, &id, buf_str(&text), records[i], TLS1_2_VERSION + (int)i);
		wait_messages(t->r, 4000 * (i + 1));
		rig_turn_until(t->r->ev, no_connection, t->r, WAIT_MS);
		ck_assert_int_eq(exit_of(pid), 0);
	}
	stop(t->r);
	ck_assert_uint_eq(count_spooled(t->r), 8000);
	buf_free(&text);
	identity_free(&id);
	tls_rig_free(t);
}
END_TEST

START_TEST(nothing_is_renegotiated)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);
	struct identity id = identity_new("x", NULL, &t->ca, -60, 3600);
	SSL_CTX *ctx;
	SSL *ssl;
	pid_t pid;

	must_start(t->r);
	pid = fork();
	if (pid == 0) {
		ctx = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
		SSL_CTX_use_certificate(ctx, id.cert);
		SSL_CTX_use_PrivateKey(ctx, id.key);
		ssl = SSL_new(ctx);
		SSL_set_fd(ssl, dial(SOCK_STREAM, t->port));
		if (SSL_connect(ssl) != 1 || SSL_write(ssl, "<13>one\n", 8) != 8)
			_exit(1);
		_exit(SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1 ? 2 : 0);
	}
	wait_messages(t->r, 1);
	rig_turn_until(t->r->ev, no_connection, t->r, WAIT_MS);
	ck_assert_int_eq(exit_of(pid), 0);
	stop(t->r);
	identity_free(&id);
	tls_rig_free(t);
}
END_TEST

START_TEST(what_is_no_tls_is_refused)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);
	int fd;

	must_start(t->r);
	fd = dial(SOCK_STREAM, t->port);
	puts_to(fd, "<13>Nov 22 09:00:00 gate doord[7]: door north: opened\n");
	wait_refused(t->r, 1);
	stop(t->r);
	ck_assert_uint_eq(count_spooled(t->r), 0);
	close(fd);
	tls_rig_free(t);
}
END_TEST

START_TEST(certificates_that_do_not_fit_are_refused)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);
	struct tls_conf *tls = &t->r->conf.tls;
	char *key = tls->key.s;

	tls->key.s = save_key(t->r, "other.key", &t->ca);
	ck_assert(!start(t->r));
	free(tls->key.s);
	tls->key.s = rig_file(t->r->dir, "empty", "");
	ck_assert(!start(t->r));
	free(tls->key.s);
	tls->key.s = key;
	must_start(t->r);
	tls_rig_free(t);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("receive");
	TCase *datagrams = tcase_create("datagrams"), *streams = tcase_create("streams"),
	      *limits = tcase_create("limits"), *others = tcase_create("others"),
	      *tls = tcase_create("tls");

	tcase_add_test(datagrams, a_datagram_is_a_message);
	tcase_add_test(datagrams, an_address_of_both_families_shows_ipv4);
	tcase_add_test(datagrams, the_largest_datagrams_come_whole_or_cut_and_told);
	tcase_add_test(datagrams, drops_are_counted_exactly);
	tcase_add_test(datagrams, a_peer_beyond_its_rate_is_dropped_and_counted);
	tcase_add_test(datagrams, what_waits_in_a_socket_survives_a_change_of_configuration);
	tcase_add_test(datagrams, a_unix_datagram_has_the_uid_of_its_sender);
	tcase_add_test(streams, both_framings_come_over_one_connection);
	tcase_add_test(streams, a_drain_takes_what_was_sent);
	tcase_add_test(streams, a_change_leaves_connections_open);
	tcase_add_test(streams, a_change_forgets_no_connection_of_a_peer);
	tcase_add_test(streams, a_change_of_who_is_let_in_closes_connections);
	tcase_add_test(streams, connections_left_open_are_closed_when_the_terms_change_after_all);
	tcase_add_test(streams, what_a_change_left_is_taken_in_by_a_stop);
	tcase_add_test(streams, connections_that_nobody_comes_for_are_closed);
	tcase_add_test(streams, a_frame_longer_than_a_line_is_cut_and_the_next_one_whole);
	tcase_add_test(streams, a_wrong_count_costs_the_connection_and_is_told);
	tcase_add_test(streams, a_unix_stream_has_the_uid_of_its_sender);
	tcase_add_test(datagrams, a_drain_waits_for_the_disk);
	tcase_add_test(streams, a_stale_socket_file_is_replaced_and_a_served_one_is_not);
	tcase_add_test(limits, a_flood_of_connections_leaves_the_others_theirs);
	tcase_add_test(limits, one_peer_has_no_more_than_its_connections);
	tcase_add_test(limits, a_connection_without_messages_is_closed);
	tcase_add_test(limits, a_connection_beyond_its_rate_waits_and_loses_nothing);
	tcase_add_test(limits, without_descriptors_connections_wait);
	tcase_add_test(limits, a_full_spool_makes_connections_wait);
	tcase_add_test(limits, what_a_full_spool_leaves_out_is_counted_exactly);
	tcase_add_test(limits, a_full_spool_does_not_stop_local_programs);
	tcase_add_test(others, writers_of_a_fifo_come_and_go);
	tcase_add_test(others, a_drain_takes_all_of_a_fifo);
	tcase_add_test(others, a_line_goes_on_over_a_change);
	tcase_add_test(others, standard_input_ends_and_its_source_is_gone);
	tcase_add_test(others, standard_input_may_be_a_file);
	tcase_add_test(others, sockets_of_systemd_are_read_and_stay_open);
	tcase_add_test(others, drops_of_a_socket_of_systemd_are_told_once);
	tcase_add_test(others, a_socket_whose_file_was_removed_is_made_anew);
	tcase_add_test(others, what_cannot_be_bound_is_refused_as_a_whole);
	tcase_set_timeout(limits, 30);
	tcase_add_test(tls, a_client_with_an_allowed_name_is_let_in_and_named);
	tcase_add_test(tls, a_tls_connection_goes_on_over_changes);
	tcase_add_test(tls, a_pattern_stands_for_one_label);
	tcase_add_test(tls, an_address_may_be_a_name);
	tcase_add_test(tls, without_names_any_client_of_the_ca_is_let_in);
	tcase_add_test(tls, without_certificates_anybody_is_let_in);
	tcase_add_test(tls, who_cannot_prove_a_name_is_kept_out);
	tcase_add_test(tls, old_tls_is_refused);
	tcase_add_test(tls, records_of_one_byte_and_large_ones_are_the_same);
	tcase_add_test(tls, nothing_is_renegotiated);
	tcase_add_test(tls, what_is_no_tls_is_refused);
	tcase_add_test(tls, certificates_that_do_not_fit_are_refused);
	tcase_set_timeout(tls, 30);
	suite_add_tcase(s, tls);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, others);
	suite_add_tcase(s, datagrams);
	suite_add_tcase(s, streams);
	return s;
}

int
main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	/* Where systemd passes its sockets: a test puts some there. */
	for (int fd = 3; fd < 3 + PASSED; fd++)
		if (fcntl(fd, F_GETFD) < 0 && dup2(STDERR_FILENO, fd) < 0)
			abort();
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
