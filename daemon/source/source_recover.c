/*
 * source_recover: the rotated files of a log: which are to be read, and from where.
 *
 * Looked at when something is not where it was: the file of a stored position is
 * nowhere, one has lost its name, content was cut away, or a log goes on with a file
 * that nobody knows.  In between files may have come and gone unseen, and what was
 * read may have been compressed, moved or copied.
 *
 * What is known of the log decides, whatever the files are called: see
 * source_content.c.  Found again, content goes on as the stream it was.  The others are
 * new if they came after all that is known: of each log the state knows all files or
 * none up to the youngest, so until a search has ended the log is neither reported nor
 * read.  Names only say in which order, times only which may be left alone.
 *
 * Everything that changes the set is done in a scan, at once; only decompressing is
 * for the turns between.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "source/source_internal.h"
#include "util/crash.h"
#include "util/log.h"
#include "util/xalloc.h"

#define LISTINGS 5        /* of a directory, until two are equal */
#define TURN_STEPS 4
/* Clocks and births of archives say no more exactly than this which are the older. */
#define TIME_SLACK (INT64_C(600) * 1000000000)

/* An archive that was, or is to be, compared with what is known. */
struct source_tried {
	struct source_sibling sibling;
	bool over;
	int error;
	struct source_record is;
};

/* What is found out of one sibling. */
struct judged {
	bool known;              /* it is open, stored or ended, or a copy of that */
	bool stated;             /* and the state knows it */
	bool unread;             /* nothing known has this content, or it is sought */
	bool take;               /* to be read */
	struct source_record is; /* what it is known as; of what is taken, goes on as */
	struct source_file *file;
};

/* One look at a log. */
struct look {
	struct source_set *s;
	struct source_search *search;
	struct source_siblings siblings;
	struct judged *v; /* of each */
	struct source_records records;
	uint64_t newest;  /* birth of the youngest that the state knows; 0 = none */
	int64_t floor;    /* what is older is of no use; 0 = not known */
	bool wait;        /* there is something to be done first */
};

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

void
source_recover_free(struct source_set *s)
{
	for (size_t i = 0; i < s->nsearches; i++)
		search_free(s->searches[i]);
	free(s->searches);
}

/* ---- archives, in turns -------------------------------------------------------------- */

static struct source_tried *
tried_of(const struct source_search *search, const struct source_sibling *sibling)
{
	for (size_t i = 0; i < search->ntried; i++) {
		const struct source_sibling *t = &search->tried[i].sibling;

		if (source_identity_eq(&t->id, &sibling->id) && t->size == sibling->size &&
		    t->modified == sibling->modified)
			return &search->tried[i];
	}
	return NULL;
}

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

static bool
is_for_want_of_room(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
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
		else if (!is_for_want_of_room(tried->error))
			ev_timer_set(s->scan_timer, 0);
	}
	return trying;
}

/* ---- what each sibling is ------------------------------------------------------------ */

static bool
is_gone(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ESTALE;
}

/* Names have changed meanwhile, or it may be opened later: wait.  What may not be read
 * is not. */
static void
cannot_open(struct look *l, const struct source_sibling *sibling, int error)
{
	if (is_gone(error))
		l->wait = l->s->rescan = true;
	else if (error != ENOTSUP)
		source_health_problem(l->s, l->search->source, sibling->path, error);
	if (is_for_want_of_room(error))
		l->wait = true;
}

static bool
is_of_cut(const struct source_file *f, const struct source_record *cut)
{
	return cut->kind == RECORD_CUT && f->recovered && f->first == cut->offset &&
	    f->first_check == cut->check;
}

static void
judge_open(struct look *l, struct judged *j, struct source_file *f)
{
	for (size_t i = 0; i < l->records.n; i++)
		if (l->records.v[i].sought && is_of_cut(f, &l->records.v[i])) {
			/* It was taken before a rewind, and is rewound with the others. */
			l->records.v[i].sought = false;
			f->stated = true;
		}
	j->known = true;
	j->stated = f->stated;
	j->is.id = f->id;
}

static bool
judge_ended(struct judged *j, const struct source_sibling *sibling, const struct source_ended *ended)
{
	j->is = (struct source_record){.kind = RECORD_ENDED, .id = ended->id, .offset = ended->offset,
	    .check = ended->check};
	j->stated = true;
	/* It was written to after all. */
	j->take = !sibling->archive && sibling->size > ended->offset;
	j->known = !j->take;
	return true;
}

/* By its identity. */
static bool
is_known(struct look *l, const struct source_sibling *sibling, struct judged *j)
{
	struct source_file *f = source_set_find(l->s, &sibling->id);
	const struct source_stored *stored = source_set_stored(l->s, &sibling->id);
	const struct source_ended *ended = source_set_ended(l->s, &sibling->id);

	if (f != NULL) {
		judge_open(l, j, f);
		return true;
	}
	if (stored != NULL) {
		if (stored->missed) /* the next scan finds it */
			l->wait = l->s->rescan = true;
		j->known = j->stated = true;
		j->is.id = stored->id;
		return true;
	}
	return ended != NULL && judge_ended(j, sibling, ended);
}

static bool
sought_is(const struct source_record *a, const struct source_record *b)
{
	return a->sought && b->sought && a->kind == b->kind && a->offset == b->offset &&
	    source_identity_eq(&a->id, &b->id);
}

/* What is sought and is ${is}. */
static struct source_record *
sought_as(const struct look *l, const struct source_record *is)
{
	for (size_t i = 0; i < l->records.n; i++)
		if (sought_is(&l->records.v[i], is))
			return &l->records.v[i];
	return NULL;
}

static void
judge_by(const struct look *l, struct judged *j, struct source_record is)
{
	j->is = is;
	j->stated = is.stated;
	j->unread = is.kind == RECORD_NONE || sought_as(l, &is) != NULL;
	j->known = !j->unread;
}

static void
try_again(const struct look *l, struct source_tried *tried, const struct source_sibling *sibling)
{
	if (!l->wait)
		return;
	free(tried->sibling.path);
	tried->sibling.path = xstrdup(sibling->path);
	tried->over = false;
}

static void
judge_archive(struct look *l, const struct source_sibling *sibling, struct judged *j)
{
	struct source_search *search = l->search;
	struct source_tried *tried = tried_of(search, sibling);

	if (tried == NULL) {
		XGROW(search->tried, search->ntried);
		tried = &search->tried[search->ntried++];
		*tried = (struct source_tried){.sibling = *sibling};
		tried->sibling.path = xstrdup(sibling->path);
		tried->sibling.stamp = NULL;
	}
	if (!tried->over) {
		l->wait = true;
	} else if (tried->error == 0) {
		judge_by(l, j, tried->is);
	} else {
		cannot_open(l, sibling, tried->error);
		try_again(l, tried, sibling);
	}
}

static void
judge_plain(struct look *l, const struct source_sibling *sibling, struct judged *j)
{
	int error;
	struct source_file *f = source_file_open(sibling->path, false, &error);

	if (f == NULL)
		cannot_open(l, sibling, error);
	else if (!source_identity_eq(&f->id, &sibling->id))
		cannot_open(l, sibling, ENOENT);
	else
		judge_by(l, j, source_content_of(l->s, &l->records, sibling, f));
	source_file_free(&f);
}

/* A copy of what was cut away is the newest that may be one.  Others may begin alike: the
 * oldest is taken, for which all are looked at. */
static bool
is_found(const struct look *l, const struct source_record *record)
{
	for (size_t i = 0; i < l->siblings.n && record->kind == RECORD_CUT; i++)
		if (sought_is(&l->v[i].is, record))
			return true;
	return false;
}

static bool
any_sought(const struct look *l)
{
	for (size_t i = 0; i < l->records.n; i++)
		if (l->records.v[i].sought && !is_found(l, &l->records.v[i]))
			return true;
	return false;
}

static bool
is_older(const struct look *l, const struct source_sibling *sibling)
{
	return l->floor != 0 && sibling->modified < l->floor && (int64_t)sibling->id.birth < l->floor;
}

/* The newest first: where their order is known, what is before one that the state knows
 * is of no interest, unless something is sought. */
static void
judge_all(struct look *l)
{
	bool behind = false;

	for (size_t i = l->siblings.n; i > 0; i--) {
		const struct source_sibling *sibling = &l->siblings.v[i - 1];
		struct judged *j = &l->v[i - 1];

		if (!is_known(l, sibling, j) && (!behind || any_sought(l)) &&
		    !is_older(l, sibling)) {
			if (sibling->archive)
				judge_archive(l, sibling, j);
			else
				judge_plain(l, sibling, j);
		}
		behind |= l->siblings.ordered && j->stated;
	}
}

/* ---- what is to be read ---------------------------------------------------------------- */

static void
note_birth(struct look *l, uint64_t birth, bool sought)
{
	if (birth > l->newest)
		l->newest = birth;
	if (sought && (l->floor == 0 || (int64_t)birth < l->floor))
		l->floor = (int64_t)birth;
}

static void
note_births(struct look *l)
{
	const struct source_set *s = l->s;

	for (size_t i = 0; i < s->nfiles; i++)
		if (s->files[i]->stated && strcmp(s->files[i]->log, l->search->log) == 0)
			note_birth(l, s->files[i]->age, false);
	for (size_t i = 0; i < l->records.n; i++)
		if (l->records.v[i].kind != RECORD_OPEN)
			note_birth(l, l->records.v[i].stated ? l->records.v[i].id.birth : 0,
			    l->records.v[i].sought);
	if (l->floor == 0)
		l->floor = (int64_t)l->newest;
	if (l->floor != 0)
		l->floor -= TIME_SLACK;
}

/* Behind what is known to be older than ${record}? */
static bool
is_behind_older(const struct look *l, size_t i, const struct source_record *record)
{
	for (size_t k = i + 1; l->siblings.ordered && k < l->siblings.n; k++)
		if (l->v[k].known && l->v[k].is.id.birth != 0 &&
		    l->v[k].is.id.birth < record->id.birth)
			return false;
	return true;
}

/* A file of which nothing was read has nothing to be known again by: the oldest that it
 * can be is taken for it. */
static struct source_record *
sought_empty(const struct look *l, size_t i)
{
	const struct source_sibling *sibling = &l->siblings.v[i];
	struct source_record *oldest = NULL;

	for (size_t k = 0; k < l->records.n; k++) {
		struct source_record *record = &l->records.v[k];

		if (record->sought && record->kind == RECORD_STORED && record->offset == 0 &&
		    sibling->modified >= (int64_t)record->id.birth &&
		    is_behind_older(l, i, record) &&
		    (oldest == NULL || record->id.birth < oldest->id.birth))
			oldest = record;
	}
	return oldest;
}

/* Of what is cut in place the birth does not say what came after. */
static bool
is_later(const struct look *l, const struct source_sibling *sibling)
{
	if (l->newest == 0 || l->search->ncuts > 0)
		return false;
	return sibling->archive ? sibling->modified > (int64_t)l->newest
				: sibling->id.birth > l->newest;
}

static bool
is_new(const struct look *l, size_t i)
{
	bool any = false;

	if (!l->siblings.ordered)
		return is_later(l, &l->siblings.v[i]);
	for (size_t k = 0; k < l->siblings.n; k++) {
		bool stated = l->v[k].stated;

		if (stated && k > i)
			return false;
		any |= stated;
	}
	return any || is_later(l, &l->siblings.v[i]);
}

/* The oldest first. */
static void
choose(struct look *l)
{
	for (size_t i = 0; i < l->siblings.n; i++) {
		struct judged *j = &l->v[i];
		struct source_record *as;

		if (!j->unread)
			continue;
		as = sought_as(l, &j->is);
		if (as == NULL)
			as = sought_empty(l, i);
		j->is = as != NULL ? *as : (struct source_record){.kind = RECORD_NONE};
		j->take = j->stated = as != NULL;
		if (as != NULL)
			as->sought = false;
	}
	for (size_t i = 0; i < l->siblings.n; i++)
		if (l->v[i].unread && !l->v[i].take)
			l->v[i].take = is_new(l, i);
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
open_one(struct look *l, size_t i)
{
	const struct source_sibling *sibling = &l->siblings.v[i];
	struct judged *j = &l->v[i];
	int error;

	j->file = source_file_open(sibling->path, sibling->archive, &error);
	if (j->file == NULL)
		cannot_open(l, sibling, error);
	else if (!source_identity_eq(&j->file->id, &sibling->id))
		cannot_open(l, sibling, ENOENT);
	else if (!go_on_as(j->file, &j->is)) {
		if (j->is.kind == RECORD_ENDED) /* it is not what was read */
			source_file_free(&j->file);
		else
			cannot_open(l, sibling, ENOENT);
	}
	return !l->wait;
}

/* All or none. */
static bool
open_all(struct look *l)
{
	for (size_t i = 0; i < l->siblings.n; i++)
		if (l->v[i].take && !open_one(l, i))
			return false;
	return true;
}

static const struct source_cut *
cut_of(const struct look *l, const struct source_record *record)
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
tell_cut(const struct look *l, const struct source_cut *cut, uint64_t from, const char *text)
{
	struct source_file *f = source_set_find(l->s, &cut->id);

	if (f != NULL)
		source_file_add_gap(
		    f, TROUBLE_TRUNCATED, from, cut->size > from ? cut->size : from, text);
}

/* To be read before the one that has the name, or that was cut. */
static void
take(struct look *l, struct judged *j)
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
give_up(struct look *l, const struct source_record *record)
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
finish(struct look *l)
{
	choose(l);
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
list(struct look *l)
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
	struct look l = {.s = s, .search = search};

	look_at_files(s, search);
	if (list(&l)) {
		l.records = source_content_records(s, search);
		l.v = xcalloc(l.siblings.n, sizeof(*l.v));
		note_births(&l);
		judge_all(&l);
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
