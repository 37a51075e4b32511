/*
 * clockwork: see clockwork.h.  Asks Redis each second for the groups whose time has
 * come, since it knows those of other daemons and of before a restart.
 */
#include "clockwork.h"

#include <stdlib.h>

#include "correlate/correlate.h"
#include "correlate/group_key.h"
#include "ev/ev.h"
#include "rule/rule_list.h"
#include "rule/ruleset.h"
#include "state/state.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define EVERY 1000
#define LATE 10000 /* ms that a line may take to get here */

struct clockwork {
	struct clockwork_conf conf;
	struct ev_timer *timer;
	struct state *state;
	struct ruleset *rules;
	bool expected; /* the keys that rules name are known to be expected */
};

static bool
has_timed(const struct ruleset *rules)
{
	for (size_t i = 0; i < ruleset_nincidents(rules); i++) {
		enum condition_kind kind = ruleset_incident(rules, i)->condition.kind;

		if (kind == CONDITION_ABSENT || kind == CONDITION_RATE)
			return true;
	}
	return false;
}

static void
got_due(void *ctx, uint64_t identity, struct sv key, struct sv bytes)
{
	struct clockwork *w = ctx;
	struct group_cache *cache = correlator_cache(w->conf.correlator);
	const struct incident_rule *rule = ruleset_find_identity(w->rules, identity);

	if (rule == NULL)
		return; /* it is no more, or another; its groups go with time */
	if (rule->each != NULL && !rule_list_has(rule->each, group_key_value(key, 0)))
		return; /* nothing is expected of it any more */
	group_cache_put(cache, group_cache_hash(cache, rule, key).a, rule, key, bytes);
	correlate_timer(w->conf.correlator, w->rules, rule, key, clock_now() - LATE);
	w->conf.counted(w->conf.ctx);
}

static void
expect(struct clockwork *w)
{
	w->expected = true;
	for (size_t i = 0; i < ruleset_nincidents(w->rules); i++)
		correlate_expect(w->conf.correlator, w->rules, ruleset_incident(w->rules, i),
		    clock_now() - LATE);
	w->conf.counted(w->conf.ctx);
}

static void
tick(void *ctx)
{
	struct clockwork *w = ctx;

	ev_timer_set(w->timer, EVERY);
	if (!state_is_idle(w->state) || !w->conf.is_current(w->conf.ctx))
		return;
	if (!w->expected)
		expect(w);
	state_due(w->state, clock_now() - LATE, got_due, w);
}

struct clockwork *
clockwork_new(struct ev *ev, const struct clockwork_conf *conf)
{
	struct clockwork *w = xcalloc(1, sizeof(*w));

	w->conf = *conf;
	w->timer = ev_timer_new(ev, tick, w);
	return w;
}

void
clockwork_stop(struct clockwork *w)
{
	ev_timer_cancel(w->timer);
	ruleset_unref(&w->rules);
}

void
clockwork_start(struct clockwork *w, struct state *s, struct ruleset *rules)
{
	clockwork_stop(w);
	w->state = s;
	w->rules = ruleset_ref(rules);
	w->expected = false;
	if (has_timed(rules))
		ev_timer_set(w->timer, EVERY);
}

void
clockwork_free(struct clockwork **wp)
{
	struct clockwork *w = *wp;

	if (w == NULL)
		return;
	clockwork_stop(w);
	ev_timer_free(&w->timer);
	free(w);
	*wp = NULL;
}
