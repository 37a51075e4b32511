/*
 * json: append JSON text without building a tree, for what is written once per
 * event.  jansson does the rest; it refuses text that is not UTF-8, which log
 * lines are free not to be.
 */
#ifndef UTIL_JSON_H
#define UTIL_JSON_H

#include "util/buf.h"
#include "util/sv.h"

/* Append ${s} as a JSON string: invalid UTF-8 and the line separators U+2028 and
 * U+2029 as U+FFFD, control characters escaped. */
void json_quote(struct buf *out, struct sv s);

#endif
