/*
 * match_explain: a verdict in words, see match.h.
 */
#include "match/match_internal.h"
#include "util/vis.h"

static void
list(struct buf *out, const struct rule_strings *strings)
{
	if (strings->n == 0)
		buf_puts(out, "any");
	for (size_t i = 0; i < strings->n; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : " or ", strings->v[i]);
}

static void
explain_text(
    struct buf *out, const char *what, struct sv has, const struct rule_strings *wanted)
{
	buf_printf(out, "no: the line's %s is ", what);
	if (has.n == 0) {
		buf_puts(out, "not known");
	} else {
		buf_putc(out, '"');
		vis_text(out, has);
		buf_putc(out, '"');
	}
	buf_puts(out, ", the rule wants ");
	list(out, wanted);
	buf_putc(out, '\n');
}

static void
explain_number(struct buf *out, const char *what, const char *has, uint32_t wanted,
    const char *(*name)(int))
{
	const char *separator = "";

	buf_printf(out, "no: the line's syslog %s is %s, the rule wants ", what,
	    has == NULL ? "not known" : has);
	for (int i = 0; i < 32; i++) {
		if ((wanted >> i & 1) == 0)
			continue;
		buf_printf(out, "%s%s", separator, name(i));
		separator = " or ";
	}
	buf_putc(out, '\n');
}

static void
explain_fields(struct buf *out, const struct event *event)
{
	for (size_t i = 0; i < event->nfields; i++) {
		buf_printf(out, "  %s = ", event->fields[i].name);
		vis_text(out, event->fields[i].value);
		buf_putc(out, '\n');
	}
}

static bool
has_field(const struct event *event, const char *name)
{
	return event_field(event, name) != NULL;
}

/* Groups of the pattern that gave no field: unset, empty, or not of the type. */
static void
explain_missing(struct buf *out, const struct rule_pattern *p, const struct event *event)
{
	for (size_t i = 0; i < p->ncaptures; i++)
		if (!has_field(event, p->captures[i].field))
			buf_printf(out, "  %s: nothing captured, or not of type %s\n",
			    p->captures[i].field, rule_field_type_name(p->captures[i].type));
}

static void
explain_patterns(struct buf *out, const struct rule_body *body, size_t message)
{
	if (body->npatterns == 1)
		buf_puts(out, "no: the pattern does not match");
	else
		buf_printf(out, "no: none of %zu patterns matches", body->npatterns);
	buf_printf(out, " the message (%zu bytes)\n", message);
}

static void
explain_unless(struct buf *out, const struct rule_unless *u, size_t number)
{
	buf_printf(out, "no: excluded by unless #%zu: ", number + 1);
	for (size_t i = 0; i < u->n; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : " and ", u->conditions[i].text);
	buf_putc(out, '\n');
}

static void
explain_limit(struct buf *out, const struct attempt *a)
{
	char message[256];

	pcre2_get_error_message(a->error, (PCRE2_UCHAR *)message, sizeof(message));
	buf_printf(out, "undecided: pattern #%zu ran out of its limits: %s\n", a->pattern + 1,
	    message);
}

static void
explain_fallback(struct buf *out, const struct event_rule *claimant)
{
	buf_printf(out, "no: this rule is a fallback, and the line is one of %s\n", claimant->id);
}

static void
explain_match(struct buf *out, const struct rule_body *body, const struct attempt *a)
{
	if (body->npatterns == 0) {
		buf_puts(out, "yes: the record is as the rule wants it\n");
		explain_fields(out, &a->event);
		return;
	}
	buf_printf(out, "yes: pattern #%zu matches\n", a->pattern + 1);
	explain_fields(out, &a->event);
	explain_missing(out, &body->patterns[a->pattern], &a->event);
}

static void
explain_field(struct buf *out, const struct rule_field *field, const struct record *rec)
{
	const struct sv *has = record_field(rec, field->name);

	explain_text(out, field->name, has == NULL ? SV("") : *has, &field->values);
}

void
match_explain(
    struct matcher *m, const struct event_rule *rule, const struct record *rec, struct buf *out)
{
	const struct rule_body *body = rule->body;
	const struct event_rule *claimant;
	struct attempt a;

	if (body->builtin) {
		buf_puts(out, "no: this rule is about the detector, no pattern belongs to it\n");
		return;
	}
	claimant = body->fallback ? match_claimant(m, rec) : NULL;
	match_try(m, rule, rec, &a);
	if (a.verdict == VERDICT_MATCH && claimant != NULL) {
		explain_fallback(out, claimant);
		return;
	}
	switch (a.verdict) {
	case VERDICT_MATCH:
		explain_match(out, body, &a);
		break;
	case VERDICT_PROGRAM:
		explain_text(out, "program", rec->program, &body->programs);
		break;
	case VERDICT_HOST:
		explain_text(out, "host", rec->host, &body->hosts);
		break;
	case VERDICT_FACILITY:
		explain_number(out, "facility", rule_facility_name(rec->facility),
		    body->facilities, rule_facility_name);
		break;
	case VERDICT_SEVERITY:
		explain_number(out, "severity", rule_severity_name(rec->severity),
		    body->severities, rule_severity_name);
		break;
	case VERDICT_FIELD:
		explain_field(out, match_missing_field(body, rec), rec);
		break;
	case VERDICT_PATTERN:
		explain_patterns(out, body, rec->message.n);
		break;
	case VERDICT_UNLESS:
		explain_unless(out, &body->unless[a.unless], a.unless);
		explain_fields(out, &a.event);
		break;
	case VERDICT_LIMIT:
		explain_limit(out, &a);
		break;
	}
}
