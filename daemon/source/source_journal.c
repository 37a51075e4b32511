/*
 * source_journal: see source_journal.h.  The loop's side: it sends the reader off on
 * jobs, one at a time, and delivers what they bring; it reads nothing itself.
 *
 * Between jobs the reader's descriptor is watched; that is a hint.  The truth is that
 * a job looks once a second.  journald itself tells of new entries up to a quarter of
 * a second late.
 */
#include "source/source_journal.h"

#include <stdlib.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "ev/ev_job.h"
#include "source/source_journal_internal.h"
#include "util/log.h"
#include "util/xalloc.h"

#define LOOK_EVERY 1000 /* ms */

struct source_journal {
	struct ev *ev;
	const struct source_conf *conf;
	struct source_cb cb;
	void *ctx;
	struct stream stream; /* its path is shown.cursor */
	char *id;
	struct source_journal_reader *reader;
	struct ev_job *job; /* while it is under way the reader is the job's */
	struct ev_fd *watch;
	struct ev_timer *look, *deliver, *silence;

	struct source_journal_place shown; /* all up to here has been delivered */
	struct source_journal_place want;  /* where the next job begins, if seek */
	struct source_journal_place first; /* where the source was begun, if begun */
	bool seek, fresh, begun;
	size_t next;        /* piece to deliver */
	bool busy;          /* pieces are left, or the job says there is more */
	bool started, paused, silent;
	uint64_t starts;
	enum trouble_kind state;
	char *problem;
};

/* ---- telling ------------------------------------------------------------------- */

static void
tell(struct source_journal *j, enum trouble_kind kind, const char *path, uint64_t lost,
    const char *text)
{
	struct trouble t = {.kind = kind,
	    .source = j->conf->id.s,
	    .stream = j->stream.id,
	    .path = path != NULL ? path : j->conf->journal.s,
	    .from = j->shown.offset,
	    .to = j->shown.offset,
	    .lost = lost,
	    .text = text};

	if (j->cb.trouble != NULL)
		j->cb.trouble(j->ctx, &t);
}

static void
take_state(struct source_journal *j, const struct source_journal_result *result)
{
	enum trouble_kind before = j->state;

	free(j->problem);
	j->problem = xstrdup(result->problem);
	j->state = result->state;
	if (before == j->state)
		return;
	if (before != TROUBLE_WELL)
		tell(j, TROUBLE_WELL, NULL, 0, "the journal can be read again");
	if (j->state != TROUBLE_WELL)
		tell(j, j->state, NULL, 0, j->problem);
}

static void
something_came(struct source_journal *j)
{
	if (j->conf->expect_every <= 0)
		return;
	ev_timer_set(j->silence, j->conf->expect_every);
	if (!j->silent)
		return;
	j->silent = false;
	tell(j, TROUBLE_WELL, NULL, 0, "entries come again");
}

static void
fell_silent(void *ctx)
{
	struct source_journal *j = ctx;

	if (j->silent || j->paused)
		return;
	j->silent = true;
	tell(j, TROUBLE_SILENT, NULL, 0, "no entry came for longer than expect_every");
}

/* ---- delivering ------------------------------------------------------------------- */

static void
deliver_lines(struct source_journal *j, const struct source_journal_piece *p, const char *bytes)
{
	struct chunk chunk = {.stream = &j->stream,
	    .offset = p->offset,
	    .next = p->place.offset,
	    .data = {bytes + p->begin, p->end - p->begin},
	    .form = LINE_FIELDS,
	    .cut = p->cut};

	j->shown = p->place;
	if (chunk.data.n > 0)
		something_came(j);
	j->cb.lines(j->ctx, &chunk);
}

static void
deliver_begun(struct source_journal *j, const struct source_journal_piece *p)
{
	struct position pos = {
	    .stream = j->stream.id, .path = j->shown.cursor, .offset = p->place.offset};

	j->shown = p->place;
	j->begun = true;
	j->first = p->place;
	j->cb.position(j->ctx, &pos);
}

static void
deliver_piece(
    struct source_journal *j, const struct source_journal_piece *p, const char *bytes)
{
	switch (p->kind) {
	case SOURCE_JOURNAL_LINES:
		deliver_lines(j, p, bytes);
		break;
	case SOURCE_JOURNAL_BEGUN:
		deliver_begun(j, p);
		break;
	case SOURCE_JOURNAL_TROUBLE:
		tell(j, p->trouble, p->path, p->lost, p->text);
		break;
	}
}

static void start_job(struct source_journal *j);

static void
job_wanted(void *ctx, int fd, unsigned what)
{
	(void)fd;
	(void)what;
	start_job(ctx);
}

static void
look_again(void *ctx)
{
	start_job(ctx);
}

static void
wait_for_more(struct source_journal *j, const struct source_journal_result *result)
{
	if (result->more) {
		start_job(j);
		return;
	}
	if (result->fd >= 0 && j->watch == NULL)
		j->watch = ev_fd_new(j->ev, result->fd, EV_FD_READ, job_wanted, j);
	ev_timer_set(j->look, LOOK_EVERY);
}

/* All pieces of the job, unless a callback pauses or starts anew. */
static void
deliver(void *ctx)
{
	struct source_journal *j = ctx;
	struct source_journal_result result;
	uint64_t starts = j->starts;

	if (j->paused || j->job != NULL)
		return;
	source_journal_reader_result(j->reader, &result);
	while (j->busy && j->next < result.n) {
		deliver_piece(j, &result.v[j->next++], result.bytes);
		if (j->paused || j->starts != starts)
			return;
	}
	j->busy = false;
	if (j->seek)
		start_job(j);
	else
		wait_for_more(j, &result);
}

/* ---- jobs ---------------------------------------------------------------------------- */

static void
job_done(void *arg)
{
	struct source_journal *j = arg;
	struct source_journal_result result;

	ev_job_free(&j->job);
	if (!j->seek) {
		j->busy = true;
		j->next = 0;
		source_journal_reader_result(j->reader, &result);
		take_state(j, &result);
	}
	deliver(j);
}

static void
work(void *arg)
{
	const struct source_journal *j = arg;

	source_journal_reader_work(j->reader);
}

static void
start_job(struct source_journal *j)
{
	if (j->job != NULL || j->paused || !j->started)
		return;
	ev_fd_free(&j->watch);
	ev_timer_cancel(j->look);
	if (j->seek)
		source_journal_reader_seek(j->reader, j->fresh ? NULL : &j->want,
		    j->conf->start == START_END);
	j->seek = false;
	j->job = ev_job_start(j->ev, work, job_done, j);
}

/* ---- for the set ------------------------------------------------------------------------ */

struct source_journal *
source_journal_new(struct ev *ev, const struct source_conf *conf, size_t max_line,
    const struct source_cb *cb, void *ctx)
{
	struct source_journal *j = xcalloc(1, sizeof(*j));

	j->ev = ev;
	j->conf = conf;
	j->cb = *cb;
	j->ctx = ctx;
	j->id = xasprintf("journal:%s", conf->id.s);
	j->stream = (struct stream){.id = j->id,
	    .source = conf->id.s,
	    .path = j->shown.cursor,
	    .program = conf->program.s,
	    .form = LINE_FIELDS};
	j->reader = source_journal_reader_new(conf->journal.s, max_line);
	j->look = ev_timer_new(ev, look_again, j);
	j->deliver = ev_timer_new(ev, deliver, j);
	j->silence = ev_timer_new(ev, fell_silent, j);
	j->state = TROUBLE_WELL;
	return j;
}

void
source_journal_free(struct source_journal **jp)
{
	struct source_journal *j = *jp;

	if (j == NULL)
		return;
	ev_job_free(&j->job);
	ev_fd_free(&j->watch);
	ev_timer_free(&j->look);
	ev_timer_free(&j->deliver);
	ev_timer_free(&j->silence);
	source_journal_reader_free(&j->reader);
	free(j->problem);
	free(j->id);
	free(j);
	*jp = NULL;
}

/* Of a place that is no cursor of ours the reader finds out itself. */
static struct source_journal_place
place_of(const struct position *pos)
{
	struct source_journal_place place = {.offset = pos->offset};
	size_t n = pos->path == NULL ? 0 : strlen(pos->path);

	if (n < sizeof(place.cursor))
		memcpy(place.cursor, pos->path == NULL ? "" : pos->path, n);
	return place;
}

void
source_journal_start(struct source_journal *j, const struct position *committed)
{
	j->fresh = committed == NULL && !j->begun;
	if (committed != NULL)
		j->want = place_of(committed);
	else
		j->want = j->first;
	j->shown = j->want;
	j->starts++;
	j->seek = j->started = true;
	j->busy = false;
	if (j->conf->expect_every > 0)
		ev_timer_set(j->silence, j->conf->expect_every);
	if (!j->paused)
		ev_timer_set(j->deliver, 0);
}

void
source_journal_pause(struct source_journal *j)
{
	j->paused = true;
	ev_fd_free(&j->watch);
	ev_timer_cancel(j->look);
	ev_timer_cancel(j->deliver);
	ev_timer_cancel(j->silence);
}

void
source_journal_resume(struct source_journal *j)
{
	if (!j->paused)
		return;
	j->paused = false;
	if (j->conf->expect_every > 0 && j->started && !j->silent)
		ev_timer_set(j->silence, j->conf->expect_every);
	ev_timer_set(j->deliver, 0);
}

void
source_journal_status(const struct source_journal *j, struct source_status *st)
{
	*st = (struct source_status){.source = j->conf->id.s,
	    .path = j->conf->journal.s,
	    .stream = j->stream.id,
	    .offset = j->shown.offset,
	    .size = j->shown.offset,
	    .problem = j->problem};
}
