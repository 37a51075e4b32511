/*
 * fuzz_literal: whatever PCRE2 matches must hold one of the literals that were
 * taken from the pattern.  The first byte tells whether the rest is a pattern, a
 * newline and a subject as they are, or the decisions that make them.
 */
#include <string.h>

#include "../literal_random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
compare_as_is(struct literal_test *t, const uint8_t *data, size_t size)
{
	static const uint32_t known[] = {0, PCRE2_CASELESS, PCRE2_EXTENDED, PCRE2_EXTENDED_MORE};
	const char *text = (const char *)data + 1;
	const char *end = memrchr(text, '\n', size - 1);
	struct sv pattern = {text, end == NULL ? size - 1 : (size_t)(end - text)};
	struct sv subject = sv_from((struct sv){text, size - 1}, pattern.n + 1);

	if (subject.n <= LITERAL_TEST_SUBJECT_MAX &&
	    literal_test_pattern(t, pattern, PCRE2_NEVER_UTF | known[data[0] >> 1 & 3]))
		literal_test_subject(t, subject);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct literal_stats stats = {0};
	struct decisions d = {data + 1, data + size, 88172645463325252};
	struct literal_test *t;

	if (size < 2)
		return 0;
	t = literal_test_new(&stats, false);
	if (data[0] % 2 == 0)
		compare_as_is(t, data, size);
	else
		literal_random_check(t, &d);
	literal_test_free(&t);
	return 0;
}
