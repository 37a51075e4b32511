/*
 * notify_retry: what an answer means: delivered, dead, or again and when.  Pure
 * decisions; the clock and the queue are the caller's.
 *
 * People mistype URLs and forget to renew things, and they repair them when they
 * see it.  So nearly every failure is tried again for three days, however final
 * the endpoint makes it sound; only 410 Gone, which means "never again", is
 * believed at once.
 */
#include "notify/notify_internal.h"

#include <stdio.h>

#include "conf/config.h"
#include "util/digest.h"
#include "util/vis.h"

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

#define GIVE_UP_AFTER (72 * HOUR)
#define RETRY_AFTER_MAX HOUR

int64_t
notify_retry_delay(int64_t attempts)
{
	static const int64_t delays[] = {
	    5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR};
	static const int64_t n = sizeof(delays) / sizeof(delays[0]);

	if (attempts < 1)
		attempts = 1;
	return delays[attempts > n ? n - 1 : attempts - 1];
}

/* ${delay} give or take a fifth, so that what failed together does not come back
 * together. */
static int64_t
jitter(int64_t delay)
{
	uint32_t r;

	digest_random(&r, sizeof(r));
	return delay - delay / 5 + (int64_t)(r % (uint32_t)(2 * delay / 5 + 1));
}

static bool
accepted(int type, const struct notify_answer *a)
{
	if (!a->complete)
		return false;
	return type == CHANNEL_SLACK ? a->status == 200 : a->status >= 200 && a->status <= 299;
}

int64_t
notify_retry_wait(const struct notify_answer *a)
{
	bool busy = a->status == 429 || a->status == 502 || a->status == 503 || a->status == 504;

	if (!busy)
		return 0;
	return a->retry_after < RETRY_AFTER_MAX ? a->retry_after : RETRY_AFTER_MAX;
}

/* The time after which ${d} is not tried again.  Its age is measured by wall time;
 * a date in the future (the clock was set back) counts as new. */
static int64_t
deadline(const struct delivery *d, int64_t now)
{
	int64_t created = d->created < 0 ? 0 : d->created < now ? d->created : now;

	return created + GIVE_UP_AFTER;
}

static int64_t
next_due(const struct delivery *d, const struct notify_answer *a, int64_t now)
{
	int64_t delay = jitter(notify_retry_delay(d->attempts));
	int64_t last = deadline(d, now);

	if (notify_retry_wait(a) > delay)
		delay = notify_retry_wait(a);
	return now + delay < last ? now + delay : last;
}

static const char *
remark(const struct notify_answer *a)
{
	if (a->complete && a->status >= 300 && a->status <= 399)
		return "redirects are not followed";
	return a->text;
}

static void
describe(const struct notify_answer *a, const struct outcome *o, struct buf *text)
{
	if (a->status != 0)
		buf_printf(text, "HTTP %ld", a->status);
	if (!o->delivered && remark(a)[0] != '\0')
		buf_printf(text, "%s%s", a->status != 0 ? ": " : "", remark(a));
	if (o->dead && a->status == 410)
		buf_puts(text, "; gone for good, given up");
	else if (o->dead)
		buf_puts(text, "; given up after 72 hours");
}

void
notify_retry_decide(const struct delivery *d, int type, const struct notify_answer *answer,
    int64_t now, struct outcome *o)
{
	struct buf text = BUF_INIT;

	*o = (struct outcome){.status = answer->status};
	o->delivered = accepted(type, answer);
	if (!o->delivered)
		o->dead = (answer->complete && answer->status == 410) || now >= deadline(d, now);
	if (!o->delivered && !o->dead)
		o->due = next_due(d, answer, now);
	describe(answer, o, &text);
	text.n = vis_cut(buf_view(&text), sizeof(o->text) - 1);
	snprintf(o->text, sizeof(o->text), "%.*s", (int)text.n, buf_str(&text));
	buf_free(&text);
}
