/*
 * receive_pipe: lines from a FIFO or standard input.
 *
 * A FIFO is open for writing here too, so its writers may come and go.  Standard
 * input ends, and then its source is gone.  It is not made non-blocking, for it is
 * shared with whoever started us: one read after the kernel said that there is
 * something does not block.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ev/ev.h"
#include "receive/receive_internal.h"
#include "util/crash.h"
#include "util/log.h"

#define DRAIN_READS 256

static bool
take(void *ctx, struct sv message)
{
	struct receive_port *p = ctx;

	return receive_port_take(p, p->kind == LISTEN_FIFO ? SV("fifo:") : SV("stdin:"), message);
}

/* Make messages of what is there, with ${last} of a line without end too, and read
 * on, or wait for room. */
static void
feed(struct receive_port *p, bool last)
{
	struct sv data = buf_view(&p->tail);
	enum receive_frame_result result;
	size_t used;

	result = receive_frame_feed(&p->frame, data, &used, take, p);
	if (result == FRAME_MORE && last) {
		result = receive_frame_end(&p->frame, sv_from(data, used), take, p);
		used = result == FRAME_MORE ? data.n : used;
	}
	if (used > 0) {
		p->tail.n -= used;
		memmove(p->tail.p, p->tail.p + used, p->tail.n);
	}
	p->since_tick.cut += p->frame.cut;
	p->since_tick.cut_bytes += p->frame.cut_bytes;
	p->frame.cut = p->frame.cut_bytes = 0;
	if (result == FRAME_WAIT)
		receive_port_unwatch(p);
	else
		receive_port_watch(p);
}

static void
at_end(struct receive_port *p, const char *why)
{
	p->ended = true;
	receive_port_unwatch(p);
	feed(p, true);
	log_info("receive", "%s: %s", p->socket->address, why);
	receive_port_trouble(p, TROUBLE_GONE, 0, why);
}

static bool
has_bytes(const struct receive_port *p)
{
	struct pollfd at = {.fd = p->socket->fd, .events = POLLIN};

	return poll(&at, 1, 0) > 0 && (at.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
}

/* One read.  False when there was nothing. */
static bool
read_some(struct receive_port *p)
{
	ssize_t n;

	if (!has_bytes(p))
		return false;
	do
		n = read(p->socket->fd, buf_reserve(&p->tail, RECEIVE_READ), RECEIVE_READ);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		at_end(p, n == 0 ? "standard input is at its end" : strerror(errno));
		return false;
	}
	CRASH_POINT("receive-read");
	p->tail.n += (size_t)n;
	feed(p, false);
	return true;
}

void
receive_pipe_ready(struct receive_port *p)
{
	read_some(p);
}

static void
polled(void *ctx)
{
	read_some(ctx);
}

bool
receive_pipe_poll(struct receive_port *p)
{
	struct stat st;

	/* Terminals and pipes can be watched; files and /dev/null cannot. */
	if (fstat(p->socket->fd, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(p->socket->fd)))
		return false;
	if (p->poll == NULL)
		p->poll = ev_timer_new(p->source->receive->ev, polled, p);
	ev_timer_set(p->poll, 0);
	return true;
}

static bool
count_lost(void *ctx, struct sv message)
{
	(void)message;
	++*(uint64_t *)ctx;
	return true;
}

void
receive_pipe_close(struct receive_port *p)
{
	uint64_t lost = 0;
	size_t used;

	receive_frame_feed(&p->frame, buf_view(&p->tail), &used, count_lost, &lost);
	receive_frame_end(&p->frame, sv_from(buf_view(&p->tail), used), count_lost, &lost);
	if (lost > 0)
		receive_port_lose(p, p->socket->address, lost);
	buf_free(&p->tail);
}

void
receive_pipe_drain(struct receive_port *p)
{
	for (int i = 0; i < DRAIN_READS && !p->ended && !p->source->full && read_some(p); i++)
		;
	if (!p->source->full)
		feed(p, true);
}

void
receive_pipe_resume(struct receive_port *p)
{
	feed(p, p->ended);
	if (p->source->receive->draining)
		receive_pipe_drain(p);
}
