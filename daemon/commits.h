/*
 * commits: when what has gathered is committed: events at the end of a turn, positions alone
 * once a second, one commit after the other, and under load not too soon after it.
 */
#ifndef COMMITS_H
#define COMMITS_H

#include <stddef.h>

struct batch;
struct commits;
struct correlator;
struct ev;
struct state;

struct commits_conf {
	struct correlator *correlator;
	void (*sending)(void *ctx); /* a batch goes; the next one is begun */
	void *ctx;
};

struct commits *commits_new(struct ev *ev, const struct commits_conf *conf);
void commits_free(struct commits **c);

/* To ${s}; before it nothing is committed. */
void commits_set_state(struct commits *c, struct state *s);

/* Events have gathered; */
void commits_events(struct commits *c);
/* or what shall wait as little; */
void commits_news(struct commits *c);
/* or positions only. */
void commits_positions(struct commits *c);

/* Batch ${b} is in, and opened ${nopened} incidents.  The next one goes with commits_go_on(). */
void commits_learn(struct commits *c, const struct batch *b, size_t nopened);
void commits_go_on(struct commits *c);

/* From now on all goes as soon as it can. */
void commits_drain(struct commits *c);

#endif
