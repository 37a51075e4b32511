/*
 * local_groups: the groups of a local run, and the lines they wait with.
 */
#ifndef CORRELATE_LOCAL_GROUPS_H
#define CORRELATE_LOCAL_GROUPS_H

#include <stddef.h>
#include <stdint.h>

#include "correlate/batch.h"
#include "util/arena.h"
#include "util/hash.h"

#define LOCAL_LINES 8          /* kept of a group without an incident, ... */
#define LOCAL_LINE_GROUPS 4096 /* ... of so many groups, as in Redis */

struct local_line {
	char *json;
	int64_t time;
};

struct local_group {
	const struct incident_rule *rule;
	struct sv key;
	uint64_t hash;
	char *bytes; /* as group_encode() made them */
	size_t n;
	int64_t due;
	struct local_line *lines; /* room for LOCAL_LINES, or NULL */
	size_t nlines;
};

/* All zero is empty, but for the key of the hash. */
struct local_groups {
	struct hash_key key;
	struct local_group **v; /* in order of their first event */
	size_t n;
	size_t *slots; /* number + 1; 0: free */
	size_t cap;
	struct arena arena;
	struct local_group *waiting[LOCAL_LINE_GROUPS]; /* a ring of those with lines */
	size_t next;
};

void local_groups_free(struct local_groups *g);
/* The group, made when there is none. */
struct local_group *local_groups_get(
    struct local_groups *g, const struct incident_rule *rule, struct sv key);
void local_groups_set(struct local_group *group, struct sv bytes);

/* Keep a line for the incident that may come; the last ones stay. */
void local_groups_keep(
    struct local_groups *g, struct local_group *group, const struct batch_sample *sample);
void local_groups_drop_lines(struct local_group *group);

#endif
