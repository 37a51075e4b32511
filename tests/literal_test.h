/*
 * literal_test: does what a pattern matches hold one of its literals?
 */
#ifndef TESTS_LITERAL_TEST_H
#define TESTS_LITERAL_TEST_H

#include <stdbool.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "scan/literal.h"
#include "util/sv.h"

#define LITERAL_TEST_SUBJECT_MAX 2048

struct literal_stats {
	uint64_t patterns, compiled, with_literals, literals;
	uint64_t subjects, matches; /* of patterns with literals */
};

struct literal_test {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	struct sv pattern; /* borrowed */
	uint32_t options;
	struct literals literals;
};

/* False when the pattern does not compile, or has no literals: nothing to test, and
 * nothing to close. */
bool literal_test_open(struct literal_test *t, struct sv pattern, uint32_t options,
    struct literal_stats *stats);
void literal_test_close(struct literal_test *t);

/* Abort with a report if PCRE2 finds a match that holds no literal. */
void literal_test_subject(
    const struct literal_test *t, struct sv subject, struct literal_stats *stats);

#endif
