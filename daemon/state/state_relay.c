/*
 * state_relay: incidents on their way to rules about incidents.
 *
 * With one partition an entry goes in the commit that counts it.  With several one has the
 * entry, and others count it: so it stays for a while when they have, should one of them
 * lose that again; and who counts it remembers which incident it was, should that be opened
 * again, as another number.
 */
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdlib.h>

#include "correlate/ahead.h"
#include "correlate/batch.h"
#include "state/state_internal.h"
#include "util/log.h"
#include "util/num.h"
#include "util/xalloc.h"

void
state_relay_hand(struct state *s, const redisReply *list)
{
	for (size_t i = 0; i < list->elements; i++)
		if (list->element[i]->type == REDIS_REPLY_STRING)
			s->cb->relayed(
			    s->ctx, (struct sv){list->element[i]->str, list->element[i]->len});
}

/* Numbers, the least first. */
static bool
is_among(const redisReply *list, int64_t id)
{
	size_t low = 0, high = list->elements;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const redisReply *one = list->element[middle];
		int64_t n;

		if (one->type != REDIS_REPLY_STRING ||
		    !num_int((struct sv){one->str, one->len}, 0, INT64_MAX, &n))
			return false;
		if (n == id)
			return true;
		if (n < id)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void
state_relay_add(struct state *s, const redisReply *list, const redisReply *passed)
{
	for (size_t i = 0; i < list->elements; i++) {
		json_t *entry;

		if (list->element[i]->type != REDIS_REPLY_STRING)
			continue;
		entry = json_loadb(list->element[i]->str, list->element[i]->len, 0, NULL);
		XGROW(s->left, s->nleft);
		s->left[s->nleft++] =
		    (struct relay_entry){.id = json_integer_value(json_object_get(entry, "id")),
		        .json = xstrdup(list->element[i]->str)};
		s->left[s->nleft - 1].passed = is_among(passed, s->left[s->nleft - 1].id);
		json_decref(entry);
	}
}

static void
add_counted(struct state *s, unsigned partition, const redisReply *text)
{
	struct sv whole = {text->str, text->len};
	const char *space =
	    text->type != REDIS_REPLY_STRING ? NULL : memchr(text->str, ' ', text->len);
	struct batch_incident one = {.partition = partition};

	if (space == NULL ||
	    !num_hex((struct sv){whole.p, (size_t)(space - whole.p)}, &one.identity) ||
	    !num_int(
	        sv_from(whole, (size_t)(space - whole.p) + 1), INT64_MIN, INT64_MAX, &one.time)) {
		log_error("state", "a counted incident that is none");
		return;
	}
	XGROW(s->counted, s->ncounted);
	s->counted[s->ncounted++] = one;
}

static int
by_id(const void *va, const void *vb)
{
	const struct relay_entry *a = va, *b = vb;

	return (a->id > b->id) - (a->id < b->id);
}

/* {{"IDENTITY TIME", ...} of the relay of each partition, ...} */
void
state_relay_add_counted(struct state *s, unsigned partition, const redisReply *lists)
{
	for (size_t i = 0; i < lists->elements; i++) {
		const redisReply *list = lists->element[i];

		for (size_t k = 0; list->type == REDIS_REPLY_ARRAY && k < list->elements; k++)
			add_counted(s, partition, list->element[k]);
	}
}

void
state_relay_hand_left(struct state *s)
{
	for (size_t i = 0; i < s->ncounted; i++)
		ahead_add_incident(
		    s->ahead, s->counted[i].partition, s->counted[i].identity, s->counted[i].time);
	if (s->nleft > 0)
		qsort(s->left, s->nleft, sizeof(*s->left), by_id);
	for (size_t i = 0; i < s->nleft; i++)
		if (s->set_back || !s->left[i].passed)
			s->cb->relayed(s->ctx, sv_str(s->left[i].json));
	s->set_back = false;
}

void
state_relay_counted(struct state *s, const struct batch *b)
{
	s->nrelayed = 0; /* these are out */
	for (size_t i = 0; s->npartitions > 1 && i < b->nrelayed; i++) {
		XGROW(s->relayed, s->nrelayed);
		s->relayed[s->nrelayed++] = b->relayed[i];
	}
}

void
state_relay_forget(struct state *s)
{
	for (size_t i = 0; i < s->nleft; i++)
		free(s->left[i].json);
	free(s->left);
	free(s->counted);
	s->left = NULL;
	s->counted = NULL;
	s->nleft = s->ncounted = 0;
}
