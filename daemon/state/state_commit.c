/*
 * state_commit: a batch as one function call, and what its answer says.
 */
#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "correlate/batch.h"
#include "rule/ruleset.h"
#include "state/state_internal.h"
#include "util/clock.h"
#include "util/crash.h"
#include "util/json.h"
#include "util/log.h"
#include "util/xalloc.h"

static void
add_position(struct redis_args *args, const struct batch_position *pos)
{
	struct buf value = BUF_INIT;

	redis_arg_str(args, pos->stream);
	if (!pos->done)
		buf_printf(&value, "%llu %016llx %s", (unsigned long long)pos->offset,
		    (unsigned long long)pos->check, pos->path);
	redis_arg(args, buf_view(&value));
	buf_free(&value);
}

static void
add_gap(struct redis_args *args, const struct batch_gap *gap)
{
	redis_arg_str(args, gap->total);
	redis_arg_int(args, (int64_t)gap->bytes);
	redis_arg_int(args, (int64_t)gap->messages);
	redis_arg_str(args, gap->json);
}

/* Streams that are finished: until where each was examined. */
static void
add_ended(struct redis_args *args, const struct batch *b)
{
	int64_t n = 0, now = clock_now();
	struct buf json = BUF_INIT;

	for (size_t i = 0; i < b->npositions; i++)
		n += b->positions[i].done;
	redis_arg_int(args, n);
	for (size_t i = 0; i < b->npositions; i++) {
		const struct batch_position *pos = &b->positions[i];

		if (!pos->done)
			continue;
		json.n = 0;
		buf_puts(&json, "{\"time\":\"");
		clock_format(&json, now);
		buf_puts(&json, "\",\"stream\":");
		json_quote(&json, sv_str(pos->stream));
		buf_puts(&json, ",\"path\":");
		json_quote(&json, sv_str(pos->path));
		buf_printf(&json, ",\"examined\":%llu,\"check\":\"%016llx\"}",
		    (unsigned long long)pos->offset, (unsigned long long)pos->check);
		redis_arg(args, buf_view(&json));
	}
	buf_free(&json);
}

static void
add_times(struct redis_args *args, const struct batch_entry *e)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < e->ntimes; i++)
		buf_printf(&text, "%lld ", (long long)e->times[i]);
	redis_arg(args, buf_view(&text));
	buf_free(&text);
}

static void
add_entry(struct redis_args *args, const struct batch_entry *e)
{
	const struct incident_rule *rule = e->rule;

	redis_arg(args, (struct sv){e->group, e->group_n});
	redis_arg_int(args, rule->count);
	redis_arg_int(args, rule->within);
	redis_arg_int(args, rule->rearm);
	redis_arg_int(args, (int64_t)(e->n - e->ntimes));
	redis_arg_int(args, e->rest_first);
	redis_arg_int(args, e->rest_last);
	add_times(args, e);
	redis_arg_str(args, rule->id);
	redis_arg_str(args, rule->file);
	redis_arg_str(args, rule->file_hash);
	redis_arg_str(args, e->title);
	redis_arg_str(args, severity_name(rule->severity));
	redis_arg_str(args, rule->criteria);
	redis_arg_str(args, rule->playbook);
	redis_arg_str(args, e->key);
	redis_arg_int(args, (int64_t)e->nsamples);
	for (size_t i = 0; i < e->nsamples; i++)
		redis_arg_str(args, e->samples[i]);
}

static bool
commit_reply_ok(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	    reply->element[0]->type == REDIS_REPLY_ARRAY &&
	    reply->element[1]->type == REDIS_REPLY_ARRAY;
}

/* Collect the strings of ${list}, borrowed. */
static size_t
strings(const redisReply *list, const char ***out)
{
	size_t n = 0;

	*out = xcalloc(list->elements, sizeof(**out));
	for (size_t i = 0; i < list->elements; i++)
		if (list->element[i]->type == REDIS_REPLY_STRING)
			(*out)[n++] = list->element[i]->str;
	return n;
}

static void
refused(struct state *s, const char *error)
{
	if (strncmp(error, "FENCE", 5) == 0) {
		s->stats.refused++;
		log_warn("state",
		    "a commit was refused: another daemon named %s is at work, or Redis has lost "
		    "what it had confirmed",
		    s->conf->node);
	}
	state_lose(s, error);
}

static void
committed(void *ctx, const struct redisReply *reply)
{
	struct state *s = ctx;
	struct batch *b = s->batch;
	const char **opened;
	size_t n;

	if (state_error(reply) != NULL || !commit_reply_ok(reply)) {
		refused(s, state_error(reply) != NULL ? state_error(reply) : "a strange answer");
		return;
	}
	CRASH_POINT("commit-answered");
	s->batch = NULL;
	s->fence++;
	s->stats.commits++;
	n = strings(reply->element[0], &opened);
	s->cb->committed(s->ctx, b, opened, n);
	free(opened);
	batch_free(&b);
	for (size_t i = 0; i < reply->element[1]->elements; i++) {
		const redisReply *entry = reply->element[1]->element[i];

		if (entry->type == REDIS_REPLY_STRING)
			state_hand_delivery(s, (struct sv){entry->str, entry->len});
	}
}

void
state_commit(struct state *s, struct batch *b)
{
	struct redis_args args = REDIS_ARGS_INIT;

	assert(state_is_idle(s));
	state_call(s, &args, "triaged_commit");
	redis_arg_str(&args, s->conf->node);
	redis_arg_int(&args, s->fence + 1);
	redis_arg_int(&args, s->conf->event_clock ? 0 : clock_now());
	state_channels(s, &args);
	redis_arg_int(&args, (int64_t)b->npositions);
	for (size_t i = 0; i < b->npositions; i++)
		add_position(&args, &b->positions[i]);
	redis_arg_int(&args, (int64_t)b->ngaps);
	for (size_t i = 0; i < b->ngaps; i++)
		add_gap(&args, &b->gaps[i]);
	add_ended(&args, b);
	redis_arg_int(&args, (int64_t)b->nentries);
	for (size_t i = 0; i < b->nentries; i++)
		add_entry(&args, &b->entries[i]);
	s->batch = b;
	CRASH_POINT("commit-ready");
	redis_command(s->redis, &args, committed, s);
	CRASH_POINT("commit-sent");
}
