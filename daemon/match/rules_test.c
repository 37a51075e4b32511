/*
 * rules_test: see rules_test.h.  Here are the tests of event rules.
 */
#include "match/rules_test.h"

#include "conf/config.h"
#include "decode/decode.h"
#include "format/format.h"
#include "match/match.h"
#include "match/rules_test_internal.h"
#include "scan/scan.h"
#include "util/buf.h"
#include "util/vis.h"

/* One test, and what came of its line. */
struct verdict_of {
	struct rules_test_run *running;
	const struct event_rule *rule;
	const struct rule_test *test;
	bool matched;
	struct buf text; /* what is wrong */
};

static void
compare_field(struct verdict_of *v, const struct event *event, const struct rule_expected *e)
{
	const struct sv *value = event_field(event, e->field);

	if (value != NULL && sv_is(*value, e->value))
		return;
	buf_printf(&v->text, "%sexpected %s = ", v->text.n == 0 ? "" : "\n", e->field);
	vis_text(&v->text, sv_str(e->value));
	buf_puts(&v->text, ", got ");
	if (value == NULL)
		buf_puts(&v->text, "nothing");
	else
		vis_text(&v->text, *value);
}

static void
note_event(void *ctx, const struct event *event)
{
	struct verdict_of *v = ctx;

	if (event->rule != v->rule)
		return;
	v->matched = true;
	for (size_t i = 0; i < v->test->nexpected; i++)
		compare_field(v, event, &v->test->expected[i]);
}

static void
note_absence(struct rules_test_run *r, struct verdict_of *v, const struct record *rec)
{
	if (v->test->none && v->matched)
		buf_puts(&v->text, "expected no event, but the rule matches");
	if (v->test->none || v->matched)
		return;
	buf_puts(&v->text, "expected an event: ");
	match_explain(r->matcher, v->rule, rec, &v->text);
	v->text.n -= v->text.n > 0 && v->text.p[v->text.n - 1] == '\n';
	v->text.p[v->text.n] = '\0';
}

void
rules_test_report(struct rules_test_run *run, const struct rules_test_result *result)
{
	run->failed += !result->ok;
	if (run->result != NULL)
		run->result(run->ctx, result);
}

static void
report(struct rules_test_run *r, const struct verdict_of *v)
{
	struct rules_test_result result = {
	    .file = v->test->place.file,
	    .line = v->test->place.line,
	    .column = v->test->place.column,
	    .rule = v->rule->id,
	    .ok = v->text.n == 0,
	    .text = buf_str(&v->text),
	};

	rules_test_report(r, &result);
}

/* A fallback rule is tested by itself: what others match must not break its tests. */
static size_t
only(const struct event_rule *rule, const uint32_t **rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((*rules)[i] == rule->index) {
			*rules += i;
			return 1;
		}
	}
	return 0;
}

static void
try_line(void *ctx, const struct line *line, const uint32_t *rules, size_t nrules)
{
	struct verdict_of *v = ctx;
	struct record rec;

	if (v->rule->body->fallback)
		nrules = only(v->rule, &rules, nrules);
	decode_line(v->running->decoder, line, RULES_TEST_TIME, &rec);
	match_rules(v->running->matcher, &rec, rules, nrules, note_event, v);
}

static void
explain_line(void *ctx, const struct line *line)
{
	struct verdict_of *v = ctx;
	struct record rec;

	decode_line(v->running->decoder, line, RULES_TEST_TIME, &rec);
	if (v->text.n == 0)
		note_absence(v->running, v, &rec);
}

static void
try_chunk(void *ctx, const struct chunk *chunk)
{
	struct verdict_of *v = ctx;

	if (chunk->data.n > 0)
		scan_chunk(v->running->scanner, chunk, try_line, v);
}

static void
explain_chunk(void *ctx, const struct chunk *chunk)
{
	scan_each(chunk, explain_line, ctx);
}

static void
deliver(const struct rule_test *test, format_cb *cb, struct verdict_of *v)
{
	struct source_conf conf = {
	    .format = test->format, .program.s = (char *)(uintptr_t)test->program};

	format_try(&conf, sv_str(test->line), RULES_TEST_TIME, cb, v);
}

static void
run(struct rules_test_run *r, const struct event_rule *rule, const struct rule_test *test)
{
	struct verdict_of v = {.running = r, .rule = rule, .test = test};

	deliver(test, try_chunk, &v);
	if (v.matched == test->none)
		deliver(test, explain_chunk, &v);
	report(r, &v);
	buf_free(&v.text);
}

size_t
rules_test(struct ruleset *rules, struct geoip *geoip, rules_test_cb *result, void *ctx)
{
	struct rules_test_run r = {.rules = rules, .result = result, .ctx = ctx};

	r.matcher = matcher_new(rules);
	matcher_set_geoip(r.matcher, geoip, false);
	r.scanner = scanner_new(rules);
	r.decoder = decoder_new();
	for (size_t i = 0; i < ruleset_nevents(rules); i++) {
		const struct event_rule *rule = ruleset_event(rules, i);

		for (size_t j = 0; j < rule->body->ntests; j++)
			run(&r, rule, &rule->body->tests[j]);
	}
	rules_test_incidents(&r);
	decoder_free(&r.decoder);
	scanner_free(&r.scanner);
	matcher_free(&r.matcher);
	return r.failed;
}
