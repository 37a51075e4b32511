/*
 * format_multiline: the pattern that tells where a record begins.  Not compiled to
 * machine code: it is tried once a line, mostly anchored, and has no part in what
 * the limits of the rules are for.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>

#include "format/format_internal.h"
#include "util/xalloc.h"

#define MATCH_LIMIT 100000
#define DEPTH_LIMIT 1000
#define HEAP_LIMIT_KIB 1024
#define LOOK_AT_MAX 4096 /* bytes of a line */

struct format_multiline {
	pcre2_code *code;
	pcre2_match_context *context;
	pcre2_match_data *data;
};

struct format_multiline *
format_multiline_new(const char *pattern, struct buf *error)
{
	struct format_multiline *m = xcalloc(1, sizeof(*m));
	PCRE2_UCHAR text[120];
	PCRE2_SIZE at;
	int code;

	m->code = pcre2_compile(
	    (PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (m->code == NULL) {
		pcre2_get_error_message(code, text, sizeof(text));
		buf_printf(error, "multiline: not a valid pattern at character %zu: %s", at + 1,
		    (const char *)text);
		format_multiline_free(&m);
		return NULL;
	}
	m->context = pcre2_match_context_create(NULL);
	m->data = pcre2_match_data_create(1, NULL);
	if (m->context == NULL || m->data == NULL)
		abort();
	pcre2_set_match_limit(m->context, MATCH_LIMIT);
	pcre2_set_depth_limit(m->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(m->context, HEAP_LIMIT_KIB);
	return m;
}

void
format_multiline_free(struct format_multiline **mp)
{
	struct format_multiline *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	pcre2_code_free(m->code);
	pcre2_match_context_free(m->context);
	pcre2_match_data_free(m->data);
	free(m);
}

/* Out of budget counts as yes: no line can make itself a part of another's record
 * by being costly. */
bool
format_multiline_begins(const struct format_multiline *m, struct sv line)
{
	size_t n = line.n < LOOK_AT_MAX ? line.n : LOOK_AT_MAX;

	return pcre2_match(m->code, (PCRE2_SPTR)line.p, n, 0, 0, m->data, m->context) !=
	    PCRE2_ERROR_NOMATCH;
}
