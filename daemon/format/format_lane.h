/*
 * format_lane: the queues of records that wait, see format_join.c.  Data only:
 * nothing here gives anything on.
 *
 * A lane is one file with its rotations, or one spool.  It exists while something
 * waits in it.  Streams are the source's: it keeps those whose position has not
 * reached their end, and here lie only such.
 */
#ifndef FORMAT_FORMAT_LANE_H
#define FORMAT_FORMAT_LANE_H

#include "format/format_internal.h"

#define LANES_MAX 1024
#define LANE_STREAMS 4
#define LANE_OPEN 256

/* Where a record begins in a stream, or how far a stream is. */
struct place {
	const struct stream *stream;
	uint64_t offset;
	uint64_t check; /* of a chunk that ends here; else 0 */
};

struct format_entry {
	struct format_entry *next;         /* in the queue */
	const struct format_kind *kind;    /* open: that joins it */
	struct place places[LANE_STREAMS]; /* where its lines begin in each of its streams */
	size_t nplaces;
	struct buf text; /* open: the lines; then: the line of its record */
	struct buf own;  /* what the views below point into */
	struct sv key, transport, peer, peer_name, stem;
	size_t nstem;
	uint64_t number;     /* of the first line, as the source counts */
	uint64_t begin, end; /* its first and its last line, counted in the lane */
	int64_t time;        /* of the first line */
	int64_t due;         /* clock_mono() */
	unsigned others;     /* lines of others that came meanwhile */
	bool open, cut;
};

struct lane {
	char *name;
	struct format_entry *first, **last;
	struct format_entry *checked;         /* this one and those before it are complete ... */
	uint64_t end;                         /* ... and have no line beyond this one */
	uint64_t line;                        /* the line in hand */
	struct format_entry *open[LANE_OPEN]; /* in the order of opening */
	size_t nopen, nentries, bytes;
	struct place read[LANE_STREAMS]; /* how far they have been read; the last one is current */
	uint64_t given[LANE_STREAMS];    /* up to where they have been given on */
	size_t nread;
};

struct format_join {
	struct lane *lanes[LANES_MAX];
	size_t nlanes;
	struct lane *lane; /* of the chunk in hand; NULL while nothing waits in it */
	const struct chunk *chunk;
	struct format_entry *spare; /* to use again, without allocating */
	size_t nspare;
	size_t bytes; /* of all lanes */
};

/* An entry that begins with ${in}; not yet in a lane. */
struct format_entry *format_lane_entry(struct format_join *j, const struct format_line *in);
/* Copy ${s} into what the entry owns, where room has been reserved. */
struct sv format_lane_keep(struct format_entry *e, struct sv s);
void format_lane_spare(struct format_join *j, struct format_entry *e);
void format_lane_entry_free(struct format_entry *e);
/* For the bounds: its bytes, and that they have changed. */
size_t format_lane_weight(const struct format_entry *e);
void format_lane_count(struct format_join *j, struct lane *l, size_t before, size_t after);

/* At the end of the queue of j->lane. */
void format_lane_enqueue(struct format_join *j, struct format_entry *e);
struct format_entry *format_lane_dequeue(struct format_join *j, struct lane *l);

/* The lane in which ${chunk} goes on, or NULL. */
struct lane *format_lane_find(const struct format_join *j, const struct chunk *chunk);
/* j->lane for j->chunk; there must be room for one. */
void format_lane_new(struct format_join *j);
void format_lane_free(struct format_join *j, struct lane *l);
/* The index of ${stream} in l->read; l->nread when it is not there. */
size_t format_lane_stream(const struct lane *l, const struct stream *stream);
struct place format_lane_end(const struct chunk *chunk);
/* Up to where the stream of ${read} is examined: to where what waits begins. */
struct place format_lane_examined(const struct lane *l, const struct place *read);

#endif
