/*
 * literal_random: see literal_random.h.
 *
 * A pattern is drawn as a tree, written down in one of the many ways PCRE2's syntax
 * has, and walked at random for texts that it should match.  Or it is a soup of
 * tokens, of which PCRE2 sorts out what compiles.  Knows nothing of the parser
 * under test; PCRE2 alone decides what matches.
 */
#include "literal_random.h"

#include <stdlib.h>
#include <string.h>

#include "literal_random_tables.h"
#include "util/buf.h"

#define NODES_MAX 160
#define NODES_MANY 48
#define SUBJECTS 12
#define MUTANTS 120
#define MUTANTS_MANY 1000
#define SAMPLE_MAX 200

enum kind {
	TEXT,
	CLASS,
	RAW,
	SEQUENCE,
	CHOICE,
	REPEAT,
	NOTHING,
	CONDITION, /* its first child may be a LOOK: then that is the condition */
	LOOK,      /* ahead or behind, for its one child */
	BACK,
	CALL,
};

struct node {
	enum kind kind;
	char text[8];
	uint32_t min, max;
	uint32_t form;
	struct node *child, *next;
};

struct maker {
	struct decisions *d;
	struct node nodes[NODES_MAX];
	size_t n;
	uint32_t options;
	bool extended;
	unsigned groups, depth;
	struct buf pattern;
	struct buf sample;
	struct buf tail; /* of the sample: what must lie somewhere ahead */
};

static const char *
pick(struct maker *m, const char *const *v, size_t n)
{
	return v[literal_decide(m->d, (uint32_t)n)];
}

#define PICK(m, v) pick((m), (v), sizeof(v) / sizeof(*(v)))

static struct node *
make_node(struct maker *m, enum kind kind)
{
	struct node *node = &m->nodes[m->n++];

	*node = (struct node){.kind = kind, .form = literal_decide(m->d, 64)};
	return node;
}

static bool
is_crowded(const struct maker *m)
{
	return m->n > NODES_MANY || m->depth > 6;
}

static struct node *
make_text(struct maker *m)
{
	struct node *node = make_node(m, TEXT);
	uint32_t n = 1 + literal_decide(m->d, 5);

	for (uint32_t i = 0; i < n; i++) {
		/* Mostly letters, to find more than one place. */
		uint32_t most = literal_decide(m->d, 4) == 0 ? sizeof(alphabet) - 1 : 6;

		node->text[i] = alphabet[literal_decide(m->d, most)];
	}
	return node;
}

static struct node *make_tree(struct maker *m);

static struct node *
make_parent(struct maker *m, enum kind kind, uint32_t children)
{
	struct node *node = make_node(m, kind), **link = &node->child;

	m->depth++;
	for (uint32_t i = 0; i < children; i++) {
		*link = make_tree(m);
		link = &(*link)->next;
	}
	m->depth--;
	return node;
}

static struct node *
make_repeat(struct maker *m)
{
	static const uint32_t mins[] = {0, 0, 0, 1, 1, 2, 3}, more[] = {0, 0, 1, 2, 99};
	struct node *node = make_parent(m, REPEAT, 1);

	node->min = mins[literal_decide(m->d, 7)];
	node->max = node->min + more[literal_decide(m->d, 5)];
	return node;
}

static const struct look *
look_of(const struct node *node)
{
	return &looks[node->form % LOOKS];
}

/* Looking back takes what has one length. */
static struct node *
make_fixed(struct maker *m)
{
	struct node *node;

	if (literal_decide(m->d, 2) == 0)
		return make_text(m);
	node = make_node(m, CHOICE);
	node->child = make_text(m);
	node->child->next = make_text(m);
	return node;
}

static struct node *
make_look(struct maker *m)
{
	struct node *node = make_node(m, LOOK);

	m->depth++;
	node->child =
	    look_of(node)->back && literal_decide(m->d, 8) != 0 ? make_fixed(m) : make_tree(m);
	m->depth--;
	return node;
}

static struct node *
make_condition(struct maker *m)
{
	struct node *node = make_parent(m, CONDITION, 1 + literal_decide(m->d, 2));

	if (literal_decide(m->d, 2) == 0) {
		struct node *condition = make_look(m);

		condition->next = node->child;
		node->child = condition;
	}
	return node;
}

static struct node *
make_tree(struct maker *m)
{
	switch (literal_decide(m->d, is_crowded(m) ? 5 : 21)) {
	case 0:
	case 1:
	case 2:
		return make_text(m);
	case 3:
		return make_node(m, literal_decide(m->d, 3) == 0 ? RAW : CLASS);
	case 4:
		return make_node(m, NOTHING);
	case 5:
	case 6:
	case 7:
	case 8:
		return make_repeat(m);
	case 9:
	case 10:
	case 11:
		return make_parent(m, CHOICE, 1 + literal_decide(m->d, 3));
	case 12:
		return make_condition(m);
	case 13:
		return make_node(m, literal_decide(m->d, 2) == 0 ? BACK : CALL);
	case 14:
	case 15:
		return make_look(m);
	default:
		return make_parent(m, SEQUENCE, 1 + literal_decide(m->d, 4));
	}
}

/* --- writing a tree down */

static void
write_octal(struct maker *m, unsigned char c, bool braces)
{
	buf_printf(&m->pattern, braces ? "\\o{%o}" : "\\0%02o", c);
}

static void
write_byte(struct maker *m, unsigned char c)
{
	bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z', digit = c >= '0' && c <= '9';
	uint32_t form = literal_decide(m->d, 24);

	if (form == 0)
		buf_printf(&m->pattern, "\\x%02x", c);
	else if (form == 1)
		buf_printf(&m->pattern, "\\x{%x}", c);
	else if (form == 2 && c < 0100)
		write_octal(m, c, false);
	else if (form == 3)
		write_octal(m, c, true);
	else if (form == 4 && c != ']' && c != '\\')
		buf_printf(&m->pattern, "[%c]", c);
	else if (form == 5 && letter)
		buf_printf(&m->pattern, "[%c%c]", c, c ^ 0x20);
	else if (form == 6 && c != '\\')
		buf_printf(&m->pattern, "\\Q%c\\E", c);
	else if (letter || digit || c >= 0x80 || form == 7)
		buf_putc(&m->pattern, (char)c);
	else
		buf_printf(&m->pattern, "\\%c", c);
}

/* What may stand anywhere, and means nothing. */
static void
write_noise(struct maker *m)
{
	static const char *const noise[] = {"(?#abc)", "(?#[)", "\\E", "\\Q\\E", "(?:)"};
	static const char *const blank[] = {" ", "\t", "#abc)\n", "# \"ab\\Q\n", "\n", "#(?#\n"};

	if (literal_decide(m->d, 12) != 0)
		return;
	if (m->extended && literal_decide(m->d, 2) == 0)
		buf_puts(&m->pattern, PICK(m, blank));
	else
		buf_puts(&m->pattern, PICK(m, noise));
}

static void
write_text(struct maker *m, const char *text)
{
	bool quote = literal_decide(m->d, 10) == 0 && strchr(text, '\\') == NULL;

	if (quote)
		buf_printf(&m->pattern, "\\Q%s\\E", text);
	for (; !quote && *text != '\0'; text++) {
		write_byte(m, (unsigned char)*text);
		write_noise(m);
	}
}

static void
write_nothing(struct maker *m, const char *text)
{
	/* Whether white space is noise changes for the rest of the group only; a
	 * wrong guess makes other patterns, not wrong ones. */
	if (strncmp(text, "(?x", 3) == 0 || strcmp(text, "(?^x)") == 0)
		m->extended = true;
	buf_puts(&m->pattern, text);
}

static void write_tree(struct maker *m, const struct node *node);

static void
open_group(struct maker *m, uint32_t form)
{
	static const char *const plain[] = {
	    "(?:", "(?>", "(?|", "(?i:", "(?-i:", "(?x:", "(?^:", "(?s-m:", "(?:", "(?:"};

	m->groups += form % 4 == 0;
	if (form % 16 == 4)
		buf_printf(&m->pattern, "(?<n%u>", m->groups);
	else if (form % 16 == 8)
		buf_printf(&m->pattern, "(?P<n%u>", m->groups);
	else if (form % 16 == 12)
		buf_printf(&m->pattern, "(?'n%u'", m->groups);
	else if (form % 16 == 0)
		buf_putc(&m->pattern, '(');
	else
		buf_puts(&m->pattern, PICK(m, plain));
}

static void
write_siblings(struct maker *m, const struct node *first, const char *between)
{
	for (const struct node *child = first; child != NULL; child = child->next) {
		if (child != first)
			buf_puts(&m->pattern, between);
		write_noise(m);
		write_tree(m, child);
	}
}

static void
write_children(struct maker *m, const struct node *node, const char *between)
{
	write_siblings(m, node->child, between);
}

static void
write_look(struct maker *m, const struct node *node)
{
	bool extended = m->extended;

	buf_puts(&m->pattern, look_of(node)->open);
	write_children(m, node, "");
	buf_putc(&m->pattern, ')');
	m->extended = extended;
}

static void
write_look_beside(struct maker *m, const struct node *node)
{
	const struct look *look = look_of(node);

	if (look->before != NULL)
		buf_puts(&m->pattern, look->before);
	write_look(m, node);
	if (look->behind != NULL)
		buf_puts(&m->pattern, look->behind);
}

static void
write_group(struct maker *m, const struct node *node, const char *between)
{
	bool extended = m->extended;

	open_group(m, node->form);
	write_children(m, node, between);
	buf_putc(&m->pattern, ')');
	m->extended = extended;
}

static void
write_quantifier(struct maker *m, const struct node *node)
{
	static const char *const suffixes[] = {"", "", "", "", "?", "+"};
	bool endless = node->max >= 99;

	if (node->min == 0 && node->max == 1 && literal_decide(m->d, 2) == 0)
		buf_putc(&m->pattern, '?');
	else if (node->min <= 1 && endless && literal_decide(m->d, 2) == 0)
		buf_putc(&m->pattern, node->min == 0 ? '*' : '+');
	else if (node->min == node->max)
		buf_printf(&m->pattern, "{%u}", node->min);
	else if (endless)
		buf_printf(&m->pattern, "{%u,}", node->min);
	else
		buf_printf(&m->pattern, "{%u,%u}", node->min, node->max);
	buf_puts(&m->pattern, PICK(m, suffixes));
}

static void
write_repeat(struct maker *m, const struct node *node)
{
	static const char *const quirks[] = {"{,2}", "{1, 2}", "{,}", "{}", "{a}", "{2"};

	if (node->child->kind == CLASS)
		write_tree(m, node->child);
	else if (node->child->kind == LOOK && node->form % 2 == 0)
		write_look(m, node->child);
	else
		write_group(m, node, "");
	write_noise(m);
	if (literal_decide(m->d, 30) == 0)
		buf_puts(&m->pattern, PICK(m, quirks));
	else
		write_quantifier(m, node);
}

static void
write_condition(struct maker *m, const struct node *node)
{
	static const char *const conditions[] = {"(?(1)", "(?(?=abc)", "(?(?!abc)", "(?(?<=a)",
	    "(?(?<!a|bc)", "(?(R)", "(?(DEFINE)", "(?(n1)", "(?(<n1>)", "(?('n1')",
	    "(?(VERSION>=10.0)", "(?(-1)"};
	const struct node *child = node->child;
	bool extended = m->extended;

	if (child->kind == LOOK && child->next != NULL) {
		buf_puts(&m->pattern, "(?");
		write_look(m, child);
		child = child->next;
	} else {
		buf_puts(&m->pattern, PICK(m, conditions));
	}
	write_siblings(m, child, "|");
	buf_putc(&m->pattern, ')');
	m->extended = extended;
}

static void
write_reference(struct maker *m, bool call)
{
	static const char *const calls[] = {
	    "(?1)", "(?R)", "(?-1)", "(?+1)", "(?&n1)", "(?P>n1)", "\\g<1>", "\\g'n1'", "(?0)"};
	static const char *const backs[] = {
	    "\\1", "\\g1", "\\g{1}", "\\g{-1}", "\\g-1", "\\k<n1>", "\\k'n1'", "\\k{n1}",
	    "(?P=n1)", "\\12", "\\081", "\\g{n1}"};

	buf_puts(&m->pattern, call ? PICK(m, calls) : PICK(m, backs));
}

static void
write_tree(struct maker *m, const struct node *node)
{
	switch (node->kind) {
	case TEXT:
		write_text(m, node->text);
		break;
	case CLASS:
		buf_puts(&m->pattern, classes[node->form % CLASSES][0]);
		break;
	case RAW:
		buf_puts(&m->pattern, raws[node->form % RAWS][0]);
		break;
	case SEQUENCE:
		if (node->form % 4 == 0)
			write_group(m, node, "");
		else
			write_children(m, node, "");
		break;
	case CHOICE:
		write_group(m, node, "|");
		break;
	case REPEAT:
		write_repeat(m, node);
		break;
	case NOTHING:
		write_nothing(m, nothings[node->form % NOTHINGS]);
		break;
	case CONDITION:
		write_condition(m, node);
		break;
	case LOOK:
		write_look_beside(m, node);
		break;
	default:
		write_reference(m, node->kind == CALL);
		break;
	}
}

/* --- texts that a tree should match */

static void
add_sample(struct maker *m, const char *text, size_t n)
{
	bool flip = (m->options & PCRE2_CASELESS) != 0 && literal_decide(m->d, 3) == 0;

	for (size_t i = 0; i < n && m->sample.n < SAMPLE_MAX; i++) {
		bool letter = (text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z';

		buf_putc(&m->sample, (char)(flip && letter ? text[i] ^ 0x20 : text[i]));
	}
}

static void
repeat_sample(struct maker *m, uint32_t n)
{
	char text[4];

	if (m->sample.n <= n)
		return;
	memcpy(text, m->sample.p + literal_decide(m->d, (uint32_t)(m->sample.n - n)), n);
	add_sample(m, text, n);
}

static const struct node *
any_child(struct maker *m, const struct node *node)
{
	uint32_t n = 0;
	const struct node *child;

	for (child = node->child; child != NULL; child = child->next)
		n++;
	n = literal_decide(m->d, n);
	for (child = node->child; n > 0; n--)
		child = child->next;
	return child;
}

static void sample(struct maker *m, const struct node *node);

/* What is looked for is beside the look, or somewhere ahead, or left to luck. */
static void
sample_look(struct maker *m, const struct node *node)
{
	const struct look *look = look_of(node);
	size_t before = m->sample.n;

	if (look->negative ||
	    (look->before == NULL && look->behind == NULL && literal_decide(m->d, 3) == 0))
		return;
	sample(m, node->child);
	if (look->far && m->sample.n > before && literal_decide(m->d, 4) != 0) {
		buf_add(&m->tail, m->sample.p + before, m->sample.n - before);
		m->sample.n = before;
	}
}

static void
sample(struct maker *m, const struct node *node)
{
	const char *of_class;
	uint32_t times;

	switch (node->kind) {
	case TEXT:
		add_sample(m, node->text, strlen(node->text));
		break;
	case CLASS:
		of_class = classes[node->form % CLASSES][1];
		add_sample(m, of_class + literal_decide(m->d, (uint32_t)strlen(of_class)), 1);
		break;
	case RAW:
		of_class = raws[node->form % RAWS][1];
		add_sample(m, of_class, strlen(of_class));
		break;
	case SEQUENCE:
		for (const struct node *child = node->child; child != NULL; child = child->next)
			sample(m, child);
		break;
	case CHOICE:
	case CONDITION:
		sample(m, any_child(m, node));
		break;
	case REPEAT:
		times = node->min + literal_decide(m->d, 1 + (node->max > node->min ? 2 : 0));
		for (; times > 0 && m->sample.n < SAMPLE_MAX; times--)
			sample(m, node->child);
		break;
	case NOTHING:
		break;
	case LOOK:
		sample_look(m, node);
		break;
	default: /* a reference: to something seen before, perhaps */
		repeat_sample(m, literal_decide(m->d, 4));
		break;
	}
}

/* One small change, so that text which should not be needed is away. */
static void
damage(struct maker *m)
{
	uint32_t at;

	if (m->sample.n == 0 || literal_decide(m->d, 3) != 0)
		return;
	at = literal_decide(m->d, (uint32_t)m->sample.n);
	if (literal_decide(m->d, 2) == 0) {
		m->sample.p[at] = alphabet[literal_decide(m->d, sizeof(alphabet) - 1)];
	} else {
		memmove(m->sample.p + at, m->sample.p + at + 1, m->sample.n - at - 1);
		m->sample.n--;
	}
}

/* --- soup */

static void
make_soup(struct maker *m)
{
	uint32_t n = 2 + literal_decide(m->d, 14);

	while (n-- > 0)
		buf_puts(&m->pattern, PICK(m, tokens));
}

static void
sample_soup(struct maker *m)
{
	static const char *const bits[] = {"a", "b", "c", "abc", "bca", "ab", "cab", "abcabc", "#",
	    " ", "]", "[", "-", "|", "x", "1", "8", "\xe4", "\\", "E", "{,2}", "aa", "A", "ABC",
	    "^", ":", "\t", "=", "(", ")", "?", "{", "}"};
	uint32_t n = literal_decide(m->d, 8);

	for (; n > 0; n--)
		buf_puts(&m->sample, PICK(m, bits));
}

/* --- both */

static uint32_t
make_options(struct decisions *d)
{
	static const uint32_t choice[] = {PCRE2_CASELESS, PCRE2_EXTENDED, PCRE2_DOTALL,
	    PCRE2_MULTILINE, PCRE2_EXTENDED_MORE, PCRE2_UNGREEDY, PCRE2_NO_AUTO_CAPTURE,
	    PCRE2_DOLLAR_ENDONLY};
	uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DUPNAMES;

	for (size_t i = 0; i < sizeof(choice) / sizeof(*choice); i++)
		if (literal_decide(d, 5) == 0)
			options |= choice[i];
	return options;
}

static void
make_subject(struct maker *m, const struct node *tree)
{
	m->sample.n = m->tail.n = 0;
	if (tree == NULL)
		sample_soup(m);
	else
		sample(m, tree);
	add_sample(m, m->tail.p, m->tail.n);
	damage(m);
}

static void
check_pattern(struct maker *m, const struct node *tree, struct literal_test *t)
{
	if (!literal_test_pattern(t, buf_view(&m->pattern), m->options))
		return;
	for (int i = 0; i < SUBJECTS; i++) {
		make_subject(m, tree);
		if (m->sample.n > 0)
			literal_test_subject(t, buf_view(&m->sample));
	}
	literal_test_mutants(t, m->d, literal_decide(m->d, 32) == 0 ? MUTANTS_MANY : MUTANTS);
}

void
literal_random_check(struct literal_test *t, struct decisions *d)
{
	struct maker m = {.d = d};
	struct node *tree = NULL;

	m.options = make_options(d);
	m.extended = (m.options & (PCRE2_EXTENDED | PCRE2_EXTENDED_MORE)) != 0;
	if (literal_decide(d, 4) == 0) {
		make_soup(&m);
	} else {
		tree = make_parent(&m, SEQUENCE, 1 + literal_decide(d, 4));
		write_children(&m, tree, "");
	}
	check_pattern(&m, tree, t);
	buf_free(&m.pattern);
	buf_free(&m.sample);
	buf_free(&m.tail);
}
