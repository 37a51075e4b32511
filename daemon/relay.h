/*
 * relay: incidents that are events themselves, for the rules about incidents.
 */
#ifndef RELAY_H
#define RELAY_H

#include "util/sv.h"

struct correlator;
struct ruleset;

/* Count the incident of ${json}, an entry of the relay (INTERFACES.md), and say that it
 * is counted; also when no rule wants it any more. */
void relay_count(struct correlator *c, struct ruleset *rules, struct sv json);

#endif
