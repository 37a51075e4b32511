/*
 * state_due: which groups time alone changes.
 */
#include <hiredis/hiredis.h>

#include "state/state_internal.h"
#include "util/num.h"

#define DUE_MOST 1000 /* groups of an answer; the others come with the next */

/* "RULE:IDENTITY", the name of a rule's groups. */
static bool
parse_name(struct sv name, uint64_t *identity)
{
	const char *colon = memrchr(name.p, ':', name.n);

	return colon != NULL && num_hex(sv_from(name, (size_t)(colon - name.p) + 1), identity);
}

static void
answered(void *ctx, const struct redisReply *reply)
{
	struct state *s = ctx;
	uint64_t identity;

	s->asks_due--;
	if (state_error(reply) != NULL) {
		state_lose(s, state_error(reply));
		return;
	}
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 2 < reply->elements; i += 3) {
		redisReply *const *r = &reply->element[i];

		if (r[0]->type == REDIS_REPLY_STRING && r[1]->type == REDIS_REPLY_STRING &&
		    r[2]->type == REDIS_REPLY_STRING &&
		    parse_name((struct sv){r[0]->str, r[0]->len}, &identity))
			s->due(s->due_ctx, identity, (struct sv){r[1]->str, r[1]->len},
			    (struct sv){r[2]->str, r[2]->len});
	}
}

void
state_due(struct state *s, int64_t now, state_due_cb *cb, void *ctx)
{
	if (!s->ready || s->asks_due > 0)
		return;
	s->due = cb;
	s->due_ctx = ctx;
	s->asks_due = s->npartitions;
	for (unsigned i = 0; i < s->npartitions; i++) {
		struct partition *p = &s->partitions[i];
		struct redis_args args = REDIS_ARGS_INIT;

		state_call(p, &args, "triaged_due");
		redis_arg_int(&args, now);
		redis_arg_int(&args, DUE_MOST);
		redis_command(p->link->redis, &args, answered, s);
	}
}
