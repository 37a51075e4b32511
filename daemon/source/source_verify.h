/*
 * source_verify: is what was said to be examined still what a file holds?  For
 * triagectl, which need not believe the daemon.
 */
#ifndef SOURCE_SOURCE_VERIFY_H
#define SOURCE_SOURCE_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#define SOURCE_VERIFY_ID_SIZE 112

/* What ${path} is now: its stream id as a text, and its size.  0 or an errno; ENOTSUP
 * when it is no regular file. */
int source_verify_look(const char *path, char id[SOURCE_VERIFY_ID_SIZE], uint64_t *size);

#endif
