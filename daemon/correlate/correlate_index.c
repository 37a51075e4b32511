/*
 * correlate_index: (rule, key) -> entry of the batch.
 */
#include <assert.h>
#include <stdlib.h>

#include "correlate/batch.h"
#include "correlate/correlate_internal.h"
#include "util/xalloc.h"

#define FIRST_CAP 64

static_assert(sizeof(struct group_slot) == 64, "a line of the cache");

void
group_index_free(struct group_index *x)
{
	free(x->memory);
	x->memory = NULL;
	x->slots = NULL;
}

void
group_index_clear(struct group_index *x)
{
	if (x->used > 0)
		memset(x->slots, 0, x->cap * sizeof(*x->slots));
	x->used = 0;
}

static bool
is_of(const struct group_slot *slot, const struct batch *b, const struct incident_rule *rule,
    struct sv key)
{
	if (slot->identity != rule->identity || slot->n != key.n)
		return false;
	if (key.n <= sizeof(slot->key))
		return memcmp(slot->key, key.p, key.n) == 0;
	return sv_eq(b->entries[slot->entry - 1].key, key);
}

/* The slot of ${group}, or the free one where it would go. */
static struct group_slot *
find(const struct group_index *x, const struct batch *b, uint64_t h,
    const struct incident_rule *rule, struct sv key)
{
	size_t i = h & (x->cap - 1);

	while (
	    x->slots[i].entry != 0 && !(x->slots[i].hash == h && is_of(&x->slots[i], b, rule, key)))
		i = (i + 1) & (x->cap - 1);
	return &x->slots[i];
}

bool
group_index_get(const struct group_index *x, const struct batch *b, uint64_t h,
    const struct incident_rule *rule, struct sv key, size_t *entry)
{
	const struct group_slot *slot;

	if (x->cap == 0)
		return false;
	slot = find(x, b, h, rule, key);
	if (slot->entry == 0)
		return false;
	*entry = slot->entry - 1;
	return true;
}

void
group_index_fetch(const struct group_index *x, uint64_t h)
{
	if (x->cap > 0)
		__builtin_prefetch(&x->slots[h & (x->cap - 1)]);
}

bool
group_index_guess(const struct group_index *x, uint64_t h, size_t *entry)
{
	const struct group_slot *slot = x->cap == 0 ? NULL : &x->slots[h & (x->cap - 1)];

	if (slot == NULL || slot->entry == 0 || slot->hash != h)
		return false;
	*entry = slot->entry - 1;
	return true;
}

static void
grow(struct group_index *x)
{
	struct group_slot *old = x->slots;
	void *memory = x->memory;
	size_t n = x->cap;

	x->cap = n == 0 ? FIRST_CAP : 2 * n;
	x->memory = xcalloc(x->cap + 1, sizeof(*x->slots));
	x->slots =
	    (struct group_slot *)((char *)x->memory + (-(uintptr_t)x->memory & (sizeof(*old) - 1)));
	for (size_t i = 0; i < n; i++) {
		size_t to = old[i].hash & (x->cap - 1);

		if (old[i].entry == 0)
			continue;
		while (x->slots[to].entry != 0)
			to = (to + 1) & (x->cap - 1);
		x->slots[to] = old[i];
	}
	free(memory);
}

void
group_index_put(struct group_index *x, const struct batch *b, size_t entry)
{
	const struct batch_entry *e = &b->entries[entry];
	struct group_slot *slot;

	/* Not when the entries grow, at powers of two: either takes milliseconds of the loop. */
	if (8 * (x->used + 1) > 5 * x->cap)
		grow(x);
	slot = find(x, b, e->hash, e->rule, e->key);
	x->used += slot->entry == 0;
	*slot = (struct group_slot){.hash = e->hash,
	    .identity = e->rule->identity,
	    .entry = (uint32_t)entry + 1,
	    .n = (uint32_t)e->key.n};
	memcpy(slot->key, e->key.p, e->key.n < sizeof(slot->key) ? e->key.n : sizeof(slot->key));
}
