/*
 * redis_map: which server has which slot, as a node of a cluster tells, or a sentinel, for
 * which one has all of them.  What they tell is checked: it comes over the wire.
 */
#ifndef STATE_REDIS_MAP_H
#define STATE_REDIS_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "state/redis.h"

#define REDIS_MAP_SLOTS 16384

struct redis_map;

struct redis_map *redis_map_new(void);
void redis_map_free(struct redis_map **m);

/* Take the answer to CLUSTER SLOTS, or to SENTINEL GET-MASTER-ADDR-BY-NAME, of the server
 * ${asked}, which is the one meant where an answer names none.  False when it is none: the
 * map is then as it was. */
bool redis_map_take_slots(struct redis_map *m, const struct redisReply *reply,
    const struct redis_address *asked);
bool redis_map_take_master(struct redis_map *m, const struct redisReply *reply,
    const struct redis_address *asked);

/* The slot that ${key} is in. */
unsigned redis_map_slot(struct sv key);
/* Who has it; NULL: nobody.  Until something else is taken. */
const struct redis_address *redis_map_server(const struct redis_map *m, struct sv key);

/* The masters, one for each range of slots. */
size_t redis_map_size(const struct redis_map *m);
const struct redis_address *redis_map_at(const struct redis_map *m, size_t i);

#endif
