/*
 * source_journal_result: the pieces that a job of the reader makes for the loop.
 */
#include <stdlib.h>
#include <string.h>

#include "source/source_journal_reader.h"
#include "util/xalloc.h"

struct source_journal_piece *
source_journal_reader_add(struct source_journal_reader *r, enum source_journal_piece_kind kind)
{
	struct source_journal_piece *p;

	XGROW(r->pieces, r->npieces);
	p = &r->pieces[r->npieces++];
	*p = (struct source_journal_piece){.kind = kind,
	    .place = r->at,
	    .offset = r->at.offset,
	    .begin = r->bytes.n,
	    .end = r->bytes.n};
	return p;
}

struct source_journal_piece *
source_journal_reader_trouble(
    struct source_journal_reader *r, enum trouble_kind kind, uint64_t lost)
{
	struct source_journal_piece *p = source_journal_reader_add(r, SOURCE_JOURNAL_TROUBLE);

	p->trouble = kind;
	p->lost = lost;
	return p;
}

void
source_journal_reader_entry(
    struct source_journal_reader *r, const char *cursor, size_t begin, bool cut)
{
	struct source_journal_piece *p = r->npieces > 0 ? &r->pieces[r->npieces - 1] : NULL;

	if (p == NULL || p->kind != SOURCE_JOURNAL_LINES || p->cut || cut) {
		p = source_journal_reader_add(r, SOURCE_JOURNAL_LINES);
		p->begin = begin;
		p->cut = cut;
	}
	memcpy(r->at.cursor, cursor, strlen(cursor) + 1);
	r->at.offset++;
	p->place = r->at;
	p->end = r->bytes.n;
}

void
source_journal_reader_clear(struct source_journal_reader *r)
{
	for (size_t i = 0; i < r->npieces; i++) {
		free(r->pieces[i].path);
		free(r->pieces[i].text);
	}
	free(r->pieces);
	r->pieces = NULL;
	r->npieces = 0;
	r->bytes.n = 0;
	r->more = r->unreadable_told = false;
}
