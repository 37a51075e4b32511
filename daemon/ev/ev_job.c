/*
 * ev_job: see ev_job.h.  The thread tells the loop by an eventfd.  Where there is no
 * thread or descriptor to be had the loop does the work itself: late is better
 * than never.
 */
#include "ev/ev_job.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ev/ev.h"
#include "util/xalloc.h"

struct ev_job {
	pthread_t thread;
	int fd;                 /* -1: no thread */
	struct ev_fd *ready;    /* NULL once fired ... */
	struct ev_timer *later; /* ... or without a thread */
	ev_job_cb *work;
	ev_job_cb *done;
	void *arg;
};

static void *
run(void *arg)
{
	struct ev_job *j = arg;
	uint64_t one = 1;

	j->work(j->arg);
	if (write(j->fd, &one, sizeof(one)) != sizeof(one))
		abort();
	return NULL;
}

static void
finished(void *ctx, int fd, unsigned what)
{
	struct ev_job *j = ctx;

	(void)fd;
	(void)what;
	ev_fd_free(&j->ready);
	j->done(j->arg);
}

static void
finished_here(void *ctx)
{
	struct ev_job *j = ctx;

	j->done(j->arg);
}

static bool
start_thread(struct ev_job *j)
{
	sigset_t all, before;
	int error;

	j->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->fd < 0)
		return false;
	/* Signals are for the loop's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&j->thread, NULL, run, j);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0) {
		close(j->fd);
		j->fd = -1;
	}
	return error == 0;
}

struct ev_job *
ev_job_start(struct ev *ev, ev_job_cb *work, ev_job_cb *done, void *arg)
{
	struct ev_job *j = xcalloc(1, sizeof(*j));

	j->work = work;
	j->done = done;
	j->arg = arg;
	if (start_thread(j)) {
		j->ready = ev_fd_new(ev, j->fd, EV_FD_READ, finished, j);
	} else {
		work(arg);
		j->later = ev_timer_new(ev, finished_here, j);
		ev_timer_set(j->later, 0);
	}
	return j;
}

void
ev_job_free(struct ev_job **jp)
{
	struct ev_job *j = *jp;

	if (j == NULL)
		return;
	ev_timer_free(&j->later);
	ev_fd_free(&j->ready);
	if (j->fd >= 0) {
		pthread_join(j->thread, NULL);
		close(j->fd);
	}
	free(j);
	*jp = NULL;
}
