/*
 * pace: see pace.h.
 */
#include "correlate/pace.h"

/* What a commit may take for groups that are new and incidents that open, in ms; in a storm it
 * takes two or three times as long for those groups that each has. */
#define COMMIT_TIME 70.0
#define COST_FIRST 0.01
#define TELLING 2000 /* groups from which on a commit tells what one costs */
#define ROOM_LEAST 4000
#define ROOM_MOST (1U << 17)

void
pace_learn(struct pace *p, size_t groups, size_t opened, int64_t took)
{
	size_t n = groups + PACE_OPENING * opened;
	double cost = (double)took / (double)(n == 0 ? 1 : n);

	if (n < TELLING)
		return;
	p->cost += (cost - p->cost) * (p->cost == 0 ? 1 : 0.4);
}

size_t
pace_room(const struct pace *p)
{
	double room = COMMIT_TIME / (p->cost == 0 ? COST_FIRST : p->cost);

	/* Comparisons that are false for what is no number, too. */
	if (!(room > ROOM_LEAST))
		return ROOM_LEAST;
	return room < ROOM_MOST ? (size_t)room : ROOM_MOST;
}
