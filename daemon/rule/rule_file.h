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
	struct conf_string title;
	struct conf_string class;
	int severity;
	struct conf_strings attack;
	struct conf_strings references;
	struct where_conf where;
	struct conf_strings match;
	struct conf_map take;
	struct conf_maps unless;
	bool fallback;
	bool context;
	struct conf_list tests; /* struct test_conf */
};

struct incident_conf {
	struct conf_head head;
	struct conf_string id;
	bool enabled;
	struct conf_string title;
	struct conf_strings on;
	struct conf_strings by;
	int64_t count;
	int64_t within;
	int severity;
	struct conf_string criteria;
	struct conf_string playbook;
	int64_t rearm;
};

struct rules_conf {
	struct conf_head head;
	struct conf_list lists;     /* struct list_conf */
	struct conf_list events;    /* struct event_conf */
	struct conf_list incidents; /* struct incident_conf */
};

extern const struct conf_table rule_file_table;
extern const struct conf_table rule_list_table;
extern const struct conf_table rule_event_table;
extern const struct conf_table rule_incident_table;

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

/* The place of byte ${offset} of the scalar that starts at ${at}; ${at} itself
 * when the scalar is of a kind where that would be a guess, or ${f} is NULL. */
struct mark rule_file_inside(const struct rule_file *f, struct mark at, size_t offset);

#endif
