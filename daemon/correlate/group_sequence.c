/*
 * group_sequence: steps in order, within a span of time, with steps between that
 * must not happen.  By event time; what has the same time counts in order of
 * arrival.  Of each step the last few points are kept, so that a step that arrives
 * late finds its place.
 */
#include <stdlib.h>

#include "correlate/group_internal.h"

#define STEP_POINTS 8
#define IS_NEW 1
#define POINTS_MAX (STEP_POINTS * CONDITION_STEPS_MAX)

/* The points in order of time, the last ${nnew} to arrive marked; stable, which qsort()
 * is not. */
static size_t
in_order(const struct group *g, size_t nnew, struct group_point *out)
{
	size_t n = 0;

	for (size_t i = 0; i < g->npoints && n < POINTS_MAX; i++) {
		size_t at = n++;

		for (; at > 0 && out[at - 1].time > g->points[i].time; at--)
			out[at] = out[at - 1];
		out[at] = g->points[i];
		out[at].n = i + nnew >= g->npoints ? IS_NEW : 0;
	}
	return n;
}

/* The latest start of the chains that have come as far as a step: [1] of those that
 * hold the event which has just arrived, [0] of the others. */
struct chain {
	bool is;
	int64_t start;
};
typedef struct chain chains[2][CONDITION_STEPS_MAX];

/* The positive step before ${step}, -1: none. */
static int
before(const struct condition *c, unsigned step)
{
	int i = (int)step - 1;

	while (i >= 0 && (c->negative >> i & 1) != 0)
		i--;
	return i;
}

/* A chain that has come as far as ${from} goes on to ${to}. */
static void
extend(struct chain *to, const struct chain *from)
{
	if (from->is && (!to->is || from->start > to->start))
		*to = *from;
}

/* Let the point go through, which is ${new} or not; true when it completes a chain that
 * holds a new one: without, an old chain would be taken that was broken once by a point
 * that is not kept any more. */
static bool
follow(const struct condition *c, chains ch, const struct group_point *p, bool new)
{
	unsigned step = (unsigned)p->value;
	int from = before(c, step);

	if ((c->negative >> step & 1) != 0) {
		if (from >= 0)
			ch[0][from].is = ch[1][from].is = false;
		return false;
	}
	if (from < 0) {
		extend(&ch[new][step], &(struct chain){true, p->time});
	} else {
		extend(&ch[1][step], &ch[1][from]);
		extend(&ch[new][step], &ch[0][from]);
	}
	return step == c->nsteps - 1 && ch[1][step].is && p->time - ch[1][step].start <= c->within;
}

static bool
is_complete(const struct group *g, size_t nnew, struct group_found *found)
{
	const struct condition *c = &g->rule->condition;
	struct group_point points[POINTS_MAX];
	chains ch = {{{false, 0}}};
	size_t n = in_order(g, nnew, points);

	for (size_t i = 0; i < n; i++) {
		if (!follow(c, ch, &points[i], points[i].n == IS_NEW))
			continue;
		*found = (struct group_found){.first = ch[1][c->nsteps - 1].start, .last = points[i].time};
		for (size_t j = 0; j <= i; j++)
			found->n += points[j].time >= found->first &&
			    (c->negative >> points[j].value & 1) == 0;
		return true;
	}
	return false;
}

bool
group_sequence_add(struct group *g, const struct group_event *e, struct group_found *found)
{
	size_t n = 0;

	/* An event that is several steps is the later one first: it does not follow itself. */
	for (unsigned step = g->rule->condition.nsteps; step > 0; step--) {
		if ((e->value >> (step - 1) & 1) != 0) {
			group_push_step(g, e->time, step - 1, STEP_POINTS);
			n++;
		}
	}
	return is_complete(g, n, found);
}
