/*
 * spool: takes messages, and decides when a group of them goes to disk, when that
 * is tried again and when segments may go.
 *
 * All of that on the loop; files are touched only in the thread of a job, by
 * spool_segment.c, of which there is one at a time.  While it runs ${work} is its.
 */
#include "spool/spool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ev/ev.h"
#include "ev/ev_job.h"
#include "spool/spool_internal.h"
#include "spool/spool_line.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

#define MIB ((uint64_t)1024 * 1024)
#define SEGMENT_MAX (64 * MIB)
#define MEMORY_MAX (8 * MIB)
#define KEEP_MAX (1024 * MIB)   /* of what is committed */
#define GROUP_SIZE (256 * 1024) /* that much does not wait for GROUP_MS to pass */
#define GROUP_MS 5
#define RETRY_MIN 100
#define RETRY_MAX 5000
#define SWEEP_MS 60000
#define BUFFER_KEPT (1024 * 1024) /* of a group's buffer once it is written */

enum phase {
	IDLE,
	PACED,   /* a group has been written just now: let some gather */
	DUE,     /* at the end of this turn */
	WRITING, /* in a thread */
	FAILED,  /* to be tried again */
};

struct spool {
	struct ev *ev;
	char *source, *dir;
	uint64_t max_bytes;
	size_t max_line;
	size_t memory; /* of what gathers */
	struct spool_cb cb;
	void *ctx;

	struct spool_gaps *gaps;
	struct spool_stock stock;
	struct spool_work work;
	struct ev_job *job;
	struct ev_timer *begin, *sweep;
	enum phase phase;
	int64_t begun;   /* the last group, on the monotonic clock */
	int64_t backoff; /* ms; 0 while the disk works */
	bool full;       /* room() is owed */
	bool stuck;      /* segments cannot be removed: not again before the next sweep */

	struct buf gathering;
	uint64_t gathered; /* messages in it */
	struct spool_stats stats;
};

/* ---- room ------------------------------------------------------------------------ */

static uint64_t
bytes_of(const struct spool *s)
{
	return s->stock.held + s->work.group.n + s->gathering.n;
}

/* Segments go early rather than that messages are refused. */
static uint64_t
comfortable(const struct spool *s)
{
	return s->max_bytes / 4 * 3;
}

/* Last in whatever calls it: the caller of the spool comes back with messages. */
static void
offer_room(struct spool *s)
{
	if (!s->full || s->gathering.n > s->memory / 2 || bytes_of(s) > comfortable(s))
		return;
	s->full = false;
	s->cb.room(s->ctx);
}

static bool
has_room(struct spool *s, size_t line)
{
	if (s->gathering.n >= s->memory || bytes_of(s) + line > s->max_bytes)
		s->full = true;
	return !s->full;
}

/* ---- when ------------------------------------------------------------------------- */

static void
arm(struct spool *s)
{
	int64_t wait = s->begun + GROUP_MS - clock_mono();

	if (wait < 0 || s->gathering.n >= GROUP_SIZE)
		wait = 0;
	s->phase = wait > 0 ? PACED : DUE;
	ev_timer_set(s->begin, wait);
}

static void
grown(struct spool *s)
{
	if (s->phase == IDLE || (s->phase == PACED && s->gathering.n >= GROUP_SIZE))
		arm(s);
}

static void
doom(struct spool *s)
{
	uint64_t keep = s->max_bytes / 2 < KEEP_MAX ? s->max_bytes / 2 : KEEP_MAX;

	if (s->stuck)
		return;
	spool_stock_doom(
	    &s->stock, clock_now(), keep, comfortable(s), &s->work.doomed, &s->work.ndoomed);
}

static void
plan_sweep(struct spool *s)
{
	if (!ev_timer_is_set(s->sweep) && spool_stock_waits(&s->stock))
		ev_timer_set(s->sweep, SWEEP_MS);
}

/* ---- a group ------------------------------------------------------------------------ */

static void
take_group(struct spool *s)
{
	struct buf empty = s->work.group;

	if (s->work.group.n > 0)
		return;
	s->work.group = s->gathering;
	s->work.messages = s->gathered;
	s->gathering = empty;
	s->gathered = 0;
}

static void
group_failed(struct spool *s)
{
	char text[256];
	struct trouble t = {
	    .kind = TROUBLE_DENIED, .source = s->source, .path = s->dir, .text = text};

	s->stats.failures++;
	if (s->backoff == 0) {
		snprintf(text, sizeof(text), "%s: %s; it is tried again", s->work.failed,
		    strerrordesc_np(s->work.error));
		log_error("spool", "%s: %s", s->dir, text);
		s->cb.trouble(s->ctx, &t);
	}
	s->backoff = s->backoff == 0 ? RETRY_MIN : 2 * s->backoff;
	if (s->backoff > RETRY_MAX)
		s->backoff = RETRY_MAX;
}

static void
group_written(struct spool *s)
{
	struct trouble t = {.kind = TROUBLE_WELL,
	    .source = s->source,
	    .path = s->dir,
	    .text = "messages are brought to disk again"};

	spool_stock_grow(&s->stock, s->work.group.n);
	s->stats.syncs++;
	s->work.group.n = 0;
	s->work.messages = 0;
	if (s->work.group.cap > BUFFER_KEPT)
		buf_free(&s->work.group);
	if (s->backoff > 0) {
		s->backoff = 0;
		log_info("spool", "%s: %s", s->dir, t.text);
		s->cb.trouble(s->ctx, &t);
	}
}

/* Book what the work came to. */
static void
settle(struct spool *s)
{
	struct spool_work *w = &s->work;

	if (w->created)
		spool_stock_add(&s->stock, w->number, clock_now());
	if (w->ndoomed > 0)
		spool_stock_settle(&s->stock, w->dir);
	w->ndoomed = 0;
	if (w->remove_error != 0) {
		s->stuck = true;
		log_warn("spool",
		    "%s: a committed segment cannot be removed: %s; it is tried again", s->dir,
		    strerrordesc_np(w->remove_error));
	}
	if (w->error != 0)
		group_failed(s);
	else if (w->group.n > 0)
		group_written(s);
	s->stats.held = s->stock.held;
}

static void
work(void *arg)
{
	struct spool *s = arg;

	spool_segment_work(&s->work);
}

static void
worked(void *arg)
{
	struct spool *s = arg;

	ev_job_free(&s->job);
	s->phase = IDLE;
	settle(s);
	doom(s);
	if (s->work.error != 0) {
		s->phase = FAILED;
		ev_timer_set(s->begin, s->backoff);
	} else if (s->gathering.n > 0 || s->work.ndoomed > 0) {
		arm(s);
	}
	plan_sweep(s);
	offer_room(s);
}

static void
begin(void *ctx)
{
	struct spool *s = ctx;

	take_group(s);
	s->phase = WRITING;
	s->begun = clock_mono();
	s->work.number = spool_stock_next(&s->stock, clock_now());
	s->job = ev_job_start(s->ev, work, worked, s);
	offer_room(s);
}

/* ---- segments that may go ------------------------------------------------------------ */

/* While a thread works nothing is doomed; it is when that is done. */
static void
free_segments(struct spool *s)
{
	if (s->phase != WRITING)
		doom(s);
	if (s->phase == IDLE && s->work.ndoomed > 0)
		arm(s);
	plan_sweep(s);
}

static void
sweep(void *ctx)
{
	struct spool *s = ctx;

	s->stuck = false;
	free_segments(s);
}

void
spool_committed(struct spool *s, const char *path, uint64_t offset)
{
	size_t n = strlen(s->dir);
	uint64_t number;

	if (strncmp(path, s->dir, n) != 0 || path[n] != '/' ||
	    !spool_segment_parse(path + n + 1, &number))
		return;
	if (spool_stock_committed(&s->stock, number, offset))
		free_segments(s);
}

/* ---- messages -------------------------------------------------------------------------- */

/* As much of ${message} as fits into a line. */
static struct sv
cut_to_line(struct spool *s, struct sv origin, struct sv message)
{
	size_t whole = message.n, room = s->max_line - SPOOL_LINE_OVERHEAD;

	if (4 * message.n <= room)
		return message;
	message.n = spool_line_fit(message, room);
	if (message.n < whole) {
		char *from = xstrndup(origin.p, origin.n);

		spool_gaps_add(s->gaps, TROUBLE_OVERSIZE, from, 1);
		free(from);
	}
	return message;
}

bool
spool_add(struct spool *s, int64_t now, struct sv origin, struct sv message)
{
	if (!has_room(s, SPOOL_LINE_OVERHEAD + message.n))
		return false;
	message = cut_to_line(s, origin, message);
	spool_line_write(&s->gathering, now, origin, message);
	s->gathered++;
	s->stats.messages++;
	s->stats.bytes += message.n;
	grown(s);
	return true;
}

void
spool_lost(struct spool *s, enum trouble_kind kind, const char *origin, uint64_t n)
{
	s->stats.lost += n;
	spool_gaps_add(s->gaps, kind, origin, n);
}

bool
spool_is_synced(const struct spool *s)
{
	return s->gathering.n == 0 && s->work.group.n == 0;
}

const struct spool_stats *
spool_stats(const struct spool *s)
{
	return &s->stats;
}

/* ---- open and close ---------------------------------------------------------------------- */

struct spool *
spool_open(struct ev *ev, const struct spool_conf *conf, const struct spool_cb *cb, void *ctx)
{
	int dir = spool_segment_dir(conf->dir);
	struct spool *s;

	if (dir < 0)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->ev = ev;
	s->source = xstrdup(conf->source);
	s->dir = xstrdup(conf->dir);
	s->max_bytes = conf->max_bytes;
	s->max_line = conf->max_line;
	s->cb = *cb;
	s->ctx = ctx;
	s->work.dir = dir;
	s->work.fd = -1;
	s->work.limit = s->max_bytes / 4 < SEGMENT_MAX ? s->max_bytes / 4 : SEGMENT_MAX;
	s->memory = s->work.limit < MEMORY_MAX ? s->work.limit : MEMORY_MAX;
	s->gaps = spool_gaps_new(ev, s->source, cb, ctx);
	s->begin = ev_timer_new(ev, begin, s);
	s->sweep = ev_timer_new(ev, sweep, s);
	spool_stock_take(&s->stock, dir, s->dir);
	s->stats.held = s->stock.held;
	return s;
}

/* What is still in memory goes to disk now or is given up. */
static void
flush(struct spool *s)
{
	struct trouble t = {.kind = TROUBLE_FULL,
	    .source = s->source,
	    .path = s->dir,
	    .text = "messages that could not be brought to disk before the end"};

	do {
		take_group(s);
		s->work.number = spool_stock_next(&s->stock, clock_now());
		spool_segment_work(&s->work);
		settle(s);
	} while (s->work.error == 0 && s->gathering.n > 0);
	if (s->work.error == 0)
		return;
	t.lost = s->work.messages + s->gathered;
	s->stats.lost += t.lost;
	log_error("spool", "%s: %" PRIu64 " %s may be lost", s->dir, t.lost, t.text);
	s->cb.trouble(s->ctx, &t);
}

void
spool_close(struct spool **sp)
{
	struct spool *s = *sp;

	if (s == NULL)
		return;
	if (s->job != NULL) {
		ev_job_free(&s->job);
		settle(s);
	}
	if (s->work.group.n > 0 || s->gathering.n > 0)
		flush(s);
	spool_gaps_free(&s->gaps);
	ev_timer_free(&s->begin);
	ev_timer_free(&s->sweep);
	if (s->work.fd >= 0)
		close(s->work.fd);
	close(s->work.dir);
	free(s->work.doomed);
	buf_free(&s->work.group);
	buf_free(&s->gathering);
	spool_stock_free(&s->stock);
	free(s->source);
	free(s->dir);
	free(s);
	*sp = NULL;
}
