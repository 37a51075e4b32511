/*
 * eval_host: is it the same host, however it is written?
 */
#ifndef EVAL_EVAL_HOST_H
#define EVAL_EVAL_HOST_H

#include <stdbool.h>

#include "util/sv.h"

/* Is ${field} (dotted) one that tells who the offender is? */
bool eval_host_is_source(const char *field);

/* Addresses by value: zones and brackets do not count, and IPv4 in IPv6 is IPv4.  Names
 * without regard to case. */
bool eval_host_same(const char *expected, struct sv got);

/* Is ${text} an IPv4 or IPv6 address? */
bool eval_host_is_address(const char *text);

#endif
