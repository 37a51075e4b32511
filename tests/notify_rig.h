/*
 * notify_rig: notify with two channels, "ops" and "chat", what it said became of its
 * deliveries, and a server in this process that answers with canned bytes.
 *
 * The clock is virtual and starts at the real time (receivers check timestamps);
 * nothing waits for a retry.
 */
#ifndef TESTS_NOTIFY_RIG_H
#define TESTS_NOTIFY_RIG_H

#include <check.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "notify/notify.h"
#include "notify/notify_internal.h"
#include "util/buf.h"
#include "util/clock.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define MESSAGE                                                                                    \
	"{\"type\":\"incident.opened\",\"timestamp\":\"2026-01-31T23:59:59.123Z\",\"data\":"       \
	"{\"incident\":{\"id\":\"INC-1\",\"title\":\"\\u001b[2J <!channel> \\u202e\xc3\xa4\"}}}"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define HOUR ((int64_t)3600000)

struct ev_conn;
struct ev_fd;
struct canned;

struct said {
	char id[64];
	int64_t attempts;
	struct outcome outcome;
};

struct nx {
	struct ev *ev;
	struct notify *notify;
	struct channel_conf conf[2];
	char urls[2][128];
	struct said said[256];
	size_t nsaid;
};

/* Channels that may use http; nothing is started yet. */
struct nx *nx_new(void);
void nx_free(struct nx *n);

void nx_set_url(struct nx *n, int channel, uint16_t port, const char *path);
/* Start with the first ${channels} of them, the first signing with ${secret} (NULL: not). */
void nx_start(struct nx *n, size_t channels, const char *secret);

/* Submit MESSAGE; or ${message} to "ops", as ${id} and with what else ${d} says. */
void nx_submit(struct nx *n, const char *channel, const char *incident, int seq);
void nx_submit_as(struct nx *n, struct delivery d, const char *id, const char *message);
/* Turn the loop until there are ${outcomes}. */
void nx_wait(struct nx *n, size_t outcomes);
/* Start with one channel, submit one delivery, and wait for what becomes of it. */
const struct outcome *nx_deliver(struct nx *n, const char *secret);
/* The same, to ${port}. */
const struct outcome *nx_post(struct nx *n, uint16_t port, const char *path, const char *secret);
/* Move the clock to when the last outcome said it would be tried again. */
void nx_pass_time(struct nx *n);

/* ---- a server ------------------------------------------------------------------------ */

struct canned_conn {
	struct canned *server;
	struct ev_conn *conn;
};

/* Every request gets ${answer} and the end of the connection; NULL: nothing at
 * all, ever. */
struct canned {
	struct ev *ev;
	int fd;
	uint16_t port;
	struct ev_fd *watch;
	const char *answer;
	struct buf request; /* the last one */
	size_t n;           /* connections so far */
	struct canned_conn conns[64];
};

void canned_start(struct canned *s, struct nx *n, const char *answer);
void canned_stop(struct canned *s);

/* A socket of the loopback interface that nobody listens on; a port of the kernel's choice. */
int nx_bind(uint16_t *port);
/* The same, and it listens. */
int nx_listen(uint16_t *port);

/* A case of the suite with time for a busy machine. */
TCase *nx_case(Suite *suite, const char *name);

#endif
