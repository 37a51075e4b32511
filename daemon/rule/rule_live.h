/*
 * rule_live: the part of a list that is in Redis.  It is all of a rule set that changes after
 * the load: whoever reads Redis puts the values in place, on the loop, between two events.
 */
#ifndef RULE_RULE_LIVE_H
#define RULE_RULE_LIVE_H

#include <stddef.h>

#include "rule/rule_fields.h"
#include "rule/rule_list.h"
#include "rule/ruleset.h"

/* A list's set as some conditions look at it; one list has several if fields of several types
 * are looked up in it. */
struct rule_live {
	const char *list; /* its id */
	const char *set;  /* name of the set */
	enum rule_list_kind kind;
	const struct rule_key *key; /* of each: the values are made its keys; else NULL */
	enum field_type key_type;
	struct rule_list *values; /* never NULL; empty after a load */
};

size_t ruleset_nlives(const struct ruleset *rs);
const struct rule_live *ruleset_live(const struct ruleset *rs, size_t i);

/* Add ${text} to ${to}, which is to be the values of ${live}; false if it is of the wrong form.
 * May be called in any thread while somebody holds the rule set. */
bool rule_live_add(const struct rule_live *live, struct rule_list *to, const char *text);
/* In the place of Redis: put the values in ${path}, a file as lists may have, into the list named
 * ${list}.  Errors go to ${diag}.  False: no rule uses such a list. */
bool rule_live_fill(struct ruleset *rs, const char *list, const char *path, struct diag *diag);
/* From now on these are the values of live ${i}; takes ${values}. */
void rule_live_put(struct ruleset *rs, size_t i, struct rule_list *values);

#endif
