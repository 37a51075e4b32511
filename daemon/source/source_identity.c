/*
 * source_identity: what a file is, whatever it is called.
 *
 * The handle that the file system itself would give a file server: it tells one
 * use of an inode from the next.  Where there is none, inode and time of birth
 * must do.  The file system is named by its own id, not by a device number, which
 * may be another after a reboot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "source/source_internal.h"
#include "util/digest.h"

#define HANDLE_FID 0x200 /* AT_HANDLE_FID, which older headers do not have */
#define HANDLE_MAX 32 /* bytes shown as they are; of longer ones the digest is */

struct handle {
	struct file_handle head;
	unsigned char room[MAX_HANDLE_SZ];
};

/* ---- the file system -------------------------------------------------------------- */

static void
format_fs(const struct statx *st, const struct statfs *fs, bool known, char out[SOURCE_FS_SIZE])
{
	unsigned id[2] = {0, 0};

	if (known)
		memcpy(id, &fs->f_fsid, sizeof(id));
	if (id[0] != 0 || id[1] != 0)
		snprintf(out, SOURCE_FS_SIZE, "%08x%08x", id[1], id[0]);
	else
		snprintf(out, SOURCE_FS_SIZE, "d%x.%x", st->stx_dev_major, st->stx_dev_minor);
}

static const char *
remembered_fs(const struct source_fs_cache *cache, const struct statx *st)
{
	for (size_t i = 0; cache != NULL && i < cache->n; i++)
		if (cache->v[i].major == st->stx_dev_major && cache->v[i].minor == st->stx_dev_minor)
			return cache->v[i].id;
	return NULL;
}

static void
name_fs(struct source_fs_cache *cache, int fd, const char *path, const struct statx *st,
    char out[SOURCE_FS_SIZE])
{
	const char *known = remembered_fs(cache, st);
	struct statfs fs;
	bool ok;

	if (known != NULL) {
		memcpy(out, known, SOURCE_FS_SIZE);
		return;
	}
	ok = (path[0] == '\0' ? fstatfs(fd, &fs) : statfs(path, &fs)) == 0;
	format_fs(st, &fs, ok, out);
	if (cache == NULL || cache->n == sizeof(cache->v) / sizeof(cache->v[0]))
		return;
	cache->v[cache->n].major = st->stx_dev_major;
	cache->v[cache->n].minor = st->stx_dev_minor;
	memcpy(cache->v[cache->n++].id, out, SOURCE_FS_SIZE);
}

/* ---- the file in it --------------------------------------------------------------- */

static void
format_handle(const struct file_handle *h, char *out, size_t size)
{
	unsigned char digest[DIGEST_SIZE];
	const unsigned char *p = h->f_handle;
	size_t n = h->handle_bytes;
	int used;

	if (n > HANDLE_MAX) {
		digest_sha256((struct sv){(const char *)p, n}, digest);
		p = digest;
		n = DIGEST_SIZE;
	}
	used = snprintf(out, size, "%x.", (unsigned)h->handle_type);
	digest_hex(p, n, out + used);
}

/* Overlays give a handle to who does not mean to open it, since Linux 6.6. */
static bool
only_to_tell(int fd, const char *path, struct handle *h, int *mount, int flags)
{
	h->head.handle_bytes = MAX_HANDLE_SZ;
	return name_to_handle_at(fd, path, &h->head, mount, flags | HANDLE_FID) == 0;
}

/* 0 or an errno of the path; a file system without handles gives the inode. */
static int
name_file(int fd, const char *path, const struct statx *st, char *out, size_t size)
{
	struct handle h = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount, flags = path[0] == '\0' ? AT_EMPTY_PATH : AT_SYMLINK_FOLLOW;

	if (name_to_handle_at(fd, path, &h.head, &mount, flags) == 0 ||
	    (errno == EOPNOTSUPP && only_to_tell(fd, path, &h, &mount, flags))) {
		format_handle(&h.head, out, size);
		return 0;
	}
	if (errno == ENOENT || errno == ENOTDIR || errno == ESTALE || errno == EACCES)
		return errno;
	snprintf(out, size, "i%llx", (unsigned long long)st->stx_ino);
	return 0;
}

static int
identify(struct source_fs_cache *cache, int fd, const char *path, struct source_id *id)
{
	char fs[SOURCE_FS_SIZE], file[2 * HANDLE_MAX + 16];
	struct statx st;
	int error;

	if (statx(fd, path, AT_STATX_SYNC_AS_STAT | (path[0] == '\0' ? AT_EMPTY_PATH : 0),
		STATX_TYPE | STATX_INO | STATX_BTIME, &st) < 0)
		return errno;
	if (!S_ISREG(st.stx_mode))
		return ENOTSUP;
	if ((error = name_file(fd, path, &st, file, sizeof(file))) != 0)
		return error;
	name_fs(cache, fd, path, &st, fs);
	id->birth = 0;
	if (st.stx_mask & STATX_BTIME)
		id->birth = (uint64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
	snprintf(id->text, sizeof(id->text), "%s:%s:%llx", fs, file, (unsigned long long)id->birth);
	return 0;
}

int
source_identity_of(struct source_fs_cache *cache, const char *path, struct source_id *id)
{
	return path[0] == '\0' ? ENOENT : identify(cache, AT_FDCWD, path, id);
}

int
source_identity_of_fd(int fd, struct source_id *id)
{
	return identify(NULL, fd, "", id);
}

/* ---- as text ---------------------------------------------------------------------- */

bool
source_identity_eq(const struct source_id *a, const struct source_id *b)
{
	return strcmp(a->text, b->text) == 0;
}

bool
source_identity_alike(const struct source_id *a, const struct source_id *b)
{
	return a->birth != 0 && a->birth == b->birth;
}

size_t
source_identity_bucket(const struct source_id *id)
{
	size_t hash = 5381;

	for (const char *p = id->text; *p != '\0'; p++)
		hash = hash * 33 + (unsigned char)*p;
	return hash % SOURCE_BUCKETS;
}

static bool
is_part(const char *p, size_t n)
{
	return n > 0 && strspn(p, "0123456789abcdefdi.") >= n;
}

bool
source_identity_parse(const char *text, struct source_id *id)
{
	size_t n = strlen(text);
	const char *file = strchr(text, ':'), *birth = strrchr(text, ':');
	char *end;

	if (n >= sizeof(id->text) || file == NULL || file == birth ||
	    !is_part(text, (size_t)(file - text)) ||
	    !is_part(file + 1, (size_t)(birth - file - 1)) ||
	    strspn(birth + 1, "0123456789abcdef") != strlen(birth + 1) ||
	    birth[1] == '\0' || (birth[1] == '0' && birth[2] != '\0') || strlen(birth + 1) > 16)
		return false;
	id->birth = strtoull(birth + 1, &end, 16);
	memcpy(id->text, text, n + 1);
	return *end == '\0';
}
