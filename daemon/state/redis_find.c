/*
 * redis_find: see redis_find.h.  Owns the connection to whom it asks, and what it was
 * told, as a redis_map.
 *
 * A map may be outdated: then what is sent by it is refused, all of a transaction or
 * nothing (MULTI), and the map is asked for anew.  A redirection is never followed: the
 * way back from it is that from any other failure.
 */
#include "state/redis_find.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev/ev.h"
#include "state/redis_map.h"
#include "util/xalloc.h"

#define PATIENCE 1000 /* ms that one may take to answer */
#define SENTINEL_PORT 26379

struct redis_find {
	struct ev *ev;
	const struct redis_target *target;
	const char *user, *password;
	const struct redis_find_cb *cb;
	void *ctx;
	struct redis *redis; /* being asked */
	struct redis_address asked;
	size_t at;    /* whom: of the seeds, then of the masters */
	size_t tries; /* left */
	struct redis_map *map;
};

/* ---- redis.url ------------------------------------------------------------------ */

static bool
parse_seed(struct sv text, struct redis_target *out)
{
	char url[300];
	struct redis_address *seed = &out->seeds[out->nseeds];

	if (out->nseeds == REDIS_SEEDS || memchr(text.p, '/', text.n) != NULL)
		return false;
	snprintf(url, sizeof(url), "redis://%.*s", (int)(text.n < 280 ? text.n : 280), text.p);
	if (text.n >= 280 || !redis_parse_url(url, seed))
		return false;
	/* The port that redis:// stands for is not that of a sentinel. */
	if (out->kind == REDIS_SENTINEL &&
	    (text.p[text.n - 1] == ']' || memchr(text.p, ':', text.n) == NULL))
		seed->port = SENTINEL_PORT;
	out->nseeds++;
	return true;
}

static bool
parse_seeds(struct sv list, struct redis_target *out)
{
	while (true) {
		const char *comma = memchr(list.p, ',', list.n);
		size_t n = comma == NULL ? list.n : (size_t)(comma - list.p);

		if (n == 0 || !parse_seed((struct sv){list.p, n}, out))
			return false;
		if (comma == NULL)
			return true;
		list = sv_from(list, n + 1);
	}
}

bool
redis_find_parse(const char *url, struct redis_target *out)
{
	const char *slash;

	*out = (struct redis_target){0};
	if (strncmp(url, "redis+cluster://", 16) == 0) {
		out->kind = REDIS_CLUSTER;
		return parse_seeds(sv_str(url + 16), out);
	}
	if (strncmp(url, "redis+sentinel://", 17) == 0) {
		out->kind = REDIS_SENTINEL;
		url += 17;
		slash = strchr(url, '/');
		if (slash == NULL || slash[1] == '\0' || strlen(slash + 1) >= sizeof(out->master))
			return false;
		snprintf(out->master, sizeof(out->master), "%s", slash + 1);
		return parse_seeds((struct sv){url, (size_t)(slash - url)}, out);
	}
	out->nseeds = 1;
	return redis_parse_url(url, &out->seeds[0]);
}

/* ---- asking ------------------------------------------------------------------------- */

static void ask(struct redis_find *f);

static void
next(struct redis_find *f, const char *reason)
{
	char why[512];
	const struct redis_address *a = &f->asked;

	snprintf(why, sizeof(why), "%s of %s:%u: %s",
	    f->target->kind == REDIS_SENTINEL ? "sentinel" : "cluster node", a->host, a->port, reason);
	redis_free(&f->redis);
	if (f->tries > 0)
		ask(f);
	else
		f->cb->failed(f->ctx, why);
}

static void
closed(void *ctx, const char *reason)
{
	next(ctx, reason);
}

static void
authenticated(void *ctx, const struct redisReply *reply)
{
	if (reply->type == REDIS_REPLY_ERROR)
		next(ctx, reply->str);
}

static void
answered(void *ctx, const struct redisReply *reply)
{
	struct redis_find *f = ctx;
	bool ok = f->target->kind == REDIS_SENTINEL
	    ? redis_map_take_master(f->map, reply, &f->asked)
	    : redis_map_take_slots(f->map, reply, &f->asked);

	if (!ok && reply->type == REDIS_REPLY_ERROR) {
		next(f, reply->str);
	} else if (!ok) {
		next(f, reply->type == REDIS_REPLY_NIL ? "it does not know that master"
		                                       : "a strange answer");
	} else {
		redis_free(&f->redis);
		f->cb->found(f->ctx);
	}
}

static void
send_auth(struct redis_find *f)
{
	struct redis_args args = REDIS_ARGS_INIT;

	if (f->password == NULL || f->target->kind == REDIS_SENTINEL)
		return;
	redis_arg_str(&args, "AUTH");
	if (f->user != NULL)
		redis_arg_str(&args, f->user);
	redis_arg_str(&args, f->password);
	redis_command(f->redis, &args, authenticated, f);
}

static void
send_question(struct redis_find *f)
{
	struct redis_args args = REDIS_ARGS_INIT;

	if (f->target->kind == REDIS_SENTINEL) {
		redis_arg_str(&args, "SENTINEL");
		redis_arg_str(&args, "GET-MASTER-ADDR-BY-NAME");
		redis_arg_str(&args, f->target->master);
	} else {
		redis_arg_str(&args, "CLUSTER");
		redis_arg_str(&args, "SLOTS");
	}
	redis_command(f->redis, &args, answered, f);
}

/* Seeds may be gone by now: masters that were found are asked as well. */
static size_t
count_candidates(const struct redis_find *f)
{
	return f->target->nseeds + (f->target->kind == REDIS_CLUSTER ? redis_map_size(f->map) : 0);
}

static void
ask(struct redis_find *f)
{
	size_t i = f->at++ % count_candidates(f);

	f->tries--;
	f->asked = i < f->target->nseeds ? f->target->seeds[i]
	                                 : *redis_map_at(f->map, i - f->target->nseeds);
	f->redis = redis_open(f->ev, &f->asked, PATIENCE, closed, f);
	send_auth(f);
	send_question(f);
}

void
redis_find_start(struct redis_find *f)
{
	redis_free(&f->redis);
	f->tries = count_candidates(f);
	ask(f);
}

void
redis_find_stop(struct redis_find *f)
{
	redis_free(&f->redis);
}

struct redis_find *
redis_find_new(struct ev *ev, const struct redis_target *target, const char *user,
    const char *password, const struct redis_find_cb *cb, void *ctx)
{
	struct redis_find *f = xcalloc(1, sizeof(*f));

	*f = (struct redis_find){.ev = ev,
	    .target = target,
	    .user = user,
	    .password = password,
	    .cb = cb,
	    .ctx = ctx,
	    .map = redis_map_new()};
	return f;
}

void
redis_find_free(struct redis_find **fp)
{
	struct redis_find *f = *fp;

	if (f == NULL)
		return;
	redis_free(&f->redis);
	redis_map_free(&f->map);
	free(f);
	*fp = NULL;
}

const struct redis_address *
redis_find_server(const struct redis_find *f, const char *prefix)
{
	return f->target->kind == REDIS_ONE ? &f->target->seeds[0]
	                                    : redis_map_server(f->map, sv_str(prefix));
}
