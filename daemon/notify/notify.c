/*
 * notify: channels, and the way of a delivery through one: taken from the queue
 * when due, rendered, signed, posted, judged, then out or back into the queue.
 *
 * All of it happens in callbacks of the loop: notify_submit() only queues and sets
 * the channel's timer.  Strings of a delivery belong to its queue until it is
 * delivered or dead.
 */
#include "notify/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "notify/notify_internal.h"
#include "util/clock.h"
#include "util/xalloc.h"

/* Due times are wall time; look again this often, should the clock be set. */
#define LOOK_AGAIN 60000
/* No schedule of ours waits longer; beyond it the clock was set back meanwhile. */
#define DUE_MAX (2 * 3600000)

struct channel {
	struct notify *notify;
	const struct channel_conf *conf; /* NULL: of deliveries for no known channel */
	struct notify_queue *queue;
	struct notify_http *http; /* NULL with conf */
	struct ev_timer *timer;   /* the next delivery is due */
	int64_t hold;             /* wall ms; the endpoint asked to be left alone until then */
	bool is_signed;
	struct buf key; /* empty though is_signed: the secret is malformed */
};

struct notify {
	notify_cb *cb;
	void *ctx;
	struct channel *channels; /* n configured ones, then the one without conf */
	size_t n;
};

/* Set the timer for what can be sent next, if anything can. */
static void
schedule(struct channel *c)
{
	int64_t now = clock_now(), due = notify_queue_due(c->queue);
	bool full = c->http != NULL && notify_http_inflight(c->http) >= NOTIFY_TRANSFERS;

	ev_timer_cancel(c->timer);
	if (due == INT64_MAX || full)
		return; /* a submission, or the end of a transfer, comes here again */
	if (due < c->hold)
		due = c->hold;
	ev_timer_set(c->timer, due <= now ? 0 : due - now < LOOK_AGAIN ? due - now : LOOK_AGAIN);
}

/* An attempt at ${job} has ended as ${o} says. */
static void
settle(struct channel *c, struct notify_job *job, const struct outcome *o)
{
	struct notify *n = c->notify;
	struct delivery d;

	if (!o->delivered && !o->dead) {
		notify_queue_put(c->queue, job, o->due);
		n->cb(n->ctx, notify_queue_delivery(job), o);
		return;
	}
	notify_queue_remove(c->queue, job, &d);
	n->cb(n->ctx, &d, o);
	notify_queue_discard(&d);
}

static void
settle_dead(struct channel *c, struct notify_job *job, const char *text)
{
	struct outcome o = {.dead = true};

	snprintf(o.text, sizeof(o.text), "%s", text);
	settle(c, job, &o);
}

static void
answered(void *arg, struct notify_job *job, const struct notify_answer *answer)
{
	struct channel *c = arg;
	int64_t now = clock_now(), wait = notify_retry_wait(answer);
	struct outcome o;

	if (wait > 0 && now + wait > c->hold)
		c->hold = now + wait;
	notify_retry_decide(notify_queue_delivery(job), c->conf->type, answer, now, &o);
	settle(c, job, &o);
	schedule(c);
}

static void
post(struct channel *c, struct notify_job *job, char *body)
{
	const struct delivery *d = notify_queue_delivery(job);
	int64_t seconds = clock_now() / 1000;
	struct buf signature = BUF_INIT;
	char *id = xasprintf("webhook-id: %s", d->id);
	char *timestamp = xasprintf("webhook-timestamp: %" PRId64, seconds);
	const char *headers[4] = {"Content-Type: application/json", id, timestamp};
	size_t n = 3;

	if (c->is_signed) {
		buf_puts(&signature, "webhook-signature: ");
		notify_sign(&signature, buf_view(&c->key), d->id, seconds, sv_str(body));
		headers[n++] = buf_str(&signature);
	}
	notify_http_post(c->http, body, headers, n, job);
	free(id);
	free(timestamp);
	buf_free(&signature);
}

/* Begin an attempt at ${job}, which was taken from the queue. */
static void
begin(struct channel *c, struct notify_job *job)
{
	static const struct notify_answer unsignable = {
	    .text = "the channel's secret is malformed, expected whsec_ and base64"};
	struct delivery *d = notify_queue_delivery(job);
	char *body;

	d->attempts++;
	if (c->conf == NULL) {
		settle_dead(c, job, "the channel is no longer configured");
		return;
	}
	if (!notify_sign_id_ok(d->id)) {
		settle_dead(c, job, "the delivery id is malformed, expected [A-Za-z0-9_-]+");
		return;
	}
	if (c->is_signed && c->key.n == 0) {
		answered(c, job, &unsignable);
		return;
	}
	body = notify_render(c->conf->type, d);
	if (body == NULL) {
		settle_dead(c, job, "the stored message is malformed, expected type and incident");
		return;
	}
	post(c, job, body);
}

/* Send what is due, as far as it may go out now. */
static void
drain(struct channel *c)
{
	int64_t now = clock_now();
	struct notify_job *job;

	while (now >= c->hold &&
	    (c->http == NULL || notify_http_inflight(c->http) < NOTIFY_TRANSFERS) &&
	    (job = notify_queue_take(c->queue, now)) != NULL)
		begin(c, job);
	schedule(c);
}

static void
timer_fired(void *arg)
{
	drain(arg);
}

void
notify_run_due(struct notify *n)
{
	for (size_t i = 0; i <= n->n; i++)
		drain(&n->channels[i]);
}

static struct channel *
find_channel(struct notify *n, const char *id)
{
	for (size_t i = 0; i < n->n; i++)
		if (strcmp(n->channels[i].conf->id.s, id) == 0)
			return &n->channels[i];
	return &n->channels[n->n];
}

void
notify_submit(struct notify *n, struct delivery *d)
{
	struct channel *c = find_channel(n, d->channel);

	if (d->due > clock_now() + DUE_MAX)
		d->due = 0;
	notify_queue_add(c->queue, d);
	schedule(c);
}

size_t
notify_inflight(const struct notify *n)
{
	int64_t now = clock_now();
	size_t busy = 0;

	for (size_t i = 0; i <= n->n; i++) {
		const struct channel *c = &n->channels[i];

		if (c->http != NULL)
			busy += notify_http_inflight(c->http);
		if (now >= c->hold)
			busy += notify_queue_ready(c->queue, now);
	}
	return busy;
}

static void
init_channel(struct channel *c, struct notify *n, struct ev *ev)
{
	c->notify = n;
	c->queue = notify_queue_new();
	c->timer = ev_timer_new(ev, timer_fired, c);
}

struct notify *
notify_new(struct ev *ev, const struct channel_conf *conf, size_t nconf, const char *const *urls,
    const char *const *secrets, notify_cb *cb, void *ctx)
{
	struct notify *n = xcalloc(1, sizeof(*n));

	n->cb = cb;
	n->ctx = ctx;
	n->n = nconf;
	n->channels = xcalloc(nconf + 1, sizeof(*n->channels));
	for (size_t i = 0; i <= nconf; i++)
		init_channel(&n->channels[i], n, ev);
	for (size_t i = 0; i < nconf; i++) {
		struct channel *c = &n->channels[i];

		c->conf = &conf[i];
		c->http = notify_http_new(ev, &conf[i], urls[i], answered, c);
		c->is_signed = secrets[i] != NULL;
		if (c->is_signed)
			notify_sign_key(&c->key, secrets[i]);
	}
	return n;
}

void
notify_free(struct notify **np)
{
	struct notify *n = *np;

	if (n == NULL)
		return;
	for (size_t i = 0; i <= n->n; i++) {
		struct channel *c = &n->channels[i];

		notify_http_free(&c->http);
		notify_queue_free(&c->queue);
		ev_timer_free(&c->timer);
		if (c->key.p != NULL)
			explicit_bzero(c->key.p, c->key.cap);
		buf_free(&c->key);
	}
	free(n->channels);
	free(n);
	*np = NULL;
}

void
notify_set_timeout(struct notify *n, long ms)
{
	for (size_t i = 0; i < n->n; i++)
		notify_http_set_timeout(n->channels[i].http, ms);
}
