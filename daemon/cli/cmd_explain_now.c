/*
 * cmd_explain_now: the incident rules that an event counts for, and what a running daemon
 * has of that group at the moment, whatever the line's own time is.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmd_explain.h"
#include "control/client.h"
#include "correlate/correlate.h"
#include "correlate/silence.h"
#include "rule/ruleset.h"
#include "shown.h"
#include "silence_json.h"
#include "util/vis.h"

bool
cmd_explain_now_is_there(const struct cli *cli)
{
	struct buf error = BUF_INIT;
	bool reached;
	json_t *answer =
	    client_ask(cli->socket, json_pack("{s:s}", "command", "status"), &error, &reached);

	json_decref(answer);
	buf_free(&error);
	return reached;
}

/* The daemon's answer, NULL with why in ${error}. */
static json_t *
ask(const struct cli *cli, const char *rule, struct sv key, struct buf *error)
{
	struct buf hex = BUF_INIT;
	json_t *answer;
	bool reached;

	for (size_t i = 0; i < key.n; i++)
		buf_printf(&hex, "%02x", (unsigned)(unsigned char)key.p[i]);
	answer = client_ask(cli->socket,
	    json_pack("{s:s, s:s, s:s}", "command", "rule", "id", rule, "group", buf_str(&hex)),
	    error, &reached);
	buf_free(&hex);
	return answer;
}

static void
add_group(const struct cli *cli, const struct incident_rule *rule, struct sv key, json_t *out)
{
	struct buf error = BUF_INIT;
	json_t *answer = ask(cli, rule->id, key, &error);
	json_t *group = json_array_get(json_object_get(answer, "shown"), 0);

	json_object_set_new(out, "key", shown_key(rule, key));
	if (answer != NULL) {
		json_object_set(out, "now", json_object_get(answer, "now"));
		json_object_set_new(out, "group", group == NULL ? json_null() : json_incref(group));
	} else {
		json_object_set_new(out, "error", json_string(buf_str(&error)));
	}
	json_decref(answer);
	buf_free(&error);
}

static void
add_rule(const struct cli *cli, const struct incident_link *link, const struct event *e,
    const struct silence_set *silences, json_t *list)
{
	struct group_event event;
	struct buf key = BUF_INIT;
	const char *why = correlate_verdict(link, e, silences, &key, &event);
	json_t *one = json_pack("{s:s, s:s}", "rule", link->rule->id, "event", e->rule->id);

	if (why == NULL)
		add_group(cli, link->rule, buf_view(&key), one);
	else
		json_object_set_new(one, "not", json_string(why));
	if (why == NULL || *why != '\0')
		json_array_append(list, one);
	json_decref(one);
	buf_free(&key);
}

/* Those that hold now, for any time; NULL: none. */
static struct silence_set *
ask_silences(const struct cli *cli)
{
	struct buf error = BUF_INIT;
	bool reached;
	json_t *one, *list = client_ask(cli->socket,
	                 json_pack("{s:s}", "command", "silences"), &error, &reached);
	struct silence_set *set = json_array_size(list) == 0 ? NULL : silence_new();
	size_t i;

	json_array_foreach(list, i, one)
	{
		silence_json_add_shown(set, one, &error);
	}
	if (set != NULL)
		silence_sort(set);
	json_decref(list);
	buf_free(&error);
	return set;
}

void
cmd_explain_now_add(const struct cli *cli, const struct event *e, json_t *list)
{
	struct silence_set *silences = ask_silences(cli);

	for (size_t i = 0; i < e->rule->nincidents; i++)
		add_rule(cli, &e->rule->incidents[i], e, silences, list);
	silence_unref(&silences);
}

/* ---- text ---------------------------------------------------------------------- */

static void
put_key(const json_t *key, struct buf *out)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)key, name, value)
	{
		buf_printf(out, ", %s = ", name);
		vis_text(out, sv_str(json_string_value(value)));
	}
}

static void
put_group(const json_t *g, struct buf *out)
{
	if (json_object_get(g, "incident") != NULL)
		buf_printf(out, "%s is open with %lld events", cli_text(g, "incident"),
		    cli_number(g, "incident_count"));
	else if (json_object_get(g, "has") != NULL)
		buf_printf(out, "%lld of %lld", cli_number(g, "has"), cli_number(g, "needs"));
	else
		buf_printf(out, "%lld events", cli_number(g, "events"));
	if (json_object_get(g, "incident") == NULL && json_object_get(g, "since") != NULL)
		buf_printf(out, " since %s", cli_text(g, "since"));
	if (json_object_get(g, "last_event") != NULL)
		buf_printf(out, ", the last event at %s", cli_text(g, "last_event"));
}

static void
put_one(const json_t *one, struct buf *out)
{
	const json_t *group = json_object_get(one, "group");
	const char *why = json_string_value(json_object_get(one, "not"));

	if (why != NULL) {
		buf_printf(out, "%s: not counted for %s: %s\n", cli_text(one, "event"),
		    cli_text(one, "rule"), why);
		return;
	}
	buf_printf(out, "%s: counts for %s", cli_text(one, "event"), cli_text(one, "rule"));
	put_key(json_object_get(one, "key"), out);
	if (group == NULL) {
		buf_puts(out, "\n  the daemon: ");
		vis_text(out, sv_str(cli_text(one, "error")));
	} else {
		buf_printf(out, "\n  in the daemon now, %s: ", cli_text(one, "now"));
		if (json_is_null(group))
			buf_puts(out, "nothing of this group");
		else
			put_group(group, out);
	}
	buf_putc(out, '\n');
}

void
cmd_explain_now_text(const json_t *list, struct buf *out)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		put_one(one, out);
	}
}
