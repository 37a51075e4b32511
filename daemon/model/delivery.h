/*
 * delivery: one message of one incident to one channel, from outbox to outcome.
 */
#ifndef MODEL_DELIVERY_H
#define MODEL_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

/* An outbox entry.  Strings are owned by whoever holds the struct. */
struct delivery {
	char *id;       /* stable over retries and restarts: the webhook-id */
	char *channel;  /* id of the configured channel */
	char *incident; /* incident id */
	int64_t seq;    /* order within the incident: lower first */
	int64_t attempts;
	int64_t created; /* wall ms when it entered the outbox */
	int64_t due;    /* wall ms of the next attempt; 0 = at once */
	char *message;  /* JSON text as stored by the commit: {"type", "timestamp", "data"} */
};

/* What became of one attempt. */
struct outcome {
	bool delivered;
	bool dead;      /* given up: stays visible, is not tried again */
	int64_t due;    /* wall ms of the next attempt when neither of those */
	long status;    /* HTTP status, 0 when there was no answer */
	char text[256]; /* for people: "200", "connection refused", ... printable */
};

#endif
