/*
 * rules_test: the tests that rules carry, run through decode and match, and those of
 * incident rules through correlate, as any line would be.
 */
#ifndef MATCH_RULES_TEST_H
#define MATCH_RULES_TEST_H

#include <stdbool.h>
#include <stddef.h>

struct geoip;
struct ruleset;

struct rules_test_result {
	const char *file; /* where the test stands */
	int line;
	int column;
	const char *rule; /* its id */
	const char *name; /* of the test; NULL: it has none, as those of event rules */
	bool ok;
	const char *text; /* when not ok: "expected source.ip = 192.0.2.1, got nothing";
	                     may have more lines; harmless to print */
};

/* Run all tests, calling ${result} (which may be NULL) for each; returns how
 * many failed.  ${geoip} (or NULL) is what is known of addresses. */
typedef void rules_test_cb(void *ctx, const struct rules_test_result *result);
size_t rules_test(
    struct ruleset *rules, struct geoip *geoip, rules_test_cb *result, void *ctx);

#endif
