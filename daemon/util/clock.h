/*
 * clock: the time, read once a turn of the loop.  Milliseconds everywhere.
 * Wall time since the epoch is for people and for dating lines; monotonic time
 * is for timers.  With a virtual clock, wall time is what it was set to.
 */
#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stdint.h>

struct buf;

/* Read the clocks; called by the loop at the start of each turn. */
void clock_update(void);

int64_t clock_now(void);  /* wall, ms since the epoch, as of the last update */
int64_t clock_mono(void); /* monotonic, ms, as of the last update */

/* From now on clock_now() gives ${ms} and only this call changes it. */
void clock_set_virtual(int64_t ms);

/* Append ${ms} as RFC 3339 in UTC: 2026-01-31T23:59:59.123Z */
void clock_format(struct buf *out, int64_t ms);

#endif
