/*
 * hash: see hash.h.
 */
#include "util/hash.h"

#include "util/digest.h"

struct state {
	uint64_t v0, v1, v2, v3;
};

struct hash_key
hash_key_random(void)
{
	struct hash_key key;

	digest_random(&key, sizeof(key));
	return key;
}

static uint64_t
rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

/* Inline, since compilers find it too long, and a call costs as much again. */
static inline __attribute__((always_inline)) void
round_once(struct state *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline __attribute__((always_inline)) void
absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	round_once(s);
	s->v0 ^= word;
}

/* The last ${n} bytes, fewer than eight, before ${end}, of ${all}: without a call of memcpy. */
static uint64_t
last_bytes(const char *end, size_t n, size_t all)
{
	uint64_t word = 0;

	if (n == 0)
		return 0;
	if (all >= 8) {
		memcpy(&word, end - 8, 8);
		return word >> (64 - 8 * n);
	}
	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)(unsigned char)end[(ptrdiff_t)i - (ptrdiff_t)n] << (8 * i);
	return word;
}

/* All of ${s}, and the rounds that end it. */
static inline __attribute__((always_inline)) struct state
hash(struct hash_key key, struct sv s)
{
	struct state st = {key.k0 ^ 0x736f6d6570736575ULL, key.k1 ^ 0x646f72616e646f6dULL,
	    key.k0 ^ 0x6c7967656e657261ULL, key.k1 ^ 0x7465646279746573ULL};
	uint64_t word;

	for (size_t i = 0; i + 8 <= s.n; i += 8) {
		memcpy(&word, s.p + i, 8);
		absorb(&st, word);
	}
	absorb(&st, (uint64_t)s.n << 56 | last_bytes(s.p + s.n, s.n % 8, s.n));
	st.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		round_once(&st);
	return st;
}

uint64_t
hash_bytes(struct hash_key key, struct sv s)
{
	struct state st = hash(key, s);

	return st.v0 ^ st.v1 ^ st.v2 ^ st.v3;
}

struct hash128
hash_wide(struct hash_key key, struct sv s)
{
	struct state st = hash(key, s);

	return (struct hash128){st.v0 ^ st.v1 ^ st.v2 ^ st.v3, st.v0 ^ rotate(st.v2, 32)};
}
