/*
 * state_attach: where every life of the daemon begins, and every recovery: it takes the
 * partitions for its node, and learns what is committed.  Partition 0 first, which knows
 * how many there are.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev/ev.h"
#include "state/redis_server.h"
#include "state/state_internal.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/log.h"
#include "util/xalloc.h"

#define PULSE 5000 /* ms between looks whether all is as it was left */

static void attach(struct partition *p);

static bool
reply_ok(const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 10 ||
	    reply->element[0]->type != REDIS_REPLY_INTEGER ||
	    reply->element[5]->type != REDIS_REPLY_STRING ||
	    reply->element[6]->type != REDIS_REPLY_ARRAY ||
	    reply->element[7]->type != REDIS_REPLY_ARRAY ||
	    reply->element[8]->type != REDIS_REPLY_ARRAY ||
	    reply->element[9]->type != REDIS_REPLY_ARRAY)
		return false;
	for (size_t i = 1; i <= 4; i++)
		if (reply->element[i]->type != REDIS_REPLY_ARRAY)
			return false;
	return true;
}

static void
keep_deliveries(struct state *s, const redisReply *list)
{
	for (size_t i = 0; i < list->elements; i++) {
		if (list->element[i]->type != REDIS_REPLY_STRING)
			continue;
		XGROW(s->deliveries, s->ndeliveries);
		s->deliveries[s->ndeliveries++] = xstrdup(list->element[i]->str);
	}
}

static bool
all_attached(const struct state *s)
{
	for (unsigned i = 0; i < s->npartitions; i++)
		if (!s->partitions[i].attached)
			return false;
	return true;
}

static void
attached(void *ctx, const struct redisReply *reply)
{
	struct partition *p = ctx;
	struct state *s = p->state;

	if (state_error(reply) != NULL || !reply_ok(reply)) {
		state_lose(s, state_error(reply) != NULL ? state_error(reply) : "a strange answer");
		return;
	}
	if (reply->element[0]->integer <= p->fence) {
		s->set_back = true;
		log_warn("state",
		    "partition %u was set back: Redis has lost what it had confirmed; it is read again",
		    p->number);
	}
	p->attached = true;
	p->fence = reply->element[0]->integer;
	state_positions_add(s, p->number, reply->element[1], reply->element[3],
	    reply->element[6]);
	keep_deliveries(s, reply->element[2]);
	state_relay_add(s, reply->element[4], reply->element[8]);
	state_relay_add_counted(s, p->number, reply->element[7]);
	if (p->number == 0) {
		snprintf(s->install, sizeof(s->install), "%s", reply->element[5]->str);
		state_silences_hand(s, reply->element[9]);
		for (unsigned i = 1; i < s->npartitions; i++)
			attach(&s->partitions[i]);
	}
	if (!all_attached(s))
		return;
	ev_timer_set(s->pulse, PULSE);
	state_attached(s);
}

static void
attach(struct partition *p)
{
	const struct state *s = p->state;
	struct redis_args args = REDIS_ARGS_INIT;

	state_call(p, &args, "triaged_attach");
	redis_arg_str(&args, s->conf->node);
	redis_arg_str(&args, s->install);
	redis_arg_int(&args, p->number == 0 ? s->npartitions : 0);
	redis_arg_int(&args, p->fence);
	redis_arg_str(&args, s->fresh);
	redis_arg_int(&args, s->npartitions);
	redis_arg_int(&args, p->number == 0 ? clock_now() - STATE_SILENCES_SINCE : -1);
	redis_command(p->link->redis, &args, attached, p);
}

void
state_attach(struct state *s)
{
	unsigned char raw[4];

	digest_random(raw, sizeof(raw));
	digest_hex(raw, sizeof(raw), s->fresh);
	memcpy(s->install, s->fresh, sizeof(s->install));
	state_attach_forget(s);
	attach(&s->partitions[0]);
}

void
state_attach_forget(struct state *s)
{
	for (unsigned i = 0; i < s->npartitions; i++)
		s->partitions[i].attached = false;
	state_positions_forget(s);
	for (size_t i = 0; i < s->ndeliveries; i++)
		free(s->deliveries[i]);
	free(s->deliveries);
	s->deliveries = NULL;
	s->ndeliveries = 0;
	state_relay_forget(s);
}

/* ---- afterwards ---------------------------------------------------------------- */

/* Commits are in order: until the next one is answered, the fence is that of the last. */
static void
told_fence(void *ctx, const struct redisReply *reply)
{
	struct partition *p = ctx;

	if (state_error(reply) != NULL)
		state_lose(p->state, state_error(reply));
	else if (reply->type != REDIS_REPLY_INTEGER || reply->integer != p->fence)
		state_lose(p->state, "it has lost what it had confirmed, or another daemon has this "
		                     "node's name");
}

static void
told_rewrite(void *ctx, const struct redisReply *reply)
{
	(void)ctx;
	if (state_error(reply) != NULL)
		log_warn("redis", "the append-only file is not written anew: %s", state_error(reply));
}

static void
rewrite(struct state *s)
{
	struct redis_args args = REDIS_ARGS_INIT;

	if (s->server == NULL || !redis_server_wants_rewrite(s->server))
		return;
	redis_arg_str(&args, "BGREWRITEAOF");
	redis_command(s->partitions[0].link->redis, &args, told_rewrite, s);
}

/* A server that was set back, or that serves no more, without a word: a daemon with
 * nothing to commit would not notice. */
void
state_pulse(void *ctx)
{
	struct state *s = ctx;

	for (unsigned i = 0; s->ready && i < s->npartitions; i++) {
		struct partition *p = &s->partitions[i];
		struct redis_args args = REDIS_ARGS_INIT;

		if (p->sending.phase != SENDING_NOTHING)
			continue;
		state_call(p, &args, "triaged_fence");
		redis_arg_str(&args, s->conf->node);
		redis_command(p->link->redis, &args, told_fence, p);
	}
	if (s->ready) {
		rewrite(s);
		ev_timer_set(s->pulse, PULSE);
	}
}
