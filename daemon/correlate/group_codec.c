/*
 * group_codec: a group as bytes, as Redis keeps it.  Most groups are a head and a few
 * numbers, so numbers take as few bytes as they need, and times are differences.
 */
#include <stdlib.h>
#include <string.h>

#include "correlate/group_internal.h"
#include "util/xalloc.h"

#define REGISTERS 1024
/* Beyond these, bytes are damaged; below, nothing that is reckoned from them overflows. */
#define POINTS_MAX (1U << 23)
#define POINT_EVENTS_MAX (1ULL << 39)
#define TIME_MAX (1LL << 52)  /* ms from the epoch */
#define COUNT_MAX (1LL << 62)
#define VARINT_MAX 10
#define MISSING 1
#define BEGUN 2

/* A storm encodes and decodes fifty thousand groups a commit: numbers are put in one piece. */
static inline void
put_fixed(struct buf *out, uint64_t v, unsigned bytes)
{
	char *to = buf_reserve(out, bytes);

	for (unsigned i = 0; i < bytes; i++)
		to[i] = (char)(v >> (8 * (bytes - 1 - i)) & 0xff);
	to[bytes] = '\0';
	out->n += bytes;
}

static void
put(struct buf *out, uint64_t v)
{
	char *begin = buf_reserve(out, VARINT_MAX), *to = begin;

	for (; v >= 0x80; v >>= 7)
		*to++ = (char)(0x80 | (v & 0x7f));
	*to++ = (char)v;
	*to = '\0';
	out->n += (size_t)(to - begin);
}

static void
put_signed(struct buf *out, int64_t v)
{
	put(out, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

/* Does a point of the kind have more than its time? */
static bool
has_value(enum condition_kind kind)
{
	return kind != CONDITION_COUNT && kind != CONDITION_RATE;
}

static bool
has_hash(const struct incident_rule *rule)
{
	return rule->condition.kind == CONDITION_FIRST_SEEN ||
	    (rule->condition.kind == CONDITION_DISTINCT &&
	        rule->condition.least <= CONDITION_DISTINCT_EXACT);
}

static bool
has_number(enum condition_kind kind)
{
	return kind == CONDITION_DISTINCT || kind == CONDITION_SUM || kind == CONDITION_SPIKE ||
	    kind == CONDITION_RATE;
}

static void
put_incident(const struct group *g, struct buf *out)
{
	const struct group_incident *inc = &g->incident;

	put_fixed(out, (uint64_t)inc->count, 8);
	put_fixed(out, (uint64_t)inc->first, 8);
	put_fixed(out, (uint64_t)inc->last, 8);
	put(out, (uint64_t)inc->told);
	put(out, inc->samples);
}

void
group_encode(const struct group *g, uint64_t version, int64_t touched, struct buf *out)
{
	int64_t number = g->incident.number;

	put_fixed(out, version, 8);
	buf_putc(out, number == 0 ? '-' : g->closed ? 'c' : 'o');
	put_fixed(out, number == GROUP_NEW ? 0 : (uint64_t)number, 8);
	put_fixed(out, (uint64_t)touched, 4);
	if (number != 0)
		put_incident(g, out);
	buf_putc(out, (char)((g->missing ? MISSING : 0) | (g->begun ? BEGUN : 0)));
	put_signed(out, g->last);
	put_signed(out, g->last - g->since);
	put(out, g->npoints);
	for (size_t i = 0; i < g->npoints; i++) {
		const struct group_point *p = &g->points[i];

		put_signed(out, g->last - p->time);
		if (has_hash(g->rule))
			put_fixed(out, p->value, 8);
		else if (has_value(g->rule->condition.kind))
			put(out, p->value);
		if (has_number(g->rule->condition.kind))
			put(out, p->n);
	}
	if (g->registers != NULL)
		buf_add(out, g->registers, g->npoints * REGISTERS);
}

void
group_set_number(char *bytes, int64_t number)
{
	for (int i = 0; i < 8; i++)
		bytes[GROUP_VERSION + 1 + i] = (char)((uint64_t)number >> (56 - 8 * i) & 0xff);
}

/* What is left to read; p is NULL once something was not there. */
struct bytes {
	const unsigned char *p, *end;
};

static inline uint64_t
get_fixed(struct bytes *b, unsigned n)
{
	uint64_t v = 0;

	if (b->p == NULL || b->end - b->p < (ptrdiff_t)n) {
		b->p = NULL;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		v = v << 8 | b->p[i];
	b->p += n;
	return v;
}

static uint64_t
get(struct bytes *b)
{
	uint64_t v = 0;

	for (unsigned shift = 0; b->p != NULL && b->p < b->end && shift < 64; shift += 7) {
		uint64_t byte = *b->p++;

		v |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return v;
	}
	b->p = NULL;
	return 0;
}

static int64_t
get_signed(struct bytes *b)
{
	uint64_t v = get(b);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* ${a} - ${b}, as bytes from elsewhere may say. */
static int64_t
minus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static void
get_incident(struct group *g, struct bytes *b)
{
	g->incident.count = (int64_t)(get_fixed(b, 8) & INT64_MAX);
	g->incident.first = (int64_t)get_fixed(b, 8);
	g->incident.last = (int64_t)get_fixed(b, 8);
	g->incident.told = (int64_t)(get(b) & INT64_MAX);
	g->incident.samples = (unsigned)get(b);
}

static void
get_points(struct group *g, struct bytes *b)
{
	uint64_t n = get(b);

	if (n > POINTS_MAX)
		b->p = NULL;
	for (uint64_t i = 0; i < n && b->p != NULL; i++) {
		struct group_point *p = group_push(g, minus(g->last, get_signed(b)), 0);

		if (has_hash(g->rule))
			p->value = get_fixed(b, 8);
		else if (has_value(g->rule->condition.kind))
			p->value = get(b) & INT64_MAX;
		if (has_number(g->rule->condition.kind))
			p->n = get(b) & INT64_MAX;
	}
}

static void
get_registers(struct group *g, struct bytes *b)
{
	size_t n = g->npoints * REGISTERS;

	if (g->rule->condition.kind != CONDITION_DISTINCT || has_hash(g->rule) || n == 0)
		return;
	if (b->p == NULL || (size_t)(b->end - b->p) < n) {
		b->p = NULL;
		return;
	}
	g->registers = xrealloc(g->registers, n, 1);
	memcpy(g->registers, b->p, n);
	b->p += n;
}

static bool
is_time(int64_t t)
{
	return t > -TIME_MAX && t < TIME_MAX;
}

/* Steps are used as bit numbers; the value of a slot is an offset into it. */
static bool
is_point(const struct incident_rule *rule, const struct group_point *p)
{
	const struct condition *c = &rule->condition;

	if ((c->kind == CONDITION_ALL_OF || c->kind == CONDITION_SEQUENCE) && p->value >= c->nsteps)
		return false;
	if ((c->kind == CONDITION_SPIKE || (c->kind == CONDITION_DISTINCT && !has_hash(rule))) &&
	    p->value >= (uint64_t)c->within)
		return false;
	return is_time(p->time) && p->n < POINT_EVENTS_MAX;
}

/* Can it be reckoned with? */
static bool
is_sound(const struct group *g)
{
	const struct group_incident *inc = &g->incident;

	for (size_t i = 0; i < g->npoints; i++)
		if (!is_point(g->rule, &g->points[i]))
			return false;
	if (!is_time(g->since) || !is_time(g->last))
		return false;
	return inc->number == 0 ||
	    (is_time(inc->first) && is_time(inc->last) && inc->told > 0 && inc->told <= inc->count &&
	        inc->count < COUNT_MAX);
}

bool
group_decode(struct group *g, struct sv bytes)
{
	struct bytes b = {(const unsigned char *)bytes.p, (const unsigned char *)bytes.p + bytes.n};
	uint64_t version = get_fixed(&b, 8), state = get_fixed(&b, 1), flags;

	group_clear(g);
	g->incident.number = (int64_t)(get_fixed(&b, 8) & INT64_MAX);
	g->closed = state == 'c';
	get_fixed(&b, 4);
	if (state == 'o' || state == 'c')
		get_incident(g, &b);
	flags = get_fixed(&b, 1);
	g->missing = (flags & MISSING) != 0;
	g->begun = (flags & BEGUN) != 0;
	g->last = get_signed(&b);
	g->since = minus(g->last, get_signed(&b));
	get_points(g, &b);
	get_registers(g, &b);
	if (b.p == NULL || b.p != b.end || !is_sound(g)) {
		group_clear(g);
		g->version = version;
		return false;
	}
	g->version = version;
	return true;
}
