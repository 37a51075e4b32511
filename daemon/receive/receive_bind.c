/*
 * receive_bind: one socket or FIFO for one address.
 *
 * Unix sockets and FIFOs are made for us and our group (0660, 0600): what everybody
 * on the host may write to is for a socket unit of systemd to make.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "receive/receive_internal.h"
#include "util/log.h"

#define BUFFER_WANTED (64 * 1024 * 1024)
#define PIPE_WANTED (1024 * 1024)
#define UNIX_MODE 0660
#define FIFO_MODE 0600

static int
fail(int fd, const char *address, const char *what)
{
	log_error("receive", "%s: %s: %s", address, what, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

size_t
receive_bind_buffer(int fd)
{
	int size = BUFFER_WANTED, got = 0;
	socklen_t n = sizeof(got);

	/* The kernel gives and tells twice what is asked for: its own part comes out of it. */
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &n) == 0 && got / 2 >= size)
		return (size_t)got / 2;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &n) < 0 || got < 0)
		return 0;
	return (size_t)got / 2;
}

static int
bind_inet(const char *address, const struct config_listen *l)
{
	int type = l->kind == LISTEN_UDP ? SOCK_DGRAM : SOCK_STREAM, on = 1, off = 0;
	int fd = socket(l->address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return fail(fd, address, "cannot make a socket");
	/* [::] is for IPv4 as well, whatever the system's default. */
	if (l->address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&l->address, l->address_n) < 0)
		return fail(fd, address, "cannot be bound");
	if (type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0)
		return fail(fd, address, "cannot listen");
	return fd;
}

/* Does somebody listen there, or is it only the file of one who did? */
static bool
is_served(const struct sockaddr_un *sun, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served = fd >= 0 &&
	    (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 || errno == EAGAIN ||
	        errno == EPROTOTYPE);

	if (fd >= 0)
		close(fd);
	return served;
}

/* Remove the socket file that is in the way, unless it is in use. */
static bool
clear_path(const struct sockaddr_un *sun, int type)
{
	struct stat st;

	if (lstat(sun->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return true;
	if (is_served(sun, type)) {
		errno = EADDRINUSE;
		return false;
	}
	return unlink(sun->sun_path) == 0;
}

static int
bind_unix(const char *address, const struct config_listen *l)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int type = l->kind == LISTEN_UNIX ? SOCK_STREAM : SOCK_DGRAM, on = 1;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return fail(fd, address, "cannot make a socket");
	strncpy(sun.sun_path, l->path, sizeof(sun.sun_path) - 1);
	if (!clear_path(&sun, type) || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return fail(fd, address, "cannot be bound");
	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	if (chmod(l->path, UNIX_MODE) < 0 || (type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0))
		return fail(fd, address, "cannot listen");
	return fd;
}

/* Opened for writing too: so it has a writer always, and never an end. */
static int
open_fifo(const char *address, const struct config_listen *l)
{
	struct stat st;
	int fd;

	if (mkfifo(l->path, FIFO_MODE) < 0 && errno != EEXIST)
		return fail(-1, address, "cannot be made");
	fd = open(l->path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(fd, address, "cannot be opened");
	if (!S_ISFIFO(st.st_mode)) {
		log_error("receive", "%s: expected a FIFO; something else has this name", address);
		close(fd);
		return -1;
	}
	(void)fcntl(fd, F_SETPIPE_SZ, PIPE_WANTED);
	return fd;
}

int
receive_bind(const char *address, const struct config_listen *l)
{
	switch (l->kind) {
	case LISTEN_UDP:
	case LISTEN_TCP:
	case LISTEN_TLS:
		return bind_inet(address, l);
	case LISTEN_UNIX:
	case LISTEN_UNIXGRAM:
		return bind_unix(address, l);
	case LISTEN_FIFO:
		return open_fifo(address, l);
	default:
		return -1;
	}
}
