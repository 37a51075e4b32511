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

#endif
