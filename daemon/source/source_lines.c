/*
 * source_lines: cuts a stream of bytes into chunks of whole lines.
 *
 * Knows nothing of files.  Whole lines go out in the buffer they came in; only
 * a line that is in some way odd (split over two buffers, too long, with NUL in
 * it) is gathered in its stream's head, which max_line bounds.  What is passed over
 * is told as a gap just before the chunk that passes it.
 */
#include <stdlib.h>

#include "source/source_internal.h"

/* A shorter run of NUL is nothing but a few bytes that are no text. */
#define NUL_GAP 512

void
source_lines_seek(struct source_lines *l, uint64_t offset)
{
	buf_free(&l->head);
	l->cut = false;
	l->begin = l->at = offset;
	l->nul = l->unread = (struct source_span){0, 0};
}

/* ---- gaps --------------------------------------------------------------------- */

/* Two spans of one line are told as one: nobody counts on what is between. */
static void
widen(struct source_span *span, uint64_t from, uint64_t to)
{
	if (span->to == 0)
		span->from = from;
	span->to = to;
}

static void
tell(struct source_lines *l, const struct source_sink *sink, enum trouble_kind kind,
    struct source_span *span, uint64_t least)
{
	if (sink->gap != NULL && span->to - span->from >= least)
		sink->gap(sink->ctx, l->stream, kind, *span);
	*span = (struct source_span){0, 0};
}

void
source_lines_tell(struct source_lines *l, const struct source_sink *sink)
{
	tell(l, sink, TROUBLE_NUL, &l->nul, NUL_GAP);
	tell(l, sink, TROUBLE_UNREADABLE, &l->unread, 1);
}

void
source_lines_skip(struct source_lines *l, const struct source_sink *sink, uint64_t n,
    enum trouble_kind kind)
{
	widen(kind == TROUBLE_NUL ? &l->nul : &l->unread, l->at, l->at + n);
	if (kind == TROUBLE_NUL)
		sink->stats->nul_bytes += n;
	if (l->begin == l->at) {
		l->begin += n;
		sink->stats->bytes += n;
	}
	l->at += n;
}

/* ---- lines -------------------------------------------------------------------- */

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
	    .data = {p, n},
	    .form = l->stream->form};

	source_lines_tell(l, sink);
	l->begin = l->at = chunk.next;
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
	    .form = l->stream->form,
	    .cut = l->cut};
	struct source_span rest = {l->full, l->at - (terminated ? 1 : 0)};
	struct buf head = l->head;
	bool go_on;

	source_lines_tell(l, sink);
	if (chunk.cut)
		tell(l, sink, TROUBLE_OVERSIZE, &rest, 1);
	l->head = (struct buf)BUF_INIT;
	l->cut = false;
	l->begin = l->at;
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

/* Put into the head what the line in hand has in ${p}.  Returns how many bytes
 * that were, with the newline if it ends there. */
static size_t
gather(struct source_lines *l, size_t max, const char *p, size_t n, bool *ended)
{
	const char *newline = memchr(p, '\n', n);
	size_t text = newline == NULL ? n : (size_t)(newline - p);
	size_t room = max - l->head.n;

	if (text > room && !l->cut) {
		l->cut = true;
		l->full = l->at + room;
	}
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

/* A mark of the encoding is no part of the first line. */
static size_t
skip_mark(struct source_lines *l, struct sv data)
{
	if (l->at != 0 || data.n < 3 || memcmp(data.p, "\xef\xbb\xbf", 3) != 0)
		return 0;
	l->begin = l->at = 3;
	return 3;
}

bool
source_lines_feed(struct source_lines *l, const struct source_sink *sink, struct sv data)
{
	const char *end = data.p + data.n, *p = data.p + skip_mark(l, data);
	const char *nul = find_nul(p, end);
	bool go_on = true, ended;
	size_t n;

	while (go_on && p < end) {
		if (nul < p)
			nul = find_nul(p, end);
		if (nul == p) {
			n = nul_run(p, (size_t)(end - p));
			source_lines_skip(l, sink, n, TROUBLE_NUL);
			p += n;
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
	if (l->begin < l->at)
		return deliver_head(l, sink, false);
	source_lines_tell(l, sink);
	return true;
}
