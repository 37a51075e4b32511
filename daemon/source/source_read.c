/*
 * source_read: the next bytes of an open file, plain or compressed, go to where lines
 * are cut from them.
 *
 * Each read begins with the last bytes of the one before, so that content which
 * was put in the place of what had been read there is noticed, however long it is.
 */
#include <errno.h>
#include <unistd.h>

#include "source/source_internal.h"

#define FAILURES 5 /* reads that fail before what cannot be read is passed over */
#define BLOCK 4096 /* and how much of it at once */

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
source_read_end(struct source_file *f, const struct source_sink *sink)
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
	f->more = error == ESTALE && f->failures == 0 && source_file_reopen(f);
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
	ssize_t got = source_archive_read(
	    f->archive, buffer, want < SOURCE_READ_SIZE ? (size_t)want : SOURCE_READ_SIZE, &why);

	if (got <= 0) {
		archive_ended(f, why);
		return 0;
	}
	source_check_add(&f->check, buffer, (size_t)got);
	f->decoded += (uint64_t)got;
	if (f->decoded == f->lines.at && f->wanted != 0 &&
	    source_check_value(&f->check) != f->wanted)
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
source_read(struct source_file *f, char *buffer, const struct source_sink *sink)
{
	if (f->archive != NULL)
		return read_archive(f, buffer, sink);
	if (skip_hole(f, sink) > 0) {
		f->more = f->size > f->lines.at;
		return 0;
	}
	return read_plain(f, buffer, sink);
}
