/*
 * ev_job: see ev_job.h.  The thread tells the loop by an eventfd.
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
	int fd;
	struct ev_fd *ready;
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

struct ev_job *
ev_job_start(struct ev *ev, ev_job_cb *work, ev_job_cb *done, void *arg)
{
	struct ev_job *j = xcalloc(1, sizeof(*j));
	sigset_t all, before;
	int error;

	j->work = work;
	j->done = done;
	j->arg = arg;
	j->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->fd < 0)
		abort();
	j->ready = ev_fd_new(ev, j->fd, EV_FD_READ, finished, j);
	/* Signals are for the loop's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&j->thread, NULL, run, j);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		abort();
	return j;
}

void
ev_job_free(struct ev_job **jp)
{
	struct ev_job *j = *jp;

	if (j == NULL)
		return;
	pthread_join(j->thread, NULL);
	ev_fd_free(&j->ready);
	close(j->fd);
	free(j);
	*jp = NULL;
}
