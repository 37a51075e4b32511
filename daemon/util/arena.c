/*
 * arena: see arena.h.  A list of blocks; an allocation is a few instructions.
 */
#include "util/arena.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

#define BLOCK_BYTES (64U << 10)
#define ALIGN _Alignof(max_align_t)

struct arena_block {
	struct arena_block *next;
	_Alignas(max_align_t) char bytes[];
};

static void
add_block(struct arena *a, size_t n)
{
	size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
	struct arena_block *b = xmalloc(sizeof(*b) + size);

	b->next = a->block;
	a->block = b;
	a->used = 0;
	a->size = size;
	a->total += size;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	void *p;

	n = (n + ALIGN - 1) & ~(ALIGN - 1);
	if (a->block == NULL || n > a->size - a->used)
		add_block(a, n);
	p = a->block->bytes + a->used;
	a->used += n;
	return p;
}

void *
arena_copy(struct arena *a, const void *p, size_t n)
{
	return n == 0 ? arena_alloc(a, 0) : memcpy(arena_alloc(a, n), p, n);
}

void
arena_free(struct arena *a)
{
	while (a->block != NULL) {
		struct arena_block *next = a->block->next;

		free(a->block);
		a->block = next;
	}
	*a = (struct arena){0};
}
