/*
 * suggest: see suggest.h.
 */
#include "conf/suggest.h"

#define WORD_MAX 40 /* longer words are not typing errors */

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many characters must be inserted, left out, replaced or swapped with
 * their neighbour to get from ${a} to ${b} (optimal string alignment). */
static size_t
distance(struct sv a, struct sv b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2], *spare;

	for (size_t j = 0; j <= b.n; j++)
		above[j] = before[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t cost = a.p[i - 1] != b.p[j - 1];

			row[j] = least(above[j - 1] + cost, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[b.n];
}

const char *
conf_suggest(struct sv word, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t best_distance = word.n / 3 + 2; /* one more than is taken for a slip */

	if (word.n > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct sv name = sv_str(names[i]);
		size_t d = name.n > WORD_MAX ? best_distance : distance(word, name);

		if (d < best_distance && d < name.n) {
			best = names[i];
			best_distance = d;
		}
	}
	return best;
}
