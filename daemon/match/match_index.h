/*
 * match_index: the rules that may match a record of some program, in rule order.
 */
#ifndef MATCH_MATCH_INDEX_H
#define MATCH_MATCH_INDEX_H

#include "rule/rule.h"

struct match_index;

/* ${rules} must outlive it. */
struct match_index *match_index_new(const struct ruleset *rules);
void match_index_free(struct match_index **x);

/* Two lists of rule indexes, ascending, that together are the candidates: those
 * that name ${program}, and those that name none. */
struct match_candidates {
	const size_t *named;
	size_t nnamed;
	const size_t *open;
	size_t nopen;
};
struct match_candidates match_index_find(const struct match_index *x, struct sv program);

/* Take the lowest index from ${c}; false when there is none left. */
bool match_candidates_next(struct match_candidates *c, size_t *index);

#endif
