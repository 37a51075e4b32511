/*
 * pace: how much a batch may hold, so that its commit takes no longer than it should.
 * What a commit takes is learnt from those before: it grows with the groups, and more
 * with the incidents that open.
 */
#ifndef CORRELATE_PACE_H
#define CORRELATE_PACE_H

#include <stddef.h>
#include <stdint.h>

#define PACE_OPENING 6 /* what opening an incident costs besides its group, in groups */

struct pace {
	double cost; /* ms a group; 0: nothing is known */
};

/* A commit of ${groups} groups that opened ${opened} incidents took ${took} ms. */
void pace_learn(struct pace *p, size_t groups, size_t opened, int64_t took);

/* So many new groups, incidents that open counted as PACE_OPENING more, may a batch hold that has
 * ${known} others. */
size_t pace_room(const struct pace *p, size_t known);

#endif
