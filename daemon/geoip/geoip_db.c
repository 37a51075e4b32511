/*
 * geoip_db: see geoip_db.h.
 *
 * libmaxminddb maps the file it is given.  Were that the operator's own, whoever copies a
 * new one over it would cut it under the mapping, and the next look-up were a SIGBUS.  So
 * the file is copied into memory first, and that is mapped.
 */
#include "geoip/geoip_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_MAXMINDDB

#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/mman.h>

#include "util/sv.h"
#include "util/vis.h"
#include "util/xalloc.h"

#define FILE_MAX_BYTES (INT64_C(1) << 30)
#define COPY_BYTES (1U << 18)
#define TYPE_MAX 64

struct geoip_db {
	MMDB_s mmdb;
	MMDB_lookup_result_s found;
	const char *damage;
	char type[TYPE_MAX + 1];
};

/* ---- the file into memory ----------------------------------------------------------- */

static int
open_file(const char *path, struct stamp *stamp, struct buf *problem)
{
	/* O_NONBLOCK: a FIFO must not hold up the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		buf_printf(problem, "%s", strerror(errno));
	} else {
		stamp_stat(&st, stamp);
		if (!S_ISREG(st.st_mode))
			buf_puts(problem, "is not a regular file");
		else if (st.st_size == 0)
			buf_puts(problem, "is empty");
		else if (st.st_size > FILE_MAX_BYTES)
			buf_puts(problem, "is larger than 1 GiB");
		else
			return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static bool
copy_bytes(int from, int to)
{
	char *room = xmalloc(COPY_BYTES);
	int64_t left = FILE_MAX_BYTES;
	bool good = true;
	ssize_t got;

	do {
		got = read(from, room, COPY_BYTES);
		good = got >= 0 ? write_all(to, room, (size_t)got) : errno == EINTR;
		left -= got > 0 ? got : 0;
	} while (good && got != 0 && left > 0);
	free(room);
	return good;
}

/* A file of the memory with what ${fd} has, or -1. */
static int
copy_to_memory(int fd, const struct stamp *stamp, struct buf *problem)
{
	int memory = memfd_create("geoip", MFD_CLOEXEC);
	struct stamp now;
	struct stat st;

	if (memory < 0 || !copy_bytes(fd, memory) || fstat(fd, &st) != 0) {
		buf_printf(problem, "%s", strerror(errno));
	} else {
		stamp_stat(&st, &now);
		if (now.size == stamp->size && now.modified == stamp->modified)
			return memory;
		buf_puts(problem, "is being written");
	}
	if (memory >= 0)
		close(memory);
	return -1;
}

static struct geoip_db *
map(int memory, struct buf *problem)
{
	struct geoip_db *db = xcalloc(1, sizeof(*db));
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	rc = MMDB_open(path, MMDB_MODE_MMAP, &db->mmdb);
	if (rc == MMDB_SUCCESS)
		return db;
	if (rc == MMDB_FILE_OPEN_ERROR || rc == MMDB_IO_ERROR)
		buf_printf(problem, "%s: %s", path, strerror(errno));
	else
		buf_printf(problem, "is no MaxMind DB file that can be used: %s", MMDB_strerror(rc));
	free(db);
	return NULL;
}

static void
set_type(struct geoip_db *db)
{
	const char *type = db->mmdb.metadata.database_type;
	size_t n = 0;

	for (; type != NULL && n < TYPE_MAX && type[n] != '\0'; n++)
		db->type[n] = type[n] >= ' ' && type[n] < 0x7f ? type[n] : '?';
	db->type[n] = '\0';
}

struct geoip_db *
geoip_db_open(const char *path, struct stamp *stamp, struct buf *problem)
{
	struct geoip_db *db = NULL;
	int fd, memory;

	stamp_path(path, stamp);
	fd = open_file(path, stamp, problem);
	if (fd < 0)
		return NULL;
	memory = copy_to_memory(fd, stamp, problem);
	close(fd);
	if (memory < 0)
		return NULL;
	db = map(memory, problem);
	close(memory);
	if (db != NULL)
		set_type(db);
	return db;
}

void
geoip_db_free(struct geoip_db **dbp)
{
	struct geoip_db *db = *dbp;

	*dbp = NULL;
	if (db == NULL)
		return;
	MMDB_close(&db->mmdb);
	free(db);
}

const char *
geoip_db_type(const struct geoip_db *db)
{
	return db->type;
}

int64_t
geoip_db_built(const struct geoip_db *db)
{
	uint64_t seconds = db->mmdb.metadata.build_epoch;

	/* Up to the year 9999, what can be written as a date. */
	return seconds > UINT64_C(253402300799) ? 0 : (int64_t)seconds * 1000;
}

/* ---- answers ------------------------------------------------------------------------ */

static bool
damaged(struct geoip_db *db, int rc)
{
	db->damage = MMDB_strerror(rc);
	return false;
}

bool
geoip_db_find(struct geoip_db *db, const unsigned char *address, size_t n)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	int rc;

	if (db->damage != NULL)
		return false;
	memcpy(n == 4 ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr, address, n == 4 ? 4 : 16);
	db->found = MMDB_lookup_sockaddr(&db->mmdb,
	    n == 4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6, &rc);
	if (rc == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR)
		return false;
	return rc == MMDB_SUCCESS ? db->found.found_entry : damaged(db, rc);
}

const char *
geoip_db_damage(const struct geoip_db *db)
{
	return db->damage;
}

static bool
take(struct geoip_db *db, const char *const *path, MMDB_entry_data_s *data)
{
	int rc = MMDB_aget_value(&db->found.entry, data, path);

	/* That a path leads nowhere is no damage: not every entry has everything. */
	if (rc == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR)
		return false;
	return rc == MMDB_SUCCESS ? data->has_data : damaged(db, rc);
}

bool
geoip_db_text(struct geoip_db *db, const char *const *path, char *out, size_t room)
{
	MMDB_entry_data_s data;
	size_t n;

	if (!take(db, path, &data) || data.type != MMDB_DATA_TYPE_UTF8_STRING)
		return false;
	n = vis_cut((struct sv){data.utf8_string, data.data_size}, room - 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)data.utf8_string[i];

		out[i] = (char)(c < ' ' || c == 0x7f ? '?' : c);
	}
	out[n] = '\0';
	return n > 0;
}

bool
geoip_db_number(struct geoip_db *db, const char *const *path, uint32_t *out)
{
	MMDB_entry_data_s data;

	if (!take(db, path, &data))
		return false;
	if (data.type == MMDB_DATA_TYPE_UINT32)
		*out = data.uint32;
	else if (data.type == MMDB_DATA_TYPE_UINT16)
		*out = data.uint16;
	else
		return false;
	return true;
}

#else /* !HAVE_MAXMINDDB */

struct geoip_db *
geoip_db_open(const char *path, struct stamp *stamp, struct buf *problem)
{
	stamp_path(path, stamp);
	buf_puts(problem, "this program was built without libmaxminddb");
	return NULL;
}

void
geoip_db_free(struct geoip_db **db)
{
	*db = NULL;
}

const char *
geoip_db_type(const struct geoip_db *db)
{
	(void)db;
	return "";
}

int64_t
geoip_db_built(const struct geoip_db *db)
{
	(void)db;
	return 0;
}

bool
geoip_db_find(struct geoip_db *db, const unsigned char *address, size_t n)
{
	(void)db;
	(void)address;
	(void)n;
	return false;
}

const char *
geoip_db_damage(const struct geoip_db *db)
{
	(void)db;
	return NULL;
}

bool
geoip_db_text(struct geoip_db *db, const char *const *path, char *out, size_t room)
{
	(void)db;
	(void)path;
	(void)out;
	(void)room;
	return false;
}

bool
geoip_db_number(struct geoip_db *db, const char *const *path, uint32_t *out)
{
	(void)db;
	(void)path;
	(void)out;
	return false;
}

#endif
