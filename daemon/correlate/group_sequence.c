/*
 * group_sequence: steps in order, within a span of time, with steps between that
 * must not happen.  By event time; what has the same time counts in order of
 * arrival.  Of each step the last few points are kept, so that a step that arrives
 * late finds its place.
 */
#include <stdlib.h>

#include "correlate/group_internal.h"

#define STEP_POINTS 8
#define POINTS_MAX (STEP_POINTS * CONDITION_STEPS_MAX)

static void
push_step(struct group *g, int64_t t, unsigned step)
{
	size_t n = 0, oldest = 0;

	for (size_t i = g->npoints; i > 0; i--) {
		if (g->points[i - 1].value == step) {
			n++;
			oldest = i - 1;
		}
	}
	if (n >= STEP_POINTS)
		group_remove(g, oldest);
	group_push(g, t, step);
}

/* The points in order of time; stable, which qsort() is not. */
static size_t
in_order(const struct group *g, struct group_point *out)
{
	size_t n = 0;

	for (size_t i = 0; i < g->npoints && n < POINTS_MAX; i++) {
		size_t at = n++;

		for (; at > 0 && out[at - 1].time > g->points[i].time; at--)
			out[at] = out[at - 1];
		out[at] = g->points[i];
	}
	return n;
}

/* The latest start of a chain that has come as far as a step. */
struct chain {
	bool is;
	int64_t start;
};

/* The positive step before ${step}, -1: none. */
static int
before(const struct condition *c, unsigned step)
{
	int i = (int)step - 1;

	while (i >= 0 && (c->negative >> i & 1) != 0)
		i--;
	return i;
}

/* Let the point go through; true when a chain is complete, its start in ${start}. */
static bool
follow(const struct condition *c, struct chain *chains, const struct group_point *p, int64_t *start)
{
	unsigned step = (unsigned)p->value;
	int from = before(c, step);

	if ((c->negative >> step & 1) != 0) {
		if (from >= 0)
			chains[from].is = false;
		return false;
	}
	if (from < 0)
		chains[step] = (struct chain){true, p->time};
	else if (chains[from].is && (!chains[step].is || chains[from].start >= chains[step].start))
		chains[step] = chains[from];
	else
		return false;
	*start = chains[step].start;
	return step == c->nsteps - 1 && p->time - *start <= c->within;
}

static bool
is_complete(const struct group *g, struct group_found *found)
{
	struct group_point points[POINTS_MAX];
	struct chain chains[CONDITION_STEPS_MAX] = {{false, 0}};
	size_t n = in_order(g, points);
	int64_t start;

	for (size_t i = 0; i < n; i++) {
		if (!follow(&g->rule->condition, chains, &points[i], &start))
			continue;
		*found = (struct group_found){.first = start, .last = points[i].time};
		for (size_t j = 0; j <= i; j++)
			found->n += points[j].time >= start &&
			    (g->rule->condition.negative >> points[j].value & 1) == 0;
		return true;
	}
	return false;
}

bool
group_sequence_add(struct group *g, const struct group_event *e, struct group_found *found)
{
	/* An event that is several steps is the later one first: it does not follow itself. */
	for (unsigned step = g->rule->condition.nsteps; step > 0; step--)
		if ((e->value >> (step - 1) & 1) != 0)
			push_step(g, e->time, step - 1);
	return is_complete(g, found);
}
