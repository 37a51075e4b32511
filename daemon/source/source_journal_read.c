/*
 * source_journal_read: the reader, which finds its place in a journal and reads on
 * from it.  All here but new, free, seek and result runs in a job.
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
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "source/source_journal_internal.h"
#include "util/clock.h"
#include "util/vis.h"
#include "util/xalloc.h"

/* What one job reads at most. */
#define JOB_BYTES ((size_t)256 * 1024)
#define JOB_STEPS 4096
/* How much the wall clock may have been set back while the place was lost. */
#define CLOCK_SLACK ((uint64_t)3600 * 1000000) /* us */
/* Steps backwards before the journal is opened anew, after a rest. */
#define BACKWARDS_MAX 16
/* Jobs in a row that are done once more since files came or went meanwhile. */
#define REPEATS_MAX 3

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

/* ---- what the loop gets -------------------------------------------------------- */

static struct source_journal_piece *
add_piece(struct source_journal_reader *r, enum source_journal_piece_kind kind)
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

static struct source_journal_piece *
add_trouble(struct source_journal_reader *r, enum trouble_kind kind, uint64_t lost)
{
	struct source_journal_piece *p = add_piece(r, SOURCE_JOURNAL_TROUBLE);

	p->trouble = kind;
	p->lost = lost;
	return p;
}

/* The place moves to the entry of ${cursor}, whose line is what has been added to the
 * bytes since ${begin}. */
static void
add_entry(struct source_journal_reader *r, const char *cursor, size_t begin, bool cut)
{
	struct source_journal_piece *p = r->npieces > 0 ? &r->pieces[r->npieces - 1] : NULL;

	if (p == NULL || p->kind != SOURCE_JOURNAL_LINES || p->cut || cut) {
		p = add_piece(r, SOURCE_JOURNAL_LINES);
		p->begin = begin;
		p->cut = cut;
	}
	memcpy(r->at.cursor, cursor, strlen(cursor) + 1);
	r->at.offset++;
	p->place = r->at;
	p->end = r->bytes.n;
}

static void
clear_result(struct source_journal_reader *r)
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

/* ---- opening --------------------------------------------------------------------- */

static void
close_journal(struct source_journal_reader *r)
{
	sd_journal_close(r->j);
	r->j = NULL;
	r->fd = -1;
	r->seek = true;
}

static bool
was_told(struct source_journal_reader *r, const char *path)
{
	for (size_t i = 0; i < r->ntold; i++)
		if (strcmp(r->told[i], path) == 0)
			return true;
	XGROW(r->told, r->ntold);
	r->told[r->ntold++] = xstrdup(path);
	return false;
}

static void
tell_damaged(struct source_journal_reader *r, const struct source_journal_files *files)
{
	for (size_t i = 0; i < files->ndamaged; i++) {
		struct source_journal_piece *p;

		if (was_told(r, files->damaged[i]))
			continue;
		p = add_trouble(r, TROUBLE_UNREADABLE, 0);
		p->path = xstrdup(files->damaged[i]);
		p->text = xasprintf("this file is damaged and cannot be read as a journal");
	}
}

static void
set_state(struct source_journal_reader *r, const struct source_journal_files *files)
{
	r->state = TROUBLE_WELL;
	r->problem.n = 0;
	if (files->denied > 0) {
		r->state = TROUBLE_DENIED;
		buf_printf(&r->problem, "%zu of the journal's files may not be read, ",
		    files->denied);
		vis_text(&r->problem, sv_str(files->first_denied));
		buf_puts(&r->problem, " for one; members of the group systemd-journal may");
	} else if (files->readable == 0 && files->ndamaged > 0) {
		buf_puts(&r->problem, "all files of the journal are damaged");
	} else if (files->readable == 0) {
		r->state = TROUBLE_GONE;
		buf_puts(&r->problem, "there are no files of a journal");
	}
}

/* Entries before the place do not matter any more; those of files hold what is newer
 * than their last change. */
static uint64_t
oldest_of_use(const struct source_journal_reader *r)
{
	struct source_journal_cursor c;

	if (r->fresh && r->at_end)
		return UINT64_MAX;
	if (!source_journal_cursor_parse(r->at.cursor, &c) || c.realtime < CLOCK_SLACK)
		return 0;
	return c.realtime - CLOCK_SLACK;
}

/* Returns whether there is anything to open. */
static bool
look(struct source_journal_reader *r)
{
	struct source_journal_files files;
	bool any;

	source_journal_files_look(&files, r->where, oldest_of_use(r));
	set_state(r, &files);
	tell_damaged(r, &files);
	r->counted = files.denied == 0 && files.users == 0;
	any = files.readable > 0;
	source_journal_files_free(&files);
	return any;
}

/* journald shares the numbers out between these files. */
static bool
is_part(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;

	return strncmp(name, "system", 6) == 0 || strncmp(name, "user-", 5) == 0;
}

static int
open_handle(struct source_journal_reader *r)
{
	const char *paths[] = {r->where, NULL};
	int error;

	if (r->where[0] != '/')
		return sd_journal_open(&r->j, SD_JOURNAL_LOCAL_ONLY);
	error = sd_journal_open_directory(&r->j, r->where, 0);
	r->one_file = error == -ENOTDIR;
	if (!r->one_file)
		return error;
	if (is_part(r->where))
		r->counted = false;
	return sd_journal_open_files(&r->j, paths, 0);
}

static bool
open_journal(struct source_journal_reader *r)
{
	size_t most = r->max_line > SOURCE_JOURNAL_VALUE_MAX ? r->max_line
	                                                     : SOURCE_JOURNAL_VALUE_MAX;
	int error;

	r->stamp = source_journal_files_stamp(r->where);
	if (!look(r))
		return false;
	error = open_handle(r);
	if (error < 0) {
		r->j = NULL;
		buf_printf(&r->problem, "cannot be opened: error %d", -error);
		return false;
	}
	/* Longer than what is kept, so that it shows what was cut. */
	sd_journal_set_data_threshold(r->j, most + 2 * FIELDS_NAME_MAX);
	r->fd = sd_journal_get_fd(r->j); /* from now on it is watched */
	r->seek = true;
	r->backwards = 0;
	return true;
}

/* ---- finding the place ------------------------------------------------------------- */

static uint64_t
wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* The cursor of the entry that the handle stands on, in ${text} and ${c}. */
static bool
get_cursor(struct source_journal_reader *r, char text[SOURCE_JOURNAL_CURSOR_SIZE],
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
	    !get_cursor(r, r->at.cursor, &c)) {
		sd_journal_seek_head(r->j);
		return;
	}
	source_journal_sequences_seen(&r->sequences, &c);
	add_trouble(r, TROUBLE_START, 0)->text =
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
	add_piece(r, SOURCE_JOURNAL_BEGUN);
}

static bool
is_same_sequence(const struct source_journal_cursor *a, const struct source_journal_cursor *b)
{
	return a->sequence[0] != '\0' && strcmp(a->sequence, b->sequence) == 0;
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
	r->strayed = r->on_entry = get_cursor(r, text, &c) && is_same_sequence(&c, &r->from) &&
	    c.number > r->from.number;
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
	    get_cursor(r, text, &c) && strcmp(c.boot, r->from.boot) == 0;
	return r->strayed;
}

static void
go_by_time(struct source_journal_reader *r)
{
	uint64_t now = wall_now();

	/* Of a clock that was set back since, nothing would ever be later. */
	if (r->from.realtime > now)
		r->from.realtime = now;
	if (r->from.realtime > CLOCK_SLACK)
		sd_journal_seek_realtime_usec(r->j, r->from.realtime - CLOCK_SLACK);
	else
		sd_journal_seek_head(r->j);
	r->strayed = true;
}

static void
go_to_place(struct source_journal_reader *r)
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

/* ---- gaps --------------------------------------------------------------------------- */

static void
tell_missing(struct source_journal_reader *r, const struct source_journal_cursor *c, uint64_t n)
{
	struct source_journal_piece *p = add_trouble(r, TROUBLE_LOST, r->counted ? n : 0);

	p->text = xasprintf("%s%llu entries before number %llu are not in the journal's files",
	    r->counted ? "the " : "up to ", (unsigned long long)n,
	    (unsigned long long)c->number);
}

/* The first entry after the place was lost.  Nothing is missing when it is the next. */
static void
tell_lost(struct source_journal_reader *r, const struct source_journal_cursor *c)
{
	struct buf text = BUF_INIT;

	if (r->lost_told)
		return;
	r->lost_told = true;
	if (is_same_sequence(c, &r->from)) {
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
	add_trouble(r, TROUBLE_LOST, 0)->text = buf_steal(&text);
}

static void
tell_about_entry(struct source_journal_reader *r)
{
	const struct source_journal_entry *e = &r->entry;
	uint64_t lost;

	if (e->damaged > 0)
		add_trouble(r, TROUBLE_UNREADABLE, 0)->text =
		    xasprintf("an entry has %zu damaged fields", e->damaged);
	if (e->cut > 0 || e->left_out > 0)
		add_trouble(r, TROUBLE_OVERSIZE, 0)->text = xasprintf(
		    "an entry has %zu values that are too long and %zu fields too many", e->cut,
		    e->left_out);
	if (source_journal_entry_is_loss(e, &lost)) {
		struct sv message = source_journal_entry_part(e, SOURCE_JOURNAL_MESSAGE);
		struct buf text = BUF_INIT;

		buf_puts(&text, "journald says: ");
		message.n = vis_cut(message, 200);
		vis_text(&text, message);
		add_trouble(r, TROUBLE_UPSTREAM, lost)->text = buf_steal(&text);
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
	add_entry(r, cursor, begin, r->bytes.n > begin && e->cut > 0);
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
	if (is_same_sequence(c, &r->from) || c->realtime > r->from.realtime + CLOCK_SLACK)
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
	add_trouble(r, TROUBLE_UNREADABLE, 0)->text =
	    xasprintf("there are entries that cannot be read");
}

/* Returns false when the handle is of no more use. */
static bool
examine(struct source_journal_reader *r)
{
	char cursor[SOURCE_JOURNAL_CURSOR_SIZE];
	struct source_journal_cursor c;
	bool strayed = r->strayed;

	if (!get_cursor(r, cursor, &c)) {
		tell_unreadable(r);
		return true;
	}
	if (!is_wanted(r, &c) || strcmp(cursor, r->at.cursor) == 0)
		return true;
	if (!strayed && must_reopen(r, &c)) {
		close_journal(r);
		r->more = true;
		return false;
	}
	/* A damaged file may lead in circles. */
	if (r->backwards > BACKWARDS_MAX) {
		tell_unreadable(r);
		close_journal(r);
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
	close_journal(r);
	r->drained = r->more = true;
	return false;
}

static void
stumble(struct source_journal_reader *r, int error)
{
	close_journal(r);
	r->problem.n = 0;
	buf_printf(&r->problem, "cannot be read on: error %d", error);
	if (!r->fault_told)
		add_trouble(r, TROUBLE_UNREADABLE, 0)->text = xstrdup(buf_str(&r->problem));
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
	close_journal(r);
	clear_result(r);
	r->more = true;
}

void
source_journal_reader_work(void *reader)
{
	struct source_journal_reader *r = reader;
	struct source_journal_place before = r->at;
	bool fresh = r->fresh;
	size_t ntold = r->ntold;

	clear_result(r);
	if (r->j == NULL && !open_journal(r)) {
		/* There is nothing before what will come. */
		if (r->fresh && r->state == TROUBLE_GONE) {
			r->fresh = false;
			r->at = (struct source_journal_place){0};
			add_piece(r, SOURCE_JOURNAL_BEGUN);
		}
		return;
	}
	if (r->seek)
		go_to_place(r);
	read_on(r);
	if (r->j == NULL || r->one_file)
		return;
	if (!is_replaced(r)) {
		r->repeats = 0;
	} else if (r->repeats++ < REPEATS_MAX) {
		repeat(r, &before, fresh, ntold);
	} else {
		close_journal(r);
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
	clear_result(r);
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
