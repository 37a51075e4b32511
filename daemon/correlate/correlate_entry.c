/*
 * correlate_entry: events of a group become an entry of the batch: points, until these
 * alone satisfy the rule, then a number; and the first lines.  What is like the event before
 * is a number in the slot of the index, until the entry gets it.
 */
#include "correlate/correlate_internal.h"
#include "correlate/group_key.h"
#include "rule/ruleset.h"
#include "util/xalloc.h"

#define POINTS_FIRST 4
#define POINTS_CHECK 32 /* from so many on at the latest, see whether they satisfy the rule alone */

/* Events of the group that are being committed. */
static size_t
count_sent(const struct correlator *c, const struct batch_entry *e)
{
	const struct group_slot *slot =
	    c->sent == NULL ? NULL : group_index_find(&c->sent_index, e->hash);
	const struct batch_entry *sent;
	size_t n;

	if (slot == NULL)
		return 0;
	sent = &c->sent->entries[slot->entry - 1];
	n = sent->rest;
	for (size_t i = 0; i < sent->npoints; i++)
		n += sent->points[i].n;
	return n;
}

static size_t
count_points(const struct group *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->npoints; i++)
		n += g->points[i].n;
	return n;
}

/* How many events it probably takes until an incident opens, of commits so far and of the one
 * under way; 0: it has. */
static uint32_t
count_left(const struct batch_entry *e, const struct group *g, size_t sent)
{
	const struct condition *cond = &e->rule->condition;
	size_t least = 1, has = count_points(g) + sent;

	if (group_kind_counts(cond->kind) && cond->least > 1)
		least = cond->least < UINT32_MAX ? (size_t)cond->least : UINT32_MAX;
	return has < least ? (uint32_t)(least - has) : sent == 0;
}

/* What is known of the group. */
static void
look_back(struct correlator *c, struct batch_entry *e)
{
	struct group *g = &c->trial;
	struct sv bytes = group_cache_get(c->cache, e->hash.a, e->rule, e->key);
	size_t sent;

	g->rule = e->rule;
	group_clear(g);
	if (bytes.n > 0)
		group_decode(g, bytes);
	if (g->incident.number != 0 && !g->closed) {
		e->sampled = g->incident.samples >= BATCH_SAMPLES ||
		    (g->incident.samples > 0 && batch_is_storm(c->batch));
		return;
	}
	sent = count_sent(c, e);
	if (bytes.n == 0 && sent == 0)
		c->batch->nfresh++;
	e->left = count_left(e, g, sent);
}

/* The number of points at which they can satisfy the rule alone. */
static uint32_t
first_check(const struct incident_rule *rule)
{
	int64_t least = rule->condition.least;

	return least < POINTS_FIRST ? POINTS_FIRST
	    : least > POINTS_CHECK  ? POINTS_CHECK
	                            : (uint32_t)least;
}

static struct group_slot *
add_entry(struct correlator *c, const struct counting *q)
{
	struct batch *b = c->batch;
	struct batch_entry *entry;

	correlate_hold(c, q->rules);
	entry = batch_add_entry(b);
	entry->rule = q->rule;
	entry->key = (struct sv){arena_copy(&b->arena, q->key.p, q->key.n), q->key.n};
	entry->hash = q->hash;
	entry->check_at = first_check(q->rule);
	look_back(c, entry);
	return group_index_put(&c->index, q->hash, b->nentries - 1);
}

/* The group is new in this batch. */
static void
link_entry(struct correlator *c, size_t at)
{
	struct batch *b = c->batch;
	const struct incident_rule *rule = b->entries[at].rule;
	unsigned partition = group_key_partition(rule, b->entries[at].key, c->partitions);
	size_t i = 0;

	while (i < b->nrules &&
	    (b->rules[i].rule->identity != rule->identity || b->rules[i].partition != partition))
		i++;
	if (i == b->nrules) {
		XGROW(b->rules, b->nrules);
		b->rules[b->nrules++] = (struct batch_rule){rule, partition, at, at, 1};
		return;
	}
	b->entries[b->rules[i].last].sibling = (uint32_t)at;
	b->rules[i].last = at;
	b->rules[i].n++;
}

static void
add_point(struct batch *b, struct batch_entry *e, const struct group_event *event, uint32_t n)
{
	if (e->npoints == e->cap) {
		uint32_t cap = e->cap == 0 ? POINTS_FIRST : 2 * e->cap;
		struct batch_point *points = arena_alloc(&b->arena, cap * sizeof(*points));

		if (e->npoints > 0)
			memcpy(points, e->points, e->npoints * sizeof(*points));
		e->points = points;
		e->cap = cap;
	}
	e->points[e->npoints++] = (struct batch_point){event->time, event->value, n, event->timer};
}

/* Do the points open an incident whatever was before?  After a pause an incident that
 * was open may be left, and what led to it forgotten: what came before the last pause
 * does not help. */
static bool
satisfies(struct correlator *c, const struct batch_entry *e)
{
	struct group *g = &c->trial;

	g->rule = e->rule;
	group_clear(g);
	for (size_t i = 0; i < e->npoints; i++) {
		const struct batch_point *p = &e->points[i];
		struct group_event event = batch_point_event(p);

		if (g->begun && p->time - g->last > e->rule->rearm)
			group_clear(g);
		for (uint32_t k = 0; k < p->n; k++) {
			group_apply(g, &event);
			if (g->incident.number != 0)
				break;
		}
	}
	return g->incident.number != 0;
}

static void
add_rest(struct batch_entry *e, int64_t t, uint32_t n)
{
	if (e->rest == 0 || t < e->rest_first)
		e->rest_first = t;
	if (e->rest == 0 || t > e->rest_last)
		e->rest_last = t;
	e->rest += n;
}

static bool
is_same(const struct batch_point *p, const struct group_event *e)
{
	return p->time == e->time && p->value == e->value && p->timer == e->timer;
}

/* Add ${n} of ${event} to those that are like it, if the last are; false if they are not. */
static bool
add_like(struct batch_entry *e, const struct group_event *event, uint32_t n)
{
	struct batch_point *last;

	if (e->satisfied) {
		add_rest(e, event->time, n);
		return true;
	}
	last = e->npoints == 0 ? NULL : &e->points[e->npoints - 1];
	if (last == NULL || !is_same(last, event) || last->n > UINT32_MAX - n)
		return false;
	last->n += n;
	return true;
}

static void
count(struct correlator *c, struct batch_entry *e, const struct group_event *event)
{
	if (event->time > e->last || (e->npoints == 0 && e->rest == 0))
		e->last = event->time;
	if (e->left > 0 && --e->left == 0)
		c->batch->nopening++;
	if (add_like(e, event, 1))
		return;
	add_point(c->batch, e, event, 1);
	if (e->npoints == e->check_at) {
		e->check_at *= 2;
		e->satisfied = group_rule_folds(e->rule) && satisfies(c, e);
	}
}

/* Are lines enough kept of the group? */
static bool
is_sampled(const struct batch *b, const struct batch_entry *e)
{
	return e->sampled || e->nsamples == BATCH_SAMPLES ||
	    (e->nsamples > 0 && batch_is_storm(b));
}

/* For one more line: most groups have one or two. */
static void
make_room(struct batch *b, struct batch_entry *e)
{
	size_t n = e->nsamples;
	struct batch_sample *samples;

	if ((n & (n - 1)) != 0) /* no power of two: there is room up to the next */
		return;
	samples = arena_alloc(&b->arena, (n == 0 ? 1 : 2 * n) * sizeof(*samples));
	if (n > 0)
		memcpy(samples, e->samples, n * sizeof(*samples));
	e->samples = samples;
}

/* The line of ${q}, which was counted just now. */
static void
add_sample(struct correlator *c, struct batch_entry *entry, const struct counting *q)
{
	struct batch *b = c->batch;
	struct batch_sample *s;

	make_room(b, entry);
	c->sample.n = 0;
	correlate_sample(c->digest, q, &c->sample);
	s = &entry->samples[entry->nsamples++];
	*s = (struct batch_sample){
	    .json = arena_copy(&b->arena, buf_str(&c->sample), c->sample.n + 1),
	    .time = q->event.time,
	    .point = entry->rest > 0 ? entry->npoints : entry->npoints - 1};
	b->nsamples++;
}

/* ---- in the slot of the group ------------------------------------------------------- */

/* Most events of a busy group are like the one before: of the same second, of no value, and
 * nobody needs the line.  These are counted where the group is looked up, so that the CPU has
 * to wait for no more memory than that. */
bool
correlate_entry_again(struct correlator *c, const struct counting *q)
{
	struct group_slot *slot = group_index_find(&c->index, q->hash);

	if (slot == NULL || slot->time != q->event.time || q->event.value != 0 || q->event.timer ||
	    slot->more > UINT32_MAX / 2)
		return false;
	c->stats.counted += q->times;
	slot->more += q->times;
	return true;
}

static void
flush(struct batch *b, struct group_slot *slot)
{
	struct group_event event = {.time = slot->time};
	struct batch_entry *e;

	if (slot->more == 0)
		return;
	e = &b->entries[slot->entry - 1];
	if (!add_like(e, &event, slot->more))
		add_point(b, e, &event, slot->more);
	slot->more = 0;
}

void
correlate_entry_flush(struct correlator *c)
{
	for (size_t i = 0; i < c->index.cap; i++)
		flush(c->batch, &c->index.slots[i]);
}

/* May what comes be like ${q}, which was counted just now? */
static void
expect_like(const struct batch *b, struct group_slot *slot, const struct counting *q)
{
	const struct batch_entry *e = &b->entries[slot->entry - 1];
	bool may = q->event.value == 0 && !q->event.timer && e->left == 0 && is_sampled(b, e);

	slot->time = may ? q->event.time : GROUP_SLOT_NEVER;
}

/* The slot whose entry is to count ${q}; ${slot} is the one that its group has, or NULL. */
static struct group_slot *
find(struct correlator *c, const struct counting *q, struct group_slot *slot)
{
	struct batch *b = c->batch;
	size_t at;

	if (slot == NULL) {
		slot = add_entry(c, q);
		link_entry(c, b->nentries - 1);
		return slot;
	}
	flush(b, slot);
	at = slot->entry - 1;
	/* What is only a number cannot tell of a pause. */
	if (!b->entries[at].satisfied || q->event.time - b->entries[at].last <= q->rule->rearm)
		return slot;
	slot = add_entry(c, q);
	b->entries[at].next = (uint32_t)b->nentries - 1;
	return slot;
}

void
correlate_entry_add(struct correlator *c, const struct counting *q)
{
	struct group_slot *slot = find(c, q, group_index_find(&c->index, q->hash));
	struct batch_entry *entry = &c->batch->entries[slot->entry - 1];

	if (!q->event.timer)
		c->stats.counted += q->times;
	for (uint32_t i = 0; i < q->times; i++)
		count(c, entry, &q->event);
	if (!q->event.timer && !is_sampled(c->batch, entry))
		add_sample(c, entry, q);
	expect_like(c->batch, slot, q);
}
