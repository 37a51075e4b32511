/*
 * rules_test_incident: tests of incident rules: their lines through all that the daemon
 * would do to them, on a clock of their own, and the incidents that came of it compared
 * with those that are expected.
 */
#include <stdlib.h>

#include "conf/config.h"
#include "correlate/correlate.h"
#include "correlate/group_key.h"
#include "correlate/local.h"
#include "decode/decode.h"
#include "format/format.h"
#include "match/match.h"
#include "match/rules_test_internal.h"
#include "scan/scan.h"
#include "util/vis.h"
#include "util/xalloc.h"

struct trying {
	struct rules_test_run *run;
	const struct rule_incident_test *test;
	const struct incident_rule *rule;
	struct correlator *correlator;
	struct local *local;
	int64_t now;   /* the time that the test has come to */
	int64_t time;  /* of the line at hand, ... */
	int64_t shift; /* ... but for this */
	bool *taken;   /* by incident: it was expected */
	struct buf text; /* what is wrong */
};

/* ---- the lines -------------------------------------------------------------------- */

static void
got_event(void *ctx, const struct event *e)
{
	struct trying *t = ctx;

	correlate_event(t->correlator, t->run->rules, e);
}

static void
got_excluded(void *ctx, const struct event *e)
{
	struct trying *t = ctx;

	correlate_excluded(t->correlator, t->run->rules, e);
}

static void
got_line(void *ctx, const struct line *line, const uint32_t *rules, size_t nrules)
{
	struct trying *t = ctx;
	struct record rec;

	decode_line(t->run->decoder, line, t->now, &rec);
	rec.time += t->shift;
	match_rules(t->run->matcher, &rec, rules, nrules, got_event, t);
}

static void
got_chunk(void *ctx, const struct chunk *chunk)
{
	struct trying *t = ctx;

	if (chunk->data.n > 0)
		scan_chunk(t->run->scanner, chunk, got_line, t);
}

static void
take_time(void *ctx, const struct line *line)
{
	struct trying *t = ctx;
	struct record rec;

	decode_line(t->run->decoder, line, t->now, &rec);
	t->time = rec.time;
}

static void
time_chunk(void *ctx, const struct chunk *chunk)
{
	scan_each(chunk, take_time, ctx);
}

/* A line without a time is of now.  Years are the nearest to it. */
static void
try_line(struct trying *t, const struct rule_test_line *line)
{
	struct source_conf conf = {.format = t->test->format,
	    .program.s = (char *)(uintptr_t)t->test->program};

	t->time = t->now;
	t->shift = 0;
	format_try(&conf, sv_str(line->line), t->now, time_chunk, t);
	for (int64_t i = 0; i < line->repeat; i++) {
		t->shift = i * line->every;
		format_try(&conf, sv_str(line->line), t->now, got_chunk, t);
		if (correlate_full(t->correlator))
			local_commit(t->local, t->correlator);
	}
	t->now = t->time + t->shift;
}

static void
try_lines(struct trying *t)
{
	if (t->test->nlines > 0 && t->test->lines[0].line == NULL)
		local_pass(t->local, t->correlator, t->now);
	for (size_t i = 0; i < t->test->nlines; i++) {
		const struct rule_test_line *line = &t->test->lines[i];

		if (line->line == NULL)
			t->now += line->advance;
		else
			try_line(t, line);
		local_pass(t->local, t->correlator, t->now);
	}
}

/* ---- the outcome ------------------------------------------------------------------ */

static void
begin_complaint(struct trying *t)
{
	if (t->text.n > 0)
		buf_putc(&t->text, '\n');
}

static bool
has_key(const struct incident_rule *rule, const struct local_incident *inc,
    const struct rule_expected *e)
{
	for (size_t i = 0; i < rule->nby; i++)
		if (strcmp(rule->by[i].field, e->field) == 0)
			return sv_is(group_key_value(inc->group, i), e->value);
	return false;
}

static bool
is_it(const struct local_incident *inc, const struct rule_test_incident *e)
{
	for (size_t i = 0; i < e->nkey; i++)
		if (!has_key(inc->rule, inc, &e->key[i]))
			return false;
	return (e->count < 0 || e->count == inc->count) &&
	    (e->title == NULL || strcmp(e->title, inc->title) == 0);
}

static bool
take(struct trying *t, const struct rule_test_incident *e)
{
	for (size_t i = 0; i < local_nincidents(t->local); i++) {
		const struct local_incident *inc = local_incident(t->local, i);

		if (inc->rule != t->rule || t->taken[i] || !is_it(inc, e))
			continue;
		t->taken[i] = true;
		return true;
	}
	return false;
}

static void
complain_missing(struct trying *t, const struct rule_test_incident *e)
{
	begin_complaint(t);
	buf_puts(&t->text, "expected an incident");
	for (size_t i = 0; i < e->nkey; i++) {
		buf_printf(&t->text, "%s %s = ", i == 0 ? "" : ",", e->key[i].field);
		vis_text(&t->text, sv_str(e->key[i].value));
	}
	if (e->count >= 0)
		buf_printf(&t->text, ", count = %lld", (long long)e->count);
	if (e->title != NULL) {
		buf_puts(&t->text, ", title = ");
		vis_text(&t->text, sv_str(e->title));
	}
}

static void
complain_other(struct trying *t, const struct local_incident *inc)
{
	begin_complaint(t);
	buf_puts(&t->text, "got an incident that is not expected:");
	for (size_t i = 0; i < inc->rule->nby; i++) {
		buf_printf(&t->text, "%s %s = ", i == 0 ? "" : ",", inc->rule->by[i].field);
		vis_text(&t->text, group_key_value(inc->group, i));
	}
	buf_printf(&t->text, "%s count = %lld, title = ", inc->rule->nby == 0 ? "" : ",",
	    (long long)inc->count);
	vis_text(&t->text, sv_str(inc->title));
}

static void
compare_incidents(struct trying *t)
{
	t->taken = xcalloc(local_nincidents(t->local) + 1, sizeof(*t->taken));
	for (size_t i = 0; i < t->test->nincidents; i++)
		if (!take(t, &t->test->incidents[i]))
			complain_missing(t, &t->test->incidents[i]);
	for (size_t i = 0; i < local_nincidents(t->local); i++)
		if (local_incident(t->local, i)->rule == t->rule && !t->taken[i])
			complain_other(t, local_incident(t->local, i));
	free(t->taken);
}

static uint64_t
count_of(const struct trying *t, const char *what)
{
	static const char *const names[] = LOCAL_FATE_NAMES;

	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], what) == 0)
			return local_count(t->local, t->rule, (enum local_fate)i);
	return 0;
}

static void
compare_counts(struct trying *t)
{
	for (size_t i = 0; i < t->test->ncounts; i++) {
		const struct rule_test_count *e = &t->test->counts[i];
		uint64_t got = count_of(t, e->what);

		if (got == (uint64_t)e->n)
			continue;
		begin_complaint(t);
		buf_printf(&t->text, "expected %s = %lld, got %llu", e->what, (long long)e->n,
		    (unsigned long long)got);
	}
}

/* Which of the lines the rule counted at all is what one wants to know first. */
static void
explain(struct trying *t)
{
	static const char *const names[] = LOCAL_FATE_NAMES;

	buf_puts(&t->text, "\nof the rule's events were");
	for (int i = 0; names[i] != NULL; i++) {
		uint64_t n = local_count(t->local, t->rule, (enum local_fate)i);

		if (n > 0 || i == LOCAL_COUNTED)
			buf_printf(&t->text, " %s %llu", names[i], (unsigned long long)n);
	}
}

static void
try(struct rules_test_run *run, const struct rule_incident_test *test)
{
	struct trying t = {.run = run,
	    .test = test,
	    .rule = ruleset_incident(run->rules, test->rule),
	    .correlator = correlator_new(),
	    .local = local_new(run->rules),
	    .now = RULES_TEST_TIME};

	matcher_set_excluded(run->matcher, got_excluded, &t);
	try_lines(&t);
	matcher_set_excluded(run->matcher, NULL, NULL);
	compare_incidents(&t);
	compare_counts(&t);
	if (t.text.n > 0)
		explain(&t);
	rules_test_report(run,
	    &(struct rules_test_result){.file = test->place.file,
	        .line = test->place.line,
	        .column = test->place.column,
	        .rule = t.rule->id,
	        .name = test->name,
	        .ok = t.text.n == 0,
	        .text = buf_str(&t.text)});
	local_free(&t.local);
	correlator_free(&t.correlator);
	buf_free(&t.text);
}

void
rules_test_incidents(struct rules_test_run *run)
{
	for (size_t i = 0; i < ruleset_nincident_tests(run->rules); i++)
		try(run, ruleset_incident_test(run->rules, i));
}
