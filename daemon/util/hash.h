/*
 * hash: SipHash-1-3 with a key drawn at start, for tables whose keys an
 * attacker chooses.
 */
#ifndef UTIL_HASH_H
#define UTIL_HASH_H

#include <stdint.h>

#include "util/sv.h"

struct hash_key {
	uint64_t k0, k1;
};

struct hash_key hash_key_random(void);
uint64_t hash_bytes(struct hash_key key, struct sv s);

/* 128 bits of the hash's last state, which can stand for the bytes themselves: that two have the
 * same is less likely than that memory fails, and who does not know the key cannot find any.
 * They are not to be seen by anybody. */
struct hash128 {
	uint64_t a, b;
};
struct hash128 hash_wide(struct hash_key key, struct sv s);

#endif
