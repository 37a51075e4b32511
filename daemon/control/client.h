/*
 * client: the other end of the control socket: one request, one answer.  Blocks;
 * for triagectl.
 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <jansson.h>

#include "util/buf.h"

/* Send ${request} (its reference is taken; "v" is added) to the daemon at
 * ${path}.  Returns the answer, a new reference, or NULL with why in ${error};
 * ${reached} tells whether the daemon was there at all. */
json_t *client_ask(const char *path, json_t *request, struct buf *error, bool *reached);

#endif
