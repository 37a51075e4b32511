/*
 * sv: see sv.h.
 */
#include "util/sv.h"

#include <stdint.h>

#define LANES 64
#define ROUNDS UINT8_MAX /* until a lane may be full */

/* Each lane counts its own place of the blocks: compilers make vectors of it. */
static size_t
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

size_t
sv_count(struct sv s, char c)
{
	size_t count = 0;

	while (s.n >= LANES) {
		size_t nblocks = s.n / LANES < ROUNDS ? s.n / LANES : ROUNDS;

		count += count_blocks(s.p, nblocks, c);
		s = sv_from(s, nblocks * LANES);
	}
	for (size_t i = 0; i < s.n; i++)
		count += s.p[i] == c;
	return count;
}
