/*
 * source_adopt: finds the files that were followed when the daemon stopped, under
 * whatever name, and says for which logs others may have come and gone meanwhile.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "source/source_internal.h"
#include "util/clock.h"
#include "util/crash.h"
#include "util/xalloc.h"

static size_t
dir_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? 0 : (size_t)(slash - path);
}

static bool
same_dir(const char *pattern, const char *path)
{
	char *a = xstrndup(pattern, dir_length(pattern)), *b = xstrndup(path, dir_length(path));
	bool same = fnmatch(a, b, FNM_PATHNAME | FNM_PERIOD) == 0;

	free(a);
	free(b);
	return same;
}

static bool
same_name(const char *pattern, const char *path)
{
	return strcmp(pattern, path) == 0 || fnmatch(pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0;
}

static struct source *
first_source(struct source_set *s, const char *path, bool (*fits)(const char *, const char *))
{
	for (size_t i = 0; i < s->nsources; i++) {
		const struct conf_strings *files = &s->sources[i].conf->files;

		for (size_t k = 0; k < files->n; k++)
			if (fits(files->v[k].s, path))
				return &s->sources[i];
	}
	return NULL;
}

static struct source *
owner_of(struct source_set *s, const char *path)
{
	struct source *source = path[0] == '/' ? first_source(s, path, same_name) : NULL;

	if (source == NULL && path[0] == '/')
		source = first_source(s, path, same_dir);
	return source;
}

/* The path, malloc()ed, that ${id} now has among the rotated files of ${path}.
 * NULL when it is not there. */
static char *
search(
    struct source_set *s, const struct source *source, const char *path, const struct source_id *id)
{
	struct source_siblings siblings = source_siblings_of(source->conf, path, &s->fs);
	size_t i = source_siblings_find(&siblings, id);
	char *found = i < siblings.n ? xstrdup(siblings.v[i].path) : NULL;

	source_siblings_free(&siblings);
	return found;
}

/* Or any other in its directory. */
static char *
search_dir(struct source_set *s, const char *path, const struct source_id *id, int *error)
{
	char *dir = xstrndup(path, dir_length(path) + 1), *found = NULL;
	DIR *d = opendir(dir);
	const struct dirent *e;
	struct source_id other;

	*error = d == NULL ? errno : ENOENT;
	while (d != NULL && found == NULL && (e = readdir(d)) != NULL) {
		if (e->d_type != DT_REG && e->d_type != DT_UNKNOWN)
			continue;
		found = xasprintf("%s%s", dir, e->d_name);
		if (source_identity_of(&s->fs, found, &other) == 0 &&
		    source_identity_eq(&other, id))
			break;
		free(found);
		found = NULL;
	}
	if (d != NULL)
		closedir(d);
	free(dir);
	return found;
}

/* Go on with ${f} where ${st} says; what it was cut of since is seen to. */
static void
go_on(struct source_set *s, struct source_file *f, const struct source_stored *st)
{
	f->first = st->offset;
	if (!source_file_seek(f, st->offset, st->check)) {
		f->before = st->offset;
		source_cut(s, f, st->offset, st->check);
	}
	source_set_check(s, f);
}

void
source_adopt_lost_name(struct source_set *s, struct source_file *f)
{
	f->gone = true;
	f->closed = false;
	f->look_between = !f->recovered;
	f->grown = clock_mono();
	s->stats.rotations++;
	CRASH_POINT("rotation-noticed");
}

/* Open the file of the stored position ${st}, which is now called ${where}.  It
 * keeps the path it was followed by, which says what is to be read after it. */
static bool
adopt_from(struct source_set *s, const struct source_stored *st, const struct source *source,
    const char *where, bool renamed)
{
	int error;
	struct source_file *f = source_file_open(where, true, &error);

	if (f == NULL || !source_identity_eq(&f->id, &st->id)) {
		if (f == NULL)
			source_health_problem(s, source, where, error);
		source_file_free(&f);
		return false;
	}
	source_file_rename(f, xstrdup(st->path));
	source_set_add(s, source, f, renamed ? source_set_at(s, st->path) : NULL);
	if (renamed)
		source_adopt_lost_name(s, f);
	else
		f->look_between = strcmp(where, st->path) != 0;
	f->recovered = f->archive != NULL;
	f->stated = true;
	go_on(s, f, st);
	return true;
}

/* The file that has the name is the same but for the id of its file system. */
static bool
adopt_renumbered(struct source_set *s, struct source_stored *st, const struct source_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		const struct source_name *name = &names->v[i];
		struct source_file *f;
		int error;

		if (st->check == 0 || name->error != 0 || source_set_find(s, &name->id) != NULL ||
		    source_set_stored(s, &name->id) != NULL ||
		    !source_identity_alike(&name->id, &st->id))
			continue;
		f = source_file_open(name->path, false, &error);
		if (f != NULL && source_file_seek(f, st->offset, st->check)) {
			f->first = st->offset;
			f->announce = true;
			source_set_add(s, name->source, f, NULL);
			st->done = true;
			return true;
		}
		source_file_free(&f);
	}
	return false;
}

/* True when nothing more is to be done about ${st}. */
static bool
adopt(struct source_set *s, struct source_stored *st, const struct source_names *names)
{
	const struct source_name *name = source_names_of(names, &st->id);
	const struct source *source = name != NULL ? name->source : owner_of(s, st->path);
	char *where;
	bool adopted;
	int error = ENOENT;

	if (st->done)
		return false;
	st->missed = false;
	if (source == NULL || source_set_find(s, &st->id) != NULL)
		return true;
	if (name != NULL)
		return adopt_from(s, st, source, name->path, false);
	where = search(s, source, st->path, &st->id);
	if (where == NULL)
		where = search_dir(s, st->path, &st->id, &error);
	if (where == NULL) {
		st->missed = error == ENOENT && !adopt_renumbered(s, st, names);
		return false;
	}
	adopted = adopt_from(s, st, source, where, true);
	free(where);
	return adopted;
}

void
source_adopt(struct source_set *s, const struct source_names *names)
{
	for (size_t i = 0; i < s->nstored;) {
		if (adopt(s, &s->stored[i], names))
			source_set_forget(s, i);
		else
			i++;
	}
}

void
source_adopt_seek(struct source_set *s)
{
	for (size_t i = 0; i < s->nstored; i++) {
		struct source_stored *st = &s->stored[i];
		const struct source *owner;

		if (!st->missed || st->done)
			continue;
		owner = owner_of(s, st->path);
		/* Segments of a spool are deleted once they are committed. */
		if (owner->conf->listen.n > 0)
			st->done = true;
		else
			source_recover_look(s, owner, st->log);
	}
}

void
source_adopt_ended(struct source_set *s)
{
	for (size_t i = 0; i < s->nfiles; i++)
		if (!s->files[i]->stated && s->starts > 1)
			source_recover_look(s, source_set_source(s, s->files[i]), s->files[i]->log);
	for (size_t i = 0; i < s->nended; i++) {
		const char *log = s->ended[i].log;
		const struct source *owner = owner_of(s, log);

		if (owner != NULL && source_set_at(s, log) == NULL)
			source_recover_look(s, owner, log);
	}
}

void
source_adopt_between(struct source_set *s)
{
	for (size_t i = 0; i < s->nfiles; i++) {
		struct source_file *f = s->files[i];

		if (!f->look_between)
			continue;
		/* As long as nothing has the name one may come and go unseen. */
		f->look_between = f->gone && source_set_at(s, f->log) == NULL;
		source_recover_look(s, source_set_source(s, f), f->log);
	}
}
