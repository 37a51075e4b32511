/*
 * multi_neon: the filters of the scanner for 64-bit ARM, whose processors all have
 * NEON: 16 windows at a time, one block in four steps or in one.
 */
#include "scan/multi_internal.h"

#if defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#include <arm_neon.h>

static inline uint8x16_t
load_folded(const char *p)
{
	return vorrq_u8(vld1q_u8((const uint8_t *)p), vdupq_n_u8(0x20));
}

/* The words of four hashes. */
static inline uint32x4_t
load_words(const struct multi_filter *f, uint32x4_t hashes)
{
	uint32_t i[4], words[4];

	vst1q_u32(i, vshrq_n_u32(hashes, 32 - MULTI_WORDS_LOG));
	for (int k = 0; k < 4; k++)
		words[k] = f->words[i[k]];
	return vld1q_u32(words);
}

/* All bits of the lanes of ${windows} that the filter may have, or none. */
static inline uint16x4_t
test(const struct multi_filter *f, uint32x4_t windows)
{
	const uint32x4_t low5 = vdupq_n_u32(31), top = vdupq_n_u32(UINT32_C(1) << 31);
	uint32x4_t hashes = vmulq_n_u32(windows, multi_hash(1));
	uint32x4_t words = load_words(f, hashes);
	uint32x4_t a = vandq_u32(vshrq_n_u32(hashes, 8), low5);
	uint32x4_t b = vandq_u32(vshrq_n_u32(hashes, 13), low5);

	a = vshlq_u32(words, vreinterpretq_s32_u32(a));
	b = vshlq_u32(words, vreinterpretq_s32_u32(b));
	return vmovn_u32(vtstq_u32(vandq_u32(a, b), top));
}

/* Windows at every fourth position of a block, only bytes of ${mask} in them. */
static inline uint64_t
test_block(const struct multi_filter *f, const char *text, uint32_t mask)
{
	uint16x4_t found[4];
	uint8x16_t bytes;

	for (int i = 0; i < 4; i++) {
		uint32x4_t windows = vreinterpretq_u32_u8(load_folded(text + i * 16));

		found[i] = test(f, vandq_u32(windows, vdupq_n_u32(mask)));
	}
	bytes = vcombine_u8(vmovn_u16(vcombine_u16(found[0], found[1])),
	    vmovn_u16(vcombine_u16(found[2], found[3])));
	/* Four bits of each byte: as many as there are positions from window to window. */
	return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(bytes), 4)), 0) &
	    UINT64_C(0x1111111111111111);
}

static inline uint64_t
test_every(const struct multi_filter *f, const char *text, uint32_t mask, unsigned stride)
{
	uint64_t found = 0;

	for (unsigned i = 0; i < 4; i += stride)
		found |= test_block(f, text + i, mask) << i;
	return found;
}

static void
find_every1(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK)
		candidates[b] = test_every(f, text, UINT32_MAX, 1);
}

static void
find_every2(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK)
		candidates[b] = test_every(f, text, UINT32_MAX, 2);
}

static void
find_every4(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK)
		candidates[b] = test_every(f, text, UINT32_MAX, 4);
}

static void
find_narrow(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK)
		candidates[b] |= test_every(f, text, 0xffffff, 1);
}

/* Buckets that have byte by byte what stands in ${text} at ${at}. */
static inline uint8x16_t
buckets(const struct multi_filter *f, const char *text, unsigned at)
{
	uint8x16_t bytes = load_folded(text + at);
	uint8x16_t low = vandq_u8(bytes, vdupq_n_u8(15));

	return vandq_u8(vqtbl1q_u8(vld1q_u8(f->low[at]), low),
	    vqtbl1q_u8(vld1q_u8(f->high[at]), vshrq_n_u8(bytes, 4)));
}

/* A bit of its own in each byte where a bucket has a window: of eight neighbours, eight. */
static inline uint8x16_t
test_buckets(const struct multi_filter *f, const char *text)
{
	static const uint8_t own[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	uint8x16_t any = vandq_u8(vandq_u8(buckets(f, text, 0), buckets(f, text, 1)),
	    vandq_u8(buckets(f, text, 2), buckets(f, text, 3)));

	return vandq_u8(vtstq_u8(any, any), vld1q_u8(own));
}

static void
find_few(const struct multi_filter *f, const char *text, size_t nblocks, uint64_t *candidates)
{
	for (size_t b = 0; b < nblocks; b++, text += MULTI_BLOCK) {
		/* Neighbours added, three times: 64 bytes become eight, without carries. */
		uint8x16_t low = vpaddq_u8(test_buckets(f, text), test_buckets(f, text + 16));
		uint8x16_t high = vpaddq_u8(test_buckets(f, text + 32), test_buckets(f, text + 48));
		uint8x16_t sums = vpaddq_u8(low, high);

		sums = vpaddq_u8(sums, sums);
		candidates[b] |= vgetq_lane_u64(vreinterpretq_u64_u8(sums), 0);
	}
}

const struct multi_finders *
multi_neon(void)
{
	static const struct multi_finders finders = {.kind = "neon",
	    .every = {find_every1, find_every2, find_every4},
	    .narrow = find_narrow,
	    .few = find_few};

	return &finders;
}

#else

const struct multi_finders *
multi_neon(void)
{
	return NULL;
}

#endif
