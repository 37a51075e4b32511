/*
 * cmd_rules_coverage: rules without tests; event rules must show both lines that they
 * are for and lines that they are not for.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/cmd_rules_test.h"
#include "rule/rule.h"

struct coverage {
	bool json;
	size_t rules, covered;
};

/* ${lacks}: what the rule has no test for, NULL: nothing. */
static void
judge(struct coverage *c, const char *kind, const char *id, const struct rule_place *place,
    const char *lacks)
{
	c->rules++;
	c->covered += lacks == NULL;
	if (lacks == NULL)
		return;
	if (c->json) {
		cli_print_json(json_pack("{s:s, s:s, s:i, s:i, s:s, s:s, s:s}", "type", "coverage",
		    "file", place->file, "line", place->line, "column", place->column, "kind", kind,
		    "rule", id, "lacks", lacks));
		return;
	}
	cli_print_text("", place->file);
	printf(":%d:%d: %s rule %s has no %s\n", place->line, place->column, kind, id, lacks);
}

static void
judge_event(struct coverage *c, const struct event_rule *rule)
{
	size_t negative = 0, all = rule->body->ntests;

	if (rule->body->builtin)
		return;
	for (size_t i = 0; i < all; i++)
		negative += rule->body->tests[i].none;
	judge(c, "event", rule->id, &rule->body->place,
	    all == 0              ? "tests"
	        : negative == all ? "positive test"
	        : negative == 0   ? "negative test"
	                          : NULL);
}

/* One test may well show both what makes an incident and what does not. */
static void
judge_incident(struct coverage *c, const struct ruleset *rules, size_t index)
{
	bool has = false;

	for (size_t i = 0; i < ruleset_nincident_tests(rules); i++)
		has = has || ruleset_incident_test(rules, i)->rule == index;
	judge(c, "incident", ruleset_incident(rules, index)->id,
	    ruleset_incident_place(rules, index), has ? NULL : "tests");
}

static void
conclude(const struct coverage *c, const char *what)
{
	if (!c->json)
		printf("%zu of %zu %s\n", c->covered, c->rules, what);
}

void
cmd_rules_coverage(const struct offline *off, bool json)
{
	struct coverage events = {.json = json}, incidents = {.json = json};

	for (size_t i = 0; i < ruleset_nevents(off->rules); i++)
		judge_event(&events, ruleset_event(off->rules, i));
	for (size_t i = 0; i < ruleset_nincidents(off->rules); i++)
		judge_incident(&incidents, off->rules, i);
	conclude(&events, "event rules have positive and negative tests");
	conclude(&incidents, "incident rules have tests");
}
