/*
 * state: what is known for good: positions, groups, incidents, the outbox.  All
 * of it in Redis, changed by the functions of state/triaged.lua only.
 *
 * One way back from any failure: connect, attach, start again from what is
 * committed.  So a commit whose reply was lost is never a question: the
 * positions tell.
 */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/delivery.h"
#include "model/line.h"
#include "state/redis_find.h"

struct ev;
struct state;
struct batch;
struct incident_rule;
struct group_cache;
struct ahead;

/* Silences as Redis has them: those that hold, and that held lately. */
struct state_silences {
	const char *error; /* NULL: none */
	int64_t version;   /* another one when something has changed */
	bool same;         /* it is of the version that was known; there are no texts */
	const struct sv *texts; /* JSON, see INTERFACES.md */
	size_t n;
};

/* A channel, and the least severity it wants to hear of. */
struct state_channel {
	const char *id;
	int least;
};

struct state_conf {
	const char *node;
	const char *dir;                     /* of the private server */
	bool durable;                        /* private server: keep it on disk */
	bool event_clock; /* replay: an incident opens at the time of its events */
	const struct redis_target *target; /* NULL: run a private server */
	unsigned partitions;             /* 0: one */
	const char *user, *password;         /* NULL = none */
	const struct state_channel *channels;
	size_t nchannels;
};

struct state_cb {
	/* Attached: these positions are committed; first those of streams that were read to
	 * their end (done), the oldest first.  Fires anew after each loss. */
	void (*ready)(void *ctx, const struct position *committed, size_t n);
	/* Before each ready(), and as answer to state_silences(); may be NULL. */
	void (*silences)(void *ctx, const struct state_silences *told);
	/* An outbox entry that waits for delivery: after ready() those that were
	 * left, later new ones.  The callee may move strings out of ${d}. */
	void (*delivery)(void *ctx, struct delivery *d);
	/* The batch is in; it opened ${nopened} incidents. */
	void (*committed)(void *ctx, const struct batch *b, size_t nopened);
	/* An incident has opened that rules about incidents count: {"id":N,"incident":"INC-7",
	 * "rule":"x","time":MS,"key":{...}}.  What it leads to goes into a batch with
	 * correlate_relayed(N).  Fires anew after ready() for those that did not. */
	void (*relayed)(void *ctx, struct sv json);
	/* A large commit is worked out, or taken back, in many turns of the loop; NULL: of no
	 * interest. */
	void (*busy)(void *ctx, bool on);
	/* Redis is away: everything not reported committed is to be forgotten. */
	void (*lost)(void *ctx, const char *reason);
};

/* ${conf}, ${groups}, which commits are worked out from and change, and ${ahead}, filled
 * before ready(), are borrowed for the life of the object.  NULL when the private server
 * cannot be set up; logged.  Callbacks come from the loop. */
struct state *state_open(
    struct ev *ev, const struct state_conf *conf, struct group_cache *groups,
    struct ahead *ahead, const struct state_cb *cb, void *ctx);
/* A commit in flight is abandoned: it happens or not, the positions tell.  Stops
 * the private server. */
void state_free(struct state **s);

bool state_is_ready(const struct state *s);
/* Ready and no commit in flight: state_commit() may be called. */
bool state_is_idle(const struct state *s);
/* Calls that have not been answered yet, commits included. */
size_t state_inflight(const struct state *s);

/* Commit ${b}; takes ownership. */
void state_commit(struct state *s, struct batch *b);

/* Ask for groups that time alone changes by ${now} (ms).  Fires for each of them, ${bytes}
 * being the group as it is. */
typedef void state_due_cb(void *ctx, uint64_t rule_identity, struct sv key, struct sv bytes);
void state_due(struct state *s, int64_t now, state_due_cb *cb, void *ctx);

/* Record the outcome of an attempt. */
void state_delivered(struct state *s, const struct delivery *d, const struct outcome *outcome);

/* Answers for people: JSON text when ${ok}, else why not.  Fires once, from the
 * loop, also when Redis goes away meanwhile.  When it is away already: at once. */
typedef void state_answer_cb(void *ctx, bool ok, struct sv answer);
void state_list(struct state *s, bool all, int64_t limit, state_answer_cb *cb, void *ctx);
void state_show(struct state *s, const char *id, state_answer_cb *cb, void *ctx);
void state_outbox(struct state *s, state_answer_cb *cb, void *ctx);
/* What sources of this node did not examine, the last ${limit} of each kind. */
void state_gaps(struct state *s, int64_t limit, state_answer_cb *cb, void *ctx);
/* Rule ${id} at work: ${limit} of the groups of ${rule}, NULL if it is an event rule, as bytes
 * in hex, and what became of its events in the ${days} days up to today. */
void state_rule(struct state *s, const char *id, const struct incident_rule *rule, int64_t limit,
    int days, state_answer_cb *cb, void *ctx);
/* Group ${key} of ${rule} alone, in the same form, if it is there. */
void state_group(struct state *s, const struct incident_rule *rule, struct sv key,
    state_answer_cb *cb, void *ctx);
/* ${action} is "ack" or "close". */
void state_move(struct state *s, const char *id, const char *action, const char *by,
    const char *message, state_answer_cb *cb, void *ctx);

/* Some values of a set that others write; those that change meanwhile may be left out, and
 * any may come twice. */
struct state_set_page {
	const char *error; /* NULL: none */
	struct sv next;    /* where the next page begins; "0": this is the last */
	const struct sv *values;
	size_t n;
};
struct state_set_reader {
	void (*page)(void *ctx, const struct state_set_page *page);
	void *ctx;
};
/* Ask for a page of about ${count} values of the set ${name}, from ${cursor} on, first "0".
 * To be called while ready.  ${reader} is borrowed until it is told, which does not happen
 * when Redis goes away before. */
void state_set_page(struct state *s, const char *name, struct sv cursor, int64_t count,
    const struct state_set_reader *reader);
/* Append the key of that set. */
void state_set_key(const char *name, struct buf *out);

/* So long (ms) after its end a silence is still told: lines may be read late. */
#define STATE_SILENCES_SINCE (7 * 86400000LL)

/* Ask for the silences unless they are still of ${version}; to be called while ready. */
void state_silences(struct state *s, int64_t version);
/* Add ${json}, an object without id, that holds from ${now} on; the answer is the object. */
void state_silence_add(struct state *s, const char *json, int64_t now, int64_t until,
    state_answer_cb *cb, void *ctx);
/* End silence ${id}; the answer is as it is now. */
void state_silence_end(struct state *s, const char *id, int64_t now, const char *by,
    const char *message, state_answer_cb *cb, void *ctx);
/* Those that hold, or ${all}; those that last longest first, ${limit} at most. */
void state_silence_list(struct state *s, bool all, int64_t limit, state_answer_cb *cb, void *ctx);

struct state_stats {
	uint64_t commits;
	uint64_t losses;  /* of the connection */
	uint64_t collisions; /* commits worked out again, since groups had changed */
	uint64_t refused; /* commits refused: another daemon with this node's name */
};
const struct state_stats *state_stats(const struct state *s);
/* Why Redis is away; "" while it is not. */
const char *state_problem(const struct state *s);

#endif
