/*
 * rule_load: looking things up among the definitions of a load.
 */
#include <stdlib.h>
#include <string.h>

#include "rule/rule_internal.h"
#include "util/xalloc.h"

#define ID_MAX_BYTES 64

struct rule_def *
rule_defs_find(const struct rule_defs *defs, const char *id)
{
	for (size_t i = 0; i < defs->n; i++)
		if (strcmp(defs->v[i].conf->id.s, id) == 0)
			return &defs->v[i];
	return NULL;
}

const char *
rule_defs_nearest(const struct rule_defs *defs, const char *id)
{
	const char *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < defs->n; i++) {
		size_t distance = rule_distance(id, defs->v[i].conf->id.s);

		if (distance < least) {
			least = distance;
			nearest = defs->v[i].conf->id.s;
		}
	}
	return rule_is_near(id, least) ? nearest : NULL;
}

const struct rule_file *
rule_load_file(const struct rule_load *l, struct mark at)
{
	const char *path = at.file == NULL ? "" : conf_file_path(at.file);

	for (size_t i = 0; i < l->nfiles; i++)
		if (strcmp(l->files[i]->path, path) == 0)
			return l->files[i];
	return NULL;
}

bool
rule_check_id(const struct conf_string *text, const char *what, struct diag *diag)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
	size_t n = strlen(text->s);

	if (n > 0 && n <= ID_MAX_BYTES && strspn(text->s, allowed) == n && text->s[0] != '-' &&
	    text->s[0] != '.')
		return true;
	diag_error(diag, text->at,
	    "%s \"%.80s\" is not 1 to %d of lower-case letters, digits, '.', '-' and '_'", what,
	    text->s, ID_MAX_BYTES);
	return false;
}

/* Levenshtein's, one row at a time. */
size_t
rule_distance(const char *a, const char *b)
{
	size_t n = strlen(b), result;
	size_t *row = xcalloc(n + 1, sizeof(*row));

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	result = row[n];
	free(row);
	return result;
}

bool
rule_is_near(const char *name, size_t distance)
{
	return distance <= 1 + strlen(name) / 4;
}
