/*
 * batch: what one commit carries: events folded by (rule, key), the positions
 * that are examined once it is in, and what they pass over unexamined.
 */
#ifndef CORRELATE_BATCH_H
#define CORRELATE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

struct incident_rule;
struct ruleset;

#define BATCH_SAMPLES 20     /* sample lines kept per entry */
#define BATCH_SAMPLE_LINE 1024 /* bytes of the line in a sample */

/* The events of one group.  Times stand in order of arrival and end where the
 * batch alone has satisfied the rule: what comes later only counts. */
struct batch_entry {
	const struct incident_rule *rule;
	char *group;    /* "RULE|LENGTH:VALUE...": the group's name in Redis */
	size_t group_n; /* may hold any byte */
	char *title;    /* valid UTF-8 */
	char *key;      /* JSON object: {"source.ip":"192.0.2.1"} */
	uint64_t n;     /* events */
	int64_t last;   /* greatest event time, ms */
	int64_t *times; /* of the first ntimes events */
	size_t ntimes;
	int64_t rest_first, rest_last; /* least and greatest time of the others */
	bool satisfied; /* no more times are needed */
	char *samples[BATCH_SAMPLES]; /* JSON objects; sample i belongs to event i */
	size_t nsamples;
};

struct batch_position {
	char *stream;
	char *path;
	uint64_t offset;
	uint64_t check;
	bool done;
};

/* A part of a source that is not examined. */
struct batch_gap {
	char *total; /* "SOURCE REASON": what it is summed up under */
	uint64_t bytes, messages;
	char *json; /* as people see it, see INTERFACES.md */
};

struct batch {
	struct batch_entry *entries;
	size_t nentries;
	struct batch_position *positions;
	size_t npositions;
	struct batch_gap *gaps;
	size_t ngaps;
	size_t bytes;              /* about what it takes in memory */
	struct ruleset **rulesets; /* references that keep the entries' rules alive */
	size_t nrulesets;
};

void batch_free(struct batch **b);

#endif
