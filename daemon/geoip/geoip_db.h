/*
 * geoip_db: one MaxMind DB file in memory.  The only file that knows libmaxminddb;
 * without it every open fails.
 */
#ifndef GEOIP_GEOIP_DB_H
#define GEOIP_GEOIP_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/stamp.h"

struct geoip_db;

/* Read ${path}; NULL with a reason in ${problem}.  ${stamp} is that of what was read, or
 * tried.  May be called in any thread. */
struct geoip_db *geoip_db_open(const char *path, struct stamp *stamp, struct buf *problem);
void geoip_db_free(struct geoip_db **db);

/* What kind of database it says it is, with only printable ASCII; and when it was built, ms
 * since the epoch. */
const char *geoip_db_type(const struct geoip_db *db);
int64_t geoip_db_built(const struct geoip_db *db);

/* The entry of an address; false when there is none.  Damage in the file ends every use of
 * it: geoip_db_damage() says so from then on, and NULL before. */
bool geoip_db_find(struct geoip_db *db, const unsigned char *address, size_t n);
const char *geoip_db_damage(const struct geoip_db *db);

/* A value of the entry found last, at names ${path}, ending in NULL: a text of 1 to
 * ${room} - 1 bytes, cut between characters where it is longer; or a number of 32 bits.
 * False when it is not there, or of another type. */
bool geoip_db_text(
    struct geoip_db *db, const char *const *path, char *out, size_t room);
bool geoip_db_number(struct geoip_db *db, const char *const *path, uint32_t *out);

#endif
