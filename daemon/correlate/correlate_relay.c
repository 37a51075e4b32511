/*
 * correlate_relay: incidents as events for rules about incidents.
 */
#include <stdio.h>

#include "correlate/correlate_internal.h"
#include "rule/ruleset.h"
#include "util/xalloc.h"

/* Entries of the relay are a stream for each partition that has some, so that each partition
 * knows which of them it has counted. */
static void
name_relay(const struct correlator *c, int64_t id, char name[static 32])
{
	snprintf(name, 32, "relay:%u", (unsigned)((uint64_t)id % c->partitions));
}

void
correlate_incident(struct correlator *c, struct ruleset *rules, const struct incident_rule *rule,
    int64_t id, int64_t time, const struct field *key, size_t n, struct sv text)
{
	char name[32];
	struct stream stream = {.id = name, .source = "triaged", .path = "incident"};
	struct line line = {.stream = &stream, .offset = (uint64_t)id, .text = text};
	struct record record = {.line = &line, .time = time, .message = text, .text = text};
	struct event e = {.record = &record};

	name_relay(c, id, name);
	for (; e.nfields < n && e.nfields < EVENT_FIELDS_MAX; e.nfields++)
		e.fields[e.nfields] = key[e.nfields];
	for (size_t i = 0; i < rule->nincidents; i++)
		correlate_count_for(c, rules, &rule->incidents[i], &e);
}

void
correlate_relayed(struct correlator *c, int64_t id)
{
	struct batch *b = c->batch;
	char name[32];
	struct position pos = {.stream = name, .path = "incident", .offset = (uint64_t)id + 1};

	XGROW(b->relayed, b->nrelayed);
	b->relayed[b->nrelayed++] = id;
	name_relay(c, id, name);
	if (c->partitions > 1)
		correlate_position(c, &pos);
}
