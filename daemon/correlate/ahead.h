/*
 * ahead: streams of which some partitions have counted more than others.
 *
 * A batch is committed to each partition by itself.  When the daemon dies, or Redis goes
 * away, in between, all is read again from the position that is furthest back, and what
 * a partition has counted already must not be counted there again.  Nor must incidents that
 * are on their way from one partition to another, or are opened once more.
 */
#ifndef CORRELATE_AHEAD_H
#define CORRELATE_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

struct ahead;
struct batch_position;

struct ahead *ahead_new(void);
void ahead_free(struct ahead **a);
void ahead_clear(struct ahead *a);

/* ${partition} has counted ${stream} up to ${offset}; ${done}: it knows that the stream
 * has ended there.  In order of stream and partition, each once. */
void ahead_add(
    struct ahead *a, const char *stream, unsigned partition, uint64_t offset, bool done);

/* Is there any such stream? */
bool ahead_any(const struct ahead *a);

/* Has ${partition} counted what stands at ${offset}? */
bool ahead_has(const struct ahead *a, const char *stream, unsigned partition, uint64_t offset);
/* Is ${pos} old to ${partition}? */
bool ahead_knows(const struct ahead *a, unsigned partition, const struct batch_position *pos);
/* All partitions have committed ${pos}. */
void ahead_passed(struct ahead *a, const struct batch_position *pos);

/* ${partition} has counted, for rules about incidents, one that opened at ${time}. */
void ahead_add_incident(
    struct ahead *a, unsigned partition, uint64_t identity, int64_t time);
/* Has it counted this one?  When it is opened once more it may be by another of the events
 * that are less than ${span} ms apart. */
bool ahead_has_incident(
    struct ahead *a, unsigned partition, uint64_t identity, int64_t time, int64_t span);

#endif
