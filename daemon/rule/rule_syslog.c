/*
 * rule_syslog: the names of syslog's facilities and severities (RFC 5424).
 */
#include <string.h>

#include "rule/rule.h"

#define NELEM(a) ((int)(sizeof(a) / sizeof((a)[0])))

static const char *const facilities[] = {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr",
    "news", "uucp", "cron", "authpriv", "ftp", "ntp", "security", "console", "clock", "local0",
    "local1", "local2", "local3", "local4", "local5", "local6", "local7"};

static const char *const severities[] = {
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};

static int
find(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

const char *
rule_facility_name(int facility)
{
	return facility >= 0 && facility < NELEM(facilities) ? facilities[facility] : NULL;
}

const char *
rule_severity_name(int severity)
{
	return severity >= 0 && severity < NELEM(severities) ? severities[severity] : NULL;
}

int
rule_facility(const char *name)
{
	return find(facilities, NELEM(facilities), name);
}

int
rule_severity(const char *name)
{
	return find(severities, NELEM(severities), name);
}
