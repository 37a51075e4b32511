/*
 * scan: see scan.h.  Splits a chunk into lines and offers every one of them.
 * Owns nothing but itself; lines point into the chunk.
 */
#include "scan/scan.h"

#include <stdlib.h>

#include "util/xalloc.h"

struct scanner {
	char nothing; /* every line is a candidate, whatever the rules */
};

struct scanner *
scanner_new(const struct ruleset *rules)
{
	(void)rules;
	return xcalloc(1, sizeof(struct scanner));
}

void
scanner_free(struct scanner **s)
{
	free(*s);
	*s = NULL;
}

/* Without what is not the writer's: zeros where a file was truncated under its
 * writer's feet, and the carriage return of a CRLF. */
static struct sv
strip(struct sv text)
{
	while (text.n > 0 && text.p[0] == '\0')
		text = (struct sv){text.p + 1, text.n - 1};
	if (text.n > 0 && text.p[text.n - 1] == '\r')
		text.n--;
	return text;
}

uint64_t
scan_chunk(struct scanner *s, const struct chunk *chunk, scan_cb *candidate, void *ctx)
{
	struct sv rest = chunk->data;
	uint64_t count = 0;

	(void)s;
	for (; rest.n > 0; count++) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end == NULL ? rest.n : (size_t)(end - rest.p);
		struct line line = {.stream = chunk->stream,
		    .text = strip((struct sv){rest.p, n}),
		    .cut = chunk->cut};

		line.offset = chunk->offset + (uint64_t)(line.text.p - chunk->data.p);
		line.number = chunk->number == 0 ? 0 : chunk->number + count;
		if (line.text.n > 0)
			candidate(ctx, &line);
		rest = sv_from(rest, end == NULL ? n : n + 1);
	}
	return count;
}
