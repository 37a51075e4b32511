/*
 * key_json: see key_json.h.
 */
#include "key_json.h"

#include <jansson.h>

#include "correlate/group_key.h"
#include "util/buf.h"

json_t *
key_json(const struct incident_rule *rule, struct sv key)
{
	struct buf text = BUF_INIT;
	json_t *out;

	group_key_json(rule, key, &text);
	out = json_loadb(text.p, text.n, 0, NULL);
	buf_free(&text);
	return out;
}
