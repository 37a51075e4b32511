/*
 * rule_list: see rule_list.h.
 *
 * Networks are kept sorted by prefix length, then address: a lookup masks the
 * address to each length that occurs and searches for it among those.
 */
#include "rule/rule_list.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/num.h"
#include "util/xalloc.h"

#define V4_BITS 96 /* of the prefix that stands for "this is IPv4" */

struct rule_list {
	enum rule_list_kind kind;
	bool sorted;
	char **literals;
	size_t nliterals;
	struct rule_net *nets;
	size_t nnets;
	struct rule_list *const **lives;
	size_t nlives;
};

/* Strict: no leading zeros, no shortened forms, no host names. */
static bool
parse_address(struct sv text, unsigned char out[16], bool *v4)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	char s[INET6_ADDRSTRLEN];

	if (text.n == 0 || text.n >= sizeof(s) || memchr(text.p, '\0', text.n) != NULL)
		return false;
	memcpy(s, text.p, text.n);
	s[text.n] = '\0';
	*v4 = inet_pton(AF_INET, s, out + 12) == 1;
	if (*v4) {
		memcpy(out, mapped, sizeof(mapped));
		return true;
	}
	return inet_pton(AF_INET6, s, out) == 1;
}

static void
mask(unsigned char addr[16], unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		if (bits >= 8 * (i + 1))
			continue;
		if (bits <= 8 * i)
			addr[i] = 0;
		else
			addr[i] &= (unsigned char)(0xff << (8 - bits % 8));
	}
}

static void
suggest(struct buf *why, const struct rule_net *net, bool v4)
{
	char s[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, net->addr + (v4 ? 12 : 0), s, sizeof(s));
	buf_printf(why, "has bits set beyond its prefix; did you mean %s/%u?", s,
	    v4 ? net->bits - V4_BITS : net->bits);
}

bool
rule_net_parse(struct sv text, struct rule_net *net, struct buf *why)
{
	const char *slash = text.n == 0 ? NULL : memchr(text.p, '/', text.n);
	size_t n = slash == NULL ? text.n : (size_t)(slash - text.p);
	unsigned char given[16];
	int64_t bits;
	bool v4;

	if (!parse_address((struct sv){text.p, n}, net->addr, &v4)) {
		buf_puts(why, "is not an IP address or network (such as 192.0.2.0/24)");
		return false;
	}
	bits = v4 ? 32 : 128;
	if (slash != NULL && !num_int(sv_from(text, n + 1), 0, bits, &bits)) {
		buf_printf(why, "has a prefix length that is not 0 to %d", v4 ? 32 : 128);
		return false;
	}
	net->bits = (unsigned)bits + (v4 ? V4_BITS : 0);
	memcpy(given, net->addr, sizeof(given));
	mask(net->addr, net->bits);
	if (memcmp(given, net->addr, sizeof(given)) == 0)
		return true;
	suggest(why, net, v4);
	return false;
}

bool
rule_net_read(struct sv value, struct rule_net *net)
{
	const char *slash = value.n == 0 ? NULL : memchr(value.p, '/', value.n);
	size_t n = slash == NULL ? value.n : (size_t)(slash - value.p);
	int64_t bits;
	bool v4;

	if (!parse_address((struct sv){value.p, n}, net->addr, &v4))
		return false;
	bits = v4 ? 32 : 128;
	if (slash != NULL && !num_int(sv_from(value, n + 1), 0, bits, &bits))
		return false;
	net->bits = (unsigned)bits + (v4 ? V4_BITS : 0);
	return true;
}

bool
rule_net_holds(const struct rule_net *net, const struct rule_net *inner)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (inner->bits < net->bits || memcmp(net->addr, inner->addr, whole) != 0)
		return false;
	return rest == 0 || (net->addr[whole] ^ inner->addr[whole]) >> (8 - rest) == 0;
}

struct rule_list *
rule_list_new(enum rule_list_kind kind)
{
	struct rule_list *l = xcalloc(1, sizeof(*l));

	l->kind = kind;
	return l;
}

void
rule_list_free(struct rule_list **lp)
{
	struct rule_list *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->nliterals; i++)
		free(l->literals[i]);
	free(l->literals);
	free(l->nets);
	free(l->lives);
	free(l);
}

static void
add_literal(struct rule_list *l, const char *text)
{
	XGROW(l->literals, l->nliterals);
	l->literals[l->nliterals++] = xstrdup(text);
}

static bool
add_net(struct rule_list *l, const char *text, struct buf *why)
{
	struct rule_net net;

	if (!rule_net_parse(sv_str(text), &net, why))
		return false;
	XGROW(l->nets, l->nnets);
	l->nets[l->nnets++] = net;
	return true;
}

bool
rule_list_add(struct rule_list *l, const char *text, struct buf *why)
{
	struct buf ignored = BUF_INIT;

	l->sorted = false;
	if (l->kind == RULE_LIST_NETS ||
	    (l->kind == RULE_LIST_ADDRESS && strchr(text, '/') != NULL))
		return add_net(l, text, why);
	if (l->kind == RULE_LIST_TEXT || l->kind == RULE_LIST_KEYS || !add_net(l, text, &ignored))
		add_literal(l, text);
	buf_free(&ignored);
	return true;
}

void
rule_list_add_live(struct rule_list *l, struct rule_list *const *more)
{
	XGROW(l->lives, l->nlives);
	l->lives[l->nlives++] = more;
}

static int
by_net(const void *a, const void *b)
{
	const struct rule_net *x = a, *y = b;

	if (x->bits != y->bits)
		return x->bits < y->bits ? -1 : 1;
	return memcmp(x->addr, y->addr, sizeof(x->addr));
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
sort_literals(struct rule_list *l)
{
	size_t n = 0;

	if (l->nliterals == 0)
		return;
	qsort(l->literals, l->nliterals, sizeof(*l->literals), by_text);
	for (size_t i = 0; i < l->nliterals; i++) {
		if (n > 0 && strcmp(l->literals[n - 1], l->literals[i]) == 0)
			free(l->literals[i]);
		else
			l->literals[n++] = l->literals[i];
	}
	l->nliterals = n;
}

void
rule_list_sort(struct rule_list *l)
{
	sort_literals(l);
	if (l->nnets > 0)
		qsort(l->nets, l->nnets, sizeof(*l->nets), by_net);
	l->sorted = true;
}

static bool
has_literal(const struct rule_list *l, struct sv value)
{
	size_t low = 0, high = l->nliterals;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct sv at = sv_str(l->literals[mid]);
		size_t n = at.n < value.n ? at.n : value.n;
		int order = n == 0 ? 0 : memcmp(at.p, value.p, n);

		if (order == 0 && at.n == value.n)
			return true;
		if (order < 0 || (order == 0 && at.n < value.n))
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* The first network with more than ${bits}, from ${from} on. */
static size_t
next_length(const struct rule_list *l, size_t from, unsigned bits)
{
	size_t low = from, high = l->nnets;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->nets[mid].bits <= bits)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
has_net(const struct rule_list *l, struct sv value)
{
	struct rule_net key = {.bits = 0};
	unsigned char addr[16];
	size_t from = 0;
	bool v4;

	if (l->nnets == 0 || !parse_address(value, addr, &v4))
		return false;
	while (from < l->nnets) {
		size_t to;

		key.bits = l->nets[from].bits;
		to = next_length(l, from, key.bits);
		memcpy(key.addr, addr, sizeof(addr));
		mask(key.addr, key.bits);
		if (bsearch(&key, l->nets + from, to - from, sizeof(key), by_net) != NULL)
			return true;
		from = to;
	}
	return false;
}

size_t
rule_list_size(const struct rule_list *l)
{
	size_t n = l->nliterals;

	assert(l->sorted);
	for (size_t i = 0; i < l->nlives; i++)
		n += rule_list_size(*l->lives[i]);
	return n;
}

const char *
rule_list_at(const struct rule_list *l, size_t i)
{
	size_t live = 0, size;

	if (i < l->nliterals)
		return l->literals[i];
	i -= l->nliterals;
	for (;; live++) {
		assert(live < l->nlives);
		size = rule_list_size(*l->lives[live]);
		if (i < size)
			return rule_list_at(*l->lives[live], i);
		i -= size;
	}
}

bool
rule_list_has(const struct rule_list *l, struct sv value)
{
	assert(l->sorted);
	if (has_net(l, value) || has_literal(l, value))
		return true;
	for (size_t i = 0; i < l->nlives; i++)
		if (rule_list_has(*l->lives[i], value))
			return true;
	return false;
}
