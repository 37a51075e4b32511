/*
 * xalloc: allocators that never return NULL and never overflow; out of memory
 * ends the process with a message.  Free what they return with free().
 */
#ifndef UTIL_XALLOC_H
#define UTIL_XALLOC_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t count, size_t size); /* count * size bytes */
char *xstrdup(const char *s);                       /* NULL gives NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Make room for one more element in a vector of ${count} elements whose
 * capacity is a power of two that follows from its count. */
#define XGROW(vec, count) ((vec) = xgrow((vec), (count), sizeof(*(vec))))
void *xgrow(void *vec, size_t count, size_t size);

#endif
