/*
 * pipeline: see pipeline.h.  Each function named got_* or the like is called by
 * one stage and calls the next; no stage knows another.  Back travel only
 * "committed up to", "pause" and "resume".
 */
#include "pipeline.h"

#include <stdlib.h>

#include "clockwork.h"
#include "commits.h"
#include "correlate/correlate.h"
#include "decode/decode.h"
#include "ev/ev.h"
#include "geoip/geoip_watch.h"
#include "intake.h"
#include "lists.h"
#include "match/match.h"
#include "notify/notify.h"
#include "relay.h"
#include "rule/ruleset.h"
#include "scan/scan.h"
#include "seen.h"
#include "silences.h"
#include "state/state.h"
#include "trouble.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

#define AHEAD (184LL * 86400000) /* ms that a line may be of the future: a year is inferred */

struct pipeline {
	const struct pipeline_conf *conf;
	struct ruleset *rules;
	struct intake *intake; /* NULL: lines come by pipeline_lines() */
	struct scanner *scanner;
	struct decoder *decoder;
	struct matcher *matcher;
	struct correlator *correlator;
	struct state *state;
	struct notify *notify;
	struct geoip_watch *geoip_watch; /* NULL: its files are as they were, or there are none */
	struct lists *lists; /* what they have in Redis; NULL without intake */
	struct silences *silences; /* NULL without intake */
	struct seen *seen;
	struct commits *commits;
	bool full; /* the source is paused until a commit is in */
	bool draining;
	bool closed; /* nothing more can be told by the intake */
	bool behind; /* scratch: a source has something unread */
	struct clockwork *clockwork; /* timed rules; NULL without intake */
	struct pipeline_stats stats;
};

/* ---- lines in: source -> scan -> decode -> match -> correlate -------------- */

static void
got_event(void *ctx, const struct event *event)
{
	struct pipeline *p = ctx;

	if (!event->rule->context) {
		p->stats.events++;
		seen_event(p->seen, event);
	}
	if (p->conf->event != NULL)
		p->conf->event(p->conf->ctx, event);
	if (p->state != NULL)
		correlate_event(p->correlator, p->rules, event);
}

static void
got_excluded(void *ctx, const struct event *event)
{
	struct pipeline *p = ctx;

	if (p->conf->excluded != NULL)
		p->conf->excluded(p->conf->ctx, event);
	if (p->state != NULL)
		correlate_excluded(p->correlator, p->rules, event);
}

static void
got_line(void *ctx, const struct line *line, const uint32_t *rules, size_t nrules)
{
	struct pipeline *p = ctx;
	int64_t now = p->conf->now != 0 ? p->conf->now : clock_now();
	struct record record;

	decode_line(p->decoder, line, now, &record);
	/* What is stamped 9999 would be the newest for ever. */
	if (p->conf->now == 0 && record.time > now + AHEAD)
		record.time = now;
	match_rules(p->matcher, &record, rules, nrules, got_event, p);
}

static void
got_sample(void *ctx, const struct line *line)
{
	struct pipeline *p = ctx;
	struct record record;

	decode_line(p->decoder, line, clock_now(), &record);
	seen_program(p->seen, record.program);
}

/* Of most lines nobody needs to know the program.  The first of each read tells in time
 * which there are. */
static void
sample(struct pipeline *p, const struct chunk *chunk)
{
	struct chunk first = *chunk;
	const char *newline = memchr(chunk->data.p, '\n', chunk->data.n);

	if (newline != NULL)
		first.data.n = (size_t)(newline - chunk->data.p) + 1;
	scan_each(&first, got_sample, p);
}

void
pipeline_lines(struct pipeline *p, const struct chunk *chunk)
{
	correlate_lines_begin(p->correlator);
	p->stats.lines += scan_chunk(p->scanner, chunk, got_line, p);
	correlate_lines_end(p->correlator);
	p->stats.bytes += chunk->data.n;
	if (correlate_pending(p->correlator, true))
		commits_events(p->commits);
}

bool
pipeline_has_room(const struct pipeline *p)
{
	return !correlate_full(p->correlator);
}

/* A file is begun or done.  A begun one that is not known when the daemon is
 * killed and the file renamed would be found by nobody. */
static void
got_position(void *ctx, const struct position *pos)
{
	struct pipeline *p = ctx;

	correlate_begun(p->correlator, pos);
	commits_news(p->commits);
}

static void
got_chunk(void *ctx, const struct chunk *chunk)
{
	struct pipeline *p = ctx;
	struct position examined = {.stream = chunk->stream->id,
	    .path = chunk->stream->path,
	    .offset = chunk->next,
	    .check = chunk->check};

	if (chunk->data.n > 0) {
		sample(p, chunk);
		pipeline_lines(p, chunk);
	}
	correlate_position(p->correlator, &examined);
	commits_positions(p->commits);
	if (!pipeline_has_room(p)) {
		p->full = true;
		intake_pause(p->intake);
	}
}

/* It is committed in the same call as the position that passes it. */
static void
got_trouble(void *ctx, const struct trouble *t)
{
	struct pipeline *p = ctx;
	int64_t now = clock_now();

	if (t->kind == TROUBLE_WELL || t->kind == TROUBLE_START)
		log_info("source", "%s: %s", t->source, t->text);
	else
		log_warn("source", "%s: %s", t->source, t->text);
	if (trouble_is_gap(t->kind))
		correlate_gap(p->correlator, t, now);
	trouble_event(p->rules, t, now, got_event, p);
	commits_news(p->commits);
}

/* ---- correlate -> state, and what state answers ---------------------------- */

static void
make_room(struct pipeline *p)
{
	if (!p->full || p->draining || !pipeline_has_room(p) || !lists_are_filled(p->lists))
		return;
	p->full = false;
	intake_resume(p->intake);
}

static void
sending(void *ctx)
{
	struct pipeline *p = ctx;

	if (p->intake != NULL)
		intake_sent(p->intake);
	make_room(p);
}

static void
pass_back(struct intake *in, const struct batch *b)
{
	intake_confirmed(in);
	for (size_t i = 0; i < b->npositions; i++)
		intake_committed(in, b->positions[i].stream, b->positions[i].path,
		    b->positions[i].offset);
}

static void
committed(void *ctx, const struct batch *b, size_t nopened)
{
	struct pipeline *p = ctx;

	p->stats.incidents += nopened;
	commits_learn(p->commits, b, nopened);
	if (p->intake != NULL)
		pass_back(p->intake, b);
	commits_go_on(p->commits);
	make_room(p);
}

/* What is read meanwhile would only be later in the end: by what it holds up the commit. */
static void
state_busy(void *ctx, bool on)
{
	struct pipeline *p = ctx;

	if (p->intake != NULL)
		intake_hold(p->intake, on);
}

static void
timers_counted(void *ctx)
{
	struct pipeline *p = ctx;

	commits_events(p->commits);
}

/* An exception that is not known yet would make an incident of what is none. */
static void
wait_for_lists(struct pipeline *p)
{
	if (lists_are_filled(p->lists))
		return;
	p->full = true;
	intake_pause(p->intake);
}

static void
state_ready(void *ctx, const struct position *positions, size_t n)
{
	struct pipeline *p = ctx;

	if (p->intake == NULL || p->draining)
		return;
	correlate_reset(p->correlator);
	lists_start(p->lists, p->state);
	silences_start(p->silences, p->state);
	intake_start(p->intake, positions, n);
	clockwork_start(p->clockwork, p->state, p->rules);
	p->full = false;
	intake_resume(p->intake);
	wait_for_lists(p);
}

/* Before the first line and the first incident that is counted. */
static void
got_silences(void *ctx, const struct state_silences *told)
{
	struct pipeline *p = ctx;

	if (p->silences != NULL)
		silences_take(p->silences, told);
}

static void
silences_changed(void *ctx, struct silence_set *set)
{
	struct pipeline *p = ctx;

	correlator_set_silences(p->correlator, set);
}

static void
lists_filled(void *ctx)
{
	make_room(ctx);
}

/* What is expected of keys may be another. */
static void
lists_changed(void *ctx)
{
	struct pipeline *p = ctx;

	if (state_is_ready(p->state))
		clockwork_start(p->clockwork, p->state, p->rules);
}

static void
state_lost(void *ctx, const char *reason)
{
	struct pipeline *p = ctx;

	(void)reason;
	if (p->intake == NULL)
		return;
	clockwork_stop(p->clockwork);
	lists_stop(p->lists);
	silences_stop(p->silences);
	intake_lost(p->intake);
	correlate_reset(p->correlator);
}

/* A source that has more to read than a line may still tell what seems to be absent. */
static void
look_behind(void *ctx, const struct source_status *st)
{
	struct pipeline *p = ctx;

	if (st->size > st->offset && st->size - st->offset > p->conf->intake->max_line)
		p->behind = true;
}

static bool
is_current(void *ctx)
{
	struct pipeline *p = ctx;

	p->behind = false;
	intake_each(p->intake, look_behind, p);
	return !p->behind && !p->draining && lists_are_filled(p->lists);
}

static void
state_relayed(void *ctx, struct sv json)
{
	struct pipeline *p = ctx;

	relay_count(p->correlator, p->rules, json);
	commits_events(p->commits);
}

/* ---- state -> notify, and the outcome back --------------------------------- */

static void
got_delivery(void *ctx, struct delivery *d)
{
	struct pipeline *p = ctx;

	if (p->notify != NULL)
		notify_submit(p->notify, d);
}

static void
attempt_ended(void *ctx, const struct delivery *d, const struct outcome *outcome)
{
	struct pipeline *p = ctx;

	if (outcome->delivered)
		p->stats.deliveries_ok++;
	else if (outcome->dead)
		p->stats.deliveries_dead++;
	else
		p->stats.deliveries_failed++;
	if (!outcome->delivered)
		log_warn("notify", "%s about %s: %s", d->channel, d->incident, outcome->text);
	state_delivered(p->state, d, outcome);
}

/* ---- life ------------------------------------------------------------------ */

static const struct lists_cb lists_cb = {.filled = lists_filled, .changed = lists_changed};
static const struct source_cb source_cb = {
    .lines = got_chunk, .position = got_position, .trouble = got_trouble};
static const struct state_cb state_cb = {.ready = state_ready,
    .delivery = got_delivery,
    .committed = committed,
    .busy = state_busy,
    .relayed = state_relayed,
    .silences = got_silences,
    .lost = state_lost};

struct pipeline *
pipeline_open(struct ev *ev, const struct pipeline_conf *conf)
{
	struct pipeline *p = xcalloc(1, sizeof(*p));

	p->conf = conf;
	p->decoder = decoder_new();
	p->correlator = correlator_new();
	p->seen = seen_new();
	p->commits = commits_new(ev, &(struct commits_conf){p->correlator, sending, p});
	if (conf->intake != NULL)
		p->silences = silences_new(ev, silences_changed, p);
	if (conf->intake != NULL)
		p->lists = lists_new(ev, &lists_cb, p);
	pipeline_set_rules(p, conf->rules, conf->scanner);
	if (conf->intake != NULL) {
		p->intake = intake_open(ev, conf->intake, &source_cb, p);
		if (p->intake == NULL) {
			pipeline_free(&p);
			return NULL;
		}
		p->clockwork = clockwork_new(ev, &(struct clockwork_conf){.correlator = p->correlator,
		                                     .is_current = is_current,
		                                     .counted = timers_counted,
		                                     .ctx = p});
		if (conf->geoip != NULL)
			p->geoip_watch = geoip_watch_new(ev, conf->geoip);
		p->notify = notify_new(ev, conf->channels, conf->nchannels, conf->urls,
		    conf->secrets, attempt_ended, p);
	}
	if (conf->state != NULL) {
		if (conf->state->partitions > 0)
			correlator_set_partitions(p->correlator, conf->state->partitions);
		p->state = state_open(ev, conf->state, correlator_cache(p->correlator),
		    correlator_ahead(p->correlator), &state_cb, p);
		if (p->state == NULL)
			pipeline_free(&p);
		else
			commits_set_state(p->commits, p->state);
	}
	return p;
}

void
pipeline_set_rules(struct pipeline *p, struct ruleset *rules, struct scanner *scanner)
{
	struct ruleset *old = p->rules;

	p->rules = ruleset_ref(rules);
	seen_set_rules(p->seen, rules);
	matcher_free(&p->matcher);
	p->matcher = matcher_new(rules);
	matcher_set_excluded(p->matcher, got_excluded, p);
	matcher_set_geoip(p->matcher, p->conf->geoip, p->conf->all_fields);
	p->scanner = scanner;
	if (p->lists != NULL)
		lists_set_rules(p->lists, rules);
	if (p->intake != NULL)
		wait_for_lists(p);
	if (p->clockwork != NULL && p->state != NULL && state_is_ready(p->state))
		clockwork_start(p->clockwork, p->state, rules);
	ruleset_unref(&old);
}

void
pipeline_drain(struct pipeline *p)
{
	p->draining = true;
	if (p->intake != NULL)
		intake_drain(p->intake);
	commits_drain(p->commits);
}

bool
pipeline_is_drained(struct pipeline *p, bool late)
{
	if (p->intake != NULL && !p->closed && (late || intake_is_idle(p->intake))) {
		p->closed = true;
		intake_close(p->intake);
		commits_go_on(p->commits);
	}
	if (p->state == NULL)
		return true;
	return (p->intake == NULL || p->closed) && !correlate_pending(p->correlator, false) &&
	    state_inflight(p->state) == 0 &&
	    (p->notify == NULL || notify_inflight(p->notify) == 0);
}

void
pipeline_free(struct pipeline **pp)
{
	struct pipeline *p = *pp;

	if (p == NULL)
		return;
	notify_free(&p->notify);
	geoip_watch_free(&p->geoip_watch);
	clockwork_free(&p->clockwork);
	intake_free(&p->intake);
	state_free(&p->state);
	lists_free(&p->lists);
	silences_free(&p->silences);
	correlator_free(&p->correlator);
	seen_free(&p->seen);
	matcher_free(&p->matcher);
	decoder_free(&p->decoder);
	commits_free(&p->commits);
	ruleset_unref(&p->rules);
	free(p);
	*pp = NULL;
}

const struct pipeline_stats *
pipeline_stats(const struct pipeline *p)
{
	return &p->stats;
}

struct state *
pipeline_state(const struct pipeline *p)
{
	return p->state;
}

const struct intake *
pipeline_intake(const struct pipeline *p)
{
	return p->intake;
}

const struct lists *
pipeline_lists(const struct pipeline *p)
{
	return p->lists;
}

struct silences *
pipeline_silences(const struct pipeline *p)
{
	return p->silences;
}

const struct match_stats *
pipeline_match_stats(const struct pipeline *p)
{
	return matcher_stats(p->matcher);
}

const struct seen *
pipeline_seen(const struct pipeline *p)
{
	return p->seen;
}

const struct correlate_stats *
pipeline_correlate_stats(const struct pipeline *p)
{
	return correlate_stats(p->correlator);
}
