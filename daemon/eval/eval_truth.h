/*
 * eval_truth: what is known of the incidents in a log, NAME.incidents.json, and how
 * those that were opened compare.
 */
#ifndef EVAL_EVAL_TRUTH_H
#define EVAL_EVAL_TRUTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

struct eval_verdict {
	uint64_t wanted, located;
	uint64_t blamed;
	uint64_t welcome, welcomed;
};

/* NULL, with what is wrong in ${error}. */
json_t *eval_truth_read(const char *path, struct buf *error);

/* Who says so; "pattern" when that is not said. */
const char *eval_truth_source(const json_t *truth);

/* Compare ${incidents}, an array as state lists them, with ${truth}.  ${said}, which may
 * be NULL, is called for each source that is missing or blamed: with "missed", "not named"
 * (it would have been welcome) or "blamed", and the rules that did so, else "". */
typedef void eval_truth_cb(void *ctx, const char *what, const char *host, const char *rules);
void eval_truth_judge(const json_t *truth, const json_t *incidents, struct eval_verdict *v,
    eval_truth_cb *said, void *ctx);

#endif
