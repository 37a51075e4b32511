/*
 * notify: works off deliveries: one HTTP request each, by libcurl on the loop.
 *
 * At least once, in order per incident and channel, each channel on its own
 * connections so that one dead endpoint delays nobody.  What to keep and what to
 * retry is decided here; where it is kept is not (see state/).
 */
#ifndef NOTIFY_NOTIFY_H
#define NOTIFY_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

#include "model/delivery.h"

struct ev;
struct notify;
struct channel_conf;

/* An attempt has ended.  Fires from the loop, never from the calls below; may call
 * notify_submit(), not notify_free().  ${d} is borrowed; its
 * attempts count includes this one and, when the outcome is neither delivered nor
 * dead, notify keeps it and will try again at outcome->due. */
typedef void notify_cb(void *ctx, const struct delivery *d, const struct outcome *outcome);

/* ${conf} is borrowed for the life of the object, secrets already resolved by
 * the caller: ${urls}[i] and ${secrets}[i] (NULL = unsigned) belong to conf[i]
 * and are copied. */
struct notify *notify_new(struct ev *ev, const struct channel_conf *conf, size_t n,
    const char *const *urls, const char *const *secrets, notify_cb *cb, void *ctx);
/* Transfers in flight are abandoned: their outcome is unknown, they stay in the
 * outbox and are sent again with the same id. */
void notify_free(struct notify **n);

/* Queue ${d}; takes ownership of its strings and zeroes it.  A delivery whose id
 * is already queued is dropped.  One for a channel that no longer exists is
 * answered dead. */
void notify_submit(struct notify *n, struct delivery *d);

/* How many deliveries are in flight or could be sent now; 0 = nothing to wait for. */
size_t notify_inflight(const struct notify *n);

/* The request body for a channel of ${type}, rendered from the stored message.
 * malloc()ed, NULL when the message is not what state stores. */
char *notify_render(int type, const struct delivery *d);

#endif
