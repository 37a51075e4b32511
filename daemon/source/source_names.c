/*
 * source_names: what the configured paths and globs lead to now.
 *
 * Names are looked up afresh each time and nothing about them is kept, so that no event
 * can be missed.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/config.h"
#include "source/source_internal.h"
#include "util/xalloc.h"

static bool
is_glob(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}

static void
add_name(struct source_set *s, struct source_names *names, struct source *source, const char *path,
    bool globbed)
{
	struct source_name *name;

	XGROW(names->v, names->n);
	name = &names->v[names->n++];
	*name = (struct source_name){.source = source, .path = xstrdup(path), .globbed = globbed};
	name->error = source_identity_of(&s->fs, path, &name->id);
	if (name->error != ENOENT && name->error != ENOTDIR)
		source->found++;
}

/* The directory above the first component of ${pattern} with a wildcard. */
static char *
fixed_part(const char *pattern)
{
	size_t n = strcspn(pattern, "*?[");

	while (n > 1 && pattern[n - 1] != '/')
		n--;
	return xstrndup(pattern, n);
}

/* A glob without a match is nothing special, unless its directory says why. */
static void
explain_no_match(struct source_set *s, const struct source *source, const char *pattern)
{
	char *dir = fixed_part(pattern);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		source_health_problem(s, source, pattern, errno);
	else
		close(fd);
	free(dir);
}

static void
expand(struct source_set *s, struct source *source, const char *pattern, struct source_names *names)
{
	glob_t found;

	if (!is_glob(pattern)) {
		add_name(s, names, source, pattern, false);
		return;
	}
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_name(s, names, source, found.gl_pathv[i], true);
	} else {
		explain_no_match(s, source, pattern);
	}
	globfree(&found);
}

struct source_names
source_names_find(struct source_set *s)
{
	struct source_names names = {NULL, 0};

	for (size_t i = 0; i < s->nsources; i++) {
		const struct conf_strings *files = &s->sources[i].conf->files;

		for (size_t k = 0; k < files->n; k++)
			expand(s, &s->sources[i], files->v[k].s, &names);
	}
	return names;
}

void
source_names_free(struct source_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i].path);
	free(names->v);
}

void
source_names_watch(struct source_set *s, const struct source_names *names)
{
	for (size_t i = 0; i < s->nsources; i++) {
		const struct conf_strings *files = &s->sources[i].conf->files;

		for (size_t k = 0; k < files->n; k++)
			source_watch_dir_of(s->watch, files->v[k].s);
	}
	for (size_t i = 0; i < names->n; i++)
		if (names->v[i].globbed)
			source_watch_dir_of(s->watch, names->v[i].path);
}

const struct source_name *
source_names_of(const struct source_names *names, const struct source_id *id)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->v[i].error == 0 && source_identity_eq(&names->v[i].id, id))
			return &names->v[i];
	return NULL;
}
