/*
 * group_history: conditions that compare with a key's past: first_seen, spike.
 */
#include <string.h>

#include "correlate/group_internal.h"

#define VALUES_MAX 256 /* remembered for a key; the one not seen for longest goes */

/* ---- first_seen: a point is a value, with the time it was seen last ----------- */

static struct group_point *
find_value(struct group *g, uint64_t value)
{
	for (size_t i = 0; i < g->npoints; i++)
		if (g->points[i].value == value)
			return &g->points[i];
	return NULL;
}

static void
forget_oldest(struct group *g)
{
	size_t oldest = 0;

	for (size_t i = 1; i < g->npoints; i++)
		if (g->points[i].time < g->points[oldest].time)
			oldest = i;
	group_remove(g, oldest);
}

/* Remember the value; was it new? */
static bool
is_new(struct group *g, const struct group_event *e)
{
	struct group_point *p = find_value(g, e->value);
	bool known = p != NULL && e->time - p->time <= g->rule->condition.within;

	if (p == NULL) {
		if (g->npoints >= VALUES_MAX)
			forget_oldest(g);
		p = group_push(g, e->time, e->value);
	}
	if (e->time > p->time)
		p->time = e->time;
	return !known;
}

enum group_fate
group_first_seen_apply(struct group *g, const struct group_event *e)
{
	if (e->timer)
		return GROUP_NOTHING;
	group_seen(g, e->time);
	if (!is_new(g, e) || e->time - g->since < g->rule->condition.learning)
		return GROUP_KNOWN;
	if (group_joins(g, e->time, g->incident.last)) {
		group_join(g, 1, e->time, e->time);
		return GROUP_FOLDED;
	}
	return group_open(g, &(struct group_found){e->time, e->time, 1});
}

/* ---- spike: a point is a slot of time that had events -------------------------
 *
 * Its value is how far into the slot the first of them lies. */

/* Count the event in its slot; NULL when it lies before all that are kept. */
static struct group_point *
count_in_slot(struct group *g, int64_t t)
{
	const struct condition *c = &g->rule->condition;
	int64_t slot = group_slot(t, c->within), newest = group_slot(g->last, c->within);

	if (newest - slot > c->slots * c->within)
		return NULL;
	for (size_t i = g->npoints; i > 0; i--) {
		if (g->points[i - 1].time == slot) {
			g->points[i - 1].n++;
			if ((uint64_t)(t - slot) < g->points[i - 1].value)
				g->points[i - 1].value = (uint64_t)(t - slot);
			return &g->points[i - 1];
		}
	}
	for (size_t i = g->npoints; i > 0; i--)
		if (newest - g->points[i - 1].time > c->slots * c->within)
			group_remove(g, i - 1);
	return group_push(g, slot, (uint64_t)(t - slot));
}

/* Is ${now}, the newest slot, that much more than the average of those before? */
static bool
is_spike(const struct group *g, const struct group_point *now)
{
	const struct condition *c = &g->rule->condition;
	int64_t past = (now->time - group_slot(g->since, c->within)) / c->within;
	uint64_t sum = 0;

	if (past > c->slots)
		past = c->slots;
	if (past < 1 || now->n < (uint64_t)c->least)
		return false;
	for (size_t i = 0; i < g->npoints; i++)
		if (g->points[i].time < now->time &&
		    now->time - g->points[i].time <= c->slots * c->within)
			sum += g->points[i].n;
	return now->n * 100 * (uint64_t)past >= (uint64_t)c->factor * sum;
}

enum group_fate
group_spike_apply(struct group *g, const struct group_event *e)
{
	const struct group_point *p;

	if (e->timer)
		return GROUP_NOTHING;
	group_seen(g, e->time);
	p = count_in_slot(g, e->time);
	if (p == NULL || e->time - g->since < g->rule->condition.learning ||
	    p->time != group_slot(g->last, g->rule->condition.within) || !is_spike(g, p))
		return GROUP_BELOW;
	/* Events of the usual rate do not join: else the incident would never end. */
	if (group_joins(g, e->time, g->incident.last)) {
		group_join(g, 1, e->time, e->time);
		return GROUP_FOLDED;
	}
	return group_open(g, &(struct group_found){p->time + (int64_t)p->value, g->last, p->n});
}
