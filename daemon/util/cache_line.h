/*
 * cache_line: what CPUs fetch of memory at once.
 */
#ifndef UTIL_CACHE_LINE_H
#define UTIL_CACHE_LINE_H

#define CACHE_LINE 64 /* bytes */

#endif
