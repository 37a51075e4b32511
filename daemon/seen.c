/*
 * seen: see seen.h.  The names of programs are whatever a log says: bounded, and shown
 * with care by who prints them.
 */
#include "seen.h"

#include <stdlib.h>

#include "control/control.h"
#include "model/event.h"
#include "rule/ruleset.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define PROGRAMS_MOST 200
#define NAME_MOST 64

struct hits {
	uint64_t events;
	int64_t last; /* event time of the latest to come, ms */
};

struct seen {
	struct ruleset *rules;
	struct hits *hits; /* of each event rule */
	char *programs[PROGRAMS_MOST];
	size_t nprograms;
};

struct seen *
seen_new(void)
{
	return xcalloc(1, sizeof(struct seen));
}

void
seen_free(struct seen **sp)
{
	struct seen *s = *sp;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->nprograms; i++)
		free(s->programs[i]);
	free(s->hits);
	ruleset_unref(&s->rules);
	free(s);
	*sp = NULL;
}

void
seen_set_rules(struct seen *s, struct ruleset *rules)
{
	struct hits *hits = xcalloc(ruleset_nevents(rules) + 1, sizeof(*hits));
	size_t n = s->rules == NULL ? 0 : ruleset_nevents(s->rules);

	for (size_t i = 0; i < n; i++) {
		const struct event_rule *same =
		    ruleset_find_event(rules, ruleset_event(s->rules, i)->id);

		if (same != NULL)
			hits[same->index] = s->hits[i];
	}
	free(s->hits);
	s->hits = hits;
	ruleset_unref(&s->rules);
	s->rules = ruleset_ref(rules);
}

void
seen_event(struct seen *s, const struct event *e)
{
	struct hits *h = &s->hits[e->rule->index];

	if (h->events++ == 0)
		seen_program(s, e->record->program);
	h->last = e->record->time;
}

void
seen_program(struct seen *s, struct sv program)
{
	if (program.n == 0 || program.n > NAME_MOST)
		return;
	for (size_t i = 0; i < s->nprograms; i++)
		if (sv_is(program, s->programs[i]))
			return;
	if (s->nprograms < PROGRAMS_MOST)
		s->programs[s->nprograms++] = xstrndup(program.p, program.n);
}

/* ---- for people ------------------------------------------------------------ */

static json_t *
hits_json(const struct hits *h)
{
	struct buf last = BUF_INIT;
	json_t *value;

	clock_format(&last, h->last);
	value = json_pack("{s:I, s:s}", "events", (json_int_t)h->events, "last", buf_str(&last));
	buf_free(&last);
	return value;
}

json_t *
seen_json(const struct seen *s)
{
	json_t *programs = json_array(), *rules = json_object();

	for (size_t i = 0; i < s->nprograms; i++)
		json_array_append_new(programs, control_visible(sv_str(s->programs[i])));
	for (size_t i = 0; i < ruleset_nevents(s->rules); i++)
		if (s->hits[i].events > 0)
			json_object_set_new(
			    rules, ruleset_event(s->rules, i)->id, hits_json(&s->hits[i]));
	return json_pack("{s:o, s:o}", "programs", programs, "rules", rules);
}
