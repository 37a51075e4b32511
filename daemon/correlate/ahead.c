/*
 * ahead: see ahead.h.  Streams are a sorted list, since most of the time it is empty, and a
 * moment after a failure it is again.
 */
#include "correlate/ahead.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/batch.h"
#include "util/xalloc.h"

struct counted {
	char *stream;
	unsigned partition;
	uint64_t offset;
	bool done;
	bool passed; /* by all partitions: it matters no more */
};

struct incident {
	uint64_t identity;
	int64_t time;
	unsigned partition;
};

struct ahead {
	struct counted *counted; /* by stream and partition */
	size_t n;
	size_t left; /* not passed */
	struct incident *incidents;
	size_t nincidents;
	bool sorted; /* these */
};

struct ahead *
ahead_new(void)
{
	return xcalloc(1, sizeof(struct ahead));
}

static void
clear_streams(struct ahead *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->counted[i].stream);
	free(a->counted);
	a->counted = NULL;
	a->n = a->left = 0;
}

void
ahead_clear(struct ahead *a)
{
	clear_streams(a);
	free(a->incidents);
	*a = (struct ahead){0};
}

void
ahead_free(struct ahead **ap)
{
	if (*ap == NULL)
		return;
	ahead_clear(*ap);
	free(*ap);
	*ap = NULL;
}

static int
compare(const void *va, const void *vb)
{
	const struct counted *a = va, *b = vb;
	int order = strcmp(a->stream, b->stream);

	return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

void
ahead_add(struct ahead *a, const char *stream, unsigned partition, uint64_t offset, bool done)
{
	XGROW(a->counted, a->n);
	a->counted[a->n] = (struct counted){
	    .stream = xstrdup(stream), .partition = partition, .offset = offset, .done = done};
	assert(a->n == 0 || compare(&a->counted[a->n - 1], &a->counted[a->n]) < 0);
	a->n++;
	a->left++;
}

static struct counted *
find(const struct ahead *a, const char *stream, unsigned partition)
{
	struct counted wanted = {.stream = (char *)(uintptr_t)stream, .partition = partition};

	return a->n == 0 ? NULL : bsearch(&wanted, a->counted, a->n, sizeof(wanted), compare);
}

bool
ahead_any(const struct ahead *a)
{
	return a->n > 0;
}

bool
ahead_has(const struct ahead *a, const char *stream, unsigned partition, uint64_t offset)
{
	const struct counted *m = find(a, stream, partition);

	return m != NULL && offset < m->offset;
}

bool
ahead_knows(const struct ahead *a, unsigned partition, const struct batch_position *pos)
{
	const struct counted *m = find(a, pos->stream, partition);

	return m != NULL &&
	    (pos->offset < m->offset || (pos->offset == m->offset && pos->done && m->done));
}

void
ahead_passed(struct ahead *a, const struct batch_position *pos)
{
	for (size_t i = 0; i < a->n; i++) {
		struct counted *m = &a->counted[i];

		if (m->passed || strcmp(m->stream, pos->stream) != 0 ||
		    (pos->offset < m->offset && !pos->done))
			continue;
		m->passed = true;
		a->left--;
	}
	if (a->left == 0)
		clear_streams(a);
}

/* ---- incidents ------------------------------------------------------------------- */

static int
by_identity(const void *va, const void *vb)
{
	const struct incident *a = va, *b = vb;

	if (a->identity != b->identity)
		return a->identity < b->identity ? -1 : 1;
	return (a->partition > b->partition) - (a->partition < b->partition);
}

void
ahead_add_incident(struct ahead *a, unsigned partition, uint64_t identity, int64_t time)
{
	XGROW(a->incidents, a->nincidents);
	a->incidents[a->nincidents++] = (struct incident){identity, time, partition};
	a->sorted = false;
}

/* The first that is not before ${wanted}. */
static size_t
first_of(const struct ahead *a, const struct incident *wanted)
{
	size_t low = 0, high = a->nincidents;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_identity(&a->incidents[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
ahead_has_incident(
    struct ahead *a, unsigned partition, uint64_t identity, int64_t time, int64_t span)
{
	struct incident wanted = {identity, time, partition};

	if (a->nincidents > 0 && !a->sorted)
		qsort(a->incidents, a->nincidents, sizeof(*a->incidents), by_identity);
	a->sorted = true;
	for (size_t i = first_of(a, &wanted);
	     i < a->nincidents && by_identity(&a->incidents[i], &wanted) == 0; i++) {
		int64_t apart = time - a->incidents[i].time;

		if (apart == 0 || (apart < span && apart > -span))
			return true;
	}
	return false;
}
