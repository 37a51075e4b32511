/*
 * geoip: the country and the network (autonomous system) of an address, from
 * MaxMind DB files that the operator names.  What is read is in memory: the file
 * may be overwritten or vanish, and no answer waits for a disk.
 */
#ifndef GEOIP_GEOIP_H
#define GEOIP_GEOIP_H

#include <stdbool.h>
#include <stdint.h>

#include "geoip/geoip_db.h"
#include "util/buf.h"
#include "util/stamp.h"
#include "util/sv.h"

enum geoip_file { GEOIP_COUNTRY, GEOIP_ASN, GEOIP_FILES };

#define GEOIP_NAME_MAX 128 /* bytes of an organization's name */

/* "": not known. */
struct geoip_answer {
	char country[3]; /* ISO 3166-1, two letters */
	char number[11]; /* of the autonomous system, decimal */
	char organization[GEOIP_NAME_MAX + 1];
};

struct geoip;

/* Read the files now; a path may be NULL.  One that cannot be used is logged, and does not
 * keep the other from being used. */
struct geoip *geoip_new(const char *country, const char *asn);
void geoip_free(struct geoip **g);

/* What is known of ${address}, an IP address as rule_field_accept() leaves it; nothing of
 * what is not public.  Good until the next call. */
const struct geoip_answer *geoip_find(struct geoip *g, struct sv address);

/* Of one file.  path NULL: none is wanted; type NULL: nothing is known from it.  With a
 * problem, what was known before is still used, if there was something. */
struct geoip_status {
	const char *name;
	const char *path;
	const char *type;
	int64_t built; /* ms since the epoch */
	const char *problem; /* NULL: none */
};
struct geoip_status geoip_status(const struct geoip *g, enum geoip_file file);

/* ---- reading anew: geoip_watch.c does this in a thread ---------------------------- */

/* A file while it is read; all of it is the reader's. */
struct geoip_reading {
	enum geoip_file file;
	char *path;
	struct stamp stamp;
	struct geoip_db *db; /* NULL: it cannot be used, ... */
	struct buf problem;  /* ... and why */
};

/* Is the file another than was read last, good or not? */
bool geoip_has_changed(const struct geoip *g, enum geoip_file file);
struct geoip_reading *geoip_reading_new(const struct geoip *g, enum geoip_file file);
void geoip_reading_run(struct geoip_reading *r);
void geoip_reading_free(struct geoip_reading **r);
/* Use what was read; what went wrong is logged. */
void geoip_take(struct geoip *g, struct geoip_reading *r);

#endif
