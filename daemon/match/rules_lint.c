/*
 * rules_lint: see rules_lint.h.
 */
#include "match/rules_lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "conf/config.h"
#include "decode/decode.h"
#include "format/format.h"
#include "match/match_growth.h"
#include "match/match_internal.h"
#include "match/pattern_shape.h"
#include "rule/rule.h"
#include "scan/literal.h"
#include "scan/scan.h"

#define COST_ROUNDS 1000

struct linting {
	const struct ruleset *rules;
	const struct event_rule *rule;
	struct decoder *decoder;
	struct buf sample; /* the message that find_sample() found last */
	pcre2_match_context *context;
	rules_lint_cb *found;
	void *ctx;
	size_t count;
};

__attribute__((format(printf, 3, 4))) static void
find(struct linting *l, struct rule_place place, const char *fmt, ...)
{
	char text[512];
	struct rules_lint_finding finding = {.file = place.file,
	    .line = place.line,
	    .column = place.column,
	    .rule = l->rule->id,
	    .text = text};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	l->count++;
	if (l->found != NULL)
		l->found(l->ctx, &finding);
}

static void
lint_captures(struct linting *l, const struct rule_pattern *p)
{
	for (size_t i = 0; i < p->ncaptures; i++) {
		const char *name = p->captures[i].capture;
		const char *near = rule_field_nearest(name);

		if (p->captures[i].known)
			continue;
		if (near == NULL)
			find(l, p->place, "\"%s\" is no field we know: taken as %s, type text",
			    name, p->captures[i].field);
		else
			find(l, p->place,
			    "\"%s\" is no field we know: taken as %s, type text; did you mean "
			    "\"%s\"?", name, p->captures[i].field, near);
	}
}

static void
lint_shape(struct linting *l, const struct rule_pattern *p, const struct pattern_shape *shape)
{
	if (shape->wildcard_before_capture && !(shape->starts && shape->ends))
		find(l, p->place,
		    "who writes part of the line can steer what is captured: .* or .+ before a "
		    "capture needs a pattern that begins with ^ and ends with $");
}

/* Looking for a test line that a pattern matches. */
struct sampling {
	struct linting *l;
	const struct rule_pattern *p;
	pcre2_match_data *data;
	struct buf *found; /* its message */
};

static void
try_line(void *ctx, const struct line *line)
{
	struct sampling *s = ctx;
	struct record rec;

	decode_line(s->l->decoder, line, 0, &rec);
	if (s->found->n == 0 && rec.message.n > 0 &&
	    pcre2_match(s->p->code, (PCRE2_SPTR)rec.message.p, rec.message.n, 0, 0, s->data,
	        s->l->context) > 0)
		buf_sv(s->found, rec.message);
}

static void
try_chunk(void *ctx, const struct chunk *chunk)
{
	scan_each(chunk, try_line, ctx);
}

/* The message of the first test line that ${p} matches, empty when none does;
 * in l->sample. */
static struct sv
find_sample(struct linting *l, const struct rule_pattern *p)
{
	const struct rule_body *body = l->rule->body;
	struct sampling s = {l, p, pcre2_match_data_create_from_pattern(p->code, NULL), &l->sample};

	if (s.data == NULL)
		abort();
	l->sample.n = 0;
	for (size_t i = 0; i < body->ntests && l->sample.n == 0; i++) {
		struct source_conf conf = {.format = body->tests[i].format,
		    .program.s = (char *)(uintptr_t)body->tests[i].program};

		format_try(&conf, sv_str(body->tests[i].line), 0, try_chunk, &s);
	}
	pcre2_match_data_free(s.data);
	return buf_view(&l->sample);
}

static int64_t
cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* What trying ${p} on ${message} costs, ns. */
static long
cost(struct linting *l, const struct rule_pattern *p, struct sv message)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(p->code, NULL);
	int64_t start = cpu_ns();

	if (data == NULL)
		abort();
	for (int i = 0; i < COST_ROUNDS; i++)
		pcre2_match(p->code, (PCRE2_SPTR)message.p, message.n, 0, 0, data, l->context);
	pcre2_match_data_free(data);
	return (long)((cpu_ns() - start) / COST_ROUNDS);
}

/* Without a literal the scan cannot tell which lines the pattern is to be tried on. */
static void
lint_literal(struct linting *l, const struct rule_pattern *p)
{
	struct literals known;

	literal_extract(p->text, strlen(p->text), RULE_PATTERN_OPTIONS, &known);
	if (known.n == 0)
		find(l, p->place,
		    "no text of %d or more bytes is known that every line it matches contains: it "
		    "is tried on every line of its programs, or of all, for some %ld ns each",
		    LITERAL_MIN, cost(l, p, find_sample(l, p)));
}

static void
lint_growth(struct linting *l, const struct rule_pattern *p, const struct pattern_shape *shape)
{
	struct buf why = BUF_INIT;

	if (!match_growth_ok(p, shape, l->context, find_sample(l, p), &why))
		find(l, p->place, "the pattern %s", buf_str(&why));
	buf_free(&why);
}

static void
lint_tests(struct linting *l)
{
	const struct rule_body *body = l->rule->body;
	size_t positive = 0, negative = 0;

	for (size_t i = 0; i < body->ntests; i++) {
		positive += !body->tests[i].none;
		negative += body->tests[i].none;
	}
	if (positive == 0)
		find(l, body->place, "no test shows a line that matches");
	if (negative == 0)
		find(l, body->place, "no test shows a line that nearly matches (event: none)");
	for (size_t i = 0; i < body->npatterns; i++)
		if (positive > 0 && find_sample(l, &body->patterns[i]).n == 0)
			find(l, body->patterns[i].place, "no test shows a line for this pattern");
}

static void
lint_rule(struct linting *l)
{
	const struct rule_body *body = l->rule->body;

	if (body->builtin)
		return;
	lint_tests(l);
	for (size_t i = 0; i < body->npatterns; i++) {
		struct pattern_shape shape;

		pattern_shape(body->patterns[i].text, &shape);
		lint_captures(l, &body->patterns[i]);
		lint_shape(l, &body->patterns[i], &shape);
		lint_literal(l, &body->patterns[i]);
		lint_growth(l, &body->patterns[i], &shape);
	}
}

size_t
rules_lint(struct ruleset *rules, rules_lint_cb *found, void *ctx)
{
	struct linting l = {.rules = rules, .found = found, .ctx = ctx};

	l.decoder = decoder_new();
	l.context = match_context_new(rules);
	for (size_t i = 0; i < ruleset_nevents(rules); i++) {
		l.rule = ruleset_event(rules, i);
		lint_rule(&l);
	}
	pcre2_match_context_free(l.context);
	decoder_free(&l.decoder);
	buf_free(&l.sample);
	return l.count;
}
