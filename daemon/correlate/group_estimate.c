/*
 * group_estimate: how many different values, when there are too many to keep each.
 *
 * HyperLogLog (Flajolet and others, 2007) with 1024 registers, so a standard error of
 * 3.25%; one for each eighth of the window, which slides in such steps.  A point is
 * an eighth that had events; its registers are at its index.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/group_internal.h"
#include "util/xalloc.h"

#define SLOTS 8
#define REGISTERS 1024
#define REGISTER_BITS 10

static int64_t
slot_length(const struct group *g)
{
	int64_t length = g->rule->condition.within / SLOTS;

	return length == 0 ? 1 : length;
}

static void
drop(struct group *g, size_t i)
{
	memmove(g->registers + i * REGISTERS, g->registers + (i + 1) * REGISTERS,
	    (g->npoints - 1 - i) * REGISTERS);
	group_remove(g, i);
}

/* The slot of ${t} with its registers, NULL when it is out of the window. */
static unsigned char *
slot_of(struct group *g, int64_t t)
{
	int64_t slot = group_slot(t, slot_length(g)), newest = group_slot(g->last, slot_length(g));
	size_t i;

	if (newest - slot >= SLOTS * slot_length(g))
		return NULL;
	for (i = g->npoints; i > 0; i--)
		if (newest - g->points[i - 1].time >= SLOTS * slot_length(g))
			drop(g, i - 1);
	for (i = 0; i < g->npoints && g->points[i].time != slot; i++)
		;
	if (i == g->npoints) {
		g->registers = xrealloc(g->registers, i + 1, REGISTERS);
		memset(g->registers + i * REGISTERS, 0, REGISTERS);
		group_push(g, slot, (uint64_t)(t - slot))->n = 0;
	}
	g->points[i].n++;
	return g->registers + i * REGISTERS;
}

static void
add_value(unsigned char *registers, uint64_t hash)
{
	size_t at = hash >> (64 - REGISTER_BITS);
	uint64_t rest = hash << REGISTER_BITS;
	unsigned char rank = (unsigned char)(rest == 0 ? 64 - REGISTER_BITS + 1
	                                               : __builtin_clzll(rest) + 1);

	if (registers[at] < rank)
		registers[at] = rank;
}

/* Of all slots together. */
static double
estimate(const struct group *g)
{
	double sum = 0, alpha = 0.7213 / (1 + 1.079 / REGISTERS), e;
	unsigned empty = 0;

	for (size_t i = 0; i < REGISTERS; i++) {
		unsigned char most = 0;

		for (size_t s = 0; s < g->npoints; s++)
			if (g->registers[s * REGISTERS + i] > most)
				most = g->registers[s * REGISTERS + i];
		sum += ldexp(1, -(int)most);
		empty += most == 0;
	}
	e = alpha * REGISTERS * REGISTERS / sum;
	if (e <= 2.5 * REGISTERS && empty > 0)
		e = REGISTERS * log((double)REGISTERS / empty);
	return e;
}

bool
group_estimate_add(struct group *g, const struct group_event *e, struct group_found *found)
{
	unsigned char *registers = slot_of(g, e->time);

	if (registers == NULL)
		return false;
	add_value(registers, e->value);
	if (estimate(g) < (double)g->rule->condition.least)
		return false;
	*found = (struct group_found){.first = INT64_MAX, .last = g->last};
	for (size_t i = 0; i < g->npoints; i++) {
		int64_t t = g->points[i].time + (int64_t)g->points[i].value;

		found->n += g->points[i].n;
		if (t < found->first)
			found->first = t;
	}
	return true;
}
