/*
 * shown: see shown.h.
 */
#include "shown.h"

#include <jansson.h>

#include "correlate/group_key.h"
#include "util/buf.h"
#include "util/clock.h"

json_t *
shown_key(const struct incident_rule *rule, struct sv key)
{
	struct buf text = BUF_INIT;
	json_t *out;

	group_key_json(rule, key, &text);
	out = json_loadb(text.p, text.n, 0, NULL);
	buf_free(&text);
	return out;
}

json_t *
shown_time(int64_t ms)
{
	struct buf text = BUF_INIT;
	json_t *out;

	clock_format(&text, ms);
	out = json_string(buf_str(&text));
	buf_free(&text);
	return out;
}
