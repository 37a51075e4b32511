/*
 * state_begin: the first call of a commit: who commits, how far its sources are examined,
 * and what they passed over.
 */
#include <stdio.h>

#include "correlate/ahead.h"
#include "correlate/batch.h"
#include "state/state_internal.h"
#include "util/clock.h"
#include "util/json.h"

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
add_positions(struct redis_args *args, const struct partition *p, const struct batch *b)
{
	struct redis_args list = REDIS_ARGS_INIT;
	int64_t n = 0;

	for (size_t i = 0; i < b->npositions; i++) {
		if (ahead_knows(p->state->ahead, p->number, &b->positions[i]))
			continue;
		add_position(&list, &b->positions[i]);
		n++;
	}
	redis_arg_int(args, n);
	redis_args_add(args, &list);
	buf_free(&list.wire);
}

static void
add_gap(struct redis_args *args, const struct batch_gap *gap)
{
	redis_arg_str(args, gap->total);
	redis_arg_int(args, (int64_t)gap->bytes);
	redis_arg_int(args, (int64_t)gap->messages);
	redis_arg_str(args, gap->json);
}

static void
add_gaps(struct redis_args *args, const struct partition *p, const struct batch *b)
{
	size_t n = p->number > 0 ? 0 : b->ngaps;

	redis_arg_int(args, (int64_t)n);
	for (size_t i = 0; i < n; i++)
		add_gap(args, &b->gaps[i]);
}

static void
add_end(struct redis_args *args, const struct batch_position *pos, int64_t now)
{
	struct buf json = BUF_INIT;

	buf_puts(&json, "{\"time\":\"");
	clock_format(&json, now);
	buf_puts(&json, "\",\"stream\":");
	json_quote(&json, sv_str(pos->stream));
	buf_puts(&json, ",\"path\":");
	json_quote(&json, sv_str(pos->path));
	buf_printf(&json, ",\"examined\":%llu,\"check\":\"%016llx\"}",
	    (unsigned long long)pos->offset, (unsigned long long)pos->check);
	redis_arg(args, buf_view(&json));
	buf_free(&json);
}

/* Streams that are finished: until where each was examined. */
static void
add_ended(struct redis_args *args, const struct partition *p, const struct batch *b)
{
	struct redis_args list = REDIS_ARGS_INIT;
	int64_t n = 0;

	for (size_t i = 0; i < b->npositions; i++) {
		const struct batch_position *pos = &b->positions[i];

		if (!pos->done || ahead_knows(p->state->ahead, p->number, pos))
			continue;
		add_end(&list, pos, p->sending.now);
		n++;
	}
	redis_arg_int(args, n);
	redis_args_add(args, &list);
	buf_free(&list.wire);
}

/* Entries of the relay that are counted.  What one partition has and another counts is
 * passed when that has been committed, a round later. */
static void
add_relayed(struct redis_args *args, const struct partition *p, const struct batch *b)
{
	const struct state *s = p->state;
	const int64_t *ids = s->npartitions == 1 ? b->relayed : s->relayed;
	size_t n = s->npartitions == 1 ? b->nrelayed : s->nrelayed;
	struct redis_args list = REDIS_ARGS_INIT;

	for (size_t i = 0; i < n; i++)
		if ((uint64_t)ids[i] % s->npartitions == p->number)
			redis_arg_int(&list, ids[i]);
	redis_arg_int(args, (int64_t)list.n);
	redis_args_add(args, &list);
	buf_free(&list.wire);
}

/* What they are: whatever becomes of numbers, they are not counted here again. */
static void
add_incidents(struct redis_args *args, const struct partition *p, const struct batch *b)
{
	struct redis_args list = REDIS_ARGS_INIT;
	int64_t n = 0;

	for (size_t i = 0; i < b->nincidents; i++) {
		const struct batch_incident *inc = &b->incidents[i];
		char text[40];

		if (inc->partition != p->number)
			continue;
		redis_arg_int(&list, inc->from);
		snprintf(text, sizeof(text), "%016llx %lld", (unsigned long long)inc->identity,
		    (long long)inc->time);
		redis_arg_str(&list, text);
		n++;
	}
	redis_arg_int(args, n);
	redis_args_add(args, &list);
	buf_free(&list.wire);
}

/* Where streams begin: asked for only when partitions can differ. */
static void
add_begun(struct redis_args *args, const struct partition *p, const struct batch *b)
{
	struct redis_args list = REDIS_ARGS_INIT;
	int64_t n = 0;

	for (size_t i = 0; p->state->npartitions > 1 && i < b->npositions; i++) {
		struct batch_position begin = b->positions[i];

		if (begin.begin_path == NULL)
			continue;
		begin.path = begin.begin_path;
		begin.offset = begin.begin;
		begin.check = begin.begin_check;
		begin.done = false;
		add_position(&list, &begin);
		n++;
	}
	redis_arg_int(args, n);
	redis_args_add(args, &list);
	buf_free(&list.wire);
}

void
state_begin(const struct partition *p, struct redis_args *args)
{
	const struct sending *x = &p->sending;

	state_call(p, args, "triaged_begin");
	redis_arg_str(args, p->state->conf->node);
	redis_arg_int(args, p->fence + 1);
	redis_arg_int(args, p->state->conf->event_clock ? 0 : x->now);
	redis_arg_int(args, p->state->npartitions);
	redis_arg_int(args, p->number + 1);
	state_channels(p->state, args);
	add_positions(args, p, x->batch);
	add_gaps(args, p, x->batch);
	add_ended(args, p, x->batch);
	add_relayed(args, p, x->batch);
	add_incidents(args, p, x->batch);
	add_begun(args, p, x->batch);
}
