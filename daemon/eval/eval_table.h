/*
 * eval_table: tallies, for people and for programs.
 */
#ifndef EVAL_EVAL_TABLE_H
#define EVAL_EVAL_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "eval/eval_tally.h"
#include "util/buf.h"

/* Append a table of ${n} rows under ${title}, names ${width} columns wide; with
 * ${percent} behind the counts. */
void eval_table(struct buf *out, const char *title, const struct eval_group *rows, size_t n,
    size_t width, bool percent);

/* {"type": ${type}, "name": ..., counts}; INTERFACES.md has them. */
json_t *eval_table_json(const char *type, const struct eval_group *row);

#endif
