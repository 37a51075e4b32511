/*
 * format_join: records that wait for more lines, and records that wait behind
 * them.
 *
 * What has been given on may be committed, and the position with it; so a record
 * may be given on only when all lines up to its last one are of records that are
 * complete too, or some would be read twice after a crash.  Hence a queue: a lane
 * holds records in the order in which they began, and lets go those before a point
 * that no record spans.  Lanes do not wait for each other.
 *
 * Bounded: lanes, records and bytes of a lane, bytes of all; where a bound is
 * reached the oldest is complete as it is.
 */
#include <assert.h>
#include <stdlib.h>

#include "format/format_lane.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define WAIT_MAX 2000 /* ms without another line */
#define LANE_ENTRIES 4096
#define LANE_BYTES ((size_t)4 << 20)
#define ALL_BYTES ((size_t)16 << 20)

/* ---- giving on ---------------------------------------------------------------- */

static void
give_entry(struct format *f, struct lane *l, struct format_entry *e)
{
	const struct stream *stream = f->out.text.n > 0 ? f->out.stream : NULL;

	if (stream != NULL && stream != e->places[0].stream) {
		size_t i = format_lane_stream(l, stream);
		struct place to = format_lane_examined(l, &l->read[i]);

		l->given[i] = to.offset;
		format_emit(f, stream, to.offset, to.check);
	}
	if (e->text.n > 0)
		format_put(f, e->places[0].stream, e->places[0].offset, buf_view(&e->text), e->cut);
}

static void
give_first(struct format *f, struct lane *l)
{
	give_entry(f, l, l->first);
	format_lane_spare(f->join, format_lane_dequeue(f->join, l));
}

/* All before a point that no record spans. */
static void
drain(struct format *f, struct lane *l)
{
	for (;;) {
		struct format_entry *next = l->checked == NULL ? l->first : l->checked->next;

		if (l->checked != NULL && (next == NULL || next->begin > l->end)) {
			while (l->first != next)
				give_first(f, l);
			l->checked = NULL;
			l->end = 0;
		}
		if (next == NULL || next->open)
			return;
		l->checked = next;
		if (l->end < next->end)
			l->end = next->end;
	}
}

/* Have it read; whether that makes a record of it or not, it is not open. */
static void
complete(struct format *f, struct lane *l, struct format_entry *e)
{
	struct format_join *j = f->join;
	struct lane *current = j->lane;
	const struct format_kind *kind = f->kind;
	struct format_line line = {.stream = e->places[0].stream,
	    .offset = e->places[0].offset,
	    .number = e->number,
	    .transport = e->transport,
	    .peer = e->peer,
	    .peer_name = e->peer_name,
	    .stem = e->stem,
	    .nstem = e->nstem,
	    .time = e->time,
	    .dirty = true,
	    .entry = e};
	struct buf lines = e->text;
	size_t i = 0, before = format_lane_weight(e);

	while (l->open[i] != e)
		i++;
	l->nopen--;
	memmove(l->open + i, l->open + i + 1, (l->nopen - i) * sizeof(l->open[0]));
	line.text = buf_view(&lines);
	e->text = (struct buf)BUF_INIT;
	e->open = false;
	j->lane = l;
	f->kind = e->kind;
	f->kind->joined(f, &line);
	f->kind = kind;
	j->lane = current;
	buf_free(&lines);
	format_lane_count(j, l, before, format_lane_weight(e));
}

static void
complete_all(struct format *f, struct lane *l)
{
	while (l->nopen > 0)
		complete(f, l, l->open[0]);
	drain(f, l);
}

/* Tell how far the streams of ${l} are; forget those in which nothing waits. */
static void
settle(struct format *f, struct lane *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->nread; i++) {
		struct place read = l->read[i], to = format_lane_examined(l, &read);

		if (to.offset != l->given[i] || (f->out.text.n > 0 && f->out.stream == read.stream))
			format_emit(f, read.stream, to.offset, to.check);
		if (to.offset == read.offset && i + 1 < l->nread)
			continue;
		l->read[kept] = read;
		l->given[kept++] = to.offset;
	}
	l->nread = kept;
	if (l->first == NULL) {
		assert(l->bytes == 0 && l->nentries == 0 && l->nopen == 0);
		format_lane_free(f->join, l);
	}
}

/* ---- around a chunk ------------------------------------------------------------- */

static struct lane *
oldest_lane(const struct format_join *j)
{
	struct lane *oldest = NULL;

	for (size_t i = 0; i < j->nlanes; i++)
		if (j->lanes[i] != j->lane &&
		    (oldest == NULL || j->lanes[i]->open[0]->due < oldest->open[0]->due))
			oldest = j->lanes[i];
	return oldest;
}

static void
make_room(struct format *f)
{
	struct format_join *j = f->join;
	struct lane *l;

	while (((j->nlanes == LANES_MAX && j->lane == NULL) || j->bytes > ALL_BYTES) &&
	    (l = oldest_lane(j)) != NULL) {
		complete_all(f, l);
		settle(f, l);
	}
}

/* The lane takes up the chunk's stream.  A stream that goes back has been cut
 * away: of what waited in it no more will come. */
static void
take_up(struct format *f, const struct chunk *chunk)
{
	struct format_join *j = f->join;
	struct lane *l = j->lane;
	size_t i = format_lane_stream(l, chunk->stream);

	if (i == l->nread ? l->nread == LANE_STREAMS : chunk->offset < l->read[i].offset) {
		complete_all(f, l);
		settle(f, l);
		return;
	}
	if (i == l->nread)
		l->given[l->nread++] = chunk->offset;
	l->read[i] = format_lane_end(chunk);
}

void
format_join_begin(struct format *f, const struct chunk *chunk)
{
	struct format_join *j = f->join;

	j->chunk = chunk;
	j->lane = NULL;
	if (!f->joins)
		return;
	j->lane = format_lane_find(j, chunk);
	make_room(f);
	if (j->lane != NULL)
		take_up(f, chunk);
}

void
format_join_end(struct format *f, const struct chunk *chunk)
{
	struct lane *l = f->join->lane;

	if (l != NULL)
		settle(f, l);
	else
		format_emit(f, chunk->stream, chunk->next, chunk->check);
	f->join->lane = NULL;
	f->join->chunk = NULL;
}

/* ---- the formats' side ------------------------------------------------------------ */

bool
format_join_concerns(const struct format *f, const struct chunk *chunk)
{
	return f->joins && format_lane_find(f->join, chunk) != NULL;
}

bool
format_join_waits(const struct format *f)
{
	return f->join->lane != NULL && f->join->lane->first != NULL;
}

void
format_join_line(struct format *f)
{
	struct lane *l = f->join->lane;

	if (l == NULL)
		return;
	l->line++;
	while (l->nopen > 0 && (l->nentries > LANE_ENTRIES || l->bytes > LANE_BYTES))
		format_join_close(f, l->open[0]);
}

void
format_join_put(struct format *f, const struct format_line *in)
{
	struct format_entry *e = format_lane_entry(f->join, in);

	format_out_record(&e->text, f, in);
	format_lane_enqueue(f->join, e);
}

struct format_entry *
format_join_find(struct format *f, const struct format_line *in, struct sv key)
{
	struct lane *l = f->join->lane;

	for (size_t i = l == NULL ? 0 : l->nopen; i > 0; i--) {
		struct format_entry *e = l->open[i - 1];

		if (sv_eq(e->key, key) && sv_eq(e->peer, in->peer) &&
		    sv_eq(e->peer_name, in->peer_name) && sv_eq(e->transport, in->transport))
			return e;
	}
	return NULL;
}

struct format_entry *
format_join_open(struct format *f, const struct format_line *in, struct sv key)
{
	struct format_join *j = f->join;
	struct format_entry *e;

	if (j->lane == NULL)
		format_lane_new(j);
	if (j->lane->nopen == LANE_OPEN)
		format_join_close(f, j->lane->open[0]);
	e = format_lane_entry(j, in);
	buf_reserve(&e->own, key.n + in->transport.n + in->peer.n + in->peer_name.n + in->stem.n);
	e->key = format_lane_keep(e, key);
	e->transport = format_lane_keep(e, in->transport);
	e->peer = format_lane_keep(e, in->peer);
	e->peer_name = format_lane_keep(e, in->peer_name);
	e->stem = format_lane_keep(e, in->stem);
	e->nstem = in->nstem;
	e->kind = f->kind;
	e->open = true;
	j->lane->open[j->lane->nopen++] = e;
	format_lane_enqueue(j, e);
	return e;
}

void
format_join_add(
    struct format *f, struct format_entry *e, const struct format_line *in, char between)
{
	size_t before = format_lane_weight(e),
	       room = f->max_line > e->text.n ? f->max_line - e->text.n : 0;
	size_t n = in->text.n < room ? in->text.n : room;

	if (e->places[e->nplaces - 1].stream != in->stream) {
		assert(e->nplaces < LANE_STREAMS);
		e->places[e->nplaces++] =
		    (struct place){.stream = in->stream, .offset = in->offset};
	}
	if (between != 0 && e->text.n > 0 && n > 0)
		buf_putc(&e->text, between);
	buf_add(&e->text, in->text.p, n);
	e->cut |= in->cut || n < in->text.n;
	e->end = f->join->lane->line;
	e->due = clock_mono() + WAIT_MAX;
	e->others = 0;
	format_lane_count(f->join, f->join->lane, before, format_lane_weight(e));
}

void
format_join_age(struct format *f, const struct format_entry *but, unsigned most)
{
	struct lane *l = f->join->lane;
	size_t i = 0;

	while (l != NULL && i < l->nopen) {
		struct format_entry *e = l->open[i];

		if (e != but && ++e->others > most)
			format_join_close(f, e);
		else
			i++;
	}
}

void
format_join_close(struct format *f, struct format_entry *e)
{
	complete(f, f->join->lane, e);
	drain(f, f->join->lane);
}

struct buf *
format_join_text(struct format_entry *e)
{
	return &e->text;
}

/* ---- time ------------------------------------------------------------------------- */

int64_t
format_join_due(const struct format_join *j)
{
	int64_t due = -1;

	for (size_t i = 0; i < j->nlanes; i++)
		for (size_t k = 0; k < j->lanes[i]->nopen; k++) {
			int64_t t = j->lanes[i]->open[k]->due;

			if (due < 0 || t < due)
				due = t;
		}
	return due;
}

static void
flush_lane(struct format *f, struct lane *l, int64_t mono)
{
	size_t i = 0;

	while (i < l->nopen)
		if (l->open[i]->due <= mono)
			complete(f, l, l->open[i]);
		else
			i++;
	drain(f, l);
	settle(f, l);
}

void
format_join_flush(struct format *f, int64_t mono)
{
	struct format_join *j = f->join;

	for (size_t i = j->nlanes; i > 0; i--)
		flush_lane(f, j->lanes[i - 1], mono);
}

/* ---- life ------------------------------------------------------------------------- */

struct format_join *
format_join_new(void)
{
	return xcalloc(1, sizeof(struct format_join));
}

void
format_join_reset(struct format *f)
{
	struct format_join *j = f->join;

	while (j->nlanes > 0) {
		struct lane *l = j->lanes[0];

		while (l->first != NULL) {
			struct format_entry *e = l->first;

			l->first = e->next;
			format_lane_entry_free(e);
		}
		format_lane_free(j, l);
	}
	j->bytes = 0;
	j->lane = NULL;
}

void
format_join_free(struct format_join **jp)
{
	struct format_join *j = *jp;
	struct format f = {.join = j};

	*jp = NULL;
	if (j == NULL)
		return;
	format_join_reset(&f);
	while (j->spare != NULL) {
		struct format_entry *e = j->spare;

		j->spare = e->next;
		format_lane_entry_free(e);
	}
	free(j);
}
