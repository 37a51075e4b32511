/*
 * silence: see silence.h.  Owns copies of all it was given.
 *
 * Silences are sorted by rule, those of all rules first, then by their first field: what an
 * event has there is looked up once for all of them.
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
	size_t field; /* of the set's */
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
	size_t nall;   /* of them, at the beginning, of all rules */
	char **fields; /* dotted names, each once */
	size_t nfields;
	int64_t from, until; /* at no other time anything is silenced */
};

/* What is asked: an event, or else a group; and what it has of the last field. */
struct asked {
	const struct incident_rule *rule;
	const struct event *event;
	struct sv key;
	int64_t time;
	size_t field; /* number + 1; 0: none yet */
	bool has, any_case;
	struct sv value;
	bool is_net;
	struct rule_net net;
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
	for (size_t i = 0; i < s->nwanted; i++)
		free(s->wanted[i].value);
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
	for (size_t i = 0; i < set->nfields; i++)
		free(set->fields[i]);
	free(set->fields);
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

static size_t
number_of(struct silence_set *set, const char *field)
{
	for (size_t i = 0; i < set->nfields; i++)
		if (strcmp(set->fields[i], field) == 0)
			return i;
	XGROW(set->fields, set->nfields);
	set->fields[set->nfields++] = xstrdup(field);
	return set->nfields - 1;
}

void
silence_add_field(struct silence_set *set, const char *field, const char *value)
{
	struct silence *s = &set->v[set->n - 1];
	struct wanted *w;

	assert(!set->sorted);
	XGROW(s->wanted, s->nwanted);
	w = &s->wanted[s->nwanted++];
	*w = (struct wanted){
	    .field = number_of(set, field), .value = xstrdup(value), .n = strlen(value)};
	w->is_net = rule_net_read(sv_str(value), &w->net); /* else it is compared as text */
}

static int
by_first_field(const struct silence *a, const struct silence *b)
{
	if (a->nwanted == 0 || b->nwanted == 0)
		return (a->nwanted > 0) - (b->nwanted > 0);
	return (a->wanted[0].field > b->wanted[0].field) -
	    (a->wanted[0].field < b->wanted[0].field);
}

static int
by_rule(const void *va, const void *vb)
{
	const struct silence *a = va, *b = vb;

	int order = (a->rule != NULL) - (b->rule != NULL);

	if (order == 0 && a->rule != NULL)
		order = strcmp(a->rule, b->rule);
	return order != 0 ? order : by_first_field(a, b);
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

/* What the event or the group has of ${field}.  Whoever silences what an incident shows writes
 * it as the key has it. */
static bool
look_up(struct asked *a, const char *field)
{
	size_t at;
	const struct rule_key *key = key_of(a->rule, field, &at);
	const struct sv *value;

	a->any_case = key != NULL && key->lower;
	if (a->event == NULL) {
		a->value = key == NULL ? a->key : group_key_value(a->key, at);
		return key != NULL;
	}
	value = event_field(a->event, field);
	if (value == NULL) {
		value = header_part(a->event->record, field);
		a->any_case = true;
	}
	if (value != NULL)
		a->value = *value;
	return value != NULL;
}

static bool
is_text(const struct wanted *w, const struct asked *a)
{
	if (a->value.n != w->n)
		return false;
	return (a->any_case ? strncasecmp(a->value.p, w->value, w->n)
	                    : memcmp(a->value.p, w->value, w->n)) == 0;
}

static bool
holds(const struct silence_set *set, const struct wanted *w, struct asked *a)
{
	if (a->field != w->field + 1) {
		a->field = w->field + 1;
		a->has = look_up(a, set->fields[w->field]);
		a->is_net = a->has && rule_net_read(a->value, &a->net);
	}
	if (!a->has)
		return false;
	return w->is_net && a->is_net ? rule_net_holds(&w->net, &a->net) : is_text(w, a);
}

static bool
covers(const struct silence_set *set, const struct silence *s, struct asked *a)
{
	if (a->time < s->from || a->time >= s->until)
		return false;
	for (size_t i = 0; i < s->nwanted; i++)
		if (!holds(set, &s->wanted[i], a))
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
find(const struct silence_set *set, struct asked *a)
{
	assert(set->sorted);
	if (a->time < set->from || a->time >= set->until)
		return NULL;
	for (size_t i = 0; i < set->nall; i++)
		if (covers(set, &set->v[i], a))
			return &set->v[i];
	for (size_t i = first_of(set, a->rule->id);
	     i < set->n && strcmp(set->v[i].rule, a->rule->id) == 0; i++)
		if (covers(set, &set->v[i], a))
			return &set->v[i];
	return NULL;
}

bool
silence_covers(
    const struct silence_set *set, const struct incident_rule *rule, const struct event *e)
{
	return find(set, &(struct asked){.rule = rule, .event = e, .time = e->record->time}) !=
	    NULL;
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
