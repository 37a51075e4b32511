/*
 * state_internal: what the files of state/ share.
 */
#ifndef STATE_STATE_INTERNAL_H
#define STATE_STATE_INTERNAL_H

#include "correlate/settle.h"
#include "state/redis.h"
#include "state/state.h"

struct ahead;
struct ev_timer;
struct json_t;
struct redis_find;
struct redis_server;

/* A question under way; on the list until it is answered. */
struct ask {
	struct state *state;
	struct ask *prev, *next;
	state_answer_cb *cb;
	void *ctx;
	/* Of a question to all partitions: */
	unsigned waiting;      /* these have not answered */
	struct json_t *joined; /* what the others have */
	void (*join)(struct json_t *to, struct json_t *from);
	int64_t limit; /* of a list: the newest, so many; 0: as they come */
	char *failed;  /* what the first one said that could not answer */
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

/* A partition's part of a commit.  Large ones are built and absorbed in many turns of the loop. */
struct sending {
	enum sending_phase phase;
	struct batch *batch; /* the round's */
	struct buf checks; /* the transaction: all checks ... */
	struct buf writes; /* ... and what comes after them */
	size_t ncommands, nwrites;
	/* Its calls at hand: which groups, of which versions they are taken to be, ... */
	struct redis_args keys;
	struct buf versions;
	/* ... what they become, and for each whether that is (p)lain, has an incident that has
	 * (g)rown, (o)pens one, or is (m)ore than that. */
	struct redis_args groups;
	struct buf kinds;
	struct buf rule_text;  /* what their incidents have in common */
	struct buf text;       /* scratch */
	size_t nheld;          /* groups in them */
	size_t fresh;          /* of these, unknown so far */
	int64_t now;           /* ms at which it was begun */
	struct settled settled; /* scratch */
	size_t rule, entry, index; /* next to be built: index of that rule's */
	struct sent_group *sent;
	size_t nsent, absorbed;
	size_t nopened;
	struct redis_args counts; /* dispositions */
	uint64_t sums[4]; /* of the rule at hand: counted, promoted, folded, known */
	int64_t first; /* number of the first incident that it opened */
};

/* A connection to a server, for all partitions that are there. */
struct link {
	struct state *state;
	struct redis_address to;
	struct redis *redis;
};

/* What one slot of a cluster can hold: groups, incidents and outbox of its own, and its own
 * copy of the positions. */
struct partition {
	struct state *state;
	unsigned number;
	char prefix[32]; /* of its keys */
	struct link *link;
	bool attached;
	int64_t fence; /* of the last commit or attach */
	size_t nended; /* ends of streams that it had when attached */
	struct sending sending;
	struct ev_timer *go_on; /* with sending */
};

/* An incident that rules about incidents have yet to count. */
struct relay_entry {
	int64_t id;
	char *json;
	bool passed; /* all have counted it, but for those that lost that again */
};

/* A batch on its way to all partitions. */
struct round {
	struct batch *batch; /* NULL: none */
	unsigned waiting; /* partitions that are not done */
	size_t nopened;
};

/* A position as a partition has it. */
struct stored {
	char *stream, *path;
	uint64_t offset, check;
	uint64_t begin; /* of an end: where the stream began */
	bool done;
	bool is_begin; /* where the stream begins */
	unsigned partition;
	size_t order; /* in which it came */
};

struct state {
	struct ev *ev;
	const struct state_conf *conf;
	const struct state_cb *cb;
	void *ctx;
	struct redis_server *server; /* NULL with an operator's own */
	struct redis_find *find;     /* which servers these are */
	struct ev_timer *retry;
	struct ev_timer *pulse; /* while ready */
	int64_t backoff; /* ms until the next try */
	int64_t quiet_until; /* monotonic ms: until then failing to connect is no news */
	struct link *links;
	size_t nlinks;
	struct partition *partitions;
	unsigned npartitions;
	bool ready;
	bool busy; /* as told */
	char install[9]; /* names this state; eight hex digits */
	char fresh[9];   /* what would, were it new */
	struct group_cache *groups; /* what commits are worked out from */
	struct ahead *ahead;
	struct round round;
	struct ask asks;     /* head of the ring of questions */
	size_t nasks;
	unsigned asks_due; /* partitions that have not answered state_due() */
	state_due_cb *due;
	void *due_ctx;
	size_t noutcomes; /* of deliveries, sent and not yet recorded */
	/* What partitions said when they were attached, until all are. */
	struct stored *stored;
	size_t nstored;
	char **deliveries;
	size_t ndeliveries;
	struct relay_entry *left; /* likewise, ... */
	size_t nleft;
	struct batch_incident *counted; /* ... as these */
	size_t ncounted;
	bool set_back; /* a partition had lost what it had confirmed */
	int64_t *relayed; /* entries of the relay to be taken out with the next round */
	size_t nrelayed;
	char problem[256];
	struct state_stats stats;
};

/* Start a call of ${function} on the partition. */
void state_call(const struct partition *p, struct redis_args *args, const char *function);

/* state_commit.c */
void state_commit_go_on(void *ctx);
void state_commit_forget(struct partition *p);
/* Commit to ${p} what of ${b} belongs there; state_round_done() when it is in. */
void state_commit_start(struct partition *p, struct batch *b);

/* state.c: a partition has begun or ended a phase of many turns; */
void state_look_busy(struct state *s);
/* one has committed, and opened ${nopened} incidents. */
void state_round_done(struct state *s, size_t nopened);

/* state_attach.c: attach all partitions, whose links are there; then state_attached(). */
void state_attach(struct state *s);
void state_attach_forget(struct state *s);
void state_attached(struct state *s);
void state_pulse(void *ctx);

/* state_ask.c: send a question to ${p} whose answer is text for people; */
void state_ask_send(
    struct partition *p, struct redis_args *args, state_answer_cb *cb, void *ctx);
/* when Redis is away, say so instead. */
bool state_ask_away(const struct state *s, state_answer_cb *cb, void *ctx);

/* state_silence.c: hand on what there is. */
void state_silences_hand(struct state *s, const struct redisReply *reply);

/* state_positions.c: take in what a partition has stored. */
void state_positions_add(struct state *s, unsigned partition, const struct redisReply *flat,
    const struct redisReply *ended, const struct redisReply *begun);
/* Work out where to go on, and what partitions have counted beyond; hand it on. */
void state_positions_hand(struct state *s);
void state_positions_forget(struct state *s);

/* state_link.c: find out which servers there are, and connect to them; then
 * state_attach(). */
void state_link(struct state *s);
void state_link_forget(struct state *s);

/* Redis is away, or refuses: give up the connection, tell, and try again. */
void state_lose(struct state *s, const char *reason);

/* The error text of ${reply}, or NULL when it is none; bounded by the reader. */
const char *state_error(const struct redisReply *reply);

/* Hand the outbox entry ${json} to the delivery callback. */
void state_hand_delivery(struct state *s, struct sv json);

/* state_relay.c: entries of the relay, incidents that rules about incidents are to count:
 * tell of new ones; */
void state_relay_hand(struct state *s, const struct redisReply *list);
/* keep those that there are, with the numbers of those that are passed, and which incidents the
 * partition has counted, until all are attached; tell of them again, of those that are passed
 * only when a partition was set back: what has been counted is not again; */
void state_relay_add(
    struct state *s, const struct redisReply *list, const struct redisReply *passed);
void state_relay_add_counted(
    struct state *s, unsigned partition, const struct redisReply *lists);
void state_relay_hand_left(struct state *s);
/* and ${b}, which is committed, has counted some. */
void state_relay_counted(struct state *s, const struct batch *b);
void state_relay_forget(struct state *s);

/* state_begin.c: the first call of the commit. */
void state_begin(const struct partition *p, struct redis_args *args);

/* state_groups.c: settle ${e}, the next group of the rule at hand; */
void state_groups_add(struct partition *p, const struct batch_entry *e);
/* those at hand become two calls; */
void state_groups_flush(struct partition *p, const struct incident_rule *rule);
/* what became of the events of the rule at hand; */
void state_groups_count(struct partition *p, const struct incident_rule *rule);
/* and the last call, which tells it. */
void state_groups_end(struct partition *p);

#define STATE_GROUP_NAME 128

/* What the groups of ${rule} are called; */
void state_groups_name(const struct incident_rule *rule, char name[static STATE_GROUP_NAME]);
/* as an argument. */
void state_group_name(struct redis_args *args, const struct incident_rule *rule);

/* state_incident.c: append the value of an incident that opens: what those of a rule have in
 * common, then the rest; */
void state_incident_rule(const struct state *s, const struct incident_rule *rule, struct buf *out);
void state_incident_rest(const struct batch_entry *e, const struct settled_incident *inc,
    int64_t opened, struct buf *out);
/* or only lines, which can be appended later. */
void state_incident_lines(const struct settled_incident *inc, struct buf *out);

/* Append the channels as the functions take them. */
void state_channels(const struct state *s, struct redis_args *args);

void state_fail_asks(struct state *s);

#endif
