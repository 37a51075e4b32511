/*
 * source_journal_reader: what the parts of the reader share.
 *
 * Not for anybody else: see source_journal_internal.h.
 */
#ifndef SOURCE_JOURNAL_READER_H
#define SOURCE_JOURNAL_READER_H

#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include "source/source_journal_internal.h"

/* How much the wall clock may have been set back while the place was lost. */
#define SOURCE_JOURNAL_CLOCK_SLACK ((uint64_t)3600 * 1000000) /* us */

struct source_journal_reader {
	const char *where;
	size_t max_line;
	sd_journal *j; /* NULL = to be opened */
	int fd;
	uint64_t stamp; /* of the files when it was opened */
	bool counted;   /* no number should be missing */
	bool one_file;
	unsigned repeats;

	struct source_journal_place at; /* all up to here is delivered */
	bool fresh, at_end;             /* there is no place yet; it shall be the end */
	bool seek;                      /* the handle is not at the place */
	bool on_entry;                  /* it stands on an entry that is to be examined */
	bool strayed;                   /* the entry of the place is gone: look at each ... */
	bool lost_told;
	struct source_journal_cursor from; /* ... whether it is later than this */
	struct source_journal_sequences sequences;
	bool reopened; /* because numbers were missing */
	unsigned backwards;
	bool unreadable_told; /* in this job */
	bool fault_told;
	bool drained; /* the journal was read to its end before it was closed */

	char pid[24], boot[SD_ID128_STRING_MAX]; /* our own */
	uint64_t born;                           /* us, monotonic */
	char **told;                             /* damaged files, owned */
	size_t ntold;
	struct source_journal_entry entry;

	struct source_journal_piece *pieces;
	size_t npieces;
	struct buf bytes, problem;
	enum trouble_kind state;
	bool more;
};

/* ---- source_journal_result.c: what the loop gets ---------------------------------- */

struct source_journal_piece *source_journal_reader_add(
    struct source_journal_reader *r, enum source_journal_piece_kind kind);
struct source_journal_piece *source_journal_reader_trouble(
    struct source_journal_reader *r, enum trouble_kind kind, uint64_t lost);
/* The place moves to the entry of ${cursor}, whose line is what has been added to the
 * bytes since ${begin}. */
void source_journal_reader_entry(
    struct source_journal_reader *r, const char *cursor, size_t begin, bool cut);
void source_journal_reader_clear(struct source_journal_reader *r);

/* ---- source_journal_open.c: the handle -------------------------------------------- */

/* False when there is nothing to open or it cannot be: the state says why. */
bool source_journal_reader_open(struct source_journal_reader *r);
void source_journal_reader_close(struct source_journal_reader *r);

/* ---- source_journal_place.c: where it is to read on --------------------------------- */

/* To the place, or where the source is to begin. */
void source_journal_reader_go(struct source_journal_reader *r);
/* The cursor of the entry that the handle stands on, in ${text} and ${c}. */
bool source_journal_reader_cursor(struct source_journal_reader *r,
    char text[SOURCE_JOURNAL_CURSOR_SIZE], struct source_journal_cursor *c);

#endif
