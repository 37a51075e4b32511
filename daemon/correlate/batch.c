/*
 * batch: see batch.h.
 */
#include "correlate/batch.h"

#include <stdlib.h>

#include "rule/ruleset.h"

static void
entry_clear(struct batch_entry *e)
{
	free(e->group);
	free(e->title);
	free(e->key);
	free(e->times);
	for (size_t i = 0; i < e->nsamples; i++)
		free(e->samples[i]);
}

void
batch_free(struct batch **bp)
{
	struct batch *b = *bp;

	if (b == NULL)
		return;
	for (size_t i = 0; i < b->nentries; i++)
		entry_clear(&b->entries[i]);
	for (size_t i = 0; i < b->npositions; i++) {
		free(b->positions[i].stream);
		free(b->positions[i].path);
	}
	for (size_t i = 0; i < b->ngaps; i++) {
		free(b->gaps[i].total);
		free(b->gaps[i].json);
	}
	for (size_t i = 0; i < b->nrulesets; i++)
		ruleset_unref(&b->rulesets[i]);
	free(b->entries);
	free(b->positions);
	free(b->gaps);
	free(b->rulesets);
	free(b);
	*bp = NULL;
}
