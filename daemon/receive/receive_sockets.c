/*
 * receive_sockets: the sockets that are bound, by the text of their address.
 *
 * They outlive the receive that reads from them: while a configuration is changed,
 * what is sent waits in the kernel.  Those that systemd passed are never closed,
 * since it would take them for refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "receive/receive_internal.h"
#include "util/log.h"
#include "util/xalloc.h"

struct receive_sockets {
	struct receive_socket **v;
	size_t n;
};

static struct receive_socket *
add(struct receive_sockets *s, char *address, enum listen_kind kind, int fd)
{
	struct receive_socket *socket = xcalloc(1, sizeof(*socket));

	XGROW(s->v, s->n);
	s->v[s->n++] = socket;
	socket->address = address;
	socket->kind = kind;
	socket->fd = fd;
	return socket;
}

static int
option(int fd, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &n) == 0 ? value : -1;
}

/* What systemd passed as ${fd}.  LISTEN_SYSTEMD: nothing that can be read from. */
static enum listen_kind
kind_of(int fd)
{
	int type = option(fd, SO_TYPE), domain = option(fd, SO_DOMAIN);
	bool inet = domain == AF_INET || domain == AF_INET6;
	struct stat st;

	if (type == SOCK_DGRAM && inet)
		return LISTEN_UDP;
	if (type == SOCK_DGRAM && domain == AF_UNIX)
		return LISTEN_UNIXGRAM;
	if (type == SOCK_STREAM && inet && option(fd, SO_ACCEPTCONN) == 1)
		return LISTEN_TCP;
	if (type == SOCK_STREAM && domain == AF_UNIX && option(fd, SO_ACCEPTCONN) == 1)
		return LISTEN_UNIX;
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		return LISTEN_FIFO;
	return LISTEN_SYSTEMD;
}

static void
adopt(struct receive_sockets *s, int fd, const char *name)
{
	enum listen_kind kind = kind_of(fd);
	int on = 1;

	if (kind == LISTEN_SYSTEMD) {
		log_warn("receive", "systemd:%s: neither a socket that listens nor a FIFO", name);
		return;
	}
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (kind == LISTEN_UNIXGRAM)
		setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	add(s, xasprintf("systemd:%s", name), kind, fd)->passed = true;
}

struct receive_sockets *
receive_sockets_new(void)
{
	struct receive_sockets *s = xcalloc(1, sizeof(*s));
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	if (n < 0)
		log_warn("receive", "sockets of systemd: %s", strerror(-n));
	for (int i = 0; i < n; i++) {
		adopt(s, SD_LISTEN_FDS_START + i, names[i]);
		free(names[i]);
	}
	free(names);
	return s;
}

/* Datagrams that came after the last was taken are gone with it: say so. */
static void
shut(const struct receive_socket *socket)
{
	uint64_t left = 0;

	if (socket->kind == LISTEN_UDP || socket->kind == LISTEN_UNIXGRAM)
		while (recv(socket->fd, NULL, 0, MSG_DONTWAIT | MSG_TRUNC) >= 0)
			left++;
	if (left > 0)
		log_warn("receive", "%s: closed with %" PRIu64 " datagrams that nobody has taken",
		    socket->address, left);
	close(socket->fd);
}

bool
receive_sockets_is_astray(const struct receive_socket *socket)
{
	struct stat st;

	return socket->path != NULL &&
	    (lstat(socket->path, &st) < 0 || st.st_dev != socket->dev || st.st_ino != socket->ino);
}

/* A FIFO stays: who writes there is used to it, and it may have been there before. */
static void
discard(struct receive_socket *socket)
{
	if (socket->path != NULL && socket->kind != LISTEN_FIFO &&
	    !receive_sockets_is_astray(socket))
		unlink(socket->path);
	if (!socket->passed)
		shut(socket);
	receive_keep_discard(socket);
	free(socket->expected);
	free(socket->path);
	free(socket->address);
	free(socket);
}

void
receive_sockets_free(struct receive_sockets **sp)
{
	struct receive_sockets *s = *sp;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		discard(s->v[i]);
	free(s->v);
	free(s);
	*sp = NULL;
}

void
receive_sockets_begin(struct receive_sockets *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->v[i]->wanted = s->v[i]->fresh = false;
	receive_sockets_expect(s, NULL, 0);
}

struct receive_socket *
receive_sockets_get(const struct receive_sockets *s, const char *address, size_t i)
{
	for (size_t j = 0; j < s->n; j++)
		if (strcmp(s->v[j]->address, address) == 0 && i-- == 0)
			return s->v[j];
	return NULL;
}

static void
remember_file(struct receive_socket *socket)
{
	struct stat st;

	if (socket->path == NULL || lstat(socket->path, &st) < 0)
		return;
	socket->dev = st.st_dev;
	socket->ino = st.st_ino;
}

static void
expect(const struct receive_sockets *s, const struct source_conf *conf, const char *address)
{
	struct receive_socket *socket;

	for (size_t i = 0; (socket = receive_sockets_get(s, address, i)) != NULL; i++) {
		free(socket->expected);
		socket->expected = receive_keep_terms(conf);
	}
}

void
receive_sockets_expect(struct receive_sockets *s, const struct source_conf *confs, size_t n)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i]->expected);
		s->v[i]->expected = NULL;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < confs[i].listen.n; j++)
			expect(s, &confs[i], confs[i].listen.v[j].s);
}

static bool
make(struct receive_sockets *s, const char *address)
{
	struct receive_socket *socket;
	struct config_listen l;
	const char *wrong = config_listen_parse(address, &l);
	int fd = STDIN_FILENO;

	if (wrong != NULL || l.kind == LISTEN_SYSTEMD) {
		log_error("receive", "%s: %s", address,
		    wrong != NULL ? wrong : "systemd passed no socket of this name");
		return false;
	}
	if (l.kind != LISTEN_STDIN && (fd = receive_bind(address, &l)) < 0)
		return false;
	socket = add(s, xstrdup(address), l.kind, fd);
	socket->fresh = true;
	socket->passed = l.kind == LISTEN_STDIN;
	socket->path = xstrdup(l.path);
	remember_file(socket);
	return true;
}

bool
receive_sockets_remake(struct receive_socket *socket)
{
	struct config_listen l;
	int fd = config_listen_parse(socket->address, &l) != NULL
	    ? -1
	    : receive_bind(socket->address, &l);

	if (fd < 0)
		return false;
	dup3(fd, socket->fd, O_CLOEXEC);
	close(fd);
	socket->drops = 0;
	remember_file(socket);
	log_info("receive", "%s: made anew, its file was gone", socket->address);
	return true;
}

bool
receive_sockets_want(struct receive_sockets *s, const char *address)
{
	struct receive_socket *socket = receive_sockets_get(s, address, 0);

	if (socket != NULL && socket->wanted) {
		log_error("receive", "%s: is listened on already", address);
		return false;
	}
	if (socket == NULL && !make(s, address))
		return false;
	for (size_t i = 0; (socket = receive_sockets_get(s, address, i)) != NULL; i++)
		socket->wanted = true;
	return true;
}

/* Standard input and systemd's stay: they could not be had again. */
void
receive_sockets_end(struct receive_sockets *s, bool made)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct receive_socket *socket = s->v[i];

		if (socket->passed && made && !socket->wanted)
			log_warn("receive", "%s: systemd passes this socket, and no source listens on "
			                    "it: what comes waits unread", socket->address);
		if (!socket->passed && (made ? !socket->wanted : socket->fresh))
			discard(socket);
		else
			s->v[kept++] = socket;
	}
	s->n = kept;
}
