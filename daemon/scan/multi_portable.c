/*
 * multi_portable: the filters of the scanner in plain C, for every machine.
 */
#include "scan/multi_internal.h"

/* 1 if the filter may have the window, or 0. */
static inline uint64_t
test(const struct multi_filter *f, uint32_t window)
{
	uint32_t hash = multi_hash(window);
	uint32_t word = f->words[multi_word(hash)];

	return (word << multi_bit_a(hash) & word << multi_bit_b(hash)) >> 31;
}

static inline void
find(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates,
    unsigned stride)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK) {
		uint64_t found = 0;

		for (unsigned i = 0; i < MULTI_BLOCK; i += stride)
			found |= test(f, multi_window(text + i)) << i;
		candidates[b] = found;
	}
}

static void
find_every1(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	find(f, text, nblocks, candidates, 1);
}

static void
find_every2(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	find(f, text, nblocks, candidates, 2);
}

static void
find_every4(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	find(f, text, nblocks, candidates, 4);
}

static void
find_narrow(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK) {
		uint64_t found = 0;

		for (unsigned i = 0; i < MULTI_BLOCK; i++)
			found |= test(f, multi_narrow_window(text + i)) << i;
		candidates[b] |= found;
	}
}

const struct multi_finders *
multi_portable(void)
{
	static const struct multi_finders finders = {.kind = "portable",
	    .every = {find_every1, find_every2, find_every4},
	    .narrow = find_narrow};

	return &finders;
}
