/*
 * notify_queue: the deliveries of one channel, in order within each incident and
 * by due time between incidents.  Knows nothing of HTTP or of what an outcome
 * means.  The queue owns lanes, lanes own jobs, jobs own their delivery.
 */
#include "notify/notify_internal.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

struct notify_job {
	struct delivery d;
	struct lane *lane;
	struct notify_job *next;
};

struct lane {
	char *incident;
	struct notify_job *jobs; /* by seq, never empty between calls */
	bool busy;               /* its first delivery was taken: not in the heap */
	size_t at;               /* index in the heap when not busy */
};

struct notify_queue {
	void *lanes; /* search.h tree, by incident */
	struct lane **heap;
	size_t nheap;
};

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct lane *)a)->incident, ((const struct lane *)b)->incident);
}

struct notify_queue *
notify_queue_new(void)
{
	return xcalloc(1, sizeof(struct notify_queue));
}

void
notify_queue_discard(struct delivery *d)
{
	free(d->id);
	free(d->channel);
	free(d->incident);
	free(d->message);
	*d = (struct delivery){0};
}

static void
free_lane(void *arg)
{
	struct lane *lane = arg;

	while (lane->jobs != NULL) {
		struct notify_job *job = lane->jobs;

		lane->jobs = job->next;
		notify_queue_discard(&job->d);
		free(job);
	}
	free(lane->incident);
	free(lane);
}

void
notify_queue_free(struct notify_queue **qp)
{
	if (*qp == NULL)
		return;
	tdestroy((*qp)->lanes, free_lane);
	free((*qp)->heap);
	free(*qp);
	*qp = NULL;
}

/* --- the heap --- */

static int64_t
due(const struct lane *lane)
{
	return lane->jobs->d.due;
}

static void
set(struct notify_queue *q, size_t at, struct lane *lane)
{
	q->heap[at] = lane;
	lane->at = at;
}

static void
sift_up(struct notify_queue *q, size_t at)
{
	struct lane *lane = q->heap[at];

	while (at > 0 && due(lane) < due(q->heap[(at - 1) / 2])) {
		set(q, at, q->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	set(q, at, lane);
}

static void
sift_down(struct notify_queue *q, size_t at)
{
	struct lane *lane = q->heap[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < q->nheap && due(q->heap[child + 1]) < due(q->heap[child]))
			child++;
		if (child >= q->nheap || due(q->heap[child]) >= due(lane))
			break;
		set(q, at, q->heap[child]);
		at = child;
	}
	set(q, at, lane);
}

/* ${lane} is no longer busy, or is new. */
static void
push(struct notify_queue *q, struct lane *lane)
{
	XGROW(q->heap, q->nheap);
	set(q, q->nheap++, lane);
	sift_up(q, lane->at);
}

static struct lane *
pop(struct notify_queue *q)
{
	struct lane *first = q->heap[0];

	set(q, 0, q->heap[--q->nheap]);
	if (q->nheap > 0)
		sift_down(q, 0);
	return first;
}

/* --- lanes --- */

static struct lane *
find_lane(struct notify_queue *q, char *incident)
{
	struct lane key = {.incident = incident};
	struct lane **found = tfind(&key, &q->lanes, compare);

	return found == NULL ? NULL : *found;
}

static struct lane *
new_lane(struct notify_queue *q, const char *incident)
{
	struct lane *lane = xcalloc(1, sizeof(*lane));

	lane->incident = xstrdup(incident);
	if (tsearch(lane, &q->lanes, compare) == NULL)
		abort();
	return lane;
}

static bool
has(const struct lane *lane, const char *id)
{
	for (const struct notify_job *job = lane->jobs; job != NULL; job = job->next)
		if (strcmp(job->d.id, id) == 0)
			return true;
	return false;
}

static void
insert(struct lane *lane, struct notify_job *job)
{
	struct notify_job **at = &lane->jobs;

	/* Nothing goes in front of what is being sent. */
	if (lane->busy)
		at = &lane->jobs->next;
	while (*at != NULL && (*at)->d.seq <= job->d.seq)
		at = &(*at)->next;
	job->lane = lane;
	job->next = *at;
	*at = job;
}

void
notify_queue_add(struct notify_queue *q, struct delivery *d)
{
	struct lane *lane = find_lane(q, d->incident);
	struct notify_job *job;

	if (lane != NULL && has(lane, d->id)) {
		notify_queue_discard(d);
		return;
	}
	job = xcalloc(1, sizeof(*job));
	job->d = *d;
	*d = (struct delivery){0};
	if (lane == NULL) {
		lane = new_lane(q, job->d.incident);
		insert(lane, job);
		push(q, lane);
		return;
	}
	insert(lane, job);
	if (!lane->busy && lane->jobs == job) {
		sift_up(q, lane->at);
		sift_down(q, lane->at);
	}
}

/* --- sending --- */

struct notify_job *
notify_queue_take(struct notify_queue *q, int64_t now)
{
	struct lane *lane;

	if (q->nheap == 0 || due(q->heap[0]) > now)
		return NULL;
	lane = pop(q);
	lane->busy = true;
	return lane->jobs;
}

struct delivery *
notify_queue_delivery(struct notify_job *job)
{
	return &job->d;
}

void
notify_queue_put(struct notify_queue *q, struct notify_job *job, int64_t when)
{
	struct lane *lane = job->lane;

	assert(lane->busy && lane->jobs == job);
	job->d.due = when;
	lane->busy = false;
	lane->jobs = job->next;
	insert(lane, job); /* an earlier one may have come meanwhile */
	push(q, lane);
}

void
notify_queue_remove(struct notify_queue *q, struct notify_job *job, struct delivery *d)
{
	struct lane *lane = job->lane;

	assert(lane->busy && lane->jobs == job);
	*d = job->d;
	lane->busy = false;
	lane->jobs = job->next;
	free(job);
	if (lane->jobs != NULL) {
		push(q, lane);
		return;
	}
	tdelete(lane, &q->lanes, compare);
	free_lane(lane);
}

int64_t
notify_queue_due(const struct notify_queue *q)
{
	return q->nheap == 0 ? INT64_MAX : due(q->heap[0]);
}

size_t
notify_queue_ready(const struct notify_queue *q, int64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < q->nheap; i++)
		n += due(q->heap[i]) <= now;
	return n;
}
