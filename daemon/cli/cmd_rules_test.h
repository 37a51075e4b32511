/*
 * cmd_rules_test: what the files of rules test share: the results.
 */
#ifndef CLI_CMD_RULES_TEST_H
#define CLI_CMD_RULES_TEST_H

#include <stdbool.h>
#include <stddef.h>

struct cli;
struct offline;

struct tested {
	size_t file; /* index */
	int line, column;
	const char *rule; /* of the rule set */
	const char *name; /* likewise; may be NULL */
	char *wrong;      /* NULL: it passed */
};

struct tested_file {
	const char *path; /* of the rule set */
	size_t tests, failed;
};

struct tests_run {
	struct tested *v;
	size_t n, failed;
	struct tested_file *files; /* in order of their first test */
	size_t nfiles;
};

/* cmd_rules_junit.c: write ${run} to the file ${path}; false: the error is printed. */
bool cmd_rules_junit(const struct tests_run *run, const char *path);
/* cmd_rules_coverage.c: print the rules that have not the tests they should have. */
void cmd_rules_coverage(const struct offline *off, bool json);

#endif
