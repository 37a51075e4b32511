/*
 * intake: see intake.h.
 */
#include "intake.h"

#include <stdlib.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "format/format.h"
#include "intake_losses.h"
#include "spool/spool_line.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

struct intake {
	const struct intake_conf *conf;
	const struct source_cb *cb;
	void *ctx;
	struct source_set *source;
	struct receive *receive; /* NULL when nobody sends */
	struct format **formats; /* by source */
	struct ev_timer *join;   /* when lines that wait for more shall not any longer */
	struct intake_losses losses;
	bool live; /* what is told now will be committed */
};

/* ---- lines, by their format -------------------------------------------------- */

static void
got_records(void *ctx, const struct chunk *chunk)
{
	struct intake *in = ctx;

	in->cb->lines(in->ctx, chunk);
}

static void
join_later(struct intake *in)
{
	int64_t due = -1, now;

	for (size_t i = 0; i < in->conf->nsources; i++) {
		int64_t t = in->formats[i] == NULL ? -1 : format_due(in->formats[i]);

		if (t >= 0 && (due < 0 || t < due))
			due = t;
	}
	if (due < 0) {
		ev_timer_cancel(in->join);
		return;
	}
	now = clock_mono();
	ev_timer_set(in->join, due > now ? due - now : 0);
}

static void
join_due(void *ctx)
{
	struct intake *in = ctx;

	for (size_t i = 0; i < in->conf->nsources; i++)
		if (in->formats[i] != NULL)
			format_flush(in->formats[i], clock_mono(), got_records, in);
	join_later(in);
}

static struct format *
format_of(const struct intake *in, const struct stream *stream)
{
	for (size_t i = 0; i < in->conf->nsources; i++)
		if (in->conf->sources[i].id.s == stream->source)
			return in->formats[i];
	return NULL;
}

static void
take_lines(struct intake *in, const struct chunk *chunk)
{
	struct format *f = format_of(in, chunk->stream);

	if (f == NULL) {
		got_records(in, chunk);
		return;
	}
	format_chunk(f, chunk, clock_now(), got_records, in);
	join_later(in);
}

/* Lines of a spool that are not as they were written are no messages. */
static void
tell_damaged(struct intake *in, const struct chunk *chunk)
{
	struct trouble t = {.kind = TROUBLE_DAMAGED,
	    .source = chunk->stream->source,
	    .stream = chunk->stream->id,
	    .path = chunk->stream->path,
	    .from = chunk->offset,
	    .to = chunk->offset + chunk->data.n,
	    .text = "lines of the spool are not as they were written"};
	struct chunk passed = *chunk;

	in->cb->trouble(in->ctx, &t);
	passed.data.n = 0;
	in->cb->lines(in->ctx, &passed);
}

static void
take_spooled(struct intake *in, const struct chunk *chunk)
{
	struct chunk run = *chunk;
	struct sv rest = chunk->data;

	while (rest.n > 0) {
		bool intact;

		run.offset = chunk->offset + (uint64_t)(rest.p - chunk->data.p);
		run.data = spool_line_run(rest, &intact);
		rest = sv_from(rest, run.data.n);
		run.next = rest.n == 0 ? chunk->next : run.offset + run.data.n;
		run.check = rest.n == 0 ? chunk->check : 0;
		if (intact)
			take_lines(in, &run);
		else
			tell_damaged(in, &run);
	}
}

static void
got_lines(void *ctx, const struct chunk *chunk)
{
	struct intake *in = ctx;

	if (chunk->form == LINE_SPOOL && !chunk->cut)
		take_spooled(in, chunk);
	else
		take_lines(in, chunk);
}

/* ---- what passes through ------------------------------------------------------ */

static void
got_position(void *ctx, const struct position *pos)
{
	struct intake *in = ctx;

	in->cb->position(in->ctx, pos);
}

static void
got_trouble(void *ctx, const struct trouble *t)
{
	struct intake *in = ctx;

	in->cb->trouble(in->ctx, t);
}

static void
got_loss(void *ctx, const struct trouble *t)
{
	struct intake *in = ctx;

	if (in->live) {
		intake_losses_add(&in->losses, t);
		intake_losses_tell(&in->losses, got_trouble, in);
	} else {
		if (intake_losses_add(&in->losses, t))
			log_warn("intake", "%s: %s; Redis is away, it is told there later",
			    t->source, t->text);
		intake_losses_save(&in->losses);
	}
}

static const struct source_cb source_cb = {
    .lines = got_lines, .position = got_position, .trouble = got_trouble};
static const struct receive_cb receive_cb = {.trouble = got_loss};

/* ---- life ---------------------------------------------------------------------- */

static bool
open_formats(struct intake *in)
{
	const struct intake_conf *conf = in->conf;
	struct buf error = BUF_INIT;

	in->formats = xcalloc(conf->nsources, sizeof(struct format *));
	for (size_t i = 0; i < conf->nsources; i++) {
		in->formats[i] = format_new(&conf->sources[i], conf->max_line, &error);
		if (in->formats[i] == NULL) {
			log_error("intake", "%s: %s", conf->sources[i].id.s, buf_str(&error));
			buf_free(&error);
			return false;
		}
	}
	return true;
}

/* Those that were not told before the daemon ended. */
static void
load_losses(struct intake *in)
{
	char *path = xasprintf("%s/spool/losses.json", in->conf->state_dir);

	intake_losses_load(&in->losses, path);
	free(path);
}

static bool
open_receive(struct intake *in, struct ev *ev)
{
	const struct intake_conf *conf = in->conf;
	bool wanted = false;

	for (size_t i = 0; i < conf->nsources; i++)
		wanted |= conf->sources[i].listen.n > 0;
	if (!wanted)
		return true;
	in->receive = receive_new(ev, conf->sockets, conf->sources, conf->nsources,
	    conf->state_dir, conf->max_line, &receive_cb, in);
	return in->receive != NULL;
}

struct intake *
intake_open(
    struct ev *ev, const struct intake_conf *conf, const struct source_cb *cb, void *ctx)
{
	struct intake *in = xcalloc(1, sizeof(*in));

	in->conf = conf;
	in->cb = cb;
	in->ctx = ctx;
	in->join = ev_timer_new(ev, join_due, in);
	load_losses(in);
	if (!open_formats(in) || !open_receive(in, ev)) {
		intake_free(&in);
		return NULL;
	}
	in->source = source_new(ev, conf->sources, conf->nsources, conf->max_line, &source_cb, in);
	return in;
}

void
intake_free(struct intake **inp)
{
	struct intake *in = *inp;

	*inp = NULL;
	if (in == NULL)
		return;
	receive_free(&in->receive);
	if (in->source != NULL)
		source_free(&in->source);
	for (size_t i = 0; i < in->conf->nsources; i++)
		format_free(&in->formats[i]);
	free(in->formats);
	ev_timer_free(&in->join);
	if (in->losses.n > 0)
		intake_losses_save(&in->losses);
	intake_losses_free(&in->losses);
	free(in);
}

void
intake_start(struct intake *in, const struct position *committed, size_t n)
{
	for (size_t i = 0; i < in->conf->nsources; i++)
		if (in->formats[i] != NULL)
			format_reset(in->formats[i]);
	join_later(in);
	for (size_t i = 0; in->receive != NULL && i < n; i++)
		receive_committed(in->receive, committed[i].path, committed[i].offset);
	in->live = true;
	intake_losses_tell(&in->losses, got_trouble, in);
	source_start(in->source, committed, n);
}

void
intake_lost(struct intake *in)
{
	source_pause(in->source);
	in->live = false;
	intake_losses_again(&in->losses);
	if (in->losses.n > 0)
		intake_losses_save(&in->losses);
}

void
intake_sent(struct intake *in)
{
	intake_losses_sent(&in->losses);
}

void
intake_confirmed(struct intake *in)
{
	intake_losses_confirmed(&in->losses);
	if (in->losses.saved)
		intake_losses_save(&in->losses);
}

void
intake_pause(struct intake *in)
{
	source_pause(in->source);
}

void
intake_resume(struct intake *in)
{
	source_resume(in->source);
}

void
intake_hold(struct intake *in, bool on)
{
	source_hold(in->source, on);
}

void
intake_committed(struct intake *in, const char *stream, const char *path, uint64_t offset)
{
	source_committed(in->source, stream, offset);
	if (in->receive != NULL)
		receive_committed(in->receive, path, offset);
}

void
intake_drain(struct intake *in)
{
	source_pause(in->source);
	ev_timer_cancel(in->join);
	if (in->receive != NULL)
		receive_drain(in->receive);
}

bool
intake_is_idle(const struct intake *in)
{
	return in->receive == NULL || receive_is_idle(in->receive);
}

void
intake_close(struct intake *in)
{
	receive_free(&in->receive);
}

const struct source_stats *
intake_source_stats(const struct intake *in)
{
	return source_stats(in->source);
}

void
intake_each(const struct intake *in, source_status_cb *cb, void *ctx)
{
	source_each(in->source, cb, ctx);
}

void
intake_each_address(const struct intake *in, receive_status_cb *cb, void *ctx)
{
	if (in->receive != NULL)
		receive_each(in->receive, cb, ctx);
}
