/*
 * ev: loop, timers, descriptors and signals over libevent.  See ev.h; buffered
 * connections are in ev_conn.c.
 */
#include "ev/ev.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#include "ev/ev_internal.h"
#include "util/clock.h"
#include "util/xalloc.h"

struct ev_timer {
	struct event *event;
	ev_timer_cb *cb;
	void *ctx;
};

struct ev_fd {
	struct event *event;
	ev_fd_cb *cb;
	void *ctx;
};

struct ev_signal {
	struct event *event;
	ev_signal_cb *cb;
	void *ctx;
};

struct ev *
ev_new(void)
{
	struct ev *ev = xcalloc(1, sizeof(*ev));

	ev->base = event_base_new();
	if (ev->base == NULL)
		abort();
	clock_update();
	return ev;
}

void
ev_free(struct ev **evp)
{
	if (*evp == NULL)
		return;
	/* A connection that was freed with a callback on its way is still held by that. */
	event_base_loop((*evp)->base, EVLOOP_NONBLOCK);
	event_base_free((*evp)->base);
	free(*evp);
	*evp = NULL;
}

void
ev_turn(struct ev *ev, bool block)
{
	event_base_loop(ev->base, block ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
}

void
ev_run(struct ev *ev)
{
	ev->stopping = false;
	while (!ev->stopping)
		ev_turn(ev, true);
}

void
ev_stop(struct ev *ev)
{
	ev->stopping = true;
	event_base_loopbreak(ev->base);
}

static void
timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct ev_timer *t = arg;

	(void)fd;
	(void)what;
	clock_update();
	t->cb(t->ctx);
}

struct ev_timer *
ev_timer_new(struct ev *ev, ev_timer_cb *cb, void *ctx)
{
	struct ev_timer *t = xcalloc(1, sizeof(*t));

	t->cb = cb;
	t->ctx = ctx;
	t->event = evtimer_new(ev->base, timer_fired, t);
	if (t->event == NULL)
		abort();
	return t;
}

void
ev_timer_set(struct ev_timer *t, int64_t ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	assert(ms >= 0);
	evtimer_add(t->event, &tv);
}

void
ev_timer_cancel(struct ev_timer *t)
{
	evtimer_del(t->event);
}

bool
ev_timer_is_set(const struct ev_timer *t)
{
	return evtimer_pending(t->event, NULL) != 0;
}

void
ev_timer_free(struct ev_timer **tp)
{
	if (*tp == NULL)
		return;
	event_free((*tp)->event);
	free(*tp);
	*tp = NULL;
}

static void
fd_fired(evutil_socket_t fd, short what, void *arg)
{
	struct ev_fd *f = arg;

	clock_update();
	f->cb(f->ctx, (int)fd,
	    (what & EV_READ ? EV_FD_READ : 0U) | (what & EV_WRITE ? EV_FD_WRITE : 0U));
}

struct ev_fd *
ev_fd_new(struct ev *ev, int fd, unsigned what, ev_fd_cb *cb, void *ctx)
{
	struct ev_fd *f = xcalloc(1, sizeof(*f));
	short flags = EV_PERSIST;

	if (what & EV_FD_READ)
		flags |= EV_READ;
	if (what & EV_FD_WRITE)
		flags |= EV_WRITE;
	f->cb = cb;
	f->ctx = ctx;
	f->event = event_new(ev->base, fd, flags, fd_fired, f);
	if (f->event == NULL || event_add(f->event, NULL) < 0)
		abort();
	return f;
}

void
ev_fd_free(struct ev_fd **fp)
{
	if (*fp == NULL)
		return;
	event_free((*fp)->event);
	free(*fp);
	*fp = NULL;
}

static void
signal_fired(evutil_socket_t signo, short what, void *arg)
{
	struct ev_signal *s = arg;

	(void)what;
	clock_update();
	s->cb(s->ctx, (int)signo);
}

struct ev_signal *
ev_signal_new(struct ev *ev, int signo, ev_signal_cb *cb, void *ctx)
{
	struct ev_signal *s = xcalloc(1, sizeof(*s));

	s->cb = cb;
	s->ctx = ctx;
	s->event = evsignal_new(ev->base, signo, signal_fired, s);
	if (s->event == NULL || event_add(s->event, NULL) < 0)
		abort();
	return s;
}

void
ev_signal_free(struct ev_signal **sp)
{
	if (*sp == NULL)
		return;
	event_free((*sp)->event);
	free(*sp);
	*sp = NULL;
}
