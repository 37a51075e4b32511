/*
 * cmd_rules_list: the rules, and what a running daemon knows of each: how many events it
 * had, and whether the programs that it is about write here at all.
 */
#include "cli/cmd_rules.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "control/client.h"
#include "rule/rule.h"
#include "rule/ruleset.h"

/* What the daemon says; NULL: there is none. */
static json_t *
ask_daemon(const struct cli *cli)
{
	struct buf error = BUF_INIT;
	bool reached;
	json_t *seen = client_ask(cli->socket, json_pack("{s:s}", "command", "rules"), &error, &reached);

	buf_free(&error);
	return seen;
}

static const json_t *
hits_of(const json_t *seen, const struct event_rule *r)
{
	return json_object_get(json_object_get(seen, "rules"), r->id);
}

static bool
is_seen(const json_t *seen, const char *program)
{
	json_t *name;
	size_t i;

	json_array_foreach(json_object_get(seen, "programs"), i, name)
	{
		if (strcmp(json_string_value(name), program) == 0)
			return true;
	}
	return false;
}

enum here { HERE_UNKNOWN, HERE_NO, HERE_YES };

/* Does the rule apply to this host?  Of one that is about no certain programs nobody can
 * tell before it had an event. */
static enum here
is_here(const json_t *seen, const struct event_rule *r)
{
	const struct rule_strings *programs = &r->body->programs;

	if (hits_of(seen, r) != NULL)
		return HERE_YES;
	for (size_t i = 0; i < programs->n; i++)
		if (is_seen(seen, programs->v[i]))
			return HERE_YES;
	return seen != NULL && programs->n > 0 ? HERE_NO : HERE_UNKNOWN;
}

/* ---- which ----------------------------------------------------------------- */

bool
cmd_rules_list_option(const char *arg, enum cmd_rules_which *which)
{
	static const char *const names[] = {[CMD_RULES_HERE] = "--here",
	    [CMD_RULES_SILENT] = "--silent",
	    [CMD_RULES_UNTESTED] = "--untested",
	    [CMD_RULES_CRITERIA] = "--criteria"};

	for (size_t i = CMD_RULES_HERE; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(arg, names[i]) == 0) {
			*which = (enum cmd_rules_which)i;
			return true;
		}
	}
	return false;
}

static bool
is_asked_for(const struct event_rule *r, const json_t *seen, enum cmd_rules_which which)
{
	switch (which) {
	case CMD_RULES_HERE:
		return is_here(seen, r) == HERE_YES;
	case CMD_RULES_SILENT:
		return !r->body->builtin && !r->context && seen != NULL &&
		    hits_of(seen, r) == NULL && is_here(seen, r) != HERE_NO;
	case CMD_RULES_UNTESTED:
		return !r->body->builtin && r->body->ntests == 0;
	default:
		return true;
	}
}

/* ---- JSON ------------------------------------------------------------------ */

static json_t *
tsc_json(const struct rule_body *body)
{
	json_t *out = json_array();

	for (size_t i = 0; i < body->tsc.n; i++)
		json_array_append_new(out, json_string(body->tsc.v[i]));
	return out;
}

static json_t *
event_json(const struct event_rule *r, const json_t *seen)
{
	const struct rule_body *body = r->body;
	const json_t *hits = hits_of(seen, r), *last = json_object_get(hits, "last");
	enum here here = is_here(seen, r);
	json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:i, s:I}", "type", "event", "id",
	    r->id, "title", r->title, "class", r->class, "severity", severity_name(r->severity), "file",
	    body->place.file, "line", body->place.line, "tests", (json_int_t)body->ntests);

	json_object_set_new(out, "tsc", tsc_json(body));
	json_object_set_new(out, "context", json_boolean(r->context));
	json_object_set_new(out, "events", seen == NULL || r->context
	        ? json_null()
	        : json_integer(cli_number(hits, "events")));
	json_object_set_new(out, "last", last == NULL ? json_null() : json_deep_copy(last));
	json_object_set_new(
	    out, "here", here == HERE_UNKNOWN ? json_null() : json_boolean(here == HERE_YES));
	return out;
}

static json_t *
incident_json(const struct incident_rule *r, const struct rule_place *place)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:i, s:I, s:I, s:s}", "type", "incident", "id",
	    r->id, "title", r->title, "severity", severity_name(r->severity), "file", place->file,
	    "line", place->line, "count", (json_int_t)r->condition.least, "within_ms",
	    (json_int_t)r->condition.within, "criteria", r->criteria);
}

static void
print_json(const struct ruleset *rs, const json_t *seen, enum cmd_rules_which which)
{
	for (size_t i = 0; i < ruleset_nevents(rs); i++)
		if (is_asked_for(ruleset_event(rs, i), seen, which))
			cli_print_json(event_json(ruleset_event(rs, i), seen));
	for (size_t i = 0; i < ruleset_nincidents(rs) && which == CMD_RULES_ALL; i++)
		cli_print_json(incident_json(ruleset_incident(rs, i), ruleset_incident_place(rs, i)));
}

/* ---- text ------------------------------------------------------------------ */

static const char *
base_name(const char *path)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');

	return slash != NULL ? slash + 1 : path != NULL ? path : "(built in)";
}

static void
print_event(const struct event_rule *r, const json_t *seen)
{
	static const char *const words[] = {
	    [HERE_UNKNOWN] = "-", [HERE_NO] = "no", [HERE_YES] = "yes"};
	const json_t *hits = hits_of(seen, r);
	const char *last = cli_text(hits, "last");
	char events[24] = "-";

	if (r->context)
		snprintf(events, sizeof(events), "context");
	else if (seen != NULL)
		snprintf(events, sizeof(events), "%lld", cli_number(hits, "events"));
	printf("%-36s %-9s %5zu %8s  %-20.19s  %-4s  %s\n", r->id, severity_name(r->severity),
	    r->body->ntests, events, *last == '\0' ? "-" : last, words[is_here(seen, r)],
	    base_name(r->body->place.file));
}

static void
print_sum(const struct ruleset *rs, const json_t *seen)
{
	size_t n = 0, silent = 0, elsewhere = 0, untested = 0;

	for (size_t i = 0; i < ruleset_nevents(rs); i++) {
		const struct event_rule *r = ruleset_event(rs, i);

		n += !r->body->builtin;
		untested += !r->body->builtin && r->body->ntests == 0;
		silent += !r->body->builtin && !r->context && hits_of(seen, r) == NULL;
		elsewhere += !r->context && is_here(seen, r) == HERE_NO;
	}
	printf("%zu event rules, %zu without a test", n, untested);
	if (seen == NULL)
		puts("; no daemon to ask about events");
	else
		printf("; since the daemon began %zu had no event, %zu of them of programs that were not "
		       "seen here\n", silent, elsewhere);
}

static bool
is_named(const struct ruleset *rs, const char *program)
{
	for (size_t i = 0; i < ruleset_nevents(rs); i++) {
		const struct rule_strings *programs = &ruleset_event(rs, i)->body->programs;

		for (size_t k = 0; k < programs->n; k++)
			if (strcmp(programs->v[k], program) == 0)
				return true;
	}
	return false;
}

/* What writes here, and only rules for lines of any program look at. */
static void
print_strangers(const struct ruleset *rs, const json_t *seen)
{
	const char *before = "programs that write here and no rule names: ";
	json_t *name;
	size_t i;

	json_array_foreach(json_object_get(seen, "programs"), i, name)
	{
		if (is_named(rs, json_string_value(name)))
			continue;
		cli_print_text(before, json_string_value(name));
		before = ", ";
	}
	if (before[0] == ',')
		putchar('\n');
}

static void
print_incident_rules(const struct ruleset *rs)
{
	printf("\n%-36s %-9s %s\n", "INCIDENT RULE", "SEVERITY", "CRITERIA");
	for (size_t i = 0; i < ruleset_nincidents(rs); i++) {
		const struct incident_rule *r = ruleset_incident(rs, i);

		printf("%-36s %-9s %s\n", r->id, severity_name(r->severity), r->criteria);
	}
}

static void
print_text(const struct ruleset *rs, const json_t *seen, enum cmd_rules_which which)
{
	printf("%-36s %-9s %5s %8s  %-20s  %-4s  %s\n", "EVENT RULE", "SEVERITY", "TESTS", "EVENTS",
	    "LAST", "HERE", "FILE");
	for (size_t i = 0; i < ruleset_nevents(rs); i++)
		if (is_asked_for(ruleset_event(rs, i), seen, which))
			print_event(ruleset_event(rs, i), seen);
	print_sum(rs, seen);
	print_strangers(rs, seen);
	if (which == CMD_RULES_ALL)
		print_incident_rules(rs);
}

int
cmd_rules_list(const struct cli *cli, struct offline *off, enum cmd_rules_which which)
{
	json_t *seen = ask_daemon(cli);

	if (which == CMD_RULES_CRITERIA)
		cmd_rules_criteria(cli, off->rules, seen);
	else if (cli->json)
		print_json(off->rules, seen, which);
	else
		print_text(off->rules, seen, which);
	json_decref(seen);
	return CLI_OK;
}
