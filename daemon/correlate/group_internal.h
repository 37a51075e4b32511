/*
 * group_internal: the kinds of conditions.
 */
#ifndef CORRELATE_GROUP_INTERNAL_H
#define CORRELATE_GROUP_INTERNAL_H

#include "correlate/group.h"

/* What the events that made an incident were. */
struct group_found {
	int64_t first, last;
	uint64_t n;
};

/* Add the event of ${e}; does the condition hold now?  Of the window in ${found}. */
bool group_count_add(struct group *g, const struct group_event *e, struct group_found *found);
bool group_distinct_add(struct group *g, const struct group_event *e, struct group_found *found);
bool group_sum_add(struct group *g, const struct group_event *e, struct group_found *found);
bool group_all_of_add(struct group *g, const struct group_event *e, struct group_found *found);
bool group_sequence_add(struct group *g, const struct group_event *e, struct group_found *found);

/* Kinds whose events do not simply join: the whole of group_apply(). */
enum group_fate group_absent_apply(struct group *g, const struct group_event *e);
enum group_fate group_first_seen_apply(struct group *g, const struct group_event *e);
enum group_fate group_spike_apply(struct group *g, const struct group_event *e);
enum group_fate group_rate_apply(struct group *g, const struct group_event *e);

/* Estimate of distinct values beyond those that are told apart. */
bool group_estimate_add(struct group *g, const struct group_event *e, struct group_found *found);

/* ---- what they share ------------------------------------------------------- */

/* Does ${t} join the incident that is open, the last before it having been at ${last}?
 * If not, the group begins anew. */
bool group_joins(struct group *g, int64_t t, int64_t last);
/* The condition holds. */
enum group_fate group_open(struct group *g, const struct group_found *found);
void group_seen(struct group *g, int64_t t);

struct group_point *group_push(struct group *g, int64_t time, uint64_t value);
void group_remove(struct group *g, size_t i);
/* The event is of ${step}; of a step, ${most} points are kept: the oldest to arrive goes. */
void group_push_step(struct group *g, int64_t time, unsigned step, size_t most);
/* The start of the slot of ${length} ms that ${t} lies in. */
int64_t group_slot(int64_t t, int64_t length);

#endif
