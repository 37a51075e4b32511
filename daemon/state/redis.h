/*
 * redis: one connection to a Redis server: commands go out pipelined, replies
 * come back in order.  hiredis parses the replies; the socket is ev_conn's, so
 * that a server that stops answering is noticed here, by a deadline.
 */
#ifndef STATE_REDIS_H
#define STATE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/sv.h"

struct ev;
struct redis;
struct redisReply;

/* Where a server is, from redis.url. */
struct redis_address {
	char path[108]; /* unix socket; "" for TCP */
	char host[256];
	uint16_t port;
	int db;
};

/* unix:///path or redis://host[:port][/db]; false when ${url} is neither. */
bool redis_parse_url(const char *url, struct redis_address *out);

/* The connection is lost, or never came to be; all its commands are without an
 * answer and their outcome is unknown.  ${reason} is for people.  The callee
 * frees the connection. */
typedef void redis_closed_cb(void *ctx, const char *reason);

/* ${deadline} ms is how long the oldest command may wait for its reply. */
struct redis *redis_open(struct ev *ev, const struct redis_address *to, int64_t deadline,
    redis_closed_cb *closed, void *ctx);
void redis_free(struct redis **r);

/* A command in the making: its arguments as they go over the wire. */
struct redis_args {
	struct buf wire;
	size_t n;
};

#define REDIS_ARGS_INIT {BUF_INIT, 0}

void redis_arg(struct redis_args *a, struct sv s);
void redis_arg_str(struct redis_args *a, const char *s);
void redis_arg_int(struct redis_args *a, int64_t n);

/* Append the arguments of ${more}, which is empty after. */
void redis_args_add(struct redis_args *a, struct redis_args *more);

/* Send the command in ${args}, which is empty after.  ${reply} is borrowed for
 * the call, never NULL; an error reply is a reply.  The callback does not fire
 * when the connection is lost. */
typedef void redis_reply_cb(void *ctx, const struct redisReply *reply);
void redis_command(struct redis *r, struct redis_args *args, redis_reply_cb *cb, void *ctx);

/* Append the command in ${args}, which is empty after, to ${wire}: for
 * redis_transaction(). */
void redis_append(struct buf *wire, struct redis_args *args);
/* Send the ${n} commands of ${first} and ${rest}, which are empty after, as one transaction.
 * ${reply} is that of the last command, or the first error. */
void redis_transaction(struct redis *r, struct buf *first, struct buf *rest, size_t n,
    redis_reply_cb *cb, void *ctx);

#endif
