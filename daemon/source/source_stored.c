/*
 * source_stored: what the committed positions say of files that are not open yet, or not
 * any more, and open files taken back to them.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "source/source_internal.h"
#include "util/xalloc.h"

#define ENDED                                                                                      \
	1000 /* streams that were read to their end are known of: as many as the state keeps */

static int
by_age(const void *va, const void *vb)
{
	const struct source_stored *a = va, *b = vb;

	if (a->id.birth != b->id.birth)
		return a->id.birth < b->id.birth ? -1 : 1;
	return 0;
}

static void
remember_mark(struct source_set *s, const char *id)
{
	for (size_t i = 0; i < s->nsources; i++)
		if (strcmp(s->sources[i].conf->id.s, id) == 0)
			s->sources[i].known = true;
}

static void
forget_first_ended(struct source_set *s)
{
	free(s->ended[0].log);
	s->nended--;
	memmove(s->ended, s->ended + 1, s->nended * sizeof(*s->ended));
}

static void
forget_all(struct source_set *s)
{
	while (s->nstored > 0)
		source_set_forget(s, s->nstored - 1);
	while (s->nended > 0)
		forget_first_ended(s);
}

void
source_set_end(struct source_set *s, const struct position *pos)
{
	struct source_ended ended = {.offset = pos->offset, .check = pos->check};

	if (!source_identity_parse(pos->stream, &ended.id))
		return;
	if (s->nended == ENDED)
		forget_first_ended(s);
	ended.log = source_set_log(s, pos->path);
	XGROW(s->ended, s->nended);
	s->ended[s->nended++] = ended;
}

static void
remember(struct source_set *s, const struct position *pos)
{
	static const char mark[] = "source:";
	struct source_id id;

	if (strncmp(pos->stream, mark, sizeof(mark) - 1) == 0) {
		remember_mark(s, pos->stream + sizeof(mark) - 1);
	} else if (pos->path == NULL || !source_identity_parse(pos->stream, &id)) {
		return;
	} else if (pos->done) {
		source_set_end(s, pos);
	} else {
		XGROW(s->stored, s->nstored);
		s->stored[s->nstored++] = (struct source_stored){.id = id,
		    .path = xstrdup(pos->path),
		    .log = source_set_log(s, pos->path),
		    .offset = pos->offset,
		    .check = pos->check};
	}
}

void
source_stored_take(struct source_set *s, const struct position *committed, size_t n)
{
	for (size_t i = 0; i < s->nsources; i++)
		s->sources[i].known = false;
	source_recover_again(s);
	forget_all(s);
	for (size_t i = 0; i < n; i++)
		remember(s, &committed[i]);
	if (s->nstored > 0)
		qsort(s->stored, s->nstored, sizeof(*s->stored), by_age);
	for (size_t i = 0; i < s->nsources; i++)
		s->sources[i].announce =
		    s->sources[i].begun && !s->sources[i].known && s->sources[i].conf->files.n > 0;
}

/* Gaps that nobody knows of are told again with the position; those of a stored
 * position are stored like it. */
static void
owe_gaps(struct source_file *f, bool stored)
{
	if (stored)
		f->ngaps = 0;
	for (size_t i = 0; i < f->ngaps; i++)
		f->gaps[i].told = false;
}

void
source_stored_rewind(struct source_set *s, struct source_file *f)
{
	const struct source_stored *st = source_set_stored(s, &f->id);
	uint64_t offset = st != NULL ? st->offset : f->first, check = st != NULL ? st->check : 0;

	owe_gaps(f, st != NULL);
	f->announce = st == NULL;
	f->stated = st != NULL;
	if (st != NULL)
		source_set_forget(s, (size_t)(st - s->stored));
	if (!source_file_seek(f, offset, check)) {
		if (f->renewed)
			source_steps_clear(&f->steps);
		source_cut(s, f, offset, check);
	}
	source_set_check(s, f);
}

void
source_stored_free(struct source_set *s)
{
	forget_all(s);
	free(s->stored);
	free(s->ended);
}
