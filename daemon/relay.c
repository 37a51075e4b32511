/*
 * relay: see relay.h.
 */
#include "relay.h"

#include <jansson.h>

#include "correlate/correlate.h"
#include "rule/ruleset.h"
#include "util/log.h"

static size_t
take_key(const json_t *key, struct field *fields, size_t most)
{
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)key, name, value)
		if (n < most && json_is_string(value))
			fields[n++] = (struct field){
			    name, {json_string_value(value), json_string_length(value)}};
	return n;
}

void
relay_count(struct correlator *c, struct ruleset *rules, struct sv json)
{
	json_t *entry = json_loadb(json.p, json.n, 0, NULL);
	const char *rule = json_string_value(json_object_get(entry, "rule"));
	const char *incident = json_string_value(json_object_get(entry, "incident"));
	const struct incident_rule *of = rule == NULL ? NULL : ruleset_find_incident(rules, rule);
	struct field fields[EVENT_FIELDS_MAX];

	if (incident == NULL || !json_is_integer(json_object_get(entry, "id"))) {
		log_error("state", "an entry of the relay that is none");
	} else {
		if (of != NULL)
			correlate_incident(c, rules, of,
			    json_integer_value(json_object_get(entry, "id")),
			    (int64_t)json_number_value(json_object_get(entry, "time")), fields,
			    take_key(json_object_get(entry, "key"), fields, EVENT_FIELDS_MAX),
			    sv_str(incident));
		correlate_relayed(c, json_integer_value(json_object_get(entry, "id")));
	}
	json_decref(entry);
}
