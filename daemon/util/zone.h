/*
 * zone: how far a time zone is from UTC at a time, by the host's time zone files
 * (TZif, RFC 8536).  Whatever TZ says, and without changing it.
 */
#ifndef UTIL_ZONE_H
#define UTIL_ZONE_H

#include <stdint.h>

#include "util/sv.h"

struct zone; /* one piece of memory, for free() */

/* The zone of that ${name}, such as Europe/Berlin.  NULL when the host has none, or
 * its file is not what it should be; in ${why} then what is wrong, in a few words. */
struct zone *zone_read(const char *name, const char **why);
/* The same of the bytes of a file. */
struct zone *zone_parse(struct sv file, const char **why);

/* Seconds east of UTC at ${t}, seconds since the epoch. */
int64_t zone_offset(const struct zone *z, int64_t t);

#endif
