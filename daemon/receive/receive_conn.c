/*
 * receive_conn: one connection: bytes by TCP, TLS or a unix socket, cut into
 * messages, into the spool.
 *
 * Reads itself instead of through a buffered connection of the loop, since it must
 * say exactly how much it holds: no more than one read beyond an unfinished message.
 * While the spool is full, or the peer beyond its rate, it does not read, and the
 * peer waits.  Nothing is ever answered.
 *
 * A connection is in its port's list and holds a descriptor, a place of its peer and
 * its TLS state; shut() gives back all of them.  Over a change of the configuration it
 * is of no port: only the descriptor, the TLS state and what it holds stay.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ev/ev.h"
#include "receive/receive_internal.h"
#include "util/clock.h"
#include "util/crash.h"
#include "util/xalloc.h"

#define HANDSHAKE_MS 10000
#define RESUME_MS 50
#define DRAIN_READS 256 /* of one connection: 16 MiB at most */
#define TAIL_KEPT 4096  /* an empty buffer larger than this goes back */

enum wait { WAIT_NOTHING, WAIT_ROOM, WAIT_RATE };
enum got { GOT_BYTES, GOT_NOTHING, GOT_END };

struct receive_conn {
	struct receive_port *port;
	struct receive_conn *next, *prev;
	struct receive_peer *peer;
	unsigned char key[RECEIVE_KEY]; /* of the peer, while there is no port that knows it */
	int fd;
	struct ssl_st *ssl; /* NULL: plain */
	bool ready;         /* no handshake, or it is made */
	struct ev_fd *watch;
	unsigned watching;
	struct receive_frame frame;
	struct buf tail; /* bytes that are no whole message yet, or wait */
	enum wait wait;
	bool ended;    /* the peer will send no more */
	int64_t since; /* of the last message, or when reading began again */
	char origin[RECEIVE_ORIGIN];
};

static void readable(void *ctx, int fd, unsigned what);

static void
watch(struct receive_conn *c, unsigned what)
{
	if (c->watching == what)
		return;
	ev_fd_free(&c->watch);
	c->watching = what;
	if (what != 0)
		c->watch = ev_fd_new(c->port->source->receive->ev, c->fd, what, readable, c);
}

static bool
count_lost(void *ctx, struct sv message)
{
	(void)message;
	++*(uint64_t *)ctx;
	return true;
}

/* What it still holds has no place any more: count it. */
static void
lose_tail(struct receive_conn *c)
{
	struct sv rest = buf_view(&c->tail);
	uint64_t lost = 0;
	size_t used;

	if (c->tail.n == 0)
		return;
	receive_frame_feed(&c->frame, rest, &used, count_lost, &lost);
	receive_frame_end(&c->frame, sv_from(rest, used), count_lost, &lost);
	if (lost > 0)
		receive_port_lose(c->port, c->origin, lost);
}

static void
shut(struct receive_conn *c)
{
	struct receive_port *p = c->port;

	lose_tail(c);
	p->since_tick.cut += c->frame.cut;
	p->since_tick.cut_bytes += c->frame.cut_bytes;
	watch(c, 0);
	receive_tls_close(&c->ssl);
	close(c->fd);
	receive_peer_disconnect(p->peers, c->peer);
	*(c->prev == NULL ? &p->conns : &c->prev->next) = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	p->nconns--;
	buf_free(&c->tail);
	free(c);
}

static bool
take(void *ctx, struct sv message)
{
	struct receive_conn *c = ctx;
	struct receive_port *p = c->port;
	bool hurry = p->source->receive->draining;

	if (!hurry && !receive_peer_may_send(p->peers, c->peer, clock_mono())) {
		c->wait = WAIT_RATE;
		return false;
	}
	if (!receive_port_take(p, sv_str(c->origin), message)) {
		c->wait = WAIT_ROOM;
		return false;
	}
	receive_peer_sent(p->peers, c->peer);
	c->since = clock_mono();
	return true;
}

static void
wait(struct receive_conn *c)
{
	struct receive *r = c->port->source->receive;

	watch(c, 0);
	if (c->wait == WAIT_RATE && !ev_timer_is_set(r->resume))
		ev_timer_set(r->resume, RESUME_MS);
}

static void
malformed(struct receive_conn *c)
{
	c->port->since_tick.malformed++;
	receive_port_warn(c->port,
	    "%s closed: no frame and no newline within %zu bytes after a frame with a count",
	    c->origin, c->frame.max);
	c->tail.n = 0;
	shut(c);
}

/* Of ${data}, ${used} bytes are used up: keep the others. */
static void
keep(struct receive_conn *c, struct sv data, size_t used)
{
	struct sv rest = sv_from(data, used);

	if (data.n > 0 && data.p == c->tail.p) {
		memmove(c->tail.p, rest.p, rest.n);
		c->tail.n = rest.n;
	} else if (rest.n > 0) {
		buf_sv(&c->tail, rest);
	}
	if (c->tail.n == 0 && c->tail.cap > TAIL_KEPT)
		buf_free(&c->tail);
}

/* Make messages of ${data}, the tail or what is behind an empty one, and go on
 * reading or not.  False when the connection is gone. */
static bool
feed(struct receive_conn *c, struct sv data)
{
	enum receive_frame_result result;
	size_t used;

	c->wait = WAIT_NOTHING;
	result = receive_frame_feed(&c->frame, data, &used, take, c);
	if (result == FRAME_MORE && c->ended) {
		result = receive_frame_end(&c->frame, sv_from(data, used), take, c);
		if (result == FRAME_MORE)
			used = data.n;
	}
	keep(c, data, used);
	if (result == FRAME_WAIT) {
		wait(c);
		return true;
	}
	if (result == FRAME_MORE && !c->ended) {
		watch(c, EV_FD_READ);
		return true;
	}
	if (result == FRAME_LOST)
		malformed(c);
	else
		shut(c);
	return false;
}

static bool
feed_more(struct receive_conn *c, struct sv data)
{
	if (c->tail.n == 0)
		return feed(c, data);
	buf_sv(&c->tail, data);
	return feed(c, buf_view(&c->tail));
}

/* No more will come: what is there is a message too.  False when it is gone. */
static bool
end(struct receive_conn *c)
{
	c->ended = true;
	return feed_more(c, (struct sv){"", 0});
}

static ssize_t
fetch(struct receive_conn *c, struct receive_tls_state *state)
{
	char *to = c->port->source->receive->scratch;
	ssize_t n;

	*state = (struct receive_tls_state){0};
	if (c->ssl != NULL)
		return receive_tls_read(c->ssl, to, RECEIVE_READ, state);
	do
		n = recv(c->fd, to, RECEIVE_READ, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n;
}

/* The handshake is made: from now on its name is in the origin. */
static void
introduced(struct receive_conn *c)
{
	size_t n = strlen(c->origin);
	char name[RECEIVE_ORIGIN];

	c->ready = true;
	receive_tls_name(c->ssl, name, sizeof(name));
	if (name[0] != '\0')
		snprintf(c->origin + n, sizeof(c->origin) - n, "/%s", name);
	c->since = clock_mono();
}

/* Reading failed with ${error}, or with 0 the peer has closed it. */
static enum got
failed(struct receive_conn *c, int error)
{
	struct receive_port *p = c->port;

	p->refused += !c->ready;
	if (c->ssl != NULL && error == EPROTO)
		receive_port_warn(p, "%s closed: %s", c->origin, receive_tls_reason(c->ssl));
	return end(c) ? GOT_NOTHING : GOT_END;
}

/* One read. */
static enum got
read_some(struct receive_conn *c)
{
	struct receive_tls_state state;
	ssize_t n = fetch(c, &state);
	int error = errno;

	if (!c->ready && receive_tls_is_ready(c->ssl))
		introduced(c);
	if (n < 0 && error == EAGAIN) {
		watch(c, state.writes ? EV_FD_WRITE : EV_FD_READ);
		return GOT_NOTHING;
	}
	if (n <= 0)
		return failed(c, n < 0 ? error : 0);
	CRASH_POINT("receive-read");
	c->ended = state.ended;
	return feed_more(c, (struct sv){c->port->source->receive->scratch, (size_t)n}) ? GOT_BYTES
	                                                                               : GOT_END;
}

static void
readable(void *ctx, int fd, unsigned what)
{
	struct receive_conn *c = ctx;

	(void)fd;
	(void)what;
	if (c->port->source->full) {
		c->wait = WAIT_ROOM;
		wait(c);
		return;
	}
	read_some(c);
}

void
receive_conn_new(struct receive_port *p, int fd, struct receive_peer *peer, const char *origin)
{
	struct receive_conn *c = xcalloc(1, sizeof(*c));

	c->port = p;
	c->peer = peer;
	c->fd = fd;
	c->frame.max = p->source->receive->max_message;
	c->since = clock_mono();
	snprintf(c->origin, sizeof(c->origin), "%s", origin);
	receive_peer_connect(p->peers, peer);
	c->next = p->conns;
	if (c->next != NULL)
		c->next->prev = c;
	p->conns = c;
	p->nconns++;
	if (p->kind == LISTEN_TLS)
		c->ssl = receive_tls_accept(p->source->tls, fd);
	c->ready = c->ssl == NULL;
	watch(c, EV_FD_READ);
}

static void
check_idle(struct receive_conn *c)
{
	int64_t limit = c->ready ? c->port->source->conf->idle_timeout : HANDSHAKE_MS;

	if (c->wait != WAIT_NOTHING) {
		c->since = clock_mono();
	} else if (clock_mono() - c->since >= limit) {
		c->port->refused += !c->ready;
		receive_port_warn(c->port, "%s closed: %s", c->origin,
		    c->ready ? "no message within idle_timeout" : "no TLS handshake within 10 s");
		end(c);
	}
}

/* What is known of cut messages goes to the port's count. */
static void
count_cut(struct receive_conn *c)
{
	c->port->since_tick.cut += c->frame.cut;
	c->port->since_tick.cut_bytes += c->frame.cut_bytes;
	c->frame.cut = c->frame.cut_bytes = 0;
}

void
receive_conn_tick(struct receive_port *p)
{
	struct receive_conn *c, *next;

	for (c = p->conns; c != NULL; c = next) {
		next = c->next;
		count_cut(c);
		if (!p->keep)
			check_idle(c);
	}
}

/* Take what its buffer holds and close it, or wait for room and be called again. */
static void
drain(struct receive_conn *c)
{
	enum got got = GOT_BYTES;

	for (int i = 0; i < DRAIN_READS && got == GOT_BYTES && c->wait != WAIT_ROOM; i++)
		got = read_some(c);
	if (got != GOT_END && c->wait != WAIT_ROOM)
		end(c);
}

void
receive_conn_resume(struct receive_port *p)
{
	struct receive_conn *c, *next;

	for (c = p->conns; c != NULL; c = next) {
		next = c->next;
		if (c->wait == WAIT_NOTHING)
			continue;
		c->since = clock_mono();
		if (feed(c, buf_view(&c->tail)) && p->source->receive->draining)
			drain(c);
	}
}

void
receive_conn_drain(struct receive_port *p)
{
	struct receive_conn *c, *next;

	for (c = p->conns; c != NULL; c = next) {
		next = c->next;
		drain(c);
	}
}

/* ---- over a change of the configuration ---------------------------------------- */

void
receive_conn_hold(struct receive_port *p)
{
	struct receive_conn *c, *next;

	for (c = p->conns; c != NULL; c = next) {
		next = c->next;
		if (c->ready)
			watch(c, 0);
		else
			end(c);
	}
}

struct receive_conn *
receive_conn_take_out(struct receive_port *p)
{
	struct receive_conn *conns = p->conns;

	for (struct receive_conn *c = conns; c != NULL; c = c->next) {
		count_cut(c);
		watch(c, 0);
		memcpy(c->key, receive_peer_key(c->peer), RECEIVE_KEY);
		receive_peer_disconnect(p->peers, c->peer);
		c->peer = NULL;
		c->port = NULL;
	}
	p->conns = NULL;
	p->nconns = 0;
	return conns;
}

/* Read on; first what it holds, in a turn of its own. */
static void
go_on(struct receive_conn *c)
{
	if (c->tail.n > 0 || c->ended) {
		c->wait = WAIT_RATE;
		wait(c);
	} else {
		watch(c, EV_FD_READ);
	}
}

void
receive_conn_put_in(struct receive_port *p, struct receive_conn *conns)
{
	p->conns = conns;
	for (struct receive_conn *c = conns; c != NULL; c = c->next) {
		c->port = p;
		c->peer = receive_peer_get(p->peers, c->key, clock_mono());
		receive_peer_connect(p->peers, c->peer);
		c->frame.max = p->source->receive->max_message;
		c->since = clock_mono();
		p->nconns++;
		go_on(c);
	}
}

static void
free_conn(struct receive_conn *c)
{
	receive_tls_close(&c->ssl);
	close(c->fd);
	buf_free(&c->tail);
	free(c);
}

size_t
receive_conn_discard(struct receive_conn *conns)
{
	size_t n = 0;

	for (struct receive_conn *c = conns, *next; c != NULL; c = next) {
		next = c->next;
		free_conn(c);
		n++;
	}
	return n;
}

void
receive_conn_close_all(struct receive_port *p)
{
	while (p->conns != NULL)
		shut(p->conns);
}
