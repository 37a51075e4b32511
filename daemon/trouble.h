/*
 * trouble: what a source could not examine, as an event like any other, so that
 * incident rules can be about it.
 */
#ifndef TROUBLE_H
#define TROUBLE_H

#include <stdint.h>

#include "model/event.h"
#include "model/trouble.h"

struct ruleset;

/* Call ${got} with the event that ${t}, noticed at ${now} (wall ms), is; not at all
 * for what is no event: that a source was begun at its end. */
typedef void trouble_event_cb(void *ctx, const struct event *event);
void trouble_event(const struct ruleset *rules, const struct trouble *t, int64_t now,
    trouble_event_cb *got, void *ctx);

#endif
