/*
 * rules_test_internal: what the tests of event rules and of incident rules share.
 */
#ifndef MATCH_RULES_TEST_INTERNAL_H
#define MATCH_RULES_TEST_INTERNAL_H

#include "match/rules_test.h"
#include "rule/rule.h"

/* 2026-01-01T00:00:00Z: verdicts must not hang on the day they are tested. */
#define RULES_TEST_TIME INT64_C(1767225600000)

struct rules_test_run {
	struct ruleset *rules;
	struct scanner *scanner;
	struct matcher *matcher;
	struct decoder *decoder;
	rules_test_cb *result;
	void *ctx;
	size_t failed;
};

void rules_test_report(struct rules_test_run *run, const struct rules_test_result *result);

/* rules_test_incident.c: run those of incident rules. */
void rules_test_incidents(struct rules_test_run *run);

#endif
