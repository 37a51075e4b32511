/*
 * shown: values as answers and reports show them, in JSON.
 */
#ifndef SHOWN_H
#define SHOWN_H

#include <stdint.h>

#include "util/sv.h"

struct incident_rule;
struct json_t;

/* The key of a group: {"source.ip": "192.0.2.1"}; NULL when ${key} is none of ${rule}. */
struct json_t *shown_key(const struct incident_rule *rule, struct sv key);
/* ${ms} since the epoch: "2026-01-02T03:04:05.678Z". */
struct json_t *shown_time(int64_t ms);

#endif
