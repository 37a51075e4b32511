/*
 * match_rig: rules from text, a matcher of them, and which events lines are.
 */
#ifndef TESTS_MATCH_RIG_H
#define TESTS_MATCH_RIG_H

#include <check.h>

#include "conf/config.h"
#include "match/match.h"
#include "rule/ruleset.h"

struct mx {
	struct ruleset *rules;
	struct matcher *matcher;
	const struct record *record; /* that events must be of */
	struct buf seen;             /* the events of it: "RULE field=value field=value; " */
};

/* The head of an event rule. */
#define RULE(id) "  - id: " id "\n    title: t\n    class: c\n    severity: low\n"

/* The rules of ${text}, "rules.yaml"; an error fails the test. */
void mx_use(struct mx *m, const char *text);
void mx_use_with(struct mx *m, const char *text, const struct match_conf *limits);
/* Rules that are loaded already, which go with it. */
void mx_use_rules(struct mx *m, struct ruleset *rules);
void mx_drop(struct mx *m);

/* A line of nothing but a message, from ${program}. */
struct record mx_record(const struct line *line, const char *program);
/* What a record, or such a line, is. */
const char *mx_events(struct mx *m, struct record *rec);
const char *mx_match(struct mx *m, const char *program, struct sv message);
void mx_expect(struct mx *m, const char *program, const char *message, const char *wanted);
/* What is told about such a line and a rule. */
void mx_expect_why(
    struct mx *m, const char *rule, const char *program, const char *message, const char *wanted);
/* For match_record() and the like: adds the event to what was seen. */
void mx_see(void *ctx, const struct event *event);

#endif
