/*
 * rule_list: sets of values that a field is looked up in: literals, or addresses
 * and networks.  Lookups take time that grows with the logarithm of the size.
 */
#ifndef RULE_RULE_LIST_H
#define RULE_RULE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/sv.h"

/* An IPv4 network is held as its IPv4-mapped IPv6 form, ::ffff:a.b.c.d/96+n, so
 * that both spellings of an address are in the same networks. */
struct rule_net {
	unsigned char addr[16];
	unsigned bits; /* 0..128 */
};

/* Parse ADDRESS or ADDRESS/BITS.  When it is neither, or has bits set beyond
 * its prefix, false and a reason in ${why}. */
bool rule_net_parse(struct sv text, struct rule_net *net, struct buf *why);

enum rule_set_kind {
	RULE_SET_TEXT,    /* literal values */
	RULE_SET_NETS,    /* addresses and networks */
	RULE_SET_ADDRESS, /* addresses, networks and host names */
};

struct rule_set;

struct rule_set *rule_set_new(enum rule_set_kind kind);
void rule_set_free(struct rule_set **s);
/* ${text} is copied.  False with a reason in ${why} when ${text} should be a
 * network and is none. */
bool rule_set_add(struct rule_set *s, const char *text, struct buf *why);
/* To be called once after the last rule_set_add(). */
void rule_set_sort(struct rule_set *s);
bool rule_set_has(const struct rule_set *s, struct sv value);

#endif
