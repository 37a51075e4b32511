/*
 * clockwork: rules that wait for time to pass (absent, rate) are told that it has.
 */
#ifndef CLOCKWORK_H
#define CLOCKWORK_H

#include <stdbool.h>

struct correlator;
struct ev;
struct ruleset;
struct state;

struct clockwork;

struct clockwork_conf {
	struct correlator *correlator;
	/* Has all been read that there is?  What stands unread may be what seems absent. */
	bool (*is_current)(void *ctx);
	void (*counted)(void *ctx); /* something has been counted */
	void *ctx;
};

struct clockwork *clockwork_new(struct ev *ev, const struct clockwork_conf *conf);
void clockwork_free(struct clockwork **w);

/* State is there (again), or the rules are others. */
void clockwork_start(struct clockwork *w, struct state *s, struct ruleset *rules);
void clockwork_stop(struct clockwork *w);

#endif
