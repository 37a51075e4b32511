/*
 * source_file: one open file, known by its identity, and how far it is read.
 *
 * Does not know why a file is read or what its names are; source_scan.c does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "source/source_internal.h"
#include "util/clock.h"
#include "util/xalloc.h"

static int
identify(int dir, const char *path, int flags, struct source_id *id, uint64_t *size)
{
	struct statx st;

	if (statx(dir, path, flags | AT_STATX_SYNC_AS_STAT,
		STATX_TYPE | STATX_INO | STATX_SIZE | STATX_BTIME, &st) < 0)
		return errno;
	*id = (struct source_id){
	    .major = st.stx_dev_major, .minor = st.stx_dev_minor, .inode = st.stx_ino};
	if (st.stx_mask & STATX_BTIME)
		id->birth = (uint64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
	*size = st.stx_size;
	return S_ISREG(st.stx_mode) ? 0 : ENOTSUP;
}

int
source_file_identify(const char *path, struct source_id *id)
{
	uint64_t size;

	return identify(AT_FDCWD, path, 0, id, &size);
}

int
source_file_identify_in(int dir, const char *name, struct source_id *id)
{
	uint64_t size;

	return identify(dir, name, AT_SYMLINK_NOFOLLOW, id, &size);
}

bool
source_id_eq(const struct source_id *a, const struct source_id *b)
{
	return a->major == b->major && a->minor == b->minor && a->inode == b->inode &&
	    a->birth == b->birth;
}

void
source_id_format(const struct source_id *id, char out[SOURCE_ID_SIZE])
{
	snprintf(out, SOURCE_ID_SIZE, "%x:%x:%llx:%llx", id->major, id->minor,
	    (unsigned long long)id->inode, (unsigned long long)id->birth);
}

/* What does not come out again as it went in was not one of ours. */
bool
source_id_parse(const char *text, struct source_id *id)
{
	unsigned long long inode, birth;
	char again[SOURCE_ID_SIZE];

	if (strlen(text) >= SOURCE_ID_SIZE ||
	    sscanf(text, "%x:%x:%llx:%llx", &id->major, &id->minor, &inode, &birth) != 4)
		return false;
	id->inode = inode;
	id->birth = birth;
	source_id_format(id, again);
	return strcmp(text, again) == 0;
}

/* Nothing must come of opening what is no log: a FIFO does not block, a terminal
 * does not become ours, and only a regular file is kept. */
struct source_file *
source_file_open(const char *path, int *error)
{
	struct source_file *f;
	struct source_id id;
	uint64_t size;
	char text[SOURCE_ID_SIZE];
	int fd;

	if ((*error = source_file_identify(path, &id)) != 0)
		return NULL;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		*error = errno;
		return NULL;
	}
	if ((*error = identify(fd, "", AT_EMPTY_PATH, &id, &size)) != 0) {
		close(fd);
		return NULL;
	}
	source_id_format(&id, text);
	f = xcalloc(1, sizeof(*f));
	f->stream.id = xstrdup(text);
	f->stream.path = xstrdup(path);
	f->id = id;
	f->fd = fd;
	f->wd = -1;
	f->lines.stream = &f->stream;
	f->size = size;
	f->more = size > 0;
	f->grown = clock_mono();
	return f;
}

void
source_file_free(struct source_file **fp)
{
	struct source_file *f = *fp;

	if (f == NULL)
		return;
	close(f->fd);
	buf_free(&f->lines.head);
	free((char *)f->stream.id);
	free((char *)f->stream.path);
	free(f->alias);
	free(f);
	*fp = NULL;
}

void
source_file_rename(struct source_file *f, char *path)
{
	free((char *)f->stream.path);
	f->stream.path = path;
}

static void
restart(struct source_file *f)
{
	source_lines_seek(&f->lines, 0);
	if (!f->truncated)
		f->stale = f->committed;
	f->first = f->committed = 0;
	f->truncated = true;
	f->announce = true;
}

/* Shorter than what was read of it, be it only a part of a line: what is there
 * now has been written since. */
bool
source_file_check(struct source_file *f)
{
	bool cut = false;
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return false;
	if ((uint64_t)st.st_size != f->size) {
		f->size = (uint64_t)st.st_size;
		f->grown = clock_mono();
	}
	if (f->size < f->lines.at) {
		restart(f);
		cut = true;
	}
	if (f->size > f->lines.at) {
		f->more = true;
		f->finished = false;
	}
	return cut;
}

uint64_t
source_file_last_line(const struct source_file *f, size_t max_line)
{
	size_t want = f->size < max_line ? (size_t)f->size : max_line;
	char *tail = xmalloc(want), *newline = NULL;
	uint64_t from = f->size - want, at = f->size;
	ssize_t got = pread(f->fd, tail, want, (off_t)from);

	if (got > 0)
		newline = memrchr(tail, '\n', (size_t)got);
	if (newline != NULL)
		at = from + (uint64_t)(newline - tail) + 1;
	else if (got >= 0 && from == 0)
		at = 0;
	free(tail);
	return at;
}

size_t
source_file_read(struct source_file *f, char *buffer, const struct source_sink *sink)
{
	ssize_t got = pread(f->fd, buffer, SOURCE_READ_SIZE, (off_t)f->lines.at);

	if (got < 0) {
		f->problem = strerrordesc_np(errno);
		f->more = false;
		return 0;
	}
	f->problem = NULL;
	/* Before the lines go out: whoever takes them may seek. */
	f->more = (size_t)got == SOURCE_READ_SIZE;
	if (!source_lines_feed(&f->lines, sink, (struct sv){buffer, (size_t)got}))
		f->more = true;
	return (size_t)got;
}

/* After a truncation that the state has not confirmed it may still have a position
 * of the content before: the last one it confirmed, or one that the new content
 * has not reached. */
void
source_file_seek(struct source_file *f, uint64_t offset)
{
	if (f->truncated && (offset == f->stale || offset > f->lines.begin))
		offset = 0;
	else
		f->truncated = false;
	source_lines_seek(&f->lines, offset);
	f->committed = offset;
	f->finished = false;
	f->more = true;
}

void
source_file_committed(struct source_file *f, uint64_t offset)
{
	if (offset > f->lines.begin) /* of the content before a truncation */
		return;
	f->truncated = false;
	if (offset > f->committed)
		f->committed = offset;
}

bool
source_file_may_go(const struct source_file *f)
{
	return f->finished && !f->announce && f->committed >= f->lines.at;
}
