/*
 * lists_files: reads the files of lists anew when they change, in a thread.
 */
#ifndef LISTS_FILES_H
#define LISTS_FILES_H

#include "lists.h"

struct lists_files;

/* ${changed}: something is, or is not any more, in the lists. */
struct lists_files *lists_files_new(struct ev *ev, void (*changed)(void *ctx), void *ctx);
void lists_files_free(struct lists_files **l);

/* Watch the files of ${rules}, which were just read, from now on. */
void lists_files_set_rules(struct lists_files *l, struct ruleset *rules);

void lists_files_each(const struct lists_files *l, lists_status_cb *cb, void *ctx);

#endif
