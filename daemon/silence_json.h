/*
 * silence_json: silences as Redis has them, which somebody else may have written, and as people
 * get them.
 */
#ifndef SILENCE_JSON_H
#define SILENCE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

#define SILENCE_FIELDS_MOST 8
#define SILENCE_TEXT_MOST 1024 /* bytes of a value, and of why */
#define SILENCE_ALL "all"      /* in the place of a rule's id */

struct json_t;
struct silence_set;

/* Add ${stored} to ${set} from when until when it says; false, and nothing is added, with a
 * reason in ${why} when it is no silence. */
bool silence_json_add(struct silence_set *set, const struct json_t *stored, struct buf *why);
/* The same of one that people got, for all times. */
bool silence_json_add_shown(struct silence_set *set, const struct json_t *shown, struct buf *why);

/* ${stored} for people, a new reference; NULL when it is no silence. */
struct json_t *silence_json_show(const struct json_t *stored, int64_t now);

/* Does ${stored} hold at ${now}? */
bool silence_json_holds(const struct json_t *stored, int64_t now);

#endif
