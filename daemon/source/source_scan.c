/*
 * source_scan: which files the configured paths and globs lead to now, and what
 * became of the files that were followed before.
 *
 * Opens files and finds out which are gone; reads none, reports nothing, lets
 * none go: that is for the turn in source.c.  Names are looked up afresh each
 * time and nothing about them is kept, so that no event can be missed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/config.h"
#include "source/source_internal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

/* A configured path, or one that a glob gave. */
struct name {
	struct source *source;
	char *path;
	bool globbed;
	struct source_id id;
	int error; /* of the identification */
};

struct names {
	struct name *v;
	size_t n;
};

static bool
is_glob(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}

/* ---- what cannot be read ---------------------------------------------------- */

static const char *
describe(int error)
{
	return error == ENOTSUP ? "not a regular file" : strerrordesc_np(error);
}

static struct source_problem *
find_problem(struct source_set *s, const char *path)
{
	for (size_t i = 0; i < s->nproblems; i++)
		if (strcmp(s->problems[i].path, path) == 0)
			return &s->problems[i];
	return NULL;
}

/* Remember that ${path} cannot be read and say so once.  A missing file is only
 * worth a message when the source is new: later it is about to be rotated. */
static void
set_problem(struct source_set *s, const struct source *source, const char *path, int error)
{
	struct source_problem *p = find_problem(s, path);
	const char *text = describe(error);

	if (p == NULL) {
		XGROW(s->problems, s->nproblems);
		p = &s->problems[s->nproblems++];
		*p = (struct source_problem){.path = xstrdup(path)};
	}
	p->source = source;
	p->seen = true;
	if (p->text != text && (error != ENOENT || !source->begun))
		log_warn("source", "%s: cannot be read: %s; it is tried again every second", path,
		    text);
	p->text = text;
}

static void
drop_old_problems(struct source_set *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->nproblems; i++) {
		if (s->problems[i].seen) {
			s->problems[i].seen = false;
			s->problems[kept++] = s->problems[i];
		} else {
			free(s->problems[i].path);
		}
	}
	s->nproblems = kept;
}

/* ---- names ------------------------------------------------------------------ */

static void
add_name(struct names *names, struct source *source, const char *path, bool globbed)
{
	struct name *name;

	XGROW(names->v, names->n);
	name = &names->v[names->n++];
	*name = (struct name){.source = source, .path = xstrdup(path), .globbed = globbed};
	name->error = source_file_identify(path, &name->id);
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
		set_problem(s, source, pattern, errno);
	else
		close(fd);
	free(dir);
}

static void
expand(struct source_set *s, struct source *source, const char *pattern, struct names *names)
{
	glob_t found;

	if (!is_glob(pattern)) {
		add_name(names, source, pattern, false);
		return;
	}
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_name(names, source, found.gl_pathv[i], true);
	} else {
		explain_no_match(s, source, pattern);
	}
	globfree(&found);
}

static struct names
all_names(struct source_set *s)
{
	struct names names = {NULL, 0};

	for (size_t i = 0; i < s->nsources; i++) {
		const struct conf_strings *files = &s->sources[i].conf->files;

		for (size_t k = 0; k < files->n; k++)
			expand(s, &s->sources[i], files->v[k].s, &names);
	}
	return names;
}

static void
names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i].path);
	free(names->v);
}

static void
watch_dirs(struct source_set *s, const struct names *names)
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

/* ---- files that were followed when the daemon stopped ------------------------- */

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
	return strcmp(pattern, path) == 0 ||
	    fnmatch(pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0;
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

static const struct name *
name_of(const struct names *names, const struct source_id *id)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->v[i].error == 0 && source_id_eq(&names->v[i].id, id))
			return &names->v[i];
	return NULL;
}

/* Look for ${id} in the open directory ${d}; the name is borrowed from it. */
static const char *
find_in(DIR *d, const struct source_id *id)
{
	const struct dirent *e;
	struct source_id other;

	while ((e = readdir(d)) != NULL)
		if ((e->d_type == DT_REG || e->d_type == DT_UNKNOWN) &&
		    source_file_identify_in(dirfd(d), e->d_name, &other) == 0 &&
		    source_id_eq(&other, id))
			return e->d_name;
	return NULL;
}

/* The path, malloc()ed, that ${id} now has in the directory of ${path}.  NULL
 * with ENOENT when it is not there, with another errno when that is not known. */
static char *
search(const char *path, const struct source_id *id, int *error)
{
	char *dir = xstrndup(path, dir_length(path) + 1), *found = NULL;
	DIR *d = opendir(dir);
	const char *name;

	*error = d == NULL ? errno : ENOENT;
	if (d != NULL) {
		name = find_in(d, id);
		if (name != NULL)
			found = xasprintf("%s%s", dir, name);
		closedir(d);
	}
	free(dir);
	return found;
}

/* Begin ${f} at the committed ${offset}, or at 0 if it has been cut since. */
static void
continue_at(struct source_set *s, struct source_file *f, uint64_t offset)
{
	source_lines_seek(&f->lines, offset);
	f->first = f->committed = offset;
	source_set_check(s, f);
}

/* Open the file of the stored position ${st}, which is now called ${where}.  It
 * keeps the path it was followed by, which says what is to be read after it. */
static bool
adopt_from(struct source_set *s, const struct source_stored *st, const struct source *source,
    const char *where)
{
	int error;
	struct source_file *f = source_file_open(where, &error);

	if (f == NULL || !source_id_eq(&f->id, &st->id)) {
		if (f == NULL)
			set_problem(s, source, where, error);
		source_file_free(&f);
		return false;
	}
	source_file_rename(f, xstrdup(st->path));
	source_set_add(s, source, f);
	continue_at(s, f, st->offset);
	return true;
}

/* Nobody can say how much was written to it after the position. */
static void
report_lost(struct source_stored *st)
{
	st->lost = true;
	log_warn("source",
	    "%s: the file that was read up to byte %llu is gone; "
	    "what was written to it after that may be lost",
	    st->path, (unsigned long long)st->offset);
}

/* True when nothing more is to be done about ${st}. */
static bool
adopt(struct source_set *s, struct source_stored *st, const struct names *names)
{
	const struct name *name = name_of(names, &st->id);
	const struct source *source = name != NULL ? name->source : owner_of(s, st->path);
	char *where;
	bool adopted;
	int error;

	if (st->lost)
		return false;
	if (source == NULL || source_set_find(s, &st->id) != NULL)
		return true;
	if (name != NULL)
		return adopt_from(s, st, source, name->path);
	where = search(st->path, &st->id, &error);
	if (where == NULL) {
		if (error == ENOENT)
			report_lost(st);
		return false;
	}
	adopted = adopt_from(s, st, source, where);
	free(where);
	return adopted;
}

static void
adopt_stored(struct source_set *s, const struct names *names)
{
	for (size_t i = 0; i < s->nstored;) {
		if (adopt(s, &s->stored[i], names))
			source_set_forget(s, i);
		else
			i++;
	}
}

/* ---- files that are there now ------------------------------------------------- */

/* Is there a committed position for ${id}, whose file could not be opened? */
static bool
is_stored(const struct source_set *s, const struct source_id *id)
{
	for (size_t i = 0; i < s->nstored; i++)
		if (source_id_eq(&s->stored[i].id, id))
			return true;
	return false;
}

static bool
begins_at_end(const struct source *source)
{
	return !source->known && !source->begun && source->conf->start == START_END;
}

static struct source_file *
open_new(struct source_set *s, const struct name *name)
{
	struct source_file *f, *already;
	int error;

	f = source_file_open(name->path, &error);
	if (f == NULL) {
		if (error != ENOENT || !name->globbed)
			set_problem(s, name->source, name->path, error);
		return NULL;
	}
	already = source_set_find(s, &f->id);
	if (already != NULL || is_stored(s, &f->id)) { /* the name moved meanwhile */
		source_file_free(&f);
		return already;
	}
	source_set_add(s, name->source, f);
	if (begins_at_end(name->source))
		continue_at(s, f, source_file_last_line(f, s->max_line));
	f->announce = true;
	log_debug("source", "%s: followed from byte %llu", name->path,
	    (unsigned long long)f->lines.begin);
	return f;
}

static void
look(struct source_set *s, const struct name *name)
{
	struct source_file *f;

	if (name->error != 0) {
		if (name->error != ENOENT || !name->globbed)
			set_problem(s, name->source, name->path, name->error);
		return;
	}
	f = source_set_find(s, &name->id);
	if (f == NULL)
		f = is_stored(s, &name->id) ? NULL : open_new(s, name);
	if (f == NULL)
		return;
	f->seen = true;
	if (strcmp(f->stream.path, name->path) == 0)
		f->at_path = true;
	else if (f->alias == NULL)
		f->alias = xstrdup(name->path);
}

/* ---- what became of the files that are open ------------------------------------ */

static void
lost_name(struct source_set *s, struct source_file *f)
{
	f->gone = true;
	f->grown = clock_mono();
	s->stats.rotations++;
}

static void
settle(struct source_set *s, struct source_file *f)
{
	if (!f->seen && !f->gone)
		lost_name(s, f);
	if (f->seen)
		f->gone = f->finished = false;
	if (f->seen && !f->at_path && f->alias != NULL) {
		source_file_rename(f, f->alias);
		f->alias = NULL;
	}
	free(f->alias);
	f->alias = NULL;
	f->seen = f->at_path = false;
	source_set_check(s, f);
}

static void
begin_sources(struct source_set *s)
{
	for (size_t i = 0; i < s->nsources; i++) {
		if (!s->sources[i].begun && !s->sources[i].known)
			s->sources[i].announce = true;
		s->sources[i].begun = true;
	}
}

void
source_scan(struct source_set *s)
{
	struct names names = all_names(s);

	watch_dirs(s, &names);
	adopt_stored(s, &names);
	for (size_t i = 0; i < names.n; i++)
		look(s, &names.v[i]);
	for (size_t i = 0; i < s->nfiles; i++)
		settle(s, s->files[i]);
	drop_old_problems(s);
	begin_sources(s);
	names_free(&names);
	s->scanned = clock_mono();
}
