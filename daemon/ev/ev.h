/*
 * ev: the event loop.  The only folder that includes libevent's headers.
 *
 * Handles are freed with their _free function, which takes a pointer to the
 * caller's pointer, accepts NULL in it and clears it.  Any handle may be freed
 * inside its own callback.  Callbacks fire from ev_run() or ev_turn() only.
 */
#ifndef EV_EV_H
#define EV_EV_H

#include <stdbool.h>
#include <stdint.h>

struct ev;
struct ev_timer;
struct ev_fd;
struct ev_signal;

struct ev *ev_new(void);
void ev_free(struct ev **ev);

/* Run until ev_stop(). */
void ev_run(struct ev *ev);
void ev_stop(struct ev *ev);
/* One turn: wait for something to happen (${block}) or only look, then run the
 * callbacks that are due. */
void ev_turn(struct ev *ev, bool block);

/* A one-shot timer; a new one is not set.  Setting it again moves it. */
typedef void ev_timer_cb(void *ctx);
struct ev_timer *ev_timer_new(struct ev *ev, ev_timer_cb *cb, void *ctx);
void ev_timer_set(struct ev_timer *t, int64_t ms);
void ev_timer_cancel(struct ev_timer *t);
bool ev_timer_is_set(const struct ev_timer *t);
void ev_timer_free(struct ev_timer **t);

/* Watch ${fd} (not owned), level-triggered. */
enum { EV_FD_READ = 1, EV_FD_WRITE = 2 };
typedef void ev_fd_cb(void *ctx, int fd, unsigned what);
struct ev_fd *ev_fd_new(struct ev *ev, int fd, unsigned what, ev_fd_cb *cb, void *ctx);
void ev_fd_free(struct ev_fd **f);

typedef void ev_signal_cb(void *ctx, int signo);
struct ev_signal *ev_signal_new(struct ev *ev, int signo, ev_signal_cb *cb, void *ctx);
void ev_signal_free(struct ev_signal **s);

#endif
