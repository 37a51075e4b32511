/*
 * batch: what one commit carries: events folded by (rule, key), the positions
 * that are examined once it is in, and what they pass over unexamined.
 */
#ifndef CORRELATE_BATCH_H
#define CORRELATE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlate/group.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/hash.h"

struct ruleset;
struct silence_set;

#define BATCH_SAMPLES 20       /* lines kept of an incident */
#define BATCH_SAMPLE_LINE 1024 /* bytes of the line in a sample */

/* ${n} events that are the same to the rule, one after the other.  There may be a
 * million of these. */
struct batch_point {
	int64_t time;
	uint64_t value;
	uint32_t n;
	bool timer;
};

static inline struct group_event
batch_point_event(const struct batch_point *p)
{
	return (struct group_event){p->time, p->value, p->timer};
}

/* A line that may become an incident's. */
struct batch_sample {
	const char *json;
	int64_t time;
	size_t point; /* the event is of this point; npoints: of the rest */
};

/* Events of one group in order of arrival.  Once they alone satisfy the rule, what
 * comes later only counts, until a pause longer than rearm: then the group has another
 * entry, next. */
struct batch_entry {
	/* What each event of a storm needs comes first, in a line of the CPU's cache. */
	const struct incident_rule *rule;
	struct hash128 hash; /* of rule and key (group_cache.h), which it stands for */
	int64_t last; /* greatest event time, ms */
	uint64_t rest; /* events after the points */
	int64_t rest_first, rest_last;
	uint32_t left; /* events until it probably opens an incident; 0: it has, or had one */
	bool sampled;  /* the group has lines enough */
	bool satisfied;
	size_t nsamples;
	struct batch_sample *samples; /* at most BATCH_SAMPLES */
	struct sv key; /* the group's name within the rule: "11:192.0.2.10" for each field */
	struct batch_point *points;
	size_t npoints;
	uint32_t cap;
	uint32_t check_at; /* number of points at which to see whether they satisfy the rule */
	uint32_t next;    /* index, 0: none */
	uint32_t sibling; /* the next group of the rule in the partition, 0: none */
};

struct batch_position {
	char *stream;
	char *path;
	uint64_t offset;
	uint64_t check;
	bool done;
	char *begin_path; /* of where the stream begins, if it does in the batch; else NULL */
	uint64_t begin, begin_check;
};

/* A part of a source that is not examined. */
struct batch_gap {
	char *total; /* "SOURCE REASON": what it is summed up under */
	uint64_t bytes, messages;
	char *json; /* as people see it, see INTERFACES.md */
};

/* The groups of a rule that are of one partition, in order of their first event. */
struct batch_rule {
	const struct incident_rule *rule;
	unsigned partition;
	size_t first, last; /* entries, linked by sibling */
	size_t n;
};

/* An incident that was counted for rules about incidents: in ${partition}, of the relay of
 * partition ${from}. */
struct batch_incident {
	unsigned partition, from;
	uint64_t identity; /* of its rule and key */
	int64_t time;      /* at which it opened, ms */
};

/* Events that were not counted in a group. */
struct batch_uncounted {
	const char *rule; /* id, of an incident rule or an event rule */
	const char *why;  /* "no-key", "allow-listed": see INTERFACES.md */
	uint64_t n;
};

struct batch {
	struct batch_entry *entries;
	size_t nentries, cap;
	struct batch_rule *rules; /* that have entries */
	size_t nrules;
	struct batch_position *positions;
	size_t npositions;
	struct batch_gap *gaps;
	size_t ngaps;
	struct batch_uncounted *uncounted;
	size_t nuncounted;
	int64_t *relayed; /* entries of the relay that are counted with this batch */
	size_t nrelayed;
	struct batch_incident *incidents; /* what they are, with several partitions only */
	size_t nincidents;
	struct arena arena; /* of entries' keys, points and samples */
	size_t nsamples;    /* of all entries */
	bool storm;         /* the batch before had as many groups as one of a storm */
	size_t nfresh;      /* groups that are new, or were not written lately */
	size_t nopening;    /* incidents that it opens, at a guess */
	size_t bytes;       /* of gaps */
	struct silence_set *silences; /* a reference, once it is taken; or NULL */
	struct ruleset **rulesets; /* references that keep the entries' rules alive */
	size_t nrulesets;
};

/* Are there so many groups or lines that not all of the lines that are kept otherwise can be?
 * One of a group is enough then. */
bool batch_is_storm(const struct batch *b);

struct batch *batch_new(void);
/* The one that gathers when ${b} is full. */
struct batch *batch_after(const struct batch *b);
void batch_free(struct batch **b);
/* Another entry, all zero.  Moves the others. */
struct batch_entry *batch_add_entry(struct batch *b);
/* About what it takes in memory. */
size_t batch_size(const struct batch *b);

#endif
