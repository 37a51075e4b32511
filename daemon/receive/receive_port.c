/*
 * receive_port: what the addresses of all kinds have in common: when they read, what
 * becomes of a message, what is counted, logged and told.
 *
 * A port reads its socket but does not own it.  What goes wrong is told once a
 * second at most, with a number, so that nobody outside can fill the log.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev/ev.h"
#include "receive/receive_internal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

#define REMAKE_MS 60000  /* between attempts */
#define DRAIN_ACCEPTS 64 /* all that a backlog can hold */

static bool
is_datagram(const struct receive_port *p)
{
	return p->kind == LISTEN_UDP || p->kind == LISTEN_UNIXGRAM;
}

static bool
is_pipe(const struct receive_port *p)
{
	return p->kind == LISTEN_FIFO || p->kind == LISTEN_STDIN;
}

static void
size_buffer(struct receive_port *p)
{
	size_t wanted = (size_t)64 * 1024 * 1024, got = receive_bind_buffer(p->socket->fd);

	if (p->kind == LISTEN_UDP && got < wanted)
		snprintf(p->problem, sizeof(p->problem),
		    "the receive buffer has %zu KiB only: raise net.core.rmem_max, or set "
		    "ReceiveBuffer= in a socket unit",
		    got / 1024);
}

struct receive_port *
receive_port_new(struct receive_source *source, struct receive_socket *socket)
{
	struct receive_port *p = xcalloc(1, sizeof(*p));

	p->source = source;
	p->socket = socket;
	p->kind = socket->kind;
	if (socket->passed && socket->kind == LISTEN_TCP && source->tls != NULL)
		p->kind = LISTEN_TLS;
	p->frame.max = source->receive->max_message;
	p->frame.lines = true;
	if (!is_pipe(p))
		p->peers = receive_peers_new(source->conf->peer_rate);
	if (is_datagram(p)) {
		size_buffer(p);
		receive_drops_load(p);
	}
	if (p->problem[0] != '\0')
		log_warn("receive", "%s: %s", socket->address, p->problem);
	receive_keep_back(p);
	receive_port_watch(p);
	return p;
}

static void
ready(void *ctx, int fd, unsigned what)
{
	struct receive_port *p = ctx;

	(void)fd;
	(void)what;
	if (is_datagram(p))
		receive_datagram_ready(p);
	else if (is_pipe(p))
		receive_pipe_ready(p);
	else
		receive_accept_ready(p);
}

void
receive_port_watch(struct receive_port *p)
{
	struct receive *r = p->source->receive;

	if (p->watch != NULL || p->ended || r->draining)
		return;
	if (p->kind == LISTEN_STDIN && receive_pipe_poll(p))
		return;
	p->watch = ev_fd_new(r->ev, p->socket->fd, EV_FD_READ, ready, p);
}

void
receive_port_unwatch(struct receive_port *p)
{
	ev_fd_free(&p->watch);
	if (p->poll != NULL)
		ev_timer_cancel(p->poll);
}

void
receive_port_warn(struct receive_port *p, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (p->logged) {
		p->since_tick.unlogged++;
		return;
	}
	p->logged = true;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_warn("receive", "%s: %s", p->socket->address, line);
}

void
receive_port_trouble(
    struct receive_port *p, enum trouble_kind kind, uint64_t lost, const char *text)
{
	struct receive *r = p->source->receive;
	struct trouble t = {.kind = kind,
	    .source = p->source->conf->id.s,
	    .path = p->socket->address,
	    .lost = lost,
	    .text = text};

	r->cb->trouble(r->ctx, &t);
}

static void
tell_counts(struct receive_port *p)
{
	struct receive_counts c = p->since_tick;
	char text[160];

	p->since_tick = (struct receive_counts){0};
	if (c.cut > 0) {
		snprintf(text, sizeof(text),
		    "%" PRIu64 " messages were longer than max_line, %" PRIu64 " bytes cut off",
		    c.cut, c.cut_bytes);
		receive_port_trouble(p, TROUBLE_OVERSIZE, 0, text);
	}
	if (c.malformed > 0) {
		snprintf(text, sizeof(text),
		    "%" PRIu64 " connections closed: what they sent were no frames", c.malformed);
		receive_port_trouble(p, TROUBLE_MALFORMED, 0, text);
	}
	if (c.over_rate > 0) {
		snprintf(text, sizeof(text), "%" PRIu64 " messages beyond peer_rate", c.over_rate);
		receive_port_trouble(p, TROUBLE_DROPPED, c.over_rate, text);
	}
	if (c.unlogged > 0)
		log_warn("receive", "%s: %" PRIu64 " more of such messages", p->socket->address,
		    c.unlogged);
}

void
receive_port_free(struct receive_port **pp)
{
	struct receive_port *p = *pp;

	if (p == NULL)
		return;
	receive_port_unwatch(p);
	if (p->keep)
		receive_keep_leave(p);
	if (is_datagram(p))
		receive_datagram_close(p);
	else if (is_pipe(p))
		receive_pipe_close(p);
	else
		receive_conn_close_all(p);
	tell_counts(p);
	ev_timer_free(&p->poll);
	receive_peers_free(&p->peers);
	free(p);
	*pp = NULL;
}

/* Somebody has removed the file of our socket: nobody can send there.  Take what is
 * in the old one and make a new one. */
static void
remake(struct receive_port *p)
{
	if (clock_mono() < p->remake || !receive_sockets_is_astray(p->socket))
		return;
	if (is_datagram(p))
		receive_datagram_drain(p);
	else if (is_pipe(p))
		receive_pipe_ready(p);
	else
		receive_accept_ready(p);
	if (p->source->full)
		return;
	receive_port_unwatch(p);
	if (receive_sockets_remake(p->socket))
		p->problem[0] = '\0';
	else
		snprintf(
		    p->problem, sizeof(p->problem), "its file is gone and cannot be made anew");
	p->remake = p->problem[0] == '\0' ? 0 : clock_mono() + REMAKE_MS;
	receive_port_watch(p);
}

void
receive_port_tick(struct receive_port *p)
{
	if (!p->source->receive->draining)
		remake(p);
	if (is_datagram(p))
		receive_datagram_tick(p);
	else if (!is_pipe(p))
		receive_conn_tick(p);
	p->logged = false;
	tell_counts(p);
	/* Accepting stopped when there were no descriptors: try again. */
	if (!is_pipe(p) && !is_datagram(p))
		receive_port_watch(p);
}

void
receive_port_resume(struct receive_port *p)
{
	if (p->keep)
		return;
	if (is_pipe(p))
		receive_pipe_resume(p);
	else if (is_datagram(p))
		receive_datagram_resume(p);
	else
		receive_conn_resume(p);
}

void
receive_port_drain(struct receive_port *p)
{
	receive_port_unwatch(p);
	p->keep = !is_datagram(p) && receive_keep_is_expected(p);
	if (is_datagram(p)) {
		receive_datagram_drain(p);
	} else if (p->keep) {
		receive_conn_hold(p);
	} else if (is_pipe(p)) {
		receive_pipe_drain(p);
	} else {
		/* Behind a handshake nothing can be waiting. */
		for (int i = 0; i < DRAIN_ACCEPTS && p->kind != LISTEN_TLS; i++)
			if (!receive_accept_ready(p))
				break;
		receive_conn_drain(p);
	}
}

bool
receive_port_take(struct receive_port *p, struct sv origin, struct sv message)
{
	size_t most = p->source->receive->max_message;
	size_t over = message.n > most ? message.n - most : 0;

	message.n -= over;
	if (p->source->full)
		return false;
	if (!spool_add(p->source->spool, clock_now(), origin, message)) {
		p->source->full = true;
		return false;
	}
	p->messages++;
	p->bytes += message.n;
	p->since_tick.cut += over > 0;
	p->since_tick.cut_bytes += over;
	return true;
}

void
receive_port_lose(struct receive_port *p, const char *origin, uint64_t n)
{
	p->refused += n;
	spool_lost(p->source->spool, TROUBLE_FULL, origin, n);
}
