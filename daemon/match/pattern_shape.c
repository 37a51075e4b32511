/*
 * pattern_shape: see pattern_shape.h.
 *
 * A reader of just enough of PCRE2's syntax: groups, alternatives, classes,
 * escapes and quantifiers.  What it does not know ends a literal.
 */
#include "match/pattern_shape.h"

#define SHAPE_DEPTH 60 /* more than the rule set's limit on nesting */

struct reader {
	const char *p;
	unsigned depth;
	bool wildcard; /* .* or its like was seen */
	struct pattern_shape *shape;
};

static bool
is_special(char c)
{
	return strchr("^$.[|()?*+{\\", c) != NULL; /* NUL too */
}

/* An escaped punctuation character stands for itself. */
static bool
is_escaped_literal(const char *p)
{
	return p[0] == '\\' && p[1] != '\0' && strchr("^$.[]|()?*+{}\\/-'\"#&%@:;,=<>!~ ", p[1]) != NULL;
}

static void
skip_class(struct reader *r)
{
	r->p++;
	r->p += *r->p == '^';
	r->p += *r->p == ']';
	while (*r->p != '\0' && *r->p != ']') {
		const char *posix = r->p[0] == '[' && r->p[1] == ':' ? strstr(r->p, ":]") : NULL;

		if (posix != NULL)
			r->p = posix + 1;
		else if (*r->p == '\\' && r->p[1] != '\0')
			r->p++;
		r->p++;
	}
	r->p += *r->p == ']';
}

static void
skip_quantifier(struct reader *r)
{
	if (*r->p == '{' && r->p[1] >= '0' && r->p[1] <= '9') {
		while (*r->p != '\0' && *r->p != '}')
			r->p++;
	} else if (*r->p == '\0' || strchr("?*+", *r->p) == NULL) {
		return;
	}
	r->p += *r->p != '\0';
	r->p += *r->p == '?' || *r->p == '+';
}

static void
keep_literal(struct reader *r, struct sv literal)
{
	if (literal.n > 0 && r->shape->nliterals < SHAPE_LITERALS)
		r->shape->literals[r->shape->nliterals++] = literal;
}

/* A run of literal characters. */
static void
read_literal(struct reader *r)
{
	const char *start = r->p;

	while (is_escaped_literal(r->p) || !is_special(*r->p)) {
		const char *here = r->p;

		r->p += *r->p == '\\' ? 2 : 1;
		if (*r->p != '\0' && strchr("?*{", *r->p) != NULL) {
			/* The last one belongs to the quantifier. */
			keep_literal(r, (struct sv){start, (size_t)(here - start)});
			skip_quantifier(r);
			return;
		}
	}
	keep_literal(r, (struct sv){start, (size_t)(r->p - start)});
}

static bool read_alternatives(struct reader *r);

/* Skip what follows "(?" up to the group's contents. */
static void
enter_group(struct reader *r)
{
	bool named = r->p[0] == '<' && r->p[1] != '=' && r->p[1] != '!';
	bool around = strchr("=!", *r->p) != NULL || (r->p[0] == '<' && !named);

	if (named || *r->p == 'P' || *r->p == '\'') {
		r->shape->wildcard_before_capture |= r->wildcard;
		while (*r->p != '\0' && *r->p != '>' && *r->p != ')' && *r->p != '\'')
			r->p++;
		r->p += *r->p == '>';
		return;
	}
	while (*r->p != '\0' && strchr("=!<|>:", *r->p) == NULL && *r->p != ')')
		r->p++;
	r->p += *r->p == '<' && around ? 2 : (*r->p != '\0' && *r->p != ')');
}

static void
read_group(struct reader *r)
{
	r->p++;
	if (*r->p == '?' || *r->p == '*') {
		r->p++;
		enter_group(r);
	}
	read_alternatives(r);
	r->p += *r->p == ')';
	skip_quantifier(r);
}

static void
skip_other(struct reader *r)
{
	bool dot = *r->p == '.';

	if (*r->p == '[')
		skip_class(r);
	else
		r->p += r->p[0] == '\\' && r->p[1] != '\0' ? 2 : 1;
	r->wildcard |= dot && (*r->p == '*' || *r->p == '+' || *r->p == '{');
	skip_quantifier(r);
}

static void
read_sequence(struct reader *r)
{
	while (*r->p != '\0' && *r->p != '|' && *r->p != ')') {
		if (*r->p == '(')
			read_group(r);
		else if (is_escaped_literal(r->p) || !is_special(*r->p))
			read_literal(r);
		else
			skip_other(r);
	}
}

/* Returns whether there is more than one. */
static bool
read_alternatives(struct reader *r)
{
	bool several = false;

	if (++r->depth > SHAPE_DEPTH) {
		r->p += strlen(r->p);
		return true;
	}
	for (;;) {
		read_sequence(r);
		if (*r->p != '|')
			break;
		several = true;
		r->p++;
	}
	r->depth--;
	return several;
}

static bool
starts_anchored(const char *p)
{
	if (strncmp(p, "(?i)", 4) == 0)
		p += 4;
	return p[0] == '^' || (p[0] == '\\' && p[1] == 'A');
}

static bool
ends_anchored(const char *pattern)
{
	size_t n = strlen(pattern);
	bool escaped = n >= 2 && pattern[n - 2] == '\\';

	if (n == 0)
		return false;
	if (pattern[n - 1] == '$')
		return !escaped;
	return escaped && (pattern[n - 1] == 'z' || pattern[n - 1] == 'Z');
}

void
pattern_shape(const char *pattern, struct pattern_shape *shape)
{
	struct reader r = {.p = pattern, .shape = shape};
	bool alternatives;

	*shape = (struct pattern_shape){.nliterals = 0};
	alternatives = read_alternatives(&r);
	/* A stray ')' cannot be: PCRE2 would not have accepted it. */
	shape->starts = !alternatives && starts_anchored(pattern);
	shape->ends = !alternatives && ends_anchored(pattern);
}
