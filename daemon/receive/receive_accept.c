/*
 * receive_accept: new connections, as far as the limits allow.
 *
 * One beyond a limit is accepted and closed: so the peer knows, and those behind it
 * are not held up.  Without descriptors nothing is accepted until the next tick.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "receive/receive_internal.h"
#include "util/clock.h"

#define ACCEPTS 64 /* then others get their turn */
#define KEEPALIVE_IDLE 60
#define KEEPALIVE_INTERVAL 20
#define KEEPALIVE_PROBES 3

static void
keep_alive(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
	    {SOL_SOCKET, SO_KEEPALIVE, 1},
	    {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE},
	    {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL},
	    {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

static void
identify(const struct receive_port *p, int fd, const struct sockaddr_storage *from,
    unsigned char key[RECEIVE_KEY], char origin[RECEIVE_ORIGIN])
{
	struct ucred cred = {.uid = 65534};
	socklen_t n = sizeof(cred);

	if (p->kind == LISTEN_UNIX) {
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n);
		receive_origin_unix(cred.uid, origin);
		receive_origin_unix_key(cred.uid, key);
		return;
	}
	keep_alive(fd);
	receive_origin_inet(p->kind == LISTEN_TLS ? "tls" : "tcp", from, origin);
	receive_origin_inet_key(from, key);
}

static void
accepted(struct receive_port *p, int fd, const struct sockaddr_storage *from)
{
	const struct source_conf *conf = p->source->conf;
	unsigned char key[RECEIVE_KEY];
	char origin[RECEIVE_ORIGIN];
	struct receive_peer *peer;
	const char *limit = NULL;

	identify(p, fd, from, key, origin);
	peer = receive_peer_get(p->peers, key, clock_mono());
	if ((int64_t)p->nconns >= conf->max_connections)
		limit = "max_connections";
	else if (receive_peer_connections(peer) >= conf->peer_connections)
		limit = "peer_connections";
	if (limit == NULL) {
		receive_conn_new(p, fd, peer, origin);
		return;
	}
	p->refused++;
	receive_port_warn(p, "a connection of %s refused: %s reached", origin, limit);
	close(fd);
}

bool
receive_accept_ready(struct receive_port *p)
{
	struct sockaddr_storage from;
	socklen_t n;
	int fd;

	for (int i = 0; i < ACCEPTS; i++) {
		n = sizeof(from);
		memset(&from, 0, sizeof(from));
		fd = accept4(
		    p->socket->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			accepted(p, fd, &from);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			receive_port_warn(p, "cannot accept connections: %s", strerror(errno));
			receive_port_unwatch(p);
			return false;
		} else if (errno == EAGAIN || errno == EINVAL || errno == EBADF) {
			return false;
		}
	}
	return true;
}
