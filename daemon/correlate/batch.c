/*
 * batch: see batch.h.
 */
#include "correlate/batch.h"

#include <stdlib.h>

#include "util/xalloc.h"

#define STORM 4096

struct batch *
batch_new(void)
{
	return xcalloc(1, sizeof(struct batch));
}

struct batch *
batch_after(const struct batch *b)
{
	struct batch *next = batch_new();

	next->storm = b->nentries > STORM;
	return next;
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
	arena_free(&b->arena);
	free(b->entries);
	free(b->rules);
	free(b->positions);
	free(b->gaps);
	free(b->uncounted);
	free(b->relayed);
	free(b->rulesets);
	free(b);
	*bp = NULL;
}
