/*
 * source_content: which of the contents that a log is known to have had is this file?
 *
 * A file that is not known by its identity may be a copy of one that is, or what was
 * made of it by gzip or zstd.  What is known of a content is the check of what stands
 * before an offset; of an open file it is the file.  Of what was read to its end only
 * the whole is the same, for logs may well begin alike.
 *
 * Decides nothing about what is to be done: source_recover.c does.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "source/source_internal.h"
#include "util/xalloc.h"

/* ---- what is known ---------------------------------------------------------------- */

static void
add(struct source_records *r, struct source_record record)
{
	XGROW(r->v, r->n);
	r->v[r->n++] = record;
}

static uint64_t
value_at(int fd, uint64_t offset)
{
	struct source_check c;

	return offset > 0 && source_check_load(&c, fd, offset) ? source_check_value(&c) : 0;
}

/* Of a copy, which may have the time of what it was made of, that. */
static uint64_t
since(const struct source_file *f)
{
	struct stat st;
	uint64_t modified;

	if (fstat(f->fd, &st) < 0)
		return 0;
	modified = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
	return modified < f->file_id.birth ? modified : f->file_id.birth;
}

static void
add_open(struct source_records *r, const struct source_file *f)
{
	struct source_record record = {.kind = RECORD_OPEN, .id = f->id, .stated = f->stated};

	if (f->archive != NULL) {
		record.kind = RECORD_STORED;
		record.offset = f->last.offset;
		record.check = f->last.check;
	} else {
		record.offset = f->size;
		record.check = value_at(f->fd, f->size);
		record.since = since(f);
	}
	add(r, record);
}

/* By offset; of equal ones that which is sought comes last. */
static int
by_offset(const void *va, const void *vb)
{
	const struct source_record *a = va, *b = vb;

	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return (int)a->sought - (int)b->sought;
}

struct source_records
source_content_records(const struct source_set *s, const struct source_search *search)
{
	struct source_records r = {NULL, 0};

	for (size_t i = 0; i < s->nended; i++)
		if (strcmp(s->ended[i].log, search->log) == 0)
			add(&r, (struct source_record){.kind = RECORD_ENDED, .id = s->ended[i].id,
			    .offset = s->ended[i].offset, .check = s->ended[i].check, .stated = true});
	for (size_t i = 0; i < s->nfiles; i++)
		if (strcmp(s->files[i]->log, search->log) == 0)
			add_open(&r, s->files[i]);
	for (size_t i = 0; i < s->nstored; i++)
		if (!s->stored[i].done && strcmp(s->stored[i].log, search->log) == 0)
			add(&r, (struct source_record){.kind = RECORD_STORED, .id = s->stored[i].id,
			    .offset = s->stored[i].offset, .check = s->stored[i].check, .stated = true,
			    .sought = s->stored[i].missed});
	for (size_t i = 0; i < search->ncuts; i++)
		add(&r, (struct source_record){.kind = RECORD_CUT, .id = search->cuts[i].id,
		    .offset = search->cuts[i].offset, .check = search->cuts[i].check, .stated = true,
		    .sought = true});
	if (r.n > 0)
		qsort(r.v, r.n, sizeof(*r.v), by_offset);
	return r;
}

void
source_content_forget(struct source_records *r)
{
	free(r->v);
	*r = (struct source_records){NULL, 0};
}

/* Nothing is older than what it is a copy of. */
static bool
may_be(const struct source_record *record, const struct source_sibling *sibling)
{
	return record->check != 0 &&
	    (sibling->archive ? sibling->modified >= (int64_t)record->since
			      : sibling->id.birth == 0 || sibling->id.birth >= record->since);
}

/* ---- files as they are ------------------------------------------------------------- */

/* Of an open file a copy may have the beginning, but no more than the file. */
static bool
is_of_open(const struct source_set *s, const struct source_id *id, uint64_t size, uint64_t value)
{
	const struct source_file *f = source_set_find(s, id);

	return f != NULL && f->archive == NULL && size <= f->size && value != 0 &&
	    value_at(f->fd, size) == value;
}

static bool
is_of(const struct source_set *s, const struct source_record *record, const struct source_file *f)
{
	switch (record->kind) {
	case RECORD_OPEN:
		return is_of_open(s, &record->id, f->size, value_at(f->fd, f->size));
	case RECORD_ENDED:
		return f->size == record->offset && value_at(f->fd, f->size) == record->check;
	case RECORD_STORED:
	case RECORD_CUT:
		return f->size >= record->offset && value_at(f->fd, record->offset) == record->check;
	case RECORD_NONE:
	case RECORD_EMPTY:
		break;
	}
	return false;
}

/* What was read after a copy was made and before the file was cut is in no copy.  So the
 * copy may be shorter than what was read; ${c} is of how it begins. */
static struct source_record
begun_by(const struct source_records *r, const struct source_check *c, uint64_t size)
{
	for (size_t i = r->n; i > 0 && size >= SOURCE_CHECK_SIZE; i--) {
		struct source_record record = r->v[i - 1];

		record.brief = true;
		if (record.kind == RECORD_CUT && record.offset > size &&
		    source_check_same_head(c, record.check))
			return record;
	}
	return (struct source_record){.kind = RECORD_NONE};
}

struct source_record
source_content_of(const struct source_set *s, const struct source_records *r,
    const struct source_sibling *sibling, const struct source_file *f)
{
	struct source_check c;

	for (size_t i = r->n; i > 0; i--)
		if (may_be(&r->v[i - 1], sibling) && is_of(s, &r->v[i - 1], f))
			return r->v[i - 1];
	if (f->size == 0 || !source_check_load(&c, f->fd, f->size))
		return (struct source_record){.kind = RECORD_NONE};
	return begun_by(r, &c, f->size);
}

/* What copies a file makes an empty one first; and the file may have been cut since. */
bool
source_content_is_copy(struct source_set *s, const char *path)
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
		    is_of_open(s, &f->id, copy->size, value_at(copy->fd, copy->size));
	}
	source_file_free(&copy);
	return is;
}

/* ---- archives ------------------------------------------------------------------------ */

struct source_trial {
	struct source_file *file;
	struct source_records records; /* which it may be */
	struct source_check check;     /* of what came out of it */
	uint64_t at;
	struct source_record is;
};

struct source_trial *
source_trial_new(const struct source_records *r, const struct source_sibling *sibling,
    struct source_file *f)
{
	struct source_trial *t = xcalloc(1, sizeof(*t));

	t->file = f;
	for (size_t i = 0; i < r->n; i++)
		if (may_be(&r->v[i], sibling))
			add(&t->records, r->v[i]);
	return t;
}

void
source_trial_free(struct source_trial **tp)
{
	struct source_trial *t = *tp;

	if (t == NULL)
		return;
	source_file_free(&t->file);
	source_content_forget(&t->records);
	free(t);
	*tp = NULL;
}

struct source_record
source_trial_result(const struct source_trial *t)
{
	return t->is;
}

/* Does this record only hold for the whole? */
static bool
needs_end(const struct source_record *record)
{
	return record->kind == RECORD_ENDED || record->kind == RECORD_OPEN;
}

/* How much is to be decompressed until more can be said; 0: nothing can. */
static size_t
next_piece(const struct source_trial *t)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < t->records.n; i++) {
		const struct source_record *record = &t->records.v[i];
		uint64_t to = record->offset + (needs_end(record) ? 1 : 0);

		if (to <= t->at || to >= next)
			continue;
		if (t->at < SOURCE_CHECK_SIZE || source_check_same_head(&t->check, record->check))
			next = to;
	}
	if (next == UINT64_MAX)
		return 0;
	/* How it begins rules most of them out. */
	if (t->at < SOURCE_CHECK_SIZE && next > SOURCE_CHECK_SIZE)
		next = SOURCE_CHECK_SIZE;
	return next - t->at < SOURCE_READ_SIZE ? (size_t)(next - t->at) : SOURCE_READ_SIZE;
}

static void
compare(struct source_trial *t)
{
	for (size_t i = 0; i < t->records.n; i++)
		if (!needs_end(&t->records.v[i]) && t->records.v[i].offset == t->at &&
		    t->records.v[i].check == source_check_value(&t->check))
			t->is = t->records.v[i];
}

static void
compare_whole(const struct source_set *s, struct source_trial *t)
{
	uint64_t value = source_check_value(&t->check);

	if (t->at == 0)
		t->is.kind = RECORD_EMPTY;
	if (t->at == 0 || (t->is.sought && t->is.offset == t->at))
		return;
	for (size_t i = 0; i < t->records.n; i++) {
		const struct source_record *record = &t->records.v[i];

		if (record->kind == RECORD_ENDED
			? record->offset == t->at && record->check == value
			: record->kind == RECORD_OPEN && is_of_open(s, &record->id, t->at, value))
			t->is = *record;
	}
	if (t->is.kind == RECORD_NONE)
		t->is = begun_by(&t->records, &t->check, t->at);
}

bool
source_trial_step(const struct source_set *s, struct source_trial *t)
{
	size_t want = next_piece(t);
	const char *why;
	ssize_t got;

	if (want == 0)
		return true;
	got = source_archive_read(t->file->archive, s->buffer, want, &why);
	if (got <= 0) {
		compare_whole(s, t);
		return true;
	}
	source_check_add(&t->check, s->buffer, (size_t)got);
	t->at += (uint64_t)got;
	compare(t);
	return false;
}
