/*
 * rule_fields: the fields an event may have, as the Elastic Common Schema names
 * them, and what a value of each must look like.
 */
#ifndef RULE_RULE_FIELDS_H
#define RULE_RULE_FIELDS_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/sv.h"

enum field_type {
	FIELD_TEXT,    /* anything */
	FIELD_IP,      /* an IPv4 or IPv6 address, strictly; a port may follow */
	FIELD_ADDRESS, /* an address or a host name */
	FIELD_PORT,    /* 0..65535 */
	FIELD_INTEGER, /* decimal, may be negative */
	FIELD_USER,    /* 1..256 bytes, no control characters */
	FIELD_PATH,    /* no NUL, at most 4096 bytes */
};

struct field_spec {
	const char *capture; /* as in a pattern: source_ip */
	const char *field;   /* as it leaves the daemon: source.ip */
	enum field_type type;
};

/* NULL when the table has no such capture. */
const struct field_spec *rule_field_find(const char *capture);
/* The known capture most like ${capture}, NULL when none is near. */
const char *rule_field_nearest(const char *capture);

/* The dotted name of ${capture}: from the table, else with its first underscore
 * as a dot. */
void rule_field_dotted(struct buf *out, const char *capture);

#define RULE_FIELD_ROOM 46 /* bytes of any address */

/* Is ${value} of ${type}?  An empty one is of none.  An address is put as all its
 * writings are, so that one host is one value: without brackets, port and zone, IPv4 for
 * "::ffff:192.0.2.1", IPv6 shortest and in lower case; for that ${value} may come to
 * point into ${room}. */
bool rule_field_accept(enum field_type type, struct sv *value, char room[RULE_FIELD_ROOM]);
const char *rule_field_type_name(enum field_type type);

#endif
