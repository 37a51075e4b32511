/*
 * source_lines: cuts a stream of bytes into chunks of whole lines.
 *
 * Knows nothing of files.  Whole lines go out in the buffer they came in; only
 * a line that is in some way odd (split over two buffers, too long, with NUL in
 * it) is gathered in its stream's head, which max_line bounds.
 */
#include <stdlib.h>

#include "source/source_internal.h"

void
source_lines_seek(struct source_lines *l, uint64_t offset)
{
	buf_free(&l->head);
	l->cut = false;
	l->begin = l->at = offset;
}

/* Length of the longest run of whole lines at ${p}, none longer than ${max}. */
static size_t
whole_lines(const char *p, size_t n, size_t max)
{
	size_t done = 0;

	while (done < n) {
		size_t window = n - done <= max ? n - done : max + 1;
		const char *newline = memrchr(p + done, '\n', window);

		if (newline == NULL)
			break;
		done = (size_t)(newline - p) + 1;
	}
	return done;
}

static bool
deliver_run(struct source_lines *l, const struct source_sink *sink, const char *p, size_t n)
{
	struct chunk chunk = {.stream = l->stream,
	    .offset = l->begin,
	    .next = l->begin + n,
	    .number = l->number,
	    .data = {p, n}};

	l->begin = l->at = chunk.next;
	if (l->number != 0)
		l->number += sv_count((struct sv){p, n}, '\n');
	sink->stats->bytes += n;
	return sink->chunk(sink->ctx, &chunk);
}

/* The line in hand is complete.  It is taken out first: the sink may seek. */
static bool
deliver_head(struct source_lines *l, const struct source_sink *sink, bool terminated)
{
	struct chunk chunk = {.stream = l->stream,
	    .offset = l->begin,
	    .next = l->at,
	    .number = l->number,
	    .cut = l->cut};
	struct buf head = l->head;
	bool go_on;

	l->head = (struct buf)BUF_INIT;
	l->cut = false;
	l->begin = l->at;
	if (l->number != 0)
		l->number++;
	sink->stats->bytes += chunk.next - chunk.offset;
	if (chunk.cut)
		sink->stats->cut_lines++;
	else if (terminated)
		buf_putc(&head, '\n');
	chunk.data = buf_view(&head);
	go_on = sink->chunk(sink->ctx, &chunk);
	buf_free(&head);
	return go_on;
}

static size_t
nul_run(const char *p, size_t n)
{
	static const char zeros[4096];
	size_t run = 0;

	while (n - run >= sizeof(zeros) && memcmp(p + run, zeros, sizeof(zeros)) == 0)
		run += sizeof(zeros);
	while (run < n && p[run] == '\0')
		run++;
	return run;
}

static size_t
skip_nuls(struct source_lines *l, const struct source_sink *sink, const char *p, size_t n)
{
	size_t run = nul_run(p, n);

	if (l->begin == l->at) {
		l->begin += run;
		sink->stats->bytes += run;
	}
	l->at += run;
	sink->stats->nul_bytes += run;
	return run;
}

/* Put into the head what the line in hand has in ${p}.  Returns how many bytes
 * that were, with the newline if it ends there. */
static size_t
gather(struct source_lines *l, size_t max, const char *p, size_t n, bool *ended)
{
	const char *newline = memchr(p, '\n', n);
	size_t text = newline == NULL ? n : (size_t)(newline - p);
	size_t room = max - l->head.n;

	if (text > room)
		l->cut = true;
	buf_add(&l->head, p, text > room ? room : text);
	*ended = newline != NULL;
	if (*ended)
		text++;
	l->at += text;
	return text;
}

static const char *
find_nul(const char *p, const char *end)
{
	const char *nul = memchr(p, '\0', (size_t)(end - p));

	return nul == NULL ? end : nul;
}

bool
source_lines_feed(struct source_lines *l, const struct source_sink *sink, struct sv data)
{
	const char *p = data.p, *end = data.p + data.n, *nul = find_nul(p, end);
	bool go_on = true, ended;
	size_t n;

	while (go_on && p < end) {
		if (nul < p)
			nul = find_nul(p, end);
		if (nul == p) {
			p += skip_nuls(l, sink, p, (size_t)(end - p));
			continue;
		}
		n = l->begin == l->at ? whole_lines(p, (size_t)(nul - p), sink->max_line) : 0;
		if (n > 0) {
			go_on = deliver_run(l, sink, p, n);
		} else {
			n = gather(l, sink->max_line, p, (size_t)(nul - p), &ended);
			if (ended)
				go_on = deliver_head(l, sink, true);
		}
		p += n;
	}
	return go_on;
}

bool
source_lines_finish(struct source_lines *l, const struct source_sink *sink)
{
	if (l->begin == l->at)
		return true;
	return deliver_head(l, sink, false);
}
