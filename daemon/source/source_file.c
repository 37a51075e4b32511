/*
 * source_file: one open file, known by its identity, and how far it is read.
 *
 * Does not know why a file is read or what its names are; source_scan.c does.
 * source_read.c reads it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "source/source_internal.h"
#include "util/clock.h"
#include "util/crash.h"
#include "util/xalloc.h"

#define LOOKS 3        /* at a remote file, before it is believed to be shorter */
#define SPARE_FILES 64 /* descriptors that are left to others */

/* ---- opening -------------------------------------------------------------------- */

static bool
is_remote(int fd)
{
	static const unsigned magic[] = {0x6969 /* NFS */, 0x517b /* SMB */, 0xff534d42 /* CIFS */,
	    0xfe534d42 /* SMB2 */, 0x65735546 /* FUSE */, 0x01021997 /* 9P */,
	    0x00c36400 /* Ceph */, 0x5346414f /* AFS */, 0x0bd00bd0 /* Lustre */};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(magic) / sizeof(magic[0]); i++)
		if ((unsigned)fs.f_type == magic[i])
			return true;
	return false;
}

/* Nothing must come of opening what is no log: a FIFO does not block, a terminal
 * does not become ours, and the links of /proc lead nowhere. */
static int
open_log(const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	    .resolve = RESOLVE_NO_MAGICLINKS};
	long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = open(path, (int)how.flags);
	return (int)fd;
}

/* Files come and go, but Redis and the receivers must always be reached. */
static bool
is_spare(int fd)
{
	struct rlimit limit;
	rlim_t spare = SPARE_FILES;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return false;
	if (spare > limit.rlim_cur / 4)
		spare = limit.rlim_cur / 4;
	return (rlim_t)fd >= limit.rlim_cur - spare;
}

static int
open_and_identify(const char *path, struct source_id *id, int *error)
{
	int fd;

	if ((*error = source_identity_of(NULL, path, id)) != 0)
		return -1;
	fd = open_log(path);
	if (fd < 0) {
		*error = errno;
		return -1;
	}
	*error = is_spare(fd) ? EMFILE : source_identity_of_fd(fd, id);
	if (*error == 0)
		return fd;
	close(fd);
	return -1;
}

bool
source_file_reopen(struct source_file *f)
{
	struct source_id id;
	int error, fd = open_and_identify(f->stream.path, &id, &error);
	bool same =
	    fd >= 0 && source_identity_eq(&id, &f->file_id) && dup3(fd, f->fd, O_CLOEXEC) >= 0;

	if (fd >= 0)
		close(fd);
	return same;
}

/* The state of the open file, of which only the descriptor may have become stale. */
static bool
look_at(struct source_file *f, struct stat *st)
{
	if (fstat(f->fd, st) == 0)
		return true;
	if (errno == ESTALE && source_file_reopen(f) && fstat(f->fd, st) == 0) {
		f->problem = NULL;
		return true;
	}
	/* One without a name has been deleted on the server. */
	f->unlinked = f->gone;
	f->problem = f->gone ? NULL : "the file cannot be looked at any more";
	return false;
}

struct source_file *
source_file_open(const char *path, bool rotated, int *error)
{
	struct source_file *f;
	struct source_id id;
	struct stat st;
	int fd = open_and_identify(path, &id, error);

	if (fd < 0)
		return NULL;
	f = xcalloc(1, sizeof(*f));
	f->stream.id = xstrdup(id.text);
	f->stream.path = xstrdup(path);
	f->id = f->file_id = id;
	f->fd = fd;
	f->wd = -1;
	f->lines.stream = &f->stream;
	f->size = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	f->more = f->size > 0;
	f->grown = clock_mono();
	f->remote = is_remote(fd);
	source_steps_clear(&f->steps);
	if (rotated && source_archive_suffix(path) > 0)
		f->archive = source_archive_open(fd);
	f->age = id.birth;
	if (f->archive != NULL && fstat(fd, &st) == 0)
		f->age = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
	CRASH_POINT("file-opened");
	return f;
}

void
source_file_free(struct source_file **fp)
{
	struct source_file *f = *fp;

	if (f == NULL)
		return;
	source_archive_free(&f->archive);
	close(f->fd);
	buf_free(&f->lines.head);
	buf_free(&f->left);
	free((char *)f->stream.id);
	free((char *)f->stream.path);
	free(f->alias);
	free(f->log);
	free(f->gaps);
	free(f);
	*fp = NULL;
}

void
source_file_rename(struct source_file *f, char *path)
{
	free((char *)f->stream.path);
	f->stream.path = path;
}

void
source_file_add_gap(
    struct source_file *f, enum trouble_kind kind, uint64_t from, uint64_t to, const char *text)
{
	XGROW(f->gaps, f->ngaps);
	f->gaps[f->ngaps++] = (struct source_gap){.kind = kind, .span = {from, to}, .text = text};
}

/* ---- where to read --------------------------------------------------------------- */

static void
go_to(struct source_file *f, uint64_t offset)
{
	source_lines_seek(&f->lines, offset);
	f->seeks++;
	f->finished = f->rewritten = false;
	f->more = true;
	f->last.offset = offset;
	f->committed = offset;
}

/* An archive is decompressed once more, up to there. */
static void
begin_archive(struct source_file *f, uint64_t offset)
{
	source_archive_rewind(&f->archive);
	source_check_clear(&f->check);
	buf_free(&f->left);
	f->decoded = 0;
	go_to(f, offset);
}

void
source_file_begin(struct source_file *f, uint64_t offset)
{
	bool archive = f->archive != NULL;

	if (archive) {
		begin_archive(f, offset);
		return;
	}
	source_check_load(&f->check, f->fd, offset);
	go_to(f, offset);
	f->last.check = source_check_value(&f->check);
}

bool
source_file_seek(struct source_file *f, uint64_t offset, uint64_t check)
{
	struct stat st;

	if (f->archive != NULL) {
		f->wanted = check;
		f->last.check = check;
	} else if (f->stream.form == LINE_SPOOL && fstat(f->fd, &st) == 0 &&
	    (uint64_t)st.st_size < offset) {
		/* Nobody cuts a segment but a power cut: what it lost had been read. */
		offset = (uint64_t)st.st_size;
	} else if (fstat(f->fd, &st) < 0 || (uint64_t)st.st_size < offset ||
	    (check != 0 && !source_check_holds(f->fd, offset, check))) {
		return false;
	}
	source_file_begin(f, offset);
	return true;
}

uint64_t
source_file_begin_check(const struct source_file *f)
{
	struct source_check c;

	if (f->last.offset == f->lines.begin)
		return f->last.check;
	if (f->archive == NULL && source_check_load(&c, f->fd, f->lines.begin))
		return source_check_value(&c);
	return 0;
}

/* ---- looking ---------------------------------------------------------------------- */

static bool
head_has_changed(const struct source_file *f)
{
	char head[SOURCE_CHECK_SIZE];
	ssize_t n = pread(f->fd, head, f->check.nhead, 0);

	return n >= 0 &&
	    ((size_t)n < f->check.nhead || memcmp(head, f->check.head, (size_t)n) != 0);
}

/* Not what was read of it any more, though it is no shorter. */
static bool
tail_has_changed(const struct source_file *f)
{
	struct source_check c;

	return f->lines.at > 0 && source_check_load(&c, f->fd, f->lines.at) &&
	    source_check_value(&c) != source_check_value(&f->check) &&
	    source_check_value(&f->check) != 0;
}

/* A file of the same size may be another: its time says so, but for what was written in
 * the tick of the last look. */
static bool
may_be_rewritten(struct source_file *f, const struct stat *st)
{
	bool touched =
	    st->st_mtim.tv_sec != f->modified.tv_sec || st->st_mtim.tv_nsec != f->modified.tv_nsec;

	f->modified = st->st_mtim;
	return touched || clock_now() - (int64_t)st->st_mtim.tv_sec * 1000 < 2000;
}

/* Shorter than what was read of it, be it only a part of a line.  A file server may
 * show an old size for a while. */
static bool
is_shorter(struct source_file *f)
{
	struct source_check c;

	if (f->size >= f->lines.at) {
		f->shrunk = 0;
		return false;
	}
	if (!f->remote)
		return true;
	return ++f->shrunk >= LOOKS && !source_check_load(&c, f->fd, f->lines.at);
}

bool
source_file_check(struct source_file *f)
{
	struct stat st;
	bool touched;

	if (f->archive != NULL || !look_at(f, &st))
		return false;
	f->unlinked = st.st_nlink == 0;
	touched = may_be_rewritten(f, &st);
	if ((uint64_t)st.st_size != f->size) {
		if ((uint64_t)st.st_size > f->size)
			f->grew = clock_mono();
		if (f->size >= f->lines.at)
			f->before = f->size;
		f->size = (uint64_t)st.st_size;
		f->grown = clock_mono();
	}
	if (touched && f->size >= f->lines.at && (head_has_changed(f) || tail_has_changed(f)))
		f->rewritten = true;
	if (is_shorter(f) || f->rewritten)
		return true;
	if (f->size > f->lines.at) {
		f->more = true;
		f->finished = f->closed = false;
		f->let_go = 0;
	}
	return false;
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

/* A lease to read is granted only while nobody has the file open to write.  Who
 * would open it meanwhile waits until it is given back, at once; the signal is one
 * that is ignored. */
enum source_writer
source_file_writer(const struct source_file *f)
{
	if (f->archive != NULL)
		return WRITER_GONE;
	if (fcntl(f->fd, F_SETSIG, SIGURG) < 0)
		return WRITER_UNKNOWN;
	if (fcntl(f->fd, F_SETLEASE, F_RDLCK) == 0) {
		fcntl(f->fd, F_SETLEASE, F_UNLCK);
		return WRITER_GONE;
	}
	return errno == EAGAIN ? WRITER_THERE : WRITER_UNKNOWN;
}

/* ---- what is committed -------------------------------------------------------------- */

void
source_file_committed(struct source_file *f, uint64_t offset)
{
	size_t kept = 0;

	f->stated = true;
	if (offset > f->lines.begin) /* of the content before a truncation */
		return;
	f->renewed = false;
	if (offset > f->committed)
		f->committed = offset;
	for (size_t i = 0; i < f->ngaps; i++)
		if (!f->gaps[i].told)
			f->gaps[kept++] = f->gaps[i];
	f->ngaps = kept;
}

bool
source_file_may_go(const struct source_file *f)
{
	return f->finished && !f->announce && f->committed >= f->lines.at;
}
