/*
 * literal_parse: PCRE2's syntax, as of 10.42, as a tree.
 *
 * Alternatives, sequences and quantifiers are here, groups in literal_group.c,
 * escapes and classes in literal_escape.c.  The pattern is one that PCRE2 compiles, without UTF and
 * with newline LF.  What is not known here, or differs between versions, makes
 * the parser give up.  Owns nothing but the nodes until the tree takes them.
 */
#include "scan/literal_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "util/xalloc.h"

#define REPEAT_MAX 65535
#define EXTENDED (PCRE2_EXTENDED | PCRE2_EXTENDED_MORE)

int
literal_peek(const struct literal_parser *ps)
{
	return ps->p < ps->end ? *ps->p : -1;
}

bool
literal_take(struct literal_parser *ps, char c)
{
	if (literal_peek(ps) != (unsigned char)c)
		return false;
	ps->p++;
	return true;
}

bool
literal_take_text(struct literal_parser *ps, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(ps->end - ps->p) < n || memcmp(ps->p, text, n) != 0)
		return false;
	ps->p += n;
	return true;
}

void
literal_take_through(struct literal_parser *ps, char c)
{
	const unsigned char *at = memchr(ps->p, c, (size_t)(ps->end - ps->p));

	if (at == NULL)
		literal_give_up(ps);
	else
		ps->p = at + 1;
}

void
literal_give_up(struct literal_parser *ps)
{
	ps->unsure = true;
	ps->p = ps->end;
	ps->quote = false;
}

struct literal_node *
literal_node_new(struct literal_parser *ps, enum literal_kind kind)
{
	struct literal_node *node = &ps->nodes[ps->nnodes++];

	assert(ps->nnodes <= ps->max);
	node->kind = kind;
	return node;
}

static bool
is_in(const struct literal_node *node, unsigned char c)
{
	return memchr(node->bytes, c, node->nbytes) != NULL;
}

struct literal_node *
literal_node_bytes(struct literal_parser *ps, const unsigned char *bytes, size_t n)
{
	struct literal_node *node = literal_node_new(ps, LITERAL_BYTES);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = bytes[i] >= 'A' && bytes[i] <= 'Z' ? bytes[i] | 0x20 : bytes[i];
		bool locale = c >= 0x80 && (ps->options & PCRE2_CASELESS) != 0;

		if (is_in(node, c))
			continue;
		if (c == '\n' || locale || node->nbytes == LITERAL_NODE_BYTES) {
			node->kind = LITERAL_UNKNOWN;
			break;
		}
		node->bytes[node->nbytes++] = c;
	}
	return node;
}

/* The rest of a # comment, of extended syntax. */
static void
skip_comment(struct literal_parser *ps)
{
	for (; ps->p < ps->end && *ps->p != '\n'; ps->p++) {
		if (*ps->p == '\r') {
			/* With another setting of newline the comment would end here. */
			literal_give_up(ps);
			return;
		}
	}
	literal_take(ps, '\n');
}

static bool
skip_extended(struct literal_parser *ps)
{
	int c = literal_peek(ps);

	if ((ps->options & EXTENDED) == 0 || c == -1)
		return false;
	if (c == '#') {
		skip_comment(ps);
	} else if (c == ' ' || (c >= '\t' && c <= '\r')) {
		ps->p++;
	} else if (c == 0x85) {
		literal_give_up(ps); /* white space in some locales */
	} else {
		return false;
	}
	return true;
}

/* Skip what stands for nothing, even between an item and its quantifier. */
static void
skip_ignored(struct literal_parser *ps)
{
	for (;;) {
		if (literal_take_text(ps, "\\E"))
			ps->quote = false;
		else if (ps->quote)
			return;
		else if (literal_take_text(ps, "\\Q"))
			ps->quote = true;
		else if (literal_take_text(ps, "(?#"))
			literal_take_through(ps, ')');
		else if (!skip_extended(ps))
			return;
	}
}

bool
literal_take_number(struct literal_parser *ps, uint32_t *value)
{
	const unsigned char *start = ps->p;

	*value = 0;
	for (; literal_is_digit(literal_peek(ps)); ps->p++)
		if (*value <= REPEAT_MAX)
			*value = *value * 10 + (uint32_t)(*ps->p - '0');
	return ps->p > start;
}

enum literal_braces
literal_braces(const struct literal_parser *ps)
{
	struct literal_parser at = *ps;
	bool digit = false;
	uint32_t value;

	if (!literal_take(&at, '{'))
		return BRACES_TEXT;
	if (literal_take_number(&at, &value)) {
		digit = true;
		if (literal_take(&at, ','))
			literal_take_number(&at, &value);
		if (literal_take(&at, '}'))
			return BRACES_QUANTIFIER;
	}
	/* {,3} and { 1, 3 } are text up to 10.42 and quantifiers from 10.43 on. */
	for (; at.p < at.end && memchr("0123456789, \t", *at.p, 13) != NULL; at.p++)
		digit |= literal_is_digit(*at.p);
	return digit && literal_take(&at, '}') ? BRACES_UNSURE : BRACES_TEXT;
}

static void
take_braces(struct literal_parser *ps, uint32_t *min, uint32_t *max)
{
	literal_take(ps, '{');
	literal_take_number(ps, min);
	*max = *min;
	if (literal_take(ps, ',') && !literal_take_number(ps, max))
		*max = UINT32_MAX;
	literal_take(ps, '}');
	if (*min > REPEAT_MAX || *min > *max)
		literal_give_up(ps);
}

static bool
take_quantifier(struct literal_parser *ps, uint32_t *min, uint32_t *max)
{
	enum literal_braces braces = literal_braces(ps);

	*min = 0;
	*max = UINT32_MAX;
	if (braces == BRACES_UNSURE)
		literal_give_up(ps);
	else if (braces == BRACES_QUANTIFIER)
		take_braces(ps, min, max);
	else if (literal_take(ps, '+'))
		*min = 1;
	else if (literal_take(ps, '?'))
		*max = 1;
	else if (!literal_take(ps, '*'))
		return false;
	/* Lazy or possessive: of no concern here. */
	if (!literal_take(ps, '?'))
		literal_take(ps, '+');
	return true;
}

static struct literal_node *
parse_quantifiers(struct literal_parser *ps, struct literal_node *item)
{
	uint32_t min, max;

	for (;;) {
		struct literal_node *repeat;

		skip_ignored(ps);
		if (ps->quote || !take_quantifier(ps, &min, &max))
			return item;
		repeat = literal_node_new(ps, LITERAL_REPEAT);
		repeat->min = min;
		repeat->max = max;
		repeat->child = item;
		item = repeat;
	}
}

static struct literal_node *
parse_item(struct literal_parser *ps)
{
	bool braces = literal_braces(ps) != BRACES_TEXT;
	unsigned char c = *ps->p++;

	if (ps->quote)
		return literal_node_bytes(ps, &c, 1);
	switch (c) {
	case '(':
		return literal_group(ps);
	case '[':
		return literal_class(ps);
	case '\\':
		return literal_escape(ps);
	case '.':
		return literal_node_new(ps, LITERAL_UNKNOWN);
	case '^':
	case '$':
		return literal_node_new(ps, LITERAL_EMPTY);
	default:
		if (braces || c == '*' || c == '+' || c == '?')
			literal_give_up(ps); /* a quantifier of nothing */
		return literal_node_bytes(ps, &c, 1);
	}
}

static bool
ends_sequence(const struct literal_parser *ps)
{
	int c = literal_peek(ps);

	return c == -1 || (!ps->quote && (c == '|' || c == ')'));
}

static struct literal_node *
parse_sequence(struct literal_parser *ps)
{
	struct literal_node *sequence = literal_node_new(ps, LITERAL_SEQUENCE);
	struct literal_node **link = &sequence->child;

	for (skip_ignored(ps); !ends_sequence(ps); skip_ignored(ps)) {
		*link = parse_quantifiers(ps, parse_item(ps));
		link = &(*link)->next;
	}
	return sequence;
}

/* Options set in one alternative hold in those after it, too. */
struct literal_node *
literal_choice(struct literal_parser *ps)
{
	struct literal_node *choice = literal_node_new(ps, LITERAL_CHOICE);
	struct literal_node **link = &choice->child;

	do {
		*link = parse_sequence(ps);
		link = &(*link)->next;
	} while (literal_take(ps, '|'));
	return choice;
}

bool
literal_parse(struct literal_tree *tree, const char *pattern, size_t n, uint32_t options)
{
	struct literal_parser ps = {
	    .p = (const unsigned char *)pattern,
	    .end = (const unsigned char *)pattern + n,
	    .options = options,
	    .max = 2 * n + 8, /* a group, of two bytes and more, makes at most three nodes */
	};

	ps.nodes = xcalloc(ps.max, sizeof(*ps.nodes));
	tree->nodes = ps.nodes;
	tree->root = literal_choice(&ps);
	/* A ')' too many is left over. */
	return !ps.unsure && ps.p == ps.end;
}

void
literal_tree_free(struct literal_tree *tree)
{
	free(tree->nodes);
	*tree = (struct literal_tree){0};
}
