/*
 * correlate: see correlate.h.  Owns the gathering batch, an index of its entries by
 * rule and key, and the cache of groups that commits are worked out from.
 */
#include "correlate/correlate.h"

#include <stdio.h>
#include <stdlib.h>

#include "correlate/correlate_internal.h"
#include "correlate/group_key.h"
#include "rule/rule_list.h"
#include "rule/ruleset.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/num.h"
#include "util/xalloc.h"

#define FULL_ENTRIES (1U << 16)
#define FULL_BYTES (64U << 20)
#define SAMPLES_FULL 4096 /* lines of a batch; beyond, one of each entry */
#define POINTS_FIRST 4
#define POINTS_CHECK 32 /* from so many on, see whether they satisfy the rule alone */

/* Of values; the same in all daemons and for ever, since hashes are kept. */
static const struct hash_key value_key = {0x7472696167656421ULL, 0x76616c7565732e2eULL};

/* Events that are only counted. */
enum tally {
	TALLY_RECORDED,     /* no incident rule is about them */
	TALLY_ALLOW_LISTED, /* excluded by their rule's unless */
	TALLIES
};

static const char *const tally_names[] = {"recorded", "allow-listed"};

struct correlator {
	struct batch *batch;
	struct group_index index; /* -> the latest entry of a group */
	struct group_cache *cache;
	struct ahead *ahead;
	unsigned partitions;
	struct group trial; /* scratch: an entry's points, applied to nothing */
	uint64_t (*tallies)[TALLIES]; /* by event rule ... */
	struct ruleset *tallies_of;   /* ... of this set, borrowed from the batch */
	struct buf key;     /* scratch: the group at hand */
	struct buf sample;  /* scratch */
	struct correlate_stats stats;
};

struct correlator *
correlator_new(void)
{
	struct correlator *c = xcalloc(1, sizeof(*c));

	c->batch = batch_new();
	c->cache = group_cache_new();
	c->ahead = ahead_new();
	c->partitions = 1;
	group_index_init(&c->index);
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
	group_index_free(&c->index);
	group_free(&c->trial);
	free(c->tallies);
	buf_free(&c->key);
	buf_free(&c->sample);
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

/* ---- an event into an entry --------------------------------------------------- */

static void
hold_ruleset(struct batch *b, struct ruleset *rules)
{
	if (rules == NULL || (b->nrulesets > 0 && b->rulesets[b->nrulesets - 1] == rules))
		return;
	XGROW(b->rulesets, b->nrulesets);
	b->rulesets[b->nrulesets++] = ruleset_ref(rules);
}

/* Has the group's incident lines enough?  As far as is known here. */
static bool
is_sampled(struct correlator *c, const struct incident_rule *rule, struct sv key)
{
	struct sv bytes = group_cache_get(c->cache, rule, key);

	c->trial.rule = rule;
	return bytes.n > 0 && group_decode(&c->trial, bytes) && c->trial.incident.number != 0 &&
	    !c->trial.closed &&
	    (c->trial.incident.samples >= BATCH_SAMPLES ||
	        (c->trial.incident.samples > 0 && c->batch->nsamples >= SAMPLES_FULL));
}

static struct batch_entry *
add_entry(struct correlator *c, const struct incident_rule *rule)
{
	struct batch *b = c->batch;
	struct batch_entry *entry;

	XGROW(b->entries, b->nentries);
	entry = &b->entries[b->nentries];
	*entry = (struct batch_entry){.rule = rule,
	    .key = {arena_copy(&b->arena, c->key.p, c->key.n), c->key.n},
	    .check_at = POINTS_CHECK,
	    .sampled = is_sampled(c, rule, buf_view(&c->key))};
	group_index_put(&c->index, b, rule, entry->key, b->nentries);
	b->nentries++;
	return entry;
}

/* The group is new in this batch. */
static void
link_entry(struct correlator *c, size_t at)
{
	struct batch *b = c->batch;
	const struct incident_rule *rule = b->entries[at].rule;
	unsigned partition = group_key_partition(rule, b->entries[at].key, c->partitions);
	size_t i = 0;

	while (i < b->nrules && (b->rules[i].rule->identity != rule->identity ||
	                            b->rules[i].partition != partition))
		i++;
	if (i == b->nrules) {
		XGROW(b->rules, b->nrules);
		b->rules[b->nrules++] = (struct batch_rule){rule, partition, at, at, 1};
		return;
	}
	b->entries[b->rules[i].last].sibling = at;
	b->rules[i].last = at;
	b->rules[i].n++;
}

/* The group of c->key. */
static struct batch_entry *
find_entry(struct correlator *c, struct ruleset *rules, const struct incident_rule *rule, int64_t t)
{
	struct batch *b = c->batch;
	struct batch_entry *entry;
	size_t at;

	hold_ruleset(b, rules);
	if (!group_index_get(&c->index, b, rule, buf_view(&c->key), &at)) {
		entry = add_entry(c, rule);
		link_entry(c, b->nentries - 1);
		return entry;
	}
	/* What is only a number cannot tell of a pause. */
	if (!b->entries[at].satisfied || t - b->entries[at].last <= rule->rearm)
		return &b->entries[at];
	entry = add_entry(c, rule);
	b->entries[at].next = b->nentries - 1;
	return entry;
}

static void
add_point(struct batch *b, struct batch_entry *e, const struct group_event *event)
{
	if (e->npoints == e->cap) {
		size_t cap = e->cap == 0 ? POINTS_FIRST : 2 * e->cap;
		struct batch_point *points = arena_alloc(&b->arena, cap * sizeof(*points));

		if (e->npoints > 0)
			memcpy(points, e->points, e->npoints * sizeof(*points));
		e->points = points;
		e->cap = cap;
	}
	e->points[e->npoints++] = (struct batch_point){event->time, event->value, 1, event->timer};
}

/* Do the points open an incident whatever was before?  After a pause an incident that
 * was open may be left, and what led to it forgotten: what came before the last pause
 * does not help. */
static bool
satisfies(struct correlator *c, const struct batch_entry *e)
{
	struct group *g = &c->trial;

	g->rule = e->rule;
	group_clear(g);
	for (size_t i = 0; i < e->npoints; i++) {
		const struct batch_point *p = &e->points[i];
		struct group_event event = batch_point_event(p);

		if (g->begun && p->time - g->last > e->rule->rearm)
			group_clear(g);
		for (uint32_t k = 0; k < p->n; k++) {
			group_apply(g, &event);
			if (g->incident.number != 0)
				break;
		}
	}
	return g->incident.number != 0;
}

static void
add_rest(struct batch_entry *e, int64_t t)
{
	if (e->rest == 0 || t < e->rest_first)
		e->rest_first = t;
	if (e->rest == 0 || t > e->rest_last)
		e->rest_last = t;
	e->rest++;
}

static bool
is_same(const struct batch_point *p, const struct group_event *e)
{
	return p->time == e->time && p->value == e->value && p->timer == e->timer &&
	    p->n < UINT32_MAX;
}

static void
count(struct correlator *c, struct batch_entry *e, const struct group_event *event)
{
	if (event->time > e->last || (e->npoints == 0 && e->rest == 0))
		e->last = event->time;
	if (e->satisfied) {
		add_rest(e, event->time);
		return;
	}
	if (e->npoints > 0 && is_same(&e->points[e->npoints - 1], event)) {
		e->points[e->npoints - 1].n++;
		return;
	}
	add_point(c->batch, e, event);
	if (e->npoints == e->check_at) {
		e->check_at *= 2;
		e->satisfied = group_rule_folds(e->rule) && satisfies(c, e);
	}
}

/* Keep the line, if it is among the first. */
static void
sample(struct correlator *c, struct batch_entry *entry, const struct event *e)
{
	struct batch *b = c->batch;
	struct batch_sample *s;

	if (entry->sampled || entry->nsamples == BATCH_SAMPLES ||
	    (entry->nsamples > 0 && b->nsamples >= SAMPLES_FULL))
		return;
	if (entry->samples == NULL)
		entry->samples = arena_alloc(&b->arena, BATCH_SAMPLES * sizeof(*entry->samples));
	c->sample.n = 0;
	correlate_sample(e, &c->sample);
	s = &entry->samples[entry->nsamples++];
	*s = (struct batch_sample){.json = arena_copy(&b->arena, buf_str(&c->sample), c->sample.n + 1),
	    .time = e->record->time,
	    .point = entry->satisfied ? entry->npoints : entry->npoints - 1};
	b->nsamples++;
}

/* ---- which rules, which group, which value ------------------------------------ */

/* Has the partition counted ${e} before what went wrong?  Events of no stream are taken for
 * new: who tells of them knows what was committed. */
static bool
is_counted(const struct correlator *c, unsigned partition, const struct event *e)
{
	const struct line *line = e->record->line;

	return ahead_has(c->ahead, line->stream->id, partition, line->offset);
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

	if (ahead_any(c->ahead) && is_counted(c, 0, e))
		return;
	hold_ruleset(b, rules);
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
correlate_verdict(const struct incident_link *link, const struct event *e, struct buf *key,
    struct group_event *event)
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
	return take_value(&rule->condition, e, steps, &event->value) ? NULL : "no-value";
}

static void
count_for(struct correlator *c, struct ruleset *rules, const struct incident_link *link,
    const struct event *e)
{
	const struct incident_rule *rule = link->rule;
	struct group_event event;
	struct batch_entry *entry;
	const char *why;

	c->key.n = 0;
	why = correlate_verdict(link, e, &c->key, &event);
	if (why != NULL) {
		c->stats.missing_key += strncmp(why, "no-", 3) == 0;
		if (*why != '\0')
			uncounted(c, rules, rule, e, why);
		return;
	}
	if (ahead_any(c->ahead) &&
	    is_counted(c, group_key_partition(rule, buf_view(&c->key), c->partitions), e))
		return;
	entry = find_entry(c, rules, rule, event.time);
	for (unsigned i = 0; i < times(e); i++) {
		c->stats.counted++;
		count(c, entry, &event);
	}
	sample(c, entry, e);
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
	if (ahead_any(c->ahead) && is_counted(c, 0, e))
		return;
	if (c->tallies_of != rules) {
		flush_tallies(c);
		hold_ruleset(c->batch, rules);
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
		count_for(c, rules, &e->rule->incidents[i], e);
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
	struct group_event event = {.time = now, .timer = true};

	c->key.n = 0;
	buf_sv(&c->key, key);
	count(c, find_entry(c, rules, rule, now), &event);
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
		count_for(c, rules, &rule->incidents[i], &e);
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

/* ---- positions and gaps --------------------------------------------------------- */

/* Number of the position of ${stream} that has gathered, from 1; 0: none. */
static size_t
find_position(const struct batch *b, const char *stream)
{
	size_t i = b->npositions;

	while (i > 0 && strcmp(b->positions[i - 1].stream, stream) != 0)
		i--;
	return i;
}

void
correlate_position(struct correlator *c, const struct position *pos)
{
	struct batch *b = c->batch;
	size_t i = find_position(b, pos->stream);

	if (i == 0) {
		XGROW(b->positions, b->npositions);
		i = ++b->npositions;
		b->positions[i - 1] = (struct batch_position){.stream = xstrdup(pos->stream)};
	}
	if (b->positions[i - 1].path == NULL || strcmp(b->positions[i - 1].path, pos->path) != 0) {
		free(b->positions[i - 1].path);
		b->positions[i - 1].path = xstrdup(pos->path);
	}
	b->positions[i - 1].offset = pos->offset;
	b->positions[i - 1].check = pos->check;
	b->positions[i - 1].done = pos->done;
}

void
correlate_begun(struct correlator *c, const struct position *pos)
{
	bool first = find_position(c->batch, pos->stream) == 0;
	struct batch_position *p;

	correlate_position(c, pos);
	if (!first || pos->done)
		return;
	p = &c->batch->positions[c->batch->npositions - 1];
	p->begin_path = xstrdup(pos->path);
	p->begin = pos->offset;
	p->begin_check = pos->check;
}

static void
add_member(struct buf *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(out, ",\"%s\":", name);
	json_quote(out, sv_str(value));
}

static char *
gap_json(const struct trouble *t, int64_t now)
{
	struct buf out = BUF_INIT;

	buf_puts(&out, "{\"time\":\"");
	clock_format(&out, now);
	buf_printf(&out, "\",\"reason\":\"%s\"", trouble_name(t->kind));
	add_member(&out, "source", t->source);
	add_member(&out, "stream", t->stream);
	add_member(&out, "path", t->path);
	if (t->to > t->from)
		buf_printf(&out, ",\"from\":%llu,\"to\":%llu", (unsigned long long)t->from,
		    (unsigned long long)t->to);
	if (t->lost > 0)
		buf_printf(&out, ",\"messages\":%llu", (unsigned long long)t->lost);
	add_member(&out, "text", t->text);
	buf_putc(&out, '}');
	return buf_steal(&out);
}

void
correlate_gap(struct correlator *c, const struct trouble *t, int64_t now)
{
	struct batch *b = c->batch;
	struct buf total = BUF_INIT;
	struct batch_gap gap = {.messages = t->lost, .json = gap_json(t, now)};

	if (t->to > t->from && t->stream != NULL && ahead_has(c->ahead, t->stream, 0, t->from)) {
		free(gap.json);
		return;
	}
	if (t->to > t->from)
		gap.bytes = t->to - t->from;
	buf_printf(&total, "%s %s", t->source, trouble_name(t->kind));
	gap.total = buf_steal(&total);
	b->bytes += sizeof(gap) + strlen(gap.json);
	XGROW(b->gaps, b->ngaps);
	b->gaps[b->ngaps++] = gap;
}

bool
correlate_pending(const struct correlator *c, bool urgent)
{
	const struct batch *b = c->batch;

	return b->nentries > 0 ||
	    (!urgent && (b->npositions > 0 || b->ngaps > 0 || b->nuncounted > 0 ||
	                    b->nrelayed > 0 || c->tallies != NULL));
}

bool
correlate_full(const struct correlator *c)
{
	return c->batch->nentries >= FULL_ENTRIES || batch_size(c->batch) >= FULL_BYTES;
}

struct batch *
correlate_take(struct correlator *c)
{
	struct batch *b = c->batch;

	flush_tallies(c);
	c->batch = batch_new();
	group_index_clear(&c->index);
	return b;
}

void
correlate_reset(struct correlator *c)
{
	struct batch *b = correlate_take(c);

	batch_free(&b);
	group_cache_clear(c->cache);
}

const struct correlate_stats *
correlate_stats(const struct correlator *c)
{
	return &c->stats;
}
