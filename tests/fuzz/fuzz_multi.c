/*
 * fuzz_multi: literals, one a line, an empty line, then text to scan for them.  Every
 * way of scanning reports what a naive search finds, line by line.
 */
#include <stdlib.h>

#include "scan/multi_internal.h"

#define MAX_LITERALS 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct check {
	const struct multi_literal *literals;
	size_t n;
	struct sv text; /* ASCII letters in lower case, from ${original} */
	const char *original;
	size_t at; /* lines before this are checked */
};

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static bool
is_in(const uint32_t *owners, size_t n, uint32_t owner)
{
	for (size_t i = 0; i < n; i++)
		if (owners[i] == owner)
			return true;
	return false;
}

/* The line at c->at holds what belongs to ${owners} and nothing else. */
static size_t
check_line(struct check *c, const uint32_t *owners, size_t nowners)
{
	struct sv rest = sv_from(c->text, c->at);
	const char *end = memchr(rest.p, '\n', rest.n);
	size_t n = end == NULL ? rest.n : (size_t)(end - rest.p);

	for (uint32_t i = 0; i < c->n; i++)
		require((memmem(rest.p, n, c->literals[i].text, c->literals[i].n) != NULL) ==
		    is_in(owners, nowners, i));
	c->at += n + 1;
	return n;
}

static void
check_found(void *ctx, struct sv line, const uint32_t *owners, size_t nowners)
{
	struct check *c = ctx;

	require(nowners > 0);
	for (size_t i = 1; i < nowners; i++)
		require(owners[i - 1] < owners[i]);
	while (c->original + c->at < line.p)
		check_line(c, NULL, 0);
	require(c->original + c->at == line.p);
	require(check_line(c, owners, nowners) == line.n);
}

static void
check_all(struct check c, struct multi_tuning tuning)
{
	struct multi *m = multi_new_tuned(c.literals, c.n, c.n, tuning);

	for (int turn = 0; turn < 2; turn++) {
		c.at = 0;
		multi_scan(m, (struct sv){c.original, c.text.n}, check_found, &c);
		while (c.at < c.text.n)
			check_line(&c, NULL, 0);
	}
	multi_free(&m);
}

static size_t
take_literals(struct sv *text, struct multi_literal *literals)
{
	const char *end;
	size_t n = 0;

	while ((end = memchr(text->p, '\n', text->n)) != NULL && end != text->p) {
		size_t length = (size_t)(end - text->p);

		if (length >= 3 && length <= 64 && n < MAX_LITERALS) {
			literals[n] = (struct multi_literal){text->p, length, (uint32_t)n};
			n++;
		}
		*text = sv_from(*text, length + 1);
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct multi_literal literals[MAX_LITERALS];
	const struct multi_finders *kinds[MULTI_KINDS];
	size_t nkinds = multi_kinds(kinds);
	struct check c = {.literals = literals};
	char *folded = malloc(size + 1);

	for (size_t i = 0; i < size; i++)
		folded[i] = (char)(data[i] >= 'A' && data[i] <= 'Z' ? data[i] + 32 : data[i]);
	c.text = (struct sv){folded, size};
	c.n = take_literals(&c.text, literals);
	c.original = (const char *)data + (c.text.p - folded);
	for (size_t i = 0; i < nkinds; i++) {
		check_all(c, (struct multi_tuning){.finders = kinds[i], .sample = 50});
		if (kinds[i]->few != NULL)
			check_all(c, (struct multi_tuning){
			    .finders = kinds[i], .few = 64, .sample = 50});
	}
	free(folded);
	return 0;
}
