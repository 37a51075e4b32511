/*
 * sv: a borrowed run of bytes.  Not NUL-terminated, owns nothing; valid as long
 * as what it points into.  The one type for text that came from a log.
 */
#ifndef UTIL_SV_H
#define UTIL_SV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sv {
	const char *p;
	size_t n;
};

#define SV(lit) ((struct sv){(lit), sizeof(lit) - 1})
#define SV_FMT(s) (int)(s).n, (s).p /* for "%.*s"; only when n is bounded */

static inline struct sv
sv_str(const char *s)
{
	return (struct sv){s, s == NULL ? 0 : strlen(s)};
}

static inline bool
sv_eq(struct sv a, struct sv b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
sv_is(struct sv a, const char *s)
{
	return sv_eq(a, sv_str(s));
}

/* The part of ${s} from ${from} on; empty when ${from} is past the end. */
static inline struct sv
sv_from(struct sv s, size_t from)
{
	if (from >= s.n)
		return (struct sv){s.p + s.n, 0};
	return (struct sv){s.p + from, s.n - from};
}

/* Are the bytes of ${part} some of those of ${whole}, where they stand? */
static inline bool
sv_is_within(struct sv part, struct sv whole)
{
	uintptr_t from = (uintptr_t)part.p, begin = (uintptr_t)whole.p;

	return from >= begin && from + part.n <= begin + whole.n;
}

/* How often ${c} is in ${s}. */
size_t sv_count(struct sv s, char c);

#endif
