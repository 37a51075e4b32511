/*
 * rule: the compiled inside of a rule set, as scan and match need it.
 * Everything here belongs to the rule set and never changes after the load, but for what
 * lists have in Redis and in files (rule_live.h).
 */
#ifndef RULE_RULE_H
#define RULE_RULE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "rule/rule_fields.h"
#include "rule/rule_list.h"
#include "rule/ruleset.h"

/* Where something stands in a rule file.  file is NULL for what is built in. */
struct rule_place {
	const char *file; /* path as it was opened */
	int line;
	int column;
};

struct rule_capture {
	uint32_t group;
	const char *capture; /* source_ip */
	const char *field;   /* source.ip */
	enum field_type type;
	bool known; /* in the table of fields */
};

/* How every pattern is compiled. */
#define RULE_PATTERN_OPTIONS (PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C)

struct rule_pattern {
	const char *text; /* NULL, during a load only: it has an error */
	pcre2_code *code;
	struct rule_capture *captures; /* in the order of their groups */
	size_t ncaptures;
	struct rule_place place;
};

struct rule_strings {
	const char **v;
	size_t n;
};

/* A field that the record must have, with one of these values. */
struct rule_field {
	const char *name; /* as the format names it */
	struct rule_strings values; /* n == 0: any that is not empty */
};

/* A field that the event gets from the first of these that the record has. */
struct rule_take {
	struct rule_capture capture; /* but for its group */
	struct rule_strings from;
};

/* One condition of an unless map: the field has one of these values. */
struct rule_condition {
	const char *field; /* dotted */
	const char *text;  /* as written: source_ip: '@office_networks' */
	struct rule_list *values;
};

/* All conditions hold: the event is none. */
struct rule_unless {
	struct rule_condition *conditions;
	size_t n;
};

struct rule_expected {
	const char *field; /* dotted */
	const char *value;
};

struct rule_test {
	const char *line;
	int format;          /* enum source_format */
	const char *program; /* of the source; NULL: none */
	bool none; /* the rule must not match; else it must, with these fields */
	struct rule_expected *expected;
	size_t nexpected;
	struct rule_place place;
};

/* A line of an incident rule's test, or the passing of time. */
struct rule_test_line {
	const char *line; /* NULL: so much time passes: */
	int64_t advance;  /* ms */
	int64_t repeat;   /* the line comes so many times, ... */
	int64_t every;    /* ... so many ms apart */
};

/* An incident that must be there; what is not given may be anything. */
struct rule_test_incident {
	struct rule_expected *key; /* dotted */
	size_t nkey;
	int64_t count;     /* -1: any */
	const char *title; /* NULL: any */
};

struct rule_test_count {
	const char *what; /* the name of a disposition */
	int64_t n;
};

struct rule_incident_test {
	size_t rule; /* index of the incident rule */
	const char *name;
	int format;          /* enum source_format */
	const char *program; /* of the source; NULL: none */
	struct rule_test_line *lines;
	size_t nlines;
	struct rule_test_incident *incidents; /* all that the rule opens */
	size_t nincidents;
	struct rule_test_count *counts;
	size_t ncounts;
	struct rule_place place;
};

#define RULE_ANY_FACILITY 0xffffffU /* bits 0..23 */
#define RULE_ANY_SEVERITY 0xffU     /* bits 0..7 */

/* What an event rule asks of a record. */
struct rule_body {
	struct rule_place place;
	const char *override_file; /* the file that overrides part of it, or NULL */
	bool builtin;              /* about the detector: matched by no record */
	bool fallback;             /* only for lines that no other rule is about */
	struct rule_strings programs; /* n == 0: any, likewise hosts */
	struct rule_strings hosts;
	uint32_t facilities; /* bit per facility; all bits: also an unknown one */
	uint32_t severities;
	struct rule_field *fields; /* all of them */
	size_t nfields;
	struct rule_take *takes;
	size_t ntakes;
	struct rule_pattern *patterns;
	size_t npatterns;
	struct rule_unless *unless;
	size_t nunless;
	uint32_t derived; /* fields of rule_derived.h that some rule asks of its events, bits */
	struct rule_test *tests;
	size_t ntests;
	struct rule_strings attack;
	struct rule_strings tsc; /* rule_tsc_number() of each is one */
	struct rule_strings references;
};

/* PCRE2's limits, per attempt. */
struct rule_limits {
	bool jit; /* patterns are compiled to machine code */
	uint32_t match_limit;
	uint32_t depth_limit;
	uint32_t heap_limit_kib;
	size_t max_length; /* bytes of a message given to a pattern */
};

const struct rule_place *ruleset_incident_place(const struct ruleset *rs, size_t i);
size_t ruleset_nincident_tests(const struct ruleset *rs);
const struct rule_incident_test *ruleset_incident_test(const struct ruleset *rs, size_t i);
const struct rule_limits *ruleset_limits(const struct ruleset *rs);

/* Points of the Trust Services Criteria have numbers in the order of the criteria. */
#define RULE_TSC_POINTS 64 /* more than there are */
/* The number of the point ${name}, such as CC6.1; -1: there is none of that name. */
int rule_tsc_number(const char *name);

/* Name of a syslog facility or severity, NULL when out of range. */
const char *rule_facility_name(int facility);
const char *rule_severity_name(int severity);
/* The number of that name, or -1. */
int rule_facility(const char *name);
int rule_severity(const char *name);

#endif
