/*
 * ev_internal: what the files of ev/ share.
 */
#ifndef EV_EV_INTERNAL_H
#define EV_EV_INTERNAL_H

#include <stdbool.h>

struct event_base;

struct ev {
	struct event_base *base;
	bool stopping;
};

#endif
