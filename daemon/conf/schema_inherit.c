/*
 * schema_inherit: an object takes what it does not say from another.
 */
#include <string.h>

#include "conf/conf_internal.h"
#include "util/xalloc.h"

static void copy_member(const struct conf_key *key, void *to, const void *from);

static void
copy_string(struct conf_string *to, const struct conf_string *from)
{
	*to = *from;
	to->s = xstrdup(from->s);
}

static void
copy_strings(struct conf_strings *to, const struct conf_strings *from)
{
	*to = (struct conf_strings){NULL, 0};
	while (to->n < from->n) {
		XGROW(to->v, to->n);
		copy_string(&to->v[to->n], &from->v[to->n]);
		to->n++;
	}
}

static void
copy_map(struct conf_map *to, const struct conf_map *from)
{
	*to = (struct conf_map){.at = from->at, .is_word = from->is_word};
	while (to->n < from->n) {
		XGROW(to->v, to->n);
		copy_string(&to->v[to->n].name, &from->v[to->n].name);
		copy_strings(&to->v[to->n].values, &from->v[to->n].values);
		to->n++;
	}
}

static void
copy_maps(struct conf_maps *to, const struct conf_maps *from)
{
	*to = (struct conf_maps){NULL, 0};
	while (to->n < from->n) {
		XGROW(to->v, to->n);
		copy_map(&to->v[to->n], &from->v[to->n]);
		to->n++;
	}
}

static void
copy_object(const struct conf_table *table, void *to, const void *from)
{
	memcpy(to, from, sizeof(struct conf_head));
	for (size_t i = 0; i < table->nkeys; i++)
		copy_member(&table->keys[i], conf_member(to, &table->keys[i]),
		    conf_member_const(from, &table->keys[i]));
}

static void
copy_list(const struct conf_table *table, struct conf_list *to, const struct conf_list *from)
{
	*to = (struct conf_list){NULL, 0};
	while (to->n < from->n) {
		to->v = xgrow(to->v, to->n, table->size);
		copy_object(table, (char *)to->v + to->n * table->size,
		    (const char *)from->v + to->n * table->size);
		to->n++;
	}
}

/* What ${to} held is not freed. */
static void
copy_member(const struct conf_key *key, void *to, const void *from)
{
	switch (key->type) {
	case CONF_STRING:
	case CONF_SECRET:
		copy_string(to, from);
		break;
	case CONF_STRINGS:
		copy_strings(to, from);
		break;
	case CONF_OBJECT:
		copy_object(key->sub, to, from);
		break;
	case CONF_OBJECTS:
		copy_list(key->sub, to, from);
		break;
	case CONF_MAP:
		copy_map(to, from);
		break;
	case CONF_MAPS:
		copy_maps(to, from);
		break;
	case CONF_INT:
	case CONF_DURATION:
		memcpy(to, from, sizeof(int64_t));
		break;
	case CONF_BOOL:
		memcpy(to, from, sizeof(bool));
		break;
	case CONF_ENUM:
		memcpy(to, from, sizeof(int));
		break;
	}
}

void
conf_inherit(
    const struct conf_table *table, void *obj, const void *from, const char *const *except)
{
	struct conf_head *to = obj;
	const struct conf_head *base = from;

	for (size_t i = 0; i < table->nkeys; i++) {
		const struct conf_key *key = &table->keys[i];
		uint64_t bit = UINT64_C(1) << i;
		size_t j = 0;

		while (except[j] != NULL && strcmp(except[j], key->name) != 0)
			j++;
		if (except[j] != NULL || (base->set & bit) == 0 || (to->set & bit) != 0)
			continue;
		conf_clear_member(key, conf_member(obj, key));
		copy_member(key, conf_member(obj, key), conf_member_const(from, key));
		to->set |= bit;
	}
}
