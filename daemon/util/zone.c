/*
 * zone: see zone.h.  The file itself: changes that are listed, and below the last of
 * them the rule for ever after, which zone_rule.c reads.
 */
#include "util/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/xalloc.h"
#include "util/zone_rule.h"

#define FOLDER "/usr/share/zoneinfo"
#define FILE_MAX_BYTES (1 << 20)
#define CHANGES_MAX 100000
#define TYPES_MAX 256
#define HEAD_BYTES 44
#define TYPE_BYTES 6
#define OFFSET_MAX (26 * 3600)

struct change {
	int64_t at;
	int64_t offset;
};

struct zone {
	int64_t first; /* offset before all changes */
	bool has_rule;
	struct zone_rule rule;
	size_t n;
	struct change changes[]; /* by time */
};

/* A head and where its data stands. */
struct block {
	size_t width; /* bytes of a time */
	size_t nchanges, ntypes, nchars, nleaps, nisstd, nisut;
	struct sv data;
};

static int64_t
read_number(const char *p, size_t bytes)
{
	uint64_t n = ((unsigned char)p[0] & 0x80) != 0 ? UINT64_MAX : 0;

	for (size_t i = 0; i < bytes; i++)
		n = n << 8 | (unsigned char)p[i];
	return (int64_t)n;
}

static size_t
read_count(struct sv file, size_t i)
{
	return (size_t)(read_number(file.p + 20 + 4 * i, 4) & 0xffffffff);
}

static size_t
block_bytes(const struct block *b)
{
	return b->nchanges * (b->width + 1) + b->ntypes * TYPE_BYTES + b->nchars +
	    b->nleaps * (b->width + 4) + b->nisstd + b->nisut;
}

/* The block that ${file} begins with; false when it is none. */
static bool
read_block(struct sv file, size_t width, struct block *b)
{
	if (file.n < HEAD_BYTES || memcmp(file.p, "TZif", 4) != 0)
		return false;
	*b = (struct block){.width = width,
	    .nisut = read_count(file, 0),
	    .nisstd = read_count(file, 1),
	    .nleaps = read_count(file, 2),
	    .nchanges = read_count(file, 3),
	    .ntypes = read_count(file, 4),
	    .nchars = read_count(file, 5),
	    .data = sv_from(file, HEAD_BYTES)};
	return b->nchanges <= CHANGES_MAX && b->ntypes >= 1 && b->ntypes <= TYPES_MAX &&
	    b->nchars <= FILE_MAX_BYTES && b->nleaps <= CHANGES_MAX && b->nisstd <= TYPES_MAX &&
	    b->nisut <= TYPES_MAX && block_bytes(b) <= b->data.n;
}

static int64_t
type_offset(const struct block *b, size_t type)
{
	return read_number(b->data.p + b->nchanges * (b->width + 1) + type * TYPE_BYTES, 4);
}

static bool
offsets_are_sane(const struct block *b)
{
	for (size_t i = 0; i < b->ntypes; i++)
		if (type_offset(b, i) < -OFFSET_MAX || type_offset(b, i) > OFFSET_MAX)
			return false;
	return true;
}

static bool
read_changes(const struct block *b, struct zone *z)
{
	const char *types = b->data.p + b->nchanges * b->width;

	z->first = type_offset(b, 0);
	for (z->n = 0; z->n < b->nchanges; z->n++) {
		size_t type = (unsigned char)types[z->n];

		if (type >= b->ntypes)
			return false;
		z->changes[z->n] = (struct change){
		    read_number(b->data.p + z->n * b->width, b->width), type_offset(b, type)};
		if (z->n > 0 && z->changes[z->n].at <= z->changes[z->n - 1].at)
			return false;
	}
	return true;
}

/* The text between the two newlines at the end. */
static struct sv
footer(struct sv rest)
{
	const char *end;

	if (rest.n == 0 || rest.p[0] != '\n')
		return (struct sv){"", 0};
	rest = sv_from(rest, 1);
	end = rest.n == 0 ? NULL : memchr(rest.p, '\n', rest.n);
	return (struct sv){rest.p, end == NULL ? 0 : (size_t)(end - rest.p)};
}

struct zone *
zone_parse(struct sv file, const char **why)
{
	struct block b;
	struct sv rule = {"", 0};
	struct zone *z;
	bool good = read_block(file, 4, &b);

	*why = "is no file of a time zone";
	if (good && file.p[4] >= '2') {
		good = read_block(sv_from(b.data, block_bytes(&b)), 8, &b);
		if (good)
			rule = footer(sv_from(b.data, block_bytes(&b)));
	}
	if (!good || !offsets_are_sane(&b))
		return NULL;
	z = xmalloc(sizeof(*z) + b.nchanges * sizeof(z->changes[0]));
	*z = (struct zone){.has_rule = rule.n > 0};
	if (read_changes(&b, z) && (rule.n == 0 || zone_rule_parse(rule, &z->rule)))
		return z;
	free(z);
	return NULL;
}

/* Letters, digits and what else is in names; so also nothing above the folder. */
static bool
is_name(const char *name)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-";
	size_t n = strlen(name);

	return n > 0 && n <= 64 && strspn(name, allowed) == n && name[0] != '/' && name[n - 1] != '/';
}

static bool
slurp(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t got = fd < 0 ? -1 : 1;

	while (got > 0 && out->n <= FILE_MAX_BYTES) {
		do
			got = read(fd, buf_reserve(out, 8192), 8192);
		while (got < 0 && errno == EINTR);
		out->n += got > 0 ? (size_t)got : 0;
	}
	if (fd >= 0)
		close(fd);
	return got == 0;
}

struct zone *
zone_read(const char *name, const char **why)
{
	struct buf path = BUF_INIT, file = BUF_INIT;
	struct zone *z = NULL;

	*why = "is no name of a time zone";
	if (!is_name(name))
		return NULL;
	buf_printf(&path, FOLDER "/%s", name);
	*why = "is no time zone in " FOLDER;
	if (slurp(buf_str(&path), &file))
		z = zone_parse(buf_view(&file), why);
	buf_free(&path);
	buf_free(&file);
	return z;
}

int64_t
zone_offset(const struct zone *z, int64_t t)
{
	size_t low = 0, high = z->n;

	/* The first change after ${t}. */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (z->changes[mid].at <= t)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == z->n && z->has_rule)
		return zone_rule_offset(&z->rule, t);
	return low == 0 ? z->first : z->changes[low - 1].offset;
}
