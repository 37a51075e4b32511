/*
 * multi_sse: the filters of the scanner for x86-64 with SSE4.1, four or 16 windows at
 * a time.  Compiled always, called only where the processor has it.
 */
#include "scan/multi_internal.h"

#ifdef __x86_64__

#include <immintrin.h>

#define SSE __attribute__((target("sse4.1")))

SSE static inline __m128i
load_folded(const char *p)
{
	return _mm_or_si128(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8(0x20));
}

/* The words of four hashes. */
SSE static inline __m128i
load_words(const struct multi_filter *f, __m128i hashes)
{
	const uint32_t *w = f->words;
	uint32_t i[4];

	_mm_storeu_si128((__m128i *)i, _mm_srli_epi32(hashes, 32 - MULTI_WORDS_LOG));
	return _mm_setr_epi32((int)w[i[0]], (int)w[i[1]], (int)w[i[2]], (int)w[i[3]]);
}

/* The top bit shifted down by the low five bits of each lane.  SSE shifts all lanes alike:
 * so a float is made whose exponent is 31 less these bits, and then an integer of it.
 * What the float 2^31 becomes, which is too large, is the top bit again. */
SSE static inline __m128i
shift_top(__m128i by)
{
	const __m128i low5 = _mm_set1_epi32(31), top = _mm_set1_epi32((127 + 31) << 23);
	__m128i exponents = _mm_slli_epi32(_mm_and_si128(by, low5), 23);

	return _mm_cvttps_epi32(_mm_castsi128_ps(_mm_sub_epi32(top, exponents)));
}

/* ${windows} that the filter may have: of each four bits the lowest. */
SSE static inline uint32_t
test(const struct multi_filter *f, __m128i windows)
{
	__m128i hashes = _mm_mullo_epi32(windows, _mm_set1_epi32((int)multi_hash(1)));
	__m128i bits = _mm_or_si128(
	    shift_top(_mm_srli_epi32(hashes, 8)), shift_top(_mm_srli_epi32(hashes, 13)));
	__m128i has = _mm_cmpeq_epi32(_mm_and_si128(load_words(f, hashes), bits), bits);

	return (uint32_t)_mm_movemask_epi8(has) & 0x1111;
}

/* Windows at positions of a block divisible by ${stride}, only bytes of ${mask} in them. */
SSE static inline uint64_t
test_block(const struct multi_filter *f, const char *text, uint32_t mask, unsigned stride)
{
	uint64_t found = 0;

	for (unsigned i = 0; i < MULTI_BLOCK; i += 16) {
		for (unsigned k = i; k < i + 4; k += stride) {
			__m128i windows =
			    _mm_and_si128(load_folded(text + k), _mm_set1_epi32((int)mask));

			found |= (uint64_t)test(f, windows) << k;
		}
	}
	return found;
}

SSE static void
find_every1(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK)
		candidates[b] = test_block(f, text, UINT32_MAX, 1);
}

SSE static void
find_every2(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK)
		candidates[b] = test_block(f, text, UINT32_MAX, 2);
}

SSE static void
find_every4(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK)
		candidates[b] = test_block(f, text, UINT32_MAX, 4);
}

SSE static void
find_narrow(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK)
		candidates[b] |= test_block(f, text, 0xffffff, 1);
}

/* Buckets that have byte by byte what stands in ${text} at ${at}. */
SSE static inline __m128i
buckets(const struct multi_filter *f, const char *text, unsigned at)
{
	const __m128i low4 = _mm_set1_epi8(15);
	__m128i bytes = load_folded(text + at);
	__m128i low = _mm_and_si128(bytes, low4);
	__m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), low4);

	return _mm_and_si128(_mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)f->low[at]), low),
	    _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)f->high[at]), high));
}

SSE static inline uint64_t
test_buckets(const struct multi_filter *f, const char *text)
{
	__m128i any = _mm_and_si128(_mm_and_si128(buckets(f, text, 0), buckets(f, text, 1)),
	    _mm_and_si128(buckets(f, text, 2), buckets(f, text, 3)));
	__m128i none = _mm_cmpeq_epi8(any, _mm_setzero_si128());

	return (uint32_t)_mm_movemask_epi8(none) ^ 0xffff;
}

SSE static void
find_few(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK)
		for (unsigned i = 0; i < MULTI_BLOCK; i += 16)
			candidates[b] |= test_buckets(f, text + i) << i;
}

const struct multi_finders *
multi_sse(void)
{
	static const struct multi_finders finders = {.kind = "sse4.1",
	    .every = {find_every1, find_every2, find_every4},
	    .narrow = find_narrow,
	    .few = find_few};

	return __builtin_cpu_supports("sse4.1") ? &finders : NULL;
}

#else

const struct multi_finders *
multi_sse(void)
{
	return NULL;
}

#endif
