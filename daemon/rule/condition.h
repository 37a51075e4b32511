/*
 * condition: what makes events of one key an incident.  Plain data, as the rule
 * file says it; what it means is correlate/group*.c's.
 */
#ifndef RULE_CONDITION_H
#define RULE_CONDITION_H

#include <stdint.h>

enum condition_kind {
	CONDITION_COUNT,      /* so many events */
	CONDITION_DISTINCT,   /* so many values of a field */
	CONDITION_SUM,        /* a numeric field adds up to so much */
	CONDITION_ALL_OF,     /* each step, in any order */
	CONDITION_SEQUENCE,   /* each step, in order */
	CONDITION_ABSENT,     /* no event for so long */
	CONDITION_FIRST_SEEN, /* a value of a field that is new */
	CONDITION_SPIKE,      /* many more than in the past */
	CONDITION_RATE,       /* so many, until there are few again */
};

#define CONDITION_STEPS_MAX 8
#define CONDITION_DISTINCT_EXACT 1000 /* values that are told apart exactly; more are estimated */

struct condition {
	enum condition_kind kind;
	/* ms.  The span in which it must happen; ABSENT: the silence; FIRST_SEEN: after so
	 * long a value is new again; SPIKE: the length of the slots that are compared. */
	int64_t within;
	int64_t least;    /* COUNT, DISTINCT, SUM, SPIKE, RATE: so many at least */
	int64_t below;    /* RATE: over when there are fewer */
	int64_t learning; /* ms from a key's first event in which nothing fires: FIRST_SEEN, SPIKE */
	int64_t slots;    /* SPIKE: past slots that make the average */
	int64_t factor;   /* SPIKE: so many hundredths of the average */
	const char *field; /* dotted: DISTINCT, SUM, FIRST_SEEN; else NULL */
	unsigned nsteps;   /* ALL_OF, SEQUENCE; else 1 */
	uint32_t negative; /* SEQUENCE: bit i: step i must not happen between its neighbours */
};

#endif
