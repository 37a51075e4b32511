/*
 * notify_rig: see notify_rig.h.
 */
#include "notify_rig.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ev/ev_conn.h"
#include "util/xalloc.h"

/* ---- a server ------------------------------------------------------------------------ */

int
nx_bind(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

int
nx_listen(uint16_t *port)
{
	int fd = nx_bind(port);

	ck_assert_int_eq(listen(fd, 64), 0);
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

void
canned_start(struct canned *s, struct nx *n, const char *answer)
{
	*s = (struct canned){.ev = n->ev, .answer = answer};
	s->fd = nx_listen(&s->port);
	s->watch = ev_fd_new(n->ev, s->fd, EV_FD_READ, canned_accept, s);
}

void
canned_stop(struct canned *s)
{
	for (size_t i = 0; i < s->n; i++)
		ev_conn_free(&s->conns[i].conn);
	ev_fd_free(&s->watch);
	buf_free(&s->request);
	close(s->fd);
}

/* ---- notify and what it said ----------------------------------------------------------- */

static void
got_outcome(void *ctx, const struct delivery *d, const struct outcome *o)
{
	struct nx *n = ctx;
	struct said *s = &n->said[n->nsaid];

	ck_assert_uint_lt(n->nsaid, sizeof(n->said) / sizeof(n->said[0]));
	snprintf(s->id, sizeof(s->id), "%s", d->id);
	s->attempts = d->attempts;
	s->outcome = *o;
	n->nsaid++;
}

struct nx *
nx_new(void)
{
	static char ids[2][8] = {"ops", "chat"};
	struct nx *n = xcalloc(1, sizeof(*n));

	clock_set_virtual((int64_t)time(NULL) * 1000);
	n->ev = ev_new();
	for (int i = 0; i < 2; i++) {
		n->conf[i].id.s = ids[i];
		n->conf[i].insecure = true;
	}
	return n;
}

void
nx_free(struct nx *n)
{
	notify_free(&n->notify);
	for (int i = 0; i < 16; i++)
		ev_turn(n->ev, false); /* what the canned server still had to say */
	ev_free(&n->ev);
	free(n);
}

void
nx_set_url(struct nx *n, int channel, uint16_t port, const char *path)
{
	snprintf(n->urls[channel], sizeof(n->urls[0]), "http://127.0.0.1:%u%s", port, path);
}

void
nx_start(struct nx *n, size_t channels, const char *secret)
{
	const char *const u[] = {n->urls[0], n->urls[1]}, *const s[] = {secret, NULL};

	n->notify = notify_new(n->ev, n->conf, channels, u, s, got_outcome, n);
	notify_set_timeout(n->notify, HOUR); /* of real time, which is not to decide anything */
}

static void
submit(struct nx *n, struct delivery d, const char *channel, const char *incident,
    const char *message)
{
	d.created = clock_now();
	d.channel = xstrdup(channel);
	d.incident = xstrdup(incident);
	d.message = xstrdup(message);
	notify_submit(n->notify, &d);
	ck_assert_ptr_null(d.id);
}

void
nx_submit(struct nx *n, const char *channel, const char *incident, int seq)
{
	struct delivery d = {.seq = seq};

	d.id = xasprintf("t_%s_%d_%s", incident, seq, channel);
	submit(n, d, channel, incident, MESSAGE);
}

void
nx_submit_as(struct nx *n, struct delivery d, const char *id, const char *message)
{
	d.seq = 1;
	d.id = xstrdup(id);
	submit(n, d, "ops", "INC-1", message);
}

void
nx_wait(struct nx *n, size_t outcomes)
{
	while (n->nsaid < outcomes)
		ev_turn(n->ev, true);
	ck_assert_uint_eq(n->nsaid, outcomes);
}

const struct outcome *
nx_deliver(struct nx *n, const char *secret)
{
	nx_start(n, 1, secret);
	nx_submit(n, "ops", "INC-1", 1);
	nx_wait(n, 1);
	return &n->said[0].outcome;
}

const struct outcome *
nx_post(struct nx *n, uint16_t port, const char *path, const char *secret)
{
	nx_set_url(n, 0, port, path);
	return nx_deliver(n, secret);
}

void
nx_pass_time(struct nx *n)
{
	clock_set_virtual(n->said[n->nsaid - 1].outcome.due);
	notify_run_due(n->notify);
}

TCase *
nx_case(Suite *suite, const char *name)
{
	TCase *c = tcase_create(name);

	tcase_set_timeout(c, 60);
	suite_add_tcase(suite, c);
	return c;
}
