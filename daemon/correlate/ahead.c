/*
 * ahead: see ahead.h.  A sorted list, since most of the time it is empty, and a moment
 * after a failure it is again.
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

struct ahead {
	struct counted *counted; /* by stream and partition */
	size_t n;
	size_t left; /* not passed */
};

struct ahead *
ahead_new(void)
{
	return xcalloc(1, sizeof(struct ahead));
}

void
ahead_clear(struct ahead *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->counted[i].stream);
	free(a->counted);
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
		ahead_clear(a);
}
