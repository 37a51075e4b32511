/*
 * literal: see literal.h.
 *
 * Walks over the tree of a pattern from left to right and keeps runs: short lists
 * of strings of which one is consumed right up to here.  Where a run ends, it is a
 * candidate, and the best candidate of all wins.  What must lie ahead or behind is
 * walked over by itself, for candidates of its own.  The syntax is read elsewhere.
 */
#include "scan/literal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "scan/literal_internal.h"
#include "util/xalloc.h"

#define STRINGS_MAX 16 /* in a run */
#define UNROLL_MAX LITERAL_MAX

/* Options that leave the syntax and the meaning of literals as they are. */
#define KNOWN_OPTIONS                                                                            \
	(PCRE2_ANCHORED | PCRE2_CASELESS | PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL | PCRE2_DUPNAMES | \
	    PCRE2_ENDANCHORED | PCRE2_EXTENDED | PCRE2_EXTENDED_MORE | PCRE2_FIRSTLINE |           \
	    PCRE2_MATCH_UNSET_BACKREF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |                \
	    PCRE2_NEVER_UCP | PCRE2_NEVER_UTF | PCRE2_NO_AUTO_CAPTURE | PCRE2_NO_AUTO_POSSESS |    \
	    PCRE2_NO_DOTSTAR_ANCHOR | PCRE2_NO_START_OPTIMIZE | PCRE2_UNGREEDY)

/* The scanner looks for 7 bytes and more at less cost, and looks closer at a line as
 * often as a literal stands in it; SCARCE is as good as never. */
#define LONG 7
#define SHORT_PENALTY 16
#define SCARCE 1e-7

struct strings {
	struct literal v[STRINGS_MAX];
	size_t n;
};

/* Three runs that end here: as long as possible, and beginning with or behind the
 * last item that could be several strings: fewer strings can be better than longer. */
enum run { RUN_ALL, RUN_WITH, RUN_BEHIND, RUNS };

struct walk {
	struct strings runs[RUNS];
	bool exact; /* RUN_ALL is all that can be consumed from the start */
	struct literals best;
	double cost;
};

static void walk_over(struct walk *w, const struct literal_node *node);

/* One string, of no bytes. */
static void
clear(struct strings *s)
{
	s->n = 1;
	s->v[0].n = 0;
}

static void
copy(struct strings *to, const struct strings *from)
{
	to->n = from->n;
	memcpy(to->v, from->v, from->n * sizeof(*from->v));
}

static bool
has(const struct strings *s, const struct literal *l)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].n == l->n && memcmp(s->v[i].text, l->text, l->n) == 0)
			return true;
	return false;
}

static bool
add(struct strings *s, const struct literal *l)
{
	if (has(s, l))
		return true;
	if (s->n == STRINGS_MAX)
		return false;
	s->v[s->n++] = *l;
	return true;
}

static bool
add_all(struct strings *s, const struct strings *more)
{
	for (size_t i = 0; i < more->n; i++)
		if (!add(s, &more->v[i]))
			return false;
	return true;
}

static bool
join(struct literal *l, const struct literal *tail)
{
	if (tail->n > LITERAL_MAX - l->n)
		return false;
	memcpy(l->text + l->n, tail->text, tail->n);
	l->n += tail->n;
	return true;
}

/* Each string of ${s} with each of ${tails} behind it; false when that is too much. */
static bool
join_all(struct strings *s, const struct strings *tails)
{
	struct strings joined = {.n = 0};

	for (size_t i = 0; i < s->n; i++) {
		for (size_t j = 0; j < tails->n; j++) {
			struct literal l = s->v[i];

			if (!join(&l, &tails->v[j]) || !add(&joined, &l))
				return false;
		}
	}
	copy(s, &joined);
	return true;
}

static bool
contains(const struct literal *l, const struct literal *part)
{
	return memmem(l->text, l->n, part->text, part->n) != NULL;
}

/* Add ${l} unless it says no more than what is there, and drop what it makes needless. */
static bool
keep(struct literals *all, const struct literal *l)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		if (contains(l, &all->v[i]))
			return true;
	for (size_t i = 0; i < all->n; i++)
		if (!contains(&all->v[i], l))
			all->v[n++] = all->v[i];
	all->n = n;
	if (n == LITERAL_ALTERNATIVES)
		return false;
	all->v[all->n++] = *l;
	return true;
}

/* Words are not made of bytes at random: what is taken for 1 in 10^12 may well be
 * 1 in 10^6.  The square root, roughly, which needs no library. */
static double
in_text(double rarity)
{
	int exponent;

	frexp(rarity, &exponent);
	return ldexp(1, exponent / 2);
}

static double
cost_of(const struct literals *l)
{
	double sum = 0;
	size_t shortest = LITERAL_MAX;

	for (size_t i = 0; i < l->n; i++) {
		sum += SCARCE + in_text(literal_rarity(&l->v[i]));
		shortest = l->v[i].n < shortest ? l->v[i].n : shortest;
	}
	return shortest < LONG ? sum * SHORT_PENALTY : sum;
}

/* One of the ${n} strings at ${v} must be there. */
static void
consider(struct walk *w, const struct literal *v, size_t n)
{
	struct literals found;
	double cost;

	found.n = 0;
	for (size_t i = 0; i < n; i++)
		if (v[i].n < LITERAL_MIN || !keep(&found, &v[i]))
			return;
	cost = cost_of(&found);
	if (n > 0 && (w->best.n == 0 || cost < w->cost)) {
		w->best.n = found.n;
		memcpy(w->best.v, found.v, found.n * sizeof(*found.v));
		w->cost = cost;
	}
}

static void
consider_runs(struct walk *w)
{
	for (int i = 0; i < RUNS; i++)
		consider(w, w->runs[i].v, w->runs[i].n);
}

/* Something unknown is consumed here. */
static void
end_runs(struct walk *w)
{
	consider_runs(w);
	for (int i = 0; i < RUNS; i++)
		clear(&w->runs[i]);
	w->exact = false;
}

/* One of ${s} is consumed here. */
static void
extend_runs(struct walk *w, const struct strings *s)
{
	if (s->n > 1)
		consider_runs(w);
	for (int i = 0; i < RUNS; i++) {
		if (join_all(&w->runs[i], s))
			continue;
		consider(w, w->runs[i].v, w->runs[i].n);
		copy(&w->runs[i], s);
		w->exact &= i != RUN_ALL;
	}
	if (s->n > 1) {
		copy(&w->runs[RUN_WITH], s);
		clear(&w->runs[RUN_BEHIND]);
	}
}

static void
extend_times(struct walk *w, const struct strings *s, uint32_t times)
{
	for (uint32_t i = 0; i < times; i++)
		extend_runs(w, s);
}

static struct walk *
walk_new(void)
{
	struct walk *w = xmalloc(sizeof(*w));

	for (int i = 0; i < RUNS; i++)
		clear(&w->runs[i]);
	w->exact = true;
	w->best.n = 0;
	return w;
}

/* A walk of its own over ${node}; to be freed. */
static struct walk *
examine(const struct literal_node *node)
{
	struct walk *w = walk_new();

	walk_over(w, node);
	consider_runs(w);
	return w;
}

static void
walk_over_bytes(struct walk *w, const struct literal_node *node)
{
	struct strings s = {.n = node->nbytes};

	for (size_t i = 0; i < node->nbytes; i++) {
		s.v[i].text[0] = (char)node->bytes[i];
		s.v[i].n = 1;
	}
	extend_runs(w, &s);
}

/* What alternatives have in common: a string of each, or a literal of each. */
struct common {
	struct strings strings;
	struct literals literals;
	bool exact, required;
};

static void
add_alternative(struct common *c, const struct literal_node *node)
{
	struct walk *w = examine(node);

	c->exact = c->exact && w->exact && add_all(&c->strings, &w->runs[RUN_ALL]);
	c->required = c->required && w->best.n > 0;
	for (size_t i = 0; i < w->best.n && c->required; i++)
		c->required = keep(&c->literals, &w->best.v[i]);
	free(w);
}

static void
walk_over_choice(struct walk *w, const struct literal_node *node)
{
	struct common *c;

	if (node->child->next == NULL) {
		walk_over(w, node->child);
		return;
	}
	c = xmalloc(sizeof(*c));
	c->strings.n = 0;
	c->literals.n = 0;
	c->exact = c->required = true;
	for (node = node->child; node != NULL; node = node->next)
		add_alternative(c, node);
	if (c->exact)
		extend_runs(w, &c->strings);
	else
		end_runs(w);
	if (c->required)
		consider(w, c->literals.v, c->literals.n);
	free(c);
}

/* The strings of ${s}, ${min} to ${max} times. */
static void
walk_over_times(struct walk *w, struct strings *s, uint32_t min, uint32_t max)
{
	uint32_t times = min < UNROLL_MAX ? min : UNROLL_MAX;

	if (max == 1 && add(s, &(struct literal){.n = 0})) {
		extend_runs(w, s);
		return;
	}
	extend_times(w, s, times);
	if (times == max)
		return;
	/* More may come between the first few and the last few. */
	end_runs(w);
	extend_times(w, s, times);
}

static void
walk_over_repeat(struct walk *w, const struct literal_node *node)
{
	struct walk *once;

	if (node->max == 0)
		return;
	if (node->min == 1 && node->max == 1) {
		walk_over(w, node->child);
		return;
	}
	once = examine(node->child);
	if (once->exact)
		walk_over_times(w, &once->runs[RUN_ALL], node->min, node->max);
	else
		end_runs(w);
	if (node->min > 0)
		consider(w, once->best.v, once->best.n);
	free(once);
}

/* Runs go on as if it were not there. */
static void
walk_over_look(struct walk *w, const struct literal_node *node)
{
	struct walk *look = examine(node->child);

	consider(w, look->best.v, look->best.n);
	free(look);
}

static void
walk_over(struct walk *w, const struct literal_node *node)
{
	switch (node->kind) {
	case LITERAL_EMPTY:
		break;
	case LITERAL_LOOK:
		walk_over_look(w, node);
		break;
	case LITERAL_BYTES:
		walk_over_bytes(w, node);
		break;
	case LITERAL_UNKNOWN:
		end_runs(w);
		break;
	case LITERAL_SEQUENCE:
		for (node = node->child; node != NULL; node = node->next)
			walk_over(w, node);
		break;
	case LITERAL_CHOICE:
		walk_over_choice(w, node);
		break;
	case LITERAL_REPEAT:
		walk_over_repeat(w, node);
		break;
	}
}

void
literal_extract(const char *pattern, size_t n, uint32_t options, struct literals *out)
{
	struct literal_tree tree;

	out->n = 0;
	if ((options & ~KNOWN_OPTIONS) != 0)
		return;
	if (literal_parse(&tree, pattern, n, options)) {
		struct walk *w = examine(tree.root);

		out->n = w->best.n;
		memcpy(out->v, w->best.v, w->best.n * sizeof(*out->v));
		free(w);
	}
	literal_tree_free(&tree);
}
