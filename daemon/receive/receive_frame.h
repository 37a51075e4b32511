/*
 * receive_frame: messages out of a stream of bytes, by both framings of RFC 6587,
 * told apart for each frame, since senders change between them as they like.
 *
 * One to seven digits that do not begin with 0, a blank, and a whole <PRI> are a
 * count of octets; without the PRI they may be text.  All else ends at a newline,
 * at a NUL too, and a carriage return before it does not count.
 */
#ifndef RECEIVE_RECEIVE_FRAME_H
#define RECEIVE_RECEIVE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/sv.h"

/* Zeroed but for max and lines to begin with. */
struct receive_frame {
	size_t max;    /* bytes of a message; of a longer one the head is taken.  16 or more */
	bool lines;    /* no counts, and only a newline ends a message: of a FIFO */
	bool counted;  /* the last message came with a count */
	bool skipping; /* what comes up to the next newline belongs to a message cut */
	uint64_t skip; /* and so do so many bytes */
	size_t seen;   /* of what was not used up: known to have no end of line */

	uint64_t cut, cut_bytes; /* messages cut, and what was passed over of them */
};

/* Messages are not empty.  False: not taken, offer it again later. */
typedef bool receive_frame_cb(void *ctx, struct sv message);

enum receive_frame_result {
	FRAME_MORE, /* all that can be used up is; comes again with more behind it */
	FRAME_WAIT, /* the callee did not take a message */
	FRAME_LOST, /* after frames with counts, more than max bytes with neither count nor newline:
	               the count was wrong, and where the next frame begins nobody can know */
};

/* ${data}: the bytes that the last call left and those that came since.  Sets
 * ${used} to how many are used up. */
enum receive_frame_result receive_frame_feed(
    struct receive_frame *f, struct sv data, size_t *used, receive_frame_cb *take, void *ctx);
/* No more will come: what feeding left is a message too.  FRAME_MORE or FRAME_WAIT. */
enum receive_frame_result receive_frame_end(
    struct receive_frame *f, struct sv data, receive_frame_cb *take, void *ctx);

/* ${message} without newlines, carriage returns and NULs at its end. */
struct sv receive_frame_strip(struct sv message);

#endif
