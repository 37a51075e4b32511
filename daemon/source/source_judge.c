/*
 * source_judge: what each rotated file of a log is, and whether it is to be read.
 *
 * Changes nothing but what is found out of the files; source_recover.c does.
 */
#include "source/source_judge.h"

#include <errno.h>
#include <stdlib.h>

#include "util/xalloc.h"

/* Clocks and births of archives say no more exactly than this which are the older. */
#define TIME_SLACK (INT64_C(600) * 1000000000)

/* ---- what each sibling is ------------------------------------------------------------ */

bool
source_judge_is_full(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

static bool
is_gone(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ESTALE;
}

void
source_judge_cannot_open(struct source_look *l, const struct source_sibling *sibling, int error)
{
	if (is_gone(error))
		l->wait = l->s->rescan = true;
	else if (error != ENOTSUP)
		source_health_problem(l->s, l->search->source, sibling->path, error);
	if (source_judge_is_full(error))
		l->wait = true;
}

static bool
is_of_cut(const struct source_file *f, const struct source_record *cut)
{
	return cut->kind == RECORD_CUT && f->recovered && f->first == cut->offset &&
	    f->first_check == cut->check;
}

static void
judge_open(struct source_look *l, struct source_judged *j, struct source_file *f)
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
judge_ended(struct source_judged *j, const struct source_sibling *sibling, const struct source_ended *ended)
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
is_known(struct source_look *l, const struct source_sibling *sibling, struct source_judged *j)
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
sought_is(const struct source_record *sought, const struct source_record *is)
{
	return sought->sought && sought->kind == is->kind && sought->offset == is->offset &&
	    source_identity_eq(&sought->id, &is->id);
}

/* What is sought and is ${is}. */
static struct source_record *
sought_as(const struct source_look *l, const struct source_record *is)
{
	for (size_t i = 0; i < l->records.n; i++)
		if (sought_is(&l->records.v[i], is))
			return &l->records.v[i];
	return NULL;
}

static void
judge_by(const struct source_look *l, struct source_judged *j, struct source_record is)
{
	j->is = is;
	j->stated = is.stated;
	j->empty = is.kind == RECORD_EMPTY;
	j->unread = is.kind == RECORD_NONE || j->empty || sought_as(l, &is) != NULL;
	j->known = !j->unread;
}

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
try_again(const struct source_look *l, struct source_tried *tried, const struct source_sibling *sibling)
{
	if (!l->wait)
		return;
	free(tried->sibling.path);
	tried->sibling.path = xstrdup(sibling->path);
	tried->over = false;
}

static void
judge_archive(struct source_look *l, const struct source_sibling *sibling, struct source_judged *j)
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
		source_judge_cannot_open(l, sibling, tried->error);
		try_again(l, tried, sibling);
	}
}

static void
judge_plain(struct source_look *l, const struct source_sibling *sibling, struct source_judged *j)
{
	int error;
	struct source_file *f = source_file_open(sibling->path, false, &error);

	if (f == NULL)
		source_judge_cannot_open(l, sibling, error);
	else if (!source_identity_eq(&f->id, &sibling->id))
		source_judge_cannot_open(l, sibling, ENOENT);
	else
		judge_by(l, j, source_content_of(l->s, &l->records, sibling, f));
	source_file_free(&f);
}

/* A copy of what was cut away is the newest that may be one.  Others may begin alike: the
 * oldest is taken, for which all are looked at. */
static bool
is_found(const struct source_look *l, const struct source_record *record)
{
	for (size_t i = 0; i < l->siblings.n && record->kind == RECORD_CUT; i++)
		if (!l->v[i].is.brief && sought_is(record, &l->v[i].is))
			return true;
	return false;
}

static bool
any_sought(const struct source_look *l)
{
	for (size_t i = 0; i < l->records.n; i++)
		if (l->records.v[i].sought && !is_found(l, &l->records.v[i]))
			return true;
	return false;
}

static bool
is_older(const struct source_look *l, const struct source_sibling *sibling)
{
	return l->floor != 0 && sibling->modified < l->floor && (int64_t)sibling->id.birth < l->floor;
}

static void
note_birth(struct source_look *l, uint64_t birth, bool sought)
{
	if (birth > l->newest)
		l->newest = birth;
	if (sought && (l->floor == 0 || (int64_t)birth < l->floor))
		l->floor = (int64_t)birth;
}

static void
note_births(struct source_look *l)
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

void
source_judge_all(struct source_look *l)
{
	bool behind = false;

	note_births(l);
	for (size_t i = l->siblings.n; i > 0; i--) {
		const struct source_sibling *sibling = &l->siblings.v[i - 1];
		struct source_judged *j = &l->v[i - 1];

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

/* Behind what is known to be older than ${record}? */
static bool
is_behind_older(const struct source_look *l, size_t i, const struct source_record *record)
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
sought_empty(const struct source_look *l, size_t i)
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
is_later(const struct source_look *l, const struct source_sibling *sibling)
{
	if (l->newest == 0 || l->search->ncuts > 0)
		return false;
	return sibling->archive ? sibling->modified > (int64_t)l->newest
				: sibling->id.birth > l->newest;
}

static bool
is_new(const struct source_look *l, size_t i)
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

/* What was cut before anything of it was read is what came since. */
static void
settle_unread_cut(struct source_look *l)
{
	for (size_t i = 0; i < l->records.n; i++) {
		struct source_record *record = &l->records.v[i];

		if (record->sought && record->kind == RECORD_CUT && record->offset == 0) {
			record->sought = false;
			return;
		}
	}
}

void
source_judge_choose(struct source_look *l)
{
	for (size_t i = 0; i < l->siblings.n; i++) {
		struct source_judged *j = &l->v[i];
		struct source_record *as;

		if (!j->unread)
			continue;
		as = sought_as(l, &j->is);
		if (as != NULL && j->is.brief && !is_found(l, as)) {
			j->unread = false; /* all of it was read */
			continue;
		}
		if (j->is.brief)
			as = NULL;
		if (as == NULL)
			as = sought_empty(l, i);
		j->is = as != NULL ? *as : (struct source_record){.kind = RECORD_NONE};
		j->take = j->stated = as != NULL;
		if (as != NULL)
			as->sought = false;
	}
	for (size_t i = 0; i < l->siblings.n; i++)
		if (l->v[i].unread && !l->v[i].take && !l->v[i].empty) {
			l->v[i].take = is_new(l, i);
			if (l->v[i].take)
				settle_unread_cut(l);
		}
}
