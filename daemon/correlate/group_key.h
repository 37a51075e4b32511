/*
 * group_key: the name of a group within its rule, and back to what people read.
 */
#ifndef CORRELATE_GROUP_KEY_H
#define CORRELATE_GROUP_KEY_H

#include <stdbool.h>

#include "rule/ruleset.h"
#include "util/buf.h"

struct event;

#define GROUP_KEY_VALUE_MAX 256 /* bytes of a value; a longer one is cut, its SHA-256 added */

/* "LENGTH:VALUE" for each field, so that no two keys have one name.  False when ${e}
 * lacks a field. */
bool group_key_name(const struct incident_rule *rule, const struct event *e, struct buf *out);

/* The key as a JSON object: {"source.ip":"192.0.2.1"}. */
void group_key_json(const struct incident_rule *rule, struct sv key, struct buf *out);
/* The rule's title with {source_ip} and the like filled in; valid UTF-8. */
void group_key_title(const struct incident_rule *rule, struct sv key, struct buf *out);
/* Which of ${n} partitions has the group: the same in all daemons and for ever. */
unsigned group_key_partition(const struct incident_rule *rule, struct sv key, unsigned n);
/* Value ${i}, empty when ${key} is not of this form. */
struct sv group_key_value(struct sv key, size_t i);

#endif
