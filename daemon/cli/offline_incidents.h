/*
 * offline_incidents: the incidents of a local run as the daemon lists its own.
 */
#ifndef CLI_OFFLINE_INCIDENTS_H
#define CLI_OFFLINE_INCIDENTS_H

#include <jansson.h>

struct local;

/* An array, the newest first; to be dropped. */
json_t *offline_incidents_json(const struct local *l);

#endif
