/*
 * literal_test: see literal_test.h.
 */
#include "literal_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
fail(const struct literal_test *t, struct sv subject)
{
	print_text("pattern", t->pattern.p, t->pattern.n);
	fprintf(stderr, "options: %#x\n", t->options);
	print_text("matched", subject.p, subject.n);
	for (size_t i = 0; i < t->literals.n; i++)
		print_text("literal", t->literals.v[i].text, t->literals.v[i].n);
	abort();
}

static bool
has_literal(const struct literals *literals, struct sv text)
{
	char lower[LITERAL_TEST_SUBJECT_MAX];
	size_t n = text.n < sizeof(lower) ? text.n : sizeof(lower);

	for (size_t i = 0; i < n; i++)
		lower[i] = (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] | 0x20 : text.p[i]);
	for (size_t i = 0; i < literals->n; i++)
		if (memmem(lower, n, literals->v[i].text, literals->v[i].n) != NULL)
			return true;
	return false;
}

static void
check_shape(const struct literal_test *t)
{
	if (t->literals.n > LITERAL_ALTERNATIVES)
		fail(t, SV(""));
	for (size_t i = 0; i < t->literals.n; i++) {
		const struct literal *l = &t->literals.v[i];

		if (l->n < LITERAL_MIN || l->n > LITERAL_MAX || memchr(l->text, '\n', l->n) != NULL)
			fail(t, SV(""));
		for (size_t j = 0; j < l->n; j++)
			if (l->text[j] >= 'A' && l->text[j] <= 'Z')
				fail(t, SV(""));
	}
}

void
literal_test_subject(const struct literal_test *t, struct sv subject, struct literal_stats *stats)
{
	/* With \K a match begins behind what was consumed. */
	bool whole = memmem(t->pattern.p, t->pattern.n, "K", 1) != NULL;
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(t->data);

	if (memchr(subject.p, '\n', subject.n) != NULL)
		return;
	stats->subjects++;
	if (pcre2_match(t->code, (PCRE2_SPTR)subject.p, subject.n, 0, 0, t->data, t->context) < 0)
		return;
	stats->matches++;
	if (!whole)
		subject = (struct sv){subject.p + at[0], at[1] - at[0]};
	if (!has_literal(&t->literals, subject))
		fail(t, subject);
}

bool
literal_test_open(
    struct literal_test *t, struct sv pattern, uint32_t options, struct literal_stats *stats)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	PCRE2_SIZE offset;
	int error;

	*t = (struct literal_test){.pattern = pattern, .options = options};
	stats->patterns++;
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	t->code = pcre2_compile(
	    (PCRE2_SPTR)pattern.p, pattern.n, options, &error, &offset, context);
	pcre2_compile_context_free(context);
	/* Must not do harm even where the pattern does not compile. */
	literal_extract(pattern.p, pattern.n, options, &t->literals);
	check_shape(t);
	stats->compiled += t->code != NULL;
	if (t->code == NULL || t->literals.n == 0) {
		pcre2_code_free(t->code);
		return false;
	}
	stats->with_literals++;
	stats->literals += t->literals.n;
	t->data = pcre2_match_data_create(1, NULL);
	t->context = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(t->context, 5000);
	pcre2_set_depth_limit(t->context, 1000);
	return true;
}

void
literal_test_close(struct literal_test *t)
{
	pcre2_code_free(t->code);
	pcre2_match_data_free(t->data);
	pcre2_match_context_free(t->context);
}
