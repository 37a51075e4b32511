/*
 * format_lane: see format_lane.h.  Owns entries and lanes; the text in an entry is
 * written by others, who tell how much it has grown.
 */
#include "format/format_lane.h"

#include <assert.h>
#include <stdlib.h>

#include "util/xalloc.h"

#define SPARE_MAX 256
#define SPARE_BYTES 4096

/* ---- entries ------------------------------------------------------------------ */

struct format_entry *
format_lane_entry(struct format_join *j, const struct format_line *in)
{
	struct format_entry *e = j->spare;
	struct format_entry fresh = {
	    .number = in->number, .time = in->time, .cut = in->cut, .nplaces = 1};

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

void
format_lane_entry_free(struct format_entry *e)
{
	buf_free(&e->text);
	buf_free(&e->own);
	free(e);
}

/* Large ones go, or a burst would be kept for ever. */
void
format_lane_spare(struct format_join *j, struct format_entry *e)
{
	if (e->text.cap > SPARE_BYTES || j->nspare == SPARE_MAX) {
		format_lane_entry_free(e);
		return;
	}
	e->next = j->spare;
	j->spare = e;
	j->nspare++;
}

void
format_lane_count(struct format_join *j, struct lane *l, size_t before, size_t after)
{
	l->bytes += after - before;
	j->bytes += after - before;
}

size_t
format_lane_weight(const struct format_entry *e)
{
	return sizeof(*e) + e->text.n + e->own.n;
}

void
format_lane_enqueue(struct format_join *j, struct format_entry *e)
{
	struct lane *l = j->lane;

	e->begin = e->end = l->line;
	*l->last = e;
	l->last = &e->next;
	l->nentries++;
	format_lane_count(j, l, 0, format_lane_weight(e));
}

struct format_entry *
format_lane_dequeue(struct format_join *j, struct lane *l)
{
	struct format_entry *e = l->first;

	format_lane_count(j, l, format_lane_weight(e), 0);
	l->nentries--;
	l->first = e->next;
	if (l->first == NULL)
		l->last = &l->first;
	return e;
}

struct sv
format_lane_keep(struct format_entry *e, struct sv s)
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

struct place
format_lane_end(const struct chunk *chunk)
{
	return (struct place){chunk->stream, chunk->next, chunk->check};
}

size_t
format_lane_stream(const struct lane *l, const struct stream *stream)
{
	size_t i = 0;

	while (i < l->nread && l->read[i].stream != stream)
		i++;
	return i;
}

/* A stream begins where its predecessor ended: only then it goes on with what
 * waits there.  What is read from its middle is another file of a similar name. */
struct lane *
format_lane_find(const struct format_join *j, const struct chunk *chunk)
{
	struct lane *found = NULL;
	char *name;

	for (size_t i = 0; i < j->nlanes; i++)
		if (format_lane_stream(j->lanes[i], chunk->stream) < j->lanes[i]->nread)
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

void
format_lane_new(struct format_join *j)
{
	struct lane *l = xcalloc(1, sizeof(*l));

	assert(j->nlanes < LANES_MAX);
	l->name = lane_name(j->chunk);
	l->last = &l->first;
	l->read[l->nread++] = format_lane_end(j->chunk);
	l->given[0] = j->chunk->offset;
	j->lanes[j->nlanes++] = l;
	j->lane = l;
}

void
format_lane_free(struct format_join *j, struct lane *l)
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
struct place
format_lane_examined(const struct lane *l, const struct place *read)
{
	struct place to = *read;

	for (const struct format_entry *e = l->first; e != NULL; e = e->next)
		for (size_t i = 0; i < e->nplaces; i++)
			if (e->places[i].stream == read->stream && e->places[i].offset < to.offset)
				to = e->places[i];
	return to;
}
