/*
 * receive_internal: what the files of receive/ share.
 *
 *   receive.c           sources with their spools; what the daemon calls
 *   receive_sockets.c   bound sockets, adopted, made or passed by systemd
 *   receive_bind.c      making them
 *   receive_port.c      what all addresses have in common: messages taken, counted, told
 *   receive_datagram.c  udp and unixgram
 *   receive_drops.c     what the kernel's counts of drops were when told
 *   receive_accept.c    tcp, tls and unix: new connections and their limits
 *   receive_conn.c      one connection
 *   receive_keep.c      connections and pipes left open over a change
 *   receive_pipe.c      FIFOs and standard input
 *   receive_peer.c      who sends, for limits
 *   receive_tls.c       certificates
 */
#ifndef RECEIVE_RECEIVE_INTERNAL_H
#define RECEIVE_RECEIVE_INTERNAL_H

#include <sys/socket.h>
#include <sys/types.h>

#include "conf/config.h"
#include "conf/config_listen.h"
#include "receive/receive.h"
#include "receive/receive_frame.h"
#include "spool/spool.h"
#include "spool/spool_line.h"
#include "util/buf.h"

struct ssl_st;
struct receive_batch;
struct receive_conn;
struct receive_peers;
struct receive_tls;

#define RECEIVE_READ ((size_t)65536) /* bytes of one read, and of the largest datagram */
#define RECEIVE_ORIGIN (SPOOL_LINE_ORIGIN_MAX + 1)

/* ---- sockets --------------------------------------------------------------- */

/* Owned by struct receive_sockets. */
struct receive_socket {
	char *address; /* as configured */
	enum listen_kind kind;
	int fd;
	char *path; /* of a unix socket or FIFO that we made; NULL = none */
	dev_t dev;  /* the file there when it was made */
	ino_t ino;
	bool passed; /* not made by us: systemd's, standard input */
	bool wanted; /* by a source of the receive that is being made or is there */
	bool fresh;  /* made for the receive that is being made */
	uint32_t drops; /* the kernel's counter as last seen */
	char *expected; /* on what terms it will be listened on; NULL = not that we know */

	/* Left open, of no port: what receive_keep_back() gives to the next. */
	char *terms; /* on which they were let in; NULL = there are none */
	struct receive_conn *conns;
	struct buf tail;
	struct receive_frame frame;
};

/* A receive is being made: nothing is wanted yet. */
void receive_sockets_begin(struct receive_sockets *s);
/* Bind ${address} unless it is there.  False with a message logged. */
bool receive_sockets_want(struct receive_sockets *s, const char *address);
/* The ${i}-th socket of ${address}, or NULL. */
struct receive_socket *receive_sockets_get(
    const struct receive_sockets *s, const char *address, size_t i);
/* Another file than ours, or none, stands at its path. */
bool receive_sockets_is_astray(const struct receive_socket *socket);
/* Make it anew, under the same descriptor.  False with a message logged. */
bool receive_sockets_remake(struct receive_socket *socket);
/* It is made: close what nobody wants; or it failed: close what was bound for it. */
void receive_sockets_end(struct receive_sockets *s, bool made);

/* A new socket for ${l}, not blocking; -1 with a message logged. */
int receive_bind(const char *address, const struct config_listen *l);
/* Ask for a large receive buffer.  The bytes that it holds. */
size_t receive_bind_buffer(int fd);

/* ---- sources and addresses --------------------------------------------------- */

struct receive_source {
	struct receive *receive;
	const struct source_conf *conf;
	struct spool *spool;
	struct receive_tls *tls; /* NULL without certificate */
	bool full; /* the spool had no room and has not said that it has */
};

/* What is told no more than once a second. */
struct receive_counts {
	uint64_t cut, cut_bytes; /* messages longer than max_line */
	uint64_t malformed;      /* connections closed for what was no frame */
	uint64_t over_rate;      /* datagrams beyond peer_rate */
	uint64_t unlogged;       /* messages not logged in this second */
};

struct receive_port {
	struct receive_source *source;
	struct receive_socket *socket;
	enum listen_kind kind;   /* the socket's; TLS on one that systemd passed */
	struct ev_fd *watch;     /* NULL: not reading or accepting now */
	struct receive_peers *peers;
	struct receive_batch *batch; /* of datagrams; NULL until one comes */
	bool discarding;         /* datagrams, while the spool has no room */
	struct receive_conn *conns;
	uint64_t nconns;
	uint64_t messages, bytes, dropped, refused;
	struct receive_counts since_tick;
	struct ev_timer *poll;   /* standard input that cannot be watched */
	struct buf tail;         /* of a pipe: the line begun */
	struct receive_frame frame;
	bool ended;              /* standard input is at its end */
	bool keep;               /* connections, or a line begun, for the port after this one */
	bool logged;             /* something in this second */
	int64_t remake;          /* not before: make the socket anew */
	char problem[160];       /* empty: none */
};

struct receive {
	struct ev *ev;
	const struct receive_cb *cb;
	void *ctx;
	struct receive_sockets *sockets;
	const char *state_dir;
	size_t max_line;
	size_t max_message;      /* what fits into such a line of the spool */
	struct receive_source **sources;
	size_t nsources;
	struct receive_port **ports;
	size_t nports;
	struct ev_timer *tick;   /* each second */
	struct ev_timer *resume; /* connections that wait for their rate */
	char *scratch;           /* RECEIVE_READ bytes */
	bool draining;
};

struct receive_port *receive_port_new(struct receive_source *source, struct receive_socket *socket);
void receive_port_free(struct receive_port **p);
/* Read or accept, or no more. */
void receive_port_watch(struct receive_port *p);
void receive_port_unwatch(struct receive_port *p);
/* Each second. */
void receive_port_tick(struct receive_port *p);
/* There is room in the spool. */
void receive_port_resume(struct receive_port *p);
/* Take what waits in the socket, close connections. */
void receive_port_drain(struct receive_port *p);
/* Into the spool.  False: no room. */
bool receive_port_take(struct receive_port *p, struct sv origin, struct sv message);
/* ${n} messages could not be taken for want of room. */
void receive_port_lose(struct receive_port *p, const char *origin, uint64_t n);
/* Log a warning, unless one was in this second. */
void receive_port_warn(struct receive_port *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void receive_port_trouble(
    struct receive_port *p, enum trouble_kind kind, uint64_t lost, const char *text);

void receive_datagram_ready(struct receive_port *p);
void receive_datagram_resume(struct receive_port *p);
void receive_datagram_drain(struct receive_port *p);
void receive_datagram_tick(struct receive_port *p);
/* Count what the kernel dropped since the last time. */
void receive_datagram_poll(struct receive_port *p);
/* Count what is still held as lost. */
void receive_datagram_close(struct receive_port *p);

/* How many drops of the socket have been told, if it lives longer than we do. */
void receive_drops_load(struct receive_port *p);
void receive_drops_save(const struct receive_port *p);

/* False when there are no more. */
bool receive_accept_ready(struct receive_port *p);

struct receive_peer;
/* Takes ${fd} and a connection of ${peer}, whose origin is ${origin}. */
void receive_conn_new(
    struct receive_port *p, int fd, struct receive_peer *peer, const char *origin);
/* For all of the port's. */
void receive_conn_tick(struct receive_port *p);
void receive_conn_resume(struct receive_port *p);
void receive_conn_drain(struct receive_port *p);
void receive_conn_close_all(struct receive_port *p);
/* Read no more, but stay open; those that are not let in yet are closed. */
void receive_conn_hold(struct receive_port *p);
/* All connections of ${p}, which are of no port then; and the other way. */
struct receive_conn *receive_conn_take_out(struct receive_port *p);
void receive_conn_put_in(struct receive_port *p, struct receive_conn *conns);
/* Close ${conns}, which are of no port.  Returns how many. */
size_t receive_conn_discard(struct receive_conn *conns);

/* Who may send to ${conf}, and where that goes, as text; malloc()ed. */
char *receive_keep_terms(const struct source_conf *conf);
/* Will there be a port like ${p} after it? */
bool receive_keep_is_expected(const struct receive_port *p);
/* Leave connections and the line begun to the socket; take back what was left there,
 * on the same terms only. */
void receive_keep_leave(struct receive_port *p);
void receive_keep_back(struct receive_port *p);
/* Nobody comes for them. */
void receive_keep_discard(struct receive_socket *socket);

/* True when it cannot be watched and is read by a timer instead. */
bool receive_pipe_poll(struct receive_port *p);
void receive_pipe_ready(struct receive_port *p);
void receive_pipe_resume(struct receive_port *p);
void receive_pipe_drain(struct receive_port *p);
/* Count what is still held as lost. */
void receive_pipe_close(struct receive_port *p);

/* ---- who sends ----------------------------------------------------------------- */

#define RECEIVE_KEY 16

struct receive_peers *receive_peers_new(int64_t rate);
void receive_peers_free(struct receive_peers **p);
/* The peer with this key; lives while it has connections, or until the next call. */
struct receive_peer *receive_peer_get(
    struct receive_peers *p, const unsigned char key[RECEIVE_KEY], int64_t now);
const unsigned char *receive_peer_key(const struct receive_peer *peer);
int64_t receive_peer_connections(const struct receive_peer *peer);
void receive_peer_connect(struct receive_peers *p, struct receive_peer *peer);
void receive_peer_disconnect(struct receive_peers *p, struct receive_peer *peer);
/* May it send a message now (${now}: monotonic)?  It has sent one. */
bool receive_peer_may_send(
    const struct receive_peers *p, struct receive_peer *peer, int64_t now);
void receive_peer_sent(const struct receive_peers *p, struct receive_peer *peer);

/* TRANSPORT:ADDRESS of who is at the other end, and the key that limits count by:
 * an IPv4 address, the first 64 bits of an IPv6 address, a uid. */
void receive_origin_inet(
    const char *transport, const struct sockaddr_storage *sa, char out[RECEIVE_ORIGIN]);
void receive_origin_unix(uid_t uid, char out[RECEIVE_ORIGIN]);
void receive_origin_inet_key(const struct sockaddr_storage *sa, unsigned char key[RECEIVE_KEY]);
void receive_origin_unix_key(uid_t uid, unsigned char key[RECEIVE_KEY]);

/* ---- TLS ------------------------------------------------------------------------ */

/* ${conf} is borrowed.  NULL with a message logged. */
struct receive_tls *receive_tls_new(const struct tls_conf *conf, const char *source);
void receive_tls_free(struct receive_tls **t);
/* A server's end on ${fd}, which stays the caller's. */
struct ssl_st *receive_tls_accept(struct receive_tls *t, int fd);
/* As recv(): bytes, 0 at the end, -1 with errno; EAGAIN: later.  Makes the handshake
 * first, which gives EAGAIN as well.  ${n} must have room for a whole record,
 * RECEIVE_READ does. */
struct receive_tls_state {
	bool writes; /* it goes on when it can write */
	bool ended;  /* behind the bytes, if any, no more will come: the socket need not say so */
};
ssize_t receive_tls_read(
    struct ssl_st *ssl, char *to, size_t n, struct receive_tls_state *state);
bool receive_tls_is_ready(const struct ssl_st *ssl);
/* The name that the client was let in by, "" when it has none.  Without blanks and '/'. */
void receive_tls_name(struct ssl_st *ssl, char *out, size_t size);
/* Why it failed, for people; static or until the next call. */
const char *receive_tls_reason(struct ssl_st *ssl);
void receive_tls_close(struct ssl_st **ssl);

#endif
