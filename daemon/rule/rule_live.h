/*
 * rule_live: the parts of lists that are in Redis or in a file.  They are all of a rule set that
 * changes after the load: whoever reads them puts the values in place, on the loop, between two
 * events.
 */
#ifndef RULE_RULE_LIVE_H
#define RULE_RULE_LIVE_H

#include <stddef.h>

#include "rule/rule_fields.h"
#include "rule/rule_list.h"
#include "rule/ruleset.h"
#include "util/digest.h"
#include "util/stamp.h"

/* A list's set or file as some conditions look at it; one list has several if fields of several
 * types are looked up in it. */
struct rule_live {
	const char *list; /* its id */
	const char *set;  /* name of the set; NULL: it is a file */
	const char *file; /* its path; NULL: it is a set */
	enum rule_list_kind kind;
	const struct rule_key *key; /* of each: the values are made its keys; else NULL */
	enum field_type key_type;
	struct rule_list *values; /* never NULL; of a set empty after a load */
	struct stamp stamp; /* of the file that they are from, and ... */
	size_t nvalues;     /* ... how many it has */
};

size_t ruleset_nlives(const struct ruleset *rs);
const struct rule_live *ruleset_live(const struct ruleset *rs, size_t i);

/* Add ${text} to ${to}, which is to be the values of ${live}; false with a reason in ${why} if it
 * is of the wrong form.  May be called in any thread while somebody holds the rule set. */
bool rule_live_add(
    const struct rule_live *live, struct rule_list *to, const char *text, struct buf *why);
/* In the place of Redis: put the values in ${path}, a file as lists may have, into the list named
 * ${list}.  Errors go to ${diag}.  False: no rule uses such a list. */
bool rule_live_fill(struct ruleset *rs, const char *list, const char *path, struct diag *diag);
/* From now on these are the values of live ${i}; takes ${values}. */
void rule_live_put(struct ruleset *rs, size_t i, struct rule_list *values);

/* A list file that is read: only ${path} is the caller's to set. */
struct rule_live_reading {
	const char *path;
	struct stamp stamp; /* from before it was read */
	size_t nvalues;
	struct rule_list **lists; /* by live; NULL: of something else */
	char hash[DIGEST_HEX_SIZE];
};

/* Read the file for all that have it; false with errors in ${diag} when it cannot be used.  In any
 * thread, as rule_live_add(). */
bool rule_live_read(const struct ruleset *rs, struct rule_live_reading *r, struct diag *diag);
/* Use what was read, with rule_live_put(). */
void rule_live_take(struct ruleset *rs, struct rule_live_reading *r);
void rule_live_forget(const struct ruleset *rs, struct rule_live_reading *r);

#endif
