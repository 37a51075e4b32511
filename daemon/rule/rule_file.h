/*
 * rule_file: what may stand in a rule file, and the reading of one.
 */
#ifndef RULE_RULE_FILE_H
#define RULE_RULE_FILE_H

#include "conf/schema.h"
#include "model/severity.h"
#include "util/digest.h"

struct list_conf {
	struct conf_head head;
	struct conf_string id;
	struct conf_strings values;
	struct conf_string file;
	struct conf_string redis;
};

struct where_conf {
	struct conf_head head;
	struct conf_strings program;
	struct conf_strings host;
	struct conf_strings facility;
	struct conf_strings severity;
	struct conf_map fields;
};

struct test_conf {
	struct conf_head head;
	struct conf_string line;
	int format; /* enum source_format */
	struct conf_string program;
	struct conf_map event; /* none stands for: the rule does not match */
};

struct event_conf {
	struct conf_head head;
	struct conf_string id;
	bool enabled;
	struct conf_string extends;
	struct conf_string title;
	struct conf_string class;
	int severity;
	struct conf_strings attack;
	struct conf_strings tsc;
	struct conf_strings references;
	struct where_conf where;
	struct conf_strings match;
	struct conf_map take;
	struct conf_maps unless;
	bool fallback;
	bool context;
	struct conf_list tests; /* struct test_conf */
};

/* A step of a sequence, or of all_of: events of the rules in on.  Of a sequence also
 * with not: there must be none. */
struct step_conf {
	struct conf_head head;
	struct conf_strings on;
	struct conf_strings not;
	struct conf_map where;
	struct conf_maps unless;
};

struct distinct_conf {
	struct conf_head head;
	struct conf_string field;
	int64_t at_least;
};

struct sum_conf {
	struct conf_head head;
	struct conf_string field;
	int64_t at_least;
};

struct first_seen_conf {
	struct conf_head head;
	struct conf_string field;
	int64_t forget;
	int64_t learning;
};

struct spike_conf {
	struct conf_head head;
	int64_t factor;
	int64_t at_least;
	int64_t baseline;
	int64_t learning; /* baseline unless it is set */
};

struct rate_conf {
	struct conf_head head;
	int64_t above;
	int64_t below;
};

struct hours_conf {
	struct conf_head head;
	struct conf_strings hours;
	struct conf_strings days;
	struct conf_string zone;
};

struct incident_conf {
	struct conf_head head;
	struct conf_string id;
	bool enabled;
	struct conf_string extends;
	struct conf_string title;
	struct conf_strings on;
	struct conf_map where;
	struct conf_maps unless;
	struct conf_strings by;
	int64_t count;
	struct distinct_conf distinct;
	struct sum_conf sum;
	struct conf_list all_of;   /* struct step_conf */
	struct conf_list sequence; /* struct step_conf */
	int64_t absent;
	struct conf_string each;
	struct first_seen_conf first_seen;
	struct spike_conf spike;
	struct rate_conf rate;
	int64_t within;
	struct hours_conf outside;
	int severity;
	struct conf_string criteria;
	struct conf_string playbook;
	int64_t rearm;
	int64_t groups;
	struct conf_list tests; /* rule_incident_test.c */
};

struct rules_conf {
	struct conf_head head;
	struct conf_map variables;
	struct conf_list lists;     /* struct list_conf */
	struct conf_list events;    /* struct event_conf */
	struct conf_list incidents; /* struct incident_conf */
};

extern const struct conf_table rule_file_table;
extern const struct conf_table rule_list_table;
extern const struct conf_table rule_event_table;
extern const struct conf_table rule_incident_table;
extern const struct conf_table rule_incident_test_table;
extern const struct conf_table rule_step_table;
extern const struct conf_table rule_spike_table;

/* A rule file with its text, as read. */
struct rule_file {
	char *path;
	char *text;
	size_t n;
	char hash[DIGEST_HEX_SIZE];
	struct rules_conf conf;
};

/* The regular file ${path} as a malloc()ed string of ${n} bytes; NULL with an
 * error in ${diag}. */
char *rule_file_text(const char *path, size_t *n, struct diag *diag);

/* Read and check ${path}; NULL only when there is nothing to go on with, errors
 * are in ${diag} in any case. */
struct rule_file *rule_file_read(const char *path, struct diag *diag);
/* The same with the text in hand, which becomes the file's. */
struct rule_file *rule_file_parse(const char *path, char *text, size_t n, struct diag *diag);
void rule_file_free(struct rule_file **f);

/* rule_variables.c: put the file's variables where they are named. */
void rule_variables_expand(struct rules_conf *conf, struct diag *diag);

/* The place of byte ${offset} of the scalar that starts at ${at}; ${at} itself
 * when the scalar is of a kind where that would be a guess, or ${f} is NULL. */
struct mark rule_file_inside(const struct rule_file *f, struct mark at, size_t offset);

#endif
