/*
 * eval_host: see eval_host.h.
 */
#include "eval/eval_host.h"

#include <arpa/inet.h>
#include <strings.h>

#define ADDRESS_MOST 80 /* bytes of an address as it is written, with zone and brackets */

bool
eval_host_is_source(const char *field)
{
	static const char *const fields[] = {
	    "source.ip", "source.address", "source.domain", "client.ip", "client.address"};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(field, fields[i]) == 0)
			return true;
	return false;
}

/* ${s} as the 16 bytes of an IPv6 address. */
static bool
parse(struct sv s, struct in6_addr *out)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[ADDRESS_MOST + 1];
	struct in_addr v4;

	if (s.n > 1 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = (struct sv){s.p + 1, s.n - 2};
	if (s.n == 0 || s.n > ADDRESS_MOST)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	text[strcspn(text, "%")] = '\0';
	if (inet_pton(AF_INET, text, &v4) == 1) {
		memcpy(out->s6_addr, mapped, sizeof(mapped));
		memcpy(out->s6_addr + sizeof(mapped), &v4, sizeof(v4));
		return true;
	}
	return inet_pton(AF_INET6, text, out) == 1;
}

static struct sv
without_dot(struct sv s)
{
	return s.n > 1 && s.p[s.n - 1] == '.' ? (struct sv){s.p, s.n - 1} : s;
}

bool
eval_host_same(const char *expected, struct sv got)
{
	struct sv want = without_dot(sv_str(expected));
	struct in6_addr a, b;

	if (parse(want, &a))
		return parse(got, &b) && memcmp(&a, &b, sizeof(a)) == 0;
	got = without_dot(got);
	return want.n == got.n && strncasecmp(want.p, got.p, want.n) == 0;
}

bool
eval_host_is_address(const char *text)
{
	struct in6_addr address;

	return parse(sv_str(text), &address);
}
