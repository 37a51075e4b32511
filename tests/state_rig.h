/*
 * state_rig: the state half of a daemon, with a redis-server of its own: a correlator with two
 * rules, t-guessing and t-few, its state, and what that told.
 */
#ifndef TESTS_STATE_RIG_H
#define TESTS_STATE_RIG_H

#include <check.h>
#include <jansson.h>

#include "correlate/correlate.h"
#include "rule/ruleset.h"
#include "state/state.h"

struct half {
	struct ev *ev;
	struct ruleset *rules;
	struct correlator *correlator;
	struct state_conf conf;
	struct state *state;
	char *dir;
	bool ready;
	unsigned readies, losses, committed, opened;
	size_t npositions; /* of the last ready */
	bool done;
	uint64_t offset;   /* of the first of them */
	struct delivery delivery; /* the last */
	unsigned deliveries;
	json_t *answer;
	bool answer_ok;
};

/* One in a fresh directory, until it is ready; and its end, with the directory's. */
void half_begin(struct half *h);
void half_end(struct half *h);
/* One in the directory of another, or of one before; its end leaves the directory. */
void half_open(struct half *h, char *dir);
void half_close(struct half *h);
void half_reopen(struct half *h);

void half_wait_ready(struct half *h);
void half_wait_lost(struct half *h);
/* Turn the loop until nothing is under way. */
void half_settle(struct half *h);

/* Count one failed login from ${ip} at ${time}. */
void half_count(struct half *h, const char *ip, int64_t time);
/* Commit what was counted, and settle. */
void half_commit(struct half *h);

/* For what asks the state, with the half as the context: keeps the answer. */
void half_answered(void *ctx, bool ok, struct sv answer);
/* All incidents; the incident ${id} whole. */
const json_t *half_list(struct half *h);
const json_t *half_show(struct half *h, const char *id);

#endif
