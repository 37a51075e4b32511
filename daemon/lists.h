/*
 * lists: brings what lists have in Redis, and in files that change (lists_files.h), to the rules
 * that look values up in them.
 *
 * A set is read in pages, one at a time, and what came is made a list in a thread.  What was
 * known last is used until something else is known: while Redis is away too.
 */
#ifndef LISTS_H
#define LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev;
struct lists;
struct ruleset;
struct state;

/* ${filled}: lines may be looked at, since all that the rules look up is known, or cannot be.
 * ${changed}: something is, or is not any more, in the lists. */
struct lists_cb {
	void (*filled)(void *ctx);
	void (*changed)(void *ctx);
};

struct lists *lists_new(struct ev *ev, const struct lists_cb *cb, void *ctx);
/* After the state is freed. */
void lists_free(struct lists **l);

/* Fill the lists of ${rules} from now on. */
void lists_set_rules(struct lists *l, struct ruleset *rules);
/* Redis is here; it is away. */
void lists_start(struct lists *l, struct state *s);
void lists_stop(struct lists *l);

/* Is all known that rules look up? */
bool lists_are_filled(const struct lists *l);

struct lists_status {
	const char *list; /* one that uses it */
	const char *set;  /* NULL: it is a file */
	const char *file; /* its path; NULL: it is a set */
	size_t values;
	size_t invalid; /* of them; left out */
	bool known;     /* it has been read */
	const char *problem; /* NULL: none */
};
typedef void lists_status_cb(void *ctx, const struct lists_status *st);
void lists_each(const struct lists *l, lists_status_cb *cb, void *ctx);

#endif
