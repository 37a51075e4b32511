/*
 * config_listen: see config_listen.h.
 */
#include "conf/config_listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const struct {
	const char *prefix;
	enum listen_kind kind;
} kinds[] = {
    {"udp://", LISTEN_UDP},
    {"tcp://", LISTEN_TCP},
    {"tls://", LISTEN_TLS},
    {"unix://", LISTEN_UNIX},
    {"unixgram://", LISTEN_UNIXGRAM},
    {"fifo://", LISTEN_FIFO},
    {"stdin:", LISTEN_STDIN},
    {"systemd:", LISTEN_SYSTEMD},
};

static bool
parse_port(const char *text, in_port_t *port)
{
	char *end;
	long value;

	if (*text < '0' || *text > '9')
		return false;
	value = strtol(text, &end, 10);
	if (*end != '\0' || value < 1 || value > 65535)
		return false;
	*port = htons((uint16_t)value);
	return true;
}

static const char *
parse_v6(const char *host, size_t n, in_port_t port, struct config_listen *out)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->address;
	char text[INET6_ADDRSTRLEN];

	if (n < 2 || n - 2 >= sizeof(text) || host[n - 1] != ']')
		return "expected [IPV6]:PORT";
	memcpy(text, host + 1, n - 2);
	text[n - 2] = '\0';
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return "expected a numeric IPv6 address in the brackets";
	v6->sin6_family = AF_INET6;
	v6->sin6_port = port;
	out->address_n = sizeof(*v6);
	return NULL;
}

static const char *
parse_v4(const char *host, size_t n, in_port_t port, struct config_listen *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&out->address;
	char text[INET_ADDRSTRLEN];

	if (n == 0 || n >= sizeof(text))
		return "expected a numeric address: 0.0.0.0 or [::] for all of this machine's";
	memcpy(text, host, n);
	text[n] = '\0';
	if (inet_pton(AF_INET, text, &v4->sin_addr) != 1)
		return "expected a numeric address: 0.0.0.0 or [::] for all of this machine's";
	v4->sin_family = AF_INET;
	v4->sin_port = port;
	out->address_n = sizeof(*v4);
	return NULL;
}

static const char *
parse_address(const char *text, struct config_listen *out)
{
	const char *colon = strrchr(text, ':');
	in_port_t port;

	if (colon == NULL || !parse_port(colon + 1, &port))
		return "expected ADDRESS:PORT with a port of 1 to 65535";
	if (text[0] == '[')
		return parse_v6(text, (size_t)(colon - text), port, out);
	return parse_v4(text, (size_t)(colon - text), port, out);
}

static const char *
parse_path(const char *text, struct config_listen *out)
{
	const struct sockaddr_un *un = NULL;

	if (text[0] != '/')
		return "expected an absolute path";
	if (out->kind != LISTEN_FIFO && strlen(text) >= sizeof(un->sun_path))
		return "longer than the path of a unix socket may be";
	out->path = text;
	return NULL;
}

static const char *
parse_rest(const char *text, struct config_listen *out)
{
	switch (out->kind) {
	case LISTEN_UDP:
	case LISTEN_TCP:
	case LISTEN_TLS:
		return parse_address(text, out);
	case LISTEN_STDIN:
		return *text == '\0' ? NULL : "expected stdin: and nothing behind it";
	case LISTEN_SYSTEMD:
		out->path = text;
		return *text != '\0' ? NULL : "expected systemd:NAME";
	default:
		return parse_path(text, out);
	}
}

const char *
config_listen_parse(const char *text, struct config_listen *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].prefix);

		if (strncmp(text, kinds[i].prefix, n) == 0) {
			out->kind = kinds[i].kind;
			return parse_rest(text + n, out);
		}
	}
	return "expected udp://, tcp:// or tls://ADDRESS:PORT, unix://, unixgram:// or fifo:///PATH, "
	       "stdin: or systemd:NAME";
}

bool
config_listen_is_local(const struct config_listen *l)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&l->address;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&l->address;

	if (l->address.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (l->address.ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	return true;
}
