/*
 * match_growth: does a pattern's time grow faster than the line?
 */
#ifndef MATCH_MATCH_GROWTH_H
#define MATCH_MATCH_GROWTH_H

#include "match/pattern_shape.h"
#include "rule/rule.h"
#include "util/buf.h"

/* Run ${p} on lines made to be hard for it, of up to 8 KiB, built from its own
 * literals and from ${sample}, a message that it matches (or empty).  False
 * with what was seen in ${why} when its time grows faster than the line, or it
 * runs out of the limits in ${context}. */
bool match_growth_ok(const struct rule_pattern *p, const struct pattern_shape *shape,
    pcre2_match_context *context, struct sv sample, struct buf *why);

#endif
