/*
 * scan: see scan.h.  Gets the literals of each rule, has multi find them, and
 * makes lines of what it found.  Lines point into the chunk.
 */
#include "scan/scan.h"

#include <stdlib.h>

#include "rule/rule.h"
#include "scan/literal.h"
#include "scan/multi.h"
#include "util/sv.h"
#include "util/xalloc.h"

struct scanner {
	struct multi *multi; /* NULL when no rule has a literal */
	uint32_t *always;    /* rules without: candidates on every line */
	size_t nalways;
	uint32_t *merged; /* scratch: room for every rule */
};

/* ---- literals of the rules -------------------------------------------------- */

/* The literals of all rules in the making. */
struct collection {
	struct multi_literal *v;
	size_t n;
};

static void
add_literal(struct collection *c, const char *text, size_t n, uint32_t owner)
{
	XGROW(c->v, c->n);
	c->v[c->n++] = (struct multi_literal){xstrndup(text, n), n, owner};
}

static bool
add_pattern(struct collection *c, const struct rule_pattern *p, uint32_t owner)
{
	struct literals found;

	literal_extract(p->text, strlen(p->text), RULE_PATTERN_OPTIONS, &found);
	for (size_t i = 0; i < found.n; i++)
		add_literal(c, found.v[i].text, found.v[i].n, owner);
	return found.n > 0;
}

/* The name of a program stands in each line of it. */
static bool
add_programs(struct collection *c, const struct rule_strings *programs, uint32_t owner)
{
	char text[LITERAL_MAX];

	for (size_t i = 0; i < programs->n; i++)
		if (strlen(programs->v[i]) < LITERAL_MIN || strlen(programs->v[i]) > LITERAL_MAX)
			return false;
	for (size_t i = 0; i < programs->n; i++) {
		size_t n = strlen(programs->v[i]);

		for (size_t k = 0; k < n; k++) {
			char ch = programs->v[i][k];

			text[k] = (char)(ch >= 'A' && ch <= 'Z' ? ch + ('a' - 'A') : ch);
		}
		add_literal(c, text, n, owner);
	}
	return programs->n > 0;
}

/* False when no literal of the rule is known; those of a part of its patterns
 * are then in ${c} for nothing. */
static bool
add_rule(struct collection *c, const struct event_rule *rule)
{
	const struct rule_body *body = rule->body;
	uint32_t owner = (uint32_t)rule->index;
	bool all = body->npatterns > 0;

	for (size_t i = 0; i < body->npatterns && all; i++)
		all = add_pattern(c, &body->patterns[i], owner);
	return all || add_programs(c, &body->programs, owner);
}

struct scanner *
scanner_new(const struct ruleset *rules)
{
	struct scanner *s = xcalloc(1, sizeof(*s));
	struct collection c = {0};
	size_t n = ruleset_nevents(rules);

	s->always = xcalloc(n, sizeof(*s->always));
	s->merged = xcalloc(n, sizeof(*s->merged));
	for (size_t i = 0; i < n; i++) {
		const struct event_rule *rule = ruleset_event(rules, i);

		if (!rule->body->builtin && !add_rule(&c, rule))
			s->always[s->nalways++] = (uint32_t)i;
	}
	if (c.n > 0)
		s->multi = multi_new(c.v, c.n, n);
	for (size_t i = 0; i < c.n; i++)
		free((char *)(uintptr_t)c.v[i].text);
	free(c.v);
	return s;
}

void
scanner_free(struct scanner **sp)
{
	struct scanner *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	multi_free(&s->multi);
	free(s->always);
	free(s->merged);
	free(s);
}

size_t
scanner_without_literal(const struct scanner *s)
{
	return s->nalways;
}

/* ---- lines ------------------------------------------------------------------ */

/* A chunk on its way: all lines before ${at} are dealt with. */
struct walk {
	struct scanner *s;
	const struct chunk *chunk;
	scan_cb *candidate;
	void *ctx;
	const char *at;
	uint64_t lines; /* before ${at} */
};

/* Without what is not the writer's: zeros where a file was truncated under its
 * writer's feet, and the carriage return of a CRLF. */
static struct sv
strip(struct sv text)
{
	while (text.n > 0 && text.p[0] == '\0')
		text = (struct sv){text.p + 1, text.n - 1};
	if (text.n > 0 && text.p[text.n - 1] == '\r')
		text.n--;
	return text;
}

static void
offer(struct walk *w, struct sv text, const uint32_t *rules, size_t n)
{
	struct line line = {.stream = w->chunk->stream,
	    .number = w->chunk->number == 0 ? 0 : w->chunk->number + w->lines,
	    .text = strip(text),
	    .cut = w->chunk->cut};

	line.offset = w->chunk->offset + (uint64_t)(line.text.p - w->chunk->data.p);
	if (line.text.n > 0)
		w->candidate(w->ctx, &line, rules, n);
}

/* The lines from w->at to ${end} hold no literal. */
static void
pass(struct walk *w, const char *end)
{
	if (w->s->nalways == 0) {
		w->lines += sv_count((struct sv){w->at, (size_t)(end - w->at)}, '\n');
		w->at = end;
		return;
	}
	while (w->at < end) {
		const char *newline = memchr(w->at, '\n', (size_t)(end - w->at));
		const char *stop = newline == NULL ? end : newline;

		offer(w, (struct sv){w->at, (size_t)(stop - w->at)}, w->s->always, w->s->nalways);
		w->at = newline == NULL ? end : newline + 1;
		w->lines += newline != NULL;
	}
}

static size_t
merge(struct scanner *s, const uint32_t *owners, size_t n)
{
	size_t i = 0, k = 0, out = 0;

	while (i < n || k < s->nalways) {
		bool first = k == s->nalways || (i < n && owners[i] <= s->always[k]);
		uint32_t rule = first ? owners[i] : s->always[k];

		i += i < n && owners[i] == rule;
		k += k < s->nalways && s->always[k] == rule;
		s->merged[out++] = rule;
	}
	return out;
}

static void
found(void *ctx, struct sv line, const uint32_t *owners, size_t n)
{
	struct walk *w = ctx;
	const char *end = w->chunk->data.p + w->chunk->data.n;

	pass(w, line.p);
	if (w->s->nalways > 0) {
		n = merge(w->s, owners, n);
		owners = w->s->merged;
	}
	offer(w, line, owners, n);
	w->at = line.p + line.n;
	if (w->at < end) {
		w->at++;
		w->lines++;
	}
}

/* The line of a cut chunk is judged whatever it holds. */
static void
finish(struct walk *w)
{
	const char *end = w->chunk->data.p + w->chunk->data.n;

	if (w->chunk->cut && w->at < end)
		offer(w, (struct sv){w->at, (size_t)(end - w->at)}, w->s->always, w->s->nalways);
	else
		pass(w, end);
}

uint64_t
scan_chunk(struct scanner *s, const struct chunk *chunk, scan_cb *candidate, void *ctx)
{
	struct sv data = chunk->data;
	struct walk w = {s, chunk, candidate, ctx, data.p, 0};

	if (s->multi != NULL)
		multi_scan(s->multi, data, found, &w);
	finish(&w);
	return w.lines + (data.n > 0 && data.p[data.n - 1] != '\n');
}
