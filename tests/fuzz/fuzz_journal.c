/*
 * fuzz_journal: any bytes as a cursor (the first line) and as the data of an entry (the
 * others).  What is written is one line of the form, whatever they are.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "source/source_journal_internal.h"
#include "util/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_cursor(struct sv text)
{
	struct source_journal_cursor c, other = {.number = 7};
	char *s = xstrndup(text.p, text.n);

	if (source_journal_cursor_parse(s, &c))
		assert(!source_journal_cursor_is_later(&c, &c, "") || c.boot[0] == '\0');
	else
		assert(c.sequence[0] == '\0' && c.boot[0] == '\0' && c.number == 0);
	source_journal_cursor_is_later(&c, &other, c.boot);
	free(s);
}

static void
check_line(const struct buf *out)
{
	struct sv line = buf_view(out);

	assert(sv_count(line, '\n') == 1 && line.p[line.n - 1] == '\n');
	assert(sv_count(line, '\0') == 0);
	assert(sv_count(line, FIELDS_SEPARATOR) <= FIELDS_MAX + SOURCE_JOURNAL_PARTS + 1);
	assert(memmem(line.p, line.n, "\x1f@message=", 10) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source_journal_entry e = {.bytes = BUF_INIT};
	struct buf out = BUF_INIT;
	const char *p = (const char *)data, *end = p + size;
	uint64_t lost;

	source_journal_entry_begin(&e, 100);
	for (bool first = true; p < end; first = false) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		struct sv part = {p, (size_t)((newline != NULL ? newline : end) - p)};

		if (first)
			check_cursor(part);
		else
			source_journal_entry_add(&e, part);
		p += part.n + 1;
	}
	source_journal_entry_is_loss(&e, &lost);
	source_journal_entry_write(&e, 1, 2, &out);
	check_line(&out);
	source_journal_entry_free(&e);
	buf_free(&out);
	return 0;
}
