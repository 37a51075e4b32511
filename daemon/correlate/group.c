/*
 * group: see group.h.  What all kinds of conditions share: the open incident, and
 * joining it.  The kinds themselves are in the other group_*.c.
 */
#include "correlate/group.h"

#include <stdlib.h>
#include <string.h>

#include "correlate/group_internal.h"
#include "util/xalloc.h"

#define TELL_AGAIN 10 /* an open incident is told again when its count grew so many times */

typedef bool add_fn(struct group *g, const struct group_event *e, struct group_found *found);
typedef enum group_fate apply_fn(struct group *g, const struct group_event *e);

/* Kinds that add up to something, then join; and kinds of their own. */
static add_fn *const adders[] = {[CONDITION_COUNT] = group_count_add,
    [CONDITION_DISTINCT] = group_distinct_add,
    [CONDITION_SUM] = group_sum_add,
    [CONDITION_ALL_OF] = group_all_of_add,
    [CONDITION_SEQUENCE] = group_sequence_add};
static apply_fn *const appliers[] = {[CONDITION_ABSENT] = group_absent_apply,
    [CONDITION_FIRST_SEEN] = group_first_seen_apply,
    [CONDITION_SPIKE] = group_spike_apply,
    [CONDITION_RATE] = group_rate_apply};

void
group_init(struct group *g, const struct incident_rule *rule)
{
	*g = (struct group){.rule = rule};
}

void
group_free(struct group *g)
{
	free(g->points);
	free(g->registers);
	*g = (struct group){0};
}

void
group_clear(struct group *g)
{
	free(g->registers);
	*g = (struct group){.rule = g->rule, .points = g->points, .cap = g->cap};
}

struct group_point *
group_push(struct group *g, int64_t time, uint64_t value)
{
	struct group_point *p;

	if (g->npoints == g->cap) {
		g->cap = g->cap == 0 ? 8 : 2 * g->cap;
		g->points = xrealloc(g->points, g->cap, sizeof(*g->points));
	}
	p = &g->points[g->npoints++];
	*p = (struct group_point){time, value, 1};
	return p;
}

void
group_remove(struct group *g, size_t i)
{
	g->npoints--;
	memmove(&g->points[i], &g->points[i + 1], (g->npoints - i) * sizeof(*g->points));
}

void
group_push_step(struct group *g, int64_t time, unsigned step, size_t most)
{
	size_t n = 0, oldest = 0;

	for (size_t i = g->npoints; i > 0; i--) {
		if (g->points[i - 1].value == step) {
			n++;
			oldest = i - 1;
		}
	}
	if (n >= most)
		group_remove(g, oldest);
	group_push(g, time, step);
}

int64_t
group_slot(int64_t t, int64_t length)
{
	int64_t past = t % length;

	return t - past - (past < 0 ? length : 0);
}

void
group_seen(struct group *g, int64_t t)
{
	if (!g->begun || t < g->since)
		g->since = t;
	if (!g->begun || t > g->last)
		g->last = t;
	g->begun = true;
}

void
group_leave(struct group *g)
{
	g->incident = (struct group_incident){0};
	g->closed = false;
	if (group_kind_folds(g->rule->condition.kind)) {
		g->npoints = 0;
		free(g->registers);
		g->registers = NULL;
	}
}

bool
group_joins(struct group *g, int64_t t, int64_t last)
{
	if (g->incident.number == 0)
		return false;
	if (!g->closed && t - last <= g->rule->rearm)
		return true;
	group_leave(g);
	return false;
}

void
group_join(struct group *g, int64_t n, int64_t first, int64_t last)
{
	struct group_incident *inc = &g->incident;

	inc->count += n;
	if (first < inc->first)
		inc->first = first;
	if (last > inc->last)
		inc->last = last;
	group_seen(g, first);
	group_seen(g, last);
}

enum group_fate
group_open(struct group *g, const struct group_found *found)
{
	g->incident = (struct group_incident){.number = GROUP_NEW,
	    .count = (int64_t)found->n,
	    .first = found->first,
	    .last = found->last,
	    .told = (int64_t)found->n};
	g->closed = false;
	if (group_kind_folds(g->rule->condition.kind))
		g->npoints = 0;
	return GROUP_OPENED;
}

bool
group_grown(struct group *g)
{
	bool grown = false;

	/* By steps: what is told next must not depend on how many came at once. */
	for (; g->incident.told > 0 && g->incident.count / TELL_AGAIN >= g->incident.told;
	     grown = true)
		g->incident.told *= TELL_AGAIN;
	return grown;
}

bool
group_kind_counts(enum condition_kind kind)
{
	return kind == CONDITION_COUNT || kind == CONDITION_DISTINCT;
}

bool
group_kind_folds(enum condition_kind kind)
{
	return kind < CONDITION_ABSENT;
}

bool
group_rule_folds(const struct incident_rule *rule)
{
	const struct condition *c = &rule->condition;

	return group_kind_folds(c->kind) && c->negative == 0 &&
	    (c->kind != CONDITION_DISTINCT || c->least <= CONDITION_DISTINCT_EXACT);
}

static enum group_fate
add(struct group *g, const struct group_event *e)
{
	struct group_found found;

	if (e->timer)
		return GROUP_NOTHING;
	if (group_joins(g, e->time, g->last)) {
		group_join(g, 1, e->time, e->time);
		return GROUP_FOLDED;
	}
	group_seen(g, e->time);
	return adders[g->rule->condition.kind](g, e, &found) ? group_open(g, &found) : GROUP_BELOW;
}

enum group_fate
group_apply(struct group *g, const struct group_event *e)
{
	enum condition_kind kind = g->rule->condition.kind;

	return kind < CONDITION_ABSENT ? add(g, e) : appliers[kind](g, e);
}
