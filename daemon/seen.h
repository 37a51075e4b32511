/*
 * seen: what the rules have to do with the logs of this host: the events of each, and
 * which programs write here.  For people; since the start of the daemon, in memory only.
 */
#ifndef SEEN_H
#define SEEN_H

#include <jansson.h>

#include "util/sv.h"

struct event;
struct ruleset;
struct seen;

struct seen *seen_new(void);
void seen_free(struct seen **s);

/* Events are of ${rules} from now on; of which it takes a reference.  What is known of a
 * rule stays with the rule of the same id. */
void seen_set_rules(struct seen *s, struct ruleset *rules);

void seen_event(struct seen *s, const struct event *e);
/* Some 200 programs are remembered, the first ones. */
void seen_program(struct seen *s, struct sv program);

/* {"programs": [...], "rules": {ID: {"events": N, "last": TIME}, ...}}: those with events. */
json_t *seen_json(const struct seen *s);

#endif
