/*
 * pattern_shape: what the text of a pattern tells without running it.
 */
#ifndef MATCH_PATTERN_SHAPE_H
#define MATCH_PATTERN_SHAPE_H

#include <stdbool.h>

#include "util/sv.h"

#define SHAPE_LITERALS 8

struct pattern_shape {
	bool starts; /* matches only at the start of the message */
	bool ends;   /* matches only up to its end */
	bool wildcard_before_capture; /* .* or .+ stands before a named group */
	struct sv literals[SHAPE_LITERALS]; /* some of those it mentions */
	size_t nliterals;
};

/* For patterns that PCRE2 accepted.  Errs towards: not anchored. */
void pattern_shape(const char *pattern, struct pattern_shape *shape);

#endif
