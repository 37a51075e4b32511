/*
 * source: the set of followed files: start and rewind, pause, when to scan and to
 * take a turn, what people ask about it.
 *
 * Makes no callbacks itself: see source_turn.c.
 */
#include "source/source.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "source/source_internal.h"
#include "source/source_journal.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define SCAN_EVERY 1000 /* ms */
/* Between scans at least, however often names change: this many times what the last
 * one took, within bounds. */
#define SCAN_SHARE 10
#define SCAN_GAP_MOST 100 /* ms */

/* ---- the files of the set ------------------------------------------------------ */

struct source_file *
source_set_find(const struct source_set *s, const struct source_id *id)
{
	struct source_file *f = s->buckets[source_identity_bucket(id)];

	while (f != NULL && !source_identity_eq(&f->id, id))
		f = f->bucket;
	for (size_t i = 0; f == NULL && s->nmoved > 0 && i < s->nfiles; i++)
		if (source_identity_eq(&s->files[i]->file_id, id))
			f = s->files[i];
	return f;
}

struct source_stored *
source_set_stored(const struct source_set *s, const struct source_id *id)
{
	for (size_t i = 0; i < s->nstored; i++)
		if (source_identity_eq(&s->stored[i].id, id))
			return &s->stored[i];
	return NULL;
}

const struct source_ended *
source_set_ended(const struct source_set *s, const struct source_id *id)
{
	for (size_t i = s->nended; i > 0; i--)
		if (source_identity_eq(&s->ended[i - 1].id, id))
			return &s->ended[i - 1];
	return NULL;
}

static bool
is_log(const struct source_set *s, const char *path)
{
	for (size_t i = 0; i < s->nsources; i++) {
		const struct conf_strings *files = &s->sources[i].conf->files;

		for (size_t k = 0; k < files->n; k++)
			if (strcmp(files->v[k].s, path) == 0 ||
			    fnmatch(files->v[k].s, path, FNM_PATHNAME | FNM_PERIOD) == 0)
				return true;
	}
	return false;
}

char *
source_set_log(const struct source_set *s, const char *path)
{
	char *log = source_sibling_log(path, is_log, s);

	return log != NULL ? log : xstrdup(path);
}

struct source_file *
source_set_at(const struct source_set *s, const char *path)
{
	struct source_file *found = NULL;

	for (size_t i = 0; i < s->nfiles; i++)
		if (!s->files[i]->gone && strcmp(s->files[i]->stream.path, path) == 0)
			found = s->files[i];
	return found;
}

const struct source *
source_set_source(const struct source_set *s, const struct source_file *f)
{
	size_t i = 0;

	while (s->sources[i].conf->id.s != f->stream.source)
		i++;
	return &s->sources[i];
}

static struct source_file *
newest_of(const struct source_set *s, const char *path)
{
	for (size_t i = s->nfiles; i > 0; i--)
		if (strcmp(s->files[i - 1]->stream.path, path) == 0)
			return s->files[i - 1];
	return NULL;
}

void
source_set_add(struct source_set *s, const struct source *source, struct source_file *f,
    struct source_file *newer)
{
	struct source_file **bucket = &s->buckets[source_identity_bucket(&f->id)];

	f->stream.source = source->conf->id.s;
	f->stream.program = source->conf->program.s;
	f->stream.form = source->conf->listen.n > 0 ? LINE_SPOOL : LINE_RAW;
	f->log = source_set_log(s, f->stream.path);
	s->nmoved += !source_identity_eq(&f->id, &f->file_id);
	if (newer != NULL) {
		f->older = newer->older;
		newer->older = f;
	} else {
		f->older = newest_of(s, f->stream.path);
	}
	f->bucket = *bucket;
	*bucket = f;
	XGROW(s->files, s->nfiles);
	s->files[s->nfiles++] = f;
	if (f->archive == NULL)
		source_watch_file(s->watch, f);
}

void
source_set_take_out(struct source_set *s, size_t i)
{
	struct source_file *f = s->files[i], **link = &s->buckets[source_identity_bucket(&f->id)];

	while (*link != f)
		link = &(*link)->bucket;
	*link = f->bucket;
	s->nmoved -= !source_identity_eq(&f->id, &f->file_id);
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
		source_cut(s, f, f->last.offset, f->last.check);
}

void
source_set_forget(struct source_set *s, size_t i)
{
	free(s->stored[i].path);
	free(s->stored[i].log);
	s->nstored--;
	memmove(s->stored + i, s->stored + i + 1, (s->nstored - i) * sizeof(*s->stored));
}

/* ---- when to look and when to read ---------------------------------------------- */

static void
turn(void *ctx)
{
	struct source_set *s = ctx;

	if (!s->paused && !s->held && s->starts > 0 && source_turn(s))
		ev_timer_set(s->turn_timer, 0);
}

static void
turn_soon(struct source_set *s)
{
	if (!s->paused && !s->held && s->starts > 0)
		ev_timer_set(s->turn_timer, 0);
}

static void
scan(void *ctx)
{
	struct source_set *s = ctx;

	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	source_scan(s);
	clock_gettime(CLOCK_MONOTONIC, &end);
	s->scan_gap = SCAN_SHARE *
	        ((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000) +
	    1;
	if (s->scan_gap > SCAN_GAP_MOST)
		s->scan_gap = SCAN_GAP_MOST;
	ev_timer_set(s->scan_timer, s->rescan ? s->scan_gap : SCAN_EVERY);
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
		ev_timer_set(s->scan_timer, since >= s->scan_gap ? 0 : s->scan_gap - since);
}

/* ---- start and rewind ------------------------------------------------------------ */

static void
start_journals(struct source_set *s, const struct position *committed, size_t n)
{
	static const char prefix[] = "journal:";

	for (size_t i = 0; i < s->nsources; i++) {
		const struct position *found = NULL;

		if (s->sources[i].journal == NULL)
			continue;
		for (size_t k = 0; k < n; k++)
			if (strncmp(committed[k].stream, prefix, sizeof(prefix) - 1) == 0 &&
			    strcmp(committed[k].stream + sizeof(prefix) - 1,
			        s->sources[i].conf->id.s) == 0)
				found = &committed[k];
		source_journal_start(s->sources[i].journal, found);
	}
}

/* The first scan is made at once: what is at the end of a file now is what the
 * caller means by the end. */
void
source_start(struct source_set *s, const struct position *committed, size_t n)
{
	source_stored_take(s, committed, n);
	s->fresh = true;
	for (size_t i = 0; i < s->nfiles; i++)
		source_stored_rewind(s, s->files[i]);
	source_recover_rewind(s);
	if (s->starts++ == 0)
		source_scan(s);
	ev_timer_set(s->scan_timer, s->starts == 1 && !s->rescan ? SCAN_EVERY : 0);
	turn_soon(s);
	start_journals(s, committed, n);
}

void
source_pause(struct source_set *s)
{
	s->paused = true;
	ev_timer_cancel(s->turn_timer);
	for (size_t i = 0; i < s->nsources; i++)
		if (s->sources[i].journal != NULL)
			source_journal_pause(s->sources[i].journal);
}

void
source_resume(struct source_set *s)
{
	s->paused = false;
	turn_soon(s);
	for (size_t i = 0; i < s->nsources; i++)
		if (s->sources[i].journal != NULL)
			source_journal_resume(s->sources[i].journal);
}

void
source_hold(struct source_set *s, bool on)
{
	s->held = on;
	turn_soon(s);
}

void
source_committed(struct source_set *s, const char *stream, uint64_t offset)
{
	struct source_file *f;
	struct source_id id;

	if (!source_identity_parse(stream, &id) || (f = source_set_find(s, &id)) == NULL)
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
	s->grace = -1;
	s->buffer = xmalloc(SOURCE_READ_SIZE + SOURCE_CHECK_SIZE);
	s->nsources = n;
	s->sources = xcalloc(n, sizeof(*s->sources));
	for (size_t i = 0; i < n; i++) {
		s->sources[i].conf = &conf[i];
		if (conf[i].journal.s != NULL)
			s->sources[i].journal =
			    source_journal_new(ev, &conf[i], max_line, &s->cb, ctx);
	}
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
	source_stored_free(s);
	source_recover_free(s);
	source_health_free(s);
	for (size_t i = 0; i < s->nsources; i++)
		source_journal_free(&s->sources[i].journal);
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
		    .rotated = f->gone,
		    .heard = f->grew == 0 ? 0 : clock_now() - (clock_mono() - f->grew),
		    .begun = f->begun,
		    .unended = f->lines.at - f->lines.begin,
		    .problem = f->problem};
		struct stat now;

		if (f->archive == NULL && fstat(f->fd, &now) == 0)
			st.size = (uint64_t)now.st_size;
		cb(ctx, &st);
	}
	for (size_t i = 0; i < s->nsources; i++) {
		struct source_status st = {0};

		if (s->sources[i].journal == NULL)
			continue;
		source_journal_status(s->sources[i].journal, &st);
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
