/*
 * match: see match.h.
 *
 * Preconditions, patterns in order, exceptions.  PCRE2 works on the line's own
 * bytes and fields are slices of it: nothing is copied or allocated per line.
 */
#include "match/match.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "match/match_internal.h"
#include "util/xalloc.h"

#define JIT_STACK_START (32 * 1024)
#define JIT_STACK_MAX (512 * 1024)

static uint32_t
most_groups(const struct ruleset *rules)
{
	uint32_t most = 0, count;

	for (size_t i = 0; i < ruleset_nevents(rules); i++) {
		const struct rule_body *body = ruleset_event(rules, i)->body;

		for (size_t j = 0; j < body->npatterns; j++) {
			pcre2_pattern_info(body->patterns[j].code, PCRE2_INFO_CAPTURECOUNT, &count);
			most = count > most ? count : most;
		}
	}
	return most;
}

pcre2_match_context *
match_context_new(const struct ruleset *rules)
{
	const struct rule_limits *limits = ruleset_limits(rules);
	pcre2_match_context *context = pcre2_match_context_create(NULL);

	if (context == NULL)
		abort();
	pcre2_set_match_limit(context, limits->match_limit);
	pcre2_set_depth_limit(context, limits->depth_limit);
	pcre2_set_heap_limit(context, limits->heap_limit_kib);
	return context;
}

static void
prepare_pcre2(struct matcher *m)
{
	m->context = match_context_new(m->rules);
	m->data = pcre2_match_data_create(most_groups(m->rules) + 1, NULL);
	if (m->data == NULL)
		abort();
	m->ovector = pcre2_get_ovector_pointer(m->data);
	if (!ruleset_limits(m->rules)->jit)
		return;
	m->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
	if (m->stack != NULL)
		pcre2_jit_stack_assign(m->context, NULL, m->stack);
}

/* Every rule but the built-in ones. */
static void
list_all(struct matcher *m)
{
	size_t n = ruleset_nevents(m->rules);

	m->all = xcalloc(n, sizeof(*m->all));
	for (size_t i = 0; i < n; i++)
		if (!ruleset_event(m->rules, i)->body->builtin)
			m->all[m->nall++] = (uint32_t)i;
}

struct matcher *
matcher_new(struct ruleset *rules)
{
	struct matcher *m = xcalloc(1, sizeof(*m));

	m->rules = ruleset_ref(rules);
	m->max_length = ruleset_limits(rules)->max_length;
	list_all(m);
	m->limit_rule = ruleset_find_event(rules, RULE_MATCH_LIMIT);
	m->cut_rule = ruleset_find_event(rules, RULE_LINE_CUT);
	assert(m->limit_rule != NULL && m->cut_rule != NULL);
	prepare_pcre2(m);
	return m;
}

void
matcher_free(struct matcher **mp)
{
	struct matcher *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	pcre2_match_context_free(m->context);
	pcre2_match_data_free(m->data);
	pcre2_jit_stack_free(m->stack);
	free(m->all);
	ruleset_unref(&m->rules);
	free(m);
}

/* As sv_is, for short texts: no call. */
static bool
is_text(struct sv s, const char *text)
{
	size_t i = 0;

	while (i < s.n && text[i] == s.p[i] && text[i] != '\0')
		i++;
	return i == s.n && text[i] == '\0';
}

static bool
is_one_of(const struct rule_strings *texts, struct sv s)
{
	for (size_t i = 0; i < texts->n; i++)
		if (is_text(s, texts->v[i]))
			return true;
	return texts->n == 0;
}

static bool
is_host(const struct rule_strings *hosts, struct sv host)
{
	for (size_t i = 0; i < hosts->n; i++)
		if (strlen(hosts->v[i]) == host.n && strncasecmp(hosts->v[i], host.p, host.n) == 0)
			return true;
	return hosts->n == 0;
}

/* Is ${n} among ${bits}?  What the header does not tell is only in all bits. */
static bool
is_among(uint32_t bits, uint32_t all, int n)
{
	return bits == all || (n >= 0 && n < 32 && (bits >> n & 1) != 0);
}

static bool
is_wanted(const struct rule_strings *values, struct sv value)
{
	return values->n == 0 ? value.n > 0 : is_one_of(values, value);
}

/* The first of the rule's fields that ${rec} has not as wanted, or NULL. */
const struct rule_field *
match_missing_field(const struct rule_body *body, const struct record *rec)
{
	for (size_t i = 0; i < body->nfields; i++) {
		const struct sv *value = record_field(rec, body->fields[i].name);

		if (value == NULL || !is_wanted(&body->fields[i].values, *value))
			return &body->fields[i];
	}
	return NULL;
}

static enum verdict
check_where(const struct rule_body *body, const struct record *rec)
{
	if (!is_one_of(&body->programs, rec->program))
		return VERDICT_PROGRAM;
	if (!is_host(&body->hosts, rec->host))
		return VERDICT_HOST;
	if (!is_among(body->facilities, RULE_ANY_FACILITY, rec->facility))
		return VERDICT_FACILITY;
	if (!is_among(body->severities, RULE_ANY_SEVERITY, rec->severity))
		return VERDICT_SEVERITY;
	return match_missing_field(body, rec) == NULL ? VERDICT_MATCH : VERDICT_FIELD;
}

/* What of the message patterns get to see. */
static struct sv
subject_of(const struct matcher *m, const struct record *rec)
{
	struct sv s = rec->message;

	if (s.p == NULL)
		return SV("");
	s.n = s.n > m->max_length ? m->max_length : s.n;
	return s;
}

static bool
is_cut(const struct matcher *m, const struct record *rec)
{
	return rec->line->cut || rec->message.n > m->max_length;
}

static bool
is_taken(const struct event *event, size_t ntaken, const char *name)
{
	for (size_t i = 0; i < ntaken; i++)
		if (strcmp(event->fields[i].name, name) == 0)
			return true;
	return false;
}

/* The fields of the match that is in m->data; a value that is not of its
 * field's type is no capture, nor is one for a field that the record gave. */
static void
take_fields(
    struct matcher *m, const struct rule_pattern *p, struct sv subject, struct event *event)
{
	size_t ntaken = event->nfields;

	for (size_t i = 0; i < p->ncaptures; i++) {
		const struct rule_capture *c = &p->captures[i];
		PCRE2_SIZE start = m->ovector[2 * c->group], end = m->ovector[2 * c->group + 1];
		struct field *field = &event->fields[event->nfields];

		if (start == PCRE2_UNSET || end == PCRE2_UNSET || end < start ||
		    is_taken(event, ntaken, c->field))
			continue;
		*field = (struct field){c->field, {subject.p + start, end - start}};
		if (rule_field_accept(c->type, &field->value, m->addresses[event->nfields]))
			event->nfields++;
	}
}

static const struct sv *
first_of(const struct record *rec, const struct rule_strings *names)
{
	const struct sv *value = NULL;

	for (size_t i = 0; i < names->n && value == NULL; i++)
		value = record_field(rec, names->v[i]);
	return value;
}

/* "192.0.2.1" of "192.0.2.1, 198.51.100.7", as proxies write it. */
static struct sv
first_address(struct sv s)
{
	const char *comma = s.n == 0 ? NULL : memchr(s.p, ',', s.n);

	if (comma == NULL)
		return s;
	s.n = (size_t)(comma - s.p);
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

static bool
holds_address(enum field_type type)
{
	return type == FIELD_IP || type == FIELD_ADDRESS;
}

/* They come before what patterns capture: nobody can forge them in a message. */
static void
take_from_record(struct matcher *m, const struct rule_body *body, const struct record *rec,
    struct event *event)
{
	for (size_t i = 0; i < body->ntakes; i++) {
		const struct rule_capture *c = &body->takes[i].capture;
		const struct sv *value = first_of(rec, &body->takes[i].from);
		struct field *field = &event->fields[event->nfields];

		if (value == NULL)
			continue;
		*field = (struct field){
		    c->field, holds_address(c->type) ? first_address(*value) : *value};
		if (rule_field_accept(c->type, &field->value, m->addresses[event->nfields]))
			event->nfields++;
	}
}

static bool
is_excluded(const struct rule_unless *u, const struct event *event)
{
	for (size_t i = 0; i < u->n; i++) {
		const struct sv *value = event_field(event, u->conditions[i].field);

		if (value == NULL || !rule_list_has(u->conditions[i].values, *value))
			return false;
	}
	return true;
}

static enum verdict
check_unless(const struct rule_body *body, struct attempt *a)
{
	for (size_t i = 0; i < body->nunless; i++) {
		if (is_excluded(&body->unless[i], &a->event)) {
			a->unless = i;
			return VERDICT_UNLESS;
		}
	}
	return VERDICT_MATCH;
}

/* The entry for machine code saves what pcre2_match() does for others: we give no options and
 * no UTF-8, and a subject that is never NULL nor copied.  The limits hold there as well.  A
 * pattern without machine code it refuses. */
static int
run_pattern(const struct matcher *m, const struct rule_pattern *p, struct sv subject)
{
	PCRE2_SPTR text = (PCRE2_SPTR)subject.p;
	int rc = PCRE2_ERROR_JIT_BADOPTION;

	if (m->stack != NULL)
		rc = pcre2_jit_match(p->code, text, subject.n, 0, 0, m->data, m->context);
	if (rc == PCRE2_ERROR_JIT_BADOPTION)
		rc = pcre2_match(p->code, text, subject.n, 0, 0, m->data, m->context);
	return rc;
}

static enum verdict
try_patterns(
    struct matcher *m, const struct rule_body *body, struct sv subject, struct attempt *a)
{
	for (size_t i = 0; i < body->npatterns; i++) {
		const struct rule_pattern *p = &body->patterns[i];
		int rc = run_pattern(m, p, subject);

		if (rc == PCRE2_ERROR_NOMATCH)
			continue;
		a->pattern = i;
		if (rc < 0) {
			a->error = rc;
			return VERDICT_LIMIT;
		}
		take_fields(m, p, subject, &a->event);
		match_derive(m, body, &a->event);
		return check_unless(body, a);
	}
	a->pattern = 0;
	if (body->npatterns > 0)
		return VERDICT_PATTERN;
	match_derive(m, body, &a->event);
	return check_unless(body, a);
}

void
match_try(struct matcher *m, const struct event_rule *rule, const struct record *rec,
    struct attempt *a)
{
	a->event.rule = rule;
	a->event.record = rec;
	a->event.nfields = 0;
	a->verdict = check_where(rule->body, rec);
	if (a->verdict != VERDICT_MATCH)
		return;
	take_from_record(m, rule->body, rec, &a->event);
	a->verdict = try_patterns(m, rule->body, subject_of(m, rec), a);
}

const struct event_rule *
match_claimant(struct matcher *m, const struct record *rec)
{
	struct attempt a;

	for (size_t i = 0; i < m->nall; i++) {
		const struct event_rule *rule = ruleset_event(m->rules, m->all[i]);

		if (rule->body->fallback)
			continue;
		match_try(m, rule, rec, &a);
		if (a.verdict == VERDICT_MATCH || a.verdict == VERDICT_UNLESS)
			return rule;
	}
	return NULL;
}

static void
emit(struct matcher *m, const struct event *event, match_cb *matched, void *ctx)
{
	m->stats.events += !event->rule->context;
	matched(ctx, event);
}

static void
emit_limited(struct matcher *m, const struct attempt *a, match_cb *matched, void *ctx)
{
	struct event event = {.rule = m->limit_rule, .record = a->event.record, .nfields = 1};

	event.fields[0] = (struct field){"rule.id", sv_str(a->event.rule->id)};
	m->stats.limited++;
	emit(m, &event, matched, ctx);
}

static void
emit_cut(struct matcher *m, const struct record *rec, match_cb *matched, void *ctx)
{
	struct event event = {.rule = m->cut_rule, .record = rec, .nfields = 0};

	emit(m, &event, matched, ctx);
}

/* What came of the rules that were tried on a record. */
struct tally {
	bool matched;
	bool claimed;   /* matched, excluded or not: no line for fallback rules */
	bool fallbacks; /* there are some */
};

static void
try_rule(struct matcher *m, const struct event_rule *rule, const struct record *rec,
    struct tally *t, match_cb *matched, void *ctx)
{
	struct attempt a;

	match_try(m, rule, rec, &a);
	t->claimed |= a.verdict == VERDICT_MATCH || a.verdict == VERDICT_UNLESS;
	if (a.verdict == VERDICT_MATCH) {
		t->matched |= !rule->context;
		emit(m, &a.event, matched, ctx);
	} else if (a.verdict == VERDICT_LIMIT) {
		emit_limited(m, &a, matched, ctx);
	} else if (a.verdict == VERDICT_UNLESS && m->excluded != NULL) {
		m->excluded(m->excluded_ctx, &a.event);
	}
}

void
match_rules(struct matcher *m, const struct record *rec, const uint32_t *rules, size_t nrules,
    match_cb *matched, void *ctx)
{
	struct tally t = {.matched = false};

	m->stats.records++;
	for (size_t i = 0; i < nrules; i++) {
		const struct event_rule *rule = ruleset_event(m->rules, rules[i]);

		if (rule->body->fallback)
			t.fallbacks = true;
		else
			try_rule(m, rule, rec, &t, matched, ctx);
	}
	t.fallbacks &= !t.claimed;
	for (size_t i = 0; i < nrules && t.fallbacks; i++) {
		const struct event_rule *rule = ruleset_event(m->rules, rules[i]);

		if (rule->body->fallback)
			try_rule(m, rule, rec, &t, matched, ctx);
	}
	if (!is_cut(m, rec))
		return;
	m->stats.cut++;
	if (!t.matched)
		emit_cut(m, rec, matched, ctx);
}

void
match_record(struct matcher *m, const struct record *rec, match_cb *matched, void *ctx)
{
	match_rules(m, rec, m->all, m->nall, matched, ctx);
}

void
matcher_set_excluded(struct matcher *m, match_cb *excluded, void *ctx)
{
	m->excluded = excluded;
	m->excluded_ctx = ctx;
}

const struct match_stats *
matcher_stats(const struct matcher *m)
{
	return &m->stats;
}
