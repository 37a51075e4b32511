/*
 * ruleset_rig: rule files in the directories base/ and site/, loaded into a rule set, and
 * what the load printed.  One directory and one load at a time, made anew for each test.
 */
#ifndef TESTS_RULESET_RIG_H
#define TESTS_RULESET_RIG_H

#include <check.h>
#include <stddef.h>

#include "rule/rule.h"

/* An event rule with one capture, for tests about something else. */
#define EVENT(id, pattern)                                                                        \
	"  - {id: " id ", title: t, class: c, severity: low, match: '" pattern "'}\n"
#define ANY_EVENT "events:\n" EVENT("a", "^x (?<source_ip>\\S+)$")

/* The path of ${name} in the directory, to free(). */
char *rs_path(const char *name);
/* Write a file, of which the folder is made when it is not there. */
void rs_put(const char *name, const char *text);

/* The rule set of these; NULL with errors, which then name "base/" for DIR/base/. */
struct ruleset *rs_load(const char *const *names, size_t n);
struct ruleset *rs_load_base(void);
struct ruleset *rs_load_base_and_site(void);

/* The last load came to ${rs}; fails the test with what it printed. */
void rs_expect_loaded(const struct ruleset *rs);
/* The last load failed and said so in these words. */
void rs_expect_error(struct ruleset *rs, const char *words);
/* A file of this text is refused with these words. */
void rs_refuse(const char *text, const char *words);

/* Run the suite ${name} of one case, each test in a directory of its own; what main()
 * returns. */
int rs_run(const char *name, void (*add_tests)(TCase *tc));

#endif
