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

/* The last ${n} digits of ${value} at ${to}. */
static void
put_digits(char *to, size_t n, int value)
{
	while (n-- > 0) {
		to[n] = (char)('0' + value % 10);
		value /= 10;
	}
}

/* Each line of evidence has a time: no printf here. */
void
clock_format(struct buf *out, int64_t ms)
{
	time_t t = (time_t)(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
	char text[] = "1970-01-01T00:00:00.000Z";
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL && tm.tm_year >= -1900 && tm.tm_year < 10000 - 1900) {
		put_digits(text, 4, tm.tm_year + 1900);
		put_digits(text + 5, 2, tm.tm_mon + 1);
		put_digits(text + 8, 2, tm.tm_mday);
		put_digits(text + 11, 2, tm.tm_hour);
		put_digits(text + 14, 2, tm.tm_min);
		put_digits(text + 17, 2, tm.tm_sec);
		put_digits(text + 20, 3, (int)(ms - (int64_t)t * 1000));
	}
	buf_puts(out, text);
}
