/*
 * multi: many literals at once in a buffer of lines: one pass, case-blind for
 * ASCII, exact.  Knows nothing of rules.
 */
#ifndef SCAN_MULTI_H
#define SCAN_MULTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/sv.h"

struct multi;

/* A literal, lower case, 3 to 64 bytes, no newline, and whose it is. */
struct multi_literal {
	const char *text;
	size_t n;
	uint32_t owner;
};

/* Copies what it needs.  ${nowners} is greater than any owner. */
struct multi *multi_new(const struct multi_literal *literals, size_t n, size_t nowners);
void multi_free(struct multi **m);

/* The line that holds an occurrence: ${line} without its newline, ${owners} in
 * ascending order, each once.  Fires once per line that holds any, in order. */
typedef void multi_cb(void *ctx, struct sv line, const uint32_t *owners, size_t nowners);

/* Look through ${data}, whole lines; the last may lack its newline. */
void multi_scan(struct multi *m, struct sv data, multi_cb *found, void *ctx);

/* Which implementation runs here: "avx2", "sse4.1", "neon", "portable"; for status and tests. */
const char *multi_kind(const struct multi *m);

#endif
