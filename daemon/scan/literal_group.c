/*
 * literal_group: what a '(' begins in PCRE2's syntax: groups of all kinds, settings,
 * calls and conditions.  See literal_parse.c.
 */
#include "scan/literal_internal.h"

#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define NEST_MAX 60 /* more than rule files may nest */
#define EXTENDED (PCRE2_EXTENDED | PCRE2_EXTENDED_MORE)

/* The contents of a group and its ')', after which ${options} are in force. */
static struct literal_node *
parse_body(struct literal_parser *ps, uint32_t options)
{
	struct literal_node *choice;

	if (++ps->depth > NEST_MAX)
		literal_give_up(ps);
	choice = literal_choice(ps);
	if (!literal_take(ps, ')'))
		literal_give_up(ps);
	ps->depth--;
	ps->options = options;
	return choice;
}

/* Looking ahead or behind. */
static struct literal_node *
parse_positive(struct literal_parser *ps)
{
	struct literal_node *look = literal_node_new(ps, LITERAL_LOOK);

	look->child = parse_body(ps, ps->options);
	return look;
}

static struct literal_node *
parse_negative(struct literal_parser *ps)
{
	parse_body(ps, ps->options);
	return literal_node_new(ps, LITERAL_EMPTY);
}

/* Returns whether the option ${c} is understood. */
static bool
add_option(struct literal_parser *ps, int c, uint32_t *options)
{
	switch (c) {
	case 'i':
		*options |= PCRE2_CASELESS;
		return true;
	case 'x':
		*options |= literal_take(ps, 'x') ? EXTENDED : PCRE2_EXTENDED;
		return true;
	case 'm':
	case 's':
	case 'n':
	case 'J':
	case 'U':
		return true; /* does not change what is literal */
	default:
		return false;
	}
}

/* Read up to ')' or ':', and return which it is; -1 for neither. */
static int
take_options(struct literal_parser *ps, uint32_t *set, uint32_t *unset)
{
	uint32_t *now = set;
	int c;

	while ((c = literal_peek(ps)) != -1) {
		ps->p++;
		if (c == ')' || c == ':')
			return c;
		if (c == '-' && now == set)
			now = unset;
		else if (!add_option(ps, c, now))
			break;
	}
	literal_give_up(ps);
	return -1;
}

static struct literal_node *
parse_options(struct literal_parser *ps)
{
	uint32_t before = ps->options, set = 0, unset = 0;
	int end;

	if (literal_take(ps, '^'))
		ps->options &= ~(PCRE2_CASELESS | EXTENDED);
	end = take_options(ps, &set, &unset);
	/* (?x) ends (?xx), and (?-x) ends both. */
	if (((set | unset) & PCRE2_EXTENDED) != 0)
		ps->options &= ~EXTENDED;
	if ((unset & PCRE2_EXTENDED) != 0)
		set &= ~EXTENDED;
	ps->options = (ps->options | set) & ~unset;
	if (end == ':')
		return parse_body(ps, before);
	return literal_node_new(ps, LITERAL_EMPTY);
}

/* (?<...: a name or looking behind. */
static struct literal_node *
parse_angle(struct literal_parser *ps)
{
	if (literal_take(ps, '=') || literal_take(ps, '*'))
		return parse_positive(ps);
	if (literal_take(ps, '!'))
		return parse_negative(ps);
	literal_take_through(ps, '>');
	return parse_body(ps, ps->options);
}

static struct literal_node *
parse_python(struct literal_parser *ps)
{
	if (literal_take(ps, '<')) {
		literal_take_through(ps, '>');
		return parse_body(ps, ps->options);
	}
	if (!literal_take(ps, '=') && !literal_take(ps, '>'))
		literal_give_up(ps);
	literal_take_through(ps, ')');
	return literal_node_new(ps, LITERAL_UNKNOWN);
}

/* A call of a group by number: what that consumes is not looked up. */
static struct literal_node *
parse_call(struct literal_parser *ps)
{
	uint32_t number;

	literal_take_number(ps, &number);
	if (!literal_take(ps, ')'))
		literal_give_up(ps);
	return literal_node_new(ps, LITERAL_UNKNOWN);
}

static void
take_condition(struct literal_parser *ps)
{
	int c = literal_peek(ps);

	if (c == '*') {
		literal_give_up(ps);
	} else if (literal_take(ps, '?')) {
		literal_take(ps, '<');
		if (literal_take(ps, '=') || literal_take(ps, '!'))
			parse_body(ps, ps->options);
		else
			literal_give_up(ps);
	} else {
		literal_take_through(ps, ')');
	}
}

/* (?(condition)yes|no): either, as good as a choice. */
static struct literal_node *
parse_conditional(struct literal_parser *ps)
{
	struct literal_node *choice, *yes;

	take_condition(ps);
	choice = parse_body(ps, ps->options);
	yes = choice->child;
	if (yes->next == NULL)
		yes->next = literal_node_new(ps, LITERAL_EMPTY);
	return choice;
}

/* What follows "(?". */
static struct literal_node *
parse_special(struct literal_parser *ps)
{
	int c = literal_peek(ps), next = ps->end - ps->p > 1 ? ps->p[1] : -1;

	if (literal_is_digit(c) || ((c == '+' || c == '-') && literal_is_digit(next))) {
		ps->p++;
		return parse_call(ps);
	}
	if (c <= 0 || strchr(":>|=!*<'PR&(", c) == NULL)
		return parse_options(ps);
	ps->p++;
	switch (c) {
	case '=':
	case '*':
		return parse_positive(ps);
	case '!':
		return parse_negative(ps);
	case '<':
		return parse_angle(ps);
	case '\'':
		literal_take_through(ps, '\'');
		return parse_body(ps, ps->options);
	case 'P':
		return parse_python(ps);
	case 'R':
		return parse_call(ps);
	case '&':
		literal_take_through(ps, ')');
		return literal_node_new(ps, LITERAL_UNKNOWN);
	case '(':
		return parse_conditional(ps);
	default: /* (?: (?> (?| */
		return parse_body(ps, ps->options);
	}
}

/* What follows "(*": assertions by name.  (*ACCEPT) and other verbs may end a match,
 * or what an assertion looks at, early, or change the syntax. */
static struct literal_node *
parse_named(struct literal_parser *ps)
{
	static const char *const positive[] = {
	    "pla:", "positive_lookahead:", "plb:", "positive_lookbehind:", "napla:",
	    "non_atomic_positive_lookahead:", "naplb:", "non_atomic_positive_lookbehind:"};
	static const char *const negative[] = {
	    "nla:", "negative_lookahead:", "nlb:", "negative_lookbehind:"};

	for (size_t i = 0; i < sizeof(positive) / sizeof(*positive); i++)
		if (literal_take_text(ps, positive[i]))
			return parse_positive(ps);
	for (size_t i = 0; i < sizeof(negative) / sizeof(*negative); i++)
		if (literal_take_text(ps, negative[i]))
			return parse_negative(ps);
	if (literal_take_text(ps, "atomic:"))
		return parse_body(ps, ps->options);
	literal_give_up(ps);
	return literal_node_new(ps, LITERAL_EMPTY);
}

struct literal_node *
literal_group(struct literal_parser *ps)
{
	if (literal_take(ps, '?'))
		return parse_special(ps);
	if (literal_take(ps, '*'))
		return parse_named(ps);
	return parse_body(ps, ps->options);
}
