/*
 * source_journal_read: the reader, which reads on from its place in a journal and tells
 * of what is missing there.  All but new, free, seek and result runs in a job.
 *
 * libsystemd passes over damaged entries and vanished files without a word.  So the
 * numbers that journald gives to entries are followed: where some are missing the
 * journal is opened anew, and those still missing then are a gap.  That holds as long
 * as there are no journals of users: these take numbers out of the same sequence under
 * an id of their own.
 *
 * A file that comes while others are read would be joined too late, its first entries
 * passed over.  But it is there before they are, so what a job has read counts only
 * when no file has come by its end; else it is read once more, with all files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "source/source_journal_reader.h"
#include "util/clock.h"
#include "util/vis.h"
#include "util/xalloc.h"

/* What one job reads at most. */
#define JOB_BYTES ((size_t)256 * 1024)
#define JOB_STEPS 4096
/* Steps backwards before the journal is opened anew, after a rest. */
#define BACKWARDS_MAX 16
/* Jobs in a row that are done once more since files came or went meanwhile. */
#define REPEATS_MAX 3

/* ---- gaps --------------------------------------------------------------------------- */

static void
tell_missing(struct source_journal_reader *r, const struct source_journal_cursor *c, uint64_t n)
{
	struct source_journal_piece *p =
	    source_journal_reader_trouble(r, TROUBLE_LOST, r->counted ? n : 0);

	p->text = xasprintf("%s%llu entries before number %llu are not in the journal's files",
	    r->counted ? "the " : "up to ", (unsigned long long)n, (unsigned long long)c->number);
}

/* The first entry after the place was lost.  Nothing is missing when it is the next. */
static void
tell_lost(struct source_journal_reader *r, const struct source_journal_cursor *c)
{
	struct buf text = BUF_INIT;

	if (r->lost_told)
		return;
	r->lost_told = true;
	if (source_journal_cursor_is_akin(c, &r->from)) {
		if (c->number > r->from.number + 1)
			tell_missing(r, c, c->number - r->from.number - 1);
		return;
	}
	if (r->drained)
		return;
	buf_puts(&text, "the entry read last");
	if (r->from.realtime != 0) {
		buf_puts(&text, ", of ");
		clock_format(&text, (int64_t)(r->from.realtime / 1000));
	}
	buf_puts(&text, ", is not in the journal any more, nor may be what came after it");
	source_journal_reader_trouble(r, TROUBLE_LOST, 0)->text = buf_steal(&text);
}

static void
tell_about_entry(struct source_journal_reader *r)
{
	const struct source_journal_entry *e = &r->entry;
	uint64_t lost;

	if (e->damaged > 0)
		source_journal_reader_trouble(r, TROUBLE_UNREADABLE, 0)->text =
		    xasprintf("an entry has %zu damaged fields", e->damaged);
	if (e->cut > 0 || e->left_out > 0)
		source_journal_reader_trouble(r, TROUBLE_OVERSIZE, 0)->text =
		    xasprintf("an entry has %zu values that are too long and %zu fields too many",
		        e->cut, e->left_out);
	if (source_journal_entry_is_loss(e, &lost)) {
		struct sv message = source_journal_entry_part(e, SOURCE_JOURNAL_MESSAGE);
		struct buf text = BUF_INIT;

		buf_puts(&text, "journald says: ");
		message.n = vis_cut(message, 200);
		vis_text(&text, message);
		source_journal_reader_trouble(r, TROUBLE_UPSTREAM, lost)->text = buf_steal(&text);
	}
}

/* ---- entries ---------------------------------------------------------------------------- */

/* What we log ourselves must not make us log.  Only this process, and by the fields
 * that nobody can forge: what is said about us, or by one before us, is examined. */
static bool
is_own(const struct source_journal_reader *r, const struct source_journal_cursor *c)
{
	const struct source_journal_entry *e = &r->entry;

	return sv_is(source_journal_entry_part(e, SOURCE_JOURNAL_PID), r->pid) &&
	    strcmp(c->boot, r->boot) == 0 && c->monotonic >= r->born;
}

static void
gather(struct source_journal_reader *r)
{
	const void *data;
	size_t n;
	int more;

	source_journal_entry_begin(&r->entry, r->max_line);
	sd_journal_restart_data(r->j);
	while ((more = sd_journal_enumerate_data(r->j, &data, &n)) > 0)
		source_journal_entry_add(&r->entry, (struct sv){data, n});
	if (more < 0)
		r->entry.damaged++;
}

static void
deliver(struct source_journal_reader *r, const char *cursor, const struct source_journal_cursor *c)
{
	size_t begin = r->bytes.n;
	const struct source_journal_entry *e = &r->entry;

	gather(r);
	if (!is_own(r, c)) {
		source_journal_entry_write(&r->entry, r->at.offset, c->realtime, &r->bytes);
		tell_about_entry(r);
	}
	source_journal_sequences_seen(&r->sequences, c);
	r->drained = false;
	source_journal_reader_entry(r, cursor, begin, r->bytes.n > begin && e->cut > 0);
}

/* Is the entry behind the lost place? */
static bool
is_wanted(struct source_journal_reader *r, const struct source_journal_cursor *c)
{
	if (!r->strayed)
		return true;
	if (!source_journal_cursor_is_later(c, &r->from, r->boot))
		return false;
	tell_lost(r, c);
	if (source_journal_cursor_is_akin(c, &r->from) ||
	    c->realtime > r->from.realtime + SOURCE_JOURNAL_CLOCK_SLACK)
		r->strayed = false;
	return true;
}

/* Numbers are missing: true when the journal is to be opened anew to see whether it
 * has them. */
static bool
must_reopen(struct source_journal_reader *r, const struct source_journal_cursor *c)
{
	int64_t missing = source_journal_sequences_missing(&r->sequences, c);

	r->backwards += missing < 0;
	if (missing <= 0 || !r->counted) {
		r->reopened = false;
		return false;
	}
	if (!r->reopened)
		return r->reopened = true;
	r->reopened = false;
	tell_missing(r, c, (uint64_t)missing);
	return false;
}

static void
tell_unreadable(struct source_journal_reader *r)
{
	if (r->unreadable_told)
		return;
	r->unreadable_told = true;
	source_journal_reader_trouble(r, TROUBLE_UNREADABLE, 0)->text =
	    xasprintf("there are entries that cannot be read");
}

/* Returns false when the handle is of no more use. */
static bool
examine(struct source_journal_reader *r)
{
	char cursor[SOURCE_JOURNAL_CURSOR_SIZE];
	struct source_journal_cursor c;
	bool strayed = r->strayed;

	if (!source_journal_reader_cursor(r, cursor, &c)) {
		tell_unreadable(r);
		return true;
	}
	if (!is_wanted(r, &c) || strcmp(cursor, r->at.cursor) == 0)
		return true;
	if (!strayed && must_reopen(r, &c)) {
		source_journal_reader_close(r);
		r->more = true;
		return false;
	}
	/* A damaged file may lead in circles. */
	if (r->backwards > BACKWARDS_MAX) {
		tell_unreadable(r);
		source_journal_reader_close(r);
		return false;
	}
	deliver(r, cursor, &c);
	return true;
}

/* ---- the job ------------------------------------------------------------------------------ */

static bool
is_replaced(const struct source_journal_reader *r)
{
	return source_journal_files_stamp(r->where) != r->stamp;
}

/* At the end of what there is: has anything come meanwhile?  A single file that is
 * another one now is read to its end first. */
static bool
has_come(struct source_journal_reader *r)
{
	if (!r->one_file || !is_replaced(r))
		return sd_journal_process(r->j) > 0;
	if (sd_journal_next(r->j) > 0)
		return r->on_entry = true;
	source_journal_reader_close(r);
	r->drained = r->more = true;
	return false;
}

static void
stumble(struct source_journal_reader *r, int error)
{
	source_journal_reader_close(r);
	r->problem.n = 0;
	buf_printf(&r->problem, "cannot be read on: error %d", error);
	if (!r->fault_told)
		source_journal_reader_trouble(r, TROUBLE_UNREADABLE, 0)->text =
		    xstrdup(buf_str(&r->problem));
	r->fault_told = true;
}

static void
read_on(struct source_journal_reader *r)
{
	uint64_t before = r->at.offset;

	for (size_t steps = 0; steps < JOB_STEPS && r->bytes.n < JOB_BYTES; steps++) {
		int n = r->on_entry ? 1 : sd_journal_next(r->j);

		r->on_entry = false;
		if (n < 0) {
			stumble(r, -n);
			return;
		}
		if (n == 0 && !has_come(r))
			return;
		if (n > 0 && !examine(r))
			return;
	}
	/* What does not get on rests before it goes on. */
	r->more = r->at.offset != before || r->strayed;
	r->fault_told = r->fault_told && !r->more;
}

/* Files have come: what was read is read again.  Of a begun source that is where it
 * began. */
static void
repeat(struct source_journal_reader *r, const struct source_journal_place *before, bool fresh,
    size_t ntold)
{
	while (r->ntold > ntold)
		free(r->told[--r->ntold]);
	r->at = *before;
	r->fresh = fresh;
	source_journal_reader_close(r);
	source_journal_reader_clear(r);
	r->more = true;
}

void
source_journal_reader_work(void *reader)
{
	struct source_journal_reader *r = reader;
	struct source_journal_place before = r->at;
	bool fresh = r->fresh;
	size_t ntold = r->ntold;

	source_journal_reader_clear(r);
	if (r->j == NULL && !source_journal_reader_open(r)) {
		/* There is nothing before what will come. */
		if (r->fresh && r->state == TROUBLE_GONE) {
			r->fresh = false;
			r->at = (struct source_journal_place){0};
			source_journal_reader_add(r, SOURCE_JOURNAL_BEGUN);
		}
		return;
	}
	if (r->seek)
		source_journal_reader_go(r);
	read_on(r);
	if (r->j == NULL || r->one_file)
		return;
	if (!is_replaced(r)) {
		r->repeats = 0;
	} else if (r->repeats++ < REPEATS_MAX) {
		repeat(r, &before, fresh, ntold);
	} else {
		source_journal_reader_close(r);
		r->more = true;
	}
}

/* ---- life ----------------------------------------------------------------------------------- */

struct source_journal_reader *
source_journal_reader_new(const char *where, size_t max_line)
{
	struct source_journal_reader *r = xcalloc(1, sizeof(*r));
	struct timespec now;
	sd_id128_t boot;

	r->where = where;
	r->max_line = max_line;
	r->fd = -1;
	r->fresh = true;
	r->state = TROUBLE_WELL;
	snprintf(r->pid, sizeof(r->pid), "%ld", (long)getpid());
	if (sd_id128_get_boot(&boot) >= 0)
		sd_id128_to_string(boot, r->boot);
	clock_gettime(CLOCK_MONOTONIC, &now);
	r->born = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	return r;
}

void
source_journal_reader_free(struct source_journal_reader **rp)
{
	struct source_journal_reader *r = *rp;

	if (r == NULL)
		return;
	source_journal_reader_clear(r);
	sd_journal_close(r->j);
	source_journal_entry_free(&r->entry);
	for (size_t i = 0; i < r->ntold; i++)
		free(r->told[i]);
	free(r->told);
	buf_free(&r->bytes);
	buf_free(&r->problem);
	free(r);
	*rp = NULL;
}

void
source_journal_reader_seek(
    struct source_journal_reader *r, const struct source_journal_place *place, bool at_end)
{
	r->fresh = place == NULL;
	r->at_end = at_end;
	r->at = place != NULL ? *place : (struct source_journal_place){0};
	r->seek = true;
	r->reopened = r->drained = false;
}

void
source_journal_reader_result(
    const struct source_journal_reader *r, struct source_journal_result *result)
{
	*result = (struct source_journal_result){.v = r->pieces,
	    .n = r->npieces,
	    .bytes = buf_str(&r->bytes),
	    .more = r->more,
	    .fd = r->fd,
	    .state = r->state,
	    .problem = r->problem.n > 0 ? buf_str(&r->problem) : NULL};
}
