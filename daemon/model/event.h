/*
 * event: a record that an event rule matched, with the fields taken from it.
 */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include <stddef.h>

#include "model/record.h"
#include "util/sv.h"

#define EVENT_FIELDS_MAX 16 /* captured by one pattern */
#define EVENT_TAKES_MAX 8   /* taken from the record's fields */
#define EVENT_DERIVED_MAX 3 /* looked up */

struct event_rule; /* rule/rule.h */

struct field {
	const char *name; /* dotted, as it leaves the daemon: source.ip; owned by the rule set */
	struct sv value;  /* borrowed for the duration of the call that passes it */
};

struct event {
	const struct event_rule *rule;
	const struct record *record;
	size_t nfields;
	struct field fields[EVENT_FIELDS_MAX + EVENT_TAKES_MAX + EVENT_DERIVED_MAX];
};

/* The value of field ${name}, or NULL.  Known names are mostly the same string. */
static inline const struct sv *
event_field(const struct event *e, const char *name)
{
	for (size_t i = 0; i < e->nfields; i++)
		if (e->fields[i].name == name ||
		    (*e->fields[i].name == *name && strcmp(e->fields[i].name, name) == 0))
			return &e->fields[i].value;
	return NULL;
}

#endif
