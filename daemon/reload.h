/*
 * reload: configuration and rules anew, as a transaction.  Loading and testing
 * run in a thread, however many rules there are; what changes, changes on the
 * loop between two lines, by pointer.
 */
#ifndef RELOAD_H
#define RELOAD_H

struct control_request;
struct daemon;

/* Begin.  ${req} is answered when it is over; NULL for a signal: errors then go to
 * standard error, and one more signal meanwhile means once more. */
void reload_start(struct daemon *d, struct control_request *req);

/* Wait for what is under way and forget it; its request is told. */
void reload_abandon(struct daemon *d);

#endif
