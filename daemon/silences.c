/*
 * silences: see silences.h.  Owns what Redis told, as JSON, and what was made of it.
 */
#include "silences.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/silence.h"
#include "ev/ev.h"
#include "silence_json.h"
#include "state/state.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

#define EVERY 10000     /* ms between readings */
#define NONE_KNOWN (-1) /* no version */

struct silences {
	silences_cb *changed;
	void *ctx;
	struct ev_timer *timer;
	struct state *state; /* NULL: Redis is away */
	int64_t version;
	json_t *list; /* an array, as stored */
	struct silence_set *set;
	size_t holding; /* of them, as it was told last */
	char *problem;
};

static void
ask(void *ctx)
{
	struct silences *s = ctx;

	ev_timer_set(s->timer, EVERY);
	state_silences(s->state, s->version);
}

struct silences *
silences_new(struct ev *ev, silences_cb *changed, void *ctx)
{
	struct silences *s = xcalloc(1, sizeof(*s));

	s->changed = changed;
	s->ctx = ctx;
	s->timer = ev_timer_new(ev, ask, s);
	s->version = NONE_KNOWN;
	s->list = json_array();
	return s;
}

void
silences_free(struct silences **sp)
{
	struct silences *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	ev_timer_free(&s->timer);
	json_decref(s->list);
	silence_unref(&s->set);
	free(s->problem);
	free(s);
}

void
silences_start(struct silences *s, struct state *state)
{
	s->state = state;
	ev_timer_set(s->timer, EVERY);
}

void
silences_stop(struct silences *s)
{
	s->state = NULL;
	ev_timer_cancel(s->timer);
}

/* ---- what there is -------------------------------------------------------------------- */

static void
tell_bad(const json_t *one, const char *why)
{
	const char *id = json_string_value(json_object_get(one, "id"));

	log_warn("silences", "%s in Redis %s; it is left out", id == NULL ? "a silence" : id, why);
}

/* What is in the list is what holds. */
static void
use(struct silences *s)
{
	struct silence_set *set = silence_new();
	struct buf why = BUF_INIT;
	size_t i, n = 0;
	json_t *one;

	json_array_foreach(s->list, i, one)
	{
		why.n = 0;
		if (silence_json_add(set, one, &why))
			n++;
		else
			tell_bad(one, buf_str(&why));
	}
	buf_free(&why);
	silence_sort(set);
	if (n == 0)
		silence_unref(&set);
	s->changed(s->ctx, set);
	silence_unref(&s->set);
	s->set = set;
}

static size_t
count_holding(const struct silences *s)
{
	size_t i, n = 0;
	json_t *one;

	json_array_foreach(s->list, i, one)
	{
		n += silence_json_holds(one, clock_now());
	}
	return n;
}

/* That others were made or ended. */
static void
tell_holding(struct silences *s)
{
	size_t n = count_holding(s);

	if (n != s->holding)
		log_info("silences", "%zu hold%s", n, n == 1 ? "s" : "");
	s->holding = n;
}

static void
set_problem(struct silences *s, const char *problem)
{
	if (s->problem != NULL && strcmp(s->problem, problem) == 0)
		return;
	free(s->problem);
	s->problem = xstrdup(problem);
	log_warn("silences", "they cannot be read: %s; those that were known hold on", problem);
}

void
silences_take(struct silences *s, const struct state_silences *told)
{
	bool news = told->n > 0 || json_array_size(s->list) > 0;

	if (told->error != NULL) {
		set_problem(s, told->error);
		return;
	}
	free(s->problem);
	s->problem = NULL;
	if (told->same)
		return;
	s->version = told->version;
	json_array_clear(s->list);
	for (size_t i = 0; i < told->n; i++) {
		json_t *one = json_loadb(told->texts[i].p, told->texts[i].n, 0, NULL);

		json_array_append_new(s->list, one == NULL ? json_null() : one);
	}
	if (!news)
		return;
	use(s);
	tell_holding(s);
}

void
silences_put(struct silences *s, struct sv json)
{
	json_t *put = json_loadb(json.p, json.n, 0, NULL), *one;
	const char *id = json_string_value(json_object_get(put, "id"));
	size_t at;

	if (id == NULL) {
		json_decref(put);
		return;
	}
	json_array_foreach(s->list, at, one)
	{
		const char *has = json_string_value(json_object_get(one, "id"));

		if (has != NULL && strcmp(has, id) == 0)
			break;
	}
	if (at < json_array_size(s->list))
		json_array_set_new(s->list, at, put);
	else
		json_array_append_new(s->list, put);
	use(s);
	s->holding = count_holding(s);
}

json_t *
silences_of(const struct silences *s, const char *rule, int64_t now)
{
	json_t *out = json_array(), *one;
	size_t i;

	json_array_foreach(s->list, i, one)
	{
		const char *of = json_string_value(json_object_get(one, "rule"));

		if (of != NULL && (strcmp(of, rule) == 0 || strcmp(of, SILENCE_ALL) == 0) &&
		    silence_json_holds(one, now))
			json_array_append_new(out, silence_json_show(one, now));
	}
	return out;
}
