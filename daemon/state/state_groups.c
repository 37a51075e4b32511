/*
 * state_groups: the groups of a batch as calls of a commit: what each was taken for, and
 * what it becomes; and in the last call what became of the events.
 */
#include <stdio.h>

#include "correlate/batch.h"
#include "correlate/group_cache.h"
#include "correlate/group_key.h"
#include "rule/ruleset.h"
#include "state/state_internal.h"
#include "util/clock.h"
#include "util/json.h"

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
state_groups_name(const struct incident_rule *rule, char name[static STATE_GROUP_NAME])
{
	snprintf(
	    name, STATE_GROUP_NAME, "%s:%016llx", rule->id, (unsigned long long)rule->identity);
}

void
state_group_name(struct redis_args *args, const struct incident_rule *rule)
{
	char name[STATE_GROUP_NAME];

	state_groups_name(rule, name);
	redis_arg_str(args, name);
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

/* An incident that opened, but for its number. */
static void
add_opened(struct partition *p, struct redis_args *args, const struct batch_entry *e,
    const struct settled_incident *inc)
{
	struct sending *x = &p->sending;

	x->text.n = 0;
	buf_sv(&x->text, buf_view(&x->rule_text));
	state_incident_rest(e, inc, p->state->conf->event_clock ? inc->at : x->now, &x->text);
	redis_arg(args, buf_view(&x->text));
}

static void
add_incident(struct partition *p, struct redis_args *args, const struct batch_entry *e,
    const struct settled_incident *inc)
{
	struct buf *text = &p->sending.text;

	redis_arg_str(args, inc->opened ? "o" : inc->calm ? "c" : "j");
	redis_arg_int(args, inc->opened ? 0 : inc->number);
	redis_arg_int(args, inc->count);
	redis_arg_int(args, inc->first);
	redis_arg_int(args, inc->last);
	redis_arg_int(args, inc->at);
	redis_arg_int(args, inc->grown);
	if (inc->opened) {
		add_opened(p, args, e, inc);
		add_relay(args, e, inc);
		return;
	}
	text->n = 0;
	state_incident_lines(inc, text);
	redis_arg(args, buf_view(text));
	redis_arg_str(args, "");
}

/* "TIME JSON" of lines that no incident has yet. */
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
static bool
has_more(const struct settled *s)
{
	return s->npending > 0 || s->nincidents > 0 || s->due != s->was_due;
}

/* What it has is an incident that opened, and is open. */
static bool
only_opens(const struct batch_entry *e, const struct settled *s)
{
	return s->npending == 0 && s->due == s->was_due && s->nincidents == 1 &&
	    s->incidents[0].opened && s->scratch.incident.number == GROUP_NEW &&
	    e->rule->nincidents == 0;
}

/* What it has is its incident, which has only grown. */
static bool
only_grows(const struct settled *s)
{
	const struct settled_incident *inc = s->incidents;

	return s->npending == 0 && s->due == s->was_due && s->nincidents == 1 && !inc->opened &&
	    !inc->calm && inc->grown && inc->nsamples == 0 &&
	    inc->number == s->scratch.incident.number;
}

static void
add_more(struct partition *p, const struct batch_entry *e)
{
	struct sending *x = &p->sending;
	const struct settled *s = &x->settled;

	redis_arg_int(&x->groups, s->due == s->was_due ? -1 : s->due == INT64_MAX ? 0 : s->due);
	add_pending(&x->groups, s);
	redis_arg_int(&x->groups, (int64_t)s->nincidents);
	for (size_t i = 0; i < s->nincidents; i++)
		add_incident(p, &x->groups, e, &s->incidents[i]);
}

static void
add_write(struct partition *p, const struct batch_entry *e)
{
	struct sending *x = &p->sending;
	const struct settled *s = &x->settled;

	redis_arg(&x->groups, e->key);
	redis_arg(&x->groups, buf_view(&s->group));
	if (only_opens(e, s)) {
		buf_putc(&x->kinds, 'o');
		add_opened(p, &x->groups, e, &s->incidents[0]);
	} else if (only_grows(s)) {
		buf_putc(&x->kinds, 'g');
	} else if (has_more(s)) {
		buf_putc(&x->kinds, 'm');
		add_more(p, e);
	} else {
		buf_putc(&x->kinds, 'p');
	}
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

void
state_groups_add(struct partition *p, const struct batch_entry *e)
{
	static const char unknown[GROUP_VERSION] = {0};
	struct sending *x = &p->sending;
	struct sv was = group_cache_get(p->state->groups, e->hash.a, e->rule, e->key);

	if (x->nheld == 0)
		state_incident_rule(p->state, e->rule, &x->rule_text);
	settle_entry(
	    x->batch, e, was, p->state->conf->event_clock ? 0 : clock_now() / 1000, &x->settled);
	redis_arg(&x->keys, e->key);
	buf_add(&x->versions, was.n < GROUP_VERSION ? unknown : was.p, GROUP_VERSION);
	x->fresh += was.n == 0;
	add_write(p, e);
	remember(x, e);
	x->nheld++;
}

static void
flush_check(struct partition *p, const struct incident_rule *rule)
{
	struct sending *x = &p->sending;
	struct redis_args args = REDIS_ARGS_INIT;

	state_call(p, &args, "triaged_check");
	state_group_name(&args, rule);
	redis_arg_int(&args, (int64_t)(x->nsent - x->nheld));
	redis_arg(&args, buf_view(&x->versions));
	redis_args_add(&args, &x->keys);
	redis_append(&x->checks, &args);
	x->ncommands++;
	buf_free(&args.wire);
}

static void
flush_write(struct partition *p, const struct incident_rule *rule)
{
	struct sending *x = &p->sending;
	struct redis_args args = REDIS_ARGS_INIT;
	int64_t n = p->state->npartitions; /* each has its share of the rule's groups */
	bool plain = sv_count(buf_view(&x->kinds), 'p') == x->nheld;

	state_call(p, &args, "triaged_write");
	redis_arg_str(&args, rule->id);
	state_group_name(&args, rule);
	redis_arg_int(&args, (rule->groups + n - 1) / n);
	redis_arg_int(&args, keep_seconds(rule));
	redis_arg_int(&args, (int64_t)x->fresh);
	redis_arg(&args, plain ? SV("") : buf_view(&x->kinds));
	redis_args_add(&args, &x->groups);
	redis_append(&x->writes, &args);
	x->nwrites++;
	buf_free(&args.wire);
}

void
state_groups_flush(struct partition *p, const struct incident_rule *rule)
{
	struct sending *x = &p->sending;

	if (x->nheld == 0)
		return;
	flush_check(p, rule);
	flush_write(p, rule);
	x->nheld = x->fresh = x->rule_text.n = x->versions.n = x->kinds.n = 0;
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

void
state_groups_count(struct partition *p, const struct incident_rule *rule)
{
	struct sending *x = &p->sending;
	static const char *const names[] = {"counted", "promoted", "folded", "known"};

	for (size_t i = 0; i < 4; i++) {
		add_count(&x->counts, rule->id, names[i], x->sums[i]);
		x->sums[i] = 0;
	}
}

void
state_groups_end(struct partition *p)
{
	struct sending *x = &p->sending;
	struct redis_args end = REDIS_ARGS_INIT;
	struct buf day = BUF_INIT;

	/* Events of no group are counted in partition 0. */
	for (size_t i = 0; p->number == 0 && i < x->batch->nuncounted; i++) {
		const struct batch_uncounted *u = &x->batch->uncounted[i];

		add_count(&x->counts, u->rule, u->why, u->n);
	}
	clock_format(&day, x->now);
	state_call(p, &end, "triaged_end");
	redis_arg(&end, (struct sv){buf_str(&day), day.n < 10 ? day.n : 10});
	redis_args_add(&end, &x->counts);
	redis_append(&x->writes, &end);
	x->nwrites++;
	buf_free(&end.wire);
	buf_free(&day);
}
