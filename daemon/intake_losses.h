/*
 * intake_losses: messages that were lost before they were on disk, kept until Redis
 * has confirmed that it knows.  Sources tell their gaps again when they start
 * again; of these nobody else knows.  While Redis is away they are in a file too.
 */
#ifndef INTAKE_LOSSES_H
#define INTAKE_LOSSES_H

#include <stdbool.h>
#include <stddef.h>

#include "model/trouble.h"

enum loss_state { LOSS_NEW, LOSS_TOLD, LOSS_SENT };

struct loss {
	struct trouble trouble; /* its strings are owned */
	enum loss_state state;
};

struct intake_losses {
	struct loss *v;
	size_t n;
	char *path; /* of the file; NULL = none */
	bool saved; /* it is there, and may be told once more by who finds it */
};

/* Begin with those that the file ${path} has, if there is one.  It is made by
 * intake_losses_save() only. */
void intake_losses_load(struct intake_losses *l, const char *path);
/* Bring the file up to date: on disk with all that is held, or, without any, gone. */
void intake_losses_save(struct intake_losses *l);

/* Add ${t}; what is new and of the same kind, source and path is one loss.  Is it the
 * first of these? */
bool intake_losses_add(struct intake_losses *l, const struct trouble *t);

/* Tell those that are new. */
typedef void intake_losses_cb(void *ctx, const struct trouble *t);
void intake_losses_tell(struct intake_losses *l, intake_losses_cb *tell, void *ctx);
/* What was told is in a commit that is sent now; that was confirmed; nothing that
 * was sent counts: tell it again. */
void intake_losses_sent(struct intake_losses *l);
void intake_losses_confirmed(struct intake_losses *l);
void intake_losses_again(struct intake_losses *l);
void intake_losses_free(struct intake_losses *l);

#endif
