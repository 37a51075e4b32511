/*
 * scan: from a buffer of whole lines to the lines worth a second look.
 *
 * Behind this interface: today every line is a candidate for every rule, and
 * the rule set's program index narrows it after decoding.  What may never
 * change: a line that some rule matches is always reported.
 */
#ifndef SCAN_SCAN_H
#define SCAN_SCAN_H

#include "model/line.h"

struct scanner;
struct ruleset;

struct scanner *scanner_new(const struct ruleset *rules);
void scanner_free(struct scanner **s);

/* Call ${candidate} for each line of ${chunk} that a rule might match, in order.
 * Empty lines are never candidates. */
typedef void scan_cb(void *ctx, const struct line *line);
/* Returns the number of lines in the chunk. */
uint64_t scan_chunk(struct scanner *s, const struct chunk *chunk, scan_cb *candidate, void *ctx);

#endif
