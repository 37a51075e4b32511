/*
 * local_groups: see local_groups.h.  Owns groups, their bytes and lines.
 */
#include "correlate/local_groups.h"

#include <stdlib.h>
#include <string.h>

#include "rule/ruleset.h"
#include "util/xalloc.h"

#define FIRST_CAP 64

void
local_groups_drop_lines(struct local_group *group)
{
	for (size_t i = 0; i < group->nlines; i++)
		free(group->lines[i].json);
	free(group->lines);
	group->lines = NULL;
	group->nlines = 0;
}

void
local_groups_free(struct local_groups *g)
{
	for (size_t i = 0; i < g->n; i++) {
		local_groups_drop_lines(g->v[i]);
		free(g->v[i]->bytes);
	}
	free(g->v);
	free(g->slots);
	arena_free(&g->arena);
	*g = (struct local_groups){.key = g->key};
}

static size_t *
find(const struct local_groups *g, const struct incident_rule *rule, struct sv key, uint64_t h)
{
	size_t i = h & (g->cap - 1);

	for (; g->slots[i] != 0; i = (i + 1) & (g->cap - 1)) {
		const struct local_group *group = g->v[g->slots[i] - 1];

		if (group->hash == h && group->rule == rule && sv_eq(group->key, key))
			break;
	}
	return &g->slots[i];
}

static void
grow(struct local_groups *g)
{
	free(g->slots);
	g->cap = g->cap == 0 ? FIRST_CAP : 2 * g->cap;
	g->slots = xcalloc(g->cap, sizeof(*g->slots));
	for (size_t i = 0; i < g->n; i++)
		*find(g, g->v[i]->rule, g->v[i]->key, g->v[i]->hash) = i + 1;
}

struct local_group *
local_groups_get(struct local_groups *g, const struct incident_rule *rule, struct sv key)
{
	struct hash_key salted = {g->key.k0 ^ rule->index, g->key.k1};
	uint64_t h = hash_bytes(salted, key);
	struct local_group *group;
	size_t *slot;

	if (2 * (g->n + 1) > g->cap)
		grow(g);
	slot = find(g, rule, key, h);
	if (*slot != 0)
		return g->v[*slot - 1];
	group = arena_alloc(&g->arena, sizeof(*group));
	*group = (struct local_group){.rule = rule,
	    .key = {arena_copy(&g->arena, key.p, key.n), key.n},
	    .hash = h,
	    .due = INT64_MAX};
	XGROW(g->v, g->n);
	g->v[g->n++] = group;
	*slot = g->n;
	return group;
}

void
local_groups_set(struct local_group *group, struct sv bytes)
{
	if (group->n != bytes.n)
		group->bytes = xrealloc(group->bytes, bytes.n, 1);
	memcpy(group->bytes, bytes.p, bytes.n);
	group->n = bytes.n;
}

void
local_groups_keep(
    struct local_groups *g, struct local_group *group, const struct batch_sample *sample)
{
	if (group->lines == NULL) {
		struct local_group **oldest = &g->waiting[g->next++ % LOCAL_LINE_GROUPS];

		if (*oldest != NULL)
			local_groups_drop_lines(*oldest);
		*oldest = group;
		group->lines = xcalloc(LOCAL_LINES, sizeof(*group->lines));
	}
	if (group->nlines == LOCAL_LINES) {
		free(group->lines[0].json);
		group->nlines--;
		memmove(group->lines, group->lines + 1, group->nlines * sizeof(*group->lines));
	}
	group->lines[group->nlines++] = (struct local_line){xstrdup(sample->json), sample->time};
}
