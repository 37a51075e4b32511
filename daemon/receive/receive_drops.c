/*
 * receive_drops: how much of a socket's count of drops has been told, for sockets that
 * live longer than we do.
 *
 * The kernel counts from the socket's beginning.  One that systemd holds is known by
 * its cookie, which is unique until the next boot; the number told is in a file beside
 * the spool, so that a restart tells neither twice nor nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "receive/receive_internal.h"
#include "util/log.h"
#include "util/xalloc.h"

#define NAME 128

/* "BOOT-COOKIE", or false when the kernel does not say. */
static bool
name_of(const struct receive_socket *socket, char out[NAME])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	uint64_t cookie = 0;
	socklen_t n = sizeof(cookie);
	char boot[40] = "";
	bool known = f != NULL && fscanf(f, "%36s", boot) == 1 &&
	    getsockopt(socket->fd, SOL_SOCKET, SO_COOKIE, &cookie, &n) == 0;

	if (f != NULL)
		fclose(f);
	snprintf(out, NAME, "%s-%" PRIu64, boot, cookie);
	return known;
}

static char *
path_of(const struct receive_port *p, const char *suffix)
{
	return xasprintf(
	    "%s/spool/%s.drops%s", p->source->receive->state_dir, p->source->conf->id.s, suffix);
}

/* The file has lines "NAME NUMBER": the number of ${name}, 0 without one. */
static uint32_t
read_file(const char *path, const char *name)
{
	FILE *f = fopen(path, "re");
	char one[NAME];
	uint32_t number, found = 0;

	while (f != NULL && fscanf(f, "%127s %" SCNu32, one, &number) == 2)
		if (strcmp(one, name) == 0)
			found = number;
	if (f != NULL)
		fclose(f);
	return found;
}

void
receive_drops_load(struct receive_port *p)
{
	char name[NAME], *path;

	if (!p->socket->passed || p->socket->drops > 0 || !name_of(p->socket, name))
		return;
	path = path_of(p, "");
	p->socket->drops = read_file(path, name);
	free(path);
}

/* One line for each of the source's sockets. */
static bool
write_file(const struct receive_port *p, const char *path)
{
	const struct receive *r = p->source->receive;
	FILE *f = fopen(path, "we");
	char name[NAME];
	bool good = f != NULL;

	for (size_t i = 0; i < r->nports && good; i++) {
		const struct receive_socket *socket = r->ports[i]->socket;

		if (r->ports[i]->source == p->source && socket->passed && name_of(socket, name))
			good = fprintf(f, "%s %" PRIu32 "\n", name, socket->drops) > 0;
	}
	return f != NULL && fclose(f) == 0 && good;
}

void
receive_drops_save(const struct receive_port *p)
{
	char *path, *new;

	if (!p->socket->passed)
		return;
	path = path_of(p, "");
	new = path_of(p, ".new");
	if (!write_file(p, new) || rename(new, path) < 0)
		log_warn("receive", "%s: cannot be written: %s", path, strerror(errno));
	free(new);
	free(path);
}
