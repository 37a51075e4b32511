/*
 * rule_internal: a rule set while it is put together, for the files of this
 * folder only.
 */
#ifndef RULE_RULE_INTERNAL_H
#define RULE_RULE_INTERNAL_H

#include "rule/rule.h"
#include "rule/rule_file.h"
#include "util/digest.h"
#include "util/hash.h"

/* Finds things in an array by their ids.  All zero is empty. */
struct rule_index {
	struct rule_slot {
		char *id; /* NULL: free */
		uint64_t hash;
		size_t number; /* in the array */
	} *slots;
	size_t cap; /* a power of two, or 0 */
	size_t used;
	struct hash_key key;
};

/* An id that is there already stays as it is. */
void rule_index_add(struct rule_index *x, const char *id, size_t number);
bool rule_index_get(const struct rule_index *x, const char *id, size_t *number);
void rule_index_free(struct rule_index *x);

struct ruleset {
	unsigned refs;
	struct rule_limits limits;
	struct event_rule *events;
	size_t nevents;
	struct rule_index event_ids;
	struct rule_body *bodies; /* one per event rule */
	struct incident_rule *incidents;
	struct rule_place *incident_places;
	size_t nincidents;
	char hash[DIGEST_HEX_SIZE];
	void **kept; /* all other memory that the rules point to */
	size_t nkept;
	struct rule_list **lists;
	size_t nlists;
};

/* An empty rule set with one reference. */
struct ruleset *ruleset_new(const struct match_conf *limits);
/* Let ${rs} own the malloc()ed ${p}; returns ${p}. */
void *ruleset_keep(struct ruleset *rs, void *p);
void *ruleset_array(struct ruleset *rs, size_t count, size_t size);
const char *ruleset_string(struct ruleset *rs, const char *s);
struct rule_place ruleset_place(struct ruleset *rs, struct mark at);

/* Every definition begins like this, whichever table it is of. */
struct def_conf {
	struct conf_head head;
	struct conf_string id;
};

/* A definition of a list or rule, the overrides of later layers merged in. */
struct rule_def {
	struct def_conf *conf;        /* in the file's memory */
	struct rule_file *file;       /* where it was defined, and ... */
	struct mark defined;          /* ... at which place */
	struct rule_file *overrides;  /* the last that changed it, or NULL */
	size_t layer;                 /* that defined or overrode it last, and ... */
	struct mark at;               /* ... at which place */
};

struct rule_defs {
	const struct conf_table *table;
	struct rule_def *v;
	size_t n;
	struct rule_index ids;
};

/* All files and definitions, alive only during a load. */
struct rule_load {
	struct diag *diag;
	size_t errors_before; /* not ours */
	struct rule_file **files;
	size_t nfiles;
	size_t layer;
	struct rule_defs lists;
	struct rule_defs events;
	struct rule_defs incidents;
	struct buf hashes; /* of the files, in load order */
};

/* NULL when there is none. */
struct rule_def *rule_defs_find(const struct rule_defs *defs, const char *id);
/* The id most like ${id}, NULL when none is near. */
const char *rule_defs_nearest(const struct rule_defs *defs, const char *id);
const struct rule_file *rule_load_file(const struct rule_load *l, struct mark at);

/* Report an error at ${text} unless it is ${what}: lower-case letters, digits,
 * '.', '-' and '_', at most 64. */
bool rule_check_id(const struct conf_string *text, const char *what, struct diag *diag);

/* Compile ${text} into ${p}; false with an error in ${l}. */
bool rule_pattern_compile(struct ruleset *rs, struct rule_load *l, const struct conf_string *text,
    struct rule_pattern *p);
/* Can patterns be compiled to machine code in this process? */
bool rule_pattern_jit_works(void);

/* Compile the unless maps of ${conf} for ${body}, whose patterns are done. */
void rule_unless_build(struct ruleset *rs, struct rule_load *l, const struct conf_maps *conf,
    struct rule_body *body);

/* rule_record.c: fields of the record. */
void rule_record_build_where(struct ruleset *rs, struct rule_load *l, const struct conf_map *conf,
    struct rule_body *body);
void rule_record_build_take(struct ruleset *rs, struct rule_load *l, const struct conf_map *conf,
    struct rule_body *body);

/* Does each event of the built-in rule ${event} have ${field}?  They come first. */
bool rule_event_builtin_has(size_t event, const char *field);
/* Make rules of all definitions, events first; errors go to ${l}. */
void rule_events_build(struct ruleset *rs, struct rule_load *l);
void rule_incidents_build(struct ruleset *rs, struct rule_load *l);

#endif
