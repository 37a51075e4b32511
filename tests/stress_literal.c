/*
 * stress_literal: [MATCHES [SEED]]: compare literal extraction with PCRE2 on random
 * patterns until so many matches were looked at.  A line for each million of them, so that
 * what was done before an interruption counts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "literal_random.h"

#define REPORT 1000000

static void
report(const struct literal_stats *s)
{
	printf("%" PRIu64 " patterns, %" PRIu64 " compile, %" PRIu64 " have literals (%" PRIu64
	       "), %" PRIu64 " of them look around; %" PRIu64 " subjects, %" PRIu64
	       " matches checked\n",
	    s->patterns, s->compiled, s->with_literals, s->literals, s->around, s->subjects,
	    s->matches);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	uint64_t next = REPORT;
	struct decisions d = {.seed = seed * 0x9e3779b97f4a7c15 | 1};
	struct literal_stats stats = {0};
	struct literal_test *t = literal_test_new(&stats, true);

	while (stats.matches < wanted) {
		literal_random_check(t, &d);
		if (stats.matches >= next) {
			report(&stats);
			next += REPORT;
		}
	}
	report(&stats);
	literal_test_free(&t);
	return 0;
}
