/*
 * literal_random: random patterns, and subjects that they are likely to match,
 * to compare literal extraction with what PCRE2 does.
 */
#ifndef TESTS_LITERAL_RANDOM_H
#define TESTS_LITERAL_RANDOM_H

#include <stdint.h>

#include "literal_test.h"

/* Where decisions come from: given bytes first, then a generator seeded with
 * ${seed}; 0 for all decisions alike. */
struct decisions {
	const uint8_t *p, *end;
	uint64_t seed;
};

/* Make one pattern and some subjects, and abort with a report if a match holds none
 * of the pattern's literals. */
void literal_random_check(struct decisions *d, struct literal_stats *stats);

#endif
