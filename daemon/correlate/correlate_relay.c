/*
 * correlate_relay: incidents as events for rules about incidents.
 */
#include "correlate/correlate_internal.h"
#include "rule/ruleset.h"
#include "util/hash.h"
#include "util/xalloc.h"

/* The same in all daemons and for ever. */
static const struct hash_key identity_key = {0x7472696167656421ULL, 0x696e636964656e74ULL};

struct relayed {
	unsigned from; /* the partition whose relay it is of */
	uint64_t identity;
	int64_t time, span;
	size_t first; /* of the batch's incidents, from where on they are this one */
};

/* Which incident it is, whatever its number. */
static uint64_t
identify(const struct incident_rule *rule, const struct field *key, size_t n)
{
	struct buf text = BUF_INIT;
	uint64_t identity;

	buf_puts(&text, rule->id);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&text, " %s=%zu:", key[i].name, key[i].value.n);
		buf_sv(&text, key[i].value);
	}
	identity = hash_bytes(identity_key, buf_view(&text));
	buf_free(&text);
	return identity;
}

bool
correlate_relay_has(const struct correlator *c, unsigned partition)
{
	const struct relayed *r = c->relayed;

	return ahead_has_incident(c->ahead, partition, r->identity, r->time, r->span);
}

void
correlate_relay_note(struct correlator *c, unsigned partition)
{
	const struct relayed *r = c->relayed;
	struct batch *b = c->batch;

	for (size_t i = r->first; i < b->nincidents; i++)
		if (b->incidents[i].partition == partition)
			return;
	XGROW(b->incidents, b->nincidents);
	b->incidents[b->nincidents++] =
	    (struct batch_incident){partition, r->from, r->identity, r->time};
}

void
correlate_incident(struct correlator *c, struct ruleset *rules, const struct incident_rule *rule,
    int64_t id, int64_t time, const struct field *key, size_t n, struct sv text)
{
	int64_t within = rule->condition.within;
	struct relayed relayed = {.from = (unsigned)((uint64_t)id % c->partitions),
	    .time = time,
	    .span = within < rule->rearm ? within : rule->rearm,
	    .first = c->batch->nincidents};
	struct stream stream = {.id = "relay", .source = "triaged", .path = "incident"};
	struct line line = {.stream = &stream, .offset = (uint64_t)id, .text = text};
	struct record record = {.line = &line, .time = time, .message = text, .text = text};
	struct event e = {.record = &record};

	for (; e.nfields < n && e.nfields < EVENT_FIELDS_MAX; e.nfields++)
		e.fields[e.nfields] = key[e.nfields];
	if (c->partitions > 1) {
		relayed.identity = identify(rule, e.fields, e.nfields);
		c->relayed = &relayed;
	}
	for (size_t i = 0; i < rule->nincidents; i++)
		correlate_count_for(c, rules, &rule->incidents[i], &e);
	c->relayed = NULL;
}

void
correlate_relayed(struct correlator *c, int64_t id)
{
	struct batch *b = c->batch;

	XGROW(b->relayed, b->nrelayed);
	b->relayed[b->nrelayed++] = id;
}
