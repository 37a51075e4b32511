/*
 * state_commit: what a partition gets of a batch, as one transaction, and what its answer
 * says.  Its calls are made in state_begin.c and state_groups.c.
 *
 * What the batch's events come to is worked out here from the groups as the cache has
 * them; the function refuses when Redis has others, and says which: then it is worked
 * out again.  A large batch is done in slices, so that the loop never waits for it.
 */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "correlate/batch.h"
#include "correlate/group_cache.h"
#include "ev/ev.h"
#include "state/state_internal.h"
#include "util/clock.h"
#include "util/crash.h"
#include "util/log.h"
#include "util/xalloc.h"

#define SLICE 1500  /* groups that one turn of the loop does */
#define CHUNK 200   /* groups of one call */
#define SOON 8      /* groups after this one: their memory is fetched meanwhile */
#define WAIT_TURN 2 /* ms to wait while it is another node's turn */

/* ---- building, waiting, absorbing ------------------------------------------------- */

static void answered(void *ctx, const struct redisReply *reply);

static void
clear(struct sending *x)
{
	buf_free(&x->checks);
	buf_free(&x->writes);
	buf_free(&x->keys.wire);
	buf_free(&x->versions);
	buf_free(&x->groups.wire);
	buf_free(&x->kinds);
	buf_free(&x->rule_text);
	buf_free(&x->text);
	buf_free(&x->counts.wire);
	free(x->sent);
	settle_free(&x->settled);
	*x = (struct sending){.batch = x->batch};
}

void
state_commit_forget(struct partition *p)
{
	ev_timer_cancel(p->go_on);
	clear(&p->sending);
	p->sending.batch = NULL;
}

static size_t
count_groups(const struct partition *p)
{
	const struct batch *b = p->sending.batch;
	size_t n = 0;

	for (size_t i = 0; i < b->nrules; i++)
		if (b->rules[i].partition == p->number)
			n += b->rules[i].n;
	return n;
}

/* All but the groups, which come last. */
static void
begin(struct partition *p)
{
	struct sending *x = &p->sending;
	struct redis_args args = REDIS_ARGS_INIT;

	clear(x);
	x->now = clock_now();
	x->phase = SENDING_BUILD;
	x->sent = xcalloc(count_groups(p) + 1, sizeof(*x->sent));
	state_begin(p, &args);
	redis_append(&x->checks, &args);
	x->ncommands = 1;
	buf_free(&args.wire);
}

/* Those of a rule mostly stand one after the other. */
static void
fetch_ahead(const struct state *s, const struct batch *b, size_t entry)
{
	if (entry + 2 * SOON < b->nentries)
		group_cache_fetch_slot(s->groups, b->entries[entry + 2 * SOON].hash.a);
	if (entry + SOON < b->nentries) {
		group_cache_fetch(s->groups, b->entries[entry + SOON].hash.a);
		__builtin_prefetch(b->entries[entry + SOON].points);
	}
}

/* Add the next group; false when there is none. */
static bool
build_one(struct partition *p)
{
	struct sending *x = &p->sending;
	const struct batch_rule *r;

	while (x->rule < x->batch->nrules && x->batch->rules[x->rule].partition != p->number)
		x->rule++;
	if (x->rule == x->batch->nrules)
		return false;
	r = &x->batch->rules[x->rule];
	if (x->index == 0)
		x->entry = r->first;
	fetch_ahead(p->state, x->batch, x->entry);
	state_groups_add(p, &x->batch->entries[x->entry]);
	x->entry = x->batch->entries[x->entry].sibling;
	if (++x->index == r->n || x->nheld == CHUNK)
		state_groups_flush(p, r->rule);
	if (x->index == r->n) {
		state_groups_count(p, r->rule);
		x->rule++;
		x->index = 0;
	}
	return true;
}

/* All is there: the checks, then what writes. */
static void
submit(struct partition *p)
{
	struct sending *x = &p->sending;

	state_groups_end(p);
	x->ncommands += x->nwrites;
	x->phase = SENDING_WAIT;
	CRASH_POINT("commit-ready");
	redis_transaction(
	    p->link->redis, &x->checks, &x->writes, x->ncommands, answered, p);
	CRASH_POINT("commit-sent");
}

static void
build(struct partition *p)
{
	for (size_t i = 0; i < SLICE; i++) {
		if (!build_one(p)) {
			submit(p);
			state_look_busy(p->state);
			return;
		}
	}
	ev_timer_set(p->go_on, 0);
	state_look_busy(p->state);
}

static void
absorb_one(struct partition *p, const struct sent_group *sent)
{
	char *bytes = (char *)(uintptr_t)sent->bytes.p;

	if (sent->is_new)
		group_set_number(
		    bytes, p->sending.first + (int64_t)sent->opened * p->state->npartitions);
	group_cache_put(
	    p->state->groups, sent->entry->hash.a, sent->entry->rule, sent->entry->key, sent->bytes);
}

static void
absorb(struct partition *p)
{
	struct sending *x = &p->sending;
	size_t nopened = x->nopened;

	for (size_t i = 0; i < SLICE && x->absorbed < x->nsent; i++) {
		fetch_ahead(
		    p->state, x->batch, (size_t)(x->sent[x->absorbed].entry - x->batch->entries));
		absorb_one(p, &x->sent[x->absorbed++]);
	}
	if (x->absorbed < x->nsent) {
		ev_timer_set(p->go_on, 0);
		state_look_busy(p->state);
		return;
	}
	clear(x);
	x->batch = NULL;
	state_look_busy(p->state);
	state_round_done(p->state, nopened);
}

void
state_commit_go_on(void *ctx)
{
	struct partition *p = ctx;

	switch (p->sending.phase) {
	case SENDING_BUILD:
		build(p);
		break;
	case SENDING_WAIT: /* it was another node's turn */
		begin(p);
		build(p);
		break;
	case SENDING_ABSORB:
		absorb(p);
		break;
	case SENDING_NOTHING:
		break;
	}
}

/* ---- the answer -------------------------------------------------------------------- */

static void
refused(struct partition *p, const char *error)
{
	if (strncmp(error, "FENCE", 5) == 0) {
		p->state->stats.refused++;
		log_warn("state",
		    "a commit was refused: another daemon named %s is at work, or Redis has lost "
		    "what it had confirmed",
		    p->state->conf->node);
	}
	state_lose(p->state, error);
}

static bool
is_word(const redisReply *reply, const char *word)
{
	return reply->elements > 0 && reply->element[0]->type == REDIS_REPLY_STRING &&
	    strcmp(reply->element[0]->str, word) == 0;
}

/* From element ${first} on. */
static bool
has_lists(const redisReply *reply, size_t first)
{
	for (size_t i = first; i < reply->elements; i++)
		if (reply->element[i]->type != REDIS_REPLY_ARRAY)
			return false;
	return true;
}

/* The groups that Redis has otherwise: learn them, and work it out again. */
static void
collided(struct partition *p, const redisReply *list)
{
	const struct sending *x = &p->sending;

	p->state->stats.collisions++;
	for (size_t i = 0; i + 1 < list->elements; i += 2) {
		const redisReply *which = list->element[i], *is = list->element[i + 1];
		const struct batch_entry *e;

		if (which->type != REDIS_REPLY_INTEGER || is->type != REDIS_REPLY_STRING ||
		    which->integer < 0 || (size_t)which->integer >= x->nsent)
			continue;
		e = x->sent[which->integer].entry;
		group_cache_put(
		    p->state->groups, e->hash.a, e->rule, e->key, (struct sv){is->str, is->len});
	}
	begin(p);
	build(p);
}

static void
tell_evicted(const redisReply *list)
{
	for (size_t i = 0; i < list->elements; i++)
		if (list->element[i]->type == REDIS_REPLY_STRING)
			log_warn("state",
			    "%s: it has more groups than it may (groups); those not used for long "
			    "are forgotten, triagectl rule counts them as evicted",
			    list->element[i]->str);
}

static void
accepted(struct partition *p, const struct redisReply *reply)
{
	CRASH_POINT("commit-answered");
	p->fence++;
	tell_evicted(reply->element[3]);
	for (size_t i = 0; i < reply->element[2]->elements; i++) {
		const redisReply *entry = reply->element[2]->element[i];

		if (entry->type == REDIS_REPLY_STRING)
			state_hand_delivery(p->state, (struct sv){entry->str, entry->len});
	}
	state_relay_hand(p->state, reply->element[4]);
	p->sending.first = reply->element[1]->integer;
	p->sending.phase = SENDING_ABSORB;
	absorb(p);
}

static void
answered(void *ctx, const struct redisReply *reply)
{
	struct partition *p = ctx;

	if (state_error(reply) != NULL) {
		refused(p, state_error(reply));
	} else if (is_word(reply, "OK") && reply->elements == 5 &&
	    reply->element[1]->type == REDIS_REPLY_INTEGER && has_lists(reply, 2)) {
		accepted(p, reply);
	} else if (is_word(reply, "COLLISION") && reply->elements == 2 && has_lists(reply, 1)) {
		collided(p, reply->element[1]);
	} else if (is_word(reply, "WAIT")) {
		ev_timer_set(p->go_on, WAIT_TURN);
	} else {
		refused(p, "a strange answer");
	}
}

void
state_commit_start(struct partition *p, struct batch *b)
{
	p->sending.batch = b;
	begin(p);
	build(p);
}
