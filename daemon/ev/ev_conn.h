/*
 * ev_conn: buffered stream connections and unix listeners on the loop.
 */
#ifndef EV_EV_CONN_H
#define EV_EV_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/sv.h"

struct ev;
struct ev_conn;
struct ev_listener;

struct ev_conn_cb {
	/* The connection is made; may be NULL.  Never fires for ev_conn_fd(). */
	void (*connected)(void *ctx);
	/* Bytes have arrived: ${data} is all that is buffered.  Returns how many of
	 * them were used up; the rest comes again with more. */
	size_t (*readable)(void *ctx, struct sv data);
	/* The peer has gone or connecting failed; ${reason} is for people.  Fires
	 * once at most and not after ev_conn_free(), which the callee does. */
	void (*closed)(void *ctx, const char *reason);
};

/* ${cb} is borrowed, usually static const.  Errors come by closed(), from the
 * loop, never from inside these calls. */
struct ev_conn *ev_conn_unix(struct ev *ev, const char *path, const struct ev_conn_cb *cb, void *ctx);
/* Resolving a host name blocks; numeric addresses do not. */
struct ev_conn *ev_conn_tcp(
    struct ev *ev, const char *host, uint16_t port, const struct ev_conn_cb *cb, void *ctx);
/* Takes ${fd}, which is connected. */
struct ev_conn *ev_conn_fd(struct ev *ev, int fd, const struct ev_conn_cb *cb, void *ctx);

void ev_conn_write(struct ev_conn *c, struct sv data);
/* The same without a copy, for megabytes: takes what ${data} has, which is empty after. */
void ev_conn_give(struct ev_conn *c, struct buf *data);
/* No more reading; free the connection itself once all is written. */
void ev_conn_finish(struct ev_conn **c);
void ev_conn_free(struct ev_conn **c);

/* Listen on the unix socket ${path}: a socket file there that nobody serves is
 * replaced, the new one gets ${mode}.  accepted() owns ${fd}.  NULL with errno on failure. */
typedef void ev_accept_cb(void *ctx, int fd);
struct ev_listener *ev_listen_unix(
    struct ev *ev, const char *path, unsigned mode, ev_accept_cb *accepted, void *ctx);
void ev_listener_free(struct ev_listener **l);

#endif
