/*
 * spool_stock: which segments there are, how far they are committed, which may go.
 *
 * Removes none itself.  A segment that was committed is kept for a while all the
 * same: if Redis goes back in time it is read once more.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "spool/spool_internal.h"
#include "util/log.h"
#include "util/xalloc.h"

#define KEEP_MS (15 * 60 * 1000)

static int
compare(const void *a, const void *b)
{
	const struct spool_segment *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static DIR *
list(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL && fd >= 0)
		close(fd);
	return d;
}

void
spool_stock_take(struct spool_stock *s, int dir, const char *path)
{
	DIR *d = list(dir);
	const struct dirent *e;

	if (d == NULL) {
		log_warn("spool", "%s: cannot be listed: %s", path, strerrordesc_np(errno));
		return;
	}
	while ((e = readdir(d)) != NULL) {
		struct spool_segment seg = {0};

		if (!spool_segment_parse(e->d_name, &seg.number) ||
		    !spool_segment_inspect(dir, path, &seg))
			continue;
		XGROW(s->v, s->n);
		s->v[s->n++] = seg;
		s->held += seg.size;
	}
	closedir(d);
	if (s->n > 0)
		qsort(s->v, s->n, sizeof(*s->v), compare);
}

void
spool_stock_free(struct spool_stock *s)
{
	free(s->v);
	*s = (struct spool_stock){0};
}

/* Numbers grow whatever the clock does, and even if the directory is emptied
 * they do not come again: positions may still name them. */
uint64_t
spool_stock_next(const struct spool_stock *s, int64_t now)
{
	uint64_t next = s->n == 0 ? 0 : s->v[s->n - 1].number + 1;

	return now > 0 && (uint64_t)now > next ? (uint64_t)now : next;
}

void
spool_stock_add(struct spool_stock *s, uint64_t number, int64_t now)
{
	if (s->n > 0 && s->v[s->n - 1].closed == 0)
		s->v[s->n - 1].closed = now;
	XGROW(s->v, s->n);
	s->v[s->n++] = (struct spool_segment){.number = number};
}

void
spool_stock_grow(struct spool_stock *s, uint64_t bytes)
{
	s->v[s->n - 1].size += bytes;
	s->held += bytes;
}

static bool
may_go(const struct spool_segment *seg)
{
	return seg->closed != 0 && seg->committed >= seg->size && !seg->doomed;
}

bool
spool_stock_committed(struct spool_stock *s, uint64_t number, uint64_t offset)
{
	struct spool_segment key = {.number = number}, *seg;

	seg = s->n == 0 ? NULL : bsearch(&key, s->v, s->n, sizeof(*s->v), compare);
	if (seg == NULL)
		return false;
	/* Redis may have gone back in time: then what was committed is not any more. */
	seg->committed = offset;
	return may_go(seg);
}

void
spool_stock_doom(
    struct spool_stock *s, int64_t now, uint64_t keep, uint64_t room, uint64_t **numbers, size_t *n)
{
	uint64_t spare = 0, held = s->held;

	for (size_t i = 0; i < s->n; i++)
		if (may_go(&s->v[i]))
			spare += s->v[i].size;
	for (size_t i = 0; i + 1 < s->n; i++) {
		struct spool_segment *seg = &s->v[i];

		if (!may_go(seg) || (now - seg->closed <= KEEP_MS && spare <= keep && held <= room))
			continue;
		seg->doomed = true;
		spare -= seg->size;
		held -= seg->size;
		XGROW(*numbers, *n);
		(*numbers)[(*n)++] = seg->number;
	}
}

static bool
exists(int dir, uint64_t number)
{
	char name[SPOOL_NAME_SIZE];
	struct stat st;

	spool_segment_name(number, name);
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

void
spool_stock_settle(struct spool_stock *s, int dir)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct spool_segment seg = s->v[i];

		if (seg.doomed && !exists(dir, seg.number)) {
			s->held -= seg.size;
			continue;
		}
		seg.doomed = false;
		s->v[kept++] = seg;
	}
	s->n = kept;
}

bool
spool_stock_waits(const struct spool_stock *s)
{
	for (size_t i = 0; i + 1 < s->n; i++)
		if (may_go(&s->v[i]))
			return true;
	return false;
}
