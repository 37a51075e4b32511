/*
 * source_judge: one look at the rotated files of a log, which source_recover.c makes.
 */
#ifndef SOURCE_JUDGE_H
#define SOURCE_JUDGE_H

#include "source/source_internal.h"

/* An archive that was, or is to be, compared with what is known. */
struct source_tried {
	struct source_sibling sibling;
	bool over;
	int error;
	struct source_record is;
};

/* What is found out of one sibling. */
struct source_judged {
	bool known;              /* it is open, stored or ended, or a copy of that */
	bool stated;             /* and the state knows it */
	bool unread;             /* nothing known has this content, or it is sought */
	bool empty;              /* nothing is to be read of it */
	bool take;               /* to be read */
	struct source_record is; /* what it is known as; of what is taken, goes on as */
	struct source_file *file;
};

/* One look at a log. */
struct source_look {
	struct source_set *s;
	struct source_search *search;
	struct source_siblings siblings;
	struct source_judged *v; /* of each */
	struct source_records records;
	uint64_t newest;  /* birth of the youngest that the state knows; 0 = none */
	int64_t floor;    /* what is older is of no use; 0 = not known */
	bool wait;        /* there is something to be done first */
};

/* Fill in ${l->v} and settle what is sought of that; l->wait when archives are to be
 * tried first, or names have changed.  The newest come first: where their order is
 * known, what is before one that the state knows is of no interest, unless something
 * is sought. */
void source_judge_all(struct source_look *l);
/* Say which are to be read, and as what; what is left sought is nowhere. */
void source_judge_choose(struct source_look *l);
/* ${sibling} could not be opened for ${error}.  Names may have changed meanwhile, or it may be
 * opened later: wait.  What may not be read is not. */
void source_judge_cannot_open(
    struct source_look *l, const struct source_sibling *sibling, int error);
/* Too many files open? */
bool source_judge_is_full(int error);

#endif
