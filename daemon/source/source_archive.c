/*
 * source_archive: what gzip or zstd made of a file, read as the file it was.
 *
 * Only forwards, a piece at a time, in bounded memory.  Does not own the
 * descriptor.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "source/source_internal.h"
#include "util/xalloc.h"

#define INPUT_SIZE ((size_t)64 * 1024)
/* The most that decompressing may need: what zstd -19 needs, and some more. */
#define WINDOW_LOG 25

struct source_archive {
	int fd;
	unsigned char *input;
	size_t begin, end; /* of what is in it */
	uint64_t at;       /* of the file: where the next input comes from */
	bool between;      /* one member has ended and no other has begun */
	z_stream *gz;      /* one of the two */
	ZSTD_DStream *zstd;
};

static bool
ends_in(const char *path, const char *suffix)
{
	size_t n = strlen(path), m = strlen(suffix);

	return n > m && strcmp(path + n - m, suffix) == 0;
}

size_t
source_archive_suffix(const char *path)
{
	if (ends_in(path, ".gz"))
		return 3;
	return ends_in(path, ".zst") ? 4 : 0;
}

struct source_archive *
source_archive_open(int fd)
{
	unsigned char magic[4] = {0};
	ssize_t n = pread(fd, magic, sizeof(magic), 0);
	struct source_archive *a;
	bool gz = n >= 2 && magic[0] == 0x1f && magic[1] == 0x8b;

	if (!gz && (n < 4 || memcmp(magic, "\x28\xb5\x2f\xfd", 4) != 0))
		return NULL;
	a = xcalloc(1, sizeof(*a));
	a->fd = fd;
	a->input = xmalloc(INPUT_SIZE);
	a->between = true;
	if (gz) {
		a->gz = xcalloc(1, sizeof(*a->gz));
		if (inflateInit2(a->gz, 15 + 16) != Z_OK)
			abort();
	} else {
		a->zstd = ZSTD_createDStream();
		if (a->zstd == NULL)
			abort();
		ZSTD_DCtx_setParameter(a->zstd, ZSTD_d_windowLogMax, WINDOW_LOG);
	}
	return a;
}

void
source_archive_free(struct source_archive **ap)
{
	struct source_archive *a = *ap;

	if (a == NULL)
		return;
	if (a->gz != NULL)
		inflateEnd(a->gz);
	free(a->gz);
	ZSTD_freeDStream(a->zstd);
	free(a->input);
	free(a);
	*ap = NULL;
}

/* More input.  False at the end of the file or when it cannot be read. */
static bool
refill(struct source_archive *a, const char **why)
{
	ssize_t n = pread(a->fd, a->input, INPUT_SIZE, (off_t)a->at);

	if (n < 0)
		*why = strerrordesc_np(errno);
	if (n <= 0)
		return false;
	a->begin = 0;
	a->end = (size_t)n;
	a->at += (size_t)n;
	return true;
}

/* Zeros after the last member are padding. */
static bool
is_padding(struct source_archive *a)
{
	while (a->begin < a->end && a->input[a->begin] == 0)
		a->begin++;
	return a->begin == a->end;
}

static size_t
inflate_some(struct source_archive *a, char *out, size_t n, const char **why)
{
	int result;

	if (a->between && (is_padding(a) || inflateReset(a->gz) != Z_OK))
		return 0;
	a->between = false;
	a->gz->next_in = a->input + a->begin;
	a->gz->avail_in = (uInt)(a->end - a->begin);
	a->gz->next_out = (unsigned char *)out;
	a->gz->avail_out = (uInt)n;
	result = inflate(a->gz, Z_NO_FLUSH);
	a->begin = a->end - a->gz->avail_in;
	if (result == Z_STREAM_END)
		a->between = true;
	else if (result != Z_OK && result != Z_BUF_ERROR)
		*why = a->gz->msg != NULL ? a->gz->msg : "the gzip data is damaged";
	return n - a->gz->avail_out;
}

static size_t
unzstd_some(struct source_archive *a, char *out, size_t n, const char **why)
{
	ZSTD_inBuffer in = {a->input, a->end, a->begin};
	ZSTD_outBuffer to = {out, n, 0};
	size_t result = ZSTD_decompressStream(a->zstd, &to, &in);

	a->begin = in.pos;
	if (ZSTD_isError(result))
		*why = ZSTD_getErrorName(result);
	else
		a->between = result == 0;
	return to.pos;
}

/* The output may be pending inside when there is no more input: only a turn that
 * gives nothing asks for more. */
ssize_t
source_archive_read(struct source_archive *a, char *out, size_t n, const char **why)
{
	size_t got = 0;

	*why = NULL;
	while (got == 0) {
		bool had = a->begin < a->end;

		if (had || !a->between)
			got = a->gz != NULL ? inflate_some(a, out, n, why) : unzstd_some(a, out, n, why);
		if (*why != NULL)
			return -1;
		if (got > 0 || a->begin < a->end)
			continue;
		if (!refill(a, why))
			break;
	}
	if (got == 0 && *why == NULL && !a->between)
		*why = "it ends too early";
	return *why != NULL ? -1 : (ssize_t)got;
}

void
source_archive_rewind(struct source_archive **a)
{
	int fd = (*a)->fd;

	source_archive_free(a);
	*a = source_archive_open(fd);
}
