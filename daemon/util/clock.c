/*
 * clock: see clock.h.
 */
#include "util/clock.h"

#include <stdbool.h>
#include <time.h>

#include "util/buf.h"

static int64_t wall, mono;
static bool is_virtual;

static int64_t
read_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
clock_update(void)
{
	if (!is_virtual)
		wall = read_ms(CLOCK_REALTIME);
	mono = read_ms(CLOCK_MONOTONIC);
}

int64_t
clock_now(void)
{
	if (wall == 0)
		clock_update();
	return wall;
}

int64_t
clock_mono(void)
{
	if (mono == 0)
		clock_update();
	return mono;
}

void
clock_set_virtual(int64_t ms)
{
	is_virtual = true;
	wall = ms;
}

void
clock_format(struct buf *out, int64_t ms)
{
	time_t t = (time_t)(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
	int frac = (int)(ms - (int64_t)t * 1000);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL) {
		buf_puts(out, "1970-01-01T00:00:00.000Z");
		return;
	}
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
	    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, frac);
}
