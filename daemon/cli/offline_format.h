/*
 * offline_format: what a line is, for those who have a file and no configuration.
 */
#ifndef CLI_OFFLINE_FORMAT_H
#define CLI_OFFLINE_FORMAT_H

#include <stdbool.h>

#include "util/sv.h"

/* The enum source_format of ${line}, FORMAT_AUTO for what is none of them: JSON, Docker's
 * and Kubernetes' container logs, auditd's records, CEF also behind a syslog header. */
int offline_format_of(struct sv line);

/* The same without those for which one has to look behind a header: CEF, where it may be. */
int offline_format_by_start(struct sv line);
bool offline_format_may_be_cef(struct sv data);

#endif
