/*
 * geoip_watch: see geoip_watch.h.  Looks every ten seconds; what changed is read by a job,
 * one file at a time, and taken on the loop.
 */
#include "geoip/geoip_watch.h"

#include <stdlib.h>

#include "ev/ev.h"
#include "ev/ev_job.h"
#include "geoip/geoip.h"
#include "util/xalloc.h"

#define LOOK_EVERY 10000 /* ms */

struct geoip_watch {
	struct ev *ev;
	struct geoip *geoip;
	struct ev_timer *timer;
	struct ev_job *job; /* NULL: nothing is read */
	struct geoip_reading *reading;
};

static void
work(void *arg)
{
	const struct geoip_watch *w = arg;

	geoip_reading_run(w->reading);
}

static void
done(void *arg)
{
	struct geoip_watch *w = arg;

	ev_job_free(&w->job);
	geoip_take(w->geoip, w->reading);
	geoip_reading_free(&w->reading);
	ev_timer_set(w->timer, LOOK_EVERY);
}

static void
look(void *arg)
{
	struct geoip_watch *w = arg;

	for (int i = 0; i < GEOIP_FILES; i++) {
		if (!geoip_has_changed(w->geoip, (enum geoip_file)i))
			continue;
		w->reading = geoip_reading_new(w->geoip, (enum geoip_file)i);
		w->job = ev_job_start(w->ev, work, done, w);
		return;
	}
	ev_timer_set(w->timer, LOOK_EVERY);
}

struct geoip_watch *
geoip_watch_new(struct ev *ev, struct geoip *g)
{
	struct geoip_watch *w = xcalloc(1, sizeof(*w));

	w->ev = ev;
	w->geoip = g;
	w->timer = ev_timer_new(ev, look, w);
	ev_timer_set(w->timer, LOOK_EVERY);
	return w;
}

void
geoip_watch_free(struct geoip_watch **wp)
{
	struct geoip_watch *w = *wp;

	*wp = NULL;
	if (w == NULL)
		return;
	if (w->job != NULL)
		ev_job_free(&w->job);
	geoip_reading_free(&w->reading);
	ev_timer_free(&w->timer);
	free(w);
}
