/*
 * rule_index: id -> number, for thousands of rules.  A hash table with open addressing.
 * It has copies of the ids: those of a definition go when a later layer overrides it.
 */
#include <stdlib.h>

#include "rule/rule_internal.h"
#include "util/xalloc.h"

#define FIRST_CAP 64

/* The slot of ${id}, or the free one where it would go. */
static struct rule_slot *
find(const struct rule_index *x, uint64_t hash, const char *id)
{
	size_t i = hash & (x->cap - 1);

	while (
	    x->slots[i].id != NULL && (x->slots[i].hash != hash || strcmp(x->slots[i].id, id) != 0))
		i = (i + 1) & (x->cap - 1);
	return &x->slots[i];
}

static void
grow(struct rule_index *x)
{
	struct rule_slot *old = x->slots;
	size_t n = x->cap;

	if (n == 0)
		x->key = hash_key_random();
	x->cap = n == 0 ? FIRST_CAP : 2 * n;
	x->slots = xcalloc(x->cap, sizeof(*x->slots));
	for (size_t i = 0; i < n; i++)
		if (old[i].id != NULL)
			*find(x, old[i].hash, old[i].id) = old[i];
	free(old);
}

void
rule_index_add(struct rule_index *x, const char *id, size_t number)
{
	struct rule_slot *slot;
	uint64_t hash;

	if (2 * (x->used + 1) > x->cap)
		grow(x);
	hash = hash_bytes(x->key, sv_str(id));
	slot = find(x, hash, id);
	if (slot->id != NULL)
		return;
	*slot = (struct rule_slot){.id = xstrdup(id), .hash = hash, .number = number};
	x->used++;
}

bool
rule_index_get(const struct rule_index *x, const char *id, size_t *number)
{
	const struct rule_slot *slot;

	if (x->used == 0)
		return false;
	slot = find(x, hash_bytes(x->key, sv_str(id)), id);
	*number = slot->number;
	return slot->id != NULL;
}

void
rule_index_free(struct rule_index *x)
{
	for (size_t i = 0; i < x->cap; i++)
		free(x->slots[i].id);
	free(x->slots);
	*x = (struct rule_index){.cap = 0};
}
