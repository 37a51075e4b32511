/*
 * redis_server: the private redis-server: configured, started, watched and
 * stopped by the daemon; on a unix socket in a directory of its own, never on a
 * network port.
 */
#ifndef STATE_REDIS_SERVER_H
#define STATE_REDIS_SERVER_H

#include <stdbool.h>

#include "state/redis.h"

struct redis_server;

/* Prepare ${dir}/redis (0700).  Without ${durable} nothing is kept on disk: for
 * replay.  NULL when that fails; logged. */
struct redis_server *redis_server_new(struct ev *ev, const char *dir, bool durable);
/* Stop the server if it is ours, and wait for its end. */
void redis_server_free(struct redis_server **s);

const struct redis_address *redis_server_address(const struct redis_server *s);

/* Start the server unless one is running on its directory.  Returns false when
 * it cannot be started at all; logged. */
bool redis_server_ensure(struct redis_server *s);

/* Shall it write its file anew?  See redis_rewrite.h. */
bool redis_server_wants_rewrite(struct redis_server *s);

#endif
