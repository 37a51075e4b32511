/*
 * state_internal: what the files of state/ share.
 */
#ifndef STATE_STATE_INTERNAL_H
#define STATE_STATE_INTERNAL_H

#include "correlate/settle.h"
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

/* A group as a commit says it is now. */
struct sent_group {
	const struct batch_entry *entry;
	struct sv bytes; /* in the batch's arena */
	bool is_new;     /* its incident has no number yet: ... */
	size_t opened;   /* ... it is of the incidents that the commit opens this one */
};

enum sending_phase {
	SENDING_NOTHING,
	SENDING_BUILD,  /* its command is being put together */
	SENDING_WAIT,   /* for the answer, or for our turn */
	SENDING_ABSORB, /* it is in: what its groups are now goes to the cache */
};

/* A commit under way.  Large ones are built and absorbed in many turns of the loop. */
struct sending {
	enum sending_phase phase;
	struct batch *batch;
	struct buf wire; /* the transaction: */
	size_t ncommands;
	struct redis_args check, write; /* its commands at hand */
	size_t nheld;                   /* groups in them */
	size_t fresh;                   /* of these, unknown so far */
	struct buf writes;              /* those that come after all checks */
	size_t nwrites;
	struct settled settled; /* scratch */
	size_t rule, entry, index; /* next to be built: index of that rule's */
	struct sent_group *sent;
	size_t nsent, absorbed;
	size_t nopened;
	struct redis_args counts; /* dispositions */
	uint64_t sums[4]; /* of the rule at hand: counted, promoted, folded, known */
	int64_t *numbers; /* of the incidents that it opened */
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
	struct group_cache *groups; /* what commits are worked out from */
	struct sending sending;
	struct ev_timer *go_on; /* with sending */
	struct ask asks;     /* head of the ring of questions */
	size_t nasks;
	bool asks_due; /* a question by state_due() is under way */
	state_due_cb *due;
	void *due_ctx;
	size_t noutcomes; /* of deliveries, sent and not yet recorded */
	char problem[256];
	struct state_stats stats;
};

/* Start a call of ${function} on the partition. */
void state_call(const struct state *s, struct redis_args *args, const char *function);

/* state_commit.c */
void state_commit_go_on(void *ctx);
void state_commit_forget(struct state *s);

/* Redis is away, or refuses: give up the connection, tell, and try again. */
void state_lose(struct state *s, const char *reason);

/* The error text of ${reply}, or NULL when it is none; bounded by the reader. */
const char *state_error(const struct redisReply *reply);

/* Hand the outbox entry ${json} to the delivery callback. */
void state_hand_delivery(struct state *s, struct sv json);

/* Tell of entries of the relay. */
void state_hand_relayed(struct state *s, const struct redisReply *list);

/* Append what the groups of ${rule} are called. */
void state_group_name(struct redis_args *args, const struct incident_rule *rule);

/* Append the channels as the functions take them. */
void state_channels(const struct state *s, struct redis_args *args);

void state_fail_asks(struct state *s);

#endif
