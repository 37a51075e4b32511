/*
 * crash: named points where a test can have the process die at once, as if the
 * power were cut.  Only in builds with --enable-crash-points; in all others they
 * are nothing.
 */
#ifndef UTIL_CRASH_H
#define UTIL_CRASH_H

#ifdef TRIAGED_CRASH_POINTS

/* With TRIAGED_CRASH_AT=NAME:N in the environment the N-th call with this name
 * does not return.  With TRIAGED_CRASH_LIST=FILE each first call with a name
 * appends the name to the file: how a test learns which there are. */
void crash_point(const char *name);
#define CRASH_POINT(name) crash_point(name)

#else
#define CRASH_POINT(name) ((void)0)
#endif

#endif
