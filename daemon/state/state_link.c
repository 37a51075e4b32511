/*
 * state_link: which servers have the partitions, and the connections to them, one each.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "state/redis_server.h"
#include "state/state_internal.h"
#include "state/triaged_lua.h"
#include "util/xalloc.h"

#define DEADLINE 10000 /* ms a command may wait for its reply */

static void
closed(void *ctx, const char *reason)
{
	struct link *l = ctx;

	state_lose(l->state, reason);
}

/* Steps before attaching: all that matters is that they worked. */
static void
prepared(void *ctx, const struct redisReply *reply)
{
	struct link *l = ctx;

	if (state_error(reply) != NULL)
		state_lose(l->state, state_error(reply));
}

/* A sentinel may name a master that is none any more. */
static void
told_role(void *ctx, const struct redisReply *reply)
{
	struct link *l = ctx;

	if (state_error(reply) != NULL)
		state_lose(l->state, state_error(reply));
	else if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    strcmp(reply->element[0]->str, "master") != 0)
		state_lose(l->state, "the server that sentinels name is not a master");
}

static void
send_auth(struct link *l)
{
	const struct state_conf *conf = l->state->conf;
	struct redis_args args = REDIS_ARGS_INIT;

	if (conf->password == NULL)
		return;
	redis_arg_str(&args, "AUTH");
	if (conf->user != NULL)
		redis_arg_str(&args, conf->user);
	redis_arg_str(&args, conf->password);
	redis_command(l->redis, &args, prepared, l);
}

static void
send_role(struct link *l)
{
	const struct redis_target *target = l->state->conf->target;
	struct redis_args args = REDIS_ARGS_INIT;

	if (target == NULL || target->kind != REDIS_SENTINEL)
		return;
	redis_arg_str(&args, "ROLE");
	redis_command(l->redis, &args, told_role, l);
}

static void
send_select(struct link *l)
{
	struct redis_args args = REDIS_ARGS_INIT;

	if (l->to.db == 0)
		return;
	redis_arg_str(&args, "SELECT");
	redis_arg_int(&args, l->to.db);
	redis_command(l->redis, &args, prepared, l);
}

static void
send_functions(struct link *l)
{
	struct redis_args args = REDIS_ARGS_INIT;

	redis_arg_str(&args, "FUNCTION");
	redis_arg_str(&args, "LOAD");
	redis_arg_str(&args, "REPLACE");
	redis_arg(&args, (struct sv){(const char *)triaged_lua, triaged_lua_len});
	redis_command(l->redis, &args, prepared, l);
}

static void
open_link(struct state *s, struct link *l, const struct redis_address *to)
{
	*l = (struct link){.state = s, .to = *to};
	l->redis = redis_open(s->ev, &l->to, DEADLINE, closed, l);
	send_auth(l);
	send_role(l);
	send_select(l);
	send_functions(l);
}

static bool
same_server(const struct redis_address *a, const struct redis_address *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0 && strcmp(a->path, b->path) == 0;
}

/* The connection to ${to}, made unless there is one. */
static struct link *
link_to(struct state *s, const struct redis_address *to)
{
	size_t i = 0;

	while (i < s->nlinks && !same_server(&s->links[i].to, to))
		i++;
	if (i == s->nlinks)
		open_link(s, &s->links[s->nlinks++], to);
	return &s->links[i];
}

static const struct redis_address *
server_of(const struct state *s, const struct partition *p)
{
	return s->server != NULL ? redis_server_address(s->server)
	                         : redis_find_server(s->find, p->prefix);
}

/* It is known where everything is. */
static void
connect_all(struct state *s)
{
	for (unsigned i = 0; i < s->npartitions; i++)
		if (server_of(s, &s->partitions[i]) == NULL) {
			state_lose(s, "a slot of the cluster has no master");
			return;
		}
	/* As many as there may be: partitions point into it. */
	s->links = xcalloc(s->npartitions, sizeof(*s->links));
	for (unsigned i = 0; i < s->npartitions; i++)
		s->partitions[i].link = link_to(s, server_of(s, &s->partitions[i]));
	state_attach(s);
}

static void
found(void *ctx)
{
	connect_all(ctx);
}

static void
failed(void *ctx, const char *reason)
{
	state_lose(ctx, reason);
}

void
state_link(struct state *s)
{
	static const struct redis_find_cb find_cb = {.found = found, .failed = failed};
	const struct state_conf *conf = s->conf;

	if (s->server == NULL && s->find == NULL)
		s->find =
		    redis_find_new(s->ev, conf->target, conf->user, conf->password, &find_cb, s);
	if (s->server != NULL && !redis_server_ensure(s->server))
		state_lose(s, "the private redis-server cannot be started");
	else if (s->server != NULL || conf->target->kind == REDIS_ONE)
		connect_all(s);
	else
		redis_find_start(s->find);
}

void
state_link_forget(struct state *s)
{
	if (s->find != NULL)
		redis_find_stop(s->find);
	for (size_t i = 0; i < s->nlinks; i++)
		redis_free(&s->links[i].redis);
	free(s->links);
	s->links = NULL;
	s->nlinks = 0;
	for (unsigned i = 0; i < s->npartitions; i++)
		s->partitions[i].link = NULL;
}
