/*
 * redis: see redis.h.  Owns the connection, the reader and the queue of
 * callbacks that wait for their replies.
 */
#include "state/redis.h"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev/ev.h"
#include "ev/ev_conn.h"
#include "util/num.h"
#include "util/xalloc.h"

#define MAX_REPLY (256UL << 20) /* bytes buffered for replies before giving up */

struct waiting {
	redis_reply_cb *cb; /* NULL: the reply matters only to the transaction it is of */
	void *ctx;
	bool is_exec;
};

struct redis {
	struct ev_conn *conn;
	redisReader *reader;
	struct ev_timer *timer; /* runs while something waits */
	int64_t deadline;
	redis_closed_cb *closed;
	void *ctx;
	struct waiting *queue; /* ring of cap, power of two */
	size_t cap, head, count;
	char error[256]; /* why the transaction at hand will not be executed; "": it will */
	bool *freed; /* set by redis_free() while replies are handed out */
};

static bool
copy_text(char *to, size_t size, struct sv from)
{
	if (from.n == 0 || from.n >= size)
		return false;
	memcpy(to, from.p, from.n);
	to[from.n] = '\0';
	return true;
}

static bool
parse_tcp(struct sv rest, struct redis_address *out)
{
	const char *slash = memchr(rest.p, '/', rest.n), *colon;
	int64_t port = 6379, db = 0;
	struct sv host = rest;

	if (slash != NULL) {
		struct sv number = sv_from(rest, (size_t)(slash - rest.p) + 1);

		if (number.n > 0 && !num_int(number, 0, 1000000, &db))
			return false;
		host.n = (size_t)(slash - rest.p);
	}
	colon = memrchr(host.p, ':', host.n);
	if (colon != NULL && memchr(colon, ']', host.n - (size_t)(colon - host.p)) == NULL) {
		if (!num_int(sv_from(host, (size_t)(colon - host.p) + 1), 1, 65535, &port))
			return false;
		host.n = (size_t)(colon - host.p);
	}
	if (host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct sv){host.p + 1, host.n - 2};
	out->port = (uint16_t)port;
	out->db = (int)db;
	return copy_text(out->host, sizeof(out->host), host);
}

bool
redis_parse_url(const char *url, struct redis_address *out)
{
	*out = (struct redis_address){0};
	if (strncmp(url, "unix://", 7) == 0)
		return url[7] == '/' && copy_text(out->path, sizeof(out->path), sv_str(url + 7));
	if (strncmp(url, "redis://", 8) == 0)
		return parse_tcp(sv_str(url + 8), out);
	return false;
}

static void
lost(void *ctx, const char *reason)
{
	struct redis *r = ctx;

	r->closed(r->ctx, reason);
}

static void
overdue(void *ctx)
{
	lost(ctx, "no answer in time");
}

static void
push(struct redis *r, struct waiting w)
{
	if (r->count == r->cap) {
		size_t cap = r->cap == 0 ? 16 : 2 * r->cap;
		struct waiting *q = xcalloc(cap, sizeof(*q));

		for (size_t i = 0; i < r->count; i++)
			q[i] = r->queue[(r->head + i) & (r->cap - 1)];
		free(r->queue);
		r->queue = q;
		r->cap = cap;
		r->head = 0;
	}
	r->queue[(r->head + r->count++) & (r->cap - 1)] = w;
}

static struct waiting
pop(struct redis *r)
{
	struct waiting w = r->queue[r->head];

	r->head = (r->head + 1) & (r->cap - 1);
	r->count--;
	return w;
}

/* What a transaction comes to: its first error, or the reply of its last command.  A
 * command that was refused when it was queued says why; EXEC only that it does nothing. */
static const redisReply *
of_exec(const redisReply *reply, const redisReply *refused)
{
	if (reply->type == REDIS_REPLY_ERROR && refused->len > 0)
		return refused;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
		return reply;
	for (size_t i = 0; i < reply->elements; i++)
		if (reply->element[i]->type == REDIS_REPLY_ERROR)
			return reply->element[i];
	return reply->element[reply->elements - 1];
}

/* ${r} may be freed by whom the reply is for. */
static void
pass(struct redis *r, const struct waiting *w, const redisReply *reply)
{
	char why[sizeof(r->error)];
	redisReply refused = {.type = REDIS_REPLY_ERROR, .str = why};

	if (w->cb == NULL && reply->type == REDIS_REPLY_ERROR && r->error[0] == '\0')
		snprintf(r->error, sizeof(r->error), "%s", reply->str);
	if (w->cb == NULL)
		return;
	memcpy(why, r->error, sizeof(why));
	refused.len = strlen(why);
	if (w->is_exec)
		r->error[0] = '\0';
	w->cb(w->ctx, w->is_exec ? of_exec(reply, &refused) : reply);
}

/* Hand out one complete reply.  False when there is none yet or ${r} is gone. */
static bool
hand_out(struct redis *r, bool *freed)
{
	struct waiting w;
	void *reply = NULL;

	if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
		lost(r, "the server speaks something that is not RESP");
		return false;
	}
	if (reply == NULL)
		return false;
	if (r->count == 0) {
		freeReplyObject(reply);
		lost(r, "a reply that nobody asked for");
		return false;
	}
	w = pop(r);
	if (r->count == 0)
		ev_timer_cancel(r->timer);
	else
		ev_timer_set(r->timer, r->deadline);
	pass(r, &w, reply);
	freeReplyObject(reply);
	return !*freed;
}

static size_t
readable(void *ctx, struct sv data)
{
	struct redis *r = ctx;
	bool freed = false;

	if (redisReaderFeed(r->reader, data.p, data.n) != REDIS_OK) {
		lost(r, "the server speaks something that is not RESP");
		return data.n;
	}
	r->freed = &freed;
	while (hand_out(r, &freed))
		;
	if (freed)
		return data.n;
	r->freed = NULL;
	if (r->reader->len - r->reader->pos > MAX_REPLY)
		lost(r, "a reply beyond any sense");
	return data.n;
}

static const struct ev_conn_cb conn_cb = {.readable = readable, .closed = lost};

struct redis *
redis_open(struct ev *ev, const struct redis_address *to, int64_t deadline,
    redis_closed_cb *closed, void *ctx)
{
	struct redis *r = xcalloc(1, sizeof(*r));

	r->deadline = deadline;
	r->closed = closed;
	r->ctx = ctx;
	r->reader = redisReaderCreate();
	if (r->reader == NULL)
		abort();
	r->timer = ev_timer_new(ev, overdue, r);
	r->conn = to->path[0] != '\0' ? ev_conn_unix(ev, to->path, &conn_cb, r)
	                              : ev_conn_tcp(ev, to->host, to->port, &conn_cb, r);
	return r;
}

void
redis_free(struct redis **rp)
{
	struct redis *r = *rp;

	if (r == NULL)
		return;
	if (r->freed != NULL)
		*r->freed = true;
	ev_conn_free(&r->conn);
	ev_timer_free(&r->timer);
	redisReaderFree(r->reader);
	free(r->queue);
	free(r);
	*rp = NULL;
}

/* Commits have hundreds of thousands of arguments: no printf here. */
void
redis_arg(struct redis_args *a, struct sv s)
{
	char head[24], *h = head + sizeof(head);
	size_t n = s.n, head_n;
	char *to;

	*--h = '\n';
	*--h = '\r';
	do
		*--h = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	*--h = '$';
	head_n = (size_t)(head + sizeof(head) - h);
	to = buf_reserve(&a->wire, head_n + s.n + 2);
	memcpy(to, h, head_n);
	memcpy(to + head_n, s.p, s.n);
	memcpy(to + head_n + s.n, "\r\n", 2);
	a->wire.n += head_n + s.n + 2;
	a->n++;
}

void
redis_arg_str(struct redis_args *a, const char *s)
{
	redis_arg(a, sv_str(s));
}

void
redis_arg_int(struct redis_args *a, int64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%lld", (long long)n);

	redis_arg(a, (struct sv){text, (size_t)len});
}

void
redis_args_add(struct redis_args *a, struct redis_args *more)
{
	buf_sv(&a->wire, buf_view(&more->wire));
	a->n += more->n;
	more->wire.n = 0;
	more->n = 0;
}

void
redis_command(struct redis *r, struct redis_args *args, redis_reply_cb *cb, void *ctx)
{
	char head[24];
	int len = snprintf(head, sizeof(head), "*%zu\r\n", args->n);

	if (r->count == 0)
		ev_timer_set(r->timer, r->deadline);
	push(r, (struct waiting){.cb = cb, .ctx = ctx});
	ev_conn_write(r->conn, (struct sv){head, (size_t)len});
	ev_conn_write(r->conn, buf_view(&args->wire));
	buf_free(&args->wire);
	args->n = 0;
}

void
redis_append(struct buf *wire, struct redis_args *args)
{
	buf_printf(wire, "*%zu\r\n", args->n);
	buf_sv(wire, buf_view(&args->wire));
	args->wire.n = 0;
	args->n = 0;
}

void
redis_transaction(struct redis *r, struct buf *first, struct buf *rest, size_t n,
    redis_reply_cb *cb, void *ctx)
{
	if (r->count == 0)
		ev_timer_set(r->timer, r->deadline);
	/* MULTI, each command is queued, EXEC. */
	for (size_t i = 0; i < n + 1; i++)
		push(r, (struct waiting){.cb = NULL});
	push(r, (struct waiting){.cb = cb, .ctx = ctx, .is_exec = true});
	ev_conn_write(r->conn, SV("*1\r\n$5\r\nMULTI\r\n"));
	ev_conn_give(r->conn, first);
	ev_conn_give(r->conn, rest);
	ev_conn_write(r->conn, SV("*1\r\n$4\r\nEXEC\r\n"));
}
