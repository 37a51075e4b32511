/*
 * rules_lint: what a rule set is allowed to do but should not.
 */
#ifndef MATCH_RULES_LINT_H
#define MATCH_RULES_LINT_H

#include <stddef.h>

struct ruleset;

struct rules_lint_finding {
	const char *file;
	int line;
	int column;
	const char *rule; /* its id */
	const char *text;
};

/* Look at all rules, calling ${found} (which may be NULL) for each finding, in
 * rule order; returns how many there are.  Takes some tenths of a second for
 * hundreds of patterns, since it runs them on long lines. */
typedef void rules_lint_cb(void *ctx, const struct rules_lint_finding *finding);
size_t rules_lint(struct ruleset *rules, rules_lint_cb *found, void *ctx);

#endif
