/*
 * state_internal: what the files of state/ share.
 */
#ifndef STATE_STATE_INTERNAL_H
#define STATE_STATE_INTERNAL_H

#include "state/redis.h"
#include "state/state.h"

struct ev_timer;
struct redis_server;

/* A question under way; on the list until it is answered. */
struct ask {
	struct state *state;
	struct ask *prev, *next;
	state_answer_cb *cb;
	void *ctx;
};

struct state {
	struct ev *ev;
	const struct state_conf *conf;
	const struct state_cb *cb;
	void *ctx;
	struct redis_server *server; /* NULL with an operator's own */
	struct redis *redis;         /* NULL while waiting to try again */
	struct ev_timer *retry;
	int64_t backoff; /* ms until the next try */
	int64_t quiet_until; /* monotonic ms: until then failing to connect is no news */
	unsigned partition; /* 0 but for replays */
	bool ready;
	int64_t fence;       /* of the last commit or attach */
	struct batch *batch; /* in flight */
	struct ask asks;     /* head of the ring of questions */
	size_t nasks;
	size_t noutcomes; /* of deliveries, sent and not yet recorded */
	char problem[256];
	struct state_stats stats;
};

/* Start a call of ${function} on the partition. */
void state_call(const struct state *s, struct redis_args *args, const char *function);

/* Redis is away, or refuses: give up the connection, tell, and try again. */
void state_lose(struct state *s, const char *reason);

/* The error text of ${reply}, or NULL when it is none; bounded by the reader. */
const char *state_error(const struct redisReply *reply);

/* Hand the outbox entry ${json} to the delivery callback. */
void state_hand_delivery(struct state *s, struct sv json);

/* Append the channels as the functions take them. */
void state_channels(const struct state *s, struct redis_args *args);

void state_fail_asks(struct state *s);

#endif
