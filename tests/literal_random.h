/*
 * literal_random: random patterns, and subjects that they are likely to match,
 * to compare literal extraction with what PCRE2 does.
 */
#ifndef TESTS_LITERAL_RANDOM_H
#define TESTS_LITERAL_RANDOM_H

#include "literal_test.h"

/* Make one pattern and some subjects, and abort with a report if a match holds none
 * of the pattern's literals. */
void literal_random_check(struct literal_test *t, struct decisions *d);

#endif
