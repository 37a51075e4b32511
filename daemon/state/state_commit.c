/*
 * state_commit: what a partition gets of a batch, as one transaction, and what its answer
 * says.
 *
 * What the batch's events come to is worked out here from the groups as the cache has
 * them; the function refuses when Redis has others, and says which: then it is worked
 * out again.  A large batch is done in slices, so that the loop never waits for it.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "correlate/ahead.h"
#include "correlate/batch.h"
#include "correlate/group_cache.h"
#include "correlate/group_key.h"
#include "ev/ev.h"
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
	int64_t n = 0, now = clock_now();

	for (size_t i = 0; i < b->npositions; i++) {
		const struct batch_position *pos = &b->positions[i];

		if (!pos->done || ahead_knows(p->state->ahead, p->number, pos))
			continue;
		add_end(&list, pos, now);
		n++;
	}
	redis_arg_int(args, n);
	redis_args_add(args, &list);
	buf_free(&list.wire);
}

/* Entries of the relay that are counted.  What one partition has and another counts goes
 * when that has been committed, a round later. */
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

/* ---- groups ------------------------------------------------------------------- */

#define SLICE 1500     /* groups that one turn of the loop does */
#define PENDING_ENTRIES 4096 /* of a batch; more are a storm */
#define CHUNK 200      /* groups of one command */
#define WAIT_TURN 2    /* ms to wait while it is another node's turn */
#define DAY_MS 86400000LL

/* Seconds that groups of ${rule} are kept without an event: as long as they can matter,
 * and a day for a daemon that was stopped.  0: for ever. */
static int64_t
keep_seconds(const struct incident_rule *rule)
{
	const struct condition *c = &rule->condition;
	int64_t span = c->within * (1 + c->slots);

	if (c->kind == CONDITION_ABSENT)
		return 0;
	if (rule->rearm > span)
		span = rule->rearm;
	if (c->learning > span)
		span = c->learning;
	return (span + DAY_MS) / 1000;
}

void
state_group_name(struct redis_args *args, const struct incident_rule *rule)
{
	char name[128];

	snprintf(name, sizeof(name), "%s:%016llx", rule->id, (unsigned long long)rule->identity);
	redis_arg_str(args, name);
}

static void
add_rule(struct redis_args *args, const struct incident_rule *rule, size_t fresh)
{
	redis_arg_str(args, rule->id);
	redis_arg_str(args, rule->file);
	redis_arg_str(args, rule->file_hash);
	redis_arg_str(args, severity_name(rule->severity));
	redis_arg_str(args, rule->criteria);
	redis_arg_str(args, rule->playbook);
	state_group_name(args, rule);
	redis_arg_int(args, rule->groups);
	redis_arg_int(args, keep_seconds(rule));
	redis_arg_int(args, (int64_t)fresh);
}

/* {"rule":...,"time":...,"key":{...}}: an event for rules about incidents of the rule. */
static void
add_relay(struct redis_args *args, const struct batch_entry *e, const struct settled_incident *inc)
{
	struct buf json = BUF_INIT;

	if (e->rule->nincidents > 0) {
		buf_puts(&json, "{\"rule\":");
		json_quote(&json, sv_str(e->rule->id));
		buf_printf(&json, ",\"time\":%lld,\"key\":", (long long)inc->at);
		group_key_json(e->rule, e->key, &json);
		buf_putc(&json, '}');
	}
	redis_arg(args, buf_view(&json));
	buf_free(&json);
}

static void
add_incident(struct redis_args *args, const struct batch_entry *e, const struct settled_incident *inc)
{
	struct buf text = BUF_INIT;

	redis_arg_str(args, inc->opened ? "o" : inc->calm ? "c" : "j");
	redis_arg_int(args, inc->opened ? 0 : inc->number);
	redis_arg_int(args, inc->count);
	redis_arg_int(args, inc->first);
	redis_arg_int(args, inc->last);
	redis_arg_int(args, inc->at);
	redis_arg_int(args, inc->grown);
	redis_arg_int(args, (int64_t)inc->nsamples);
	for (size_t i = 0; i < inc->nsamples; i++)
		redis_arg_str(args, inc->samples[i]->json);
	if (!inc->opened)
		return;
	group_key_title(e->rule, e->key, &text);
	redis_arg(args, buf_view(&text));
	text.n = 0;
	group_key_json(e->rule, e->key, &text);
	redis_arg(args, buf_view(&text));
	buf_free(&text);
	add_relay(args, e, inc);
}

/* "TIME JSON" of lines that no incident has yet.  Not in a storm, where they would only
 * drive out one another. */
static void
add_pending(struct redis_args *args, const struct settled *s)
{
	struct buf line = BUF_INIT;

	redis_arg_int(args, (int64_t)s->npending);
	for (size_t i = 0; i < s->npending; i++) {
		line.n = 0;
		buf_printf(&line, "%lld ", (long long)s->pending[i]->time);
		buf_puts(&line, s->pending[i]->json);
		redis_arg(args, buf_view(&line));
	}
	buf_free(&line);
}

/* What a group has besides its bytes; most have nothing. */
static void
add_more(struct redis_args *args, const struct batch_entry *e, struct settled *s)
{
	bool due = s->due != s->was_due;

	if (s->npending == 0 && s->nincidents == 0 && !due) {
		redis_arg_int(args, 0);
		return;
	}
	redis_arg_int(args, 1);
	redis_arg_int(args, !due ? -1 : s->due == INT64_MAX ? 0 : s->due);
	add_pending(args, s);
	redis_arg_int(args, (int64_t)s->nincidents);
	for (size_t i = 0; i < s->nincidents; i++)
		add_incident(args, e, &s->incidents[i]);
}

static void
remember(struct sending *x, const struct batch_entry *e)
{
	const struct settled *s = &x->settled;
	struct sent_group *sent = &x->sent[x->nsent++];

	*sent = (struct sent_group){.entry = e,
	    .bytes = {arena_copy(&x->batch->arena, s->group.p, s->group.n), s->group.n}};
	for (size_t i = 0; i < s->nincidents; i++)
		x->nopened += s->incidents[i].opened;
	sent->is_new = s->scratch.incident.number == GROUP_NEW;
	sent->opened = x->nopened - 1;
	x->sums[0] += s->counted;
	x->sums[1] += s->promoted;
	x->sums[2] += s->folded;
	x->sums[3] += s->known;
}

static void
add_group(struct partition *p, const struct batch_entry *e)
{
	struct sending *x = &p->sending;
	struct sv was = group_cache_get(p->state->groups, e->rule, e->key);

	settle_entry(x->batch, e, was, p->state->conf->event_clock ? 0 : clock_now() / 1000, &x->settled);
	redis_arg(&x->check, e->key);
	redis_arg(&x->check, (struct sv){was.p, was.n < GROUP_VERSION ? 0 : GROUP_VERSION});
	x->fresh += was.n == 0;
	redis_arg(&x->write, e->key);
	redis_arg(&x->write, buf_view(&x->settled.group));
	if (x->batch->nentries > PENDING_ENTRIES)
		x->settled.npending = 0;
	add_more(&x->write, e, &x->settled);
	remember(x, e);
	x->nheld++;
}

/* The groups at hand become two commands. */
static void
flush_groups(struct partition *p, const struct incident_rule *rule)
{
	struct sending *x = &p->sending;
	struct redis_args check = REDIS_ARGS_INIT, write = REDIS_ARGS_INIT;

	if (x->nheld == 0)
		return;
	state_call(p, &check, "triaged_check");
	redis_arg_int(&check, (int64_t)x->rule);
	state_group_name(&check, rule);
	redis_arg_int(&check, (int64_t)(x->index - x->nheld));
	redis_args_add(&check, &x->check);
	redis_append(&x->wire, &check);
	x->ncommands++;
	state_call(p, &write, "triaged_write");
	add_rule(&write, rule, x->fresh);
	redis_args_add(&write, &x->write);
	redis_append(&x->writes, &write);
	x->nwrites++;
	buf_free(&check.wire);
	buf_free(&write.wire);
	x->nheld = x->fresh = 0;
}

/* ---- dispositions --------------------------------------------------------------- */

static void
add_count(struct redis_args *counts, const char *rule, const char *what, uint64_t n)
{
	char text[128];

	if (n == 0)
		return;
	snprintf(text, sizeof(text), "%s %s", rule, what);
	redis_arg_str(counts, text);
	redis_arg_int(counts, (int64_t)n);
}

static void
add_rule_counts(struct sending *x, const struct incident_rule *rule)
{
	static const char *const names[] = {"counted", "promoted", "folded", "known"};

	for (size_t i = 0; i < 4; i++) {
		add_count(&x->counts, rule->id, names[i], x->sums[i]);
		x->sums[i] = 0;
	}
}

/* The last command, with what became of the events. */
static void
finish(struct partition *p)
{
	struct sending *x = &p->sending;
	struct redis_args end = REDIS_ARGS_INIT;
	struct buf day = BUF_INIT;

	/* Events of no group are counted in partition 0. */
	for (size_t i = 0; p->number == 0 && i < x->batch->nuncounted; i++) {
		const struct batch_uncounted *u = &x->batch->uncounted[i];

		add_count(&x->counts, u->rule, u->why, u->n);
	}
	clock_format(&day, clock_now());
	state_call(p, &end, "triaged_end");
	redis_arg(&end, (struct sv){buf_str(&day), day.n < 10 ? day.n : 10});
	redis_args_add(&end, &x->counts);
	redis_append(&x->writes, &end);
	x->nwrites++;
	buf_free(&end.wire);
	buf_free(&day);
}

/* ---- building, waiting, absorbing ------------------------------------------------- */

static void answered(void *ctx, const struct redisReply *reply);

static void
clear(struct sending *x)
{
	buf_free(&x->wire);
	buf_free(&x->writes);
	buf_free(&x->check.wire);
	buf_free(&x->write.wire);
	buf_free(&x->counts.wire);
	free(x->sent);
	settle_free(&x->settled);
	free(x->numbers);
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
	const struct batch *b = x->batch;
	struct redis_args args = REDIS_ARGS_INIT;

	clear(x);
	x->phase = SENDING_BUILD;
	x->sent = xcalloc(count_groups(p) + 1, sizeof(*x->sent));
	state_call(p, &args, "triaged_begin");
	redis_arg_str(&args, p->state->conf->node);
	redis_arg_int(&args, p->fence + 1);
	redis_arg_int(&args, p->state->conf->event_clock ? 0 : clock_now());
	redis_arg_int(&args, p->state->npartitions);
	redis_arg_int(&args, p->number + 1);
	state_channels(p->state, &args);
	add_positions(&args, p, b);
	add_gaps(&args, p, b);
	add_ended(&args, p, b);
	add_relayed(&args, p, b);
	add_begun(&args, p, b);
	redis_append(&x->wire, &args);
	x->ncommands = 1;
	buf_free(&args.wire);
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
	add_group(p, &x->batch->entries[x->entry]);
	x->entry = x->batch->entries[x->entry].sibling;
	if (++x->index == r->n || x->nheld == CHUNK)
		flush_groups(p, r->rule);
	if (x->index == r->n) {
		add_rule_counts(x, r->rule);
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

	finish(p);
	buf_sv(&x->wire, buf_view(&x->writes));
	x->ncommands += x->nwrites;
	x->phase = SENDING_WAIT;
	CRASH_POINT("commit-ready");
	redis_transaction(p->link->redis, &x->wire, x->ncommands, answered, p);
	CRASH_POINT("commit-sent");
}

static void
build(struct partition *p)
{
	for (size_t i = 0; i < SLICE; i++) {
		if (!build_one(p)) {
			submit(p);
			return;
		}
	}
	ev_timer_set(p->go_on, 0);
}

static void
absorb_one(struct partition *p, const struct sent_group *sent)
{
	char *bytes = (char *)(uintptr_t)sent->bytes.p;

	if (sent->is_new)
		group_set_number(bytes, p->sending.numbers[sent->opened]);
	group_cache_put(p->state->groups, sent->entry->rule, sent->entry->key, sent->bytes);
}

static void
absorb(struct partition *p)
{
	struct sending *x = &p->sending;
	size_t nopened = x->nopened;

	for (size_t i = 0; i < SLICE && x->absorbed < x->nsent; i++)
		absorb_one(p, &x->sent[x->absorbed++]);
	if (x->absorbed < x->nsent) {
		ev_timer_set(p->go_on, 0);
		return;
	}
	clear(x);
	x->batch = NULL;
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

static bool
has_lists(const redisReply *reply, size_t n)
{
	if (reply->elements != n + 1)
		return false;
	for (size_t i = 1; i <= n; i++)
		if (reply->element[i]->type != REDIS_REPLY_ARRAY)
			return false;
	return true;
}

/* The groups that Redis has otherwise: learn them, and work it out again. */
static void
collided(struct partition *p, const redisReply *list)
{
	const struct batch *b = p->sending.batch;

	p->state->stats.collisions++;
	for (size_t i = 0; i + 2 < list->elements; i += 3) {
		const redisReply *const *r = (const redisReply *const *)&list->element[i];
		size_t at;

		if (r[0]->type != REDIS_REPLY_INTEGER || r[1]->type != REDIS_REPLY_INTEGER ||
		    r[2]->type != REDIS_REPLY_STRING || r[0]->integer < 0 ||
		    (size_t)r[0]->integer >= b->nrules)
			continue;
		at = b->rules[r[0]->integer].first;
		for (int64_t k = 0; k < r[1]->integer && (k == 0 || at != 0); k++)
			at = b->entries[at].sibling;
		group_cache_put(p->state->groups, b->entries[at].rule, b->entries[at].key,
		    (struct sv){r[2]->str, r[2]->len});
	}
	begin(p);
	build(p);
}

static void
tell_evicted(const redisReply *list)
{
	for (size_t i = 0; i + 1 < list->elements; i += 2)
		if (list->element[i]->type == REDIS_REPLY_STRING)
			log_warn("state",
			    "%s: it has more groups than it may (groups), the one not used for "
			    "longest is forgotten",
			    list->element[i]->str);
}

/* Of the incidents that were opened, in order. */
static void
take_numbers(struct sending *x, const redisReply *list)
{
	x->numbers = xcalloc(x->nopened + 1, sizeof(*x->numbers));
	for (size_t i = 0; i < x->nopened && i < list->elements; i++)
		if (list->element[i]->type == REDIS_REPLY_INTEGER)
			x->numbers[i] = list->element[i]->integer;
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
	take_numbers(&p->sending, reply->element[1]);
	p->sending.phase = SENDING_ABSORB;
	absorb(p);
}

static void
answered(void *ctx, const struct redisReply *reply)
{
	struct partition *p = ctx;

	if (state_error(reply) != NULL) {
		refused(p, state_error(reply));
	} else if (is_word(reply, "OK") && has_lists(reply, 4)) {
		accepted(p, reply);
	} else if (is_word(reply, "COLLISION") && has_lists(reply, 1)) {
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
