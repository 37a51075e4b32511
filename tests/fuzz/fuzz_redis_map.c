/*
 * fuzz_redis_map: no answer of a node or a sentinel makes the daemon fall over, and what
 * is taken from one are servers that one can connect to.  The first byte says whom was
 * asked.
 */
#include <hiredis/hiredis.h>
#include <stdint.h>
#include <stdlib.h>

#include "state/redis_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* hiredis allocates an array before its elements come. */
static bool
is_huge(const uint8_t *data, size_t size)
{
	size_t digits = 6;

	for (size_t i = 0; i < size; i++) {
		digits = data[i] == '*' ? 0 : data[i] >= '0' && data[i] <= '9' ? digits + 1 : 7;
		if (digits == 6)
			return true;
	}
	return false;
}

static void
look(const struct redis_map *m, struct sv key)
{
	const struct redis_address *a;

	for (size_t i = 0; i < redis_map_size(m); i++) {
		a = redis_map_at(m, i);
		if (a->port == 0 || a->host[0] == '\0' || a->path[0] != '\0' || a->db != 0)
			abort();
	}
	a = redis_map_server(m, key);
	if (redis_map_slot(key) >= REDIS_MAP_SLOTS || (a != NULL && redis_map_size(m) == 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct redis_address asked = {.host = "seed", .port = 7000};
	struct redis_map *m = redis_map_new();
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;

	if (size > 0 && !is_huge(data, size))
		redisReaderFeed(reader, (const char *)data + 1, size - 1);
	while (size > 0 && redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
		size_t had = redis_map_size(m);
		bool ok = data[0] % 2 == 0 ? redis_map_take_slots(m, reply, &asked)
		                           : redis_map_take_master(m, reply, &asked);

		if ((ok && redis_map_size(m) == 0) || (!ok && redis_map_size(m) != had))
			abort();
		freeReplyObject(reply);
	}
	look(m, (struct sv){(const char *)data, size});
	redisReaderFree(reader);
	redis_map_free(&m);
	return 0;
}
