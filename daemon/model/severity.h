/*
 * severity: the five severities of events and incidents, lowest first.
 */
#ifndef MODEL_SEVERITY_H
#define MODEL_SEVERITY_H

#include <stddef.h>

enum severity { SEVERITY_INFO, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

#define SEVERITY_NAMES {"info", "low", "medium", "high", "critical", NULL}

static inline const char *
severity_name(enum severity s)
{
	static const char *const names[] = SEVERITY_NAMES;

	return names[s];
}

#endif
