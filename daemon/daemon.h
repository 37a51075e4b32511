/*
 * daemon: from a configuration file to a running pipeline, and down again.
 */
#ifndef DAEMON_H
#define DAEMON_H

/* Exit codes of triaged; documented in triaged(8). */
enum { DAEMON_OK = 0, DAEMON_FAILED = 1, DAEMON_BAD_CONFIG = 2 };

/* Read ${path} and the rules it names and run the rules' tests; print what is
 * wrong on standard error, or a summary on standard output. */
int daemon_check(const char *path);

/* Run until told to stop. */
int daemon_run(const char *path);

#endif
