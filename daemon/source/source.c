/*
 * source: the set of followed files: start and rewind, pause, when to scan and to
 * take a turn, what people ask about it.
 *
 * Makes no callbacks itself: see source_turn.c.
 */
#include "source/source.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "source/source_internal.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define SCAN_EVERY 1000 /* ms */
#define SCAN_GAP 100    /* ms at least between scans, however often names change */
/* How long a file without a name must not have grown to be at its end.  A writer
 * is told to reopen within seconds of the rename; what it had in hand is waited
 * for. */
#define GRACE 10000 /* ms */

/* ---- the files of the set ------------------------------------------------------ */

static size_t
bucket_of(const struct source_id *id)
{
	return id->inode % SOURCE_BUCKETS;
}

struct source_file *
source_set_find(const struct source_set *s, const struct source_id *id)
{
	struct source_file *f = s->buckets[bucket_of(id)];

	while (f != NULL && !source_id_eq(&f->id, id))
		f = f->bucket;
	return f;
}

void
source_set_add(struct source_set *s, const struct source *source, struct source_file *f)
{
	struct source_file **bucket = &s->buckets[bucket_of(&f->id)];

	f->stream.source = source->conf->id.s;
	for (size_t i = 0; i < s->nfiles; i++)
		if (strcmp(s->files[i]->stream.path, f->stream.path) == 0)
			f->older = s->files[i];
	f->bucket = *bucket;
	*bucket = f;
	XGROW(s->files, s->nfiles);
	s->files[s->nfiles++] = f;
	source_watch_file(s->watch, f);
}

void
source_set_take_out(struct source_set *s, size_t i)
{
	struct source_file *f = s->files[i], **link = &s->buckets[bucket_of(&f->id)];

	while (*link != f)
		link = &(*link)->bucket;
	*link = f->bucket;
	memmove(s->files + i, s->files + i + 1, (s->nfiles - i - 1) * sizeof(*s->files));
	s->nfiles--;
	for (i = 0; i < s->nfiles; i++)
		if (s->files[i]->older == f)
			s->files[i]->older = f->older;
	source_watch_forget(s->watch, f);
}

void
source_set_check(struct source_set *s, struct source_file *f)
{
	if (source_file_check(f))
		s->stats.truncations++;
}

void
source_set_forget(struct source_set *s, size_t i)
{
	free(s->stored[i].path);
	s->nstored--;
	memmove(s->stored + i, s->stored + i + 1, (s->nstored - i) * sizeof(*s->stored));
}

/* ---- when to look and when to read ---------------------------------------------- */

static void
turn(void *ctx)
{
	struct source_set *s = ctx;

	if (!s->paused && s->starts > 0 && source_turn(s))
		ev_timer_set(s->turn_timer, 0);
}

static void
turn_soon(struct source_set *s)
{
	if (!s->paused && s->starts > 0)
		ev_timer_set(s->turn_timer, 0);
}

static void
scan(void *ctx)
{
	struct source_set *s = ctx;

	source_scan(s);
	ev_timer_set(s->scan_timer, SCAN_EVERY);
	turn_soon(s);
}

static void
file_changed(void *ctx, struct source_file *f)
{
	struct source_set *s = ctx;

	source_set_check(s, f);
	turn_soon(s);
}

static void
names_changed(void *ctx)
{
	struct source_set *s = ctx;
	int64_t since = clock_mono() - s->scanned;

	if (s->starts > 0)
		ev_timer_set(s->scan_timer, since >= SCAN_GAP ? 0 : SCAN_GAP - since);
}

/* ---- start and rewind ------------------------------------------------------------ */

static int
by_age(const void *va, const void *vb)
{
	const struct source_stored *a = va, *b = vb;

	if (a->id.birth != b->id.birth)
		return a->id.birth < b->id.birth ? -1 : 1;
	return 0;
}

static void
forget_stored(struct source_set *s)
{
	while (s->nstored > 0)
		source_set_forget(s, s->nstored - 1);
}

static void
remember_mark(struct source_set *s, const char *id)
{
	for (size_t i = 0; i < s->nsources; i++)
		if (strcmp(s->sources[i].conf->id.s, id) == 0)
			s->sources[i].known = true;
}

static void
remember(struct source_set *s, const struct position *pos)
{
	static const char mark[] = "source:";
	struct source_id id;

	if (strncmp(pos->stream, mark, sizeof(mark) - 1) == 0) {
		remember_mark(s, pos->stream + sizeof(mark) - 1);
	} else if (!pos->done && pos->path != NULL && source_id_parse(pos->stream, &id)) {
		XGROW(s->stored, s->nstored);
		s->stored[s->nstored++] = (struct source_stored){
		    .id = id, .path = xstrdup(pos->path), .offset = pos->offset};
	}
}

/* Take the committed positions in; what was owed to the one who lost them is
 * owed again. */
static void
remember_all(struct source_set *s, const struct position *committed, size_t n)
{
	for (size_t i = 0; i < s->nsources; i++)
		s->sources[i].known = false;
	forget_stored(s);
	for (size_t i = 0; i < n; i++)
		remember(s, &committed[i]);
	if (s->nstored > 0)
		qsort(s->stored, s->nstored, sizeof(*s->stored), by_age);
	for (size_t i = 0; i < s->nsources; i++)
		s->sources[i].announce = s->sources[i].begun && !s->sources[i].known;
}

static struct source_stored *
stored_of(struct source_set *s, const struct source_id *id)
{
	for (size_t i = 0; i < s->nstored; i++)
		if (source_id_eq(&s->stored[i].id, id))
			return &s->stored[i];
	return NULL;
}

static void
rewind_file(struct source_set *s, struct source_file *f)
{
	const struct source_stored *st = stored_of(s, &f->id);
	uint64_t offset = st != NULL ? st->offset : f->first;

	source_file_seek(f, offset);
	f->announce = st == NULL || f->lines.begin != offset;
	if (st != NULL)
		source_set_forget(s, (size_t)(st - s->stored));
	source_set_check(s, f);
}

/* The first scan is made at once: what is at the end of a file now is what the
 * caller means by the end. */
void
source_start(struct source_set *s, const struct position *committed, size_t n)
{
	remember_all(s, committed, n);
	for (size_t i = 0; i < s->nfiles; i++)
		rewind_file(s, s->files[i]);
	if (s->starts++ == 0)
		source_scan(s);
	ev_timer_set(s->scan_timer, s->starts == 1 ? SCAN_EVERY : 0);
	turn_soon(s);
}

void
source_pause(struct source_set *s)
{
	s->paused = true;
	ev_timer_cancel(s->turn_timer);
}

void
source_resume(struct source_set *s)
{
	s->paused = false;
	turn_soon(s);
}

void
source_committed(struct source_set *s, const char *stream, uint64_t offset)
{
	struct source_file *f;
	struct source_id id;

	if (!source_id_parse(stream, &id) || (f = source_set_find(s, &id)) == NULL)
		return;
	source_file_committed(f, offset);
	if (source_file_may_go(f))
		turn_soon(s);
}

/* ---- life and status --------------------------------------------------------------- */

struct source_set *
source_new(struct ev *ev, const struct source_conf *conf, size_t n, size_t max_line,
    const struct source_cb *cb, void *ctx)
{
	static const struct source_watch_cb watch_cb = {
	    .changed = file_changed, .look = names_changed};
	struct source_set *s = xcalloc(1, sizeof(*s));

	assert(max_line > 0);
	s->cb = *cb;
	s->ctx = ctx;
	s->max_line = max_line;
	s->grace = GRACE;
	s->buffer = xmalloc(SOURCE_READ_SIZE);
	s->nsources = n;
	s->sources = xcalloc(n, sizeof(*s->sources));
	for (size_t i = 0; i < n; i++)
		s->sources[i].conf = &conf[i];
	s->watch = source_watch_new(ev, &watch_cb, s);
	s->scan_timer = ev_timer_new(ev, scan, s);
	s->turn_timer = ev_timer_new(ev, turn, s);
	return s;
}

void
source_free(struct source_set **sp)
{
	struct source_set *s = *sp;

	if (s == NULL)
		return;
	ev_timer_free(&s->scan_timer);
	ev_timer_free(&s->turn_timer);
	source_watch_free(&s->watch);
	for (size_t i = 0; i < s->nfiles; i++)
		source_file_free(&s->files[i]);
	free(s->files);
	forget_stored(s);
	free(s->stored);
	for (size_t i = 0; i < s->nproblems; i++)
		free(s->problems[i].path);
	free(s->problems);
	free(s->sources);
	free(s->buffer);
	free(s);
	*sp = NULL;
}

void
source_each(const struct source_set *s, source_status_cb *cb, void *ctx)
{
	for (size_t i = 0; i < s->nfiles; i++) {
		const struct source_file *f = s->files[i];
		struct source_status st = {.source = f->stream.source,
		    .path = f->stream.path,
		    .stream = f->stream.id,
		    .offset = f->lines.begin,
		    .size = f->size,
		    .problem = f->problem};
		struct stat now;

		if (fstat(f->fd, &now) == 0)
			st.size = (uint64_t)now.st_size;
		cb(ctx, &st);
	}
	for (size_t i = 0; i < s->nproblems; i++) {
		const struct source_problem *p = &s->problems[i];
		struct source_status st = {
		    .source = p->source->conf->id.s, .path = p->path, .problem = p->text};

		cb(ctx, &st);
	}
}

const struct source_stats *
source_stats(const struct source_set *s)
{
	return &s->stats;
}

void
source_rescan_now(struct source_set *s)
{
	clock_update();
	scan(s);
}

void
source_set_grace(struct source_set *s, int64_t ms)
{
	s->grace = ms;
}
