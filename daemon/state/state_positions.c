/*
 * state_positions: what partitions have stored, read and brought together: to go on where
 * the one is that is furthest back, and to remember what others have beyond.
 */
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdlib.h>

#include "correlate/ahead.h"
#include "state/state_internal.h"
#include "util/log.h"
#include "util/num.h"
#include "util/xalloc.h"

#define ENDED_KEPT 1000 /* ends that Redis keeps (KEEP_ENDED in triaged.lua) */

/* ---- as they are stored ---------------------------------------------------------- */

/* Take the text before the next blank off ${rest}. */
static bool
take_word(struct sv *rest, struct sv *word)
{
	const char *space = memchr(rest->p, ' ', rest->n);

	if (space == NULL)
		return false;
	*word = (struct sv){rest->p, (size_t)(space - rest->p)};
	*rest = sv_from(*rest, word->n + 1);
	return true;
}

/* "OFFSET CHECK PATH". */
static bool
parse_position(const redisReply *stream, const redisReply *value, struct stored *out)
{
	struct sv rest, word;
	int64_t offset;

	if (stream->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
		return false;
	rest = (struct sv){value->str, value->len};
	if (!take_word(&rest, &word) || !num_int(word, 0, INT64_MAX, &offset) ||
	    !take_word(&rest, &word) || !num_hex(word, &out->check))
		return false;
	out->stream = xstrdup(stream->str);
	out->path = xstrdup(rest.p);
	out->offset = (uint64_t)offset;
	return true;
}

/* A stream that was read to its end, as JSON. */
static bool
parse_ended(const redisReply *text, struct stored *out)
{
	const char *stream, *path, *check;
	json_t *json;
	bool ok;

	if (text->type != REDIS_REPLY_STRING)
		return false;
	json = json_loadb(text->str, text->len, 0, NULL);
	stream = json_string_value(json_object_get(json, "stream"));
	path = json_string_value(json_object_get(json, "path"));
	check = json_string_value(json_object_get(json, "check"));
	ok = stream != NULL && path != NULL && check != NULL &&
	    num_hex(sv_str(check), &out->check);
	if (ok) {
		out->stream = xstrdup(stream);
		out->path = xstrdup(path);
		out->offset = (uint64_t)json_integer_value(json_object_get(json, "examined"));
		out->begin = (uint64_t)json_integer_value(json_object_get(json, "begin"));
		out->done = true;
	}
	json_decref(json);
	return ok;
}

static void
keep(struct state *s, unsigned partition, struct stored one)
{
	one.partition = partition;
	one.order = s->nstored;
	XGROW(s->stored, s->nstored);
	s->stored[s->nstored++] = one;
}

/* {stream, value}...: positions, or where streams begin. */
static void
add_flat(struct state *s, unsigned partition, const redisReply *flat, bool is_begin)
{
	for (size_t i = 0; i + 1 < flat->elements; i += 2) {
		struct stored one = {.is_begin = is_begin};

		if (parse_position(flat->element[i], flat->element[i + 1], &one))
			keep(s, partition, one);
		else
			log_error("state", "a stored position that is none; its file is read again");
	}
}

void
state_positions_add(struct state *s, unsigned partition, const redisReply *flat,
    const redisReply *ended, const redisReply *begun)
{
	s->partitions[partition].nended = ended->elements;
	for (size_t i = 0; i < ended->elements; i++) {
		struct stored one = {0};

		if (parse_ended(ended->element[i], &one))
			keep(s, partition, one);
	}
	add_flat(s, partition, flat, false);
	if (s->npartitions > 1)
		add_flat(s, partition, begun, true);
}

void
state_positions_forget(struct state *s)
{
	for (size_t i = 0; i < s->nstored; i++) {
		free(s->stored[i].stream);
		free(s->stored[i].path);
	}
	free(s->stored);
	s->stored = NULL;
	s->nstored = 0;
}

/* ---- brought together -------------------------------------------------------------- */

/* By stream and partition, last what counts: a position before an end, a later end before
 * an earlier one, anything before where the stream begins. */
static int
compare(const void *va, const void *vb)
{
	const struct stored *a = va, *b = vb;
	int order = strcmp(a->stream, b->stream);

	if (order == 0)
		order = (a->partition > b->partition) - (a->partition < b->partition);
	if (order == 0)
		order = (int)b->is_begin - (int)a->is_begin;
	if (order == 0)
		order = (int)b->done - (int)a->done;
	return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

/* What ${partition} has of the stream that the records ${from} to ${to} are of; NULL: nothing. */
static const struct stored *
find(const struct stored *from, const struct stored *to, unsigned partition)
{
	for (const struct stored *a = to; a > from; a--)
		if (a[-1].partition == partition)
			return a[-1].is_begin ? NULL : &a[-1];
	return NULL;
}

/* Where the stream begins, for a partition that has nothing of it. */
static struct stored
begin_of(const struct stored *from, const struct stored *to)
{
	struct stored begin = {.stream = to[-1].stream, .path = to[-1].path};

	for (const struct stored *a = from; a < to; a++) {
		if (a->is_begin)
			return *a;
		if (a->done)
			begin.offset = a->begin;
	}
	return begin;
}

/* Does ${partition} miss the stream since it has been set back, or was cut off before it
 * heard of it?  The other reasons: it is no stream, or an end that was too long ago. */
static bool
is_missed(const struct state *s, const struct stored *from, unsigned partition, bool live)
{
	return strncmp(from->stream, "source:", 7) != 0 &&
	    (live || s->partitions[partition].nended < ENDED_KEPT);
}

/* Where the stream is to go on, in ${out}; false when all have it at its end. */
static bool
least(const struct state *s, const struct stored *from, const struct stored *to, struct stored *out)
{
	bool live = false, missed = false, any = false;

	for (unsigned i = 0; i < s->npartitions; i++) {
		const struct stored *a = find(from, to, i);

		live = live || (a != NULL && !a->done);
		if (a != NULL && (!any || a->offset < out->offset))
			*out = *a;
		any = any || a != NULL;
	}
	for (unsigned i = 0; any && i < s->npartitions; i++)
		missed = missed || (find(from, to, i) == NULL && is_missed(s, from, i, live));
	if (missed)
		*out = begin_of(from, to);
	return live || missed;
}

static void
note_ahead(const struct state *s, const struct stored *from, const struct stored *to, uint64_t offset)
{
	for (unsigned i = 0; i < s->npartitions; i++) {
		const struct stored *a = find(from, to, i);

		if (a != NULL && (a->offset > offset || a->done))
			ahead_add(s->ahead, a->stream, i, a->offset, a->done);
	}
}

struct merged {
	struct position position;
	size_t order;
};

static int
by_order(const void *va, const void *vb)
{
	const struct merged *a = va, *b = vb;

	if (a->position.done != b->position.done)
		return a->position.done ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

static struct merged
merge_one(const struct stored *a, bool done)
{
	return (struct merged){.position = {.stream = a->stream,
	                           .path = a->path,
	                           .offset = a->offset,
	                           .check = a->check,
	                           .done = done},
	    .order = a->order};
}

/* What the source is to know of one stream: the ends as partition 0 has them, unless
 * another partition is not there yet. */
static size_t
merge(struct state *s, const struct stored *from, const struct stored *to, struct merged *out)
{
	const struct stored *first = find(from, to, 0);
	struct stored where = {0};
	bool goes_on = least(s, from, to, &where);
	/* Of what goes on only ends that it was begun anew after. */
	bool ends = !goes_on || (first != NULL && !first->done);
	size_t n = 0;

	for (const struct stored *a = from; a < to; a++)
		if (ends && a->partition == 0 && a->done)
			out[n++] = merge_one(a, true);
	if (!goes_on)
		return n;
	out[n++] = merge_one(&where, false);
	note_ahead(s, from, to, where.offset);
	return n;
}

void
state_positions_hand(struct state *s)
{
	struct merged *merged = xcalloc(s->nstored + 1, sizeof(*merged));
	struct position *list = xcalloc(s->nstored + 1, sizeof(*list));
	size_t n = 0;

	ahead_clear(s->ahead);
	if (s->nstored > 0)
		qsort(s->stored, s->nstored, sizeof(*s->stored), compare);
	for (size_t i = 0, next; i < s->nstored; i = next) {
		next = i + 1;
		while (next < s->nstored && strcmp(s->stored[i].stream, s->stored[next].stream) == 0)
			next++;
		n += merge(s, &s->stored[i], &s->stored[next], &merged[n]);
	}
	qsort(merged, n, sizeof(*merged), by_order);
	for (size_t i = 0; i < n; i++)
		list[i] = merged[i].position;
	s->cb->ready(s->ctx, list, n);
	free(merged);
	free(list);
}
