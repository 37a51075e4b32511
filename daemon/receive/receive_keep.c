/*
 * receive_keep: connections, and lines that a pipe has begun, over a change of the
 * configuration: their senders shall not notice it.
 *
 * They stay where the same source will listen on the same address and let in the same
 * clients.  Meanwhile nobody reads, so what is sent waits in the kernel, as if the
 * daemon were busy.  The socket owns them; a connection never outlives it.
 */
#include <stdlib.h>
#include <string.h>

#include "ev/ev.h"
#include "receive/receive_internal.h"
#include "util/log.h"
#include "util/xalloc.h"

static void
add(struct buf *out, const char *what, const struct conf_string *s)
{
	if (s->s != NULL)
		buf_printf(out, "%s %s\n", what, s->s);
}

char *
receive_keep_terms(const struct source_conf *conf)
{
	struct buf out = BUF_INIT;

	add(&out, "source", &conf->id);
	add(&out, "certificate", &conf->tls.certificate);
	add(&out, "key", &conf->tls.key);
	add(&out, "ca", &conf->tls.ca);
	for (size_t i = 0; i < conf->tls.names.n; i++)
		add(&out, "name", &conf->tls.names.v[i]);
	buf_printf(&out, "clients %d\n", conf->tls.clients);
	return buf_steal(&out);
}

static bool
has_terms(const struct receive_port *p, const char *terms)
{
	char *own = receive_keep_terms(p->source->conf);
	bool same = terms != NULL && strcmp(own, terms) == 0;

	free(own);
	return same;
}

bool
receive_keep_is_expected(const struct receive_port *p)
{
	return has_terms(p, p->socket->expected);
}

void
receive_keep_leave(struct receive_port *p)
{
	struct receive_socket *socket = p->socket;

	socket->terms = receive_keep_terms(p->source->conf);
	socket->conns = receive_conn_take_out(p);
	socket->tail = p->tail;
	socket->frame = p->frame;
	p->tail = (struct buf)BUF_INIT;
}

/* On other terms they are closed as the port's own would be. */
void
receive_keep_back(struct receive_port *p)
{
	struct receive_socket *socket = p->socket;

	if (socket->terms == NULL)
		return;
	receive_conn_put_in(p, socket->conns);
	socket->conns = NULL;
	if (!has_terms(p, socket->terms))
		receive_conn_close_all(p);
	p->tail = socket->tail;
	socket->tail = (struct buf)BUF_INIT;
	if (p->tail.n > 0)
		ev_timer_set(p->source->receive->resume, 0);
	socket->frame.max = p->frame.max;
	p->frame = socket->frame;
	free(socket->terms);
	socket->terms = NULL;
}

void
receive_keep_discard(struct receive_socket *socket)
{
	size_t n = receive_conn_discard(socket->conns);

	if (n > 0)
		log_warn("receive", "%s: %zu connections closed that waited for a change",
		    socket->address, n);
	socket->conns = NULL;
	buf_free(&socket->tail);
	free(socket->terms);
	socket->terms = NULL;
}
