/*
 * multi_internal: the parts of the scanner.  A filter says where in the text a
 * window of some literal may begin, the index which literals have this window,
 * and multi.c compares.
 *
 * A window is four bytes, each with its 0x20 bit set; or three ("narrow"), for
 * literals that have no more.  So letters compare case-blind, and a few bytes
 * compare equal that are not: comparing sorts it out.
 */
#ifndef SCAN_MULTI_INTERNAL_H
#define SCAN_MULTI_INTERNAL_H

#include "scan/multi.h"

#define MULTI_BLOCK 64 /* bytes of text to one word of candidates */
#define MULTI_BATCH 64 /* blocks filtered at once: their text stays in the L1 cache */
#define MULTI_BEFORE 2 /* bytes before and behind blocks that are read, too */
#define MULTI_BEHIND 5

/* --- filters */

#define MULTI_WORDS_LOG 13
#define MULTI_BUCKETS 8

struct multi_filter {
	/* A Bloom filter where a window has two bits in one word.  32 KiB stay in the L1
	 * cache; with 12,000 windows in it, 1% of all others pass. */
	uint32_t words[1 << MULTI_WORDS_LOG];

	/* For a few windows: by position in the window and half of the byte there, the set of
	 * buckets that have such a window. */
	uint8_t low[4][16], high[4][16];
};

/* Where windows may begin: bit i of word b stands for position b * 64 + i of
 * ${text}.  Never misses a window that the filter was given. */
typedef void multi_find_fn(const struct multi_filter *f, const char *text, size_t nblocks,
    uint64_t *candidates);

struct multi_finders {
	const char *kind;
	multi_find_fn *every[3]; /* windows at each, second, fourth position: write ${candidates} */
	multi_find_fn *narrow;   /* adds to them */
	multi_find_fn *few;      /* adds what the buckets have; NULL: does without buckets */
};

const struct multi_finders *multi_portable(void);
const struct multi_finders *multi_avx2(void); /* NULL: not on this machine */
const struct multi_finders *multi_sse(void);
const struct multi_finders *multi_neon(void);

/* All that this machine has, the best first; returns how many. */
#define MULTI_KINDS 4
size_t multi_kinds(const struct multi_finders *kinds[MULTI_KINDS]);

/* --- index */

/* What may be chosen, by tests: all of it gives the same results. */
struct multi_tuning {
	const struct multi_finders *finders;
	size_t few;    /* at most so many literals in buckets */
	size_t sample; /* bytes of text to learn from */
};

struct multi_text {
	const char *p;
	uint32_t n;
};

struct multi_entry {
	uint32_t window;
	uint32_t text; /* that has it */
	uint8_t back;  /* bytes from the beginning of the text to the window */
};

/* Windows of the same hash. */
struct multi_place {
	uint32_t first; /* entry; the next place's first is the end */

	/* What two bytes are before and behind the windows of the entries, as a set of
	 * their hashes: most candidates end here.  Full where a text has no such bytes. */
	uint32_t before, behind;
};

/* Which windows stand for which texts.  Each text is found by the windows of its part
 * that was rarest in what has been scanned: that differs more between logs than
 * any table of frequencies could know. */
struct multi_index {
	const struct multi_text *texts;
	size_t ntexts;
	struct multi_tuning tuning;
	struct multi_filter filter;
	multi_find_fn *find; /* NULL: no windows but narrow ones and those in buckets */
	multi_find_fn *find_narrow, *find_few; /* NULL: no such windows */
	size_t stride;                         /* of find */
	bool has_narrow;                       /* in buckets or not */
	struct multi_entry *entries;           /* by hash */
	size_t nentries;
	struct multi_place *places; /* by hash, and one more at the end */
	unsigned shift;             /* from a hash to its place */
	uint32_t *counts;           /* of windows in the sample; NULL: not counting */
	size_t missing;             /* bytes of the sample */
	uint64_t seen, again;       /* bytes scanned; when to take the next sample */
};

/* Borrows ${texts}. */
struct multi_index *multi_index_new(const struct multi_text *texts, size_t n,
    struct multi_tuning tuning);
void multi_index_free(struct multi_index **x);

/* ${data} is about to be scanned: may choose other windows. */
void multi_index_learn(struct multi_index *x, struct sv data);

struct multi *multi_new_tuned(const struct multi_literal *literals, size_t n, size_t nowners,
    struct multi_tuning tuning);

/* --- windows */

static inline uint32_t
multi_narrow_window(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return ((uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16) | 0x202020;
}

/* Never equals a narrow one: the last byte is not zero. */
static inline uint32_t
multi_window(const char *p)
{
	return multi_narrow_window(p) | (uint32_t)(uint8_t)p[3] << 24 | 0x20000000;
}

/* The upper bits depend on all of the window. */
static inline uint32_t
multi_hash(uint32_t window)
{
	return window * UINT32_C(0x9e3779b1);
}

static inline struct multi_place *
multi_place(const struct multi_index *x, uint32_t window)
{
	return &x->places[multi_hash(window) >> x->shift];
}

/* The word of the filter for a window, and the two bits in it, from the top. */
static inline uint32_t
multi_word(uint32_t hash)
{
	return hash >> (32 - MULTI_WORDS_LOG);
}

static inline uint32_t
multi_bit_a(uint32_t hash)
{
	return hash >> 8 & 31;
}

static inline uint32_t
multi_bit_b(uint32_t hash)
{
	return hash >> 13 & 31;
}

/* A set of one for two bytes. */
static inline uint32_t
multi_pair(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;
	uint32_t pair = ((uint32_t)b[0] | (uint32_t)b[1] << 8) | 0x2020;

	return UINT32_C(1) << (multi_hash(pair) >> 27);
}

#endif
