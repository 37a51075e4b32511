/*
 * correlate_index: (rule, key) -> entry of the batch.
 */
#include <stdlib.h>

#include "correlate/batch.h"
#include "correlate/correlate_internal.h"
#include "util/xalloc.h"

#define FIRST_CAP 64

void
group_index_free(struct group_index *x)
{
	free(x->slots);
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
is_of(const struct group_slot *slot, const struct batch *b, struct hash128 h)
{
	const struct hash128 *has;

	if (slot->tag != (uint32_t)h.a)
		return false;
	has = &b->entries[slot->entry - 1].hash;
	return has->a == h.a && has->b == h.b;
}

/* The slot of the group, or the free one where it would go. */
static struct group_slot *
find(const struct group_index *x, const struct batch *b, struct hash128 h)
{
	size_t i = (uint32_t)h.a & (x->cap - 1);

	while (x->slots[i].entry != 0 && !is_of(&x->slots[i], b, h))
		i = (i + 1) & (x->cap - 1);
	return &x->slots[i];
}

bool
group_index_get(const struct group_index *x, const struct batch *b, struct hash128 h, size_t *entry)
{
	const struct group_slot *slot = x->cap == 0 ? NULL : find(x, b, h);

	if (slot == NULL || slot->entry == 0)
		return false;
	*entry = slot->entry - 1;
	return true;
}

void
group_index_fetch(const struct group_index *x, struct hash128 h)
{
	if (x->cap > 0)
		__builtin_prefetch(&x->slots[(uint32_t)h.a & (x->cap - 1)]);
}

bool
group_index_guess(const struct group_index *x, struct hash128 h, size_t *entry)
{
	const struct group_slot *slot =
	    x->cap == 0 ? NULL : &x->slots[(uint32_t)h.a & (x->cap - 1)];

	if (slot == NULL || slot->entry == 0 || slot->tag != (uint32_t)h.a)
		return false;
	*entry = slot->entry - 1;
	return true;
}

static void
grow(struct group_index *x)
{
	struct group_slot *old = x->slots;
	size_t n = x->cap;

	x->cap = n == 0 ? FIRST_CAP : 2 * n;
	x->slots = xcalloc(x->cap, sizeof(*x->slots));
	for (size_t i = 0; i < n; i++) {
		size_t to = old[i].tag & (x->cap - 1);

		if (old[i].entry == 0)
			continue;
		while (x->slots[to].entry != 0)
			to = (to + 1) & (x->cap - 1);
		x->slots[to] = old[i];
	}
	free(old);
}

void
group_index_put(struct group_index *x, const struct batch *b, size_t entry)
{
	struct hash128 h = b->entries[entry].hash;
	struct group_slot *slot;

	if (2 * (x->used + 1) > x->cap)
		grow(x);
	slot = find(x, b, h);
	x->used += slot->entry == 0;
	*slot = (struct group_slot){(uint32_t)h.a, (uint32_t)entry + 1};
}
