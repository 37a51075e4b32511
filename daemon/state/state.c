/*
 * state: connecting, attaching, losing and trying again.  Commits are in
 * state_commit.c, questions and moves in state_ask.c.
 */
#include "state/state.h"

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "correlate/batch.h"
#include "ev/ev.h"
#include "state/redis_server.h"
#include "state/state_internal.h"
#include "state/triaged_lua.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/log.h"
#include "util/num.h"
#include "util/xalloc.h"

#define DEADLINE 10000 /* ms a command may wait for its reply */
#define BACKOFF_FIRST 20
#define BACKOFF_MOST 2000
#define START_TIME 3000 /* ms that the private server may take to come up, unremarked */

void
state_call(const struct state *s, struct redis_args *args, const char *function)
{
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "triaged:{t:%u}:", s->partition);
	redis_arg_str(args, "FCALL");
	redis_arg_str(args, function);
	redis_arg_str(args, "1");
	redis_arg_str(args, prefix);
}

void
state_channels(const struct state *s, struct redis_args *args)
{
	redis_arg_int(args, (int64_t)s->conf->nchannels);
	for (size_t i = 0; i < s->conf->nchannels; i++) {
		redis_arg_str(args, s->conf->channels[i].id);
		redis_arg_int(args, s->conf->channels[i].least);
	}
}

const char *
state_error(const struct redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR ? reply->str : NULL;
}

void
state_lose(struct state *s, const char *reason)
{
	bool news = s->ready || strncmp(s->problem, reason, sizeof(s->problem) - 1) != 0;

	if (clock_mono() < s->quiet_until)
		news = false;
	snprintf(s->problem, sizeof(s->problem), "%s", reason);
	if (news)
		log_warn("state", "Redis is away: %s; nothing is lost, trying again", s->problem);
	redis_free(&s->redis);
	state_commit_forget(s);
	s->noutcomes = 0;
	s->asks_due = false;
	ev_timer_set(s->retry, s->backoff);
	s->backoff = s->backoff * 2 > BACKOFF_MOST ? BACKOFF_MOST : s->backoff * 2;
	if (s->ready) {
		s->ready = false;
		s->stats.losses++;
		s->cb->lost(s->ctx, s->problem);
	}
	state_fail_asks(s);
}

static void
closed(void *ctx, const char *reason)
{
	state_lose(ctx, reason);
}

/* Steps before attaching: all that matters is that they worked. */
static void
prepared(void *ctx, const struct redisReply *reply)
{
	struct state *s = ctx;

	if (state_error(reply) != NULL)
		state_lose(s, state_error(reply));
}

static char *
copy_member(const json_t *entry, const char *name)
{
	const char *text = json_string_value(json_object_get(entry, name));

	return text == NULL ? NULL : xstrdup(text);
}

void
state_hand_delivery(struct state *s, struct sv json)
{
	json_t *entry = json_loadb(json.p, json.n, 0, NULL);
	struct delivery d = {.id = copy_member(entry, "id"),
	    .channel = copy_member(entry, "channel"),
	    .incident = copy_member(entry, "incident"),
	    .message = copy_member(entry, "message"),
	    .seq = json_integer_value(json_object_get(entry, "seq")),
	    .attempts = json_integer_value(json_object_get(entry, "attempts")),
	    .created = (int64_t)json_number_value(json_object_get(entry, "created")),
	    .due = (int64_t)json_number_value(json_object_get(entry, "due"))};

	if (d.id == NULL || d.channel == NULL || d.incident == NULL || d.message == NULL)
		log_error("state", "an outbox entry that is none: %.*s", (int)(json.n < 200 ? json.n : 200),
		    json.p);
	else
		s->cb->delivery(s->ctx, &d);
	free(d.id);
	free(d.channel);
	free(d.incident);
	free(d.message);
	json_decref(entry);
}

void
state_hand_relayed(struct state *s, const struct redisReply *list)
{
	for (size_t i = 0; i < list->elements; i++)
		if (list->element[i]->type == REDIS_REPLY_STRING)
			s->cb->relayed(
			    s->ctx, (struct sv){list->element[i]->str, list->element[i]->len});
}

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

/* "OFFSET CHECK PATH" as stored. */
static bool
parse_position(const redisReply *stream, const redisReply *value, struct position *out)
{
	struct sv rest, word;
	int64_t offset;
	uint64_t check;

	if (stream->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
		return false;
	rest = (struct sv){value->str, value->len};
	if (!take_word(&rest, &word) || !num_int(word, 0, INT64_MAX, &offset) ||
	    !take_word(&rest, &word) || !num_hex(word, &check))
		return false;
	*out = (struct position){
	    .stream = stream->str, .path = rest.p, .offset = (uint64_t)offset, .check = check};
	return true;
}

/* A stream that was read to its end, as JSON; ${json} keeps what it points to. */
static bool
parse_ended(const redisReply *text, json_t **json, struct position *out)
{
	const char *stream, *path, *check;

	if (text->type != REDIS_REPLY_STRING)
		return false;
	*json = json_loadb(text->str, text->len, 0, NULL);
	stream = json_string_value(json_object_get(*json, "stream"));
	path = json_string_value(json_object_get(*json, "path"));
	check = json_string_value(json_object_get(*json, "check"));
	*out = (struct position){.stream = stream,
	    .path = path,
	    .offset = (uint64_t)json_integer_value(json_object_get(*json, "examined")),
	    .done = true};
	return stream != NULL && path != NULL && check != NULL &&
	    num_hex(sv_str(check), &out->check);
}

static void
hand_positions(struct state *s, const redisReply *flat, const redisReply *ended)
{
	struct position *list = xcalloc(flat->elements / 2 + ended->elements + 1, sizeof(*list));
	json_t **kept = xcalloc(ended->elements + 1, sizeof(*kept));
	size_t n = 0;

	for (size_t i = 0; i < ended->elements; i++)
		n += parse_ended(ended->element[i], &kept[i], &list[n]);
	for (size_t i = 0; i + 1 < flat->elements; i += 2) {
		if (parse_position(flat->element[i], flat->element[i + 1], &list[n]))
			n++;
		else
			log_error("state", "a stored position that is none; its file is read again");
	}
	s->cb->ready(s->ctx, list, n);
	for (size_t i = 0; i < ended->elements; i++)
		json_decref(kept[i]);
	free(kept);
	free(list);
}

static bool
attach_reply_ok(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 5 &&
	    reply->element[0]->type == REDIS_REPLY_INTEGER &&
	    reply->element[1]->type == REDIS_REPLY_ARRAY &&
	    reply->element[2]->type == REDIS_REPLY_ARRAY &&
	    reply->element[3]->type == REDIS_REPLY_ARRAY &&
	    reply->element[4]->type == REDIS_REPLY_ARRAY;
}

static void
attached(void *ctx, const struct redisReply *reply)
{
	struct state *s = ctx;

	if (state_error(reply) != NULL || !attach_reply_ok(reply)) {
		state_lose(s, state_error(reply) != NULL ? state_error(reply) : "a strange answer");
		return;
	}
	log_info("state", "Redis is here");
	s->problem[0] = '\0';
	s->quiet_until = 0;
	s->backoff = BACKOFF_FIRST;
	s->ready = true;
	s->fence = reply->element[0]->integer;
	hand_positions(s, reply->element[1], reply->element[3]);
	state_hand_relayed(s, reply->element[4]);
	for (size_t i = 0; i < reply->element[2]->elements; i++) {
		const redisReply *entry = reply->element[2]->element[i];

		if (entry->type == REDIS_REPLY_STRING)
			state_hand_delivery(s, (struct sv){entry->str, entry->len});
	}
}

static void
send_auth(struct state *s)
{
	struct redis_args args = REDIS_ARGS_INIT;

	if (s->conf->password == NULL)
		return;
	redis_arg_str(&args, "AUTH");
	if (s->conf->user != NULL)
		redis_arg_str(&args, s->conf->user);
	redis_arg_str(&args, s->conf->password);
	redis_command(s->redis, &args, prepared, s);
}

static void
send_select(struct state *s, int db)
{
	struct redis_args args = REDIS_ARGS_INIT;

	if (db == 0)
		return;
	redis_arg_str(&args, "SELECT");
	redis_arg_int(&args, db);
	redis_command(s->redis, &args, prepared, s);
}

static void
send_functions(struct state *s)
{
	struct redis_args args = REDIS_ARGS_INIT;

	redis_arg_str(&args, "FUNCTION");
	redis_arg_str(&args, "LOAD");
	redis_arg_str(&args, "REPLACE");
	redis_arg(&args, (struct sv){(const char *)triaged_lua, triaged_lua_len});
	redis_command(s->redis, &args, prepared, s);
}

static void
send_attach(struct state *s)
{
	struct redis_args args = REDIS_ARGS_INIT;
	unsigned char raw[4];
	char install[9];

	digest_random(raw, sizeof(raw));
	digest_hex(raw, sizeof(raw), install);
	state_call(s, &args, "triaged_attach");
	redis_arg_str(&args, s->conf->node);
	redis_arg_str(&args, install);
	redis_command(s->redis, &args, attached, s);
}

static void
connect_now(void *ctx)
{
	struct state *s = ctx;
	const struct redis_address *to =
	    s->server != NULL ? redis_server_address(s->server) : s->conf->address;

	if (s->server != NULL && !redis_server_ensure(s->server)) {
		state_lose(s, "the private redis-server cannot be started");
		return;
	}
	s->redis = redis_open(s->ev, to, DEADLINE, closed, s);
	send_auth(s);
	send_select(s, to->db);
	send_functions(s);
	send_attach(s);
}

struct state *
state_open(
    struct ev *ev, const struct state_conf *conf, struct group_cache *groups,
    const struct state_cb *cb, void *ctx)
{
	struct state *s = xcalloc(1, sizeof(*s));

	s->ev = ev;
	s->conf = conf;
	s->groups = groups;
	s->cb = cb;
	s->ctx = ctx;
	s->asks.prev = s->asks.next = &s->asks;
	s->backoff = BACKOFF_FIRST;
	s->retry = ev_timer_new(ev, connect_now, s);
	s->go_on = ev_timer_new(ev, state_commit_go_on, s);
	if (conf->address == NULL) {
		s->server = redis_server_new(ev, conf->dir, conf->durable);
		if (s->server == NULL) {
			state_free(&s);
			return NULL;
		}
		s->quiet_until = clock_mono() + START_TIME;
	}
	ev_timer_set(s->retry, 0);
	return s;
}

void
state_free(struct state **sp)
{
	struct state *s = *sp;

	if (s == NULL)
		return;
	state_fail_asks(s);
	redis_free(&s->redis);
	state_commit_forget(s);
	ev_timer_free(&s->go_on);
	ev_timer_free(&s->retry);
	redis_server_free(&s->server);
	free(s);
	*sp = NULL;
}

void
state_renew(struct state *s)
{
	s->ready = false;
	s->partition++;
	send_attach(s);
}

bool
state_is_ready(const struct state *s)
{
	return s->ready;
}

bool
state_is_idle(const struct state *s)
{
	return s->ready && s->sending.phase == SENDING_NOTHING;
}

size_t
state_inflight(const struct state *s)
{
	return s->nasks + s->noutcomes + (s->sending.phase != SENDING_NOTHING);
}

const struct state_stats *
state_stats(const struct state *s)
{
	return &s->stats;
}

const char *
state_problem(const struct state *s)
{
	return s->ready ? "" : s->problem;
}
