/*
 * state_rig: see state_rig.h.
 */
#include "state_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "ev/ev.h"
#include "rig.h"

#define WAIT 60000

static const char rules_text[] =
    "events:\n"
    "  - id: t.fail\n"
    "    title: failed\n"
    "    class: test\n"
    "    severity: low\n"
    "    match: ['^fail (?<source_ip>\\S+)']\n"
    "incidents:\n"
    "  - id: t-guessing\n"
    "    title: 'guessing from {source_ip}'\n"
    "    on: [t.fail]\n"
    "    by: [source_ip]\n"
    "    count: 3\n"
    "    within: 10s\n"
    "    rearm: 60s\n"
    "    severity: medium\n"
    "    criteria: three in ten seconds\n"
    "  - id: t-few\n"
    "    title: 'much from {source_ip}'\n"
    "    on: [t.fail]\n"
    "    by: [source_ip]\n"
    "    count: 10000\n"
    "    within: 1s\n"
    "    groups: 50\n"
    "    severity: medium\n"
    "    criteria: ten thousand in a second\n";

static void
got_ready(void *ctx, const struct position *positions, size_t n)
{
	struct half *h = ctx;

	h->ready = true;
	h->readies++;
	h->npositions = n;
	h->offset = n > 0 ? positions[0].offset : 0;
	h->done = n > 0 && positions[0].done;
}

static void
clear_delivery(struct half *h)
{
	free(h->delivery.id);
	free(h->delivery.channel);
	free(h->delivery.incident);
	free(h->delivery.message);
	h->delivery = (struct delivery){0};
}

static void
got_delivery(void *ctx, struct delivery *d)
{
	struct half *h = ctx;

	clear_delivery(h);
	h->delivery = *d;
	*d = (struct delivery){0};
	h->deliveries++;
}

static void
got_committed(void *ctx, const struct batch *b, size_t n)
{
	struct half *h = ctx;

	(void)b;
	h->committed++;
	h->opened += (unsigned)n;
}

static void
got_lost(void *ctx, const char *reason)
{
	struct half *h = ctx;

	(void)reason;
	h->ready = false;
	h->losses++;
}

static void
got_relayed(void *ctx, struct sv json)
{
	(void)ctx;
	(void)json;
}

static const struct state_cb callbacks = {.relayed = got_relayed,
    .ready = got_ready,
    .delivery = got_delivery,
    .committed = got_committed,
    .lost = got_lost};

static const struct state_channel channels[] = {{"ops", SEVERITY_LOW}, {"boss", SEVERITY_HIGH}};

static bool
is_ready(void *ctx)
{
	return ((struct half *)ctx)->ready;
}

static bool
is_idle(void *ctx)
{
	return state_is_idle(((struct half *)ctx)->state) &&
	    state_inflight(((struct half *)ctx)->state) == 0;
}

static bool
has_lost(void *ctx)
{
	return ((struct half *)ctx)->losses > 0;
}

void
half_wait_ready(struct half *h)
{
	rig_turn_until(h->ev, is_ready, h, WAIT);
}

void
half_wait_lost(struct half *h)
{
	rig_turn_until(h->ev, has_lost, h, WAIT);
}

void
half_settle(struct half *h)
{
	rig_turn_until(h->ev, is_idle, h, WAIT);
}

void
half_open(struct half *h, char *dir)
{
	*h = (struct half){.ev = ev_new(),
	    .rules = rig_rules(rules_text),
	    .correlator = correlator_new(),
	    .dir = dir,
	    .conf = {.node = "web-1", .dir = dir, .durable = true, .channels = channels, .nchannels = 2}};
	h->state = state_open(h->ev, &h->conf, correlator_cache(h->correlator),
	    correlator_ahead(h->correlator), &callbacks, h);
	ck_assert_ptr_nonnull(h->state);
	half_wait_ready(h);
}

void
half_begin(struct half *h)
{
	half_open(h, rig_dir());
}

void
half_reopen(struct half *h)
{
	half_close(h);
	half_open(h, h->dir);
}

void
half_end(struct half *h)
{
	half_close(h);
	rig_remove(&h->dir);
}

void
half_close(struct half *h)
{
	state_free(&h->state);
	correlator_free(&h->correlator);
	ruleset_unref(&h->rules);
	ev_free(&h->ev);
	clear_delivery(h);
	json_decref(h->answer);
}

void
half_count(struct half *h, const char *ip, int64_t time)
{
	static const struct stream stream = {.id = "1:2:3:4", .source = "test", .path = "/var/log/test.log"};
	char text[64];
	struct line line = {.stream = &stream, .offset = 7};
	struct record record = {.line = &line, .time = time};
	struct event e = {.rule = ruleset_find_event(h->rules, "t.fail"), .record = &record, .nfields = 1};

	snprintf(text, sizeof(text), "fail %s", ip);
	line.text = sv_str(text);
	e.fields[0] = (struct field){"source.ip", sv_str(ip)};
	correlate_event(h->correlator, h->rules, &e);
}

void
half_commit(struct half *h)
{
	if (correlate_pending(h->correlator, false))
		state_commit(h->state, correlate_take(h->correlator));
	half_settle(h);
}

void
half_answered(void *ctx, bool ok, struct sv answer)
{
	struct half *h = ctx;

	json_decref(h->answer);
	h->answer_ok = ok;
	h->answer = ok ? json_loadb(answer.p, answer.n, 0, NULL) : json_stringn(answer.p, answer.n);
}

const json_t *
half_list(struct half *h)
{
	state_list(h->state, true, 1000000, half_answered, h);
	half_settle(h);
	ck_assert(h->answer_ok);
	return h->answer;
}

const json_t *
half_show(struct half *h, const char *id)
{
	state_show(h->state, id, half_answered, h);
	half_settle(h);
	ck_assert(h->answer_ok);
	return json_object_get(h->answer, "incident");
}
