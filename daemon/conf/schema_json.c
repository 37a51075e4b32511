/*
 * schema_json: a table as JSON Schema, for editors to complete and check.
 *
 * Says what the reader says, as far as JSON Schema can.  Stricter in one point:
 * where text is expected, plain text that other readers of YAML take for a
 * number or truth value needs quotes.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_internal.h"
#include "conf/yaml_tree.h"
#include "util/xalloc.h"

#define DIALECT "https://json-schema.org/draft/2020-12/schema"
#define DURATION_PATTERN "^[0-9]{1,10}(ms|s|m|h|d)$"

static json_t *object_schema(const struct conf_table *table, bool partial, json_t *defs);

/* One of ${item}, or a list of them.  Takes ${item} over. */
static json_t *
one_or_more(json_t *item)
{
	return json_pack("{s:[o, {s:s, s:O}]}", "anyOf", item, "type", "array", "items", item);
}

static json_t *
map_schema(void)
{
	json_t *scalar = json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean");

	return json_pack(
	    "{s:s, s:o}", "type", "object", "additionalProperties", one_or_more(scalar));
}

static json_t *
map_or_word(const char *word)
{
	if (word == NULL)
		return map_schema();
	return json_pack("{s:[{s:s}, o]}", "anyOf", "const", word, map_schema());
}

static json_t *
int_schema(const struct conf_key *key)
{
	json_t *schema = json_pack("{s:s}", "type", "integer");

	if (key->min != 0 || key->max != 0) {
		json_object_set_new(schema, "minimum", json_integer(key->min));
		json_object_set_new(schema, "maximum", json_integer(key->max));
	}
	return schema;
}

static json_t *
enum_schema(const struct conf_key *key)
{
	json_t *names = json_array();

	for (size_t i = 0; key->names[i] != NULL; i++)
		json_array_append_new(names, json_string(key->names[i]));
	return json_pack("{s:o}", "enum", names);
}

/* Refer to ${table}, which is defined once. */
static json_t *
reference(const struct conf_table *table, bool partial, json_t *defs)
{
	char *target = xasprintf("#/$defs/%s", table->anchor);
	json_t *schema = json_pack("{s:s}", "$ref", target);

	free(target);
	if (json_object_get(defs, table->anchor) == NULL) {
		/* Keeps its place, and ends the recursion. */
		json_object_set_new(defs, table->anchor, json_object());
		json_object_set_new(defs, table->anchor, object_schema(table, partial, defs));
	}
	return schema;
}

static json_t *
entry_schema(const struct conf_key *key, json_t *defs)
{
	json_t *object = reference(key->sub, key->partial, defs);

	if (key->scalar == NULL)
		return object;
	return json_pack("{s:[{s:s}, o]}", "anyOf", "type", "string", object);
}

static json_t *
value_schema(const struct conf_key *key, json_t *defs)
{
	switch (key->type) {
	case CONF_STRING:
	case CONF_SECRET:
		return json_pack("{s:s}", "type", "string");
	case CONF_INT:
		return int_schema(key);
	case CONF_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case CONF_DURATION:
		return json_pack("{s:s, s:s}", "type", "string", "pattern", DURATION_PATTERN);
	case CONF_ENUM:
		return enum_schema(key);
	case CONF_STRINGS:
		return one_or_more(json_pack("{s:s}", "type", "string"));
	case CONF_OBJECT:
		return reference(key->sub, false, defs);
	case CONF_OBJECTS:
		return json_pack("{s:s, s:o}", "type", "array", "items", entry_schema(key, defs));
	case CONF_MAP:
		return map_or_word(key->scalar);
	case CONF_MAPS:
		return one_or_more(map_or_word(key->scalar));
	}
	abort();
}

/* The default as a value of the key's type. */
static json_t *
fallback_value(const struct conf_key *key)
{
	struct yaml_node node;
	json_t *value;

	if (key->type == CONF_INT)
		return json_integer(strtoll(key->fallback, NULL, 10));
	if (key->type == CONF_BOOL)
		return json_boolean(strcmp(key->fallback, "true") == 0);
	if (key->type != CONF_STRINGS)
		return json_string(key->fallback);
	conf_fallback_read(key, &node);
	value = node.kind == YAML_KIND_LIST ? json_array() : json_string(node.s);
	for (size_t i = 0; i < node.n; i++)
		json_array_append_new(value, json_string(node.v[i].s));
	yaml_tree_clear(&node);
	return value;
}

static json_t *
key_schema(const struct conf_key *key, json_t *defs)
{
	json_t *schema = value_schema(key, defs);

	if (key->help != NULL)
		json_object_set_new(schema, "description", json_string(key->help));
	if (key->fallback != NULL)
		json_object_set_new(schema, "default", fallback_value(key));
	return schema;
}

/* A secret stands in KEY or in a file that KEY_file names, not in both. */
static void
add_secret(const struct conf_key *key, bool required, json_t *properties, json_t *conditions)
{
	char *file = xasprintf("%s_file", key->name);
	char *help = xasprintf("An absolute path: the file holds the value of %s.", key->name);

	json_object_set_new(properties, file,
	    json_pack("{s:s, s:s, s:s}", "type", "string", "pattern", "^/", "description", help));
	if (required)
		json_array_append_new(conditions,
		    json_pack("{s:[{s:[s]}, {s:[s]}]}", "oneOf", "required", key->name, "required",
		        file));
	else
		json_array_append_new(
		    conditions, json_pack("{s:{s:[s, s]}}", "not", "required", key->name, file));
	free(help);
	free(file);
}

/* Set ${name}, unless ${array} is empty; takes ${array} over. */
static void
set_unless_empty(json_t *schema, const char *name, json_t *array)
{
	if (json_array_size(array) > 0)
		json_object_set(schema, name, array);
	json_decref(array);
}

static json_t *
object_schema(const struct conf_table *table, bool partial, json_t *defs)
{
	json_t *schema = json_pack("{s:s, s:b}", "type", "object", "additionalProperties", 0);
	json_t *properties = json_object(), *required = json_array(), *conditions = json_array();

	for (size_t i = 0; i < table->nkeys; i++) {
		const struct conf_key *key = &table->keys[i];
		bool needed = key->required && (!partial || i == 0);

		json_object_set_new(properties, key->name, key_schema(key, defs));
		if (key->type == CONF_SECRET)
			add_secret(key, needed, properties, conditions);
		else if (needed)
			json_array_append_new(required, json_string(key->name));
	}
	json_object_set_new(schema, "properties", properties);
	set_unless_empty(schema, "required", required);
	set_unless_empty(schema, "allOf", conditions);
	return schema;
}

void
conf_schema_json(const struct conf_table *table, const char *title, struct buf *out)
{
	json_t *schema = json_pack("{s:s, s:s}", "$schema", DIALECT, "title", title);
	json_t *defs = json_object(), *root = object_schema(table, false, defs);
	char *text;

	json_object_update(schema, root);
	json_object_set(schema, "$defs", defs);
	text = json_dumps(schema, JSON_INDENT(2));
	if (text != NULL)
		buf_puts(out, text);
	buf_putc(out, '\n');
	free(text);
	json_decref(root);
	json_decref(defs);
	json_decref(schema);
}
