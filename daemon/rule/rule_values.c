/*
 * rule_values: the values that a field is compared with: lists resolved, each value
 * checked against the type of the field.
 */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "rule/rule_internal.h"
#include "util/xalloc.h"

/* A list that is being filled. */
struct building {
	struct ruleset *rs;
	struct rule_load *load;
	struct rule_list *list;
	enum rule_list_kind kind;
};

static void
add_value(struct building *b, const struct conf_string *value, const char *list)
{
	struct buf why = BUF_INIT;

	if (!rule_list_add(b->list, value->s, &why)) {
		if (list == NULL)
			diag_error(b->load->diag, value->at, "\"%s\" %s", value->s, buf_str(&why));
		else
			diag_error(b->load->diag, value->at,
			    "\"%s\" %s (list %s is used for an address)", value->s, buf_str(&why),
			    list);
	}
	buf_free(&why);
}

static char *
path_beside(const struct conf_string *file)
{
	char *rules, *path;

	if (file->s[0] == '/' || file->at.file == NULL)
		return xstrdup(file->s);
	rules = xstrdup(conf_file_path(file->at.file));
	path = xasprintf("%s/%s", dirname(rules), file->s);
	free(rules);
	return path;
}

/* Takes ${file}. */
static void
add_live(struct building *b, const char *list, const char *set, char *file)
{
	struct rule_live *live = rule_live_get(b->rs, list, set, file, b->kind);

	rule_list_add_live(b->list, &live->values);
	free(file);
}

static void
add_list(struct building *b, const struct conf_string *value)
{
	struct rule_defs *lists = &b->load->lists;
	const struct rule_def *def = rule_defs_find(lists, value->s + 1);
	const struct list_conf *list;
	const char *near;

	if (def == NULL) {
		near = rule_defs_nearest(lists, value->s + 1);
		diag_error(b->load->diag, value->at, "there is no list \"%s\"%s%s%s", value->s + 1,
		    near == NULL ? "" : "; did you mean @", near == NULL ? "" : near,
		    near == NULL ? "" : "?");
		return;
	}
	list = (const struct list_conf *)(const void *)def->conf;
	for (size_t i = 0; i < list->values.n; i++)
		add_value(b, &list->values.v[i], list->id.s);
	if (list->file.s != NULL)
		add_live(b, list->id.s, NULL, path_beside(&list->file));
	if (list->redis.s != NULL)
		add_live(b, list->id.s, list->redis.s, NULL);
}

void
rule_values_check(struct rule_load *l)
{
	for (size_t i = 0; i < l->lists.n; i++) {
		const struct list_conf *list =
		    (const struct list_conf *)(const void *)l->lists.v[i].conf;

		if (list->redis.s != NULL)
			rule_check_id(&list->redis, "redis", l->diag);
	}
}

static enum rule_list_kind
list_kind(enum field_type type)
{
	if (type == FIELD_IP)
		return RULE_LIST_NETS;
	return type == FIELD_ADDRESS ? RULE_LIST_ADDRESS : RULE_LIST_TEXT;
}

static const char *
describe(struct ruleset *rs, const struct conf_pair *pair)
{
	struct buf text = BUF_INIT;

	buf_puts(&text, pair->name.s);
	buf_puts(&text, pair->values.n == 1 && pair->values.v[0].s[0] != '@' ? " is " : " in ");
	for (size_t i = 0; i < pair->values.n && text.n < 200; i++)
		buf_printf(&text, "%s%s", i == 0 ? "" : ", ", pair->values.v[i].s);
	return ruleset_keep(rs, buf_steal(&text));
}

struct rule_list *
rule_values_build(struct ruleset *rs, struct rule_load *l, const struct conf_strings *values,
    enum rule_list_kind kind)
{
	struct building b = {rs, l, rule_list_new(kind), kind};

	XGROW(rs->lists, rs->nlists);
	rs->lists[rs->nlists++] = b.list;
	for (size_t i = 0; i < values->n; i++) {
		if (values->v[i].s[0] == '@')
			add_list(&b, &values->v[i]);
		else
			add_value(&b, &values->v[i], NULL);
	}
	rule_list_sort(b.list);
	return b.list;
}

void
rule_values_condition(struct ruleset *rs, struct rule_load *l, const struct conf_pair *pair,
    const char *field, enum field_type type, struct rule_condition *c)
{
	if (pair->values.n == 0)
		diag_error(l->diag, pair->name.at, "\"%s\" needs a value", pair->name.s);
	*c = (struct rule_condition){.field = field,
	    .text = describe(rs, pair),
	    .values = rule_values_build(rs, l, &pair->values, list_kind(type))};
}
