/*
 * rig: what several test programs need: a directory that goes away, files in it,
 * rules from text, events made by hand, a loop run until something holds.
 */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/event.h"

struct buf;
struct ev;
struct match_conf;
struct ruleset;

/* A fresh directory; removed with everything in it by rig_remove(). */
char *rig_dir(void);
void rig_remove(char **dir);

/* Write ${text} to ${dir}/${name}; returns the path, to free(). */
char *rig_file(const char *dir, const char *name, const char *text);

/* The limits of matching that a configuration has by default. */
extern const struct match_conf rig_limits;

/* The rule set of one file with ${yaml}; fails the test with the errors. */
struct ruleset *rig_rules(const char *yaml);
/* The rule set of ${yaml} as a file ${name}; NULL with the errors, which replace ${errors}. */
struct ruleset *rig_try_rules(
    const char *name, const char *yaml, const struct match_conf *limits, struct buf *errors);

/* Turn the loop until ${done} says so; fails the test after ${ms}. */
void rig_turn_until(struct ev *ev, bool (*done)(void *ctx), void *ctx, int64_t ms);

/* Run the suite; what main() returns. */
int rig_run(Suite *suite);
/* The same of a suite with one case, ${begin} before each of its tests and ${end} after it. */
int rig_run_case(const char *name, void (*begin)(void), void (*end)(void),
    void (*add_tests)(TCase *tc));

#endif
