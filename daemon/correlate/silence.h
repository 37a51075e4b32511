/*
 * silence: events that shall not count, by what was said by hand: of which rules, with which
 * values of fields, for which time.
 *
 * Asked is the time of the event, never the clock: lines that are read late become what they
 * would have become in time.
 */
#ifndef CORRELATE_SILENCE_H
#define CORRELATE_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/sv.h"

struct event;
struct incident_rule;

/* Counts references; it does not change once others than its maker have one. */
struct silence_set;

struct silence_set *silence_new(void);
struct silence_set *silence_ref(struct silence_set *set);
void silence_unref(struct silence_set **set);

/* One more, of ${rule} (NULL: of all) in [${from}, ${until}); what is given is copied. */
void silence_add(struct silence_set *set, const char *rule, int64_t from, int64_t until);
/* The one that was added last is only of events whose ${field} (dotted) is ${value}, or lies in
 * that network. */
void silence_add_field(struct silence_set *set, const char *field, const char *value);
/* To be called once after the last of these. */
void silence_sort(struct silence_set *set);

/* Shall ${e} not count for ${rule}?  Of the header, host.name and process.name are asked if the
 * event has no such fields. */
bool silence_covers(
    const struct silence_set *set, const struct incident_rule *rule, const struct event *e);
/* The first time from ${t} on that is not silenced for group ${key} of ${rule}. */
int64_t silence_over(
    const struct silence_set *set, const struct incident_rule *rule, struct sv key, int64_t t);

#endif
