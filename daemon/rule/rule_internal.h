/*
 * rule_internal: a rule set while it is put together, for the files of this
 * folder only.
 */
#ifndef RULE_RULE_INTERNAL_H
#define RULE_RULE_INTERNAL_H

#include "rule/rule.h"
#include "rule/rule_derived.h"
#include "rule/rule_file.h"
#include "rule/rule_live.h"
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
	struct rule_incident_test *incident_tests;
	size_t nincident_tests;
	char hash[DIGEST_HEX_SIZE];
	void **kept; /* all other memory that the rules point to */
	size_t nkept;
	struct rule_list **lists;
	size_t nlists;
	struct rule_live **lives;
	size_t nlives;
	uint32_t derived; /* see ruleset_derived() */
};

/* An empty rule set with one reference. */
struct ruleset *ruleset_new(const struct match_conf *limits);
/* Let ${rs} own the malloc()ed ${p}; returns ${p}. */
void *ruleset_keep(struct ruleset *rs, void *p);
void *ruleset_array(struct ruleset *rs, size_t count, size_t size);
const char *ruleset_string(struct ruleset *rs, const char *s);
/* The name under which the field that ${capture} names leaves the daemon. */
const char *ruleset_field(struct ruleset *rs, const char *capture);
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
	enum { RULE_DEF_NEW, RULE_DEF_BUSY, RULE_DEF_DONE } extended, /* rule_extends.c */
	    visited;                                               /* rule_input.c */
	bool live; /* once it is visited: an incident rule that something can reach */
	int chain; /* and how many incident rules it stands on, itself included */
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

/* Report what of ${names} is no point of the Trust Services Criteria. */
void rule_tsc_check(const struct conf_strings *names, struct diag *diag);

/* Compile ${text} into ${p}; false with an error in ${l}. */
bool rule_pattern_compile(struct ruleset *rs, struct rule_load *l, const struct conf_string *text,
    struct rule_pattern *p);
/* Can patterns be compiled to machine code in this process? */
bool rule_pattern_jit_works(void);

/* rule_values.c.  The values of a list, which ${rs} owns: literals, and what lists hold
 * that are named @NAME. */
struct rule_list *rule_values_build(struct ruleset *rs, struct rule_load *l,
    const struct conf_strings *values, enum rule_list_kind kind);
/* The condition that ${field} (dotted, owned by ${rs}) has one of the values of ${pair}. */
void rule_values_condition(struct ruleset *rs, struct rule_load *l, const struct conf_pair *pair,
    const char *field, enum field_type type, struct rule_condition *c);

/* The set named ${set} of ${list}, or its file (the other is NULL), for look-ups of this kind. */
struct rule_live *rule_live_get(struct ruleset *rs, const char *list, const char *set,
    const char *file, enum rule_list_kind kind);
/* rule_live_file.c.  Read the files of all lists. */
void rule_live_load(struct ruleset *rs, struct rule_load *l);
/* Check what lists say of Redis. */
void rule_values_check(struct rule_load *l);

/* rule_extends.c.  Give each rule what it takes from others. */
void rule_extends_resolve(struct rule_load *l, struct rule_defs *defs);
/* Before ${over} is merged into ${base}, or takes from it: an incident rule has one kind of
 * condition, so that of ${over}, if it has one, drives out what ${base} has. */
void rule_extends_drop(void *base, const void *over);

/* Compile the unless maps of ${conf} for ${body}, whose patterns are done. */
void rule_unless_build(struct ruleset *rs, struct rule_load *l, const struct conf_maps *conf,
    struct rule_body *body);

/* rule_record.c: fields of the record. */
void rule_record_build_where(struct ruleset *rs, struct rule_load *l, const struct conf_map *conf,
    struct rule_body *body);
void rule_record_build_take(struct ruleset *rs, struct rule_load *l, const struct conf_map *conf,
    struct rule_body *body);

/* ---- incident rules ------------------------------------------------------------- */

/* A field of by as it is written. */
struct rule_key_text {
	struct sv name; /* of the capture */
	bool lower;
	bool prefix;
	int bits4, bits6;
};

/* False when ${text} is none. */
bool rule_key_parse(const char *text, struct rule_key_text *out);
/* Append what ${key} makes of ${value}. */
void rule_key_transform(const struct rule_key *key, struct sv value, struct buf *out);
/* The same of what stands in a list, a field of ${type}, or a network where the key is one;
 * false when it is neither. */
bool rule_key_from_text(
    const struct rule_key *key, enum field_type type, const char *text, struct buf *out);

/* rule_input.c.  What an incident rule counts: the events of an event rule, or the
 * incidents of an incident rule, as some of its steps. */
struct rule_input {
	bool incident;
	size_t index; /* in rs->events, or in l->incidents */
	uint32_t steps;
};

struct rule_inputs {
	struct rule_input *v;
	size_t n;
};

/* Add the rules named in ${on} as step ${step}. */
void rule_input_add(struct ruleset *rs, struct rule_load *l, const struct conf_strings *on,
    unsigned step, struct rule_inputs *inputs);
/* Does ${input} have ${field} (dotted): each of its events, or with ${some} any? */
bool rule_input_has(const struct ruleset *rs, const struct rule_load *l,
    const struct rule_input *input, const char *field, bool some);
/* The name most like ${capture} among what ${inputs} have, or NULL. */
const char *rule_input_nearest(const struct ruleset *rs, const struct rule_load *l,
    const struct rule_inputs *inputs, const char *capture);
const char *rule_input_id(
    const struct ruleset *rs, const struct rule_load *l, const struct rule_input *input);
/* Report it unless each event of ${inputs} has ${field}, written ${capture}. */
void rule_input_check(const struct ruleset *rs, struct rule_load *l,
    const struct rule_inputs *inputs, const char *field, const char *capture, struct mark at);
/* Can anything come to the incident rule, and is it in no circle?  An error in ${l} if it is in
 * one. */
bool rule_input_visit(const struct ruleset *rs, struct rule_load *l, struct rule_def *def);

/* The steps of ${conf} (struct step_conf), NULL when its condition has none. */
const struct conf_list *rule_condition_steps(const struct incident_conf *conf);

/* What the events of a step must be.  NULL: anything. */
const struct rule_filter *rule_filter_build(struct ruleset *rs, struct rule_load *l,
    const struct incident_conf *conf, const struct step_conf *step, unsigned number,
    const struct rule_inputs *inputs, const struct incident_rule *rule);

/* The derived fields that ${f} (or NULL) asks for, bits. */
uint32_t rule_filter_derived(const struct rule_filter *f);

/* rule_derived.c.  Which derived fields the rules ask for; all of them are linked. */
void rule_derived_mark(struct ruleset *rs);

const struct rule_hours *rule_hours_build(
    struct ruleset *rs, struct rule_load *l, const struct hours_conf *conf);

/* Fill rule->condition and rule->each; the keys are built. */
void rule_condition_build(struct ruleset *rs, struct rule_load *l,
    const struct incident_conf *conf, const struct rule_inputs *inputs,
    struct incident_rule *rule);

/* rule_identity.c.  What the state of the rule's groups depends on. */
uint64_t rule_identity(const struct incident_rule *rule, const struct incident_conf *conf);

/* The tests in ${conf} of ${rule}, the keys of which are built, and which will have
 * ${index}. */
void rule_incident_test_build(struct ruleset *rs, struct rule_load *l,
    const struct conf_list *conf, const struct incident_rule *rule, size_t index);

/* The fields that each event of the built-in rule ${event} has, and NULL.  They come first. */
const char *const *rule_event_builtin_fields(size_t event);
/* Make rules of all definitions, events first; errors go to ${l}. */
void rule_events_build(struct ruleset *rs, struct rule_load *l);
void rule_incidents_build(struct ruleset *rs, struct rule_load *l);

#endif
