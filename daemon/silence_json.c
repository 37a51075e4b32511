/*
 * silence_json: see silence_json.h.
 */
#include "silence_json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "correlate/silence.h"
#include "shown.h"

#define RULE_MOST 256
#define TIME_MOST 253402300799999LL /* the year 9999 */

static bool
is_text(const json_t *value, size_t most)
{
	return json_is_string(value) && json_string_length(value) > 0 &&
	    json_string_length(value) <= most;
}

static bool
is_time(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0 &&
	    json_integer_value(value) <= TIME_MOST;
}

static bool
are_fields(const json_t *fields)
{
	const char *name;
	json_t *value;

	if (!json_is_object(fields) || json_object_size(fields) > SILENCE_FIELDS_MOST)
		return false;
	json_object_foreach((json_t *)(uintptr_t)fields, name, value)
	{
		if (*name == '\0' || !is_text(value, SILENCE_TEXT_MOST))
			return false;
	}
	return true;
}

/* What is silenced, whenever. */
static const char *
find_fault(const json_t *s)
{
	if (!json_is_object(s))
		return "is no JSON object";
	if (!is_text(json_object_get(s, "rule"), RULE_MOST))
		return "has no \"rule\"";
	if (!are_fields(json_object_get(s, "fields")))
		return "has no \"fields\" with values";
	return NULL;
}

static const char *
find_stored_fault(const json_t *s)
{
	const json_t *ended = json_object_get(s, "ended");

	if (!is_time(json_object_get(s, "from")) || !is_time(json_object_get(s, "until")))
		return "has no \"from\" and \"until\" in milliseconds";
	if (ended != NULL && !is_time(json_object_get(ended, "time")))
		return "is \"ended\" at no \"time\"";
	return NULL;
}

static int64_t
end_of(const json_t *s)
{
	const json_t *ended = json_object_get(s, "ended");

	return ended != NULL ? json_integer_value(json_object_get(ended, "time"))
	                     : json_integer_value(json_object_get(s, "until"));
}

static bool
add(struct silence_set *set, const json_t *s, int64_t from, int64_t until)
{
	const char *rule = json_string_value(json_object_get(s, "rule")), *name;
	json_t *value;

	silence_add(set, strcmp(rule, SILENCE_ALL) == 0 ? NULL : rule, from, until);
	json_object_foreach(json_object_get(s, "fields"), name, value)
	{
		silence_add_field(set, name, json_string_value(value));
	}
	return true;
}

static bool
refuse(struct buf *why, const char *fault)
{
	buf_puts(why, fault);
	return false;
}

bool
silence_json_add(struct silence_set *set, const json_t *stored, struct buf *why)
{
	const char *fault = find_fault(stored);

	if (fault == NULL)
		fault = find_stored_fault(stored);
	if (fault != NULL)
		return refuse(why, fault);
	return add(
	    set, stored, json_integer_value(json_object_get(stored, "from")), end_of(stored));
}

bool
silence_json_add_shown(struct silence_set *set, const json_t *shown, struct buf *why)
{
	const char *fault = find_fault(shown);

	return fault == NULL ? add(set, shown, INT64_MIN, INT64_MAX) : refuse(why, fault);
}

bool
silence_json_holds(const json_t *stored, int64_t now)
{
	return find_fault(stored) == NULL && find_stored_fault(stored) == NULL &&
	    end_of(stored) > now;
}

static json_t *
time_of(const json_t *from, const char *name)
{
	return shown_time(json_integer_value(json_object_get(from, name)));
}

json_t *
silence_json_show(const json_t *stored, int64_t now)
{
	json_t *out, *ended;

	if (find_fault(stored) != NULL || find_stored_fault(stored) != NULL)
		return NULL;
	out = json_deep_copy(stored);
	json_object_set_new(out, "from", time_of(stored, "from"));
	json_object_set_new(out, "until", time_of(stored, "until"));
	json_object_set_new(out, "holds", json_boolean(end_of(stored) > now));
	ended = json_object_get(out, "ended");
	if (ended != NULL)
		json_object_set_new(ended, "time", time_of(ended, "time"));
	return out;
}
