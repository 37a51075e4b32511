/*
 * silences: brings the silences that Redis has to those who count, and knows which hold.
 *
 * They are told whenever the daemon attaches, before the first line; from then on they are
 * asked for every 10 s.  What was known last holds while Redis is away.
 */
#ifndef SILENCES_H
#define SILENCES_H

#include <stdbool.h>
#include <stdint.h>

#include "util/sv.h"

struct ev;
struct json_t;
struct silence_set;
struct silences;
struct state;
struct state_silences;

/* From now on it is ${set} (borrowed), NULL: none. */
typedef void silences_cb(void *ctx, struct silence_set *set);

struct silences *silences_new(struct ev *ev, silences_cb *changed, void *ctx);
/* After the state is freed. */
void silences_free(struct silences **s);

/* Redis is here; it is away. */
void silences_start(struct silences *s, struct state *state);
void silences_stop(struct silences *s);

/* What Redis told. */
void silences_take(struct silences *s, const struct state_silences *told);
/* One of them is ${json} now: it holds at once. */
void silences_put(struct silences *s, struct sv json);

/* Those that hold for ${rule} (an id) at ${now}, for people; a new reference. */
struct json_t *silences_of(const struct silences *s, const char *rule, int64_t now);

#endif
