/*
 * source_scan: which files the configured paths and globs lead to now, and what
 * became of the files that were followed before.
 *
 * Opens files and finds out which are gone; reads none, reports nothing, lets
 * none go: that is for the turn.
 */
#include <errno.h>
#include <stdlib.h>

#include "conf/config.h"
#include "source/source_internal.h"
#include "util/clock.h"
#include "util/crash.h"
#include "util/log.h"
#include "util/xalloc.h"

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
		source_file_add_gap(
		    f, TROUBLE_START, 0, end, "was there before the source was known");
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
open_new(struct source_set *s, const struct source_name *name)
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
	if (already != NULL ||
	    source_set_stored(s, &f->id) != NULL) { /* the name moved meanwhile */
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
is_left_alone(struct source_set *s, const struct source_name *name)
{
	if (source_archive_suffix(name->path) > 0)
		return true;
	/* When it is compared the file may turn out to have been cut. */
	return (name->source->begun || name->source->known) &&
	    source_set_stored(s, &name->id) == NULL &&
	    (source_content_is_copy(s, name->path) || is_looked_at(s, name->path));
}

static void
look(struct source_set *s, const struct source_name *name)
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
		source_adopt_lost_name(s, f);
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
	struct source_names names;

	s->scans++;
	s->rescan = false;
	s->fs.n = 0;
	names = source_names_find(s);
	source_names_watch(s, &names);
	source_adopt(s, &names);
	source_adopt_seek(s);
	for (size_t i = 0; i < names.n; i++)
		look(s, &names.v[i]);
	for (size_t i = 0; i < s->nfiles; i++)
		settle(s, s->files[i]);
	source_adopt_between(s);
	if (s->fresh)
		source_adopt_ended(s);
	source_recover_scan(s);
	s->fresh = false;
	source_health_scanned(s);
	begin_sources(s);
	source_names_free(&names);
	s->scanned = clock_mono();
}
