/*
 * receive_rig: a receiver on real sockets of the loopback interface with a real spool, and
 * senders.  What was sent is compared with the lines of the spool's segments, read from
 * disk by the rig itself.
 */
#ifndef TESTS_RECEIVE_RIG_H
#define TESTS_RECEIVE_RIG_H

#include <check.h>

#include "receive/receive_internal.h"
#include "spool/spool_line.h"

#define MAX_LINE 1024
#define MAX_MESSAGE (MAX_LINE - SPOOL_LINE_OVERHEAD)

struct dirent;
struct rx;

/* A source "net" that listens nowhere yet, in a fresh directory. */
struct rx *rx_new(void);
void rx_free(struct rx *r);

/* What it is made of. */
struct source_conf *rx_conf(struct rx *r);
const char *rx_dir(const struct rx *r);
struct ev *rx_ev(const struct rx *r);
struct receive *rx_receive(const struct rx *r);
struct receive_sockets *rx_sockets(const struct rx *r);
/* The socket of the first address. */
struct receive_socket *rx_socket(const struct rx *r);

/* Listen at ${address} too, which is taken; at the last one no more. */
void rx_listen(struct rx *r, char *address);
void rx_unlisten(struct rx *r);
/* Listen by ${scheme} on the loopback interface, at a port for rx_connect(). */
void rx_listen_inet(struct rx *r, const char *scheme);
/* Listen by ${scheme} at a path in the directory; returns it, to free(). */
char *rx_listen_path(struct rx *r, const char *scheme);
/* A port that is the rig's alone; rx_connect() goes there. */
int rx_port(struct rx *r, int type);

/* False when an address cannot be had. */
bool rx_start(struct rx *r);
void rx_must_start(struct rx *r);
/* Listen by ${scheme}, start, and connect; returns the sender's end. */
int rx_serve(struct rx *r, const char *scheme);
/* Take what was sent, and bring it to disk; then, with stop, end. */
void rx_drain(struct rx *r);
void rx_stop(struct rx *r);
/* Stop for a change to what the configuration is now. */
void rx_stop_for_change(struct rx *r);
/* End without draining; give up the sockets. */
void rx_quit(struct rx *r);
void rx_forget_sockets(struct rx *r);

/* Of the address ${i}, or the socket that it stands for; and how many there are. */
const struct receive_status *rx_status(struct rx *r, size_t i);
size_t rx_nstatus(struct rx *r);
/* Messages that were told as lost, how often something was told, and the last of it. */
uint64_t rx_lost(const struct rx *r, enum trouble_kind kind);
uint64_t rx_times(const struct rx *r, enum trouble_kind kind);
const char *rx_text(const struct rx *r);

/* Turn the loop until there are so many, or none; fail the test when that never comes. */
void rx_wait_messages(struct rx *r, size_t n);
void rx_wait_connections(struct rx *r, size_t n);
void rx_wait_refused(struct rx *r, size_t n);
void rx_wait_trouble(struct rx *r, enum trouble_kind kind);

/* All that is in the spool is ${want}: "ORIGIN MESSAGE" lines in order; how many there are. */
void rx_check_spooled(struct rx *r, const char *want);
size_t rx_count_spooled(struct rx *r);
/* Of ${sent} messages each is in the spool or was told as lost for this reason. */
void rx_check_all_told(struct rx *r, size_t sent, enum trouble_kind kind);
/* For scandir(). */
int rx_is_segment(const struct dirent *d);

/* Senders. */
int rx_connect(struct rx *r);
int rx_dial(int type, int port);
int rx_dial_unix(int type, const char *path);
void rx_put(int fd, struct sv s);
void rx_puts(int fd, const char *s);
void rx_repeat(int fd, size_t n, const char *s);
/* The peer has closed it; closes it too. */
void rx_check_closed(int fd);

#endif
