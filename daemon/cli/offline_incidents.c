/*
 * offline_incidents: see offline_incidents.h.
 */
#include "cli/offline_incidents.h"

#include <string.h>

#include "correlate/local.h"
#include "rule/ruleset.h"
#include "shown.h"

static json_t *
samples_json(const struct local_incident *inc)
{
	json_t *list = json_array();

	for (size_t i = 0; i < inc->nsamples; i++)
		json_array_append_new(
		    list, json_loadb(inc->samples[i], strlen(inc->samples[i]), 0, NULL));
	return list;
}

static json_t *
incident_json(const struct local_incident *inc)
{
	const struct incident_rule *rule = inc->rule;
	char id[32];

	snprintf(id, sizeof(id), "INC-%lld", (long long)inc->number);
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:o}",
	    "id", id, "number", (json_int_t)inc->number, "title", inc->title, "severity",
	    severity_name(rule->severity), "state", inc->over ? "closed" : "open", "rule", rule->id,
	    "rule_file", rule->file, "rule_hash", rule->file_hash, "criteria", rule->criteria,
	    "playbook", rule->playbook, "key", json_loadb(inc->key, strlen(inc->key), 0, NULL),
	    "count", (json_int_t)inc->count, "first_event", shown_time(inc->first), "last_event",
	    shown_time(inc->last), "opened", shown_time(inc->opened), "samples", samples_json(inc));
}

json_t *
offline_incidents_json(const struct local *l)
{
	json_t *list = json_array();

	for (size_t i = local_nincidents(l); i > 0; i--)
		json_array_append_new(list, incident_json(local_incident(l, i - 1)));
	return list;
}
