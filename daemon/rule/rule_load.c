/*
 * rule_load: looking things up among the definitions of a load.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/suggest.h"
#include "rule/rule_internal.h"
#include "util/xalloc.h"

#define ID_MAX_BYTES 64

struct rule_def *
rule_defs_find(const struct rule_defs *defs, const char *id)
{
	size_t i;

	return rule_index_get(&defs->ids, id, &i) ? &defs->v[i] : NULL;
}

const char *
rule_defs_nearest(const struct rule_defs *defs, const char *id)
{
	const char **names = xcalloc(defs->n, sizeof(*names));
	const char *nearest;

	for (size_t i = 0; i < defs->n; i++)
		names[i] = defs->v[i].conf->id.s;
	nearest = conf_suggest(sv_str(id), names, defs->n);
	free(names);
	return nearest;
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
