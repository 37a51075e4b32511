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

/* Where decisions come from: given bytes first, then a generator seeded with
 * ${seed}; 0 for all decisions alike. */
struct decisions {
	const uint8_t *p, *end;
	uint64_t seed;
};

/* A number below ${n}. */
static inline uint32_t
literal_decide(struct decisions *d, uint32_t n)
{
	if (d->p < d->end)
		return *d->p++ % n;
	d->seed ^= d->seed << 13;
	d->seed ^= d->seed >> 7;
	d->seed ^= d->seed << 17;
	return (uint32_t)(d->seed >> 32) % n;
}

struct literal_stats {
	uint64_t patterns, compiled, with_literals, literals;
	uint64_t around;            /* patterns with literals that look around */
	uint64_t subjects, matches; /* of patterns with literals */
};

/* One pattern at a time; what can be kept from one to the next is. */
struct literal_test;

/* With ${machine_code} patterns with many subjects are compiled by PCRE2's JIT: quicker,
 * but its 10.42 has patterns on which it never ends, which a fuzzer finds. */
struct literal_test *literal_test_new(struct literal_stats *stats, bool machine_code);
void literal_test_free(struct literal_test **t);

/* False when the pattern does not compile, or has no literals: nothing to test.
 * Borrows the pattern until the next one. */
bool literal_test_pattern(struct literal_test *t, struct sv pattern, uint32_t options);

/* Abort with a report if PCRE2 finds a match and there is no literal: none in the
 * match, or, where a pattern looks around or forgets where the match began, none in the
 * subject.  Returns whether it matches. */
bool literal_test_subject(struct literal_test *t, struct sv subject);

/* The same for ${n} subjects, or fewer, made of those that matched by small changes: so
 * that they still match, but perhaps for another reason. */
void literal_test_mutants(struct literal_test *t, struct decisions *d, unsigned n);

#endif
