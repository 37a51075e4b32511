/*
 * buf: a growable run of bytes with an owner.  Always NUL-terminated one past
 * its length, so buf_str() is free of charge; may contain NUL bytes itself.
 */
#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include <stddef.h>

#include "util/sv.h"

struct buf {
	char *p; /* NULL until first written to */
	size_t n;
	size_t cap;
};

#define BUF_INIT {NULL, 0, 0}

void buf_grow(struct buf *b, size_t more); /* of buf_reserve() */

/* Make room for ${more} bytes and return where they go; the caller adds to
 * ${n} what it wrote. */
static inline char *
buf_reserve(struct buf *b, size_t more)
{
	if (b->n + more >= b->cap)
		buf_grow(b, more);
	return b->p + b->n;
}

void buf_add(struct buf *b, const void *p, size_t n);
void buf_sv(struct buf *b, struct sv s);
/* Here, so that the compiler counts what is literal. */
static inline void
buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));

/* The contents as a string, "" when empty; borrowed. */
const char *buf_str(const struct buf *b);
struct sv buf_view(const struct buf *b);

/* Hand the contents over as a malloc()ed string; the buffer is empty after. */
char *buf_steal(struct buf *b);
void buf_free(struct buf *b);

#endif
