/*
 * match_index: see match_index.h.
 *
 * Open addressing over the program names that rules mention.  Names from lines
 * are only looked up, so nobody outside can make the chains longer.
 */
#include "match/match_index.h"

#include <stdint.h>
#include <stdlib.h>

#include "util/xalloc.h"

struct slot {
	struct sv program; /* {NULL, 0}: free */
	size_t *rules;
	size_t n;
};

struct match_index {
	struct slot *slots;
	size_t nslots; /* a power of two, more than half of them free */
	size_t *open;
	size_t nopen;
};

/* FNV-1a. */
static uint64_t
hash(struct sv s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return h;
}

/* The slot of ${program}, or the free one where it would be. */
static struct slot *
find(const struct match_index *x, struct sv program)
{
	size_t i = (size_t)hash(program) & (x->nslots - 1);

	while (x->slots[i].program.p != NULL && !sv_eq(x->slots[i].program, program))
		i = (i + 1) & (x->nslots - 1);
	return &x->slots[i];
}

static void
add(struct match_index *x, const char *program, size_t rule)
{
	struct slot *s = find(x, sv_str(program));

	s->program = sv_str(program);
	if (s->n > 0 && s->rules[s->n - 1] == rule)
		return;
	XGROW(s->rules, s->n);
	s->rules[s->n++] = rule;
}

static void
add_rule(struct match_index *x, const struct event_rule *rule)
{
	const struct rule_strings *programs = &rule->body->programs;

	if (rule->body->builtin)
		return;
	for (size_t i = 0; i < programs->n; i++)
		add(x, programs->v[i], rule->index);
	if (programs->n == 0) {
		XGROW(x->open, x->nopen);
		x->open[x->nopen++] = rule->index;
	}
}

struct match_index *
match_index_new(const struct ruleset *rules)
{
	struct match_index *x = xcalloc(1, sizeof(*x));
	size_t names = 0;

	for (size_t i = 0; i < ruleset_nevents(rules); i++)
		names += ruleset_event(rules, i)->body->programs.n;
	for (x->nslots = 16; x->nslots < 2 * names;)
		x->nslots *= 2;
	x->slots = xcalloc(x->nslots, sizeof(*x->slots));
	for (size_t i = 0; i < ruleset_nevents(rules); i++)
		add_rule(x, ruleset_event(rules, i));
	return x;
}

void
match_index_free(struct match_index **xp)
{
	struct match_index *x = *xp;

	*xp = NULL;
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->nslots; i++)
		free(x->slots[i].rules);
	free(x->slots);
	free(x->open);
	free(x);
}

struct match_candidates
match_index_find(const struct match_index *x, struct sv program)
{
	const struct slot *s = find(x, program);

	return (struct match_candidates){s->rules, s->n, x->open, x->nopen};
}

bool
match_candidates_next(struct match_candidates *c, size_t *index)
{
	if (c->nnamed > 0 && (c->nopen == 0 || c->named[0] < c->open[0])) {
		*index = *c->named++;
		c->nnamed--;
		return true;
	}
	if (c->nopen == 0)
		return false;
	*index = *c->open++;
	c->nopen--;
	return true;
}
