/*
 * state: its life: from trying to be ready, rounds of commits, losing, and trying again.
 * Connecting is in state_link.c, attaching in state_attach.c and state_positions.c, what
 * a partition gets of a round in state_commit.c, questions and moves in state_ask.c.
 */
#include "state/state.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "correlate/ahead.h"
#include "correlate/batch.h"
#include "ev/ev.h"
#include "state/redis_server.h"
#include "state/state_internal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

#define BACKOFF_FIRST 20
#define BACKOFF_MOST 2000
#define START_TIME 3000 /* ms that the private server may take to come up, unremarked */

void
state_call(const struct partition *p, struct redis_args *args, const char *function)
{
	redis_arg_str(args, "FCALL");
	redis_arg_str(args, function);
	redis_arg_str(args, "1");
	redis_arg_str(args, p->prefix);
}

void
state_channels(const struct state *s, struct redis_args *args)
{
	redis_arg_int(args, (int64_t)s->conf->nchannels);
	for (size_t i = 0; i < s->conf->nchannels; i++) {
		redis_arg_str(args, s->conf->channels[i].id);
		redis_arg_int(args, s->conf->channels[i].least);
	}
}

const char *
state_error(const struct redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR ? reply->str : NULL;
}

void
state_look_busy(struct state *s)
{
	bool busy = false;

	for (unsigned i = 0; i < s->npartitions; i++)
		busy |= s->partitions[i].sending.phase == SENDING_BUILD ||
		    s->partitions[i].sending.phase == SENDING_ABSORB;
	if (busy == s->busy)
		return;
	s->busy = busy;
	if (s->cb->busy != NULL)
		s->cb->busy(s->ctx, busy);
}

static void
forget_round(struct state *s)
{
	for (unsigned i = 0; i < s->npartitions; i++)
		state_commit_forget(&s->partitions[i]);
	state_look_busy(s);
	batch_free(&s->round.batch);
}

void
state_lose(struct state *s, const char *reason)
{
	bool news = s->ready || strncmp(s->problem, reason, sizeof(s->problem) - 1) != 0;

	if (clock_mono() < s->quiet_until)
		news = false;
	snprintf(s->problem, sizeof(s->problem), "%s", reason);
	if (news)
		log_warn("state", "Redis is away: %s; nothing is lost, trying again", s->problem);
	state_link_forget(s);
	forget_round(s);
	state_attach_forget(s);
	s->nrelayed = 0;
	s->noutcomes = 0;
	ev_timer_cancel(s->pulse);
	s->asks_due = 0;
	ev_timer_set(s->retry, s->backoff);
	s->backoff = s->backoff * 2 > BACKOFF_MOST ? BACKOFF_MOST : s->backoff * 2;
	if (s->ready) {
		s->ready = false;
		s->stats.losses++;
		s->cb->lost(s->ctx, s->problem);
	}
	state_fail_asks(s);
}

static char *
copy_member(const json_t *entry, const char *name)
{
	const char *text = json_string_value(json_object_get(entry, name));

	return text == NULL ? NULL : xstrdup(text);
}

void
state_hand_delivery(struct state *s, struct sv json)
{
	json_t *entry = json_loadb(json.p, json.n, 0, NULL);
	struct delivery d = {.id = copy_member(entry, "id"),
	    .channel = copy_member(entry, "channel"),
	    .incident = copy_member(entry, "incident"),
	    .message = copy_member(entry, "message"),
	    .seq = json_integer_value(json_object_get(entry, "seq")),
	    .attempts = json_integer_value(json_object_get(entry, "attempts")),
	    .created = (int64_t)json_number_value(json_object_get(entry, "created")),
	    .due = (int64_t)json_number_value(json_object_get(entry, "due"))};

	if (d.id == NULL || d.channel == NULL || d.incident == NULL || d.message == NULL)
		log_error("state", "an outbox entry that is none: %.*s", (int)(json.n < 200 ? json.n : 200),
		    json.p);
	else
		s->cb->delivery(s->ctx, &d);
	free(d.id);
	free(d.channel);
	free(d.incident);
	free(d.message);
	json_decref(entry);
}

void
state_attached(struct state *s)
{
	log_info("state", "Redis is here");
	s->problem[0] = '\0';
	s->quiet_until = 0;
	s->backoff = BACKOFF_FIRST;
	s->ready = true;
	state_positions_hand(s);
	for (size_t i = 0; i < s->ndeliveries; i++)
		state_hand_delivery(s, sv_str(s->deliveries[i]));
	state_relay_hand_left(s);
	state_attach_forget(s);
}

static void
connect_now(void *ctx)
{
	state_link(ctx);
}

static void
make_partitions(struct state *s)
{
	s->npartitions = s->conf->partitions == 0 ? 1 : s->conf->partitions;
	s->partitions = xcalloc(s->npartitions, sizeof(*s->partitions));
	for (unsigned i = 0; i < s->npartitions; i++) {
		struct partition *p = &s->partitions[i];

		p->state = s;
		p->number = i;
		p->go_on = ev_timer_new(s->ev, state_commit_go_on, p);
		/* The hash tag keeps its keys in one slot. */
		snprintf(p->prefix, sizeof(p->prefix), "triaged:{t:%u}:", i);
	}
}

struct state *
state_open(
    struct ev *ev, const struct state_conf *conf, struct group_cache *groups,
    struct ahead *ahead, const struct state_cb *cb, void *ctx)
{
	struct state *s = xcalloc(1, sizeof(*s));

	s->ev = ev;
	s->conf = conf;
	s->groups = groups;
	s->ahead = ahead;
	s->cb = cb;
	s->ctx = ctx;
	s->asks.prev = s->asks.next = &s->asks;
	s->backoff = BACKOFF_FIRST;
	s->retry = ev_timer_new(ev, connect_now, s);
	s->pulse = ev_timer_new(ev, state_pulse, s);
	make_partitions(s);
	if (conf->target == NULL) {
		s->server = redis_server_new(ev, conf->dir, conf->durable);
		if (s->server == NULL) {
			state_free(&s);
			return NULL;
		}
		s->quiet_until = clock_mono() + START_TIME;
	}
	ev_timer_set(s->retry, 0);
	return s;
}

void
state_free(struct state **sp)
{
	struct state *s = *sp;

	if (s == NULL)
		return;
	state_fail_asks(s);
	state_link_forget(s);
	forget_round(s);
	state_attach_forget(s);
	free(s->relayed);
	for (unsigned i = 0; i < s->npartitions; i++)
		ev_timer_free(&s->partitions[i].go_on);
	free(s->partitions);
	redis_find_free(&s->find);
	ev_timer_free(&s->retry);
	ev_timer_free(&s->pulse);
	redis_server_free(&s->server);
	free(s);
	*sp = NULL;
}

/* ---- rounds ---------------------------------------------------------------------- */

void
state_commit(struct state *s, struct batch *b)
{
	assert(state_is_idle(s));
	s->round = (struct round){.batch = b, .waiting = s->npartitions};
	for (unsigned i = 0; i < s->npartitions; i++)
		state_commit_start(&s->partitions[i], b);
}

static void
end_round(struct state *s)
{
	struct batch *b = s->round.batch;

	s->stats.commits++;
	for (size_t i = 0; i < b->npositions && ahead_any(s->ahead); i++)
		ahead_passed(s->ahead, &b->positions[i]);
	state_relay_counted(s, b);
	s->round.batch = NULL;
	s->cb->committed(s->ctx, b, s->round.nopened);
	batch_free(&b);
}

void
state_round_done(struct state *s, size_t nopened)
{
	s->round.nopened += nopened;
	if (--s->round.waiting == 0)
		end_round(s);
}

bool
state_is_ready(const struct state *s)
{
	return s->ready;
}

bool
state_is_idle(const struct state *s)
{
	return s->ready && s->round.batch == NULL;
}

size_t
state_inflight(const struct state *s)
{
	return s->nasks + s->noutcomes + (s->round.batch != NULL);
}

const struct state_stats *
state_stats(const struct state *s)
{
	return &s->stats;
}

const char *
state_problem(const struct state *s)
{
	return s->ready ? "" : s->problem;
}
