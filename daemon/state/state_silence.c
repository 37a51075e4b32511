/*
 * state_silence: silences, which lie in partition 0: all daemons are told of them when they
 * attach, and when they ask.
 */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "state/state_internal.h"
#include "util/clock.h"
#include "util/xalloc.h"

/* {version, {text, ...}}, or without the texts: they are those of that version. */
static bool
is_list(const struct redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 1 || reply->elements > 2 ||
	    reply->element[0]->type != REDIS_REPLY_INTEGER)
		return false;
	return reply->elements == 1 || reply->element[1]->type == REDIS_REPLY_ARRAY;
}

void
state_silences_hand(struct state *s, const struct redisReply *reply)
{
	struct state_silences told = {.error = state_error(reply)};
	const struct redisReply *list = NULL;
	struct sv *texts = NULL;

	if (told.error == NULL && !is_list(reply))
		told.error = "Redis answers something else";
	if (told.error == NULL) {
		told.version = reply->element[0]->integer;
		list = reply->elements == 2 ? reply->element[1] : NULL;
	}
	told.same = told.error == NULL && list == NULL;
	if (list != NULL)
		texts = xcalloc(list->elements + 1, sizeof(*texts));
	for (size_t i = 0; list != NULL && i < list->elements; i++)
		if (list->element[i]->type == REDIS_REPLY_STRING)
			texts[told.n++] = (struct sv){list->element[i]->str, list->element[i]->len};
	told.texts = texts;
	if (s->cb->silences != NULL)
		s->cb->silences(s->ctx, &told);
	free(texts);
}

static void
got_list(void *ctx, const struct redisReply *reply)
{
	state_silences_hand(ctx, reply);
}

void
state_silences(struct state *s, int64_t version)
{
	struct redis_args args = REDIS_ARGS_INIT;
	struct partition *p = &s->partitions[0];

	state_call(p, &args, "triaged_silences");
	redis_arg_int(&args, version);
	redis_arg_int(&args, clock_now() - STATE_SILENCES_SINCE);
	redis_command(p->link->redis, &args, got_list, s);
}

void
state_silence_add(
    struct state *s, const char *json, int64_t now, int64_t until, state_answer_cb *cb, void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;

	if (state_ask_away(s, cb, ctx))
		return;
	state_call(&s->partitions[0], &args, "triaged_silence");
	redis_arg_int(&args, now);
	redis_arg_int(&args, until);
	redis_arg_str(&args, json);
	state_ask_send(&s->partitions[0], &args, cb, ctx);
}

void
state_silence_end(struct state *s, const char *id, int64_t now, const char *by, const char *message,
    state_answer_cb *cb, void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;

	if (state_ask_away(s, cb, ctx))
		return;
	state_call(&s->partitions[0], &args, "triaged_unsilence");
	redis_arg_str(&args, id);
	redis_arg_int(&args, now);
	redis_arg_str(&args, by);
	redis_arg_str(&args, message);
	state_ask_send(&s->partitions[0], &args, cb, ctx);
}

void
state_silence_list(struct state *s, bool all, int64_t limit, state_answer_cb *cb, void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;

	if (state_ask_away(s, cb, ctx))
		return;
	state_call(&s->partitions[0], &args, "triaged_silence_list");
	redis_arg_str(&args, all ? "all" : "hold");
	redis_arg_int(&args, clock_now());
	redis_arg_int(&args, limit);
	state_ask_send(&s->partitions[0], &args, cb, ctx);
}
