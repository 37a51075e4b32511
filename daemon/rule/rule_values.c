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

static void
trim(struct sv *s)
{
	static const char space[] = " \t\r";

	while (s->n > 0 && memchr(space, s->p[s->n - 1], sizeof(space)) != NULL)
		s->n--;
	while (s->n > 0 && memchr(space, s->p[0], sizeof(space)) != NULL)
		*s = sv_from(*s, 1);
}

/* Call ${add} for each value of a list file, with the number of its line. */
static void
each_value(struct sv text, void (*add)(void *ctx, const char *value, int line), void *ctx)
{
	size_t at = 0;

	for (int number = 1; at < text.n; number++) {
		const char *end = memchr(text.p + at, '\n', text.n - at);
		struct sv line = sv_from(text, at);
		const char *comment;
		char *value;

		line.n = end == NULL ? line.n : (size_t)(end - line.p);
		at += line.n + 1;
		comment = line.n == 0 ? NULL : memchr(line.p, '#', line.n);
		if (comment != NULL)
			line.n = (size_t)(comment - line.p);
		trim(&line);
		if (line.n == 0)
			continue;
		value = xstrndup(line.p, line.n);
		add(ctx, value, number);
		free(value);
	}
}

/* A list file that is read. */
struct reading {
	struct building *building;
	const char *list;
	struct mark mark;
};

static void
add_line(void *ctx, const char *text, int line)
{
	struct reading *r = ctx;
	struct conf_string value = {(char *)(uintptr_t)text, r->mark, false};

	value.at.line = line;
	add_value(r->building, &value, r->list);
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

static void
add_list_file(struct building *b, const struct list_conf *list)
{
	struct reading r = {b, list->id.s, {NULL, 1, 1}};
	size_t n;
	char *path = path_beside(&list->file);
	char *text = rule_file_text(path, &n, b->load->diag);
	char hash[DIGEST_HEX_SIZE];

	if (text != NULL) {
		digest_sha256_hex((struct sv){text, n}, hash);
		buf_puts(&b->load->hashes, hash);
		r.mark.file = diag_add_file(b->load->diag, path, text, n);
		each_value((struct sv){text, n}, add_line, &r);
	}
	free(text);
	free(path);
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
		add_list_file(b, list);
	if (list->redis.s != NULL)
		rule_list_add_live(
		    b->list, &rule_live_get(b->rs, list->id.s, list->redis.s, b->kind)->values);
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

/* ---- a file in the place of Redis --------------------------------------------------- */

/* A list in Redis that is filled from a file. */
struct filling {
	const struct rule_live *live;
	struct rule_list *values;
	struct diag *diag;
	struct mark mark;
};

static void
fill_line(void *ctx, const char *text, int line)
{
	struct filling *f = ctx;

	f->mark.line = line;
	if (!rule_live_add(f->live, f->values, text))
		diag_error(f->diag, f->mark, "\"%s\" is not what rules look up in list %s", text,
		    f->live->list);
}

static void
fill_live(struct ruleset *rs, size_t i, struct sv text, struct mark mark, struct diag *diag)
{
	struct filling f = {ruleset_live(rs, i), rule_list_new(ruleset_live(rs, i)->kind), diag, mark};

	each_value(text, fill_line, &f);
	rule_list_sort(f.values);
	rule_live_put(rs, i, f.values);
}

bool
rule_live_fill(struct ruleset *rs, const char *list, const char *path, struct diag *diag)
{
	struct mark mark = {NULL, 1, 1};
	bool found = false;
	size_t n;
	char *text = rule_file_text(path, &n, diag);

	if (text == NULL)
		return true;
	mark.file = diag_add_file(diag, path, text, n);
	for (size_t i = 0; i < rs->nlives; i++) {
		if (strcmp(rs->lives[i]->list, list) != 0)
			continue;
		found = true;
		fill_live(rs, i, (struct sv){text, n}, mark, diag);
	}
	free(text);
	return found;
}
