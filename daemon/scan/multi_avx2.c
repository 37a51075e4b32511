/*
 * multi_avx2: the filters of the scanner for x86-64 with AVX2, eight or 32
 * windows at a time.  Compiled always, called only where the processor has it.
 */
#include "scan/multi_internal.h"

#ifdef __x86_64__

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i
load_folded(const char *p)
{
	return _mm256_or_si256(_mm256_loadu_si256((const __m256i *)p), _mm256_set1_epi8(0x20));
}

/* The words of eight hashes.  Loads by hand: a gather is slower, much so on some. */
AVX2 static inline __m256i
load_words(const struct multi_filter *f, __m256i hashes)
{
	const uint32_t *w = f->words;
	uint32_t i[8];

	_mm256_storeu_si256((__m256i *)i, _mm256_srli_epi32(hashes, 32 - MULTI_WORDS_LOG));
	return _mm256_setr_epi32((int)w[i[0]], (int)w[i[1]], (int)w[i[2]], (int)w[i[3]],
	    (int)w[i[4]], (int)w[i[5]], (int)w[i[6]], (int)w[i[7]]);
}

/* ${windows} that the filter may have: of each four bits the lowest. */
AVX2 static inline uint32_t
test(const struct multi_filter *f, __m256i windows)
{
	const __m256i low5 = _mm256_set1_epi32(31);
	__m256i hashes = _mm256_mullo_epi32(windows, _mm256_set1_epi32((int)multi_hash(1)));
	__m256i words = load_words(f, hashes);
	__m256i a = _mm256_sllv_epi32(words, _mm256_and_si256(_mm256_srli_epi32(hashes, 8), low5));
	__m256i b = _mm256_sllv_epi32(words, _mm256_and_si256(_mm256_srli_epi32(hashes, 13), low5));
	uint32_t tops = (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(a, b));

	return (tops & UINT32_C(0x88888888)) >> 3;
}

/* Windows at positions of ${text} divisible by ${stride}; of 32 positions. */
AVX2 static inline uint32_t
test_every(const struct multi_filter *f, const char *text, unsigned stride)
{
	uint32_t found = 0;

	for (unsigned i = 0; i < 4; i += stride)
		found |= test(f, load_folded(text + i)) << i;
	return found;
}

AVX2 static inline void
find(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates,
    unsigned stride)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK)
		candidates[b] =
		    test_every(f, text, stride) | (uint64_t)test_every(f, text + 32, stride) << 32;
}

AVX2 static void
find_every1(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	find(f, text, nblocks, candidates, 1);
}

AVX2 static void
find_every2(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	find(f, text, nblocks, candidates, 2);
}

AVX2 static void
find_every4(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	find(f, text, nblocks, candidates, 4);
}

AVX2 static void
find_narrow(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	const __m256i three = _mm256_set1_epi32(0xffffff);

	for (size_t b = 0; b < nblocks * 2; b++, text += 32) {
		uint32_t found = 0;

		for (unsigned i = 0; i < 4; i++)
			found |= test(f, _mm256_and_si256(load_folded(text + i), three)) << i;
		candidates[b / 2] |= (uint64_t)found << (b % 2 * 32);
	}
}

AVX2 static inline __m256i
load_table(const uint8_t table[16])
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
}

/* Buckets that have byte by byte what stands in ${text} at ${at}. */
AVX2 static inline __m256i
buckets(const struct multi_filter *f, const char *text, unsigned at)
{
	const __m256i low4 = _mm256_set1_epi8(15);
	__m256i bytes = load_folded(text + at);
	__m256i low = _mm256_and_si256(bytes, low4);
	__m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low4);

	return _mm256_and_si256(_mm256_shuffle_epi8(load_table(f->low[at]), low),
	    _mm256_shuffle_epi8(load_table(f->high[at]), high));
}

AVX2 static inline uint32_t
test_buckets(const struct multi_filter *f, const char *text)
{
	__m256i any = _mm256_and_si256(_mm256_and_si256(buckets(f, text, 0), buckets(f, text, 1)),
	    _mm256_and_si256(buckets(f, text, 2), buckets(f, text, 3)));

	return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(any, _mm256_setzero_si256()));
}

AVX2 static void
find_few(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK)
		candidates[b] |= test_buckets(f, text) | (uint64_t)test_buckets(f, text + 32) << 32;
}

const struct multi_finders *
multi_avx2(void)
{
	static const struct multi_finders finders = {.kind = "avx2",
	    .every = {find_every1, find_every2, find_every4},
	    .narrow = find_narrow,
	    .few = find_few};

	return __builtin_cpu_supports("avx2") ? &finders : NULL;
}

#else

const struct multi_finders *
multi_avx2(void)
{
	return NULL;
}

#endif
