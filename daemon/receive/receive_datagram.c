/*
 * receive_datagram: messages by UDP and by unix datagram, as many with one call as
 * wait, straight to the spool.  One message a datagram.
 *
 * While the spool has no room what was read is held, and the rest waits in the
 * kernel.  That drops what comes by UDP when its buffer is full, and tells how many
 * when asked (SO_MEMINFO).  Who writes to a unix socket it makes wait: that could be
 * every program of the host, so after a second those are read and dropped here.
 * Nothing is ever answered.
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "receive/receive_internal.h"
#include "util/clock.h"
#include "util/crash.h"
#include "util/xalloc.h"

#define BATCH 256
/* Batches, then others get their turn.  Many, since what waits on disk can wait, but not
 * what is sent while we do something else. */
#define ROUNDS 64
/* From one message's place to the next: not the same lines of the processor's cache. */
#define STRIDE (RECEIVE_READ + 320)
#define DRAIN_ROUNDS 4096

struct receive_batch {
	struct mmsghdr headers[BATCH];
	struct iovec parts[BATCH];
	struct sockaddr_storage from[BATCH];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control[BATCH];
	size_t n, next;               /* how many were read; the first that is not done with */
	struct sockaddr_storage last; /* whose the origin is */
	uid_t last_uid;
	char origin[RECEIVE_ORIGIN];
	size_t origin_n; /* 0: none yet */
	char *bytes;     /* BATCH times STRIDE */
};

static struct receive_batch *
batch_of(struct receive_port *p)
{
	struct receive_batch *b = p->batch;

	if (b != NULL)
		return b;
	p->batch = b = xcalloc(1, sizeof(*b));
	b->bytes = xmalloc(BATCH * STRIDE);
	for (size_t i = 0; i < BATCH; i++) {
		b->parts[i] = (struct iovec){b->bytes + i * STRIDE, RECEIVE_READ};
		b->headers[i].msg_hdr.msg_iov = &b->parts[i];
		b->headers[i].msg_hdr.msg_iovlen = 1;
		b->headers[i].msg_hdr.msg_name = &b->from[i];
		b->headers[i].msg_hdr.msg_control = &b->control[i];
	}
	return b;
}

/* Each field that the call before wrote to. */
static void
prepare(struct receive_batch *b)
{
	for (size_t i = 0; i < BATCH; i++) {
		b->headers[i].msg_hdr.msg_namelen = sizeof(b->from[i]);
		b->headers[i].msg_hdr.msg_controllen = sizeof(b->control[i]);
		b->headers[i].msg_hdr.msg_flags = 0;
	}
}

/* Who sent it, by the kernel's word; nobody's when it does not say. */
static uid_t
uid_of(struct msghdr *m)
{
	uid_t unknown = 65534;
	struct ucred cred;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			return cred.uid;
		}
	}
	return unknown;
}

static bool
same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr);
}

/* Set the batch's origin to that of datagram ${i}; mostly it is so already. */
static void
set_origin(struct receive_port *p, struct receive_batch *b, size_t i)
{
	bool local = p->kind == LISTEN_UNIXGRAM;
	uid_t uid = local ? uid_of(&b->headers[i].msg_hdr) : 0;

	if (b->origin_n > 0 && (local ? b->last_uid == uid : same_address(&b->last, &b->from[i])))
		return;
	b->last = b->from[i];
	b->last_uid = uid;
	if (local)
		receive_origin_unix(uid, b->origin);
	else
		receive_origin_inet("udp", &b->last, b->origin);
	b->origin_n = strlen(b->origin);
}

/* The peer of the batch's origin, when there is a rate to keep. */
static struct receive_peer *
peer_of(struct receive_port *p, struct receive_batch *b)
{
	unsigned char key[RECEIVE_KEY];

	if (p->source->conf->peer_rate == 0)
		return NULL;
	if (p->kind == LISTEN_UNIXGRAM)
		receive_origin_unix_key(b->last_uid, key);
	else
		receive_origin_inet_key(&b->last, key);
	return receive_peer_get(p->peers, key, clock_mono());
}

/* Take datagram ${i}.  False when the spool had no room for it. */
static bool
take(struct receive_port *p, struct receive_batch *b, size_t i)
{
	struct mmsghdr *h = &b->headers[i];
	bool cut = h->msg_len > RECEIVE_READ;
	size_t n = cut ? RECEIVE_READ : h->msg_len, most = p->source->receive->max_message;
	struct sv m = receive_frame_strip((struct sv){b->parts[i].iov_base, n});
	struct receive_peer *peer;

	if (m.n == 0)
		return true;
	set_origin(p, b, i);
	peer = peer_of(p, b);
	if (peer != NULL && !receive_peer_may_send(p->peers, peer, clock_mono())) {
		p->since_tick.over_rate++;
		p->refused++;
		return true;
	}
	if (!receive_port_take(p, (struct sv){b->origin, b->origin_n}, m))
		return false;
	if (peer != NULL)
		receive_peer_sent(p->peers, peer);
	if (cut) {
		p->since_tick.cut += m.n <= most;
		p->since_tick.cut_bytes += h->msg_len - RECEIVE_READ;
	}
	return true;
}

/* Read the next batch.  False when there is nothing. */
static bool
read_batch(struct receive_port *p)
{
	struct receive_batch *b = batch_of(p);
	int n;

	prepare(b);
	do
		n = recvmmsg(p->socket->fd, b->headers, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
	while (n < 0 && errno == EINTR);
	CRASH_POINT("receive-read");
	b->next = 0;
	b->n = n < 0 ? 0 : (size_t)n;
	return b->n > 0;
}

/* Hand what was read to the spool.  False when it has no room and we wait for it. */
static bool
pass_on(struct receive_port *p)
{
	struct receive_batch *b = batch_of(p);
	uint64_t lost = 0;

	for (; b->next < b->n; b->next++) {
		if (take(p, b, b->next))
			continue;
		if (!p->discarding)
			break;
		lost++;
	}
	if (lost > 0)
		receive_port_lose(p, p->socket->address, lost);
	return b->next == b->n;
}

static void
read_batches(struct receive_port *p, int rounds)
{
	for (int i = 0; i < rounds && pass_on(p); i++)
		if (!read_batch(p))
			return;
	if (!pass_on(p))
		receive_port_unwatch(p);
}

void
receive_datagram_ready(struct receive_port *p)
{
	read_batches(p, ROUNDS);
}

void
receive_datagram_resume(struct receive_port *p)
{
	p->discarding = false;
	receive_port_watch(p);
	read_batches(p, p->source->receive->draining ? DRAIN_ROUNDS : 1);
}

void
receive_datagram_drain(struct receive_port *p)
{
	read_batches(p, DRAIN_ROUNDS);
	receive_datagram_poll(p);
}

void
receive_datagram_tick(struct receive_port *p)
{
	receive_datagram_poll(p);
	if (p->watch != NULL || !p->source->full || p->kind != LISTEN_UNIXGRAM)
		return;
	p->discarding = true;
	receive_port_watch(p);
}

void
receive_datagram_close(struct receive_port *p)
{
	struct receive_batch *b = p->batch;

	receive_datagram_poll(p);
	if (b == NULL)
		return;
	p->discarding = true;
	pass_on(p);
	free(b->bytes);
	free(b);
	p->batch = NULL;
}

void
receive_datagram_poll(struct receive_port *p)
{
	enum trouble_kind why = p->source->full ? TROUBLE_FULL : TROUBLE_DROPPED;
	uint32_t info[SK_MEMINFO_VARS] = {0}, more;
	socklen_t n = sizeof(info);

	if (getsockopt(p->socket->fd, SOL_SOCKET, SO_MEMINFO, info, &n) < 0 ||
	    n <= SK_MEMINFO_DROPS * sizeof(info[0]))
		return;
	/* The kernel's counter has 32 bits and may have gone round. */
	more = info[SK_MEMINFO_DROPS] - p->socket->drops;
	p->socket->drops = info[SK_MEMINFO_DROPS];
	if (more == 0)
		return;
	p->dropped += more;
	receive_drops_save(p);
	spool_lost(p->source->spool, why, p->socket->address, more);
}
