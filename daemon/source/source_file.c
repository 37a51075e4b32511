/*
 * source_file: one open file, known by its identity, and how far it is read.
 *
 * Does not know why a file is read or what its names are; source_scan.c does.
 * Each read begins with the last bytes of the one before, so that content which
 * was put in the place of what had been read there is noticed, however long it is.
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

#define FAILURES 5      /* reads that fail before what cannot be read is passed over */
#define BLOCK 4096      /* and how much of it at once */
#define LOOKS 3         /* at a remote file, before it is believed to be shorter */
#define SPARE_FILES 64  /* descriptors that are left to others */

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

/* A file server that was restarted may know the file again by its name only. */
static bool
reopen(struct source_file *f)
{
	struct source_id id;
	int error, fd = open_and_identify(f->stream.path, &id, &error);
	bool same = fd >= 0 && source_identity_eq(&id, &f->file_id) &&
	    dup3(fd, f->fd, O_CLOEXEC) >= 0;

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
	if (errno == ESTALE && reopen(f) && fstat(f->fd, st) == 0) {
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
source_file_add_gap(struct source_file *f, enum trouble_kind kind, uint64_t from, uint64_t to,
    const char *text)
{
	XGROW(f->gaps, f->ngaps);
	f->gaps[f->ngaps++] =
	    (struct source_gap){.kind = kind, .span = {from, to}, .text = text};
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

	return n >= 0 && ((size_t)n < f->check.nhead || memcmp(head, f->check.head, (size_t)n) != 0);
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
	bool touched = st->st_mtim.tv_sec != f->modified.tv_sec ||
	    st->st_mtim.tv_nsec != f->modified.tv_nsec;

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

/* ---- reading ---------------------------------------------------------------------- */

/* One call of source_lines_feed(): ${p} is what lies at ${base}. */
struct feeding {
	struct source_file *file;
	const struct source_sink *sink;
	const char *p;
	uint64_t base;
};

static bool
got_chunk(void *ctx, const struct chunk *chunk)
{
	const struct feeding *feeding = ctx;
	struct source_file *f = feeding->file;
	struct chunk with = *chunk;

	with.check =
	    source_check_ahead(&f->check, feeding->p, (size_t)(chunk->next - feeding->base));
	f->last.offset = chunk->next;
	f->last.check = with.check;
	source_steps_add(&f->steps, chunk->next, with.check);
	return feeding->sink->chunk(feeding->sink->ctx, &with);
}

static void
got_gap(void *ctx, const struct stream *stream, enum trouble_kind kind, struct source_span span)
{
	const struct feeding *feeding = ctx;

	if (feeding->sink->gap != NULL)
		feeding->sink->gap(feeding->sink->ctx, stream, kind, span);
}

/* How many of the ${n} bytes were used; all when the sink sent us elsewhere. */
static size_t
feed(struct source_file *f, const struct source_sink *sink, const char *p, size_t n)
{
	struct feeding feeding = {f, sink, p, f->lines.at};
	struct source_sink own = {sink->max_line, sink->stats, got_chunk, got_gap, &feeding};
	uint64_t seeks = f->seeks;

	if (!source_lines_feed(&f->lines, &own, (struct sv){p, n}))
		f->more = true;
	if (f->seeks != seeks)
		return n;
	n = (size_t)(f->lines.at - feeding.base);
	source_check_add(&f->check, p, n);
	return n;
}

bool
source_file_finish(struct source_file *f, const struct source_sink *sink)
{
	struct feeding feeding = {f, sink, "", f->lines.at};
	struct source_sink own = {sink->max_line, sink->stats, got_chunk, got_gap, &feeding};

	return source_lines_finish(&f->lines, &own);
}

static bool
ends_in_zeros(const struct source_check *c)
{
	static const char zeros[SOURCE_CHECK_SIZE];

	return c->ntail == sizeof(zeros) && memcmp(c->tail, zeros, sizeof(zeros)) == 0;
}

/* Where there are zeros there may be a hole of any size. */
static size_t
skip_hole(struct source_file *f, const struct source_sink *sink)
{
	off_t data;
	uint64_t end;

	if (!ends_in_zeros(&f->check) || f->size <= f->lines.at)
		return 0;
	data = lseek(f->fd, (off_t)f->lines.at, SEEK_DATA);
	if (data < 0 && errno != ENXIO)
		return 0;
	end = data < 0 || (uint64_t)data > f->size ? f->size : (uint64_t)data;
	if (end <= f->lines.at)
		return 0;
	source_check_add_zeros(&f->check, end - f->lines.at);
	source_lines_skip(&f->lines, sink, end - f->lines.at, TROUBLE_NUL);
	return 1;
}

/* After so many tries the block will not come back.  A stale descriptor has been opened
 * anew if that can be done. */
static size_t
read_failed(struct source_file *f, const struct source_sink *sink, int error)
{
	uint64_t end = (f->lines.at / BLOCK + 1) * BLOCK;

	f->problem = strerrordesc_np(error);
	f->more = error == ESTALE && f->failures == 0 && reopen(f);
	if (++f->failures < FAILURES)
		return 0;
	if (end > f->size || error == ESTALE)
		end = f->size;
	if (end > f->lines.at) {
		source_lines_skip(&f->lines, sink, end - f->lines.at, TROUBLE_UNREADABLE);
		f->check.ntail = 0;
		f->more = end < f->size;
	}
	if (!f->more)
		f->problem = NULL;
	f->failures = FAILURES - 1;
	return 0;
}

static size_t
read_plain(struct source_file *f, char *buffer, const struct source_sink *sink)
{
	size_t lead = f->check.ntail;
	ssize_t got = pread(f->fd, buffer, SOURCE_READ_SIZE + lead, (off_t)(f->lines.at - lead));

	/* What stops a read short only shows at its begin. */
	if (got == (ssize_t)lead && f->size > f->lines.at &&
	    pread(f->fd, buffer + lead, 1, (off_t)f->lines.at) < 0)
		got = -1;
	if (got < 0)
		return read_failed(f, sink, errno);
	f->failures = 0;
	f->problem = NULL;
	if ((size_t)got < lead || memcmp(buffer, f->check.tail, lead) != 0) {
		f->more = false;
		f->rewritten = true;
		return 0;
	}
	/* Before the lines go out: whoever takes them may seek. */
	f->more = (size_t)got == SOURCE_READ_SIZE + lead;
	feed(f, sink, buffer + lead, (size_t)got - lead);
	return (size_t)got - lead;
}

/* ---- reading an archive ------------------------------------------------------------- */

static void
archive_ended(struct source_file *f, const char *why)
{
	f->more = false;
	f->size = f->decoded;
	if (f->decoded < f->lines.at)
		f->other = true;
	else if (why != NULL)
		source_file_add_gap(f, TROUBLE_UNREADABLE, f->decoded, f->decoded, why);
}

/* Decompress, and drop, what stands before the offset. */
static size_t
pass_over(struct source_file *f, char *buffer)
{
	uint64_t want = f->lines.at - f->decoded;
	const char *why;
	ssize_t got = source_archive_read(f->archive, buffer,
	    want < SOURCE_READ_SIZE ? (size_t)want : SOURCE_READ_SIZE, &why);

	if (got <= 0) {
		archive_ended(f, why);
		return 0;
	}
	source_check_add(&f->check, buffer, (size_t)got);
	f->decoded += (uint64_t)got;
	if (f->decoded == f->lines.at && f->wanted != 0 && source_check_value(&f->check) != f->wanted)
		f->other = true;
	return (size_t)got;
}

static size_t
read_archive(struct source_file *f, char *buffer, const struct source_sink *sink)
{
	struct buf left = f->left;
	const char *why;
	ssize_t got;
	size_t used;

	if (f->archive == NULL || f->other) {
		f->more = false;
		return 0;
	}
	if (f->decoded < f->lines.at)
		return pass_over(f, buffer);
	f->left = (struct buf)BUF_INIT;
	if (left.n == 0) {
		got = source_archive_read(f->archive, buffer, SOURCE_READ_SIZE, &why);
		if (got <= 0) {
			archive_ended(f, why);
			return 0;
		}
		buf_add(&left, buffer, (size_t)got);
		f->decoded += (uint64_t)got;
	}
	f->more = true;
	used = feed(f, sink, left.p, left.n);
	if (used < left.n)
		buf_sv(&f->left, sv_from(buf_view(&left), used));
	used = left.n;
	buf_free(&left);
	return used;
}

size_t
source_file_read(struct source_file *f, char *buffer, const struct source_sink *sink)
{
	if (f->archive != NULL)
		return read_archive(f, buffer, sink);
	if (skip_hole(f, sink) > 0) {
		f->more = f->size > f->lines.at;
		return 0;
	}
	return read_plain(f, buffer, sink);
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
