/*
 * state_relay: incidents on their way to rules about incidents.  Each partition has those
 * that it opened, until they are counted, which may be in others: so each partition keeps
 * how far it has counted the relay of each other, as a position ("relay:N").
 */
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "correlate/batch.h"
#include "state/state_internal.h"
#include "util/xalloc.h"

void
state_relay_hand(struct state *s, const redisReply *list)
{
	for (size_t i = 0; i < list->elements; i++)
		if (list->element[i]->type == REDIS_REPLY_STRING)
			s->cb->relayed(
			    s->ctx, (struct sv){list->element[i]->str, list->element[i]->len});
}

void
state_relay_add(struct state *s, const redisReply *list)
{
	for (size_t i = 0; i < list->elements; i++) {
		json_t *entry;

		if (list->element[i]->type != REDIS_REPLY_STRING)
			continue;
		entry = json_loadb(list->element[i]->str, list->element[i]->len, 0, NULL);
		XGROW(s->left, s->nleft);
		s->left[s->nleft++] = (struct relay_entry){
		    .id = json_integer_value(json_object_get(entry, "id")),
		    .json = xstrdup(list->element[i]->str)};
		json_decref(entry);
	}
}

static int
by_id(const void *va, const void *vb)
{
	const struct relay_entry *a = va, *b = vb;

	return (a->id > b->id) - (a->id < b->id);
}

static void
take_out(struct state *s, int64_t id)
{
	XGROW(s->relayed, s->nrelayed);
	s->relayed[s->nrelayed++] = id;
}

/* Have all partitions counted it? */
static bool
is_counted(const struct state *s, int64_t id)
{
	char stream[32];

	snprintf(stream, sizeof(stream), "relay:%u", (unsigned)((uint64_t)id % s->npartitions));
	for (unsigned i = 0; i < s->npartitions; i++)
		if (state_positions_offset(s, stream, i) <= (uint64_t)id)
			return false;
	return true;
}

void
state_relay_hand_left(struct state *s)
{
	if (s->nleft > 0)
		qsort(s->left, s->nleft, sizeof(*s->left), by_id);
	for (size_t i = 0; i < s->nleft; i++) {
		if (s->npartitions > 1 && is_counted(s, s->left[i].id))
			take_out(s, s->left[i].id);
		else
			s->cb->relayed(s->ctx, sv_str(s->left[i].json));
	}
}

void
state_relay_counted(struct state *s, const struct batch *b)
{
	s->nrelayed = 0; /* these are out */
	for (size_t i = 0; s->npartitions > 1 && i < b->nrelayed; i++)
		take_out(s, b->relayed[i]);
}

void
state_relay_forget(struct state *s)
{
	for (size_t i = 0; i < s->nleft; i++)
		free(s->left[i].json);
	free(s->left);
	s->left = NULL;
	s->nleft = 0;
}
