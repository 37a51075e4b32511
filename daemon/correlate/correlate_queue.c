/*
 * correlate_queue: events on their way to their entries.
 *
 * In a storm of many groups each event finds its group's memory in no cache of the CPU, and
 * would wait for it three times: where the entry is looked up, the entry, its points.  So
 * events wait in a short queue instead, and what they need is fetched meanwhile.
 */
#include <assert.h>

#include "correlate/correlate_internal.h"
#include "correlate/group_cache.h"

/* So many events later something has come: a line takes longer than memory. */
#define LATER (CORRELATE_QUEUE / 3)
#define FEW 12288 /* groups, which are in the caches anyway */
#define CACHE_LINE 64

static void
count(struct correlator *c, const struct counting *q)
{
	if (!correlate_entry_again(c, q))
		correlate_entry_add(c, q);
}

static struct counting *
at(struct correlator *c, size_t n)
{
	return &c->queue[n % CORRELATE_QUEUE];
}

/* Its slot in the index has come. */
static void
fetch_entry(const struct correlator *c, const struct counting *q)
{
	const struct group_slot *slot = group_index_guess(&c->index, q->hash);
	const char *entry;

	if (slot == NULL) {
		group_cache_fetch_slot(c->cache, q->hash.a);
	} else if (slot->time != q->event.time) {
		entry = (const char *)&c->batch->entries[slot->entry - 1];
		__builtin_prefetch(entry);
		__builtin_prefetch(entry + CACHE_LINE);
	}
}

/* Its entry has come. */
static void
fetch_points(const struct correlator *c, const struct counting *q)
{
	const struct group_slot *slot = group_index_guess(&c->index, q->hash);
	const struct batch_entry *entry;

	if (slot == NULL) {
		group_cache_fetch(c->cache, q->hash.a);
	} else if (slot->time != q->event.time) {
		entry = &c->batch->entries[slot->entry - 1];
		if (!entry->satisfied && entry->npoints > 0)
			__builtin_prefetch(&entry->points[entry->npoints - 1]);
	}
}

static void
drain(struct correlator *c)
{
	while (c->counted < c->queued)
		count(c, at(c, c->counted++));
}

struct counting *
correlate_queue_next(struct correlator *c)
{
	struct counting *q;

	if (c->queued - c->counted == CORRELATE_QUEUE)
		count(c, at(c, c->counted++));
	q = at(c, c->queued);
	q->key.n = 0;
	return q;
}

void
correlate_queue_add(struct correlator *c, bool stays)
{
	size_t n = c->queued++, waiting = c->queued - c->counted;

	if (!stays || !c->lines || c->batch->nentries < FEW) {
		drain(c);
		return;
	}
	group_index_fetch(&c->index, at(c, n)->hash);
	if (waiting > LATER)
		fetch_entry(c, at(c, n - LATER));
	if (waiting > 2 * LATER)
		fetch_points(c, at(c, n - 2 * LATER));
}

void
correlate_lines_begin(struct correlator *c)
{
	assert(!c->lines);
	c->lines = true;
}

void
correlate_lines_end(struct correlator *c)
{
	c->lines = false;
	drain(c);
}

void
correlate_queue_free(struct correlator *c)
{
	for (size_t i = 0; i < CORRELATE_QUEUE; i++)
		buf_free(&c->queue[i].key);
}
