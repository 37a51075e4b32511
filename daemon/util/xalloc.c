/*
 * xalloc: see xalloc.h.
 */
#include "util/xalloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
check(void *p)
{
	if (p == NULL) {
		fputs("triaged: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *
xmalloc(size_t size)
{
	return check(malloc(size == 0 ? 1 : size));
}

void *
xcalloc(size_t count, size_t size)
{
	return check(calloc(count == 0 ? 1 : count, size == 0 ? 1 : size));
}

void *
xrealloc(void *p, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		check(NULL);
	return check(realloc(p, count * size == 0 ? 1 : count * size));
}

char *
xstrdup(const char *s)
{
	return s == NULL ? NULL : check(strdup(s));
}

char *
xstrndup(const char *s, size_t n)
{
	char *copy = xmalloc(n + 1);

	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return check(n < 0 ? NULL : s);
}

void *
xgrow(void *vec, size_t count, size_t size)
{
	if (count != 0 && (count & (count - 1)) != 0)
		return vec;
	return xrealloc(vec, count == 0 ? 1 : count * 2, size);
}
