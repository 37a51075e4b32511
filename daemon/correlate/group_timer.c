/*
 * group_timer: conditions that hold or end when nothing happens: absent, rate.
 *
 * Time passes by timers, at exactly the time that group_due() names, whether that is
 * when it comes or, since events of later have been read, afterwards.
 */
#include "correlate/group_internal.h"

#define RATE_SLOTS 16 /* of a window: how finely a rate slides */

/* ---- absent ------------------------------------------------------------------- */

static enum group_fate
silent(struct group *g, int64_t t)
{
	if (!g->begun) /* one that is expected: from now on */
		group_seen(g, t);
	if (g->missing || t - g->last < g->rule->condition.within)
		return GROUP_NOTHING;
	g->missing = true;
	if (group_joins(g, t, g->incident.last)) {
		g->incident.count++;
		if (t > g->incident.last) /* one that was put off may have been later */
			g->incident.last = t;
		return GROUP_FOLDED;
	}
	return group_open(g, &(struct group_found){g->last, t, 1});
}

enum group_fate
group_absent_apply(struct group *g, const struct group_event *e)
{
	if (e->timer)
		return silent(g, e->time);
	/* One that is late does not end the silence that came after it. */
	if (!g->begun || e->time > g->last)
		g->missing = false;
	group_seen(g, e->time);
	return GROUP_BELOW;
}

/* ---- rate: a point is a slot of time that had events --------------------------- */

static int64_t
slot_length(const struct group *g)
{
	int64_t length = g->rule->condition.within / RATE_SLOTS;

	return length == 0 ? 1 : length;
}

/* Slots that have left the window which ends at ${t} are forgotten. */
static void
pass_to(struct group *g, int64_t t)
{
	for (size_t i = g->npoints; i > 0; i--)
		if (t - g->points[i - 1].time >= g->rule->condition.within)
			group_remove(g, i - 1);
}

static uint64_t
rate(const struct group *g)
{
	uint64_t n = 0;

	for (size_t i = 0; i < g->npoints; i++)
		n += g->points[i].n;
	return n;
}

static void
count_in_slot(struct group *g, int64_t t)
{
	int64_t slot = group_slot(t, slot_length(g));
	size_t i = g->npoints;

	while (i > 0 && g->points[i - 1].time != slot)
		i--;
	if (i > 0)
		g->points[i - 1].n++;
	else if (g->last - slot < g->rule->condition.within)
		group_push(g, slot, 0);
}

static enum group_fate
calm(struct group *g, int64_t t)
{
	uint64_t left = 0;

	if (g->incident.number == 0 || g->closed)
		return GROUP_NOTHING;
	for (size_t i = 0; i < g->npoints; i++)
		if (t - g->points[i].time < g->rule->condition.within)
			left += g->points[i].n;
	/* A timer that comes too early leaves all as it is, for events that are late. */
	if (left >= (uint64_t)g->rule->condition.below)
		return GROUP_NOTHING;
	pass_to(g, t);
	return GROUP_CALM;
}

enum group_fate
group_rate_apply(struct group *g, const struct group_event *e)
{
	int64_t first;

	if (e->timer)
		return calm(g, e->time);
	group_seen(g, e->time);
	pass_to(g, g->last);
	count_in_slot(g, e->time);
	if (g->incident.number != 0 && !g->closed) {
		group_join(g, 1, e->time, e->time);
		return GROUP_FOLDED;
	}
	if (g->incident.number != 0)
		group_leave(g);
	if (rate(g) < (uint64_t)g->rule->condition.least)
		return GROUP_BELOW;
	first = e->time;
	for (size_t i = 0; i < g->npoints; i++)
		if (g->points[i].time < first)
			first = g->points[i].time;
	return group_open(g, &(struct group_found){first, g->last, rate(g)});
}

/* When so many slots have left the window that the rest is below. */
static int64_t
calm_at(const struct group *g)
{
	int64_t within = g->rule->condition.within, at = INT64_MAX;

	for (size_t i = 0; i < g->npoints; i++) {
		uint64_t later = 0;

		for (size_t j = 0; j < g->npoints; j++)
			if (g->points[j].time > g->points[i].time)
				later += g->points[j].n;
		if (later < (uint64_t)g->rule->condition.below && g->points[i].time + within < at)
			at = g->points[i].time + within;
	}
	return at;
}

int64_t
group_due(const struct group *g)
{
	if (g->rule->condition.kind == CONDITION_ABSENT && g->begun && !g->missing)
		return g->last + g->rule->condition.within;
	if (g->rule->condition.kind == CONDITION_RATE && g->incident.number != 0 && !g->closed)
		return calm_at(g);
	return INT64_MAX;
}
