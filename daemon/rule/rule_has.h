/*
 * rule_has: which fields an incident rule's events may have, of rules as they are loaded: for
 * what people say by hand about them.
 */
#ifndef RULE_RULE_HAS_H
#define RULE_RULE_HAS_H

#include <stdbool.h>

#include "util/buf.h"

struct incident_rule;
struct ruleset;

/* May something that ${rule} (NULL: any rule) counts have ${field} (dotted)?  Of one that waits
 * for what is absent: is it part of the key? */
bool rule_has_field(const struct ruleset *rs, const struct incident_rule *rule, const char *field);
/* Append the one among those that ${field} was probably meant to be, as rule files write it;
 * false: none is near. */
bool rule_has_nearest(
    const struct ruleset *rs, const struct incident_rule *rule, const char *field, struct buf *out);

#endif
