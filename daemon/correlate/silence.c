/*
 * silence: see silence.h.  Owns copies of all it was given.
 *
 * Silences are sorted by rule, those of all rules first: of most events a time or two is all
 * that is compared.
 */
#include "correlate/silence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/group_key.h"
#include "model/event.h"
#include "rule/rule_list.h"
#include "rule/ruleset.h"
#include "util/xalloc.h"

struct wanted {
	char *field; /* dotted */
	char *value;
	size_t n; /* bytes of it */
	bool is_net;
	struct rule_net net; /* an address, too */
};

struct silence {
	char *rule; /* NULL: all */
	int64_t from, until;
	struct wanted *wanted; /* all of these */
	size_t nwanted;
};

struct silence_set {
	unsigned refs;
	bool sorted;
	struct silence *v;
	size_t n;
	size_t nall; /* of them, at the beginning, of all rules */
	int64_t from, until; /* at no other time anything is silenced */
};

/* What is asked: an event, or else a group. */
struct asked {
	const struct incident_rule *rule;
	const struct event *event;
	struct sv key;
	int64_t time;
};

struct silence_set *
silence_new(void)
{
	struct silence_set *set = xcalloc(1, sizeof(*set));

	set->refs = 1;
	set->from = INT64_MAX;
	set->until = INT64_MIN;
	return set;
}

struct silence_set *
silence_ref(struct silence_set *set)
{
	if (set != NULL)
		set->refs++;
	return set;
}

static void
clear(struct silence *s)
{
	for (size_t i = 0; i < s->nwanted; i++) {
		free(s->wanted[i].field);
		free(s->wanted[i].value);
	}
	free(s->wanted);
	free(s->rule);
}

void
silence_unref(struct silence_set **sp)
{
	struct silence_set *set = *sp;

	*sp = NULL;
	if (set == NULL || --set->refs > 0)
		return;
	for (size_t i = 0; i < set->n; i++)
		clear(&set->v[i]);
	free(set->v);
	free(set);
}

/* ---- making ----------------------------------------------------------------------- */

void
silence_add(struct silence_set *set, const char *rule, int64_t from, int64_t until)
{
	assert(!set->sorted);
	XGROW(set->v, set->n);
	set->v[set->n++] = (struct silence){
	    .rule = rule == NULL ? NULL : xstrdup(rule), .from = from, .until = until};
	set->from = from < set->from ? from : set->from;
	set->until = until > set->until ? until : set->until;
}

void
silence_add_field(struct silence_set *set, const char *field, const char *value)
{
	struct silence *s = &set->v[set->n - 1];
	struct buf why = BUF_INIT; /* what is no network is compared as text */
	struct wanted *w;

	assert(!set->sorted);
	XGROW(s->wanted, s->nwanted);
	w = &s->wanted[s->nwanted++];
	*w = (struct wanted){
	    .field = xstrdup(field), .value = xstrdup(value), .n = strlen(value)};
	w->is_net = rule_net_parse(sv_str(value), &w->net, &why);
	buf_free(&why);
}

static int
by_rule(const void *va, const void *vb)
{
	const struct silence *a = va, *b = vb;

	if (a->rule == NULL || b->rule == NULL)
		return (a->rule != NULL) - (b->rule != NULL);
	return strcmp(a->rule, b->rule);
}

void
silence_sort(struct silence_set *set)
{
	if (set->n > 0)
		qsort(set->v, set->n, sizeof(*set->v), by_rule);
	while (set->nall < set->n && set->v[set->nall].rule == NULL)
		set->nall++;
	set->sorted = true;
}

/* ---- asking ----------------------------------------------------------------------- */

/* What the key of the rule is made of, if ${field} is part of it. */
static const struct rule_key *
key_of(const struct incident_rule *rule, const char *field, size_t *at)
{
	for (*at = 0; *at < rule->nby; ++*at)
		if (strcmp(rule->by[*at].field, field) == 0)
			return &rule->by[*at];
	return NULL;
}

static const struct sv *
header_part(const struct record *record, const char *field)
{
	const struct sv *part = strcmp(field, "host.name") == 0 ? &record->host
	    : strcmp(field, "process.name") == 0                ? &record->program
	                                                        : NULL;

	return part != NULL && part->n > 0 ? part : NULL;
}

/* Whoever silences what an incident shows writes it as the key has it. */
static bool
is_wanted(const struct wanted *w, struct sv value, bool any_case)
{
	if (w->is_net && rule_net_holds(&w->net, value))
		return true;
	return value.n == w->n &&
	    (any_case ? strncasecmp(value.p, w->value, w->n) : memcmp(value.p, w->value, w->n)) == 0;
}

static bool
holds(const struct wanted *w, const struct asked *a)
{
	const struct sv *value;
	size_t at;
	const struct rule_key *key = key_of(a->rule, w->field, &at);
	bool any_case = key != NULL && key->lower;

	if (a->event == NULL)
		return key != NULL && is_wanted(w, group_key_value(a->key, at), any_case);
	value = event_field(a->event, w->field);
	if (value != NULL)
		return is_wanted(w, *value, any_case);
	value = header_part(a->event->record, w->field);
	return value != NULL && is_wanted(w, *value, true);
}

static bool
covers(const struct silence *s, const struct asked *a)
{
	if (a->time < s->from || a->time >= s->until)
		return false;
	for (size_t i = 0; i < s->nwanted; i++)
		if (!holds(&s->wanted[i], a))
			return false;
	return true;
}

/* The first silence of that rule alone. */
static size_t
first_of(const struct silence_set *set, const char *rule)
{
	size_t low = set->nall, high = set->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(set->v[mid].rule, rule) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* One that covers what is asked, or NULL. */
static const struct silence *
find(const struct silence_set *set, const struct asked *a)
{
	assert(set->sorted);
	if (a->time < set->from || a->time >= set->until)
		return NULL;
	for (size_t i = 0; i < set->nall; i++)
		if (covers(&set->v[i], a))
			return &set->v[i];
	for (size_t i = first_of(set, a->rule->id);
	     i < set->n && strcmp(set->v[i].rule, a->rule->id) == 0; i++)
		if (covers(&set->v[i], a))
			return &set->v[i];
	return NULL;
}

bool
silence_covers(
    const struct silence_set *set, const struct incident_rule *rule, const struct event *e)
{
	return find(set, &(struct asked){.rule = rule, .event = e, .time = e->record->time}) != NULL;
}

int64_t
silence_over(
    const struct silence_set *set, const struct incident_rule *rule, struct sv key, int64_t t)
{
	struct asked asked = {.rule = rule, .key = key, .time = t};
	const struct silence *s;

	while ((s = find(set, &asked)) != NULL)
		asked.time = s->until;
	return asked.time;
}
