/*
 * stress_literal: [MATCHES [SEED]]: compare literal extraction with PCRE2 on random
 * patterns until so many matches were looked at.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "literal_random.h"

int
main(int argc, char **argv)
{
	uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct decisions d = {.seed = seed * 0x9e3779b97f4a7c15 | 1};
	struct literal_stats stats = {0};

	while (stats.matches < wanted)
		literal_random_check(&d, &stats);
	printf("%" PRIu64 " patterns, %" PRIu64 " compile, %" PRIu64 " have literals (%" PRIu64
	       "); %" PRIu64 " subjects, %" PRIu64 " matches checked\n",
	    stats.patterns, stats.compiled, stats.with_literals, stats.literals, stats.subjects,
	    stats.matches);
	return 0;
}
