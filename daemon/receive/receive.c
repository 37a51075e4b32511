/*
 * receive: see receive.h.  The sources that listen, each with its spool, and their
 * addresses.
 */
#include "receive/receive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ev/ev.h"
#include "receive/receive_internal.h"
#include "util/clock.h"
#include "util/crash.h"
#include "util/log.h"
#include "util/xalloc.h"

#define TICK_MS 1000

char *
receive_spool_dir(const char *state_dir, const char *id)
{
	return xasprintf("%s/spool/%s", state_dir, id);
}

static void
has_room(void *ctx)
{
	struct receive_source *source = ctx;
	struct receive *r = source->receive;

	source->full = false;
	for (size_t i = 0; i < r->nports && !source->full; i++)
		if (r->ports[i]->source == source)
			receive_port_resume(r->ports[i]);
}

static void
spool_trouble(void *ctx, const struct trouble *t)
{
	struct receive_source *source = ctx;

	source->receive->cb->trouble(source->receive->ctx, t);
}

static bool
open_spool(struct receive_source *source)
{
	const char *state_dir = source->receive->state_dir;
	static const struct spool_cb cb = {.room = has_room, .trouble = spool_trouble};
	const struct source_conf *conf = source->conf;
	char *all = xasprintf("%s/spool", state_dir),
	     *dir = receive_spool_dir(state_dir, conf->id.s);
	struct spool_conf spool = {.source = conf->id.s,
	    .dir = dir,
	    .max_bytes = (uint64_t)conf->spool_mib << 20,
	    .max_line = source->receive->max_line};

	if (mkdir(all, 0700) < 0 && errno != EEXIST)
		log_error("receive", "%s: cannot be made: %s", all, strerror(errno));
	else
		source->spool = spool_open(source->receive->ev, &spool, &cb, source);
	free(dir);
	free(all);
	return source->spool != NULL;
}

/* Without TLS anybody on the way could write in here; addresses in the configuration
 * are checked there, those that systemd passes only now. */
static bool
may_listen(const struct receive_source *source, const struct receive_socket *socket)
{
	struct config_listen l = {.address_n = sizeof(l.address)};

	if (!socket->passed || socket->kind != LISTEN_TCP || source->tls != NULL ||
	    source->conf->insecure)
		return true;
	if (getsockname(socket->fd, (struct sockaddr *)&l.address, &l.address_n) == 0 &&
	    config_listen_is_local(&l))
		return true;
	log_error("receive",
	    "%s: anybody could send and listen in there; give the source tls, or say insecure: true",
	    socket->address);
	return false;
}

static bool
open_port(struct receive_source *source, const char *address)
{
	struct receive *r = source->receive;
	struct receive_socket *socket;

	if (!receive_sockets_want(r->sockets, address))
		return false;
	for (size_t i = 0; (socket = receive_sockets_get(r->sockets, address, i)) != NULL; i++) {
		if (!may_listen(source, socket))
			return false;
		XGROW(r->ports, r->nports);
		r->ports[r->nports++] = receive_port_new(source, socket);
	}
	return true;
}

static bool
open_source(struct receive *r, const struct source_conf *conf)
{
	struct receive_source *source = xcalloc(1, sizeof(*source));

	source->receive = r;
	source->conf = conf;
	XGROW(r->sources, r->nsources);
	r->sources[r->nsources++] = source;
	if (conf->tls.certificate.s != NULL) {
		source->tls = receive_tls_new(&conf->tls, conf->id.s);
		if (source->tls == NULL)
			return false;
	}
	if (!open_spool(source))
		return false;
	for (size_t i = 0; i < conf->listen.n; i++)
		if (!open_port(source, conf->listen.v[i].s))
			return false;
	return true;
}

static void
tick(void *ctx)
{
	struct receive *r = ctx;

	for (size_t i = 0; i < r->nports; i++)
		receive_port_tick(r->ports[i]);
	ev_timer_set(r->tick, TICK_MS);
}

static void
resume(void *ctx)
{
	struct receive *r = ctx;

	for (size_t i = 0; i < r->nports; i++)
		if (!r->ports[i]->source->full)
			receive_port_resume(r->ports[i]);
}

struct receive *
receive_new(struct ev *ev, struct receive_sockets *sockets, const struct source_conf *confs,
    size_t n, const char *state_dir, size_t max_line, const struct receive_cb *cb, void *ctx)
{
	struct receive *r = xcalloc(1, sizeof(*r));
	bool made = true;

	r->ev = ev;
	r->sockets = sockets;
	r->state_dir = state_dir;
	r->max_line = max_line;
	r->max_message = max_line - SPOOL_LINE_OVERHEAD;
	r->cb = cb;
	r->ctx = ctx;
	r->scratch = xmalloc(RECEIVE_READ);
	r->tick = ev_timer_new(ev, tick, r);
	r->resume = ev_timer_new(ev, resume, r);
	ev_timer_set(r->tick, TICK_MS);
	receive_sockets_begin(sockets);
	for (size_t i = 0; i < n && made; i++)
		if (confs[i].listen.n > 0)
			made = open_source(r, &confs[i]);
	if (!made)
		receive_free(&r);
	receive_sockets_end(sockets, made);
	return r;
}

void
receive_committed(struct receive *r, const char *path, uint64_t offset)
{
	for (size_t i = 0; i < r->nsources; i++)
		spool_committed(r->sources[i]->spool, path, offset);
}

void
receive_drain(struct receive *r)
{
	r->draining = true;
	clock_update();
	for (size_t i = 0; i < r->nports; i++)
		receive_port_drain(r->ports[i]);
	CRASH_POINT("receive-drained");
}

bool
receive_is_idle(const struct receive *r)
{
	if (!r->draining)
		return false;
	for (size_t i = 0; i < r->nsources; i++)
		if (!spool_is_synced(r->sources[i]->spool) || r->sources[i]->full)
			return false;
	return true;
}

static void
free_source(struct receive_source *source)
{
	if (source->spool != NULL)
		spool_close(&source->spool);
	receive_tls_free(&source->tls);
	free(source);
}

void
receive_free(struct receive **rp)
{
	struct receive *r = *rp;

	if (r == NULL)
		return;
	for (size_t i = 0; i < r->nports; i++)
		receive_port_free(&r->ports[i]);
	for (size_t i = 0; i < r->nsources; i++)
		free_source(r->sources[i]);
	ev_timer_free(&r->tick);
	ev_timer_free(&r->resume);
	free(r->scratch);
	free(r->ports);
	free(r->sources);
	free(r);
	*rp = NULL;
}

void
receive_each(const struct receive *r, receive_status_cb *cb, void *ctx)
{
	for (size_t i = 0; i < r->nports; i++) {
		const struct receive_port *p = r->ports[i];
		struct receive_status st = {.source = p->source->conf->id.s,
		    .address = p->socket->address,
		    .messages = p->messages,
		    .bytes = p->bytes,
		    .dropped = p->dropped,
		    .refused = p->refused,
		    .connections = p->nconns,
		    .problem = p->problem[0] == '\0' ? NULL : p->problem};

		if (p->source->full)
			st.problem = "the spool has no room";
		cb(ctx, &st);
	}
}
