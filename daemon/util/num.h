/*
 * num: numbers and durations from text, with bounds, in one call; and numbers to text.
 */
#ifndef UTIL_NUM_H
#define UTIL_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "util/sv.h"

/* Decimal digits with an optional '-', nothing else; false when it is not that
 * or not within [${min}, ${max}]; ${out} is then untouched. */
bool num_int(struct sv s, int64_t min, int64_t max, int64_t *out);

/* One to 16 hex digits, nothing else. */
bool num_hex(struct sv s, uint64_t *out);

#define NUM_DECIMAL 20 /* digits of the greatest number */

/* ${n} in decimal, written to the end of ${room}. */
struct sv num_decimal(uint64_t n, char room[static NUM_DECIMAL]);

/* A duration such as 250ms, 10s, 10m, 12h, 7d into milliseconds.  A bare number
 * is refused: its unit would be a guess. */
bool num_duration(struct sv s, int64_t *ms);

#endif
