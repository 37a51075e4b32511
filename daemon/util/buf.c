/*
 * buf: see buf.h.
 */
#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/xalloc.h"

void
buf_grow(struct buf *b, size_t more)
{
	size_t want = b->n + more + 1;

	b->cap = want < 2 * b->cap ? 2 * b->cap : want;
	b->p = xrealloc(b->p, b->cap, 1);
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = buf_reserve(b, n);

	if (n > 0)
		memcpy(to, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void
buf_sv(struct buf *b, struct sv s)
{
	buf_add(b, s.p, s.n);
}

void
buf_putc(struct buf *b, char c)
{
	char *to = buf_reserve(b, 1);

	to[0] = c;
	to[1] = '\0';
	b->n++;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t room = b->cap - b->n;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room == 0 ? NULL : b->p + b->n, room, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n >= room) {
		va_start(ap, fmt);
		vsnprintf(buf_reserve(b, (size_t)n), (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	if (n > 0)
		b->n += (size_t)n;
}

const char *
buf_str(const struct buf *b)
{
	return b->p == NULL ? "" : b->p;
}

struct sv
buf_view(const struct buf *b)
{
	return (struct sv){buf_str(b), b->n};
}

char *
buf_steal(struct buf *b)
{
	char *s = b->p == NULL ? xstrdup("") : b->p;

	*b = (struct buf)BUF_INIT;
	return s;
}

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf)BUF_INIT;
}
