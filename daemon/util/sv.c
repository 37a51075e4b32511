/*
 * sv: see sv.h.
 */
#include "util/sv.h"

#include <stdint.h>

#define LANES 64
#define ROUNDS UINT8_MAX /* until a lane may be full */

/* What follows is compiled once for each kind of processor, within a function for it. */
#define INLINE static inline __attribute__((always_inline))

/* Each lane counts its own place of the blocks: compilers make vectors of it. */
INLINE size_t
count_blocks(const char *p, size_t nblocks, char c)
{
	uint8_t lanes[LANES] = {0};
	size_t sum = 0;

	for (; nblocks > 0; nblocks--, p += LANES)
		for (size_t i = 0; i < LANES; i++)
			lanes[i] = (uint8_t)(lanes[i] + (p[i] == c));
	for (size_t i = 0; i < LANES; i++)
		sum += lanes[i];
	return sum;
}

INLINE size_t
count(struct sv s, char c)
{
	size_t sum = 0;

	while (s.n >= LANES) {
		size_t nblocks = s.n / LANES < ROUNDS ? s.n / LANES : ROUNDS;

		sum += count_blocks(s.p, nblocks, c);
		s = sv_from(s, nblocks * LANES);
	}
	for (size_t i = 0; i < s.n; i++)
		sum += s.p[i] == c;
	return sum;
}

#ifdef __x86_64__

/* With 32 bytes to a vector all lanes are in registers, and it takes a quarter of the time. */
__attribute__((target("avx2"))) static size_t
count_avx2(struct sv s, char c)
{
	return count(s, c);
}

size_t
sv_count(struct sv s, char c)
{
	return __builtin_cpu_supports("avx2") ? count_avx2(s, c) : count(s, c);
}

#else

size_t
sv_count(struct sv s, char c)
{
	return count(s, c);
}

#endif
