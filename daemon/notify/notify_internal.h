/*
 * notify_internal: what the files of notify/ share, and a few handles for tests.
 *
 *   notify.c ── queues ──► notify_queue.c     what to send next
 *       │ ── body ───────► notify_body.c      what it says (notify_slack.c for Slack)
 *       │ ── signature ──► notify_sign.c      who says it
 *       │ ── request ────► notify_http.c      the only file that knows libcurl
 *       └ ── verdict ────► notify_retry.c     what an answer means
 */
#ifndef NOTIFY_NOTIFY_INTERNAL_H
#define NOTIFY_NOTIFY_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/delivery.h"
#include "util/buf.h"
#include "util/sv.h"

struct channel_conf;
struct ev;
struct notify;

/* --- notify_queue: the deliveries of one channel ---
 *
 * Deliveries of one incident form a lane, ordered by seq; only the first of a
 * lane may be sent, and while it is, the lane is busy.  Lanes that are not busy
 * lie in a heap ordered by when their first delivery is due. */
struct notify_queue;
struct notify_job; /* one delivery in the queue */

struct notify_queue *notify_queue_new(void);
void notify_queue_free(struct notify_queue **q);

/* Takes the strings of ${d} and zeroes it.  Dropped if the queue has its id. */
void notify_queue_add(struct notify_queue *q, struct delivery *d);
/* The next delivery that is due at ${now}, its lane busy from here on; NULL when
 * there is none. */
struct notify_job *notify_queue_take(struct notify_queue *q, int64_t now);
struct delivery *notify_queue_delivery(struct notify_job *job);
/* After take: it will be due again at ${due}. */
void notify_queue_put(struct notify_queue *q, struct notify_job *job, int64_t due);
/* After take: it is done with; ${d} receives its strings. */
void notify_queue_remove(struct notify_queue *q, struct notify_job *job, struct delivery *d);
/* When the first lane that is not busy is due; INT64_MAX when there is none. */
int64_t notify_queue_due(const struct notify_queue *q);
/* How many deliveries could be sent at ${now} were there no other limit. */
size_t notify_queue_ready(const struct notify_queue *q, int64_t now);
/* Free the strings of ${d} and zero it. */
void notify_queue_discard(struct delivery *d);

/* --- notify_http: requests to one URL --- */

#define NOTIFY_TRANSFERS 4 /* at once to one channel */

/* What came of a request.  ${status} is 0 when there was no HTTP answer. */
struct notify_answer {
	bool complete; /* a whole HTTP answer within all limits */
	long status;
	int64_t retry_after; /* ms the endpoint asked to be left alone, 0 = did not ask */
	char text[200];      /* for people, printable: what went wrong, or how the
	                        body of the answer begins; may be empty */
};

struct notify_http;
/* A request has ended.  Fires from the loop, once for each notify_http_post()
 * unless freed before. */
typedef void notify_http_cb(void *ctx, struct notify_job *job, const struct notify_answer *answer);

/* ${conf} is borrowed, ${url} copied. */
struct notify_http *notify_http_new(
    struct ev *ev, const struct channel_conf *conf, const char *url, notify_http_cb *cb, void *ctx);
void notify_http_free(struct notify_http **h);
/* POST ${body} (taken) with ${headers}, "Name: value" each, checked by the caller
 * to hold no control characters. */
void notify_http_post(struct notify_http *h, char *body, const char *const *headers,
    size_t nheaders, struct notify_job *job);
size_t notify_http_inflight(const struct notify_http *h);
/* For tests: the whole of a request may take ${ms}. */
void notify_http_set_timeout(struct notify_http *h, long ms);

/* --- notify_retry: what an answer means for a delivery --- */

/* The wait after attempt number ${attempts} (from 1), without jitter. */
int64_t notify_retry_delay(int64_t attempts);
/* How long an endpoint that is too busy asked to be left alone, in ms and within
 * reason; 0 when it did not. */
int64_t notify_retry_wait(const struct notify_answer *answer);
/* Decide on ${d}, whose attempts count includes this one; ${type} is the
 * channel's. */
void notify_retry_decide(const struct delivery *d, int type, const struct notify_answer *answer,
    int64_t now, struct outcome *outcome);

/* --- notify_sign: Standard Webhooks 1.0.0, scheme v1 --- */

/* Append the key in ${secret}, "whsec_" and base64; false when it is not that. */
bool notify_sign_key(struct buf *key, const char *secret);
/* Append the value of webhook-signature. */
void notify_sign(struct buf *out, struct sv key, const char *id, int64_t seconds, struct sv body);
/* May ${id} stand in a header and in signed content? */
bool notify_sign_id_ok(const char *id);

/* --- notify_slack: a message as Slack's Block Kit --- */

/* ${message} is what the state stores, parsed.  malloc()ed, NULL when parts are
 * missing. */
char *notify_slack_render(const json_t *message);

/* --- for tests --- */

/* Send what is due now; the loop does this by a timer, which a virtual clock
 * does not move. */
void notify_run_due(struct notify *n);
void notify_set_timeout(struct notify *n, long ms);

#endif
