/*
 * redis_find: which server it is that redis.url means: one; of a cluster the masters of
 * its slots; of those that sentinels watch the one that is the master now.
 */
#ifndef STATE_REDIS_FIND_H
#define STATE_REDIS_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "state/redis.h"

#define REDIS_SEEDS 16 /* servers in redis.url */

enum redis_kind { REDIS_ONE, REDIS_CLUSTER, REDIS_SENTINEL };

/* redis.url. */
struct redis_target {
	enum redis_kind kind;
	struct redis_address seeds[REDIS_SEEDS];
	size_t nseeds;
	char master[64]; /* the name that sentinels know it by */
};

/* What redis_parse_url() takes, redis+cluster://HOST[:PORT],... or
 * redis+sentinel://HOST[:PORT],.../MASTER; false when ${url} is none of these. */
bool redis_find_parse(const char *url, struct redis_target *out);

struct redis_find_cb {
	void (*found)(void *ctx);
	/* Nobody knows; ${reason} is for people. */
	void (*failed)(void *ctx, const char *reason);
};

struct redis_find;

/* All borrowed; ${user} and ${password} are for nodes of a cluster, NULL = none.
 * Sentinels are asked without. */
struct redis_find *redis_find_new(struct ev *ev, const struct redis_target *target,
    const char *user, const char *password, const struct redis_find_cb *cb, void *ctx);
void redis_find_free(struct redis_find **f);

/* Ask one after the other, beginning with another one each time.  Fires once, from the
 * loop, not after stop. */
void redis_find_start(struct redis_find *f);
void redis_find_stop(struct redis_find *f);

/* Who has the keys that begin with ${prefix}, as was last found; NULL: nobody. */
const struct redis_address *redis_find_server(const struct redis_find *f, const char *prefix);

#endif
