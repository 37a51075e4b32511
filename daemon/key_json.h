/*
 * key_json: the key of a group as a JSON object, for answers.
 */
#ifndef KEY_JSON_H
#define KEY_JSON_H

#include "util/sv.h"

struct incident_rule;
struct json_t;

/* {"source.ip": "192.0.2.1"}; NULL when ${key} is none of ${rule}. */
struct json_t *key_json(const struct incident_rule *rule, struct sv key);

#endif
