/*
 * config_url: is a URL of the few forms that configuration takes?  Not a URL
 * library: what is let through here is given to libcurl or hiredis, what they
 * might read differently than we do is refused.
 */
#include <string.h>

#include "conf/conf_internal.h"
#include "util/num.h"

#define HOSTS_MAX 16       /* as state/redis_find.h has it */
#define MASTER_NAME_MAX 63 /* likewise, with the slash before it */

struct url {
	struct sv scheme;
	struct sv host; /* with the brackets of an IPv6 address */
	struct sv port; /* empty when there is none */
	struct sv rest; /* from the '/', '?' or '#' on */
};

/* A space, a control character, a backslash or a byte above ASCII. */
static bool
has_odd_bytes(struct sv s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= 0x20 || c >= 0x7f || c == '\\')
			return true;
	}
	return false;
}

static struct sv
until(struct sv s, const char *stops)
{
	size_t n = 0;

	while (n < s.n && strchr(stops, s.p[n]) == NULL)
		n++;
	return (struct sv){s.p, n};
}

static bool
is_host(struct sv s)
{
	static const char name_chars[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	bool address = s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';
	const char *allowed = address ? "0123456789abcdefABCDEF:." : name_chars;

	if (address)
		s = (struct sv){s.p + 1, s.n - 2};
	for (size_t i = 0; i < s.n; i++) {
		if (strchr(allowed, s.p[i]) == NULL)
			return false;
	}
	return s.n > 0 && s.n <= 253;
}

/* Take ${text}, SCHEME://HOST[:PORT]REST, apart; NULL, or what is wrong. */
static const char *
split(struct sv text, struct url *url)
{
	struct sv authority;
	int64_t port;

	if (has_odd_bytes(text))
		return "holds a space, a backslash or a character that must be percent-encoded";
	url->scheme = until(text, ":/?#");
	text = sv_from(text, url->scheme.n);
	if (text.n < 3 || memcmp(text.p, "://", 3) != 0)
		return "is no URL: expected scheme://host/path";
	text = sv_from(text, 3);
	authority = until(text, "/?#");
	url->rest = sv_from(text, authority.n);
	if (memchr(authority.p, '@', authority.n) != NULL)
		return "must not hold a user or password";
	url->host = until(authority, authority.n > 0 && authority.p[0] == '[' ? "]" : ":");
	if (url->host.n < authority.n && authority.p[url->host.n] == ']')
		url->host.n++;
	url->port = sv_from(authority, url->host.n);
	if (url->port.n > 0 &&
	    (url->port.p[0] != ':' || !num_int(sv_from(url->port, 1), 1, 65535, &port)))
		return "has a port that is not a number from 1 to 65535";
	return NULL;
}

const char *
conf_url_check_channel(const char *text, bool insecure)
{
	struct url url;
	const char *wrong = split(sv_str(text), &url);

	if (wrong != NULL)
		return wrong;
	if (sv_is(url.scheme, "http") && !insecure)
		return "is http, which everybody on the way can read: use https, or set "
		       "insecure: true";
	if (!sv_is(url.scheme, "https") && !sv_is(url.scheme, "http"))
		return "must begin with https://";
	return is_host(url.host) ? NULL : "has no valid host name";
}

static const char *
check_redis_rest(struct sv rest)
{
	int64_t db;

	if (rest.n == 0 || sv_is(rest, "/"))
		return NULL;
	if (rest.p[0] != '/' || !num_int(sv_from(rest, 1), 0, 9999, &db))
		return "has something else than a database number after the host";
	return NULL;
}

/* HOST[:PORT],...: nodes of a cluster, or sentinels. */
static const char *
check_hosts(struct sv list)
{
	size_t n = 0;

	while (true) {
		struct sv item = until(list, ","), host, port;
		int64_t number;

		host = until(item, item.n > 0 && item.p[0] == '[' ? "]" : ":");
		if (host.n < item.n && item.p[host.n] == ']')
			host.n++;
		port = sv_from(item, host.n);
		if (!is_host(host))
			return "has no valid host name: expected HOST[:PORT], separated by commas";
		if (port.n > 0 &&
		    (port.p[0] != ':' || !num_int(sv_from(port, 1), 1, 65535, &number)))
			return "has a port that is not a number from 1 to 65535";
		if (++n > HOSTS_MAX)
			return "names more than 16 hosts";
		if (item.n == list.n)
			return NULL;
		list = sv_from(list, item.n + 1);
	}
}

/* ${text} after redis+cluster:// or redis+sentinel://. */
static const char *
check_group(struct sv text, bool sentinel)
{
	struct sv hosts = until(text, "/?#"), rest = sv_from(text, hosts.n);

	if (has_odd_bytes(text))
		return "holds a space, a backslash or a character that must be percent-encoded";
	if (memchr(text.p, '@', text.n) != NULL)
		return "must not hold a user or password";
	if (!sentinel && rest.n > 0)
		return "has something after the hosts: a cluster has no database numbers";
	if (sentinel && (rest.n < 2 || rest.n > MASTER_NAME_MAX || rest.p[0] != '/' ||
	                    until(sv_from(rest, 1), "/?#").n != rest.n - 1))
		return "needs the name of the master: redis+sentinel://HOST[:PORT],.../NAME";
	return check_hosts(hosts);
}

const char *
conf_url_check_redis(const char *text)
{
	struct url url;
	const char *wrong;

	if (strncmp(text, "redis+cluster://", 16) == 0)
		return check_group(sv_str(text + 16), false);
	if (strncmp(text, "redis+sentinel://", 17) == 0)
		return check_group(sv_str(text + 17), true);
	wrong = split(sv_str(text), &url);
	if (wrong != NULL)
		return wrong;
	if (sv_is(url.scheme, "rediss"))
		return "asks for TLS, which is not supported yet: use redis:// or unix://";
	if (sv_is(url.scheme, "unix"))
		return url.host.n == 0 && url.rest.n > 1 && url.rest.p[0] == '/'
		    ? NULL
		    : "needs an absolute path: unix:///path/to/redis.sock";
	if (!sv_is(url.scheme, "redis"))
		return "is of an unknown kind: expected unix:///PATH, redis://HOST[:PORT][/DB], "
		       "redis+cluster://HOST,... or redis+sentinel://HOST,.../NAME";
	if (!is_host(url.host))
		return "has no valid host name";
	return check_redis_rest(url.rest);
}
