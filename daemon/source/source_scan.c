/*
 * source_scan: which files the configured paths and globs lead to now, and what
 * became of the files that were followed before.
 *
 * Opens files and finds out which are gone; reads none, reports nothing, lets
 * none go: that is for the turn.  Names are looked up afresh each
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
#include "util/crash.h"
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

/* ---- names ------------------------------------------------------------------ */

static void
add_name(struct source_set *s, struct names *names, struct source *source, const char *path,
    bool globbed)
{
	struct name *name;

	XGROW(names->v, names->n);
	name = &names->v[names->n++];
	*name = (struct name){.source = source, .path = xstrdup(path), .globbed = globbed};
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
expand(struct source_set *s, struct source *source, const char *pattern, struct names *names)
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
		if (names->v[i].error == 0 && source_identity_eq(&names->v[i].id, id))
			return &names->v[i];
	return NULL;
}

/* The path, malloc()ed, that ${id} now has among the rotated files of ${path}.
 * NULL when it is not there. */
static char *
search(struct source_set *s, const struct source *source, const char *path,
    const struct source_id *id)
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
		if (source_identity_of(&s->fs, found, &other) == 0 && source_identity_eq(&other, id))
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

static void
lost_name(struct source_set *s, struct source_file *f)
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
		lost_name(s, f);
	else
		f->look_between = strcmp(where, st->path) != 0;
	f->recovered = f->archive != NULL;
	f->stated = true;
	go_on(s, f, st);
	return true;
}

/* The file that has the name is the same but for the id of its file system. */
static bool
adopt_renumbered(struct source_set *s, struct source_stored *st, const struct names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		const struct name *name = &names->v[i];
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
adopt(struct source_set *s, struct source_stored *st, const struct names *names)
{
	const struct name *name = name_of(names, &st->id);
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

/* Before new files are opened: they may be what is sought. */
static void
seek_missed(struct source_set *s)
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

/* When all of a log had been read and none of it is open, there is nobody to miss what
 * came after. */
static void
look_after_ended(struct source_set *s)
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

/* Files that have lost their name: there may be others between them and the one that has
 * it now. */
static void
look_between(struct source_set *s)
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

/* ---- files that are there now ------------------------------------------------- */

static bool
begins_at_end(const struct source *source)
{
	return !source->known && !source->begun && source->conf->start == START_END;
}

static void
begin_at_end(struct source_set *s, struct source_file *f)
{
	uint64_t end = source_file_last_line(f, s->max_line);

	source_file_begin(f, end);
	f->first = end;
	f->more = f->size > end;
	if (end > 0)
		source_file_add_gap(f, TROUBLE_START, 0, end, "was there before the source was known");
}

/* It was read to its end, and has a name again. */
static bool
goes_on(const struct source_set *s, struct source_file *f)
{
	const struct source_ended *ended = source_set_ended(s, &f->id);

	if (ended == NULL || !source_file_seek(f, ended->offset, ended->check))
		return false;
	f->first = ended->offset;
	return true;
}

/* Is anything known of the log that the new file ${f} is of? */
static bool
has_past(const struct source_set *s, const struct source_file *f)
{
	for (size_t i = 0; i < s->nfiles; i++)
		if (s->files[i] != f && strcmp(s->files[i]->log, f->log) == 0)
			return true;
	for (size_t i = 0; i < s->nstored; i++)
		if (strcmp(s->stored[i].log, f->log) == 0)
			return true;
	for (size_t i = 0; i < s->nended; i++)
		if (strcmp(s->ended[i].log, f->log) == 0)
			return true;
	return false;
}

static struct source_file *
open_new(struct source_set *s, const struct name *name)
{
	struct source_file *f, *already;
	int error;

	f = source_file_open(name->path, false, &error);
	if (f == NULL) {
		if (error != ENOENT || !name->globbed)
			source_health_problem(s, name->source, name->path, error);
		return NULL;
	}
	already = source_set_find(s, &f->id);
	if (already != NULL || source_set_stored(s, &f->id) != NULL) { /* the name moved meanwhile */
		source_file_free(&f);
		return already;
	}
	source_set_add(s, name->source, f, NULL);
	if (begins_at_end(name->source))
		begin_at_end(s, f);
	else if (goes_on(s, f))
		log_debug("source", "%s: had been read before", name->path);
	else if (name->source->begun && f->size > 0)
		f->grew = clock_mono();
	f->announce = true;
	if (has_past(s, f))
		source_recover_look(s, name->source, f->log);
	log_debug("source", "%s: followed from byte %llu", name->path,
	    (unsigned long long)f->lines.begin);
	return f;
}

static bool
is_looked_at(const struct source_set *s, const char *path)
{
	char *log = source_set_log(s, path);
	bool is = strcmp(log, path) != 0 && source_recover_holds(s, log);

	free(log);
	return is;
}

/* A rotated file that a pattern matches is no new log when it is an archive or what
 * copytruncate leaves. */
static bool
is_left_alone(struct source_set *s, const struct name *name)
{
	if (source_archive_suffix(name->path) > 0)
		return true;
	/* When it is compared the file may turn out to have been cut. */
	return (name->source->begun || name->source->known) &&
	    source_set_stored(s, &name->id) == NULL &&
	    (source_content_is_copy(s, name->path) || is_looked_at(s, name->path));
}

static void
look(struct source_set *s, const struct name *name)
{
	struct source_file *f;

	if (name->error != 0) {
		if (name->error != ENOENT || !name->globbed)
			source_health_problem(s, name->source, name->path, name->error);
		return;
	}
	f = source_set_find(s, &name->id);
	if (f == NULL && name->globbed) {
		if (is_left_alone(s, name))
			return;
		f = source_set_find(s, &name->id);
	}
	if (f == NULL)
		f = source_set_stored(s, &name->id) != NULL ? NULL : open_new(s, name);
	if (f == NULL || f->archive != NULL)
		return;
	f->seen = true;
	if (strcmp(f->stream.path, name->path) == 0)
		f->at_path = true;
	else if (f->alias == NULL)
		f->alias = xstrdup(name->path);
}

/* ---- what became of the files that are open ------------------------------------ */

static void
named_anew(const struct source_set *s, struct source_file *f)
{
	free(f->log);
	f->log = source_set_log(s, f->stream.path);
	f->look_between = true;
}

static void
settle(struct source_set *s, struct source_file *f)
{
	if (!f->seen && !f->gone)
		lost_name(s, f);
	if (f->seen)
		f->gone = f->finished = f->recovered = false;
	if (f->seen && !f->at_path && f->alias != NULL) {
		source_file_rename(f, f->alias);
		f->alias = NULL;
		named_anew(s, f);
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
		if (!s->sources[i].begun && !s->sources[i].known && s->sources[i].conf->files.n > 0)
			s->sources[i].announce = true;
		s->sources[i].begun = true;
	}
}

void
source_scan(struct source_set *s)
{
	struct names names;

	s->scans++;
	s->rescan = false;
	s->fs.n = 0;
	names = all_names(s);
	watch_dirs(s, &names);
	adopt_stored(s, &names);
	seek_missed(s);
	for (size_t i = 0; i < names.n; i++)
		look(s, &names.v[i]);
	for (size_t i = 0; i < s->nfiles; i++)
		settle(s, s->files[i]);
	look_between(s);
	if (s->fresh)
		look_after_ended(s);
	source_recover_scan(s);
	s->fresh = false;
	source_health_scanned(s);
	begin_sources(s);
	names_free(&names);
	s->scanned = clock_mono();
}
