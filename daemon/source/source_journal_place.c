/*
 * source_journal_place: puts the handle where the reader is to read on: at the entry of
 * its cursor, else as near before what follows as boot and time tell.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "source/source_journal_reader.h"
#include "util/xalloc.h"

static uint64_t
wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

bool
source_journal_reader_cursor(struct source_journal_reader *r, char text[SOURCE_JOURNAL_CURSOR_SIZE],
    struct source_journal_cursor *c)
{
	char *s = NULL;
	bool ok = sd_journal_get_cursor(r->j, &s) >= 0 && strlen(s) < SOURCE_JOURNAL_CURSOR_SIZE &&
	    source_journal_cursor_parse(s, c);

	if (ok)
		memcpy(text, s, strlen(s) + 1);
	free(s);
	return ok;
}

static void
begin_at_end(struct source_journal_reader *r)
{
	struct source_journal_cursor c;

	if (sd_journal_seek_tail(r->j) < 0 || sd_journal_previous(r->j) <= 0 ||
	    !source_journal_reader_cursor(r, r->at.cursor, &c)) {
		sd_journal_seek_head(r->j);
		return;
	}
	source_journal_sequences_seen(&r->sequences, &c);
	source_journal_reader_trouble(r, TROUBLE_START, 0)->text =
	    xasprintf("what was in the journal before it was first read is not examined");
}

static void
begin(struct source_journal_reader *r)
{
	r->at = (struct source_journal_place){0};
	r->fresh = false;
	if (r->at_end)
		begin_at_end(r);
	else
		sd_journal_seek_head(r->j);
	source_journal_reader_add(r, SOURCE_JOURNAL_BEGUN);
}

/* To the entry of the place itself, or to one that is certainly behind it. */
static bool
go_by_cursor(struct source_journal_reader *r)
{
	char text[SOURCE_JOURNAL_CURSOR_SIZE];
	struct source_journal_cursor c;

	if (sd_journal_seek_cursor(r->j, r->at.cursor) < 0 || sd_journal_next(r->j) <= 0)
		return false;
	if (sd_journal_test_cursor(r->j, r->at.cursor) > 0)
		return true;
	r->strayed = r->on_entry = source_journal_reader_cursor(r, text, &c) &&
	    source_journal_cursor_is_akin(&c, &r->from) && c.number > r->from.number;
	return r->strayed;
}

static bool
go_by_boot(struct source_journal_reader *r)
{
	char text[SOURCE_JOURNAL_CURSOR_SIZE];
	struct source_journal_cursor c;
	sd_id128_t boot;

	if (r->from.boot[0] == '\0' || sd_id128_from_string(r->from.boot, &boot) < 0 ||
	    sd_journal_seek_monotonic_usec(r->j, boot, r->from.monotonic) < 0 ||
	    sd_journal_next(r->j) <= 0)
		return false;
	r->strayed = r->on_entry =
	    source_journal_reader_cursor(r, text, &c) && strcmp(c.boot, r->from.boot) == 0;
	return r->strayed;
}

static void
go_by_time(struct source_journal_reader *r)
{
	uint64_t now = wall_now();

	/* Of a clock that was set back since, nothing would ever be later. */
	if (r->from.realtime > now)
		r->from.realtime = now;
	if (r->from.realtime > SOURCE_JOURNAL_CLOCK_SLACK)
		sd_journal_seek_realtime_usec(r->j, r->from.realtime - SOURCE_JOURNAL_CLOCK_SLACK);
	else
		sd_journal_seek_head(r->j);
	r->strayed = true;
}

void
source_journal_reader_go(struct source_journal_reader *r)
{
	r->seek = r->on_entry = r->strayed = r->lost_told = false;
	r->sequences.n = 0;
	if (r->fresh) {
		begin(r);
		return;
	}
	if (r->at.cursor[0] == '\0') {
		sd_journal_seek_head(r->j);
		return;
	}
	source_journal_cursor_parse(r->at.cursor, &r->from);
	if (!go_by_cursor(r) && !go_by_boot(r))
		go_by_time(r);
	source_journal_sequences_seen(&r->sequences, &r->from);
}
