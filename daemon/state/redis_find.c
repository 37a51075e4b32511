/*
 * redis_find: see redis_find.h.  Owns the connection to whom it asks, and what it was
 * told.
 *
 * A map may be outdated: then what is sent by it is refused, all of a transaction or
 * nothing (MULTI), and the map is asked for anew.  A redirection is never followed: the
 * way back from it is that from any other failure.
 */
#include "state/redis_find.h"

#include <hiredis/hiredis.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev/ev.h"
#include "util/xalloc.h"

#define PATIENCE 1000 /* ms that one may take to answer */
#define SLOTS 16384
#define SENTINEL_PORT 26379

struct range {
	unsigned first, last;
	struct redis_address master;
};

struct redis_find {
	struct ev *ev;
	const struct redis_target *target;
	const char *user, *password;
	const struct redis_find_cb *cb;
	void *ctx;
	struct redis *redis; /* being asked */
	struct redis_address asked;
	size_t at;    /* whom: of the seeds, then of the ranges' masters */
	size_t tries; /* left */
	struct range *ranges;
	size_t nranges;
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
	if (out->kind == REDIS_SENTINEL && text.p[text.n - 1] != ']' &&
	    memrchr(text.p, ':', text.n) == NULL)
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

/* ---- slots ------------------------------------------------------------------------ */

/* CRC-16/XMODEM, as the cluster specification has it. */
static unsigned
checksum(struct sv s)
{
	unsigned crc = 0;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned)(unsigned char)s.p[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1;
		crc &= 0xffff;
	}
	return crc;
}

unsigned
redis_find_slot(struct sv key)
{
	const char *open = memchr(key.p, '{', key.n), *close;

	if (open != NULL) {
		struct sv rest = sv_from(key, (size_t)(open - key.p) + 1);

		close = memchr(rest.p, '}', rest.n);
		if (close != NULL && close != rest.p)
			key = (struct sv){rest.p, (size_t)(close - rest.p)};
	}
	return checksum(key) % SLOTS;
}

const struct redis_address *
redis_find_server(const struct redis_find *f, const char *prefix)
{
	unsigned slot = redis_find_slot(sv_str(prefix));

	if (f->target->kind == REDIS_ONE)
		return &f->target->seeds[0];
	for (size_t i = 0; i < f->nranges; i++)
		if (slot >= f->ranges[i].first && slot <= f->ranges[i].last)
			return &f->ranges[i].master;
	return NULL;
}

/* ---- answers ---------------------------------------------------------------------- */

static bool
take_host(const redisReply *reply, const struct redis_address *asked, struct redis_address *out)
{
	*out = (struct redis_address){0};
	if (reply->type == REDIS_REPLY_STRING && reply->len > 0 && reply->str[0] != '?') {
		if (reply->len >= sizeof(out->host) || strlen(reply->str) != reply->len)
			return false;
		memcpy(out->host, reply->str, reply->len + 1);
		return true;
	}
	/* A node that does not know its own address: the one that we have. */
	*out = *asked;
	return true;
}

/* {first slot, last slot, {host, port, ...} of the master, ...} */
static bool
take_range(const redisReply *r, const struct redis_address *asked, struct range *out)
{
	const redisReply *master;

	if (r->type != REDIS_REPLY_ARRAY || r->elements < 3 ||
	    r->element[0]->type != REDIS_REPLY_INTEGER ||
	    r->element[1]->type != REDIS_REPLY_INTEGER)
		return false;
	master = r->element[2];
	if (master->type != REDIS_REPLY_ARRAY || master->elements < 2 ||
	    master->element[1]->type != REDIS_REPLY_INTEGER || master->element[1]->integer < 1 ||
	    master->element[1]->integer > UINT16_MAX || r->element[0]->integer < 0 ||
	    r->element[0]->integer > r->element[1]->integer || r->element[1]->integer >= SLOTS ||
	    !take_host(master->element[0], asked, &out->master))
		return false;
	out->first = (unsigned)r->element[0]->integer;
	out->last = (unsigned)r->element[1]->integer;
	out->master.port = (uint16_t)master->element[1]->integer;
	return true;
}

static bool
take_slots(struct redis_find *f, const redisReply *reply)
{
	struct range *ranges;
	size_t n = 0;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements > SLOTS)
		return false;
	ranges = xcalloc(reply->elements + 1, sizeof(*ranges));
	while (n < reply->elements && take_range(reply->element[n], &f->asked, &ranges[n]))
		n++;
	if (n < reply->elements || n == 0) {
		free(ranges);
		return false;
	}
	free(f->ranges);
	f->ranges = ranges;
	f->nranges = n;
	return true;
}

/* {host, port}, both text. */
static bool
take_master(struct redis_find *f, const redisReply *reply)
{
	struct range range = {.last = SLOTS - 1};
	unsigned long port;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_STRING ||
	    !take_host(reply->element[0], &f->asked, &range.master))
		return false;
	port = strtoul(reply->element[1]->str, NULL, 10);
	if (port < 1 || port > UINT16_MAX)
		return false;
	range.master.port = (uint16_t)port;
	free(f->ranges);
	f->ranges = xcalloc(1, sizeof(range));
	f->ranges[0] = range;
	f->nranges = 1;
	return true;
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
	bool ok = f->target->kind == REDIS_SENTINEL ? take_master(f, reply) : take_slots(f, reply);

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
	return f->target->nseeds + (f->target->kind == REDIS_CLUSTER ? f->nranges : 0);
}

static void
ask(struct redis_find *f)
{
	size_t i = f->at++ % count_candidates(f);

	f->tries--;
	f->asked = i < f->target->nseeds ? f->target->seeds[i]
	                                 : f->ranges[i - f->target->nseeds].master;
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
	    .ctx = ctx};
	return f;
}

void
redis_find_free(struct redis_find **fp)
{
	struct redis_find *f = *fp;

	if (f == NULL)
		return;
	redis_free(&f->redis);
	free(f->ranges);
	free(f);
	*fp = NULL;
}
