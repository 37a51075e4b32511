/*
 * literal_escape: what a backslash or a '[' begins in PCRE2's syntax.
 *
 * One byte out of few, nothing, or unknown.  See literal_parse.c.
 */
#include "scan/literal_internal.h"

#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static int
hex_digit(int c)
{
	if (literal_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
is_alphanumeric(int c)
{
	return literal_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* At most ${most} digits of a base; returns how many there are. */
static int
take_digits(struct literal_parser *ps, int base, int most, unsigned *value)
{
	int n = 0;

	for (*value = 0; n < most; n++) {
		int digit = hex_digit(literal_peek(ps));

		if (digit == -1 || digit >= base)
			break;
		*value = *value * (unsigned)base + (unsigned)digit;
		ps->p++;
	}
	return n;
}

/* {digits}: eight are more than enough for a byte, whose leading zeros may be many. */
static bool
take_braced(struct literal_parser *ps, int base, unsigned *value)
{
	return literal_take(ps, '{') && take_digits(ps, base, 8, value) > 0 &&
	    literal_take(ps, '}');
}

static bool
take_hex(struct literal_parser *ps, unsigned *value)
{
	if (literal_peek(ps) == '{')
		return take_braced(ps, 16, value);
	/* "\x" alone is a NUL in some versions. */
	return take_digits(ps, 16, 2, value) > 0;
}

static bool
take_control(struct literal_parser *ps, unsigned *value)
{
	int c = literal_peek(ps);

	if (c < ' ' || c > '~')
		return false;
	ps->p++;
	*value = (unsigned)(c >= 'a' && c <= 'z' ? c - 0x20 : c) ^ 0x40;
	return true;
}

/* The byte that an escape stands for; ${c}, which followed the backslash, is taken. */
static bool
take_byte(struct literal_parser *ps, int c, unsigned *value)
{
	static const char letters[] = "aefnrt", bytes[] = "\a\033\f\n\r\t";
	const char *at = memchr(letters, c, sizeof(letters) - 1);

	*value = (unsigned)c;
	if (!is_alphanumeric(c))
		return true;
	if (at != NULL) {
		*value = (unsigned char)bytes[at - letters];
		return true;
	}
	switch (c) {
	case '0':
		take_digits(ps, 8, 2, value);
		return true;
	case 'c':
		return take_control(ps, value);
	case 'o':
		return take_braced(ps, 8, value);
	case 'x':
		return take_hex(ps, value);
	default:
		return false;
	}
}

/* After \p or \P: one letter, or a name in braces. */
static void
skip_property(struct literal_parser *ps)
{
	if (literal_take(ps, '{'))
		literal_take_through(ps, '}');
	else if (is_alphanumeric(literal_peek(ps)))
		ps->p++;
	else
		literal_give_up(ps);
}

/* After \g or \k: a name or number in brackets; \g also has numbers without. */
static void
skip_reference(struct literal_parser *ps, bool bare)
{
	unsigned number;

	if (literal_take(ps, '{')) {
		literal_take_through(ps, '}');
	} else if (literal_take(ps, '<')) {
		literal_take_through(ps, '>');
	} else if (literal_take(ps, '\'')) {
		literal_take_through(ps, '\'');
	} else {
		if (!literal_take(ps, '+'))
			literal_take(ps, '-');
		/* So many digits that none is left for PCRE2 to see as text. */
		if (!bare || take_digits(ps, 10, 9, &number) == 0 ||
		    literal_is_digit(literal_peek(ps)))
			literal_give_up(ps);
	}
}

struct literal_node *
literal_escape(struct literal_parser *ps)
{
	int c = literal_peek(ps);
	unsigned value;

	if (c == -1) {
		literal_give_up(ps);
		return literal_node_new(ps, LITERAL_EMPTY);
	}
	ps->p++;
	if (memchr("AbBGKzZ", c, 7) != NULL)
		return literal_node_new(ps, LITERAL_EMPTY);
	if (take_byte(ps, c, &value) && value <= 0xff)
		return literal_node_bytes(ps, &(unsigned char){(unsigned char)value}, 1);
	if (memchr("dDsSwWhHvVCRX", c, 13) != NULL)
		;
	else if (c == 'p' || c == 'P')
		skip_property(ps);
	else if (c == 'g' || c == 'k')
		skip_reference(ps, c == 'g');
	else if (c == 'N' && (literal_peek(ps) != '{' || literal_braces(ps) == BRACES_QUANTIFIER))
		;
	else if (c >= '1' && c <= '9' && !literal_is_digit(literal_peek(ps)))
		; /* a reference: with more digits it could be an octal number */
	else
		literal_give_up(ps);
	return literal_node_new(ps, LITERAL_UNKNOWN);
}

/* What is in a class so far. */
struct members {
	unsigned char bytes[2 * LITERAL_NODE_BYTES]; /* both cases of letters */
	size_t n;
	bool many; /* it is not told which */
};

static void
add_member(struct members *m, unsigned value)
{
	if (value > 0xff || m->n == sizeof(m->bytes))
		m->many = true;
	else
		m->bytes[m->n++] = (unsigned char)value;
}

/* [:name:], whose '[' is taken. */
static bool
take_posix(struct literal_parser *ps)
{
	const unsigned char *start = ps->p;

	if (literal_take(ps, ':')) {
		literal_take(ps, '^');
		while (literal_peek(ps) >= 'a' && literal_peek(ps) <= 'z')
			ps->p++;
		if (literal_take(ps, ':') && literal_take(ps, ']'))
			return true;
	}
	ps->p = start;
	return false;
}

static void
class_escape(struct literal_parser *ps, struct members *m)
{
	int c = literal_peek(ps);
	unsigned value;

	m->many |= is_alphanumeric(c);
	if (c != -1)
		ps->p++;
	if (c == 'Q' || c == 'E')
		ps->quote = c == 'Q';
	else if (c == 'p' || c == 'P')
		skip_property(ps);
	else if (c >= '1' && c <= '7')
		take_digits(ps, 8, 2, &value);
	else if (c != -1 && take_byte(ps, c, &value))
		add_member(m, value);
	else if (c == -1 || memchr("bdDsSwWhHvV89", c, 13) == NULL)
		literal_give_up(ps);
}

/* One item of a class; ${c} is taken. */
static void
class_item(struct literal_parser *ps, unsigned char c, struct members *m)
{
	if (ps->quote) {
		m->many = true;
		if (c == '\\' && literal_take(ps, 'E'))
			ps->quote = false;
	} else if (c == '\\') {
		class_escape(ps, m);
	} else if (c == '[' && take_posix(ps)) {
		m->many = true;
	} else {
		/* A range; whether it is one between other items is not looked into. */
		m->many |= c == '-' && literal_peek(ps) != ']';
		add_member(m, c);
	}
}

/* What may stand between the '[' and a ']' that is a member. */
static void
class_start(struct literal_parser *ps, struct members *m)
{
	bool more = (ps->options & PCRE2_EXTENDED_MORE) != 0, negated = false;

	for (;;) {
		size_t left = (size_t)(ps->end - ps->p);

		if (left >= 2 && memcmp(ps->p, "\\E", 2) == 0)
			ps->p += 2;
		else if (left >= 4 && memcmp(ps->p, "\\Q\\E", 4) == 0)
			ps->p += 4;
		else if (more && (literal_peek(ps) == ' ' || literal_peek(ps) == '\t'))
			ps->p++;
		else if (!negated && literal_take(ps, '^'))
			negated = true;
		else
			break;
	}
	m->many = more || negated;
}

static bool
take_word_boundary(struct literal_parser *ps)
{
	size_t left = (size_t)(ps->end - ps->p);

	if (left < 6 || (memcmp(ps->p, "[:<:]]", 6) != 0 && memcmp(ps->p, "[:>:]]", 6) != 0))
		return false;
	ps->p += 6;
	return true;
}

struct literal_node *
literal_class(struct literal_parser *ps)
{
	struct members m = {.n = 0};
	int c;

	if (take_word_boundary(ps))
		return literal_node_new(ps, LITERAL_EMPTY);
	class_start(ps, &m);
	do {
		c = literal_peek(ps);
		if (c == -1) {
			literal_give_up(ps);
			break;
		}
		ps->p++;
		class_item(ps, (unsigned char)c, &m);
	} while (ps->quote || !literal_take(ps, ']'));
	if (m.many || m.n == 0)
		return literal_node_new(ps, LITERAL_UNKNOWN);
	return literal_node_bytes(ps, m.bytes, m.n);
}
