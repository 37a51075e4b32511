/*
 * state_ask: questions about incidents, moves of them by hand, and outcomes of
 * deliveries.
 */
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdlib.h>

#include "correlate/group_key.h"
#include "rule/ruleset.h"
#include "state/state_internal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/num.h"
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
	json_decref(a->joined);
	free(a->failed);
	free(a);
}

void
state_fail_asks(struct state *s)
{
	while (s->asks.next != &s->asks)
		answer(s->asks.next, false, SV("Redis is away; try again in a moment"));
}

static struct ask *
ask_new(struct state *s, state_answer_cb *cb, void *ctx)
{
	struct ask *a = xcalloc(1, sizeof(*a));

	*a = (struct ask){.state = s, .cb = cb, .ctx = ctx, .prev = s->asks.prev, .next = &s->asks};
	a->prev->next = a;
	a->next->prev = a;
	s->nasks++;
	return a;
}

static void
send(struct partition *p, struct redis_args *args, redis_reply_cb *reply, state_answer_cb *cb,
    void *ctx)
{
	redis_command(p->link->redis, args, reply, ask_new(p->state, cb, ctx));
}

/* Answers at once while Redis is away. */
bool
state_ask_away(const struct state *s, state_answer_cb *cb, void *ctx)
{
	if (!s->ready)
		cb(ctx, false, SV("Redis is away; try again in a moment"));
	return !s->ready;
}

/* The partition that has the incident; of what is no incident's id any. */
static struct partition *
partition_of(struct state *s, const char *id)
{
	int64_t number;

	if (strncmp(id, "INC-", 4) != 0 || !num_int(sv_str(id + 4), 1, INT64_MAX, &number))
		return &s->partitions[0];
	return &s->partitions[(uint64_t)(number - 1) % s->npartitions];
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

void
state_ask_send(struct partition *p, struct redis_args *args, state_answer_cb *cb, void *ctx)
{
	send(p, args, answered, cb, ctx);
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

/* ---- questions to all partitions ------------------------------------------------- */

/* The newest first. */
static int
by_age(const void *va, const void *vb)
{
	const json_t *a = *(json_t *const *)va, *b = *(json_t *const *)vb;
	const char *ta = json_string_value(json_object_get(a, "opened"));
	const char *tb = json_string_value(json_object_get(b, "opened"));
	int order = ta == NULL || tb == NULL ? 0 : strcmp(tb, ta);
	json_int_t na = json_integer_value(json_object_get(a, "number"));
	json_int_t nb = json_integer_value(json_object_get(b, "number"));

	return order != 0 ? order : (na < nb) - (na > nb);
}

/* The newest of ${list}, ${limit} at most; owned by the caller. */
static json_t *
newest(const json_t *list, int64_t limit)
{
	size_t n = json_array_size(list);
	json_t **v = xcalloc(n + 1, sizeof(*v)), *out = json_array();

	for (size_t i = 0; i < n; i++)
		v[i] = json_array_get(list, i);
	qsort(v, n, sizeof(*v), by_age);
	for (size_t i = 0; i < n && (int64_t)i < limit; i++)
		json_array_append(out, v[i]);
	free(v);
	return out;
}

static void
answer_joined(struct ask *a)
{
	json_t *all = a->limit > 0 ? newest(a->joined, a->limit) : json_incref(a->joined);
	char *text = json_dumps(all, JSON_COMPACT);

	json_decref(all);
	answer(a, text != NULL, text != NULL ? sv_str(text) : SV("an answer that is no text"));
	free(text);
}

static void
join_part(struct ask *a, const struct redisReply *reply)
{
	json_t *part =
	    reply->type == REDIS_REPLY_STRING ? json_loadb(reply->str, reply->len, 0, NULL) : NULL;

	if (part == NULL && a->failed == NULL)
		a->failed = xstrdup(state_error(reply) != NULL ? state_error(reply)
		                                               : "a strange answer from Redis");
	if (part == NULL)
		return;
	if (a->joined == NULL)
		a->joined = json_incref(part);
	else
		a->join(a->joined, part);
	json_decref(part);
}

/* A part that is missing is no answer: nobody could tell that it is missing. */
static void
answered_part(void *ctx, const struct redisReply *reply)
{
	struct ask *a = ctx;

	join_part(a, reply);
	if (--a->waiting > 0)
		return;
	if (a->failed != NULL)
		answer(a, false, error_text(a->failed));
	else
		answer_joined(a);
}

static struct ask *
ask_all(struct state *s, void (*join)(json_t *, json_t *), state_answer_cb *cb, void *ctx)
{
	struct ask *a = ask_new(s, cb, ctx);

	a->join = join;
	a->waiting = s->npartitions;
	return a;
}

static void
join_list(json_t *to, json_t *from)
{
	json_array_extend(to, from);
}

/* Ask ${function} of all partitions; with a ${limit} for the newest of all. */
static void
send_all(struct state *s, const char *function, const char *which, int64_t limit,
    state_answer_cb *cb, void *ctx)
{
	struct ask *a;

	if (state_ask_away(s, cb, ctx))
		return;
	a = ask_all(s, join_list, cb, ctx);
	a->limit = limit;
	for (unsigned i = 0; i < s->npartitions; i++) {
		struct redis_args args = REDIS_ARGS_INIT;

		state_call(&s->partitions[i], &args, function);
		if (which != NULL) {
			redis_arg_str(&args, which);
			redis_arg_int(&args, limit);
		}
		redis_command(s->partitions[i].link->redis, &args, answered_part, a);
	}
}

void
state_list(struct state *s, bool all, int64_t limit, state_answer_cb *cb, void *ctx)
{
	send_all(s, "triaged_list", all ? "all" : "open", limit, cb, ctx);
}

void
state_outbox(struct state *s, state_answer_cb *cb, void *ctx)
{
	send_all(s, "triaged_outbox", NULL, 0, cb, ctx);
}

/* ---- questions to one -------------------------------------------------------------- */

void
state_show(struct state *s, const char *id, state_answer_cb *cb, void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;
	struct partition *p = partition_of(s, id);

	if (state_ask_away(s, cb, ctx))
		return;
	state_call(p, &args, "triaged_show");
	redis_arg_str(&args, id);
	state_ask_send(p, &args, cb, ctx);
}

void
state_gaps(struct state *s, int64_t limit, state_answer_cb *cb, void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;
	struct partition *p = &s->partitions[0];

	if (state_ask_away(s, cb, ctx))
		return;
	state_call(p, &args, "triaged_gaps");
	redis_arg_str(&args, s->conf->node);
	redis_arg_int(&args, limit);
	state_ask_send(p, &args, cb, ctx);
}

static void
add_numbers(json_t *to, json_t *from)
{
	const char *name;
	json_t *value;

	json_object_foreach(from, name, value) json_object_set_new(to, name,
	    json_integer(
	        json_integer_value(json_object_get(to, name)) + json_integer_value(value)));
}

/* The groups of all partitions, and the sums of what became of events. */
static void
join_rule(json_t *to, json_t *from)
{
	const char *day;
	json_t *counts;

	json_object_set_new(to, "groups",
	    json_integer(json_integer_value(json_object_get(to, "groups")) +
	        json_integer_value(json_object_get(from, "groups"))));
	json_array_extend(json_object_get(to, "shown"), json_object_get(from, "shown"));
	json_object_foreach(json_object_get(from, "days"), day, counts)
	    add_numbers(json_object_get(json_object_get(to, "days"), day), counts);
}

static void
ask_rule(struct partition *p, const char *id, const struct incident_rule *rule, int64_t limit,
    int days, struct ask *a)
{
	struct redis_args args = REDIS_ARGS_INIT;
	struct buf day = BUF_INIT;

	state_call(p, &args, "triaged_rule");
	redis_arg_str(&args, id);
	if (rule != NULL)
		state_group_name(&args, rule);
	else
		redis_arg_str(&args, "");
	redis_arg_int(&args, limit);
	for (int i = 0; i < days; i++) {
		day.n = 0;
		clock_format(&day, clock_now() - i * DAY);
		redis_arg(&args, (struct sv){buf_str(&day), DATE});
	}
	buf_free(&day);
	redis_command(p->link->redis, &args, answered_part, a);
}

void
state_rule(struct state *s, const char *id, const struct incident_rule *rule, int64_t limit,
    int days, state_answer_cb *cb, void *ctx)
{
	struct ask *a;

	if (state_ask_away(s, cb, ctx))
		return;
	a = ask_all(s, join_rule, cb, ctx);
	for (unsigned i = 0; i < s->npartitions; i++)
		ask_rule(&s->partitions[i], id, rule, limit, days, a);
}

void
state_group(struct state *s, const struct incident_rule *rule, struct sv key, state_answer_cb *cb,
    void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;
	struct partition *p;

	if (state_ask_away(s, cb, ctx))
		return;
	p = &s->partitions[group_key_partition(rule, key, s->npartitions)];
	state_call(p, &args, "triaged_group");
	state_group_name(&args, rule);
	redis_arg(&args, key);
	state_ask_send(p, &args, cb, ctx);
}

void
state_move(struct state *s, const char *id, const char *action, const char *by, const char *message,
    state_answer_cb *cb, void *ctx)
{
	struct redis_args args = REDIS_ARGS_INIT;
	struct partition *p = partition_of(s, id);

	if (state_ask_away(s, cb, ctx))
		return;
	state_call(p, &args, "triaged_move");
	redis_arg_str(&args, id);
	redis_arg_str(&args, action);
	redis_arg_str(&args, by);
	redis_arg_str(&args, message);
	redis_arg_int(&args, clock_now());
	redis_arg_str(&args, s->conf->node);
	state_channels(s, &args);
	send(p, &args, moved, cb, ctx);
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
	struct partition *p = partition_of(s, d->incident);

	if (!s->ready)
		return; /* it stays in the outbox and is sent again */
	state_call(p, &args, "triaged_delivered");
	redis_arg_str(&args, d->id);
	redis_arg_str(&args, outcome->delivered ? "done" : outcome->dead ? "dead" : "retry");
	redis_arg_int(&args, d->attempts);
	redis_arg_int(&args, outcome->due);
	redis_arg_str(&args, outcome->text);
	redis_arg_int(&args, clock_now());
	s->noutcomes++;
	redis_command(p->link->redis, &args, recorded, s);
}
