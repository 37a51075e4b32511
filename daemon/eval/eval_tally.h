/*
 * eval_tally: what is counted, of a file, a source of labels, a service, or all.
 */
#ifndef EVAL_EVAL_TALLY_H
#define EVAL_EVAL_TALLY_H

#include <stddef.h>
#include <stdint.h>

struct eval_label;
struct eval_verdict;

struct eval_lines {
	uint64_t truths, found;  /* labelled true; of those, with an event */
	uint64_t falses, alarms; /* labelled false; of those, with an event */
	uint64_t hosts, right;   /* with an event and a host expected; of those, with that host */
};

struct eval_tally {
	struct eval_lines named, weak;
	uint64_t tests, passed;       /* logs with known incidents; all as it should be */
	uint64_t wanted, located;     /* sources that incidents must name; of those, named */
	uint64_t blamed;              /* sources that incidents name and must not */
	uint64_t welcome, welcomed;   /* sources that incidents may well name; of those, named */
	uint64_t opened;              /* incidents */
};

/* The verdict on a line. */
enum eval_result { EVAL_FINE, EVAL_MISSED, EVAL_FALSE, EVAL_HOST };
enum eval_result eval_tally_line(struct eval_tally *t, const struct eval_label *label);

void eval_tally_incidents(struct eval_tally *t, const struct eval_verdict *verdict);
void eval_tally_add(struct eval_tally *to, const struct eval_tally *t);

/* Tallies by name. */
struct eval_group {
	char *name;
	struct eval_tally tally;
};

struct eval_groups {
	struct eval_group *v;
	size_t n;
};

/* That of ${name}, made when there is none.  Valid until the next call. */
struct eval_tally *eval_groups_get(struct eval_groups *g, const char *name);
void eval_groups_sort(struct eval_groups *g);
void eval_groups_free(struct eval_groups *g);

#endif
