/*
 * match_rig: see match_rig.h.
 */
#include "match_rig.h"

#include "rig.h"

void
mx_use_with(struct mx *m, const char *text, const struct match_conf *limits)
{
	struct buf errors = BUF_INIT;
	struct ruleset *rules = rig_try_rules("rules.yaml", text, limits, &errors);

	ck_assert_msg(rules != NULL, "%s", buf_str(&errors));
	buf_free(&errors);
	mx_use_rules(m, rules);
}

void
mx_use(struct mx *m, const char *text)
{
	mx_use_with(m, text, &rig_limits);
}

void
mx_use_rules(struct mx *m, struct ruleset *rules)
{
	*m = (struct mx){.rules = rules, .matcher = matcher_new(rules), .seen = BUF_INIT};
}

void
mx_drop(struct mx *m)
{
	matcher_free(&m->matcher);
	ruleset_unref(&m->rules);
	buf_free(&m->seen);
}

struct record
mx_record(const struct line *line, const char *program)
{
	return (struct record){.line = line,
	    .facility = -1,
	    .severity = -1,
	    .program = sv_str(program),
	    .message = line->text};
}

void
mx_see(void *ctx, const struct event *event)
{
	struct mx *m = ctx;

	ck_assert_ptr_eq(event->record, m->record);
	buf_printf(&m->seen, "%s", event->rule->id);
	for (size_t i = 0; i < event->nfields; i++) {
		buf_printf(&m->seen, " %s=", event->fields[i].name);
		buf_sv(&m->seen, event->fields[i].value);
	}
	buf_puts(&m->seen, "; ");
}

const char *
mx_events(struct mx *m, struct record *rec)
{
	buf_free(&m->seen);
	m->record = rec;
	match_record(m->matcher, rec, mx_see, m);
	return buf_str(&m->seen);
}

const char *
mx_match(struct mx *m, const char *program, struct sv message)
{
	struct line line = {.text = message};
	struct record rec = mx_record(&line, program);

	return mx_events(m, &rec);
}

void
mx_expect(struct mx *m, const char *program, const char *message, const char *wanted)
{
	ck_assert_str_eq(mx_match(m, program, sv_str(message)), wanted);
}

void
mx_expect_why(
    struct mx *m, const char *rule, const char *program, const char *message, const char *wanted)
{
	struct line line = {.text = sv_str(message)};
	struct record rec = mx_record(&line, program);
	struct buf why = BUF_INIT;

	match_explain(m->matcher, ruleset_find_event(m->rules, rule), &rec, &why);
	ck_assert_str_eq(buf_str(&why), wanted);
	buf_free(&why);
}
