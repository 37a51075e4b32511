/*
 * literal_test: see literal_test.h.
 *
 * Subjects that match are kept, a few, and changed: mostly at random, and sometimes
 * where a literal stands, since a match without it is what must not be.
 */
#include "literal_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

#define KEPT 16
#define MUTANT_MAX 240
#define FRUITLESS 24 /* so many mutants without a match are enough */

struct text {
	char p[MUTANT_MAX];
	size_t n;
};

struct literal_test {
	struct literal_stats *stats;
	bool machine_code;
	pcre2_compile_context *compile;
	pcre2_match_context *match;
	pcre2_match_data *data;

	pcre2_code *code; /* NULL: no pattern */
	struct sv pattern;
	uint32_t options;
	struct literals literals;
	bool whole; /* a literal may be anywhere in the subject */
	struct text kept[KEPT];
	size_t nkept;
};

/* --- a subject */

static void
print_text(const char *what, const char *p, size_t n)
{
	fprintf(stderr, "%s: \"", what);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		fprintf(stderr, c < ' ' || c > '~' ? "\\x%02x" : "%c", c);
	}
	fprintf(stderr, "\"\n");
}

static void
fail(const struct literal_test *t, struct sv subject, struct sv match)
{
	print_text("pattern", t->pattern.p, t->pattern.n);
	fprintf(stderr, "options: %#x\n", t->options);
	print_text("subject", subject.p, subject.n);
	print_text("matched", match.p, match.n);
	for (size_t i = 0; i < t->literals.n; i++)
		print_text("literal", t->literals.v[i].text, t->literals.v[i].n);
	abort();
}

static void
fold(char *to, struct sv from)
{
	for (size_t i = 0; i < from.n; i++)
		to[i] = (char)(from.p[i] >= 'A' && from.p[i] <= 'Z' ? from.p[i] | 0x20 : from.p[i]);
}

static bool
has_literal(const struct literals *literals, struct sv text)
{
	char lower[LITERAL_TEST_SUBJECT_MAX];

	if (text.n > sizeof(lower))
		text.n = sizeof(lower);
	fold(lower, text);
	for (size_t i = 0; i < literals->n; i++)
		if (memmem(lower, text.n, literals->v[i].text, literals->v[i].n) != NULL)
			return true;
	return false;
}

static void
keep(struct literal_test *t, struct sv subject)
{
	struct text *text = &t->kept[t->nkept < KEPT ? t->nkept++ : t->stats->matches % KEPT];

	if (subject.n > MUTANT_MAX)
		subject.n = MUTANT_MAX;
	memcpy(text->p, subject.p, subject.n);
	text->n = subject.n;
}

bool
literal_test_subject(struct literal_test *t, struct sv subject)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(t->data);
	struct sv match;

	if (memchr(subject.p, '\n', subject.n) != NULL)
		return false;
	t->stats->subjects++;
	if (pcre2_match(t->code, (PCRE2_SPTR)subject.p, subject.n, 0, 0, t->data, t->match) < 0)
		return false;
	t->stats->matches++;
	match = (struct sv){subject.p + at[0], at[1] - at[0]};
	if (!has_literal(&t->literals, t->whole ? subject : match))
		fail(t, subject, match);
	keep(t, subject);
	return true;
}

static bool
has_any(struct sv text, const char *const *signs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (memmem(text.p, text.n, signs[i], strlen(signs[i])) != NULL)
			return true;
	return false;
}

/* --- mutants */

static void
erase(struct text *m, size_t at, size_t n)
{
	n = n < m->n - at ? n : m->n - at;
	memmove(m->p + at, m->p + at + n, m->n - at - n);
	m->n -= n;
}

/* Some of another subject that matched. */
static void
insert(const struct literal_test *t, struct decisions *d, struct text *m, size_t at)
{
	const struct text *from = &t->kept[literal_decide(d, (uint32_t)t->nkept)];
	size_t start = literal_decide(d, (uint32_t)from->n + 1);
	size_t n = literal_decide(d, (uint32_t)(from->n - start) + 1);
	struct text piece = *from;

	n = n < MUTANT_MAX - m->n ? n : MUTANT_MAX - m->n;
	memmove(m->p + at + n, m->p + at, m->n - at);
	memcpy(m->p + at, piece.p + start, n);
	m->n += n;
}

/* Where a literal stands, if one does. */
static size_t
find_literal(const struct literal_test *t, struct decisions *d, const struct text *m)
{
	const struct literal *l = &t->literals.v[literal_decide(d, (uint32_t)t->literals.n)];
	char lower[MUTANT_MAX];
	const char *at;

	fold(lower, (struct sv){m->p, m->n});
	at = memmem(lower, m->n, l->text, l->n);
	return at == NULL ? 0 : (size_t)(at - lower) + literal_decide(d, (uint32_t)l->n);
}

static void
change(const struct literal_test *t, struct decisions *d, struct text *m)
{
	static const char bytes[] = "abcabcABCks01 #-]\\{.|x\xe4\x1a";
	uint32_t how = literal_decide(d, 8);
	size_t at;

	if (m->n == 0) {
		insert(t, d, m, 0);
		return;
	}
	at = how < 3 ? find_literal(t, d, m) : literal_decide(d, (uint32_t)m->n);
	if (how % 4 == 0)
		erase(m, at, 1 + literal_decide(d, 4));
	else if (how % 4 == 1)
		m->p[at] = bytes[literal_decide(d, sizeof(bytes) - 1)];
	else if (how % 4 == 2)
		m->p[at] = m->p[literal_decide(d, (uint32_t)m->n)];
	else
		insert(t, d, m, at);
}

/* Does it call a group, or itself?  Where it only looks so, no harm is done. */
static bool
has_call(struct sv pattern)
{
	static const char *const signs[] = {"\\g", "(?R", "(?&", "(?P>", "(?0", "(?1", "(?2", "(?3",
	    "(?4", "(?5", "(?6", "(?7", "(?8", "(?9", "(?+", "(?-1", "(?-2"};

	return has_any(pattern, signs, sizeof(signs) / sizeof(*signs));
}

/* Machine code pays from about fifty subjects on, and is what runs in earnest.  Not where
 * that of PCRE2 10.42 goes wrong: ((.||\1){3}b){2,}+ reads beyond its subject, and
 * (|\g<1>(?:|[^a]))ACB knows no limits when it calls itself. */
static void
hasten(struct literal_test *t)
{
	uint32_t references = 0;

	pcre2_pattern_info(t->code, PCRE2_INFO_BACKREFMAX, &references);
	if (t->machine_code && references == 0 && !has_call(t->pattern))
		pcre2_jit_compile(t->code, PCRE2_JIT_COMPLETE);
}

void
literal_test_mutants(struct literal_test *t, struct decisions *d, unsigned n)
{
	unsigned fruitless = 0;

	if (t->nkept > 0)
		hasten(t);
	while (n-- > 0 && t->nkept > 0 && fruitless < FRUITLESS) {
		struct text m = t->kept[literal_decide(d, (uint32_t)t->nkept)];

		do
			change(t, d, &m);
		while (literal_decide(d, 3) == 0);
		fruitless = literal_test_subject(t, (struct sv){m.p, m.n}) ? 0 : fruitless + 1;
	}
}

/* --- a pattern */

static void
check_shape(const struct literal_test *t)
{
	const struct sv none = SV("");

	if (t->literals.n > LITERAL_ALTERNATIVES)
		fail(t, none, none);
	for (size_t i = 0; i < t->literals.n; i++) {
		const struct literal *l = &t->literals.v[i];

		if (l->n < LITERAL_MIN || l->n > LITERAL_MAX || memchr(l->text, '\n', l->n) != NULL)
			fail(t, none, none);
		for (size_t j = 0; j < l->n; j++)
			if (l->text[j] >= 'A' && l->text[j] <= 'Z')
				fail(t, none, none);
	}
}

/* May a literal be in the subject and not in the match?  With \K a match begins behind
 * what was consumed. */
static bool
looks_around(struct sv pattern)
{
	static const char *const signs[] = {"\\K", "?=", "?*", "<=", "<*", "(*"};

	return has_any(pattern, signs, sizeof(signs) / sizeof(*signs));
}

static void
forget(struct literal_test *t)
{
	pcre2_code_free(t->code);
	t->code = NULL;
	t->nkept = 0;
}

bool
literal_test_pattern(struct literal_test *t, struct sv pattern, uint32_t options)
{
	PCRE2_SIZE offset;
	int error;

	forget(t);
	t->pattern = pattern;
	t->options = options;
	t->stats->patterns++;
	/* Must not do harm even where the pattern does not compile. */
	literal_extract(pattern.p, pattern.n, options, &t->literals);
	check_shape(t);
	t->code = pcre2_compile(
	    (PCRE2_SPTR)pattern.p, pattern.n, options, &error, &offset, t->compile);
	t->stats->compiled += t->code != NULL;
	if (t->code == NULL || t->literals.n == 0)
		return false;
	t->whole = looks_around(pattern);
	t->stats->with_literals++;
	t->stats->around += t->whole;
	t->stats->literals += t->literals.n;
	return true;
}

struct literal_test *
literal_test_new(struct literal_stats *stats, bool machine_code)
{
	struct literal_test *t = xcalloc(1, sizeof(*t));

	t->stats = stats;
	t->machine_code = machine_code;
	t->compile = pcre2_compile_context_create(NULL);
	pcre2_set_newline(t->compile, PCRE2_NEWLINE_LF);
	t->match = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(t->match, 1000);
	pcre2_set_depth_limit(t->match, 1000);
	t->data = pcre2_match_data_create(1, NULL);
	return t;
}

void
literal_test_free(struct literal_test **tp)
{
	struct literal_test *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	forget(t);
	pcre2_compile_context_free(t->compile);
	pcre2_match_context_free(t->match);
	pcre2_match_data_free(t->data);
	free(t);
}
