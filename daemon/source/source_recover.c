/*
 * source_recover: content that is not where it was.
 *
 * A file that is to be read on may be found by its identity no more: compressed,
 * moved to another file system, or copied away and cut.  Then the rotated files of
 * its path are looked at, the newest first, for what was read last at the offset
 * where reading ended.  Those that are newer than the one found have come and gone
 * unseen and are read whole, before the file that has the name now.  Names and
 * times only say what to look at and in which order.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/config.h"
#include "source/source_internal.h"
#include "util/clock.h"
#include "util/crash.h"
#include "util/log.h"
#include "util/xalloc.h"

#define COMPARE_MOST (UINT64_C(256) << 20) /* what is equal so far is the same */

/* ---- copies ------------------------------------------------------------------------- */

/* Does ${fd}, of ${size} bytes, have what ${f} has there? */
static bool
begins_as(const struct source_file *f, int fd, uint64_t size)
{
	struct source_check a, b;

	if (size > f->size)
		size = f->size;
	return size > 0 && source_check_load(&a, fd, size) && source_check_load(&b, f->fd, size) &&
	    source_check_value(&a) == source_check_value(&b);
}

/* What copies a file makes an empty one first; and the file may have been cut since. */
bool
source_recover_is_copy(struct source_set *s, const char *path)
{
	struct source_file *copy = NULL;
	bool is = false;
	int error;

	for (size_t i = 0; i < s->nfiles && !is; i++) {
		struct source_file *f = s->files[i];

		if (f->gone || f->archive != NULL || !source_sibling_is(f->stream.path, path))
			continue;
		if (copy == NULL && (copy = source_file_open(path, false, &error)) == NULL)
			return false;
		source_set_check(s, f);
		is = copy->size == 0 ||
		    (copy->size <= f->size && begins_as(f, copy->fd, copy->size));
	}
	source_file_free(&copy);
	return is;
}

/* ---- generations that nobody has seen ------------------------------------------------ */

static bool
is_known(const struct source_set *s, const struct source_id *id)
{
	return source_set_find(s, id) != NULL || source_set_has_stored(s, id);
}

/* Take ${f}, a rotated file of ${path}, to be read before the one that has the name. */
static void
take(struct source_set *s, const struct source *source, const char *path, struct source_file *f,
    struct source_file *newer)
{
	f->recovered = f->gone = true;
	f->announce = true;
	f->first = f->lines.begin;
	f->first_check = f->last.check;
	f->look_between = newer == NULL;
	log_info("source", "%s: a rotated file of %s, read from byte %llu", f->stream.path, path,
	    (unsigned long long)f->lines.begin);
	source_file_rename(f, xstrdup(path));
	source_set_add(s, source, f, newer);
	CRASH_POINT("rotated-file-taken");
}

/* What is looked for: later than this. */
struct after {
	const char *path;
	uint64_t birth;         /* of the last file known; 0 = not known */
	int64_t modified;       /* ns; archives must be younger.  0 = by their order alone */
	uint64_t offset, check; /* a copy of that file is no other generation */
	const struct source_file *file; /* that one, if it is open */
};

static bool
is_later(const struct source_sibling *sibling, const struct after *after)
{
	if (sibling->archive)
		return sibling->modified > after->modified;
	return after->birth == 0 || sibling->id.birth == 0 || sibling->id.birth > after->birth;
}

/* What compresses a file keeps its time, and we may still hold the file. */
static bool
is_held(const struct source_set *s, const char *path, const struct source_sibling *archive)
{
	for (size_t i = 0; i < s->nfiles; i++) {
		const struct source_file *f = s->files[i];
		struct stat st;

		if (f->gone && f->archive == NULL && strcmp(f->stream.path, path) == 0 &&
		    fstat(f->fd, &st) == 0 && st.st_nlink == 0 &&
		    (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec ==
		        archive->modified)
			return true;
	}
	return false;
}

/* Is ${f}, an archive just opened, the content of ${held}, or its beginning? */
static bool
archives(struct source_file *f, const struct source_file *held)
{
	char *packed = xmalloc(SOURCE_READ_SIZE), *plain = xmalloc(SOURCE_READ_SIZE);
	uint64_t at = 0;
	const char *why;
	ssize_t n = 0;
	bool same = true;

	while (same && at < COMPARE_MOST &&
	    (n = source_archive_read(f->archive, packed, SOURCE_READ_SIZE, &why)) > 0) {
		same = pread(held->fd, plain, (size_t)n, (off_t)at) == n &&
		    memcmp(packed, plain, (size_t)n) == 0;
		at += (uint64_t)n;
	}
	free(packed);
	free(plain);
	source_archive_rewind(&f->archive);
	return same && n >= 0 && at > 0;
}

/* The same by what is in them: it may have been compressed by what does not keep its
 * time. */
static bool
is_held_by_content(const struct source_set *s, const char *path, struct source_file *f)
{
	for (size_t i = 0; i < s->nfiles && f->archive != NULL; i++) {
		const struct source_file *held = s->files[i];

		if (held->gone && held->archive == NULL && strcmp(held->stream.path, path) == 0 &&
		    archives(f, held))
			return true;
	}
	return false;
}

static bool
is_copy(const struct source_file *f, const struct after *after)
{
	if (f->archive != NULL || f->size == 0)
		return false;
	if (after->file != NULL)
		return begins_as(after->file, f->fd, f->size);
	return after->check != 0 && f->size >= after->offset &&
	    source_check_holds(f->fd, after->offset, after->check);
}

static void
take_unseen(struct source_set *s, const struct source *source, const struct source_sibling *sibling,
    const struct after *after, struct source_file *newer)
{
	struct source_file *f;
	int error;

	if (is_known(s, &sibling->id) || !is_later(sibling, after) ||
	    (sibling->archive && is_held(s, after->path, sibling)))
		return;
	f = source_file_open(sibling->path, true, &error);
	if (f == NULL) {
		source_health_problem(s, source, sibling->path, error);
		return;
	}
	if (sibling->archive && f->archive != NULL && is_held_by_content(s, after->path, f)) {
		source_file_free(&f);
		return;
	}
	if ((f->archive == NULL && sibling->archive) || is_known(s, &f->id) || is_copy(f, after)) {
		source_file_free(&f);
		return;
	}
	s->stats.rotations++;
	take(s, source, after->path, f, newer);
}

/* All of ${siblings} from ${i} on, in order. */
static void
take_all_unseen(struct source_set *s, const struct source *source,
    const struct source_siblings *siblings, size_t i, const struct after *after,
    struct source_file *newer)
{
	for (; i < siblings->n; i++)
		take_unseen(s, source, &siblings->v[i], after, newer);
}

/* Does the state know of no younger file of ${path} than ${id}, nor of one that has the
 * name?  What came between files that it knows was read and is forgotten; an open file
 * that it does not know of, found since it was last committed, says nothing. */
static bool
is_newest(const struct source_set *s, const char *path, const struct source_id *id, uint64_t age)
{
	/* The age of an archive is when its content was last written to, which may be in
	 * the tick in which the next file was born. */
	uint64_t least = age == id->birth ? age + 1 : age;

	for (size_t i = 0; i < s->nfiles; i++) {
		const struct source_file *f = s->files[i];

		if (f->stated && (!f->gone || f->age >= least) &&
		    !source_identity_eq(&f->id, id) && strcmp(f->stream.path, path) == 0)
			return false;
	}
	for (size_t i = 0; i < s->nended; i++)
		if (s->ended[i].birth >= least && s->ended[i].birth != id->birth &&
		    strcmp(s->ended[i].path, path) == 0)
			return false;
	for (size_t i = 0; i < s->nstored; i++)
		if (s->stored[i].id.birth >= least &&
		    !source_identity_eq(&s->stored[i].id, id) &&
		    strcmp(s->stored[i].path, path) == 0)
			return false;
	return true;
}

void
source_recover_between(
    struct source_set *s, const struct source *source, const struct source_file *f)
{
	struct source_siblings siblings = source_siblings_of(source->conf, f->stream.path, &s->fs);
	size_t own = source_siblings_find(&siblings, &f->id);
	struct after after = {.path = f->stream.path,
	    .birth = f->archive == NULL ? f->id.birth : 0,
	    .file = f->archive == NULL ? f : NULL};
	struct stat st;

	if (own == siblings.n && fstat(f->fd, &st) == 0)
		after.modified = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	/* Without a time of birth there is no telling which are later. */
	if (is_newest(s, f->stream.path, &f->id, f->age) && (own < siblings.n || after.birth != 0))
		take_all_unseen(s, source, &siblings, own == siblings.n ? 0 : own + 1, &after,
		    source_set_at(s, f->stream.path));
	source_siblings_free(&siblings);
}

/* ---- what is sought -------------------------------------------------------------------- */

static void
missing_free(struct source_missing *m)
{
	source_siblings_free(&m->siblings);
	source_file_free(&m->trial);
	free(m->path);
	free(m);
}

static struct source_stored *
stored_of(struct source_set *s, const struct source_missing *m)
{
	for (size_t i = 0; !m->cut && i < s->nstored; i++)
		if (source_identity_eq(&s->stored[i].id, &m->id))
			return &s->stored[i];
	return NULL;
}

/* The file that comes after what was sought. */
static struct source_file *
newer_than(const struct source_set *s, const struct source_missing *m)
{
	return m->cut ? source_set_find(s, &m->id) : source_set_at(s, m->path);
}

static void
settle_stored(struct source_set *s, const struct source_missing *m, bool lost)
{
	struct source_stored *st = stored_of(s, m);

	if (st == NULL)
		return;
	st->done = true;
	st->lost = lost;
}

/* How much of the cut content nobody has read, as far as that is known. */
static void
settle_cut(struct source_set *s, const struct source_missing *m, uint64_t from, const char *text)
{
	struct source_file *f = m->cut ? source_set_find(s, &m->id) : NULL;

	if (f != NULL)
		source_file_add_gap(
		    f, TROUBLE_TRUNCATED, from, m->size > from ? m->size : from, text);
}

static int64_t
modified_of(const struct source_file *f)
{
	struct stat st;

	return fstat(f->fd, &st) < 0 ? 0 : (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* ${f} is the one that was sought.  Its siblings may have other names by now than when
 * the search began. */
static void
take_later(struct source_set *s, const struct source_missing *m, const struct source_file *f,
    struct source_file *newer)
{
	struct source_siblings siblings = source_siblings_of(m->source->conf, m->path, &s->fs);
	size_t own = source_siblings_find(&siblings, &f->id);
	struct after after = {.path = m->path,
	    .birth = m->id.birth,
	    .modified = own == siblings.n ? modified_of(f) : 0,
	    .offset = m->offset,
	    .check = m->check};

	take_all_unseen(s, m->source, &siblings, own == siblings.n ? 0 : own + 1, &after, newer);
	source_siblings_free(&siblings);
}

/* ${f} has the content and is taken. */
static void
found(struct source_set *s, const struct source_missing *m, struct source_file *f)
{
	struct source_file *newer = newer_than(s, m);

	if (m->cut && f->archive == NULL && f->size < m->size)
		settle_cut(s, m, f->size, "cut away after it was copied");
	take(s, m->source, m->path, f, newer);
	f->stated = true;
	if (m->newest)
		take_later(s, m, f, newer);
	settle_stored(s, m, false);
}

static void
not_found(struct source_set *s, const struct source_missing *m)
{
	struct source_siblings siblings;
	struct after after = {.path = m->path,
	    .birth = m->id.birth,
	    .modified = (int64_t)m->id.birth,
	    .offset = m->offset,
	    .check = m->check};

	settle_cut(s, m, m->offset, "cut away, and no copy of it found");
	if (m->cut)
		return;
	if (m->newest && m->id.birth != 0) {
		siblings = source_siblings_of(m->source->conf, m->path, &s->fs);
		take_all_unseen(s, m->source, &siblings, 0, &after, newer_than(s, m));
		source_siblings_free(&siblings);
	}
	settle_stored(s, m, true);
}

/* ---- seeking ------------------------------------------------------------------------- */

static bool
head_fits(struct source_file *f, uint64_t offset, uint64_t check)
{
	struct source_check c;
	char head[SOURCE_CHECK_SIZE];
	const char *why;
	ssize_t got = 1;

	source_check_clear(&c);
	while (got > 0 && c.nhead < sizeof(head) && c.nhead < offset) {
		size_t want = sizeof(head) - c.nhead;

		if (want > offset - c.nhead)
			want = (size_t)(offset - c.nhead);
		got = source_archive_read(f->archive, head, want, &why);
		if (got > 0)
			source_check_add(&c, head, (size_t)got);
	}
	return source_check_same_head(&c, check);
}

enum result { NOT_THIS, IS_THIS, MAY_BE };

static enum result
try_open(const struct source_missing *m, struct source_file *f, bool archive)
{
	if (archive != (f->archive != NULL))
		return NOT_THIS;
	if (archive && !head_fits(f, m->offset, m->check))
		return NOT_THIS;
	if (!source_file_seek(f, m->offset, m->check))
		return NOT_THIS;
	return archive ? MAY_BE : IS_THIS;
}

/* What was taken before a rewind is rewound with the others.  NULL when it was not. */
static struct source_file *
taken(const struct source_set *s, const struct source_missing *m)
{
	for (size_t i = 0; i < s->nfiles; i++) {
		struct source_file *f = s->files[i];

		if (f->recovered && f->first == m->offset && f->first_check == m->check &&
		    strcmp(f->stream.path, m->path) == 0)
			return f;
	}
	return NULL;
}

static enum result
try(struct source_set *s, struct source_missing *m, const struct source_sibling *sibling,
    struct source_file **f)
{
	enum result result;
	int error;

	*f = NULL;
	if (is_known(s, &sibling->id))
		return NOT_THIS;
	*f = source_file_open(sibling->path, true, &error);
	if (*f == NULL)
		return NOT_THIS;
	result = try_open(m, *f, sibling->archive);
	if (result == NOT_THIS)
		source_file_free(f);
	return result;
}

/* One step.  True when the search is over. */
static bool
seek(struct source_set *s, struct source_missing *m)
{
	struct source_file *f;

	if (m->trial != NULL) {
		f = m->trial;
		if (f->decoded < f->lines.at && !f->other)
			source_file_read(f, s->buffer, NULL);
		if (f->decoded < f->lines.at && !f->other)
			return false;
		m->trial = NULL;
		if (!f->other) {
			found(s, m, f);
			return true;
		}
		source_file_free(&f);
	}
	if (m->check == 0 || m->left == 0) {
		not_found(s, m);
		return true;
	}
	m->left--;
	switch (try(s, m, &m->siblings.v[m->left], &f)) {
	case IS_THIS:
		found(s, m, f);
		return true;
	case MAY_BE:
		m->trial = f;
		return false;
	case NOT_THIS:
		break;
	}
	return false;
}

/* What needs no decompressing is found at once. */
static void
begin(struct source_set *s, struct source_missing *m)
{
	struct source_file *f = taken(s, m);

	if (f != NULL) {
		f->stated = true;
		settle_stored(s, m, false);
		missing_free(m);
		return;
	}
	m->siblings = source_siblings_of(m->source->conf, m->path, &s->fs);
	m->left = m->siblings.n;
	while (m->trial == NULL)
		if (seek(s, m)) {
			missing_free(m);
			return;
		}
	XGROW(s->missing, s->nmissing);
	s->missing[s->nmissing++] = m;
}

void
source_recover_stored(
    struct source_set *s, const struct source *source, struct source_stored *st)
{
	struct source_missing *m = xcalloc(1, sizeof(*m));

	*m = (struct source_missing){.source = source,
	    .path = xstrdup(st->path),
	    .id = st->id,
	    /* Nothing younger has been read before this was begun. */
	    .newest = st->offset == 0 || is_newest(s, st->path, &st->id, st->id.birth),
	    .offset = st->offset,
	    .check = st->check};
	st->sought = true;
	st->source = source->conf->id.s;
	begin(s, m);
}

/* ---- cut ------------------------------------------------------------------------------- */

static const struct source *
source_of(const struct source_set *s, const struct source_file *f)
{
	size_t i = 0;

	while (s->sources[i].conf->id.s != f->stream.source)
		i++;
	return &s->sources[i];
}

/* Cut shorter, but what is left has been there before: go on from where that is
 * known for certain. */
static bool
go_on(struct source_file *f, uint64_t offset, uint64_t seen)
{
	uint64_t from;

	if (f->size >= offset || !source_steps_hold(&f->steps, f->fd, f->size))
		return false;
	from = f->steps.v[f->steps.n - 1].offset;
	if (from < SOURCE_CHECK_SIZE) /* files may well begin alike */
		return false;
	source_file_begin(f, from);
	f->first = from;
	source_file_add_gap(f, TROUBLE_TRUNCATED, offset, seen, "cut shorter");
	return true;
}

void
source_recover_cut(struct source_set *s, struct source_file *f, uint64_t offset, uint64_t check)
{
	uint64_t seen = f->before > offset ? f->before : offset;
	struct source_missing *m;

	s->stats.truncations++;
	f->announce = true;
	f->shrunk = 0;
	if (go_on(f, offset, seen))
		return;
	source_file_begin(f, 0);
	source_steps_clear(&f->steps);
	f->renewed = true;
	f->first = 0;
	f->more = f->size > 0;
	if (f->recovered || check == 0) {
		source_file_add_gap(f, TROUBLE_TRUNCATED, offset, seen, "cut away");
		return;
	}
	m = xcalloc(1, sizeof(*m));
	*m = (struct source_missing){.source = source_of(s, f),
	    .path = xstrdup(f->stream.path),
	    .id = f->id,
	    .cut = true,
	    .newest = true,
	    .offset = offset,
	    .check = check,
	    .size = seen};
	begin(s, m);
}

/* ---- turns ----------------------------------------------------------------------------- */

bool
source_recover_turn(struct source_set *s)
{
	for (size_t i = 0; i < s->nmissing;) {
		struct source_missing *m = s->missing[i];

		if (!seek(s, m)) {
			i++;
			continue;
		}
		missing_free(m);
		s->nmissing--;
		memmove(s->missing + i, s->missing + i + 1,
		    (s->nmissing - i) * sizeof(*s->missing));
	}
	return s->nmissing > 0;
}

bool
source_recover_holds(const struct source_set *s, const char *path)
{
	for (size_t i = 0; i < s->nmissing; i++)
		if (strcmp(s->missing[i]->path, path) == 0)
			return true;
	return false;
}

void
source_recover_forget(struct source_set *s)
{
	for (size_t i = 0; i < s->nmissing; i++)
		missing_free(s->missing[i]);
	s->nmissing = 0;
}
