/*
 * correlate: see correlate.h.  Owns the gathering batch, an index of its entries by
 * rule and key, and the cache of groups that commits are worked out from.
 */
#include "correlate/correlate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "correlate/correlate_internal.h"
#include "correlate/group_key.h"
#include "correlate/silence.h"
#include "rule/rule_list.h"
#include "rule/ruleset.h"
#include "util/digest.h"
#include "util/num.h"
#include "util/xalloc.h"

#define FULL_ENTRIES (1U << 16)
#define FULL_BYTES (64U << 20)

/* Of values; the same in all daemons and for ever, since hashes are kept. */
static const struct hash_key value_key = {0x7472696167656421ULL, 0x76616c7565732e2eULL};

static const char *const tally_names[] = {"recorded", "allow-listed"};

struct correlator *
correlator_new(void)
{
	struct correlator *c = xcalloc(1, sizeof(*c));

	c->batch = batch_new();
	c->cache = group_cache_new();
	c->ahead = ahead_new();
	c->digest = digest_new();
	c->partitions = 1;
	return c;
}

void
correlator_free(struct correlator **cp)
{
	struct correlator *c = *cp;

	if (c == NULL)
		return;
	batch_free(&c->batch);
	group_cache_free(&c->cache);
	ahead_free(&c->ahead);
	silence_unref(&c->silences);
	group_index_free(&c->index);
	group_index_free(&c->sent_index);
	group_free(&c->trial);
	free(c->tallies);
	correlate_queue_free(c);
	buf_free(&c->sample);
	digest_free(&c->digest);
	free(c);
	*cp = NULL;
}

struct group_cache *
correlator_cache(struct correlator *c)
{
	return c->cache;
}

struct ahead *
correlator_ahead(struct correlator *c)
{
	return c->ahead;
}

void
correlator_set_partitions(struct correlator *c, unsigned n)
{
	c->partitions = n;
}

void
correlator_set_silences(struct correlator *c, struct silence_set *set)
{
	silence_unref(&c->silences);
	c->silences = silence_ref(set);
}

void
correlate_hold(struct correlator *c, struct ruleset *rules)
{
	struct batch *b = c->batch;

	if (rules == NULL || (b->nrulesets > 0 && b->rulesets[b->nrulesets - 1] == rules))
		return;
	XGROW(b->rulesets, b->nrulesets);
	b->rulesets[b->nrulesets++] = ruleset_ref(rules);
}

/* ---- which rules, which group, which value ------------------------------------ */

/* May partitions have counted what comes again?  Then it matters which is asked. */
static bool
comes_again(const struct correlator *c)
{
	return c->relayed != NULL || ahead_any(c->ahead);
}

/* Has the partition counted ${e} before what went wrong?  Events of no stream are taken for
 * new: who tells of them knows what was committed. */
static bool
is_counted(struct correlator *c, unsigned partition, const struct event *e)
{
	const struct line *line = e->record->line;

	if (c->relayed == NULL)
		return ahead_has(c->ahead, line->stream->id, partition, line->offset);
	if (correlate_relay_has(c, partition))
		return true;
	correlate_relay_note(c, partition);
	return false;
}

/* How many events ${e} is: "message repeated 5 times" is five; records made by hand have no
 * number. */
static uint32_t
times(const struct event *e)
{
	return e->record->repeat > 1 ? e->record->repeat : 1;
}

/* These are counted in partition 0. */
static void
uncounted(struct correlator *c, struct ruleset *rules, const struct incident_rule *rule,
    const struct event *e, const char *why)
{
	struct batch *b = c->batch;
	size_t i = 0;

	if (comes_again(c) && is_counted(c, 0, e))
		return;
	correlate_hold(c, rules);
	while (i < b->nuncounted &&
	    (strcmp(b->uncounted[i].why, why) != 0 || strcmp(b->uncounted[i].rule, rule->id) != 0))
		i++;
	if (i == b->nuncounted) {
		XGROW(b->uncounted, b->nuncounted);
		b->uncounted[b->nuncounted++] = (struct batch_uncounted){rule->id, why, 0};
	}
	b->uncounted[i].n += times(e);
}

/* What the condition looks at; false when ${e} does not have it. */
static bool
take_value(const struct condition *cond, const struct event *e, uint32_t steps, uint64_t *value)
{
	const struct sv *field;
	int64_t number;

	if (cond->kind == CONDITION_ALL_OF || cond->kind == CONDITION_SEQUENCE) {
		*value = steps;
		return true;
	}
	*value = 0;
	if (cond->field == NULL)
		return true;
	field = event_field(e, cond->field);
	if (field == NULL)
		return false;
	if (cond->kind != CONDITION_SUM) {
		*value = hash_bytes(value_key, *field);
		return true;
	}
	if (!num_int(*field, 0, INT64_MAX, &number))
		return false;
	*value = (uint64_t)number;
	return true;
}

static uint32_t
wanted_steps(const struct incident_link *link, const struct event *e, bool *excluded)
{
	uint32_t steps = 0;

	for (unsigned i = 0; i < link->rule->condition.nsteps; i++)
		if ((link->steps >> i & 1) != 0 && incident_rule_wants(link->rule, i, e, excluded))
			steps |= 1U << i;
	return steps;
}

const char *
correlate_verdict(const struct incident_link *link, const struct event *e,
    const struct silence_set *silences, struct buf *key, struct group_event *event)
{
	const struct incident_rule *rule = link->rule;
	bool excluded = false;
	uint32_t steps = wanted_steps(link, e, &excluded);

	*event = (struct group_event){.time = e->record->time};
	if (steps == 0)
		return excluded ? "allow-listed" : "";
	if (rule->outside != NULL && rule_hours_has(rule->outside, event->time))
		return "in-hours";
	if (!group_key_name(rule, e, key))
		return "no-key";
	if (!take_value(&rule->condition, e, steps, &event->value))
		return "no-value";
	/* What is expected shall be seen when it comes, in a silence too: settle.c. */
	if (silences != NULL && rule->condition.kind != CONDITION_ABSENT &&
	    silence_covers(silences, rule, e))
		return "silenced";
	return NULL;
}

void
correlate_count_for(struct correlator *c, struct ruleset *rules, const struct incident_link *link,
    const struct event *e)
{
	const struct incident_rule *rule = link->rule;
	struct counting *q = correlate_queue_next(c);
	const char *why = correlate_verdict(link, e, c->silences, &q->key, &q->event);
	struct sv line = e->record->line->text;

	if (why != NULL) {
		c->stats.missing_key += strncmp(why, "no-", 3) == 0;
		if (*why != '\0')
			uncounted(c, rules, rule, e, why);
		return;
	}
	if (comes_again(c) &&
	    is_counted(c, group_key_partition(rule, buf_view(&q->key), c->partitions), e))
		return;
	q->rules = rules;
	q->rule = rule;
	q->times = times(e);
	q->line = *e->record->line;
	q->text = e->record->text;
	correlate_queue_add(c, sv_is_within(q->text, line));
}

/* What was counted of the rules of one set goes into the batch. */
static void
flush_tallies(struct correlator *c)
{
	struct batch *b = c->batch;

	for (size_t i = 0; c->tallies != NULL && i < ruleset_nevents(c->tallies_of); i++) {
		for (size_t k = 0; k < TALLIES; k++) {
			if (c->tallies[i][k] == 0)
				continue;
			XGROW(b->uncounted, b->nuncounted);
			b->uncounted[b->nuncounted++] = (struct batch_uncounted){
			    ruleset_event(c->tallies_of, i)->id, tally_names[k], c->tallies[i][k]};
		}
	}
	free(c->tallies);
	c->tallies = NULL;
	c->tallies_of = NULL;
}

static void
tally(struct correlator *c, struct ruleset *rules, const struct event *e, enum tally what)
{
	if (comes_again(c) && is_counted(c, 0, e))
		return;
	if (c->tallies_of != rules) {
		flush_tallies(c);
		correlate_hold(c, rules);
		c->tallies = xcalloc(ruleset_nevents(rules), sizeof(*c->tallies));
		c->tallies_of = rules;
	}
	c->tallies[e->rule->index][what] += times(e);
}

void
correlate_event(struct correlator *c, struct ruleset *rules, const struct event *e)
{
	if (e->rule->nincidents == 0)
		tally(c, rules, e, TALLY_RECORDED);
	for (size_t i = 0; i < e->rule->nincidents; i++)
		correlate_count_for(c, rules, &e->rule->incidents[i], e);
}

void
correlate_excluded(struct correlator *c, struct ruleset *rules, const struct event *e)
{
	tally(c, rules, e, TALLY_ALLOW_LISTED);
	for (size_t i = 0; i < e->rule->nincidents; i++) {
		const struct incident_link *link = &e->rule->incidents[i];
		bool excluded = false;

		if (wanted_steps(link, e, &excluded) != 0 || excluded)
			uncounted(c, rules, link->rule, e, "allow-listed");
	}
}

void
correlate_timer(struct correlator *c, struct ruleset *rules, const struct incident_rule *rule,
    struct sv key, int64_t now)
{
	struct counting *q = correlate_queue_next(c);

	buf_sv(&q->key, key);
	q->rules = rules;
	q->rule = rule;
	q->times = 1;
	q->event = (struct group_event){.time = now, .timer = true};
	correlate_queue_add(c, false);
}

void
correlate_expect(
    struct correlator *c, struct ruleset *rules, const struct incident_rule *rule, int64_t now)
{
	struct buf key = BUF_INIT;

	for (size_t i = 0; rule->each != NULL && i < rule_list_size(rule->each); i++) {
		const char *value = rule_list_at(rule->each, i);

		key.n = 0;
		buf_printf(&key, "%zu:%s", strlen(value), value);
		correlate_timer(c, rules, rule, buf_view(&key), now);
	}
	buf_free(&key);
}

bool
correlate_pending(const struct correlator *c, bool urgent)
{
	const struct batch *b = c->batch;

	return b->nentries > 0 ||
	    (!urgent &&
	        (b->npositions > 0 || b->ngaps > 0 || b->nuncounted > 0 || b->nrelayed > 0 ||
	            c->tallies != NULL));
}

bool
correlate_full(const struct correlator *c)
{
	const struct batch *b = c->batch;

	/* Groups that each batch has anyway fill none alone.  Were a storm to wait for them, it
	 * would fold less, and more would be written for the same events. */
	return b->nfresh + PACE_OPENING * b->nopening >= pace_room(&c->pace, b->nentries - b->nfresh) ||
	    b->nentries >= FULL_ENTRIES || batch_size(b) >= FULL_BYTES;
}

static void
forget_sent(struct correlator *c)
{
	c->sent = NULL;
	group_index_clear(&c->sent_index);
}

void
correlate_committed(struct correlator *c, const struct batch *b, size_t nopened, int64_t took)
{
	forget_sent(c);
	pace_learn(&c->pace, b->nentries, nopened, took);
}

/* The index still is of what it returns. */
static struct batch *
hand_over(struct correlator *c)
{
	struct batch *b = c->batch;

	assert(c->queued == 0);
	correlate_entry_flush(c);
	flush_tallies(c);
	b->silences = silence_ref(c->silences);
	c->batch = batch_after(b);
	return b;
}

struct batch *
correlate_take(struct correlator *c)
{
	struct batch *b = hand_over(c);

	group_index_clear(&c->index);
	return b;
}

struct batch *
correlate_send(struct correlator *c)
{
	struct group_index empty = c->sent_index;

	c->sent = hand_over(c);
	c->sent_index = c->index;
	c->index = empty;
	return (struct batch *)(uintptr_t)c->sent;
}

void
correlate_reset(struct correlator *c)
{
	struct batch *b = correlate_take(c);

	batch_free(&b);
	forget_sent(c);
	group_cache_clear(c->cache);
}

const struct correlate_stats *
correlate_stats(const struct correlator *c)
{
	return &c->stats;
}
