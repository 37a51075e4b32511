/*
 * correlate_queue: events on their way to their entries.
 *
 * Between two events that are counted the CPU scans, decodes and matches lines, and has forgotten
 * the code that counts; in a storm of many groups it has their memory in no cache either, and
 * would wait for it three times: where the entry is looked up, the entry, its points.  So events
 * wait until some can be counted one after the other, and what they need is fetched meanwhile.
 */
#include <assert.h>

#include "correlate/correlate_internal.h"
#include "correlate/group_cache.h"
#include "util/cache_line.h"

#define LATER 4 /* so many events later something has come */

static void
count(struct correlator *c, const struct counting *q)
{
	if (!correlate_entry_again(c, q))
		correlate_entry_add(c, q);
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

/* Event ${i} is next. */
static void
look_ahead(struct correlator *c, size_t i)
{
	if (i + 2 * LATER < c->queued)
		fetch_entry(c, &c->queue[i + 2 * LATER]);
	if (i + LATER < c->queued)
		fetch_points(c, &c->queue[i + LATER]);
}

static void
drain(struct correlator *c)
{
	for (size_t i = 0; i < c->queued; i++) {
		struct counting *q = &c->queue[i];

		q->hash = group_cache_hash(c->cache, q->rule, buf_view(&q->key));
		group_index_fetch(&c->index, q->hash);
	}
	for (size_t i = 0; i < c->queued; i++) {
		look_ahead(c, i);
		count(c, &c->queue[i]);
	}
	c->queued = 0;
}

struct counting *
correlate_queue_next(struct correlator *c)
{
	struct counting *q = &c->queue[c->queued];

	q->key.n = 0;
	return q;
}

void
correlate_queue_add(struct correlator *c, bool stays)
{
	if (++c->queued == CORRELATE_QUEUE || !stays || !c->lines)
		drain(c);
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
