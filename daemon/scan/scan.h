/*
 * scan: from a buffer of whole lines to the lines worth a second look.
 *
 * Of each pattern it knows strings that every line it matches contains (literal.h), and
 * looks for all of them at once in the whole buffer (multi.h).  A line without
 * any is never split, copied or decoded.  A rule of which no such string is known
 * is tried on every line.  What may never happen: that a line which some rule
 * matches is not offered to that rule.
 */
#ifndef SCAN_SCAN_H
#define SCAN_SCAN_H

#include <stddef.h>

#include "model/line.h"

struct scanner;
struct ruleset;

/* ${rules} must outlive it. */
struct scanner *scanner_new(const struct ruleset *rules);
void scanner_free(struct scanner **s);

/* Call ${candidate} for each line of ${chunk} that a rule might match, in order,
 * with the indexes of those rules, ascending.  The line of a cut chunk is always
 * a candidate, perhaps for no rule; empty lines never are. */
typedef void scan_cb(
    void *ctx, const struct line *line, const uint32_t *rules, size_t nrules);
/* Returns the number of lines in the chunk. */
uint64_t scan_chunk(struct scanner *s, const struct chunk *chunk, scan_cb *candidate, void *ctx);

/* Every line of ${chunk} but empty ones, as scan_chunk() would offer it. */
typedef void scan_line_cb(void *ctx, const struct line *line);
void scan_each(const struct chunk *chunk, scan_line_cb *cb, void *ctx);

/* How many rules have no literal, and are tried on every line. */
size_t scanner_without_literal(const struct scanner *s);

#endif
