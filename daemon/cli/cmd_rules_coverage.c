/*
 * cmd_rules_coverage: rules whose tests do not show both what they are for and what
 * they are not for.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/cmd_rules_test.h"
#include "rule/rule.h"

struct coverage {
	bool json;
	size_t rules, covered;
};

static void
judge(struct coverage *c, const char *kind, const char *id, const struct rule_place *place,
    size_t positive, size_t negative)
{
	const char *lacks = positive + negative == 0 ? "has no tests"
	    : positive == 0                          ? "has no test that it is made"
	                                             : "has no test that it is not made";

	c->rules++;
	if (positive > 0 && negative > 0) {
		c->covered++;
		return;
	}
	if (c->json) {
		cli_print_json(json_pack("{s:s, s:s, s:i, s:i, s:s, s:s, s:I, s:I}", "type", "coverage", "file",
		    place->file, "line", place->line, "column", place->column, "kind", kind, "rule", id,
		    "positive", (json_int_t)positive, "negative", (json_int_t)negative));
		return;
	}
	cli_print_text("", place->file);
	printf(":%d:%d: %s %s %s\n", place->line, place->column, kind, id, lacks);
}

static void
judge_event(struct coverage *c, const struct event_rule *rule)
{
	size_t negative = 0;

	if (rule->body->builtin)
		return;
	for (size_t i = 0; i < rule->body->ntests; i++)
		negative += rule->body->tests[i].none;
	judge(c, "event", rule->id, &rule->body->place, rule->body->ntests - negative, negative);
}

static void
judge_incident(struct coverage *c, const struct ruleset *rules, size_t index)
{
	size_t positive = 0, negative = 0;

	for (size_t i = 0; i < ruleset_nincident_tests(rules); i++) {
		const struct rule_incident_test *t = ruleset_incident_test(rules, i);

		if (t->rule != index)
			continue;
		if (t->nincidents > 0)
			positive++;
		else
			negative++;
	}
	judge(c, "incident", ruleset_incident(rules, index)->id,
	    ruleset_incident_place(rules, index), positive, negative);
}

static void
conclude(const struct coverage *c, const char *kinds)
{
	if (!c->json)
		printf("%zu of %zu %s rules have tests of both kinds\n", c->covered, c->rules, kinds);
}

void
cmd_rules_coverage(const struct offline *off, bool json)
{
	struct coverage events = {.json = json}, incidents = {.json = json};

	for (size_t i = 0; i < ruleset_nevents(off->rules); i++)
		judge_event(&events, ruleset_event(off->rules, i));
	for (size_t i = 0; i < ruleset_nincidents(off->rules); i++)
		judge_incident(&incidents, off->rules, i);
	conclude(&events, "event");
	conclude(&incidents, "incident");
}
