/*
 * stamp: see stamp.h.
 */
#include "util/stamp.h"

#include <sys/stat.h>

static int64_t
nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void
stamp_stat(const struct stat *st, struct stamp *out)
{
	*out = (struct stamp){.device = (uint64_t)st->st_dev,
	    .inode = (uint64_t)st->st_ino,
	    .size = (int64_t)st->st_size,
	    .modified = nanoseconds(st->st_mtim),
	    .changed = nanoseconds(st->st_ctim)};
}

void
stamp_path(const char *path, struct stamp *out)
{
	struct stat st;

	*out = (struct stamp){0};
	if (stat(path, &st) == 0)
		stamp_stat(&st, out);
}

bool
stamp_same(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	    a->modified == b->modified && a->changed == b->changed;
}
