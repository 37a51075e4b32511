/*
 * ev_conn: see ev_conn.h.  A bufferevent each; libevent defers its callbacks,
 * so that a connection may be freed inside its own.
 */
#include "ev/ev_conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ev/ev_internal.h"
#include "util/clock.h"
#include "util/xalloc.h"

/* libevent's own limit of 16 KiB a turn makes a commit of megabytes wait for hundreds of them. */
#define WRITE_MOST (1 << 20)

struct ev_conn {
	struct bufferevent *bev;
	const struct ev_conn_cb *cb;
	void *ctx;
	struct event *failed; /* reports a connect that failed at once */
	int error;            /* errno for it */
};

struct ev_listener {
	struct evconnlistener *listener;
	ev_accept_cb *accepted;
	void *ctx;
	char *path;
};

static void
got_bytes(struct bufferevent *bev, void *arg)
{
	struct ev_conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(in), used;

	clock_update();
	if (n == 0)
		return;
	/* The callee may free the connection, and with it the buffer: hold it. */
	bufferevent_incref(bev);
	used = c->cb->readable(c->ctx, (struct sv){(char *)evbuffer_pullup(in, -1), n});
	evbuffer_drain(in, used);
	bufferevent_decref(bev);
}

static void
got_event(struct bufferevent *bev, short what, void *arg)
{
	struct ev_conn *c = arg;

	clock_update();
	(void)bev;
	if (what & BEV_EVENT_CONNECTED) {
		if (c->cb->connected != NULL)
			c->cb->connected(c->ctx);
	} else if (what & BEV_EVENT_EOF) {
		c->cb->closed(c->ctx, "connection closed by the peer");
	} else if (what & BEV_EVENT_ERROR) {
		c->cb->closed(c->ctx, evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	}
}

static void
connect_failed(evutil_socket_t fd, short what, void *arg)
{
	struct ev_conn *c = arg;

	(void)fd;
	(void)what;
	clock_update();
	c->cb->closed(c->ctx, evutil_socket_error_to_string(c->error));
}

static struct ev_conn *
conn_new(struct ev *ev, int fd, const struct ev_conn_cb *cb, void *ctx)
{
	struct ev_conn *c = xcalloc(1, sizeof(*c));

	c->cb = cb;
	c->ctx = ctx;
	c->bev = bufferevent_socket_new(
	    ev->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	c->failed = evtimer_new(ev->base, connect_failed, c);
	if (c->bev == NULL || c->failed == NULL)
		abort();
	bufferevent_setcb(c->bev, got_bytes, NULL, got_event, c);
	bufferevent_set_max_single_write(c->bev, WRITE_MOST);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return c;
}

static void
fail_soon(struct ev_conn *c, int error)
{
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	c->error = error == 0 ? ECONNREFUSED : error;
	event_active(c->failed, EV_TIMEOUT, 0);
}

struct ev_conn *
ev_conn_unix(struct ev *ev, const char *path, const struct ev_conn_cb *cb, void *ctx)
{
	struct ev_conn *c = conn_new(ev, -1, cb, ctx);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(sun.sun_path)) {
		fail_soon(c, ENAMETOOLONG);
		return c;
	}
	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	if (bufferevent_socket_connect(c->bev, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		fail_soon(c, EVUTIL_SOCKET_ERROR());
	return c;
}

struct ev_conn *
ev_conn_tcp(struct ev *ev, const char *host, uint16_t port, const struct ev_conn_cb *cb, void *ctx)
{
	struct ev_conn *c = conn_new(ev, -1, cb, ctx);

	if (bufferevent_socket_connect_hostname(c->bev, NULL, AF_UNSPEC, host, port) < 0)
		fail_soon(c, EVUTIL_SOCKET_ERROR());
	return c;
}

struct ev_conn *
ev_conn_fd(struct ev *ev, int fd, const struct ev_conn_cb *cb, void *ctx)
{
	evutil_make_socket_nonblocking(fd);
	evutil_make_socket_closeonexec(fd);
	return conn_new(ev, fd, cb, ctx);
}

void
ev_conn_write(struct ev_conn *c, struct sv data)
{
	bufferevent_write(c->bev, data.p, data.n);
}

static void
given_is_sent(const void *data, size_t n, void *ctx)
{
	(void)n;
	(void)ctx;
	free((void *)(uintptr_t)data);
}

void
ev_conn_give(struct ev_conn *c, struct buf *data)
{
	if (data->n == 0)
		buf_free(data);
	else if (evbuffer_add_reference(bufferevent_get_output(c->bev), data->p, data->n,
	             given_is_sent, NULL) < 0)
		abort();
	*data = (struct buf)BUF_INIT;
}

static void
all_written(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_free(bev);
}

static void
gone_while_writing(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(bev);
}

void
ev_conn_finish(struct ev_conn **cp)
{
	struct ev_conn *c = *cp;

	if (c == NULL)
		return;
	bufferevent_disable(c->bev, EV_READ);
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) == 0) {
		ev_conn_free(cp);
		return;
	}
	bufferevent_setcb(c->bev, NULL, all_written, gone_while_writing, NULL);
	event_free(c->failed);
	free(c);
	*cp = NULL;
}

void
ev_conn_free(struct ev_conn **cp)
{
	struct ev_conn *c = *cp;

	if (c == NULL)
		return;
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	bufferevent_free(c->bev);
	event_free(c->failed);
	free(c);
	*cp = NULL;
}

static void
got_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int len,
    void *arg)
{
	struct ev_listener *l = arg;

	(void)listener;
	(void)sa;
	(void)len;
	clock_update();
	l->accepted(l->ctx, (int)fd);
}

/* Does somebody listen there, or is it only the file of one who did? */
static bool
is_served(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served = fd >= 0 &&
	    (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 || errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return served;
}

struct ev_listener *
ev_listen_unix(
    struct ev *ev, const char *path, unsigned mode, ev_accept_cb *accepted, void *ctx)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct ev_listener *l;
	struct stat st;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		if (is_served(&sun)) {
			errno = EADDRINUSE;
			return NULL;
		}
		unlink(path);
	}
	l = xcalloc(1, sizeof(*l));
	l->accepted = accepted;
	l->ctx = ctx;
	l->listener = evconnlistener_new_bind(ev->base, got_connection, l,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16, (struct sockaddr *)&sun, sizeof(sun));
	if (l->listener == NULL) {
		free(l);
		return NULL;
	}
	if (chmod(path, mode) < 0) {
		evconnlistener_free(l->listener);
		free(l);
		return NULL;
	}
	l->path = xstrdup(path);
	return l;
}

void
ev_listener_free(struct ev_listener **lp)
{
	if (*lp == NULL)
		return;
	evconnlistener_free((*lp)->listener);
	unlink((*lp)->path);
	free((*lp)->path);
	free(*lp);
	*lp = NULL;
}
