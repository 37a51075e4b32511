/*
 * receive_peer: a table of those who send to one address, for the limits of a peer.
 *
 * Bounded: those without a connection are at most PEERS_IDLE, and the one seen least
 * lately makes room for the next, so a flood of forged addresses costs a peer its
 * count at worst, and nobody memory.
 */
#include <stdlib.h>

#include "receive/receive_internal.h"
#include "util/hash.h"
#include "util/xalloc.h"

#define BUCKETS 4096
#define PEERS_IDLE 8192
#define TOKEN 1000 /* so that a ms brings rate tokens */

struct receive_peer {
	struct receive_peer *next;          /* in its bucket */
	struct receive_peer *older, *newer; /* of those without connection */
	unsigned char key[RECEIVE_KEY];
	int64_t connections;
	int64_t tokens, at;
};

struct receive_peers {
	struct hash_key hash;
	int64_t rate;
	struct receive_peer *buckets[BUCKETS];
	struct receive_peer *oldest, *newest;
	size_t nidle;
};

struct receive_peers *
receive_peers_new(int64_t rate)
{
	struct receive_peers *p = xcalloc(1, sizeof(*p));

	p->hash = hash_key_random();
	p->rate = rate;
	return p;
}

void
receive_peers_free(struct receive_peers **pp)
{
	struct receive_peers *p = *pp;
	struct receive_peer *peer, *next;

	if (p == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (peer = p->buckets[i]; peer != NULL; peer = next) {
			next = peer->next;
			free(peer);
		}
	}
	free(p);
	*pp = NULL;
}

static struct receive_peer **
bucket_of(struct receive_peers *p, const unsigned char *key)
{
	return &p->buckets[hash_bytes(p->hash, (struct sv){(const char *)key, RECEIVE_KEY}) %
	    BUCKETS];
}

static void
idle_remove(struct receive_peers *p, struct receive_peer *peer)
{
	*(peer->older == NULL ? &p->oldest : &peer->older->newer) = peer->newer;
	*(peer->newer == NULL ? &p->newest : &peer->newer->older) = peer->older;
	p->nidle--;
}

static void
idle_add(struct receive_peers *p, struct receive_peer *peer)
{
	peer->older = p->newest;
	peer->newer = NULL;
	*(p->newest == NULL ? &p->oldest : &p->newest->newer) = peer;
	p->newest = peer;
	p->nidle++;
}

static void
forget_oldest(struct receive_peers *p)
{
	struct receive_peer *old = p->oldest, **at = bucket_of(p, old->key);

	while (*at != old)
		at = &(*at)->next;
	*at = old->next;
	idle_remove(p, old);
	free(old);
}

struct receive_peer *
receive_peer_get(struct receive_peers *p, const unsigned char key[RECEIVE_KEY], int64_t now)
{
	struct receive_peer **bucket = bucket_of(p, key), *peer = *bucket;

	while (peer != NULL && memcmp(peer->key, key, RECEIVE_KEY) != 0)
		peer = peer->next;
	if (peer != NULL && peer->connections == 0) {
		idle_remove(p, peer);
		idle_add(p, peer);
	}
	if (peer != NULL)
		return peer;
	if (p->nidle >= PEERS_IDLE)
		forget_oldest(p);
	peer = xcalloc(1, sizeof(*peer));
	memcpy(peer->key, key, RECEIVE_KEY);
	peer->tokens = p->rate * TOKEN;
	peer->at = now;
	peer->next = *bucket;
	*bucket = peer;
	idle_add(p, peer);
	return peer;
}

const unsigned char *
receive_peer_key(const struct receive_peer *peer)
{
	return peer->key;
}

int64_t
receive_peer_connections(const struct receive_peer *peer)
{
	return peer->connections;
}

void
receive_peer_connect(struct receive_peers *p, struct receive_peer *peer)
{
	if (peer->connections++ == 0)
		idle_remove(p, peer);
}

void
receive_peer_disconnect(struct receive_peers *p, struct receive_peer *peer)
{
	if (--peer->connections == 0)
		idle_add(p, peer);
	if (p->nidle > PEERS_IDLE)
		forget_oldest(p);
}

/* A bucket holds what a second brings. */
bool
receive_peer_may_send(const struct receive_peers *p, struct receive_peer *peer, int64_t now)
{
	int64_t most = p->rate * TOKEN, since = now - peer->at;

	if (p->rate == 0)
		return true;
	peer->at = now;
	peer->tokens = since >= 1000 ? most : peer->tokens + since * p->rate;
	if (peer->tokens > most)
		peer->tokens = most;
	return peer->tokens >= TOKEN;
}

void
receive_peer_sent(const struct receive_peers *p, struct receive_peer *peer)
{
	if (p->rate > 0)
		peer->tokens -= TOKEN;
}
