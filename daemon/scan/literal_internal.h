/*
 * literal_internal: a pattern as a tree, as far as literals need to know it.
 *
 * Each node stands for every text that its part of the pattern can consume, or
 * for more: never for less.  What lies ahead or behind is not consumed: it may be the
 * same text as what is, so it is a tree of its own beside the others.
 */
#ifndef SCAN_LITERAL_INTERNAL_H
#define SCAN_LITERAL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LITERAL_NODE_BYTES 4

enum literal_kind {
	LITERAL_EMPTY,    /* nothing: an anchor, a setting, a comment */
	LITERAL_LOOK,     /* nothing; what its one child could consume is in the subject */
	LITERAL_BYTES,    /* one byte, one of ${bytes} */
	LITERAL_UNKNOWN,  /* anything, of any length */
	LITERAL_SEQUENCE, /* its children, in order */
	LITERAL_CHOICE,   /* one of its children, one at least */
	LITERAL_REPEAT,   /* its one child, ${min} to ${max} times */
};

struct literal_node {
	enum literal_kind kind;
	unsigned char bytes[LITERAL_NODE_BYTES]; /* letters in lower case */
	size_t nbytes;
	uint32_t min, max;
	struct literal_node *child, *next;
};

struct literal_tree {
	struct literal_node *root;
	struct literal_node *nodes; /* all of them, in one piece */
};

/* Returns whether the pattern is understood; ${tree} is to be freed either way. */
bool literal_parse(
    struct literal_tree *tree, const char *pattern, size_t n, uint32_t options);
void literal_tree_free(struct literal_tree *tree);

/* The rest is between literal_parse.c, literal_group.c and literal_escape.c. */

struct literal_parser {
	const unsigned char *p, *end;
	uint32_t options; /* PCRE2's, in force here */
	bool quote;       /* between \Q and \E */
	bool unsure;
	unsigned depth;
	struct literal_node *nodes;
	size_t nnodes, max;
};

/* The next byte, not taken; -1 at the end. */
int literal_peek(const struct literal_parser *ps);
/* Take ${c} if it comes next. */
bool literal_take(struct literal_parser *ps, char c);
bool literal_take_text(struct literal_parser *ps, const char *text);
/* Take everything up to and with ${c}; without one there, give up. */
void literal_take_through(struct literal_parser *ps, char c);
/* Take a decimal number if there is one; a large one becomes some other large one. */
bool literal_take_number(struct literal_parser *ps, uint32_t *value);

static inline bool
literal_is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* Something that is not known for sure: the whole pattern has no literal. */
void literal_give_up(struct literal_parser *ps);

struct literal_node *literal_node_new(struct literal_parser *ps, enum literal_kind kind);
/* One of ${n} bytes; unknown where that is more than a node holds, or would
 * depend on a locale, or is in no line. */
struct literal_node *literal_node_bytes(
    struct literal_parser *ps, const unsigned char *bytes, size_t n);

/* Alternatives, up to the ')' or the end. */
struct literal_node *literal_choice(struct literal_parser *ps);
/* What follows a '(', a backslash or a '[', which are taken. */
struct literal_node *literal_group(struct literal_parser *ps);
struct literal_node *literal_escape(struct literal_parser *ps);
struct literal_node *literal_class(struct literal_parser *ps);

/* Whether a quantifier in braces comes next: yes, no, or it depends on the version
 * of PCRE2. */
enum literal_braces { BRACES_QUANTIFIER, BRACES_TEXT, BRACES_UNSURE };
enum literal_braces literal_braces(const struct literal_parser *ps);

#endif
