/*
 * group_cache: see group_cache.h.  Two generations: what is used moves to the young
 * one; when that is full the old one goes as a whole.  So nothing is kept in order of
 * use, and what goes was not used for long.
 */
#include "correlate/group_cache.h"

#include <stdlib.h>
#include <string.h>

#include "rule/ruleset.h"
#include "util/arena.h"
#include "util/cache_line.h"
#include "util/hash.h"
#include "util/xalloc.h"

#define GENERATION_GROUPS (1U << 17)
#define GENERATION_BYTES (24U << 20)
#define FIRST_CAP 256
#define MANY_CAP 32768 /* slots after which it is to be the most: to move more stops the loop */

struct cached {
	uint64_t identity; /* of the rule */
	uint32_t key_n, n, cap;
	char bytes[]; /* key, then the group */
};

struct generation {
	struct slot {
		uint64_t hash;
		struct cached *cached; /* NULL: free */
	} *slots;
	size_t cap, used;
	struct arena arena;
};

struct group_cache {
	struct hash_key key;
	struct generation young, old;
};

struct group_cache *
group_cache_new(void)
{
	struct group_cache *c = xcalloc(1, sizeof(*c));

	c->key = hash_key_random();
	return c;
}

static void
generation_free(struct generation *g)
{
	free(g->slots);
	arena_free(&g->arena);
	*g = (struct generation){0};
}

void
group_cache_clear(struct group_cache *c)
{
	generation_free(&c->young);
	generation_free(&c->old);
}

void
group_cache_free(struct group_cache **cp)
{
	if (*cp == NULL)
		return;
	group_cache_clear(*cp);
	free(*cp);
	*cp = NULL;
}

static struct slot *
find(const struct generation *g, uint64_t h, uint64_t identity, struct sv key)
{
	size_t i = h & (g->cap - 1);

	for (; g->slots[i].cached != NULL; i = (i + 1) & (g->cap - 1)) {
		const struct cached *c = g->slots[i].cached;

		if (g->slots[i].hash == h && c->identity == identity && c->key_n == key.n &&
		    memcmp(c->bytes, key.p, key.n) == 0)
			break;
	}
	return &g->slots[i];
}

static void
grow(struct generation *g)
{
	struct slot *old = g->slots;
	size_t n = g->cap;

	g->cap = n == 0 ? FIRST_CAP : n == MANY_CAP ? 2 * GENERATION_GROUPS : 2 * n;
	g->slots = xcalloc(g->cap, sizeof(*g->slots));
	for (size_t i = 0; i < n; i++) {
		size_t to = old[i].hash & (g->cap - 1);

		if (old[i].cached == NULL)
			continue;
		while (g->slots[to].cached != NULL)
			to = (to + 1) & (g->cap - 1);
		g->slots[to] = old[i];
	}
	free(old);
}

static struct cached *
make(struct generation *g, uint64_t identity, struct sv key, struct sv bytes)
{
	struct cached *c = arena_alloc(&g->arena, sizeof(*c) + key.n + bytes.n);

	*c = (struct cached){identity, (uint32_t)key.n, (uint32_t)bytes.n, (uint32_t)bytes.n};
	memcpy(c->bytes, key.p, key.n);
	memcpy(c->bytes + key.n, bytes.p, bytes.n);
	return c;
}

static void
put_young(struct group_cache *c, uint64_t h, uint64_t identity, struct sv key, struct sv bytes)
{
	struct slot *s;

	if (c->young.used >= GENERATION_GROUPS || c->young.arena.total >= GENERATION_BYTES) {
		generation_free(&c->old);
		c->old = c->young;
		/* It will be as large, and to grow would stop the loop for milliseconds. */
		c->young = (struct generation){.cap = c->old.cap};
		c->young.slots = xcalloc(c->young.cap, sizeof(*c->young.slots));
	}
	if (2 * (c->young.used + 1) > c->young.cap)
		grow(&c->young);
	s = find(&c->young, h, identity, key);
	if (s->cached != NULL && s->cached->cap >= bytes.n) {
		memmove(s->cached->bytes + key.n, bytes.p, bytes.n);
		s->cached->n = (uint32_t)bytes.n;
		return;
	}
	c->young.used += s->cached == NULL;
	*s = (struct slot){h, make(&c->young, identity, key, bytes)};
}

static struct sv
bytes_of(const struct cached *c)
{
	return (struct sv){c->bytes + c->key_n, c->n};
}

struct hash128
group_cache_hash(const struct group_cache *c, const struct incident_rule *rule, struct sv key)
{
	struct hash_key k = {c->key.k0 ^ rule->identity, c->key.k1};

	return hash_wide(k, key);
}

struct sv
group_cache_get(struct group_cache *c, uint64_t h, const struct incident_rule *rule, struct sv key)
{
	const struct slot *s = c->young.cap == 0 ? NULL : find(&c->young, h, rule->identity, key);

	if (s != NULL && s->cached != NULL)
		return bytes_of(s->cached);
	s = c->old.cap == 0 ? NULL : find(&c->old, h, rule->identity, key);
	if (s == NULL || s->cached == NULL)
		return (struct sv){"", 0};
	/* Should this begin a new generation, the old one, and with it the key, may go. */
	if (c->young.used < GENERATION_GROUPS && c->young.arena.total < GENERATION_BYTES)
		put_young(c, h, rule->identity, key, bytes_of(s->cached));
	return bytes_of(s->cached);
}

void
group_cache_put(struct group_cache *c, uint64_t h, const struct incident_rule *rule, struct sv key,
    struct sv bytes)
{
	put_young(c, h, rule->identity, key, bytes);
}

void
group_cache_fetch_slot(const struct group_cache *c, uint64_t h)
{
	if (c->young.cap > 0)
		__builtin_prefetch(&c->young.slots[h & (c->young.cap - 1)]);
}

void
group_cache_fetch(const struct group_cache *c, uint64_t h)
{
	const struct slot *s = c->young.cap == 0 ? NULL : &c->young.slots[h & (c->young.cap - 1)];

	if (s == NULL || s->hash != h || s->cached == NULL)
		return;
	__builtin_prefetch(s->cached);
	__builtin_prefetch((const char *)s->cached + CACHE_LINE);
}
