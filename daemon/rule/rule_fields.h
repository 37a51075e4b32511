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
	FIELD_IP,      /* an IPv4 or IPv6 address, strictly */
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

/* Is ${value} of ${type}?  It may be shortened (a zone id after an address is
 * dropped); an empty value is of no type. */
bool rule_field_accept(enum field_type type, struct sv *value);
const char *rule_field_type_name(enum field_type type);

#endif
