/*
 * batch: see batch.h.
 */
#include "correlate/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/silence.h"
#include "util/cache_line.h"
#include "util/xalloc.h"

#define STORM 4096
#define STORM_ROOM 73728 /* as many as a batch has, and what one read adds */

static_assert(sizeof(struct batch_entry) == 2 * CACHE_LINE, "what is used together lies together");

struct batch *
batch_new(void)
{
	return xcalloc(1, sizeof(struct batch));
}

static void
reserve(struct batch *b, size_t cap)
{
	struct batch_entry *entries = aligned_alloc(CACHE_LINE, cap * sizeof(*entries));

	if (entries == NULL)
		abort();
	if (b->nentries > 0)
		memcpy(entries, b->entries, b->nentries * sizeof(*entries));
	free(b->entries);
	b->entries = entries;
	b->cap = cap;
}

struct batch *
batch_after(const struct batch *b)
{
	struct batch *next = batch_new();

	next->storm = b->nentries > STORM;
	if (next->storm)
		reserve(next, b->cap);
	return next;
}

/* Where many have come more will: to move those would stop the loop for milliseconds, and room
 * that is not used costs nothing. */
static size_t
next_cap(size_t cap)
{
	if (cap == STORM)
		return STORM_ROOM;
	return cap == 0 ? 16 : 2 * cap;
}

struct batch_entry *
batch_add_entry(struct batch *b)
{
	if (b->nentries == b->cap)
		reserve(b, next_cap(b->cap));
	b->entries[b->nentries] = (struct batch_entry){0};
	return &b->entries[b->nentries++];
}

bool
batch_is_storm(const struct batch *b)
{
	return b->storm || b->nentries > STORM || b->nsamples >= STORM;
}

size_t
batch_size(const struct batch *b)
{
	return b->nentries * sizeof(*b->entries) + b->arena.total + b->bytes;
}

void
batch_free(struct batch **bp)
{
	struct batch *b = *bp;

	if (b == NULL)
		return;
	for (size_t i = 0; i < b->npositions; i++) {
		free(b->positions[i].stream);
		free(b->positions[i].path);
		free(b->positions[i].begin_path);
	}
	for (size_t i = 0; i < b->ngaps; i++) {
		free(b->gaps[i].total);
		free(b->gaps[i].json);
	}
	for (size_t i = 0; i < b->nrulesets; i++)
		ruleset_unref(&b->rulesets[i]);
	silence_unref(&b->silences);
	arena_free(&b->arena);
	free(b->entries);
	free(b->rules);
	free(b->positions);
	free(b->gaps);
	free(b->uncounted);
	free(b->relayed);
	free(b->incidents);
	free(b->rulesets);
	free(b);
	*bp = NULL;
}
