/*
 * source_recover: the rotated files of a log: which are to be read, and from where.
 *
 * Looked at when something is not where it was: the file of a stored position is
 * nowhere, one has lost its name, content was cut away, or a log goes on with a file
 * that nobody knows.  In between files may have come and gone unseen, and what was
 * read may have been compressed, moved or copied.
 *
 * What is known of the log decides, whatever the files are called: see
 * source_content.c and source_judge.c.  Found again, content goes on as the stream it
 * was.  The others are new if they came after all that is known: up to the youngest that
 * the state knows of a log it knows all, so until a search has ended the log is neither
 * reported nor read.  Names only say in which order, times only which may be left alone.
 *
 * Everything that changes the set is done in a scan, at once; only decompressing is
 * for the turns between.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "source/source_judge.h"
#include "util/crash.h"
#include "util/log.h"
#include "util/xalloc.h"

#define LISTINGS 5        /* of a directory, until two are equal */
#define TURN_STEPS 4

/* ---- searches -------------------------------------------------------------------- */

static void
forget_tried(struct source_search *search)
{
	source_trial_free(&search->trial);
	for (size_t i = 0; i < search->ntried; i++)
		free(search->tried[i].sibling.path);
	search->ntried = 0;
}

static void
search_free(struct source_search *search)
{
	forget_tried(search);
	free(search->tried);
	free(search->cuts);
	free(search->log);
	free(search);
}

static struct source_search *
search_of(const struct source_set *s, const char *log)
{
	for (size_t i = 0; i < s->nsearches; i++)
		if (strcmp(s->searches[i]->log, log) == 0)
			return s->searches[i];
	return NULL;
}

void
source_recover_look(struct source_set *s, const struct source *source, const char *log)
{
	struct source_search *search = search_of(s, log);

	if (search != NULL || source->conf->listen.n > 0)
		return;
	search = xcalloc(1, sizeof(*search));
	search->source = source;
	search->log = xstrdup(log);
	XGROW(s->searches, s->nsearches);
	s->searches[s->nsearches++] = search;
}

void
source_recover_content(
    struct source_set *s, const struct source *source, const char *log, const struct source_cut *cut)
{
	struct source_search *search;

	source_recover_look(s, source, log);
	search = search_of(s, log);
	if (search == NULL)
		return;
	XGROW(search->cuts, search->ncuts);
	search->cuts[search->ncuts++] = *cut;
	forget_tried(search);
	ev_timer_set(s->scan_timer, 0);
}

bool
source_recover_holds(const struct source_set *s, const char *path)
{
	return s->nsearches > 0 && search_of(s, path) != NULL;
}

void
source_recover_again(struct source_set *s)
{
	for (size_t i = 0; i < s->nsearches; i++) {
		forget_tried(s->searches[i]);
		s->searches[i]->ncuts = 0;
	}
}

/* More of the content may have been delivered before the cut than is committed; of what
 * came after it, in another copy, nothing is. */
static void
rewind_copy(struct source_file *f, const struct source_cut *cut)
{
	if (f->first == cut->offset && f->first_check == cut->check)
		return;
	f->first = cut->offset;
	f->first_check = cut->check;
	if (!source_file_seek(f, cut->offset, cut->check)) {
		f->first = f->first_check = 0;
		source_file_begin(f, 0);
	}
}

void
source_recover_rewind(struct source_set *s)
{
	for (size_t i = 0; i < s->nfiles; i++) {
		struct source_file *f = s->files[i];
		const struct source_search *search = search_of(s, f->log);
		size_t n = search == NULL || f->stated || f->cut_of.text[0] == '\0' ? 0 : search->ncuts;

		for (size_t k = 0; k < n; k++)
			if (source_identity_eq(&search->cuts[k].id, &f->cut_of)) {
				rewind_copy(f, &search->cuts[k]);
				break;
			}
	}
}

void
source_recover_free(struct source_set *s)
{
	for (size_t i = 0; i < s->nsearches; i++)
		search_free(s->searches[i]);
	free(s->searches);
}

/* ---- archives, in turns -------------------------------------------------------------- */

static void
begin_trial(struct source_set *s, struct source_search *search, struct source_tried *tried)
{
	struct source_records records = source_content_records(s, search);
	struct source_file *f = source_file_open(tried->sibling.path, true, &tried->error);

	if (f != NULL && !source_identity_eq(&f->id, &tried->sibling.id))
		tried->error = ENOENT;
	else if (f != NULL && f->archive == NULL)
		tried->error = ENOTSUP;
	if (f != NULL && tried->error == 0)
		search->trial = source_trial_new(&records, &tried->sibling, f);
	else
		source_file_free(&f);
	tried->over = tried->error != 0;
	source_content_forget(&records);
}

static struct source_tried *
next_untried(const struct source_search *search)
{
	for (size_t i = 0; i < search->ntried; i++)
		if (!search->tried[i].over)
			return &search->tried[i];
	return NULL;
}

static void
try_some(struct source_set *s, struct source_search *search, struct source_tried *tried)
{
	if (search->trial == NULL)
		begin_trial(s, search, tried);
	for (size_t n = 0; n < TURN_STEPS && search->trial != NULL; n++) {
		if (!source_trial_step(s, search->trial))
			continue;
		tried->is = source_trial_result(search->trial);
		tried->over = true;
		source_trial_free(&search->trial);
	}
}

bool
source_recover_turn(struct source_set *s)
{
	bool trying = false;

	for (size_t i = 0; i < s->nsearches; i++) {
		struct source_tried *tried = next_untried(s->searches[i]);

		if (tried == NULL)
			continue;
		try_some(s, s->searches[i], tried);
		if (next_untried(s->searches[i]) != NULL)
			trying = true;
		else if (!source_judge_is_full(tried->error))
			ev_timer_set(s->scan_timer, 0);
	}
	return trying;
}

/* ---- doing it ---------------------------------------------------------------------------- */

/* It goes on as the stream that it was. */
static bool
go_on_as(struct source_file *f, const struct source_record *record)
{
	if (record->kind == RECORD_STORED || record->kind == RECORD_ENDED) {
		f->id = record->id;
		free((char *)f->stream.id);
		f->stream.id = xstrdup(record->id.text);
	}
	return record->kind == RECORD_NONE || source_file_seek(f, record->offset, record->check);
}

static bool
open_one(struct source_look *l, size_t i)
{
	const struct source_sibling *sibling = &l->siblings.v[i];
	struct source_judged *j = &l->v[i];
	int error;

	j->file = source_file_open(sibling->path, sibling->archive, &error);
	if (j->file == NULL)
		source_judge_cannot_open(l, sibling, error);
	else if (!source_identity_eq(&j->file->id, &sibling->id))
		source_judge_cannot_open(l, sibling, ENOENT);
	else if (!go_on_as(j->file, &j->is)) {
		if (j->is.kind == RECORD_ENDED) /* it is not what was read */
			source_file_free(&j->file);
		else
			source_judge_cannot_open(l, sibling, ENOENT);
	}
	return !l->wait;
}

/* All or none. */
static bool
open_all(struct source_look *l)
{
	for (size_t i = 0; i < l->siblings.n; i++)
		if (l->v[i].take && !open_one(l, i))
			return false;
	return true;
}

static const struct source_cut *
cut_of(const struct source_look *l, const struct source_record *record)
{
	const struct source_search *search = l->search;
	size_t i = 0;

	while (search->cuts[i].offset != record->offset ||
	    !source_identity_eq(&search->cuts[i].id, &record->id))
		i++;
	return &search->cuts[i];
}

/* How much of the cut content nobody has read, as far as that is known. */
static void
tell_cut(const struct source_look *l, const struct source_cut *cut, uint64_t from, const char *text)
{
	struct source_file *f = source_set_find(l->s, &cut->id);

	if (f != NULL)
		source_file_add_gap(
		    f, TROUBLE_TRUNCATED, from, cut->size > from ? cut->size : from, text);
}

/* To be read before the one that has the name, or that was cut. */
static void
take(struct source_look *l, struct source_judged *j)
{
	struct source_set *s = l->s;
	struct source_file *f = j->file, *newer = source_set_at(s, l->search->log);
	const struct source_stored *stored = source_set_stored(s, &j->is.id);

	f->recovered = f->gone = true;
	f->announce = j->is.kind != RECORD_STORED;
	f->stated = j->is.kind != RECORD_NONE;
	f->first = f->lines.begin;
	f->first_check = f->last.check;
	f->look_between = newer == NULL;
	log_info("source", "%s: a rotated file of %s, read from byte %llu", f->stream.path,
	    l->search->log, (unsigned long long)f->lines.begin);
	s->stats.rotations += j->is.kind == RECORD_NONE;
	if (j->is.kind == RECORD_CUT) {
		const struct source_cut *cut = cut_of(l, &j->is);

		f->cut_of = j->is.id;
		newer = source_set_find(s, &j->is.id);
		if (f->archive == NULL && f->size < cut->size)
			tell_cut(l, cut, f->size, "cut away after it was copied");
	}
	if (j->is.kind == RECORD_STORED && stored != NULL)
		source_set_forget(s, (size_t)(stored - s->stored));
	source_file_rename(f, xstrdup(l->search->log));
	source_set_add(s, l->search->source, f, newer);
	j->file = NULL;
	CRASH_POINT("rotated-file-taken");
}

static void
give_up(struct source_look *l, const struct source_record *record)
{
	struct source_set *s = l->s;

	if (record->kind == RECORD_CUT) {
		tell_cut(l, cut_of(l, record), record->offset, "cut away, and no copy of it found");
		return;
	}
	for (size_t i = 0; i < s->nstored; i++)
		if (source_identity_eq(&s->stored[i].id, &record->id)) {
			s->stored[i].source = l->search->source->conf->id.s;
			s->stored[i].done = s->stored[i].lost = true;
		}
}

static void
finish(struct source_look *l)
{
	source_judge_choose(l);
	if (!open_all(l))
		return;
	for (size_t i = 0; i < l->siblings.n; i++)
		if (l->v[i].file != NULL)
			take(l, &l->v[i]);
	for (size_t i = 0; i < l->records.n; i++)
		if (l->records.v[i].sought)
			give_up(l, &l->records.v[i]);
}

/* ---- in a scan ---------------------------------------------------------------------------- */

static bool
siblings_eq(const struct source_siblings *a, const struct source_siblings *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = strcmp(a->v[i].path, b->v[i].path) == 0 && a->v[i].size == b->v[i].size &&
		    source_identity_eq(&a->v[i].id, &b->v[i].id);
	return same;
}

/* A name that changes while a directory is read may be missed: once more. */
static bool
list(struct source_look *l)
{
	const struct source_conf *conf = l->search->source->conf;

	l->siblings = source_siblings_of(conf, l->search->log, &l->s->fs);
	for (int i = 0; i < LISTINGS; i++) {
		struct source_siblings again = source_siblings_of(conf, l->search->log, &l->s->fs);
		bool same = siblings_eq(&l->siblings, &again);

		source_siblings_free(&l->siblings);
		l->siblings = again;
		if (same)
			return true;
	}
	l->wait = l->s->rescan = true;
	return false;
}

/* What was cut meanwhile is sought as well. */
static void
look_at_files(struct source_set *s, const struct source_search *search)
{
	for (size_t i = 0; i < s->nfiles; i++)
		if (strcmp(s->files[i]->log, search->log) == 0)
			source_set_check(s, s->files[i]);
}

/* True when the search is over. */
static bool
look(struct source_set *s, struct source_search *search)
{
	struct source_look l = {.s = s, .search = search};
	uint64_t cuts;

	look_at_files(s, search);
	cuts = s->stats.truncations;
	if (list(&l)) {
		l.records = source_content_records(s, search);
		l.v = xcalloc(l.siblings.n, sizeof(*l.v));
		source_judge_all(&l);
		look_at_files(s, search);
		if (s->stats.truncations != cuts) /* that was no copy, but the only one */
			l.wait = s->rescan = true;
		if (!l.wait)
			finish(&l);
		for (size_t i = 0; i < l.siblings.n; i++)
			source_file_free(&l.v[i].file);
	}
	free(l.v);
	source_content_forget(&l.records);
	source_siblings_free(&l.siblings);
	return !l.wait;
}

void
source_recover_scan(struct source_set *s)
{
	for (size_t i = 0; i < s->nsearches;) {
		struct source_search *search = s->searches[i];

		if (!look(s, search)) {
			i++;
			continue;
		}
		search_free(search);
		s->nsearches--;
		memmove(s->searches + i, s->searches + i + 1,
		    (s->nsearches - i) * sizeof(*s->searches));
	}
}
