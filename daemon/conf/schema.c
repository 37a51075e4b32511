/*
 * schema: see schema.h.  The reader: a YAML tree into a struct, by its table.
 *
 * Each reader of a value reports what is wrong with its node and leaves the
 * member as it was, so that whatever stands in a struct is valid.  Single values
 * are read in schema_scalar.c; what is done with structs afterwards is in
 * schema_object.c.
 */
#include "conf/schema.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_internal.h"
#include "conf/yaml_tree.h"
#include "util/xalloc.h"

#define SECRET_SUFFIX "_file"

static void read_object(
    const struct conf_table *table, const struct yaml_node *node, void *obj, struct diag *diag);

static void
add_string(struct conf_strings *out, const struct yaml_node *node)
{
	XGROW(out->v, out->n);
	out->v[out->n++] = conf_take_text(node);
}

static void
read_strings(
    const char *name, const struct yaml_node *node, struct conf_strings *out, struct diag *diag)
{
	if (conf_is_text(node)) {
		add_string(out, node);
	} else if (node->kind == YAML_KIND_LIST) {
		for (size_t i = 0; i < node->n; i++) {
			if (conf_is_text(&node->v[i]))
				add_string(out, &node->v[i]);
			else
				conf_complain(name, &node->v[i], diag, "text in each entry");
		}
	} else {
		conf_complain(name, node, diag, "text or a list of texts");
	}
}

static void
read_secret_file(
    const char *name, const struct yaml_node *node, struct conf_string *out, struct diag *diag)
{
	if (!conf_is_text(node) || node->s[0] != '/') {
		conf_file_hide(node->at.file, name); /* it may be the secret itself */
		diag_error(diag, node->at,
		    "%s: expected the absolute path of a file that holds the secret", name);
		return;
	}
	*out = conf_take_text(node);
	out->is_file = true;
}

/* The scalar ${node} as the value of the key ${name}, which is all that the object has. */
static void
read_short(const struct conf_table *table, const char *name, const struct yaml_node *node,
    void *obj, struct diag *diag)
{
	struct yaml_node pair[] = {
	    {.kind = YAML_KIND_SCALAR, .at = node->at, .plain = true, .s = xstrdup(name)}, *node};
	struct yaml_node map = {.kind = YAML_KIND_MAP, .at = node->at, .v = pair, .n = 2};

	read_object(table, &map, obj, diag);
	free(pair[0].s);
}

static void
read_objects(const struct conf_key *key, const struct yaml_node *node, struct conf_list *out,
    struct diag *diag)
{
	size_t size = key->sub->size;

	if (node->kind != YAML_KIND_LIST) {
		conf_complain(key->name, node, diag, "a list, each entry beginning with '- '");
		return;
	}
	for (size_t i = 0; i < node->n; i++) {
		bool is_short = key->scalar != NULL && conf_is_text(&node->v[i]);
		char *obj;

		if (node->v[i].kind != YAML_KIND_MAP && !is_short) {
			conf_complain(
			    key->name, &node->v[i], diag, "a mapping (key: value) in each entry");
			continue;
		}
		out->v = xgrow(out->v, out->n, size);
		obj = (char *)out->v + out->n++ * size;
		memset(obj, 0, size);
		if (is_short)
			read_short(key->sub, key->scalar, &node->v[i], obj, diag);
		else
			read_object(key->sub, &node->v[i], obj, diag);
	}
}

static void
read_map(const struct conf_key *key, const struct yaml_node *node, struct conf_map *out,
    struct diag *diag)
{
	out->at = node->at;
	out->is_word =
	    key->scalar != NULL && conf_is_text(node) && strcmp(node->s, key->scalar) == 0;
	if (out->is_word)
		return;
	if (node->kind != YAML_KIND_MAP) {
		conf_complain(key->name, node, diag, "a mapping of names to values");
		return;
	}
	for (size_t i = 0; i < node->n; i += 2) {
		struct conf_pair *pair;

		XGROW(out->v, out->n);
		pair = &out->v[out->n++];
		*pair = (struct conf_pair){.name = conf_take_text(&node->v[i])};
		read_strings(node->v[i].s, &node->v[i + 1], &pair->values, diag);
	}
}

static void
read_maps(const struct conf_key *key, const struct yaml_node *node, struct conf_maps *out,
    struct diag *diag)
{
	const struct yaml_node *v = node->kind == YAML_KIND_LIST ? node->v : node;
	size_t n = node->kind == YAML_KIND_LIST ? node->n : 1;

	for (size_t i = 0; i < n; i++) {
		XGROW(out->v, out->n);
		out->v[out->n] = (struct conf_map){.at = v[i].at};
		read_map(key, &v[i], &out->v[out->n++], diag);
	}
}

static void
read_value(
    const struct conf_key *key, const struct yaml_node *node, void *member, struct diag *diag)
{
	switch (key->type) {
	case CONF_STRING:
	case CONF_SECRET:
		conf_read_string(key, node, member, diag);
		break;
	case CONF_INT:
		conf_read_int(key, node, member, diag);
		break;
	case CONF_BOOL:
		conf_read_bool(key, node, member, diag);
		break;
	case CONF_DURATION:
		conf_read_duration(key, node, member, diag);
		break;
	case CONF_ENUM:
		conf_read_enum(key, node, member, diag);
		break;
	case CONF_STRINGS:
		read_strings(key->name, node, member, diag);
		break;
	case CONF_OBJECT:
		read_object(key->sub, node, member, diag);
		break;
	case CONF_OBJECTS:
		read_objects(key, node, member, diag);
		break;
	case CONF_MAP:
		read_map(key, node, member, diag);
		break;
	case CONF_MAPS:
		read_maps(key, node, member, diag);
		break;
	}
}

void
conf_fallback_read(const struct conf_key *key, struct yaml_node *node)
{
	struct diag *diag = diag_new();

	*node = (struct yaml_node){.kind = YAML_KIND_SCALAR, .plain = true};
	if (key->fallback[0] == '[')
		yaml_tree_read(node, sv_str(key->fallback), NULL, diag);
	else
		node->s = xstrdup(key->fallback);
	assert(diag_errors(diag) == 0);
	diag_free(&diag);
}

/* The default is YAML like any other, only without a place. */
static void
read_fallback(const struct conf_key *key, void *member, struct diag *diag)
{
	size_t errors = diag_errors(diag);
	struct yaml_node node;

	conf_fallback_read(key, &node);
	read_value(key, &node, member, diag);
	yaml_tree_clear(&node);
	assert(diag_errors(diag) == errors);
}

static void fill_defaults(const struct conf_table *table, void *obj, struct diag *diag);

static void
fill_default(const struct conf_key *key, void *obj, struct diag *diag)
{
	if (key->fallback != NULL)
		read_fallback(key, conf_member(obj, key), diag);
	else if (key->type == CONF_OBJECT)
		fill_defaults(key->sub, conf_member(obj, key), diag);
}

static void
fill_defaults(const struct conf_table *table, void *obj, struct diag *diag)
{
	for (size_t i = 0; i < table->nkeys; i++)
		fill_default(&table->keys[i], obj, diag);
}

void
conf_unset(const struct conf_table *table, void *obj, const char *name)
{
	struct conf_head *head = obj;
	struct diag *diag = diag_new();
	size_t i = 0;

	while (i < table->nkeys && strcmp(table->keys[i].name, name) != 0)
		i++;
	assert(i < table->nkeys);
	conf_clear_member(&table->keys[i], conf_member(obj, &table->keys[i]));
	head->set &= ~(UINT64_C(1) << i);
	fill_default(&table->keys[i], obj, diag);
	diag_free(&diag);
}

/* The key called ${name}, or the secret called ${name} without its suffix. */
static const struct conf_key *
find_key(const struct conf_table *table, const char *name, bool *is_file)
{
	struct sv s = sv_str(name), suffix = SV(SECRET_SUFFIX);
	bool suffixed = s.n > suffix.n && sv_eq(sv_from(s, s.n - suffix.n), suffix);

	*is_file = false;
	for (size_t i = 0; i < table->nkeys; i++) {
		const struct conf_key *key = &table->keys[i];

		if (strcmp(key->name, name) == 0)
			return key;
		if (suffixed && key->type == CONF_SECRET &&
		    sv_is((struct sv){s.p, s.n - suffix.n}, key->name)) {
			*is_file = true;
			return key;
		}
	}
	return NULL;
}

/* Report ${name}, which no key has, and return the one that was meant, if that
 * can be told. */
static const struct conf_key *
report_unknown(const struct conf_table *table, const struct yaml_node *name, struct diag *diag)
{
	const char *names[2 * CONF_KEYS_MAX];
	char *files[CONF_KEYS_MAX];
	size_t n = 0, nfiles = 0;
	const struct conf_key *key;
	const char *meant;
	bool is_file;

	for (size_t i = 0; i < table->nkeys; i++) {
		names[n++] = table->keys[i].name;
		if (table->keys[i].type == CONF_SECRET) {
			files[nfiles] = xasprintf("%s" SECRET_SUFFIX, table->keys[i].name);
			names[n++] = files[nfiles++];
		}
	}
	meant = conf_suggest(sv_str(name->s), names, n);
	diag_error(diag, name->at, "unknown key '%.*s' in %s%s%s%s", conf_shown(name), name->s,
	    table->name, meant == NULL ? "" : "; did you mean '", meant == NULL ? "" : meant,
	    meant == NULL ? "" : "'?");
	key = meant == NULL ? NULL : find_key(table, meant, &is_file);
	for (size_t i = 0; i < nfiles; i++)
		free(files[i]);
	return key;
}

/* A wrong number leaves the default in place, so that checks of other things can
 * go on; what a reader appends to or allocates starts empty. */
static bool
replaced_at_once(enum conf_type type)
{
	return type == CONF_INT || type == CONF_BOOL || type == CONF_DURATION || type == CONF_ENUM;
}

static uint64_t
key_bit(const struct conf_table *table, const struct conf_key *key)
{
	return UINT64_C(1) << (key - table->keys);
}

static void
read_pair(const struct conf_table *table, const struct yaml_node *name,
    const struct yaml_node *value, void *obj, struct diag *diag)
{
	struct conf_head *head = obj;
	bool is_file;
	const struct conf_key *key = find_key(table, name->s, &is_file);
	void *member;

	if (key == NULL)
		return;
	if ((head->set & key_bit(table, key)) != 0) {
		diag_error(diag, name->at,
		    "%s and %s" SECRET_SUFFIX " exclude each other: keep one", key->name,
		    key->name);
		return;
	}
	head->set |= key_bit(table, key);
	if (key->type == CONF_SECRET && !is_file && value->at.line != name->at.line)
		conf_file_hide_line(value->at.file, value->at.line);
	member = conf_member(obj, key);
	if (!replaced_at_once(key->type))
		conf_clear_member(key, member);
	if (is_file)
		read_secret_file(name->s, value, member, diag);
	else
		read_value(key, value, member, diag);
}

/* A misspelt key counts as given: it is one mistake, not also a missing key. */
static void
read_unknown(
    const struct conf_table *table, const struct yaml_node *name, void *obj, struct diag *diag)
{
	struct conf_head *head = obj;
	const struct conf_key *meant;
	bool is_file;

	if (find_key(table, name->s, &is_file) != NULL)
		return;
	meant = report_unknown(table, name, diag);
	if (meant == NULL)
		return;
	head->set |= key_bit(table, meant);
	if (meant->type == CONF_SECRET)
		conf_file_hide(name->at.file, name->s);
}

static void
read_object(
    const struct conf_table *table, const struct yaml_node *node, void *obj, struct diag *diag)
{
	struct conf_head *head = obj;

	assert(table->nkeys <= CONF_KEYS_MAX);
	head->at = node->at;
	fill_defaults(table, obj, diag);
	if (node->kind != YAML_KIND_MAP) {
		conf_complain(table->name, node, diag, "a mapping (key: value)");
		return;
	}
	for (size_t i = 0; i < node->n; i += 2)
		read_pair(table, &node->v[i], &node->v[i + 1], obj, diag);
	for (size_t i = 0; i < node->n; i += 2)
		read_unknown(table, &node->v[i], obj, diag);
}

static void
hide_secrets(const struct conf_table *table, const struct conf_file *file)
{
	for (size_t i = 0; i < table->nkeys; i++) {
		if (table->keys[i].type == CONF_SECRET)
			conf_file_hide(file, table->keys[i].name);
		if (table->keys[i].sub != NULL)
			hide_secrets(table->keys[i].sub, file);
	}
}

int
conf_read_text(const char *path, const char *text, size_t n, const struct conf_table *table,
    void *out, struct diag *diag)
{
	static const char bom[] = "\xef\xbb\xbf";
	size_t errors = diag_errors(diag), skip = 0;
	const struct conf_file *file;
	struct yaml_node root;

	if (n > CONF_FILE_MAX) {
		diag_error_path(diag, path, "larger than %u MiB", CONF_FILE_MAX >> 20);
		return -1;
	}
	if (n >= 3 && memcmp(text, bom, 3) == 0)
		skip = 3;
	file = diag_add_file(diag, path, text + skip, n - skip);
	hide_secrets(table, file);
	yaml_tree_read(&root, (struct sv){text + skip, n - skip}, file, diag);
	read_object(table, &root, out, diag);
	yaml_tree_clear(&root);
	return diag_errors(diag) == errors ? 0 : -1;
}

int
conf_read(const char *path, const struct conf_table *table, void *out, struct diag *diag)
{
	struct buf text = BUF_INIT;
	const char *wrong = conf_slurp(path, CONF_FILE_MAX, &text);
	int ret = -1;

	if (wrong != NULL)
		diag_error_path(diag, path, "cannot be read: %s", wrong);
	else
		ret = conf_read_text(path, buf_str(&text), text.n, table, out, diag);
	buf_free(&text);
	return ret;
}
