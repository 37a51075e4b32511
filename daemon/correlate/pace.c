/*
 * pace: see pace.h.
 */
#include "correlate/pace.h"

#define COMMIT_TIME 100.0 /* ms that a commit may take that has new groups or opens incidents */
#define COST_FIRST 0.005
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
pace_room(const struct pace *p, size_t known)
{
	double room = COMMIT_TIME / (p->cost == 0 ? COST_FIRST : p->cost) - (double)known;

	/* Comparisons that are false for what is no number, too. */
	if (!(room > ROOM_LEAST))
		return ROOM_LEAST;
	return room < ROOM_MOST ? (size_t)room : ROOM_MOST;
}
