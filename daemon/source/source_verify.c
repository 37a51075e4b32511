/*
 * source_verify: see source_verify.h.
 */
#include "source/source_verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/source_internal.h"

_Static_assert(SOURCE_VERIFY_ID_SIZE >= SOURCE_ID_SIZE, "an id fits");

int
source_verify_look(const char *path, char id[SOURCE_VERIFY_ID_SIZE], uint64_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error = 0;
	struct source_id found;
	struct stat st;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) < 0)
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = ENOTSUP;
	else
		error = source_identity_of_fd(fd, &found);
	close(fd);
	if (error != 0)
		return error;
	snprintf(id, SOURCE_VERIFY_ID_SIZE, "%s", found.text);
	*size = (uint64_t)st.st_size;
	return 0;
}
