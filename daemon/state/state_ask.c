/*
 * state_ask: questions about incidents, moves of them by hand, and outcomes of
 * deliveries.
 */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "rule/ruleset.h"
#include "state/state_internal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

#define DAY 86400000LL /* ms */
#define DATE 10        /* characters of 2026-01-31 */

static void
answer(struct ask *a, bool ok, struct sv text)
{
	a->prev->next = a->next;
	a->next->prev = a->prev;
	a->state->nasks--;
	a->cb(a->ctx, ok, text);
	free(a);
}

void
state_fail_asks(struct state *s)
{
	while (s->asks.next != &s->asks)
		answer(s->asks.next, false, SV("Redis is away; try again in a moment"));
}

static void
send(struct state *s, struct redis_args *args, redis_reply_cb *reply, state_answer_cb *cb, void *ctx)
{
	struct ask *a;

	if (!s->ready) {
		buf_free(&args->wire);
		cb(ctx, false, SV("Redis is away; try again in a moment"));
		return;
	}
	a = xcalloc(1, sizeof(*a));
	*a = (struct ask){.state = s, .cb = cb, .ctx = ctx, .prev = s->asks.prev, .next = &s->asks};
	a->prev->next = a;
	a->next->prev = a;
	s->nasks++;
	redis_command(s->redis, args, reply, a);
}

/* An error reply without its code word: "NOINCIDENT there is no incident X". */
static struct sv
error_text(const char *error)
{
	size_t code = strspn(error, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return sv_str(code > 0 && error[code] == ' ' ? error + code + 1 : error);
}

static void
answered(void *ctx, const struct redisReply *reply)
{
	if (reply->type == REDIS_REPLY_STRING)
		answer(ctx, true, (struct sv){reply->str, reply->len});
	else if (reply->type == REDIS_REPLY_ERROR)
		answer(ctx, false, error_text(reply->str));
	else
		answer(ctx, false, SV("a strange answer from Redis"));
}

static void
moved(void *ctx, const struct redisReply *reply)
{
	struct ask *a = ctx;
	struct state *s = a->state;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[1]->type != REDIS_REPLY_ARRAY) {
		answered(ctx, reply);
		return;
	}
	answered(a, reply->element[0]);
	for (size_t i = 0; i < reply->element[1]->elements; i++) {
		const redisReply *entry = reply->element[1]->element[i];

		if (entry->type == REDIS_REPLY_STRING)
			state_hand_delivery(s, (struct sv){entry->str, entry->len});
	}
}

void
state_list(struct state *s, bool all, int64_t limit, state_answer_cb *cb, void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;

	state_call(s, &args, "triaged_list");
	redis_arg_str(&args, all ? "all" : "open");
	redis_arg_int(&args, limit);
	send(s, &args, answered, cb, ctx);
}

void
state_show(struct state *s, const char *id, state_answer_cb *cb, void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;

	state_call(s, &args, "triaged_show");
	redis_arg_str(&args, id);
	send(s, &args, answered, cb, ctx);
}

void
state_outbox(struct state *s, state_answer_cb *cb, void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;

	state_call(s, &args, "triaged_outbox");
	send(s, &args, answered, cb, ctx);
}

void
state_gaps(struct state *s, int64_t limit, state_answer_cb *cb, void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;

	state_call(s, &args, "triaged_gaps");
	redis_arg_str(&args, s->conf->node);
	redis_arg_int(&args, limit);
	send(s, &args, answered, cb, ctx);
}

void
state_rule(struct state *s, const struct incident_rule *rule, int64_t limit, int days,
    state_answer_cb *cb, void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;
	struct buf day = BUF_INIT;

	state_call(s, &args, "triaged_rule");
	redis_arg_str(&args, rule->id);
	state_group_name(&args, rule);
	redis_arg_int(&args, limit);
	for (int i = 0; i < days; i++) {
		day.n = 0;
		clock_format(&day, clock_now() - i * DAY);
		redis_arg(&args, (struct sv){buf_str(&day), DATE});
	}
	buf_free(&day);
	send(s, &args, answered, cb, ctx);
}

void
state_move(struct state *s, const char *id, const char *action, const char *by, const char *message,
    state_answer_cb *cb, void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;

	state_call(s, &args, "triaged_move");
	redis_arg_str(&args, id);
	redis_arg_str(&args, action);
	redis_arg_str(&args, by);
	redis_arg_str(&args, message);
	redis_arg_int(&args, clock_now());
	redis_arg_str(&args, s->conf->node);
	state_channels(s, &args);
	send(s, &args, moved, cb, ctx);
}

static void
recorded(void *ctx, const struct redisReply *reply)
{
	struct state *s = ctx;

	s->noutcomes--;
	if (state_error(reply) != NULL)
		state_lose(s, state_error(reply));
}

void
state_delivered(struct state *s, const struct delivery *d, const struct outcome *outcome)
{
	struct redis_args args = REDIS_ARGS_INIT;

	if (!s->ready)
		return; /* it stays in the outbox and is sent again */
	state_call(s, &args, "triaged_delivered");
	redis_arg_str(&args, d->id);
	redis_arg_str(&args, outcome->delivered ? "done" : outcome->dead ? "dead" : "retry");
	redis_arg_int(&args, d->attempts);
	redis_arg_int(&args, outcome->due);
	redis_arg_str(&args, outcome->text);
	redis_arg_int(&args, clock_now());
	s->noutcomes++;
	redis_command(s->redis, &args, recorded, s);
}
