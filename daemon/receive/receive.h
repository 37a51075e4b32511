/*
 * receive: lines that are sent to us: syslog over UDP, TCP, TLS and unix sockets,
 * FIFOs and standard input.  Takes them to the spool of their source and does no
 * more: from there they come as a source's lines.
 */
#ifndef RECEIVE_RECEIVE_H
#define RECEIVE_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/line.h"
#include "model/trouble.h"

struct ev;
struct receive;
struct receive_sockets;
struct source_conf;

struct receive_cb {
	void (*trouble)(void *ctx, const struct trouble *t);
};

/* Bound sockets, kept over a change of configuration so that nothing that waits in
 * them is lost; and those that systemd passed to us. */
struct receive_sockets *receive_sockets_new(void);
void receive_sockets_free(struct receive_sockets **s);

/* A change to ${confs} is under way; 0 of them: it is not.  Where one of them listens on
 * an address as the source does now, receive_drain() reads its connections and pipes no
 * more and leaves them open, for the receive that is made next. */
void receive_sockets_expect(
    struct receive_sockets *s, const struct source_conf *confs, size_t n);

/* The directory of the spool of source ${id}; malloc()ed. */
char *receive_spool_dir(const char *state_dir, const char *id);

/* Listen as those of the ${n} sources say that have "listen".  NULL with a message
 * logged when an address cannot be bound or a certificate not be used.  ${confs} and
 * ${state_dir} are borrowed for the life of the object.  Sockets in ${sockets} that
 * nobody wants any more are closed.  The receive before must be freed: it has the
 * spools. */
struct receive *receive_new(struct ev *ev, struct receive_sockets *sockets,
    const struct source_conf *confs, size_t n, const char *state_dir, size_t max_line,
    const struct receive_cb *cb, void *ctx);

/* What was read of segment ${path} is committed up to ${offset}. */
void receive_committed(struct receive *r, const char *path, uint64_t offset);

/* Take what waits in the sockets and no more; what was taken goes to disk, connections
 * are closed but those expected.  Then receive_is_idle(); not while a spool has no room:
 * give it a time.  Once more when connections are not expected any longer. */
void receive_drain(struct receive *r);
bool receive_is_idle(const struct receive *r);
void receive_free(struct receive **r);

/* For people: one call per address. */
struct receive_status {
	const char *source, *address;
	uint64_t messages, bytes;
	uint64_t dropped;     /* by the kernel, exactly, where it tells */
	uint64_t refused;     /* messages or connections beyond a limit */
	uint64_t connections; /* now */
	const char *problem;  /* NULL when all is well */
};
typedef void receive_status_cb(void *ctx, const struct receive_status *st);
void receive_each(const struct receive *r, receive_status_cb *cb, void *ctx);

#endif
