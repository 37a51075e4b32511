/*
 * correlate_index: (rule, key) -> entry of the batch.
 *
 * A table that is full is left as it is beside one of twice the size, and moved over bit by
 * bit: all at once would stop the loop for milliseconds.
 */
#include <assert.h>
#include <stdlib.h>

#include "correlate/batch.h"
#include "correlate/correlate_internal.h"
#include "util/xalloc.h"

#define FIRST_CAP 64
#define MOVE 8 /* slots with each entry that is put: done long before the next table is full */

static_assert(sizeof(struct group_slot) == 64, "a line of the cache");

/* What a slot is looked for by. */
struct wanted {
	uint64_t hash, identity;
	struct sv key;
};

static struct sv
key_of(const struct group_slot *slot, const struct batch *b)
{
	if (slot->n <= sizeof(slot->key))
		return (struct sv){slot->key, slot->n};
	return b->entries[slot->entry - 1].key;
}

/* The slot of ${w}, or the free one where it would go. */
static struct group_slot *
find(const struct group_table *t, const struct batch *b, const struct wanted *w)
{
	size_t i = w->hash & (t->cap - 1);

	for (; t->slots[i].entry != 0; i = (i + 1) & (t->cap - 1)) {
		const struct group_slot *s = &t->slots[i];

		if (s->hash == w->hash && s->identity == w->identity && s->n == w->key.n &&
		    sv_eq(key_of(s, b), w->key))
			break;
	}
	return &t->slots[i];
}

static struct group_table
make(size_t cap)
{
	struct group_table t = {.cap = cap};

	t.memory = xcalloc(cap + 1, sizeof(*t.slots));
	t.slots = (struct group_slot *)((char *)t.memory +
	    (-(uintptr_t)t.memory & (sizeof(*t.slots) - 1)));
	return t;
}

static void
forget(struct group_table *t)
{
	free(t->memory);
	*t = (struct group_table){0};
}

void
group_index_free(struct group_index *x)
{
	forget(&x->now);
	forget(&x->before);
}

void
group_index_clear(struct group_index *x)
{
	forget(&x->before);
	if (x->used > 0)
		memset(x->now.slots, 0, x->now.cap * sizeof(*x->now.slots));
	x->used = 0;
}

/* NULL: there is none. */
static const struct group_slot *
look_up(const struct group_index *x, const struct batch *b, const struct wanted *w)
{
	const struct group_slot *slot;

	if (x->now.cap == 0)
		return NULL;
	slot = find(&x->now, b, w);
	if (slot->entry == 0 && x->before.cap > 0)
		slot = find(&x->before, b, w);
	return slot->entry == 0 ? NULL : slot;
}

bool
group_index_get(const struct group_index *x, const struct batch *b, uint64_t h,
    const struct incident_rule *rule, struct sv key, size_t *entry)
{
	const struct group_slot *slot = look_up(x, b, &(struct wanted){h, rule->identity, key});

	if (slot == NULL)
		return false;
	*entry = slot->entry - 1;
	return true;
}

void
group_index_fetch(const struct group_index *x, uint64_t h)
{
	if (x->now.cap > 0)
		__builtin_prefetch(&x->now.slots[h & (x->now.cap - 1)]);
}

bool
group_index_guess(const struct group_index *x, uint64_t h, size_t *entry)
{
	const struct group_slot *slot =
	    x->now.cap == 0 ? NULL : &x->now.slots[h & (x->now.cap - 1)];

	if (slot == NULL || slot->entry == 0 || slot->hash != h)
		return false;
	*entry = slot->entry - 1;
	return true;
}

static void
grow(struct group_index *x)
{
	assert(x->before.cap == 0);
	x->before = x->now;
	x->now = make(x->before.cap == 0 ? FIRST_CAP : 2 * x->before.cap);
	x->moved = 0;
}

/* What has been put anew since is left. */
static void
move(struct group_index *x, const struct batch *b)
{
	for (size_t i = 0; i < MOVE && x->moved < x->before.cap; i++) {
		const struct group_slot *old = &x->before.slots[x->moved++];
		struct group_slot *slot;

		if (old->entry == 0)
			continue;
		slot = find(&x->now, b, &(struct wanted){old->hash, old->identity, key_of(old, b)});
		if (slot->entry == 0)
			*slot = *old;
	}
	if (x->moved == x->before.cap)
		forget(&x->before);
}

void
group_index_put(struct group_index *x, const struct batch *b, size_t entry)
{
	const struct batch_entry *e = &b->entries[entry];
	struct wanted w = {e->hash, e->rule->identity, e->key};
	struct group_slot *slot;

	if (8 * (x->used + 1) > 5 * x->now.cap)
		grow(x);
	move(x, b);
	x->used += look_up(x, b, &w) == NULL;
	slot = find(&x->now, b, &w);
	*slot = (struct group_slot){.hash = w.hash,
	    .identity = w.identity,
	    .entry = (uint32_t)entry + 1,
	    .n = (uint32_t)w.key.n};
	memcpy(slot->key, w.key.p, w.key.n < sizeof(slot->key) ? w.key.n : sizeof(slot->key));
}
