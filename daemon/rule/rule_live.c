/*
 * rule_live: see rule_live.h.
 */
#include "rule/rule_live.h"

#include <assert.h>
#include <string.h>

#include "rule/rule_internal.h"
#include "util/xalloc.h"

struct rule_live *
rule_live_get(struct ruleset *rs, const char *list, const char *set, const char *file,
    enum rule_list_kind kind)
{
	struct rule_live *live;

	/* Those of keys differ from rule to rule. */
	for (size_t i = 0; i < rs->nlives && kind != RULE_LIST_KEYS; i++)
		if (rs->lives[i]->kind == kind && strcmp(rs->lives[i]->list, list) == 0 &&
		    (rs->lives[i]->set != NULL) == (set != NULL))
			return rs->lives[i];
	live = ruleset_array(rs, 1, sizeof(*live));
	live->list = ruleset_string(rs, list);
	live->set = ruleset_string(rs, set);
	live->file = ruleset_string(rs, file);
	live->kind = kind;
	live->values = rule_list_new(kind);
	rule_list_sort(live->values);
	XGROW(rs->lives, rs->nlives);
	rs->lives[rs->nlives++] = live;
	return live;
}

size_t
ruleset_nlives(const struct ruleset *rs)
{
	return rs->nlives;
}

const struct rule_live *
ruleset_live(const struct ruleset *rs, size_t i)
{
	assert(i < rs->nlives);
	return rs->lives[i];
}

bool
rule_live_add(
    const struct rule_live *live, struct rule_list *to, const char *text, struct buf *why)
{
	struct buf value = BUF_INIT;
	bool good;

	if (live->key == NULL)
		return rule_list_add(to, text, why);
	good = rule_key_from_text(live->key, live->key_type, text, &value);
	if (good)
		rule_list_add(to, buf_str(&value), why);
	else
		buf_printf(why, "is no %s", rule_field_type_name(live->key_type));
	buf_free(&value);
	return good;
}

void
rule_live_put(struct ruleset *rs, size_t i, struct rule_list *values)
{
	assert(i < rs->nlives);
	rule_list_free(&rs->lives[i]->values);
	rs->lives[i]->values = values;
}
