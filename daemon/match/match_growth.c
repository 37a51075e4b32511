/*
 * match_growth: see match_growth.h.
 *
 * Time, not PCRE2's count of steps: its cheapest loops are not counted, and
 * those are the quadratic ones.  Four times the line may take four times as
 * long; more than eight times, and long enough to be measured, is growth.
 */
#include "match/match_growth.h"

#include <stdlib.h>
#include <time.h>

#include "model/event.h"

#define LONG_LINE 8192
#define SHORT_LINE 2048
#define MOST_GROWTH 8
#define LEAST_MICROSECONDS 2000
#define ROUNDS 3

struct measuring {
	const struct rule_pattern *pattern;
	pcre2_match_data *data;
	pcre2_match_context *context;
	struct buf line;
};

static int64_t
cpu_microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* HEAD UNIT UNIT UNIT ... and an end that nothing expects. */
static void
make_line(struct buf *line, struct sv head, struct sv unit, size_t size)
{
	line->n = 0;
	buf_sv(line, head);
	while (line->n + unit.n < size)
		buf_sv(line, unit);
	buf_putc(line, '\001');
}

static int
run(struct measuring *m)
{
	return pcre2_match(m->pattern->code, (PCRE2_SPTR)m->line.p, m->line.n, 0, PCRE2_NO_JIT,
	    m->data, m->context);
}

/* The least of some rounds: other work on the machine only ever adds. */
static int64_t
measure(struct measuring *m, int rounds)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < rounds; i++) {
		int64_t start = cpu_microseconds(), took;

		run(m);
		took = cpu_microseconds() - start;
		least = took < least ? took : least;
	}
	return least;
}

static bool
try_line(struct measuring *m, struct sv head, struct sv unit, struct buf *why)
{
	int64_t longer, shorter;
	int rc;

	if (unit.n == 0 || head.n + 2 * unit.n > SHORT_LINE)
		return true;
	make_line(&m->line, head, unit, LONG_LINE);
	rc = run(m);
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
		buf_printf(why, "runs out of its limits on a line of %d bytes", LONG_LINE);
		return false;
	}
	if (measure(m, 1) < LEAST_MICROSECONDS)
		return true;
	longer = measure(m, ROUNDS);
	make_line(&m->line, head, unit, SHORT_LINE);
	shorter = measure(m, ROUNDS);
	if (longer < LEAST_MICROSECONDS || longer < shorter * MOST_GROWTH)
		return true;
	buf_printf(why, "takes time that grows faster than the line: %.1f ms for %d bytes, "
	    "%.1f ms for %d", (double)shorter / 1000, SHORT_LINE, (double)longer / 1000, LONG_LINE);
	return false;
}

static bool
try_head(struct measuring *m, const struct pattern_shape *shape, struct sv head, struct sv sample,
    struct buf *why)
{
	static const struct sv units[] = {{" ", 1}, {"a", 1}, {"0", 1}, {"a ", 2}, {"0.", 2}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!try_line(m, head, units[i], why))
			return false;
	for (size_t i = 0; i < shape->nliterals; i++)
		if (!try_line(m, head, shape->literals[i], why))
			return false;
	return try_line(m, head, sample, why);
}

/* Where a capture starts, and where one ends, is where an attacker's text may. */
static bool
try_captures(
    struct measuring *m, const struct pattern_shape *shape, struct sv sample, struct buf *why)
{
	const PCRE2_SIZE *ovector = pcre2_get_ovector_pointer(m->data);
	PCRE2_SIZE at[2 * EVENT_FIELDS_MAX];
	size_t n = 0;

	m->line.n = 0;
	buf_sv(&m->line, sample);
	if (run(m) < 0)
		return true;
	for (size_t i = 0; i < m->pattern->ncaptures; i++) {
		uint32_t group = m->pattern->captures[i].group;

		at[n++] = ovector[2 * group];
		at[n++] = ovector[2 * group + 1];
	}
	for (size_t i = 0; i < n; i++)
		if (at[i] != PCRE2_UNSET &&
		    !try_head(m, shape, (struct sv){sample.p, at[i]}, sample, why))
			return false;
	return true;
}

bool
match_growth_ok(const struct rule_pattern *p, const struct pattern_shape *shape,
    pcre2_match_context *context, struct sv sample, struct buf *why)
{
	struct measuring m = {.pattern = p, .context = context, .line = BUF_INIT};
	bool ok;

	m.data = pcre2_match_data_create_from_pattern(p->code, NULL);
	if (m.data == NULL)
		abort();
	ok = try_head(&m, shape, SV(""), sample, why) && try_captures(&m, shape, sample, why);
	pcre2_match_data_free(m.data);
	buf_free(&m.line);
	return ok;
}
