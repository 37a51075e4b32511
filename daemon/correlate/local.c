/*
 * local: see local.h.  Owns the incidents; the groups are local_groups.c's.
 */
#include "correlate/local.h"

#include <stdlib.h>
#include <string.h>

#include "correlate/correlate.h"
#include "correlate/group_key.h"
#include "correlate/local_groups.h"
#include "correlate/settle.h"
#include "util/xalloc.h"

struct local {
	struct ruleset *rules;
	struct local_groups groups;
	struct local_incident *incidents;
	size_t nincidents;
	struct arena arena; /* of incidents' strings */
	uint64_t (*counts)[LOCAL_FATES]; /* by rule */
	int64_t earliest, latest;
	bool expected; /* the keys from which absent rules expect events are known */
	struct settled settled; /* scratch */
	struct buf text;        /* scratch */
};

static const char *const fates[] = LOCAL_FATE_NAMES;

struct local *
local_new(struct ruleset *rules)
{
	struct local *l = xcalloc(1, sizeof(*l));

	l->rules = ruleset_ref(rules);
	l->groups.key = hash_key_random();
	l->counts = xcalloc(ruleset_nincidents(rules) + 1, sizeof(*l->counts));
	l->latest = INT64_MIN;
	l->earliest = INT64_MAX;
	return l;
}

void
local_free(struct local **lp)
{
	struct local *l = *lp;

	if (l == NULL)
		return;
	local_groups_free(&l->groups);
	for (size_t i = 0; i < l->nincidents; i++)
		free(l->incidents[i].samples);
	free(l->incidents);
	arena_free(&l->arena);
	free(l->counts);
	settle_free(&l->settled);
	buf_free(&l->text);
	ruleset_unref(&l->rules);
	free(l);
	*lp = NULL;
}

/* ---- incidents ------------------------------------------------------------------ */

static const char *
keep_text(struct local *l)
{
	return arena_copy(&l->arena, buf_str(&l->text), l->text.n + 1);
}

static void
add_sample(struct local *l, struct local_incident *inc, const char *json)
{
	if (inc->nsamples == LOCAL_SAMPLES)
		return;
	if (inc->samples == NULL)
		inc->samples = xcalloc(LOCAL_SAMPLES, sizeof(*inc->samples));
	inc->samples[inc->nsamples++] = arena_copy(&l->arena, json, strlen(json) + 1);
}

/* Lines that waited for it are its own, if their events are. */
static void
take_lines(struct local *l, struct local_group *group, struct local_incident *inc)
{
	for (size_t i = 0; i < group->nlines; i++)
		if (group->lines[i].time >= inc->first && group->lines[i].time <= inc->last)
			add_sample(l, inc, group->lines[i].json);
	local_groups_drop_lines(group);
}

static struct local_incident *
open_incident(struct local *l, const struct local_group *group, const struct settled_incident *from)
{
	struct local_incident *inc;

	XGROW(l->incidents, l->nincidents);
	inc = &l->incidents[l->nincidents++];
	*inc = (struct local_incident){.number = (int64_t)l->nincidents,
	    .rule = group->rule,
	    .group = group->key,
	    .opened = from->at};
	l->text.n = 0;
	group_key_title(group->rule, group->key, &l->text);
	inc->title = keep_text(l);
	l->text.n = 0;
	group_key_json(group->rule, group->key, &l->text);
	inc->key = keep_text(l);
	return inc;
}

static void
write_incident(
    struct local *l, struct local_group *group, const struct settled_incident *from)
{
	struct local_incident *inc;

	if (from->opened)
		inc = open_incident(l, group, from);
	else if (from->number == 0 && l->nincidents > 0)
		inc = &l->incidents[l->nincidents - 1];
	else if (from->number >= 1 && (size_t)from->number <= l->nincidents)
		inc = &l->incidents[from->number - 1];
	else
		return;
	inc->count = from->count;
	inc->first = from->first;
	inc->last = from->last;
	inc->over = inc->over || from->calm;
	if (from->opened)
		take_lines(l, group, inc);
	for (size_t i = 0; i < from->nsamples; i++)
		add_sample(l, inc, from->samples[i]->json);
}

/* ---- a batch -------------------------------------------------------------------- */

static void
count_up(struct local *l, const struct incident_rule *rule)
{
	uint64_t *counts = l->counts[rule->index];

	counts[LOCAL_COUNTED] += l->settled.counted;
	counts[LOCAL_PROMOTED] += l->settled.promoted;
	counts[LOCAL_FOLDED] += l->settled.folded;
	counts[LOCAL_KNOWN] += l->settled.known;
}

/* The numbers of an incident that events only joined are those of its group. */
static void
join_incident(struct local *l, const struct group_incident *has)
{
	struct local_incident *inc;

	if (has->number < 1 || (size_t)has->number > l->nincidents)
		return;
	inc = &l->incidents[has->number - 1];
	inc->count = has->count;
	inc->first = has->first;
	inc->last = has->last;
}

static void
store(struct local *l, struct correlator *c, struct local_group *group, uint64_t hash)
{
	struct settled *s = &l->settled;

	if (s->scratch.incident.number == GROUP_NEW)
		group_set_number(s->group.p, (int64_t)l->nincidents);
	local_groups_set(group, buf_view(&s->group));
	group->due = s->due;
	for (size_t i = 0; i < s->npending; i++)
		local_groups_keep(&l->groups, group, s->pending[i]);
	/* So that it keeps no more lines than are needed. */
	group_cache_put(
	    correlator_cache(c), hash, group->rule, group->key, buf_view(&s->group));
}

static void
settle(struct local *l, struct correlator *c, const struct batch *b, const struct batch_entry *e)
{
	struct local_group *group = local_groups_get(&l->groups, e->rule, e->key);

	settle_entry(b, e, (struct sv){group->bytes, group->n}, 0, &l->settled);
	for (size_t i = 0; i < l->settled.nincidents; i++)
		write_incident(l, group, &l->settled.incidents[i]);
	join_incident(l, &l->settled.scratch.incident);
	count_up(l, e->rule);
	store(l, c, group, e->hash.a);
	if (!l->settled.scratch.begun)
		return;
	if (l->settled.scratch.last > l->latest)
		l->latest = l->settled.scratch.last;
	if (l->settled.scratch.since < l->earliest)
		l->earliest = l->settled.scratch.since;
}

static void
count_uncounted(struct local *l, const struct batch_uncounted *u)
{
	for (size_t i = 0; i < ruleset_nincidents(l->rules); i++) {
		if (strcmp(ruleset_incident(l->rules, i)->id, u->rule) != 0)
			continue;
		for (size_t k = 0; fates[k] != NULL; k++)
			if (strcmp(fates[k], u->why) == 0)
				l->counts[i][k] += u->n;
	}
}

/* An incident that was opened is an event for rules that count incidents. */
static void
relay(struct local *l, struct correlator *c, const struct local_incident *inc)
{
	struct field key[EVENT_FIELDS_MAX];
	size_t n = 0;

	if (inc->rule->nincidents == 0)
		return;
	for (; n < inc->rule->nby && n < EVENT_FIELDS_MAX; n++)
		key[n] = (struct field){inc->rule->by[n].field, group_key_value(inc->group, n)};
	l->text.n = 0;
	buf_printf(&l->text, "INC-%lld", (long long)inc->number);
	correlate_incident(c, l->rules, inc->rule, 0, inc->opened, key, n, buf_view(&l->text));
}

static int
by_opened(const void *a, const void *b)
{
	const struct local_incident *const *x = a, *const *y = b;

	if ((*x)->opened != (*y)->opened)
		return (*x)->opened < (*y)->opened ? -1 : 1;
	return ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

/* The incidents from ${from} on, in order of time, however their batch was. */
static void
relay_all(struct local *l, struct correlator *c, size_t from)
{
	size_t n = l->nincidents - from;
	const struct local_incident **v = xcalloc(n + 1, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = &l->incidents[from + i];
	qsort(v, n, sizeof(*v), by_opened);
	for (size_t i = 0; i < n; i++)
		relay(l, c, v[i]);
	free(v);
}

static void
take_batch(struct local *l, struct correlator *c)
{
	struct batch *b = correlate_take(c);
	size_t before = l->nincidents;

	for (size_t i = 0; i < b->nrules; i++) {
		size_t at = b->rules[i].first;

		for (size_t k = 0; k < b->rules[i].n; k++) {
			settle(l, c, b, &b->entries[at]);
			at = b->entries[at].sibling;
		}
	}
	for (size_t i = 0; i < b->nuncounted; i++)
		count_uncounted(l, &b->uncounted[i]);
	batch_free(&b);
	relay_all(l, c, before);
}

void
local_commit(struct local *l, struct correlator *c)
{
	while (correlate_pending(c, false))
		take_batch(l, c);
}

/* ---- time ----------------------------------------------------------------------- */

static int
by_due(const void *a, const void *b)
{
	const struct local_group *const *x = a, *const *y = b;

	return ((*x)->due > (*y)->due) - ((*x)->due < (*y)->due);
}

static void
fire(struct local *l, struct correlator *c, int64_t now)
{
	struct local_group **due = NULL;
	size_t n = 0;

	for (size_t i = 0; i < l->groups.n; i++) {
		if (l->groups.v[i]->due > now)
			continue;
		XGROW(due, n);
		due[n++] = l->groups.v[i];
	}
	if (n > 0)
		qsort(due, n, sizeof(*due), by_due);
	for (size_t i = 0; i < n; i++)
		correlate_timer(c, l->rules, due[i]->rule, due[i]->key, now);
	free(due);
}

/* The run begins with its first event. */
static void
expect_all(struct local *l, struct correlator *c, int64_t now)
{
	if (l->earliest < now)
		now = l->earliest;
	for (size_t i = 0; i < ruleset_nincidents(l->rules); i++)
		correlate_expect(c, l->rules, ruleset_incident(l->rules, i), now);
	l->expected = true;
}

void
local_pass(struct local *l, struct correlator *c, int64_t now)
{
	size_t before;

	local_commit(l, c);
	if (!l->expected)
		expect_all(l, c, now);
	local_commit(l, c);
	do { /* again, for rules about the incidents that this opens */
		before = l->nincidents;
		fire(l, c, now);
		local_commit(l, c);
	} while (l->nincidents > before);
}

int64_t
local_latest(const struct local *l)
{
	return l->latest;
}

/* ---- the outcome ---------------------------------------------------------------- */

size_t
local_nincidents(const struct local *l)
{
	return l->nincidents;
}

const struct local_incident *
local_incident(const struct local *l, size_t i)
{
	return &l->incidents[i];
}

uint64_t
local_count(const struct local *l, const struct incident_rule *rule, enum local_fate fate)
{
	const uint64_t *n = l->counts[rule->index];

	if (fate != LOCAL_BELOW)
		return n[fate];
	return n[LOCAL_COUNTED] - n[LOCAL_PROMOTED] - n[LOCAL_FOLDED] - n[LOCAL_KNOWN];
}
