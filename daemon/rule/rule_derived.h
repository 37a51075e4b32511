/*
 * rule_derived: fields that no pattern captures: an event that has an address gets them
 * from what is known of it (geoip/), if there is such knowledge, and if a rule asks for
 * them.
 */
#ifndef RULE_RULE_DERIVED_H
#define RULE_RULE_DERIVED_H

#include <stdint.h>

enum rule_derived {
	RULE_DERIVED_COUNTRY,
	RULE_DERIVED_AS_NUMBER,
	RULE_DERIVED_AS_NAME,
	RULE_DERIVED_FIELDS
};

#define RULE_DERIVED_FROM "source.ip"
#define RULE_DERIVED_FROM_CAPTURE "source_ip"
#define RULE_DERIVED_ALL ((UINT32_C(1) << RULE_DERIVED_FIELDS) - 1)

/* Its dotted name, and as rule files write it. */
const char *rule_derived_name(enum rule_derived which);
const char *rule_derived_capture(enum rule_derived which);
/* The bit of the one named ${field} (dotted); 0: it is none. */
uint32_t rule_derived_bit(const char *field);

#endif
