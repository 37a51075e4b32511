/*
 * group_cache: the groups that were committed last, as Redis has them.
 *
 * Only a guess: a commit says which version it was worked out from and is refused when
 * Redis has another.  So it may be forgotten at any time, and is bounded.
 */
#ifndef CORRELATE_GROUP_CACHE_H
#define CORRELATE_GROUP_CACHE_H

#include <stdint.h>

#include "util/hash.h"
#include "util/sv.h"

struct group_cache;
struct incident_rule;

struct group_cache *group_cache_new(void);
void group_cache_free(struct group_cache **c);
void group_cache_clear(struct group_cache *c);

/* Of group ${key} of ${rule}, which it stands for; its first half is what the others want. */
struct hash128 group_cache_hash(
    const struct group_cache *c, const struct incident_rule *rule, struct sv key);
/* The bytes of the group, empty when it is not known; borrowed until the next put or get. */
struct sv group_cache_get(
    struct group_cache *c, uint64_t hash, const struct incident_rule *rule, struct sv key);
void group_cache_put(struct group_cache *c, uint64_t hash, const struct incident_rule *rule,
    struct sv key, struct sv bytes);
/* A get or put is to follow soon: have the CPU fetch where the group is looked up; and, once
 * that has come, the group. */
void group_cache_fetch_slot(const struct group_cache *c, uint64_t hash);
void group_cache_fetch(const struct group_cache *c, uint64_t hash);

#endif
