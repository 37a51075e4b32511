/*
 * rule_list: the values that a field is looked up in: literals, or addresses and
 * networks.  Lookups take time that grows with the logarithm of their number.
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
/* The same of a value in an event or a key; false when it is neither. */
bool rule_net_read(struct sv value, struct rule_net *net);
/* Is ${inner}, an address or a network, part of ${net}? */
bool rule_net_holds(const struct rule_net *net, const struct rule_net *inner);

enum rule_list_kind {
	RULE_LIST_TEXT,    /* literal values */
	RULE_LIST_NETS,    /* addresses and networks */
	RULE_LIST_ADDRESS, /* addresses, networks and host names */
	RULE_LIST_KEYS,    /* literal values, of keys */
};

struct rule_list;

struct rule_list *rule_list_new(enum rule_list_kind kind);
void rule_list_free(struct rule_list **l);
/* ${text} is copied.  False with a reason in ${why} when it should be a network
 * and is none. */
bool rule_list_add(struct rule_list *l, const char *text, struct buf *why);
/* The values of *${more}, whichever list that is at the time, are in ${l} too. */
void rule_list_add_live(struct rule_list *l, struct rule_list *const *more);
/* To be called once after the last rule_list_add(). */
void rule_list_sort(struct rule_list *l);
bool rule_list_has(const struct rule_list *l, struct sv value);

/* The literal values, each once, in order, those of live lists behind; after
 * rule_list_sort(). */
size_t rule_list_size(const struct rule_list *l);
const char *rule_list_at(const struct rule_list *l, size_t i);

#endif
