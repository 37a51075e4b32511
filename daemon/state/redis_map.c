/*
 * redis_map: see redis_map.h.  Owns the list of ranges that was taken last.
 */
#include "state/redis_map.h"

#include <hiredis/hiredis.h>
#include <stdint.h>
#include <stdlib.h>

#include "util/num.h"
#include "util/xalloc.h"

struct range {
	unsigned first, last;
	struct redis_address master;
};

struct redis_map {
	struct range *ranges;
	size_t nranges;
};

struct redis_map *
redis_map_new(void)
{
	return xcalloc(1, sizeof(struct redis_map));
}

void
redis_map_free(struct redis_map **mp)
{
	if (*mp == NULL)
		return;
	free((*mp)->ranges);
	free(*mp);
	*mp = NULL;
}

/* ---- slots ------------------------------------------------------------------------ */

/* CRC-16/XMODEM, as the cluster specification has it. */
static unsigned
checksum(struct sv s)
{
	unsigned crc = 0;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned)(unsigned char)s.p[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1;
		crc &= 0xffff;
	}
	return crc;
}

unsigned
redis_map_slot(struct sv key)
{
	const char *open = memchr(key.p, '{', key.n), *close;

	if (open != NULL) {
		struct sv rest = sv_from(key, (size_t)(open - key.p) + 1);

		close = memchr(rest.p, '}', rest.n);
		if (close != NULL && close != rest.p)
			key = (struct sv){rest.p, (size_t)(close - rest.p)};
	}
	return checksum(key) % REDIS_MAP_SLOTS;
}

const struct redis_address *
redis_map_server(const struct redis_map *m, struct sv key)
{
	unsigned slot = redis_map_slot(key);

	for (size_t i = 0; i < m->nranges; i++)
		if (slot >= m->ranges[i].first && slot <= m->ranges[i].last)
			return &m->ranges[i].master;
	return NULL;
}

size_t
redis_map_size(const struct redis_map *m)
{
	return m->nranges;
}

const struct redis_address *
redis_map_at(const struct redis_map *m, size_t i)
{
	return &m->ranges[i].master;
}

/* ---- answers ---------------------------------------------------------------------- */

static bool
take_host(const redisReply *reply, const struct redis_address *asked, struct redis_address *out)
{
	*out = (struct redis_address){0};
	if (reply->type == REDIS_REPLY_STRING && reply->len > 0 && reply->str[0] != '?') {
		if (reply->len >= sizeof(out->host) || strlen(reply->str) != reply->len)
			return false;
		memcpy(out->host, reply->str, reply->len + 1);
		return true;
	}
	/* A node that does not know its own address: the one that we have. */
	*out = *asked;
	return true;
}

/* {first slot, last slot, {host, port, ...} of the master, ...} */
static bool
take_range(const redisReply *r, const struct redis_address *asked, struct range *out)
{
	const redisReply *master;

	if (r->type != REDIS_REPLY_ARRAY || r->elements < 3 ||
	    r->element[0]->type != REDIS_REPLY_INTEGER ||
	    r->element[1]->type != REDIS_REPLY_INTEGER)
		return false;
	master = r->element[2];
	if (master->type != REDIS_REPLY_ARRAY || master->elements < 2 ||
	    master->element[1]->type != REDIS_REPLY_INTEGER || master->element[1]->integer < 1 ||
	    master->element[1]->integer > UINT16_MAX || r->element[0]->integer < 0 ||
	    r->element[0]->integer > r->element[1]->integer || r->element[1]->integer >= REDIS_MAP_SLOTS ||
	    !take_host(master->element[0], asked, &out->master))
		return false;
	out->first = (unsigned)r->element[0]->integer;
	out->last = (unsigned)r->element[1]->integer;
	out->master.port = (uint16_t)master->element[1]->integer;
	return true;
}

bool
redis_map_take_slots(
    struct redis_map *m, const redisReply *reply, const struct redis_address *asked)
{
	struct range *ranges;
	size_t n = 0;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements > REDIS_MAP_SLOTS)
		return false;
	ranges = xcalloc(reply->elements + 1, sizeof(*ranges));
	while (n < reply->elements && take_range(reply->element[n], asked, &ranges[n]))
		n++;
	if (n < reply->elements || n == 0) {
		free(ranges);
		return false;
	}
	free(m->ranges);
	m->ranges = ranges;
	m->nranges = n;
	return true;
}

/* {host, port}, both text. */
bool
redis_map_take_master(
    struct redis_map *m, const redisReply *reply, const struct redis_address *asked)
{
	struct range range = {.last = REDIS_MAP_SLOTS - 1};
	int64_t port;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_STRING ||
	    !num_int((struct sv){reply->element[1]->str, reply->element[1]->len}, 1, UINT16_MAX,
	        &port) ||
	    !take_host(reply->element[0], asked, &range.master))
		return false;
	range.master.port = (uint16_t)port;
	free(m->ranges);
	m->ranges = xcalloc(1, sizeof(range));
	m->ranges[0] = range;
	m->nranges = 1;
	return true;
}
