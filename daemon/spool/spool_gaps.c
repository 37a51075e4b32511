/*
 * spool_gaps: tells what was not taken: the first at once, then no more than once
 * a second, with the sum of what came meanwhile.  Swallows nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ev/ev.h"
#include "spool/spool_internal.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define PAUSE 1000 /* ms */
#define ORIGIN_SIZE 256

struct gap {
	uint64_t n;               /* not told yet */
	int64_t allowed;          /* when it may be told, ms on the monotonic clock */
	char origin[ORIGIN_SIZE]; /* of all of them, or empty */
};

struct spool_gaps {
	struct ev_timer *timer;
	char *source;
	struct spool_cb cb;
	void *ctx;
	struct gap gaps[TROUBLE_SILENT];
};

static const char *
describe(enum trouble_kind kind)
{
	switch (kind) {
	case TROUBLE_DROPPED:
		return "that the kernel dropped before they could be read";
	case TROUBLE_FULL:
		return "that were not taken: the spool was full or could not be written";
	case TROUBLE_OVERSIZE:
		return "longer than max_line, which were cut to it";
	default:
		return "that were not taken";
	}
}

static void
tell(struct spool_gaps *g, enum trouble_kind kind)
{
	struct gap *gap = &g->gaps[kind];
	char text[128], origin[ORIGIN_SIZE];
	struct trouble t = {.kind = kind, .source = g->source, .lost = gap->n, .text = text};

	snprintf(text, sizeof(text), "%llu message%s %s", (unsigned long long)gap->n,
	    gap->n == 1 ? "" : "s", describe(kind));
	memcpy(origin, gap->origin, sizeof(origin));
	if (origin[0] != '\0')
		t.path = origin;
	gap->n = 0;
	gap->allowed = clock_mono() + PAUSE;
	g->cb.trouble(g->ctx, &t);
}

static void
pause_over(void *ctx)
{
	struct spool_gaps *g = ctx;
	int64_t next = INT64_MAX;

	for (int kind = 0; kind < TROUBLE_SILENT; kind++) {
		struct gap *gap = &g->gaps[kind];

		if (gap->n == 0)
			continue;
		if (gap->allowed <= clock_mono())
			tell(g, (enum trouble_kind)kind);
		else if (gap->allowed < next)
			next = gap->allowed;
	}
	if (next != INT64_MAX)
		ev_timer_set(g->timer, next - clock_mono());
}

struct spool_gaps *
spool_gaps_new(struct ev *ev, const char *source, const struct spool_cb *cb, void *ctx)
{
	struct spool_gaps *g = xcalloc(1, sizeof(*g));

	g->timer = ev_timer_new(ev, pause_over, g);
	g->source = xstrdup(source);
	g->cb = *cb;
	g->ctx = ctx;
	return g;
}

/* A sum of more than one origin has none. */
static void
note_origin(struct gap *gap, const char *origin)
{
	if (origin == NULL)
		origin = "";
	if (gap->n == 0)
		snprintf(gap->origin, sizeof(gap->origin), "%s", origin);
	else if (strncmp(gap->origin, origin, sizeof(gap->origin) - 1) != 0)
		gap->origin[0] = '\0';
}

void
spool_gaps_add(struct spool_gaps *g, enum trouble_kind kind, const char *origin, uint64_t n)
{
	struct gap *gap = &g->gaps[kind];

	if (n == 0)
		return;
	note_origin(gap, origin);
	gap->n += n;
	if (gap->allowed <= clock_mono())
		tell(g, kind);
	else if (!ev_timer_is_set(g->timer))
		ev_timer_set(g->timer, gap->allowed - clock_mono());
}

void
spool_gaps_free(struct spool_gaps **gp)
{
	struct spool_gaps *g = *gp;

	if (g == NULL)
		return;
	for (int kind = 0; kind < TROUBLE_SILENT; kind++)
		if (g->gaps[kind].n > 0)
			tell(g, (enum trouble_kind)kind);
	ev_timer_free(&g->timer);
	free(g->source);
	free(g);
	*gp = NULL;
}
