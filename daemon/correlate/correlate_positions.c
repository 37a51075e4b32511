/*
 * correlate_positions: what a batch brings besides events: how far streams are examined,
 * where they begin, and what was passed over.
 */
#include <stdlib.h>

#include "correlate/correlate_internal.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/xalloc.h"

/* Number of the position of ${stream} that has gathered, from 1; 0: none. */
static size_t
find_position(const struct batch *b, const char *stream)
{
	size_t i = b->npositions;

	while (i > 0 && strcmp(b->positions[i - 1].stream, stream) != 0)
		i--;
	return i;
}

void
correlate_position(struct correlator *c, const struct position *pos)
{
	struct batch *b = c->batch;
	size_t i = find_position(b, pos->stream);

	if (i == 0) {
		XGROW(b->positions, b->npositions);
		i = ++b->npositions;
		b->positions[i - 1] = (struct batch_position){.stream = xstrdup(pos->stream)};
	}
	if (b->positions[i - 1].path == NULL || strcmp(b->positions[i - 1].path, pos->path) != 0) {
		free(b->positions[i - 1].path);
		b->positions[i - 1].path = xstrdup(pos->path);
	}
	b->positions[i - 1].offset = pos->offset;
	b->positions[i - 1].check = pos->check;
	b->positions[i - 1].done = pos->done;
}

void
correlate_begun(struct correlator *c, const struct position *pos)
{
	bool first = find_position(c->batch, pos->stream) == 0;
	struct batch_position *p;

	correlate_position(c, pos);
	if (!first || pos->done)
		return;
	p = &c->batch->positions[c->batch->npositions - 1];
	p->begin_path = xstrdup(pos->path);
	p->begin = pos->offset;
	p->begin_check = pos->check;
}

static void
add_member(struct buf *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(out, ",\"%s\":", name);
	json_quote(out, sv_str(value));
}

static char *
gap_json(const struct trouble *t, int64_t now)
{
	struct buf out = BUF_INIT;

	buf_puts(&out, "{\"time\":\"");
	clock_format(&out, now);
	buf_printf(&out, "\",\"reason\":\"%s\"", trouble_name(t->kind));
	add_member(&out, "source", t->source);
	add_member(&out, "stream", t->stream);
	add_member(&out, "path", t->path);
	if (t->to > t->from)
		buf_printf(&out, ",\"from\":%llu,\"to\":%llu", (unsigned long long)t->from,
		    (unsigned long long)t->to);
	if (t->lost > 0)
		buf_printf(&out, ",\"messages\":%llu", (unsigned long long)t->lost);
	add_member(&out, "text", t->text);
	buf_putc(&out, '}');
	return buf_steal(&out);
}

void
correlate_gap(struct correlator *c, const struct trouble *t, int64_t now)
{
	struct batch *b = c->batch;
	struct buf total = BUF_INIT;
	struct batch_gap gap = {.messages = t->lost, .json = gap_json(t, now)};

	if (t->to > t->from && t->stream != NULL && ahead_has(c->ahead, t->stream, 0, t->from)) {
		free(gap.json);
		return;
	}
	if (t->to > t->from)
		gap.bytes = t->to - t->from;
	buf_printf(&total, "%s %s", t->source, trouble_name(t->kind));
	gap.total = buf_steal(&total);
	b->bytes += sizeof(gap) + strlen(gap.json);
	XGROW(b->gaps, b->ngaps);
	b->gaps[b->ngaps++] = gap;
}
