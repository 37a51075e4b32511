/*
 * correlate_window: the sliding-window test on event time.
 */
#include <stdlib.h>

#include "correlate/correlate_internal.h"
#include "util/xalloc.h"

static int
ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

bool
window_around(const int64_t *times, size_t n, int64_t within, size_t count)
{
	int64_t newest = n == 0 ? 0 : times[n - 1], *near;
	size_t nnear = 0, before = 0;
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		if (llabs(times[i] - newest) <= within) {
			nnear++;
			before += times[i] <= newest;
		}
	}
	if (nnear < count || before >= count)
		return before >= count;
	/* Late arrivals: the span may reach beyond the newest to arrive. */
	near = xrealloc(NULL, nnear, sizeof(*near));
	nnear = 0;
	for (size_t i = 0; i < n; i++)
		if (llabs(times[i] - newest) <= within)
			near[nnear++] = times[i];
	qsort(near, nnear, sizeof(*near), ascending);
	for (size_t i = 0; i + count <= nnear && !found; i++)
		found = near[i] <= newest && near[i + count - 1] >= newest &&
		    near[i + count - 1] - near[i] <= within;
	free(near);
	return found;
}
