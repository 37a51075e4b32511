/*
 * format_join: records that wait for more lines, and records that wait behind
 * them.
 *
 * What has been given on may be committed, and the position with it; so a record
 * may be given on only when all lines up to its last one are of records that are
 * complete too, or some would be read twice after a crash.  Hence a queue: a lane
 * holds records in the order in which they began, and lets go those before a point
 * that no record spans.  Lanes do not wait for each other: each is one file with
 * its rotations, or one spool.
 *
 * A lane exists while something waits in it.  Bounded: lanes, records and bytes
 * of a lane, bytes of all; where a bound is reached the oldest is complete as it
 * is.  Streams are the source's: it keeps those whose position has not reached
 * their end, and here lie only such.
 */
#include <assert.h>
#include <stdlib.h>

#include "format/format_internal.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define WAIT_MAX 2000 /* ms without another line */
#define LANES_MAX 1024
#define LANE_STREAMS 4
#define LANE_OPEN 64
#define LANE_ENTRIES 4096
#define SPARE_MAX 256
#define SPARE_BYTES 4096
#define LANE_BYTES ((size_t)4 << 20)
#define ALL_BYTES ((size_t)16 << 20)

/* Where a record begins in a stream, or how far a stream is. */
struct place {
	const struct stream *stream;
	uint64_t offset;
	uint64_t check; /* of a chunk that ends here; else 0 */
};

struct format_entry {
	struct format_entry *next; /* in the queue */
	struct place places[LANE_STREAMS]; /* where its lines begin in each of its streams */
	size_t nplaces;
	struct buf text; /* open: the lines; then: the line of its record */
	struct buf own;  /* what the views below point into */
	struct sv key, transport, peer, peer_name, stem;
	size_t nstem;
	uint64_t begin, end; /* its first and its last line, counted in the lane */
	int64_t time;        /* of the first line */
	int64_t due;  /* clock_mono() */
	unsigned others; /* lines of others that came meanwhile */
	bool open, dirty, cut;
};

struct lane {
	char *name;
	struct format_entry *first, **last;
	struct format_entry *checked; /* this one and those before it are complete ... */
	uint64_t end;                 /* ... and have no line beyond this one */
	uint64_t line;                /* the line in hand */
	struct format_entry *open[LANE_OPEN]; /* in the order of opening */
	size_t nopen, nentries, bytes;
	struct place read[LANE_STREAMS]; /* how far they have been read; the last one is current */
	uint64_t given[LANE_STREAMS];    /* up to where they have been given on */
	size_t nread;
};

struct format_join {
	struct lane *lanes[LANES_MAX];
	size_t nlanes;
	struct lane *lane; /* of the chunk in hand; NULL while nothing waits in it */
	const struct chunk *chunk;
	struct format_entry *spare; /* to use again, without allocating */
	size_t nspare;
	size_t bytes; /* of all lanes */
};

/* ---- entries ------------------------------------------------------------------ */

static struct format_entry *
new_entry(struct format_join *j, const struct format_line *in)
{
	struct format_entry *e = j->spare;
	struct format_entry fresh = {.time = in->time, .cut = in->cut, .nplaces = 1};

	if (e == NULL) {
		e = xcalloc(1, sizeof(*e));
	} else {
		j->spare = e->next;
		j->nspare--;
	}
	fresh.text = e->text;
	fresh.own = e->own;
	fresh.text.n = fresh.own.n = 0;
	*e = fresh;
	e->places[0] = (struct place){.stream = in->stream, .offset = in->offset};
	return e;
}

static void
free_entry(struct format_entry *e)
{
	buf_free(&e->text);
	buf_free(&e->own);
	free(e);
}

/* Large ones go, or a burst would be kept for ever. */
static void
spare_entry(struct format_join *j, struct format_entry *e)
{
	if (e->text.cap > SPARE_BYTES || j->nspare == SPARE_MAX) {
		free_entry(e);
		return;
	}
	e->next = j->spare;
	j->spare = e;
	j->nspare++;
}

static void
count_bytes(struct format_join *j, struct lane *l, size_t before, size_t after)
{
	l->bytes += after - before;
	j->bytes += after - before;
}

static size_t
weight(const struct format_entry *e)
{
	return sizeof(*e) + e->text.n + e->own.n;
}

static void
enqueue(struct format_join *j, struct format_entry *e)
{
	struct lane *l = j->lane;

	e->begin = e->end = l->line;
	*l->last = e;
	l->last = &e->next;
	l->nentries++;
	count_bytes(j, l, 0, weight(e));
}

static struct sv
keep(struct format_entry *e, struct sv s)
{
	buf_sv(&e->own, s);
	return (struct sv){e->own.p + e->own.n - s.n, s.n};
}

/* ---- lanes -------------------------------------------------------------------- */

static bool
is_suffix_char(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* Without what rotation puts behind a name: .1, .2.gz, -20260131, .20260131-235959 */
static size_t
name_length(const char *path)
{
	size_t n = strlen(path), end;

	if (n > 3 && (strcmp(path + n - 3, ".gz") == 0 || strcmp(path + n - 3, ".xz") == 0))
		n -= 3;
	else if (n > 4 && (strcmp(path + n - 4, ".zst") == 0 || strcmp(path + n - 4, ".bz2") == 0))
		n -= 4;
	end = n;
	while (n > 0 && is_suffix_char(path[n - 1]))
		n--;
	while (n < end && path[n] != '.' && path[n] != '-')
		n++;
	return n;
}

/* The segments of a spool follow each other. */
static char *
lane_name(const struct chunk *chunk)
{
	if (chunk->form == LINE_SPOOL)
		return xstrdup("");
	return xstrndup(chunk->stream->path, name_length(chunk->stream->path));
}

static struct place
end_of(const struct chunk *chunk)
{
	return (struct place){chunk->stream, chunk->next, chunk->check};
}

static size_t
find_place(const struct lane *l, const struct stream *stream)
{
	size_t i = 0;

	while (i < l->nread && l->read[i].stream != stream)
		i++;
	return i;
}

/* A stream begins where its predecessor ended: only then it goes on with what
 * waits there.  What is read from its middle is another file of a similar name. */
static struct lane *
find_lane(const struct format_join *j, const struct chunk *chunk)
{
	struct lane *found = NULL;
	char *name;

	for (size_t i = 0; i < j->nlanes; i++)
		if (find_place(j->lanes[i], chunk->stream) < j->lanes[i]->nread)
			return j->lanes[i];
	if (j->nlanes == 0 || chunk->offset > 0)
		return NULL;
	name = lane_name(chunk);
	for (size_t i = 0; i < j->nlanes && found == NULL; i++)
		if (strcmp(j->lanes[i]->name, name) == 0)
			found = j->lanes[i];
	free(name);
	return found;
}

static void
new_lane(struct format_join *j)
{
	struct lane *l = xcalloc(1, sizeof(*l));

	assert(j->nlanes < LANES_MAX);
	l->name = lane_name(j->chunk);
	l->last = &l->first;
	l->read[l->nread++] = end_of(j->chunk);
	l->given[0] = j->chunk->offset;
	j->lanes[j->nlanes++] = l;
	j->lane = l;
}

static void
free_lane(struct format_join *j, struct lane *l)
{
	size_t i = 0;

	while (j->lanes[i] != l)
		i++;
	j->lanes[i] = j->lanes[--j->nlanes];
	if (j->lane == l)
		j->lane = NULL;
	free(l->name);
	free(l);
}

/* Up to where a stream is examined: to where what waits begins. */
static struct place
examined(const struct lane *l, const struct place *read)
{
	struct place to = *read;

	for (const struct format_entry *e = l->first; e != NULL; e = e->next)
		for (size_t i = 0; i < e->nplaces; i++)
			if (e->places[i].stream == read->stream && e->places[i].offset < to.offset)
				to = e->places[i];
	return to;
}

/* ---- giving on ---------------------------------------------------------------- */

static void
give_entry(struct format *f, struct lane *l, struct format_entry *e)
{
	const struct stream *stream = f->out.text.n > 0 ? f->out.stream : NULL;

	if (stream != NULL && stream != e->places[0].stream) {
		size_t i = find_place(l, stream);

		struct place to = examined(l, &l->read[i]);

		l->given[i] = to.offset;
		format_emit(f, stream, to.offset, to.check);
	}
	if (e->text.n > 0)
		format_put(f, e->places[0].stream, e->places[0].offset, buf_view(&e->text), e->cut);
}

static void
give_first(struct format *f, struct lane *l)
{
	struct format_entry *e = l->first;

	give_entry(f, l, e);
	count_bytes(f->join, l, weight(e), 0);
	l->nentries--;
	l->first = e->next;
	if (l->first == NULL)
		l->last = &l->first;
	spare_entry(f->join, e);
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
	struct format_line line = {.stream = e->places[0].stream,
	    .offset = e->places[0].offset,
	    .transport = e->transport,
	    .peer = e->peer,
	    .peer_name = e->peer_name,
	    .stem = e->stem,
	    .nstem = e->nstem,
	    .time = e->time,
	    .dirty = true,
	    .entry = e};
	struct buf lines = e->text;
	size_t i = 0, before = weight(e);

	while (l->open[i] != e)
		i++;
	l->nopen--;
	memmove(l->open + i, l->open + i + 1, (l->nopen - i) * sizeof(l->open[0]));
	line.text = buf_view(&lines);
	e->text = (struct buf)BUF_INIT;
	e->open = false;
	j->lane = l;
	f->kind->joined(f, &line);
	j->lane = current;
	buf_free(&lines);
	count_bytes(j, l, before, weight(e));
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
		struct place read = l->read[i], to = examined(l, &read);

		if (to.offset != l->given[i] ||
		    (f->out.text.n > 0 && f->out.stream == read.stream))
			format_emit(f, read.stream, to.offset, to.check);
		if (to.offset == read.offset && i + 1 < l->nread)
			continue;
		l->read[kept] = read;
		l->given[kept++] = to.offset;
	}
	l->nread = kept;
	if (l->first == NULL) {
		assert(l->bytes == 0 && l->nentries == 0 && l->nopen == 0);
		free_lane(f->join, l);
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

	while (((j->nlanes == LANES_MAX && j->lane == NULL) || j->bytes > ALL_BYTES) && (l = oldest_lane(j)) != NULL) {
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
	size_t i = find_place(l, chunk->stream);

	if (i == l->nread ? l->nread == LANE_STREAMS : chunk->offset < l->read[i].offset) {
		complete_all(f, l);
		settle(f, l);
		return;
	}
	if (i == l->nread)
		l->given[l->nread++] = chunk->offset;
	l->read[i] = end_of(chunk);
}

void
format_join_begin(struct format *f, const struct chunk *chunk)
{
	struct format_join *j = f->join;

	j->chunk = chunk;
	j->lane = NULL;
	if (f->kind->joined == NULL)
		return;
	j->lane = find_lane(j, chunk);
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
	struct format_entry *e = new_entry(f->join, in);

	format_out_record(&e->text, f, in);
	enqueue(f->join, e);
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
		new_lane(j);
	if (j->lane->nopen == LANE_OPEN)
		format_join_close(f, j->lane->open[0]);
	e = new_entry(j, in);
	buf_reserve(&e->own,
	    key.n + in->transport.n + in->peer.n + in->peer_name.n + in->stem.n);
	e->key = keep(e, key);
	e->transport = keep(e, in->transport);
	e->peer = keep(e, in->peer);
	e->peer_name = keep(e, in->peer_name);
	e->stem = keep(e, in->stem);
	e->nstem = in->nstem;
	e->open = true;
	j->lane->open[j->lane->nopen++] = e;
	enqueue(j, e);
	return e;
}

void
format_join_add(
    struct format *f, struct format_entry *e, const struct format_line *in, char between)
{
	size_t before = weight(e), room = f->max_line > e->text.n ? f->max_line - e->text.n : 0;
	size_t n = in->text.n < room ? in->text.n : room;

	if (e->places[e->nplaces - 1].stream != in->stream) {
		assert(e->nplaces < LANE_STREAMS);
		e->places[e->nplaces++] = (struct place){.stream = in->stream, .offset = in->offset};
	}
	if (between != 0 && e->text.n > 0 && n > 0)
		buf_putc(&e->text, between);
	buf_add(&e->text, in->text.p, n);
	e->cut |= in->cut || n < in->text.n;
	e->end = f->join->lane->line;
	e->due = clock_mono() + WAIT_MAX;
	e->others = 0;
	count_bytes(f->join, f->join->lane, before, weight(e));
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
			free_entry(e);
		}
		free_lane(j, l);
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
		free_entry(e);
	}
	free(j);
}
