/*
 * correlate_index: (rule, key) -> entry of the batch.
 */
#include <assert.h>
#include <stdlib.h>

#include "correlate/batch.h"
#include "correlate/correlate_internal.h"
#include "util/cache_line.h"
#include "util/xalloc.h"

#define FIRST_CAP 64

static_assert(CACHE_LINE % sizeof(struct group_slot) == 0, "a slot is in one line of the cache");

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

/* The slot of the group, or the free one where it would go. */
static struct group_slot *
slot_of(const struct group_index *x, struct hash128 h)
{
	size_t i = h.a & (x->cap - 1);

	while (x->slots[i].entry != 0 &&
	    (x->slots[i].hash.a != h.a || x->slots[i].hash.b != h.b))
		i = (i + 1) & (x->cap - 1);
	return &x->slots[i];
}

struct group_slot *
group_index_find(const struct group_index *x, struct hash128 h)
{
	struct group_slot *slot = x->cap == 0 ? NULL : slot_of(x, h);

	return slot == NULL || slot->entry == 0 ? NULL : slot;
}

static void
grow(struct group_index *x)
{
	struct group_slot *old = x->slots;
	size_t n = x->cap;

	x->cap = n == 0 ? FIRST_CAP : 2 * n;
	x->slots = aligned_alloc(CACHE_LINE, x->cap * sizeof(*x->slots));
	if (x->slots == NULL)
		abort();
	memset(x->slots, 0, x->cap * sizeof(*x->slots));
	for (size_t i = 0; i < n; i++)
		if (old[i].entry != 0)
			*slot_of(x, old[i].hash) = old[i];
	free(old);
}

struct group_slot *
group_index_put(struct group_index *x, struct hash128 h, size_t entry)
{
	struct group_slot *slot;

	if (4 * (x->used + 1) > 3 * x->cap)
		grow(x);
	slot = slot_of(x, h);
	x->used += slot->entry == 0;
	*slot = (struct group_slot){h, GROUP_SLOT_NEVER, 0, (uint32_t)entry + 1};
	return slot;
}
