/*
 * fuzz_group: no bytes from Redis make the daemon fall over; those that it takes for a
 * group come back as they are written.  The first byte is the kind of the rule's
 * condition, the second where the events lie that are then applied.
 */
#include <stdint.h>
#include <stdlib.h>

#include "correlate/group.h"

#define KINDS (CONDITION_RATE + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct incident_rule
rule_of(uint8_t byte)
{
	struct incident_rule rule = {.rearm = 1000,
	    .condition = {.kind = (enum condition_kind)(byte % KINDS),
	        .within = 1000,
	        .least = byte / KINDS % 2 == 0 ? 3 : 2000,
	        .below = 2,
	        .learning = 100,
	        .slots = 4,
	        .factor = 200,
	        .nsteps = 4,
	        .negative = byte / KINDS % 3 == 0 ? 2 : 0}};

	return rule;
}

static void
compare(const struct group *g)
{
	struct group again;
	struct buf one = BUF_INIT, other = BUF_INIT;

	group_init(&again, g->rule);
	group_encode(g, g->version, 0, &one);
	if (!group_decode(&again, buf_view(&one)))
		abort();
	group_encode(&again, again.version, 0, &other);
	if (!sv_eq(buf_view(&one), buf_view(&other)))
		abort();
	group_free(&again);
	buf_free(&one);
	buf_free(&other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct incident_rule rule;
	struct group g;

	if (size < 2)
		return 0;
	rule = rule_of(data[0]);
	group_init(&g, &rule);
	if (group_decode(&g, (struct sv){(const char *)data + 2, size - 2}))
		compare(&g);
	for (int i = 0; i < 8; i++) {
		struct group_event e = {.time = g.last + (data[1] - 100) * i,
		    .value = data[1] % 15U + 1U,
		    .timer = i % 4 == 3};

		group_apply(&g, &e);
		group_grown(&g);
		if (group_due(&g) <= e.time)
			group_apply(&g, &(struct group_event){.time = group_due(&g), .timer = true});
	}
	group_free(&g);
	return 0;
}
