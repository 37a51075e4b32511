/*
 * commits: see commits.h.
 */
#include "commits.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "correlate/correlate.h"
#include "ev/ev.h"
#include "state/state.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define POSITIONS_EVERY 1000 /* ms between commits that carry no event */
#define SPACING 10           /* commits begin so many times what one takes after one another ... */
#define SPACING_MOST 200     /* ... but for no longer, in ms */

struct commits {
	struct commits_conf conf;
	struct state *state;   /* NULL: none */
	struct ev_timer *soon;  /* commit events at the end of this turn */
	struct ev_timer *later; /* commit positions that moved without events */
	bool news;              /* something gathered that shall not wait for events */
	int64_t begun;          /* monotonic ms at which the last commit began ... */
	int64_t not_before;     /* ... and at which the next one may */
	bool draining;
};

/* Under load what commits take is mostly groups that each of them has: so some time is left
 * between them, of which nothing is to be seen when a commit takes a millisecond. */
static bool
is_too_soon(struct commits *c)
{
	int64_t left = c->not_before - clock_mono();

	if (left <= 0 || c->draining || correlate_full(c->conf.correlator))
		return false;
	ev_timer_set(c->soon, left);
	return true;
}

static void
commit(struct commits *c, bool urgent)
{
	struct batch *b;

	if (c->state == NULL || !state_is_idle(c->state) ||
	    !correlate_pending(c->conf.correlator, urgent && !c->news) ||
	    (urgent && is_too_soon(c)))
		return;
	c->news = false;
	ev_timer_cancel(c->later);
	b = correlate_send(c->conf.correlator);
	c->conf.sending(c->conf.ctx);
	c->begun = clock_mono();
	state_commit(c->state, b);
}

static void
commit_events(void *ctx)
{
	commit(ctx, true);
}

static void
commit_positions(void *ctx)
{
	commit(ctx, false);
}

struct commits *
commits_new(struct ev *ev, const struct commits_conf *conf)
{
	struct commits *c = xcalloc(1, sizeof(*c));

	c->conf = *conf;
	c->soon = ev_timer_new(ev, commit_events, c);
	c->later = ev_timer_new(ev, commit_positions, c);
	return c;
}

void
commits_free(struct commits **cp)
{
	struct commits *c = *cp;

	if (c == NULL)
		return;
	ev_timer_free(&c->soon);
	ev_timer_free(&c->later);
	free(c);
	*cp = NULL;
}

void
commits_set_state(struct commits *c, struct state *s)
{
	c->state = s;
}

void
commits_events(struct commits *c)
{
	ev_timer_set(c->soon, 0);
}

void
commits_news(struct commits *c)
{
	c->news = true;
	ev_timer_set(c->soon, 0);
}

void
commits_positions(struct commits *c)
{
	if (correlate_pending(c->conf.correlator, false) && !ev_timer_is_set(c->later))
		ev_timer_set(c->later, POSITIONS_EVERY);
}

void
commits_learn(struct commits *c, const struct batch *b, size_t nopened)
{
	int64_t took = clock_mono() - c->begun;

	c->not_before = c->begun + (took * SPACING < SPACING_MOST ? took * SPACING : SPACING_MOST);
	correlate_committed(c->conf.correlator, b, nopened, took);
}

void
commits_go_on(struct commits *c)
{
	commit(c, !c->draining);
	commits_positions(c);
}

void
commits_drain(struct commits *c)
{
	c->draining = true;
	commit(c, false);
}
