/*
 * incident_text: incidents as tables and pages for people, from the JSON that
 * the state functions answer with.  Everything is made harmless for a terminal.
 */
#ifndef INCIDENT_INCIDENT_TEXT_H
#define INCIDENT_INCIDENT_TEXT_H

#include <jansson.h>

#include "util/buf.h"

/* A table of ${incidents} (an array), one line each; says so when it is empty. */
void incident_text_list(const json_t *incidents, struct buf *out);

/* One incident whole: ${shown} has "incident", "history" and "deliveries". */
void incident_text_page(const json_t *shown, struct buf *out);

#endif
