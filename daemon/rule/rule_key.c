/*
 * rule_key: the fields that make a key, as they are written in rule files, and what is
 * made of their values.
 */
#include <arpa/inet.h>
#include <string.h>

#include "model/event.h"
#include "rule/rule_internal.h"
#include "util/num.h"

#define V6_DEFAULT 64

static bool
is_name(struct sv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_", s.p[i]) == NULL || s.p[i] == '\0')
			return false;
	return s.n > 0;
}

/* "/24" or "/24/56" */
static bool
parse_bits(struct sv s, struct rule_key_text *out)
{
	const char *slash;
	int64_t bits4, bits6 = V6_DEFAULT;
	struct sv v4 = sv_from(s, 1);

	slash = v4.n == 0 ? NULL : memchr(v4.p, '/', v4.n);
	if (slash != NULL) {
		v4.n = (size_t)(slash - v4.p);
		if (!num_int(sv_from(s, v4.n + 2), 1, RULE_KEY_ALL6, &bits6))
			return false;
	}
	if (!num_int(v4, 1, RULE_KEY_ALL4, &bits4))
		return false;
	out->bits4 = (int)bits4;
	out->bits6 = (int)bits6;
	out->prefix = true;
	return true;
}

bool
rule_key_parse(const char *text, struct rule_key_text *out)
{
	static const struct sv lower = {"lower(", 6};
	struct sv s = sv_str(text);
	const char *slash;

	*out = (struct rule_key_text){.name = s, .bits4 = RULE_KEY_ALL4, .bits6 = RULE_KEY_ALL6};
	if (s.n > lower.n && memcmp(s.p, lower.p, lower.n) == 0 && s.p[s.n - 1] == ')') {
		out->lower = true;
		out->name = (struct sv){s.p + lower.n, s.n - lower.n - 1};
		return is_name(out->name);
	}
	slash = strchr(text, '/');
	if (slash != NULL) {
		out->name.n = (size_t)(slash - text);
		if (!parse_bits(sv_from(s, out->name.n), out))
			return false;
	}
	return is_name(out->name);
}

static void
put_lower(struct sv value, struct buf *out)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		buf_putc(out, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
	}
}

static void
mask(unsigned char *addr, size_t n, int bits)
{
	for (size_t i = 0; i < n; i++, bits -= 8) {
		if (bits <= 0)
			addr[i] = 0;
		else if (bits < 8)
			addr[i] &= (unsigned char)(0xff << (8 - bits));
	}
}

/* The network of an address; false when ${value} is none. */
static bool
put_network(const struct rule_key *key, struct sv value, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char addr[16];
	int family, bits;

	if (value.n == 0 || value.n >= sizeof(text) || memchr(value.p, '\0', value.n) != NULL)
		return false;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	family = memchr(value.p, ':', value.n) == NULL ? AF_INET : AF_INET6;
	if (inet_pton(family, text, addr) != 1)
		return false;
	bits = family == AF_INET ? key->bits4 : key->bits6;
	mask(addr, family == AF_INET ? 4 : 16, bits);
	inet_ntop(family, addr, text, sizeof(text));
	buf_puts(out, text);
	if (bits < (family == AF_INET ? RULE_KEY_ALL4 : RULE_KEY_ALL6))
		buf_printf(out, "/%d", bits);
	return true;
}

/* Of a network, one that holds it: its address, when it has as many bits at least. */
static struct sv
address_of(const struct rule_key *key, struct sv value)
{
	const char *slash = value.n == 0 ? NULL : memchr(value.p, '/', value.n);
	struct sv address = value;
	int64_t bits;
	int need;

	if (slash == NULL)
		return value;
	address.n = (size_t)(slash - value.p);
	need = address.n > 0 && memchr(address.p, ':', address.n) != NULL ? key->bits6 : key->bits4;
	return num_int(sv_from(value, address.n + 1), need, RULE_KEY_ALL6, &bits) ? address : value;
}

void
rule_key_transform(const struct rule_key *key, struct sv value, struct buf *out)
{
	if (key->lower)
		put_lower(value, out);
	else if (rule_key_is_plain(key) || !put_network(key, address_of(key, value), out))
		buf_sv(out, value);
}

bool
rule_key_from_text(
    const struct rule_key *key, enum field_type type, const char *text, struct buf *out)
{
	struct sv value = sv_str(text);
	char room[RULE_FIELD_ROOM];

	if ((strchr(text, '/') == NULL || rule_key_is_plain(key)) &&
	    !rule_field_accept(type, &value, room))
		return false;
	rule_key_transform(key, value, out);
	return true;
}

bool
rule_key_value(const struct rule_key *key, const struct event *e, struct buf *out)
{
	const struct sv *value = event_field(e, key->field);

	if (value == NULL)
		return false;
	rule_key_transform(key, *value, out);
	return true;
}
