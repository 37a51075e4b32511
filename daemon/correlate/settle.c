/*
 * settle: see settle.h.  Runs through the points of an entry and keeps the books:
 * which events and which lines belong to which incident.
 */
#include "correlate/settle.h"

#include <assert.h>
#include <stdlib.h>

#include "correlate/silence.h"
#include "util/xalloc.h"

#define LOOK_AGAIN 60000 /* ms: a silence may be ended before its time */

void
settle_free(struct settled *s)
{
	buf_free(&s->group);
	free(s->incidents);
	group_free(&s->scratch);
	*s = (struct settled){0};
}

/* The incident that the group has now, as one of this settlement's. */
static struct settled_incident *
current(struct settled *s, const struct group *g)
{
	struct settled_incident *inc;

	if (s->nincidents > 0) {
		inc = &s->incidents[s->nincidents - 1];
		if (inc->opened ? g->incident.number == GROUP_NEW : inc->number == g->incident.number)
			return inc;
	}
	XGROW(s->incidents, s->nincidents);
	inc = &s->incidents[s->nincidents++];
	*inc = (struct settled_incident){.opened = g->incident.number == GROUP_NEW,
	    .number = g->incident.number};
	return inc;
}

static void
opened(struct settled *s, struct group *g, int64_t at)
{
	struct settled_incident *inc;

	XGROW(s->incidents, s->nincidents);
	inc = &s->incidents[s->nincidents++];
	*inc = (struct settled_incident){.opened = true, .at = at};
	/* Lines of events that are now in it.  Redis adds those of earlier batches. */
	for (size_t i = 0; i < s->npending; i++)
		if (s->pending[i]->time >= g->incident.first && s->pending[i]->time <= g->incident.last)
			inc->samples[inc->nsamples++] = s->pending[i];
	s->npending = 0;
	s->promoted += (uint64_t)g->incident.count;
}

/* Does a storm leave it at the lines that the group's incident has? */
static bool
is_enough(const struct settled *s, const struct group *g)
{
	const struct settled_incident *inc =
	    s->nincidents > 0 ? &s->incidents[s->nincidents - 1] : NULL;

	return s->storm && g->incident.samples + (inc == NULL ? 0 : inc->nsamples) > 0;
}

static void
add_sample(struct settled *s, struct group *g, const struct batch_sample *sample, bool joined)
{
	struct settled_incident *inc;

	if (!joined) {
		if (s->npending < BATCH_SAMPLES)
			s->pending[s->npending++] = sample;
		return;
	}
	if (is_enough(s, g))
		return;
	inc = current(s, g);
	if (inc->nsamples < BATCH_SAMPLES && g->incident.samples + inc->nsamples < BATCH_SAMPLES)
		inc->samples[inc->nsamples++] = sample;
}

static void
set_numbers(struct settled_incident *inc, const struct group_incident *from)
{
	inc->count = from->count;
	inc->first = from->first;
	inc->last = from->last;
}

/* The group's incident has more events. */
static void
update(struct settled *s, struct group *g)
{
	if (group_grown(g))
		current(s, g)->grown = true;
	if (g->incident.number == GROUP_NEW)
		set_numbers(current(s, g), &g->incident);
}

/* The incident that the group had, before an event that may leave it. */
static void
leave(struct settled *s, const struct group *g, const struct group_incident *had)
{
	struct group with = *g;

	if (had->number <= 0 || g->incident.number == had->number)
		return;
	with.incident = *had;
	set_numbers(current(s, &with), had);
}

/* One that was opened just now is told of twice: it opened, and it is over. */
static void
over(struct settled *s, const struct group *g, int64_t at)
{
	struct settled_incident *inc = current(s, g);

	set_numbers(inc, &g->incident);
	if (inc->opened) {
		XGROW(s->incidents, s->nincidents);
		inc = &s->incidents[s->nincidents++];
		*inc = (struct settled_incident){.number = 0};
		set_numbers(inc, &g->incident);
	}
	inc->calm = true;
	inc->at = at;
}

static void
note(struct settled *s, struct group *g, enum group_fate fate, int64_t at)
{
	switch (fate) {
	case GROUP_OPENED:
		opened(s, g, at);
		update(s, g);
		break;
	case GROUP_FOLDED:
		s->folded++;
		update(s, g);
		break;
	case GROUP_CALM:
		over(s, g, at);
		group_leave(g);
		break;
	case GROUP_KNOWN:
		s->known++;
		break;
	case GROUP_BELOW:
	case GROUP_NOTHING:
		break;
	}
}

/* When time alone changes the group.  That nothing comes is not told in a silence, but after
 * it, if then still nothing has come. */
static int64_t
due(const struct settled *s, const struct group *g)
{
	int64_t t = group_due(g);

	if (s->silences == NULL || t == INT64_MAX || g->rule->condition.kind != CONDITION_ABSENT)
		return t;
	return silence_over(s->silences, g->rule, s->key, t);
}

/* Time passes up to ${t}. */
static void
pass_to(struct settled *s, struct group *g, int64_t t)
{
	uint64_t promoted = s->promoted, folded = s->folded;
	int64_t at;

	while ((at = due(s, g)) <= t) {
		struct group_incident had = g->incident;
		enum group_fate fate =
		    group_apply(g, &(struct group_event){.time = at, .timer = true});

		if (fate == GROUP_NOTHING)
			break;
		leave(s, g, &had);
		note(s, g, fate, at);
		/* An incident about silence is of no event. */
		s->promoted = promoted;
		s->folded = folded;
	}
}

/* The sample of point ${i}, its first event, if it has one. */
static const struct batch_sample *
sample_of(const struct batch_entry *e, size_t i, size_t *next)
{
	if (*next >= e->nsamples || e->samples[*next].point != i)
		return NULL;
	return &e->samples[(*next)++];
}

static void
apply_point(struct settled *s, struct group *g, const struct batch_entry *e, size_t i, size_t *next)
{
	const struct batch_point *p = &e->points[i];
	struct group_event event = batch_point_event(p);
	const struct batch_sample *sample = sample_of(e, i, next);
	bool folds = group_kind_folds(e->rule->condition.kind);

	pass_to(s, g, p->time);
	if (p->timer) {
		if (due(s, g) == group_due(g)) /* else it is put off */
			group_apply(g, &event); /* nothing is due any more; but it may begin */
		s->looked = p->time;
		s->was_due = INT64_MIN; /* who keeps the time must learn that it is over */
		return;
	}
	s->counted += p->n;
	for (uint32_t k = 0; k < p->n; k++) {
		bool before = g->incident.number != 0;
		struct group_incident had = g->incident;
		enum group_fate fate;

		if (sample != NULL && !before)
			add_sample(s, g, sample, false);
		fate = group_apply(g, &event);
		leave(s, g, &had);
		note(s, g, fate, p->time);
		if (sample != NULL && before && fate != GROUP_KNOWN)
			add_sample(s, g, sample, fate != GROUP_BELOW);
		sample = sample_of(e, i, next);
		if (fate == GROUP_FOLDED && folds && sample == NULL && k + 1 < p->n) {
			uint32_t left = p->n - k - 1;

			group_join(g, (int64_t)left, p->time, p->time);
			s->folded += left;
			update(s, g);
			break;
		}
	}
}

static void
apply_entry(struct settled *s, struct group *g, const struct batch_entry *e)
{
	size_t next = 0;
	const struct batch_sample *sample;

	for (size_t i = 0; i < e->npoints; i++)
		apply_point(s, g, e, i, &next);
	if (e->rest == 0)
		return;
	assert(g->incident.number != 0); /* the points alone satisfy the rule */
	group_join(g, (int64_t)e->rest, e->rest_first, e->rest_last);
	s->counted += e->rest;
	s->folded += e->rest;
	update(s, g);
	while ((sample = sample_of(e, e->npoints, &next)) != NULL)
		add_sample(s, g, sample, true);
}

/* When to look at it: what is put off again and again, not each time that somebody looks. */
static int64_t
look_at(const struct settled *s, const struct group *g)
{
	int64_t t = due(s, g), again;

	if (group_due(g) > s->looked)
		return group_due(g);
	again = s->looked + LOOK_AGAIN;
	return t < again ? t : again;
}

/* How many lines the incidents have by now. */
static void
count_samples(struct settled *s, struct group *g)
{
	if (s->nincidents == 0 || g->incident.number == 0)
		return;
	g->incident.samples += (unsigned)s->incidents[s->nincidents - 1].nsamples;
	set_numbers(&s->incidents[s->nincidents - 1], &g->incident);
}

void
settle_entry(const struct batch *b, const struct batch_entry *e, struct sv bytes, int64_t touched,
    struct settled *s)
{
	struct group *g = &s->scratch;

	g->rule = e->rule;
	group_clear(g);
	if (bytes.n > 0)
		group_decode(g, bytes);
	s->version = g->version;
	s->storm = batch_is_storm(b);
	s->silences = b->silences;
	s->key = e->key;
	s->looked = INT64_MIN;
	s->was_due = group_due(g);
	s->nincidents = s->npending = 0;
	s->counted = s->promoted = s->folded = s->known = 0;
	for (;;) {
		apply_entry(s, g, e);
		if (e->next == 0)
			break;
		e = &b->entries[e->next];
	}
	count_samples(s, g);
	if (s->storm)
		s->npending = 0; /* they would only drive out one another */
	s->due = look_at(s, g);
	s->group.n = 0;
	group_encode(g, s->version + 1, touched, &s->group);
}
