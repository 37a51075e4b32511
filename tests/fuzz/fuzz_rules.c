/*
 * fuzz_rules: any bytes as a rule file.  It is refused with errors or becomes a
 * rule set, which then meets its own text as a message.
 */
#include <stdlib.h>

#include "conf/config.h"
#include "match/match.h"
#include "rule/rule_fields.h"
#include "rule/ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* Addresses are written anew. */
static bool
is_address(struct sv s)
{
	return s.n < RULE_FIELD_ROOM &&
	    (memchr(s.p, ':', s.n) != NULL || memchr(s.p, '.', s.n) != NULL);
}

static void
require_inside(void *ctx, const struct event *event)
{
	const struct line *line = ctx;

	require(event->nfields <= EVENT_FIELDS_MAX);
	for (size_t i = 0; i < event->nfields; i++) {
		const struct sv *v = &event->fields[i].value;

		require(v->n > 0);
		require(strcmp(event->rule->class, "detector") == 0 ||
		    (v->p >= line->text.p && v->p + v->n <= line->text.p + line->text.n) ||
		    is_address(*v));
	}
}

static void
match_itself(struct ruleset *rs, const char *text, size_t n)
{
	struct matcher *m = matcher_new(rs);
	struct line line = {.text = {text, n}};
	struct record rec = {
	    .line = &line, .facility = -1, .severity = -1, .program = SV("p"), .message = line.text};

	match_record(m, &rec, require_inside, &line);
	for (size_t i = 0; i < ruleset_nevents(rs); i++) {
		struct buf why = BUF_INIT;

		match_explain(m, ruleset_event(rs, i), &rec, &why);
		require(why.n > 0);
		buf_free(&why);
	}
	matcher_free(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct match_conf limits = {
	    .match_limit = 1000, .depth_limit = 100, .heap_limit_kib = 100, .max_length = 512};
	struct diag *d = diag_new();
	struct buf out = BUF_INIT;
	struct ruleset *rs;

	rs = ruleset_load_text("fuzz.yaml", (const char *)data, size, &limits, d);
	require((rs == NULL) == (diag_errors(d) > 0));
	diag_print(d, &out);
	diag_free(&d);
	if (rs != NULL)
		match_itself(rs, (const char *)data, size);
	ruleset_unref(&rs);
	buf_free(&out);
	return 0;
}
