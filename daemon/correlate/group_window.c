/*
 * group_window: conditions on what lies within a span of time: count, distinct,
 * sum, all_of.  A window is any span of the rule's length that holds the event that
 * has just arrived; it need not be the newest one, so late events count where they
 * belong.  Points stand in order of arrival, and how many are kept is bounded.
 */
#include <stdlib.h>
#include <string.h>

#include "correlate/group_internal.h"
#include "util/xalloc.h"

#define SUM_SLOTS 64       /* of a window: how finely a sum slides */
#define STEP_POINTS 4      /* kept of each step of all_of */

static int
by_time(const void *a, const void *b)
{
	const struct group_point *x = a, *y = b;

	return (x->time > y->time) - (x->time < y->time);
}

static bool
is_near(const struct group *g, int64_t a, int64_t b)
{
	return a - b <= g->rule->condition.within && b - a <= g->rule->condition.within;
}

/* The points at most a window away from ${t}, by time.  To be freed. */
static struct group_point *
near(const struct group *g, int64_t t, size_t *n)
{
	struct group_point *found = xrealloc(NULL, g->npoints + 1, sizeof(*found));
	bool sorted = true;

	*n = 0;
	for (size_t i = 0; i < g->npoints; i++) {
		const struct group_point *p = &g->points[i];

		if (!is_near(g, p->time, t))
			continue;
		sorted = sorted && (*n == 0 || found[*n - 1].time <= p->time);
		found[(*n)++] = *p;
	}
	if (!sorted)
		qsort(found, *n, sizeof(*found), by_time);
	return found;
}

/* What a window holds, beginning with point ${i}. */
static void
describe(const struct group *g, const struct group_point *p, size_t n, size_t i,
    struct group_found *found)
{
	*found = (struct group_found){.first = p[i].time, .last = p[i].time};
	for (; i < n && p[i].time - found->first <= g->rule->condition.within; i++) {
		found->last = p[i].time;
		found->n += p[i].n;
	}
}

enum weight { EACH, VALUE };

/* Is there a window around ${t} whose points weigh so much? */
static bool
weighs(const struct group *g, int64_t t, enum weight weight, struct group_found *found)
{
	uint64_t need = (uint64_t)g->rule->condition.least, sum = 0;
	size_t n, to = 0;
	struct group_point *p;
	bool holds = false;

	if (weight == EACH && g->npoints < need)
		return false;
	p = near(g, t, &n);
	/* p[from .. to) is the least that weighs enough from ${from} on. */
	for (size_t from = 0; from < n && p[from].time <= t && !holds; from++) {
		for (; to < n && sum < need; to++)
			sum += weight == EACH ? 1 : p[to].value;
		if (sum < need)
			break;
		holds = p[to - 1].time - p[from].time <= g->rule->condition.within &&
		    (p[to - 1].time >= t || t - p[from].time <= g->rule->condition.within);
		if (holds)
			describe(g, p, n, from, found);
		sum -= weight == EACH ? 1 : p[from].value;
	}
	free(p);
	return holds;
}

bool
group_count_add(struct group *g, const struct group_event *e, struct group_found *found)
{
	if (g->npoints >= 2 * (size_t)g->rule->condition.least)
		group_remove(g, 0);
	group_push(g, e->time, 0);
	return weighs(g, e->time, EACH, found);
}

static size_t
find_value(const struct group *g, uint64_t value)
{
	size_t i = 0;

	while (i < g->npoints && g->points[i].value != value)
		i++;
	return i;
}

/* Of a value its last event to arrive stands for all, those a window away excepted. */
bool
group_distinct_add(struct group *g, const struct group_event *e, struct group_found *found)
{
	size_t i;
	uint64_t n = 1;

	if (g->rule->condition.least > CONDITION_DISTINCT_EXACT)
		return group_estimate_add(g, e, found);
	i = find_value(g, e->value);
	if (i < g->npoints) {
		if (is_near(g, e->time, g->points[i].time))
			n += g->points[i].n;
		group_remove(g, i);
	} else if (g->npoints >= 2 * (size_t)g->rule->condition.least) {
		group_remove(g, 0);
	}
	group_push(g, e->time, e->value)->n = n;
	return weighs(g, e->time, EACH, found);
}

static uint64_t
add_bounded(uint64_t a, uint64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* Of a slot its last event to arrive stands for all: so what was there before a batch
 * cannot keep the batch's events apart. */
bool
group_sum_add(struct group *g, const struct group_event *e, struct group_found *found)
{
	int64_t length = g->rule->condition.within / SUM_SLOTS, slot;
	struct group_point p = {e->time, e->value, 1};
	size_t i = 0;

	if (length == 0)
		length = 1;
	slot = group_slot(e->time, length);
	while (i < g->npoints && group_slot(g->points[i].time, length) != slot)
		i++;
	if (i < g->npoints) {
		p.value = add_bounded(g->points[i].value, e->value);
		p.n += g->points[i].n;
		group_remove(g, i);
	} else if (g->npoints >= (size_t)2 * SUM_SLOTS) {
		group_remove(g, 0);
	}
	*group_push(g, e->time, 0) = p;
	if (!weighs(g, e->time, VALUE, found))
		return false;
	/* The first events of the first slot may be older than the one that stands there. */
	found->first = group_slot(found->first, length);
	if (found->first < g->since)
		found->first = g->since;
	return true;
}

/* The first window around ${t} with a point of each step. */
static bool
has_all(const struct group *g, int64_t t, struct group_found *found)
{
	uint32_t all = (uint32_t)((1ULL << g->rule->condition.nsteps) - 1);
	size_t n;
	struct group_point *p = near(g, t, &n);
	bool holds = false;

	for (size_t from = 0; from < n && p[from].time <= t && !holds; from++) {
		uint32_t seen = 0;

		if (t - p[from].time > g->rule->condition.within)
			continue;
		for (size_t i = from;
		     i < n && p[i].time - p[from].time <= g->rule->condition.within; i++)
			seen |= 1U << p[i].value;
		holds = seen == all;
		if (holds)
			describe(g, p, n, from, found);
	}
	free(p);
	return holds;
}

bool
group_all_of_add(struct group *g, const struct group_event *e, struct group_found *found)
{
	for (unsigned step = 0; step < g->rule->condition.nsteps; step++)
		if ((e->value >> step & 1) != 0)
			group_push_step(g, e->time, step, STEP_POINTS);
	return has_all(g, e->time, found);
}
