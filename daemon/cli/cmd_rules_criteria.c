/*
 * cmd_rules_criteria: by point of the Trust Services Criteria, the rules that speak to it:
 * event rules that say so, and incident rules through what they count.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cmd_rules.h"
#include "rule/rule.h"
#include "util/xalloc.h"

struct criterion {
	const char *name; /* NULL: no rule speaks to it */
	size_t events, events_tested, incidents, incidents_tested;
	long long seen; /* events since the daemon began */
};

struct criteria {
	const struct ruleset *rules;
	const json_t *seen; /* NULL: no daemon to ask */
	uint64_t *incidents; /* by incident rule, bit i: it speaks to point i */
	bool *tested;        /* by incident rule */
	struct criterion points[RULE_TSC_POINTS];
};

/* The points of an event rule, each a bit. */
static uint64_t
points_of(const struct event_rule *r)
{
	uint64_t points = 0;

	for (size_t i = 0; i < r->body->tsc.n; i++)
		points |= UINT64_C(1) << rule_tsc_number(r->body->tsc.v[i]);
	return points;
}

/* True when some rule learnt something by it. */
static bool
pass_on(struct criteria *c, const struct incident_link *links, size_t n, uint64_t points)
{
	bool news = false;

	for (size_t i = 0; i < n; i++) {
		uint64_t *has = &c->incidents[links[i].rule->index];

		news |= (points & ~*has) != 0;
		*has |= points;
	}
	return news;
}

/* Incident rules may count the incidents of others. */
static void
spread(struct criteria *c)
{
	bool news = true;

	for (size_t i = 0; i < ruleset_nevents(c->rules); i++) {
		const struct event_rule *r = ruleset_event(c->rules, i);

		pass_on(c, r->incidents, r->nincidents, points_of(r));
	}
	while (news) {
		news = false;
		for (size_t i = 0; i < ruleset_nincidents(c->rules); i++) {
			const struct incident_rule *r = ruleset_incident(c->rules, i);

			news |= pass_on(c, r->incidents, r->nincidents, c->incidents[i]);
		}
	}
}

static void
count_event(struct criteria *c, const struct event_rule *r)
{
	const json_t *hits = json_object_get(json_object_get(c->seen, "rules"), r->id);
	uint64_t points = points_of(r);

	for (size_t i = 0; i < r->body->tsc.n; i++) {
		int number = rule_tsc_number(r->body->tsc.v[i]);
		struct criterion *p = &c->points[number];

		p->name = r->body->tsc.v[i];
		if ((points >> number & 1) == 0)
			continue; /* named twice */
		points &= ~(UINT64_C(1) << number);
		p->events++;
		p->events_tested += r->body->ntests > 0;
		p->seen += cli_number(hits, "events");
	}
}

static void
count_all(struct criteria *c)
{
	for (size_t i = 0; i < ruleset_nevents(c->rules); i++)
		count_event(c, ruleset_event(c->rules, i));
	for (size_t i = 0; i < ruleset_nincident_tests(c->rules); i++)
		c->tested[ruleset_incident_test(c->rules, i)->rule] = true;
	for (size_t i = 0; i < ruleset_nincidents(c->rules); i++) {
		for (size_t k = 0; k < RULE_TSC_POINTS; k++) {
			if ((c->incidents[i] >> k & 1) == 0)
				continue;
			c->points[k].incidents++;
			c->points[k].incidents_tested += c->tested[i];
		}
	}
}

/* ---- telling ----------------------------------------------------------------- */

static bool
speaks_to_none(const struct event_rule *r)
{
	return !r->body->builtin && r->body->tsc.n == 0;
}

static void
print_json(const struct criteria *c)
{
	for (size_t i = 0; i < RULE_TSC_POINTS; i++) {
		const struct criterion *p = &c->points[i];

		if (p->name == NULL)
			continue;
		cli_print_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "type", "criterion", "id",
		    p->name, "event_rules", (json_int_t)p->events, "event_rules_tested",
		    (json_int_t)p->events_tested, "incident_rules", (json_int_t)p->incidents,
		    "incident_rules_tested", (json_int_t)p->incidents_tested, "events",
		    c->seen == NULL ? json_null() : json_integer(p->seen)));
	}
	for (size_t i = 0; i < ruleset_nevents(c->rules); i++) {
		const struct event_rule *r = ruleset_event(c->rules, i);

		if (speaks_to_none(r))
			cli_print_json(json_pack("{s:s, s:s, s:s, s:i}", "type", "without", "id", r->id,
			    "file", r->body->place.file, "line", r->body->place.line));
	}
}

static void
print_points(const struct criteria *c)
{
	printf("%-9s  %11s  %6s  %14s  %6s  %8s\n", "CRITERION", "EVENT RULES", "TESTED",
	    "INCIDENT RULES", "TESTED", "EVENTS");
	for (size_t i = 0; i < RULE_TSC_POINTS; i++) {
		const struct criterion *p = &c->points[i];
		char seen[24] = "-";

		if (p->name == NULL)
			continue;
		if (c->seen != NULL)
			snprintf(seen, sizeof(seen), "%lld", p->seen);
		printf("%-9s  %11zu  %6zu  %14zu  %6zu  %8s\n", p->name, p->events,
		    p->events_tested, p->incidents, p->incidents_tested, seen);
	}
}

static void
print_without(const struct criteria *c)
{
	size_t n = 0, all = 0;

	for (size_t i = 0; i < ruleset_nevents(c->rules); i++) {
		all += !ruleset_event(c->rules, i)->body->builtin;
		n += speaks_to_none(ruleset_event(c->rules, i));
	}
	printf("%zu of %zu event rules speak to none%s\n", n, all, n > 0 ? ":" : "");
	for (size_t i = 0; i < ruleset_nevents(c->rules); i++) {
		const struct event_rule *r = ruleset_event(c->rules, i);

		if (!speaks_to_none(r))
			continue;
		printf("  %s", r->id);
		cli_print_text("  ", r->body->place.file);
		printf(":%d\n", r->body->place.line);
	}
}

void
cmd_rules_criteria(const struct cli *cli, const struct ruleset *rs, const json_t *seen)
{
	struct criteria c = {.rules = rs, .seen = seen};

	c.incidents = xcalloc(ruleset_nincidents(rs) + 1, sizeof(*c.incidents));
	c.tested = xcalloc(ruleset_nincidents(rs) + 1, sizeof(*c.tested));
	spread(&c);
	count_all(&c);
	if (cli->json) {
		print_json(&c);
	} else {
		print_points(&c);
		print_without(&c);
	}
	free(c.incidents);
	free(c.tested);
}
