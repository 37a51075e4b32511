/*
 * spool_segment: the files of a spool: made, written, looked at, removed.
 *
 * A group is written at a fixed place and counts once fdatasync() has returned.
 * When that fails the kernel may have dropped what was to be written and call the
 * next fdatasync() a success; so all of the group is written once more, to the
 * same place, before it is tried again.  It is never taken back and never written
 * to another segment: whoever follows the file may have read its lines by then
 * and would read them twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/spool_internal.h"
#include "util/crash.h"
#include "util/log.h"
#include "util/xalloc.h"

#define DIGITS 16
#define SUFFIX ".log"
#define CREATE_TRIES 100
#define TAIL_SIZE 65536

void
spool_segment_name(uint64_t number, char out[SPOOL_NAME_SIZE])
{
	snprintf(out, SPOOL_NAME_SIZE, "%0*llx" SUFFIX, DIGITS, (unsigned long long)number);
}

bool
spool_segment_parse(const char *name, uint64_t *number)
{
	char again[SPOOL_NAME_SIZE];

	if (strlen(name) != DIGITS + strlen(SUFFIX))
		return false;
	*number = strtoull(name, NULL, 16);
	spool_segment_name(*number, again);
	return strcmp(name, again) == 0;
}

/* ---- the directory -------------------------------------------------------------- */

/* So that the entry of ${path} outlives a power cut. */
static int
sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = slash == NULL ? xstrdup(".") : xstrndup(path, (size_t)(slash - path) + 1);
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ok = -1;

	if (fd >= 0) {
		ok = fsync(fd);
		close(fd);
	}
	free(parent);
	return ok;
}

static int
make_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent;

	if (mkdir(path, 0700) == 0)
		return sync_parent(path);
	if (errno != ENOENT || slash == NULL || slash == path)
		return errno == EEXIST ? 0 : -1;
	parent = xstrndup(path, (size_t)(slash - path));
	if (make_dir(parent) == 0 && mkdir(path, 0700) == 0) {
		free(parent);
		return sync_parent(path);
	}
	free(parent);
	return -1;
}

int
spool_segment_dir(const char *path)
{
	int fd = -1;

	if (make_dir(path) == 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		log_error(
		    "spool", "%s: cannot be made or opened: %s", path, strerrordesc_np(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		log_error("spool", "%s: is in use by another process, or cannot be locked: %s",
		    path, strerrordesc_np(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- segments of earlier processes ------------------------------------------------ */

/* Where the last whole line ends; -1 on error. */
static off_t
whole_lines(int fd, off_t size)
{
	char *tail = xmalloc(TAIL_SIZE);
	off_t end = size;

	while (end > 0) {
		size_t want = end < TAIL_SIZE ? (size_t)end : TAIL_SIZE;
		ssize_t got = pread(fd, tail, want, end - (off_t)want);
		const char *newline;

		if (got != (ssize_t)want) {
			end = -1;
			break;
		}
		newline = memrchr(tail, '\n', want);
		end -= (off_t)want;
		if (newline != NULL) {
			end += newline - tail + 1;
			break;
		}
	}
	free(tail);
	return end;
}

/* A reader takes no damaged line for a message, so what cannot be mended stays. */
static void
cut_tail(int fd, const char *path, const char *name, struct stat *st)
{
	off_t end = whole_lines(fd, st->st_size);

	if (end == st->st_size)
		return;
	if (end < 0 || ftruncate(fd, end) < 0 || fdatasync(fd) < 0) {
		log_warn("spool", "%s/%s: what follows its last whole line cannot be cut off: %s",
		    path, name, strerrordesc_np(errno));
		return;
	}
	log_info("spool", "%s/%s: cut off %lld bytes of a message that was not written to its end",
	    path, name, (long long)(st->st_size - end));
	st->st_size = end;
}

bool
spool_segment_inspect(int dir, const char *path, struct spool_segment *out)
{
	char name[SPOOL_NAME_SIZE];
	struct stat st;
	int fd;

	spool_segment_name(out->number, name);
	fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		log_warn("spool", "%s/%s: is no segment that can be used", path, name);
		if (fd >= 0)
			close(fd);
		return false;
	}
	cut_tail(fd, path, name, &st);
	close(fd);
	if (st.st_size == 0 && unlinkat(dir, name, 0) == 0)
		return false;
	out->size = (uint64_t)st.st_size;
	out->closed = (int64_t)st.st_mtim.tv_sec * 1000 + 1;
	return true;
}

/* ---- the work -------------------------------------------------------------------- */

static bool
fail(struct spool_work *w, const char *failed)
{
	w->error = errno;
	w->failed = failed;
	return false;
}

static int
create(struct spool_work *w)
{
	char name[SPOOL_NAME_SIZE];
	int fd = -1;

	for (int i = 0; fd < 0 && i < CREATE_TRIES; i++) {
		spool_segment_name(w->number + (uint64_t)i, name);
		fd = openat(
		    w->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			return -1;
		if (fd >= 0)
			w->number += (uint64_t)i;
	}
	if (fd >= 0 && fsync(w->dir) < 0) {
		int error = errno;

		unlinkat(w->dir, name, 0);
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* Somebody may have removed it under our hands. */
static bool
is_linked(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* Have a segment that the group goes to. */
static bool
choose(struct spool_work *w)
{
	bool fits = w->fd >= 0 && (w->size == 0 || w->size + w->group.n <= w->limit);
	int fd;

	if (fits && is_linked(w->fd))
		return true;
	fd = create(w);
	if (fd < 0)
		return fail(w, "a new segment cannot be made");
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	w->size = 0;
	w->created = true;
	CRASH_POINT("spool-segment-created");
	return true;
}

static bool
write_all(int fd, struct sv data, uint64_t at)
{
	while (data.n > 0) {
		ssize_t n = pwrite(fd, data.p, data.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data = sv_from(data, (size_t)n);
		at += (uint64_t)n;
	}
	return true;
}

static void
write_group(struct spool_work *w)
{
	if (!w->begun && !choose(w))
		return;
	w->begun = true;
	if (!write_all(w->fd, buf_view(&w->group), w->size)) {
		fail(w, "cannot be written");
		return;
	}
	CRASH_POINT("spool-written");
	if (fdatasync(w->fd) < 0) {
		fail(w, "cannot be brought to disk");
		return;
	}
	CRASH_POINT("spool-synced");
	w->size += w->group.n;
	w->begun = false;
}

static void
remove_doomed(struct spool_work *w)
{
	char name[SPOOL_NAME_SIZE];

	for (size_t i = 0; i < w->ndoomed; i++) {
		spool_segment_name(w->doomed[i], name);
		if (unlinkat(w->dir, name, 0) < 0 && errno != ENOENT)
			w->remove_error = errno;
		CRASH_POINT("spool-deleted");
	}
	/* One that came back would be read again. */
	if (fsync(w->dir) < 0)
		w->remove_error = errno;
}

void
spool_segment_work(struct spool_work *w)
{
	w->created = false;
	w->error = w->remove_error = 0;
	/* First, since it makes room. */
	if (w->ndoomed > 0)
		remove_doomed(w);
	if (w->group.n > 0)
		write_group(w);
}
