/*
 * intake_losses: see intake_losses.h.  Holds few: those of one kind, source and
 * path are summed up while they cannot be told.  intake_losses_file.c has the file.
 */
#include "intake_losses.h"

#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct loss *
find_new(const struct intake_losses *l, const struct trouble *t)
{
	for (size_t i = 0; i < l->n; i++) {
		struct loss *loss = &l->v[i];

		if (loss->state == LOSS_NEW && loss->trouble.kind == t->kind &&
		    is_same(loss->trouble.source, t->source) &&
		    is_same(loss->trouble.path, t->path))
			return loss;
	}
	return NULL;
}

static char *
copy(const char *s)
{
	return s == NULL ? NULL : xstrdup(s);
}

static void
clear(struct loss *loss)
{
	free((char *)(uintptr_t)loss->trouble.source);
	free((char *)(uintptr_t)loss->trouble.path);
	free((char *)(uintptr_t)loss->trouble.text);
}

bool
intake_losses_add(struct intake_losses *l, const struct trouble *t)
{
	struct loss *loss = find_new(l, t);
	bool first = loss == NULL;
	uint64_t lost = t->lost;

	if (first) {
		XGROW(l->v, l->n);
		loss = &l->v[l->n++];
	} else {
		lost += loss->trouble.lost;
		clear(loss);
	}
	*loss = (struct loss){.trouble = *t, .state = LOSS_NEW};
	loss->trouble.stream = NULL;
	loss->trouble.source = xstrdup(t->source);
	loss->trouble.path = copy(t->path);
	loss->trouble.text = copy(t->text);
	loss->trouble.lost = lost;
	return first;
}

void
intake_losses_tell(struct intake_losses *l, intake_losses_cb *tell, void *ctx)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].state != LOSS_NEW)
			continue;
		l->v[i].state = LOSS_TOLD;
		tell(ctx, &l->v[i].trouble);
	}
}

void
intake_losses_sent(struct intake_losses *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].state == LOSS_TOLD)
			l->v[i].state = LOSS_SENT;
}

void
intake_losses_confirmed(struct intake_losses *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].state == LOSS_SENT)
			clear(&l->v[i]);
		else
			l->v[kept++] = l->v[i];
	}
	l->n = kept;
}

void
intake_losses_again(struct intake_losses *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i].state = LOSS_NEW;
}

void
intake_losses_free(struct intake_losses *l)
{
	for (size_t i = 0; i < l->n; i++)
		clear(&l->v[i]);
	free(l->v);
	free(l->path);
	*l = (struct intake_losses){0};
}
