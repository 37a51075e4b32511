/*
 * eval_tally: see eval_tally.h.  The rules of counting:
 *
 *  - a line labelled true is found when there is an event on it, a line labelled
 *    false with an event is a false alarm; grey lines are neither, weak ones are
 *    counted apart;
 *  - of auditd's records the event is on each of the lines, and no false alarm when
 *    any of them is labelled true;
 *  - where a host is expected and there is an event, also on a grey line, the host is
 *    right when an event gives it.  Where it is only known which address is in the
 *    line, an event that gives none is not counted.
 */
#include "eval/eval_tally.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "eval/eval_labels.h"
#include "eval/eval_truth.h"
#include "util/xalloc.h"

static bool
host_counts(const struct eval_label *label)
{
	return label->host != NULL && label->events > 0 && (label->match || label->grey) &&
	    (!label->only || label->addresses != NULL);
}

enum eval_result
eval_tally_line(struct eval_tally *t, const struct eval_label *label)
{
	struct eval_lines *c = label->weak ? &t->weak : &t->named;
	bool found = label->events > 0, alarm = found && !label->excused;
	enum eval_result result = EVAL_FINE;

	if (host_counts(label)) {
		c->hosts++;
		c->right += label->right;
		if (!label->right)
			result = EVAL_HOST;
	}
	if (label->grey)
		return result;
	if (label->match) {
		c->truths++;
		c->found += found;
		return found ? result : EVAL_MISSED;
	}
	c->falses++;
	c->alarms += alarm;
	return alarm ? EVAL_FALSE : result;
}

void
eval_tally_incidents(struct eval_tally *t, const struct eval_verdict *v)
{
	t->tests++;
	t->passed += v->located == v->wanted && v->blamed == 0;
	t->wanted += v->wanted;
	t->located += v->located;
	t->blamed += v->blamed;
	t->welcome += v->welcome;
	t->welcomed += v->welcomed;
}

static void
add_lines(struct eval_lines *to, const struct eval_lines *c)
{
	to->truths += c->truths;
	to->found += c->found;
	to->falses += c->falses;
	to->alarms += c->alarms;
	to->hosts += c->hosts;
	to->right += c->right;
}

void
eval_tally_add(struct eval_tally *to, const struct eval_tally *t)
{
	add_lines(&to->named, &t->named);
	add_lines(&to->weak, &t->weak);
	to->tests += t->tests;
	to->passed += t->passed;
	to->wanted += t->wanted;
	to->located += t->located;
	to->blamed += t->blamed;
	to->welcome += t->welcome;
	to->welcomed += t->welcomed;
	to->opened += t->opened;
}

/* ---- groups ---------------------------------------------------------------- */

struct eval_tally *
eval_groups_get(struct eval_groups *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->v[i].name, name) == 0)
			return &g->v[i].tally;
	XGROW(g->v, g->n);
	g->v[g->n] = (struct eval_group){.name = xstrdup(name)};
	return &g->v[g->n++].tally;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct eval_group *)a)->name, ((const struct eval_group *)b)->name);
}

void
eval_groups_sort(struct eval_groups *g)
{
	if (g->n > 0)
		qsort(g->v, g->n, sizeof(*g->v), by_name);
}

void
eval_groups_free(struct eval_groups *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->v[i].name);
	free(g->v);
	*g = (struct eval_groups){.n = 0};
}
