/*
 * state_set: sets that others write and rules look values up in.  They lie in partition 0,
 * where there is a connection anyway.
 */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "state/state_internal.h"
#include "util/xalloc.h"

void
state_set_key(const char *name, struct buf *out)
{
	buf_printf(out, "triaged:{t:0}:list:%s", name);
}

/* {cursor, {value, ...}} */
static bool
is_page(const struct redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_ARRAY)
		return false;
	for (size_t i = 0; i < reply->element[1]->elements; i++)
		if (reply->element[1]->element[i]->type != REDIS_REPLY_STRING)
			return false;
	return true;
}

static void
got_page(void *ctx, const struct redisReply *reply)
{
	const struct state_set_reader *reader = ctx;
	struct state_set_page page = {.error = state_error(reply)};
	const struct redisReply *list = NULL;
	struct sv *values = NULL;

	if (page.error == NULL && !is_page(reply))
		page.error = "Redis answers something else";
	if (page.error == NULL) {
		list = reply->element[1];
		values = xcalloc(list->elements + 1, sizeof(*values));
		page.next = (struct sv){reply->element[0]->str, reply->element[0]->len};
	}
	for (size_t i = 0; list != NULL && i < list->elements; i++)
		values[page.n++] = (struct sv){list->element[i]->str, list->element[i]->len};
	page.values = values;
	reader->page(reader->ctx, &page);
	free(values);
}

void
state_set_page(struct state *s, const char *name, struct sv cursor, int64_t count,
    const struct state_set_reader *reader)
{
	struct redis_args args = REDIS_ARGS_INIT;
	struct buf key = BUF_INIT;

	state_set_key(name, &key);
	redis_arg_str(&args, "SSCAN");
	redis_arg(&args, buf_view(&key));
	redis_arg(&args, cursor);
	redis_arg_str(&args, "COUNT");
	redis_arg_int(&args, count);
	redis_command(s->partitions[0].link->redis, &args, got_page, (void *)(uintptr_t)reader);
	buf_free(&key);
}
