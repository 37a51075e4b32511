/*
 * crash: see crash.h.  Empty in builds without crash points.
 */
#include "util/crash.h"

#ifdef TRIAGED_CRASH_POINTS

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MAX 128
#define CRASH_STATUS 137 /* what a shell says of kill -9 */

/* Is ${name}:N what the environment asks for, and how many calls are left. */
static bool
is_wanted(const char *name, long *n)
{
	const char *at = getenv("TRIAGED_CRASH_AT");
	size_t length = strlen(name);

	if (at == NULL || strncmp(at, name, length) != 0 || at[length] != ':')
		return false;
	*n = strtol(at + length + 1, NULL, 10);
	return true;
}

static void
list(const char *name)
{
	static const char *seen[NAMES_MAX];
	const char *path = getenv("TRIAGED_CRASH_LIST");
	size_t i = 0;
	int fd;

	while (i < NAMES_MAX && seen[i] != NULL && seen[i] != name)
		i++;
	if (path == NULL || i == NAMES_MAX || seen[i] == name)
		return;
	seen[i] = name;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, name, strlen(name)) < 0 || write(fd, "\n", 1) < 0)
		_exit(CRASH_STATUS);
	close(fd);
}

void
crash_point(const char *name)
{
	static long calls;
	long n;

	list(name);
	if (is_wanted(name, &n) && ++calls >= n)
		_exit(CRASH_STATUS);
}

#else
typedef int crash_is_not_built;
#endif
