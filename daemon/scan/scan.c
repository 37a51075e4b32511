/*
 * scan: see scan.h.  Gets the literals of each rule, has multi find them, and
 * makes lines of what it found.  Lines point into the chunk.
 */
#include "scan/scan.h"

#include <stdlib.h>

#include "model/fields.h"
#include "rule/rule.h"
#include "scan/literal.h"
#include "scan/multi.h"
#include "util/num.h"
#include "util/sv.h"
#include "util/xalloc.h"

/* Rules that are candidates on every line. */
struct always {
	uint32_t *v; /* ascending */
	size_t n;
};

struct scanner {
	struct multi *multi;   /* NULL when no rule has a literal */
	struct always literal; /* rules without one */
	struct always program; /* those, and rules that only their program's name tells: it is
	                          not in lines of a stream that names it for them */
	uint32_t *merged;      /* scratch: room for every rule */
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

/* One of ${texts} stands in the line. */
static bool
add_texts(struct collection *c, const struct rule_strings *texts, uint32_t owner)
{
	char text[LITERAL_MAX];

	for (size_t i = 0; i < texts->n; i++)
		if (strlen(texts->v[i]) < LITERAL_MIN || strlen(texts->v[i]) > LITERAL_MAX)
			return false;
	for (size_t i = 0; i < texts->n; i++) {
		size_t n = strlen(texts->v[i]);

		for (size_t k = 0; k < n; k++) {
			char ch = texts->v[i][k];

			text[k] = (char)(ch >= 'A' && ch <= 'Z' ? ch + ('a' - 'A') : ch);
		}
		add_literal(c, text, n, owner);
	}
	return texts->n > 0;
}

/* Each pattern has literals; those of a part of them are in ${c} for nothing. */
static bool
add_patterns(struct collection *c, const struct rule_body *body, uint32_t owner)
{
	bool all = body->npatterns > 0;

	for (size_t i = 0; i < body->npatterns && all; i++)
		all = add_pattern(c, &body->patterns[i], owner);
	return all;
}

/* A record that has one of the values of a field has it somewhere in its line. */
static bool
add_fields(struct collection *c, const struct rule_body *body, uint32_t owner)
{
	for (size_t i = 0; i < body->nfields; i++)
		if (add_texts(c, &body->fields[i].values, owner))
			return true;
	return false;
}

static void
add_always(struct always *a, size_t rule)
{
	a->v[a->n++] = (uint32_t)rule;
}

static void
add_rule(struct scanner *s, struct collection *c, const struct event_rule *rule)
{
	uint32_t owner = (uint32_t)rule->index;

	if (add_patterns(c, rule->body, owner) || add_fields(c, rule->body, owner))
		return;
	add_always(&s->program, rule->index);
	if (!add_texts(c, &rule->body->programs, owner))
		add_always(&s->literal, rule->index);
}

struct scanner *
scanner_new(const struct ruleset *rules)
{
	struct scanner *s = xcalloc(1, sizeof(*s));
	struct collection c = {0};
	size_t n = ruleset_nevents(rules);

	s->literal.v = xcalloc(n, sizeof(*s->literal.v));
	s->program.v = xcalloc(n, sizeof(*s->program.v));
	s->merged = xcalloc(n, sizeof(*s->merged));
	for (size_t i = 0; i < n; i++) {
		const struct event_rule *rule = ruleset_event(rules, i);

		if (!rule->body->builtin)
			add_rule(s, &c, rule);
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
	free(s->literal.v);
	free(s->program.v);
	free(s->merged);
	free(s);
}

size_t
scanner_without_literal(const struct scanner *s)
{
	return s->literal.n;
}

/* ---- lines ------------------------------------------------------------------ */

/* A chunk on its way: all lines before ${at} are dealt with. */
struct walk {
	struct scanner *s;
	const struct chunk *chunk;
	const struct always *always; /* of this chunk */
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

/* A line that format/ has made says itself where it stands. */
static void
take_offset(struct line *line)
{
	const char *end = memchr(line->text.p, FIELDS_SEPARATOR, line->text.n);
	size_t n = end == NULL ? 0 : (size_t)(end - line->text.p), digits = 0;
	int64_t offset, number;

	while (digits < n && line->text.p[digits] != ':')
		digits++;
	if (num_int((struct sv){line->text.p, digits}, 0, INT64_MAX, &offset))
		line->offset = (uint64_t)offset;
	if (digits < n && num_int((struct sv){line->text.p + digits + 1, n - digits - 1}, 1,
	        INT64_MAX, &number))
		line->number = (uint64_t)number;
	line->text = sv_from(line->text, n + 1);
}

/* The line of ${chunk} that is ${text}, behind ${before} others. */
static struct line
line_of(const struct chunk *chunk, struct sv text, uint64_t before)
{
	struct line line = {.stream = chunk->stream,
	    .number = chunk->number == 0 ? 0 : chunk->number + before,
	    .text = strip(text),
	    .form = chunk->form,
	    .cut = chunk->cut};

	line.offset = chunk->offset + (uint64_t)(line.text.p - chunk->data.p);
	if (line.form == LINE_FIELDS)
		take_offset(&line);
	return line;
}

static void
offer(struct walk *w, struct sv text, const uint32_t *rules, size_t n)
{
	struct line line = line_of(w->chunk, text, w->lines);

	if (line.text.n > 0)
		w->candidate(w->ctx, &line, rules, n);
}

/* The lines from w->at to ${end} hold no literal. */
static void
pass(struct walk *w, const char *end)
{
	if (w->always->n == 0) {
		w->lines += sv_count((struct sv){w->at, (size_t)(end - w->at)}, '\n');
		w->at = end;
		return;
	}
	while (w->at < end) {
		const char *newline = memchr(w->at, '\n', (size_t)(end - w->at));
		const char *stop = newline == NULL ? end : newline;

		offer(w, (struct sv){w->at, (size_t)(stop - w->at)}, w->always->v, w->always->n);
		w->at = newline == NULL ? end : newline + 1;
		w->lines += newline != NULL;
	}
}

static size_t
merge(struct scanner *s, const struct always *always, const uint32_t *owners, size_t n)
{
	size_t i = 0, k = 0, out = 0;

	while (i < n || k < always->n) {
		bool first = k == always->n || (i < n && owners[i] <= always->v[k]);
		uint32_t rule = first ? owners[i] : always->v[k];

		i += i < n && owners[i] == rule;
		k += k < always->n && always->v[k] == rule;
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
	if (w->always->n > 0) {
		n = merge(w->s, w->always, owners, n);
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
		offer(w, (struct sv){w->at, (size_t)(end - w->at)}, w->always->v, w->always->n);
	else
		pass(w, end);
}

uint64_t
scan_chunk(struct scanner *s, const struct chunk *chunk, scan_cb *candidate, void *ctx)
{
	struct sv data = chunk->data;
	bool named = chunk->form != LINE_FIELDS && chunk->stream->program != NULL;
	struct walk w = {s, chunk, named ? &s->program : &s->literal, candidate, ctx, data.p, 0};

	if (s->multi != NULL)
		multi_scan(s->multi, data, found, &w);
	finish(&w);
	return w.lines + (data.n > 0 && data.p[data.n - 1] != '\n');
}

void
scan_each(const struct chunk *chunk, scan_line_cb *cb, void *ctx)
{
	struct sv rest = chunk->data;

	for (uint64_t before = 0; rest.n > 0; before++) {
		const char *newline = memchr(rest.p, '\n', rest.n);
		size_t n = newline == NULL ? rest.n : (size_t)(newline - rest.p);
		struct line line = line_of(chunk, (struct sv){rest.p, n}, before);

		if (line.text.n > 0)
			cb(ctx, &line);
		rest = sv_from(rest, n + 1);
	}
}
