/*
 * ev_job: work that would block the loop, in a thread of its own.
 *
 * The thread is given a whole object and the loop leaves it alone until the work
 * is done; nothing is shared meanwhile, so nothing is locked.
 */
#ifndef EV_EV_JOB_H
#define EV_EV_JOB_H

struct ev;
struct ev_job;

/* Run ${work} in a thread, then ${done} on the loop.  ${work} may use nothing
 * that the loop uses: no ev, no clock but its own. */
typedef void ev_job_cb(void *arg);
struct ev_job *ev_job_start(struct ev *ev, ev_job_cb *work, ev_job_cb *done, void *arg);

/* Wait for ${work} if it is under way; ${done} does not fire any more.  Must be
 * called once for each job, inside ${done} at the earliest. */
void ev_job_free(struct ev_job **j);

#endif
