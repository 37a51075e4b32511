/*
 * receive_origin: who is at the other end, as text for the spool and as a key to
 * count by.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "receive/receive_internal.h"

#define V6_PREFIX 8 /* bytes: what one customer is given, who has all addresses in it */

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* The IPv4 address in ${sa}, or NULL. */
static const void *
v4_of(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;

	if (sa->ss_family == AF_INET)
		return &v4->sin_addr;
	if (sa->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return v6->sin6_addr.s6_addr + sizeof(mapped);
	return NULL;
}

void
receive_origin_inet(
    const char *transport, const struct sockaddr_storage *sa, char out[RECEIVE_ORIGIN])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
	const void *v4 = v4_of(sa);
	char text[INET6_ADDRSTRLEN] = "-";

	if (v4 != NULL)
		inet_ntop(AF_INET, v4, text, sizeof(text));
	else if (sa->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
	snprintf(out, RECEIVE_ORIGIN, "%s:%s", transport, text);
}

void
receive_origin_inet_key(const struct sockaddr_storage *sa, unsigned char key[RECEIVE_KEY])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
	const void *v4 = v4_of(sa);

	memset(key, 0, RECEIVE_KEY);
	if (v4 != NULL) {
		memcpy(key, mapped, sizeof(mapped));
		memcpy(key + sizeof(mapped), v4, RECEIVE_KEY - sizeof(mapped));
	} else if (sa->ss_family == AF_INET6) {
		memcpy(key, &v6->sin6_addr, V6_PREFIX);
	}
}

void
receive_origin_unix(uid_t uid, char out[RECEIVE_ORIGIN])
{
	snprintf(out, RECEIVE_ORIGIN, "unix:%lu", (unsigned long)uid);
}

void
receive_origin_unix_key(uid_t uid, unsigned char key[RECEIVE_KEY])
{
	memset(key, 0, RECEIVE_KEY);
	memcpy(key, &uid, sizeof(uid));
}
