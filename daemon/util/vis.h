/*
 * vis: make bytes from outside harmless before they leave the process.
 */
#ifndef UTIL_VIS_H
#define UTIL_VIS_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/sv.h"

/* Append ${s} as valid UTF-8: each byte that is not part of a well-formed
 * sequence, and NUL, becomes U+FFFD.  Returns true if nothing was replaced. */
bool vis_utf8(struct buf *out, struct sv s);

/* Append ${s} fit for a terminal or a one-line log: as vis_utf8(), and control
 * characters (C0, DEL, C1), line separators, zero-width and bidirectional
 * controls become \xNN or \u{NNNN}. */
void vis_text(struct buf *out, struct sv s);

/* Length of the longest prefix of ${s} that is at most ${max} bytes and does
 * not cut a UTF-8 sequence. */
size_t vis_cut(struct sv s, size_t max);

#endif
