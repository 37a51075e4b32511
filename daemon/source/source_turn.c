/*
 * source_turn: what is done with the files in one turn of the loop: positions
 * reported, lines read, finished files let go.
 *
 * All callbacks of the set are made here and files are freed here only, so every
 * call of source.h but source_free() is allowed inside a callback: the turn looks
 * after each whether it may go on.
 */
#include <stdlib.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "source/source_internal.h"
#include "util/clock.h"
#include "util/crash.h"
#include "util/log.h"
#include "util/xalloc.h"

/* What is read in one turn, so that others get theirs; each read counts as
 * READ_COST at least, for small ones cost as well. */
#define TURN_BYTES ((size_t)1024 * 1024)
#define READ_COST ((size_t)4096)

/* How long a file without a name must not have grown to be at its end, in ms: when
 * nobody has it open to write any more; when that is not known, but one writer closed
 * it; when nothing is known; and when a writer is known to have it open. */
#define CLOSED_WAIT ((int64_t)1000)
#define SILENT_WAIT ((int64_t)10 * 1000)
#define ROTATE_WAIT ((int64_t)10 * 60 * 1000)
#define WRITER_WAIT ((int64_t)60 * 60 * 1000)

static void
report(struct source_set *s, const char *stream, const char *path, uint64_t offset, uint64_t check,
    bool done)
{
	struct position pos = {
	    .stream = stream, .path = path, .offset = offset, .check = check, .done = done};

	s->cb.position(s->ctx, &pos);
}

static void
tell_gap(struct source_set *s, const struct stream *stream, enum trouble_kind kind,
    struct source_span span, const char *text)
{
	struct trouble t = {.kind = kind,
	    .source = stream->source,
	    .stream = stream->id,
	    .path = stream->path,
	    .from = span.from,
	    .to = span.to,
	    .text = text};

	if (s->cb.trouble != NULL)
		s->cb.trouble(s->ctx, &t);
}

static void
report_sources(struct source_set *s)
{
	for (size_t i = 0; i < s->nsources && !s->paused; i++) {
		struct source *source = &s->sources[i];
		char *mark;

		if (!source->announce)
			continue;
		source->announce = false;
		mark = xasprintf("source:%s", source->conf->id.s);
		report(s, mark, "", (uint64_t)clock_now(), 0, false);
		free(mark);
	}
}

/* False when the callback began everything again. */
static bool
tell_gaps(struct source_set *s, struct source_file *f)
{
	uint64_t starts = s->starts;

	for (size_t i = 0; i < f->ngaps && s->starts == starts; i++) {
		struct source_gap gap = f->gaps[i];

		if (gap.told)
			continue;
		f->gaps[i].told = true;
		tell_gap(s, &f->stream, gap.kind, gap.span, gap.text);
	}
	return s->starts == starts;
}

/* The gaps before the position first. */
static void
report_file(struct source_set *s, struct source_file *f)
{
	struct position pos = {.stream = f->stream.id, .path = f->stream.path};

	if (!tell_gaps(s, f))
		return;
	f->announce = false;
	pos.offset = f->lines.begin;
	pos.check = source_file_begin_check(f);
	s->cb.position(s->ctx, &pos);
}

static void
report_files(struct source_set *s)
{
	for (size_t i = 0; i < s->nfiles && !s->paused; i++)
		if (s->files[i]->announce && !source_recover_holds(s, s->files[i]->log))
			report_file(s, s->files[i]);
}

/* Nobody can say how much was written to it after the position. */
static void
tell_lost(struct source_set *s, const struct source_stored *st)
{
	struct trouble t = {.kind = TROUBLE_LOST,
	    .source = st->source,
	    .stream = st->id.text,
	    .path = st->path,
	    .from = st->offset,
	    .to = st->offset,
	    .text = "the file is nowhere any more; what was written to it after this may be lost"};

	log_warn("source", "%s: read up to byte %llu: %s", st->path,
	    (unsigned long long)st->offset, t.text);
	if (s->cb.trouble != NULL)
		s->cb.trouble(s->ctx, &t);
}

static void
report_stored(struct source_set *s)
{
	for (size_t i = 0; i < s->nstored && !s->paused;) {
		struct source_stored st = s->stored[i];

		if (!st.done) {
			i++;
			continue;
		}
		s->stored[i].path = NULL;
		source_set_forget(s, i);
		if (st.lost)
			tell_lost(s, &st);
		report(s, st.id.text, st.path, st.offset, st.check, true);
		free(st.path);
	}
}

/* What the callback may have changed when it returns. */
struct feeding {
	struct source_set *set;
	uint64_t starts;
};

static bool
deliver(void *ctx, const struct chunk *chunk)
{
	const struct feeding *feeding = ctx;
	struct source_set *s = feeding->set;

	s->cb.lines(s->ctx, chunk);
	CRASH_POINT("chunk-delivered");
	return !s->paused && s->starts == feeding->starts;
}

static void
gap(void *ctx, const struct stream *stream, enum trouble_kind kind, struct source_span span)
{
	const struct feeding *feeding = ctx;

	tell_gap(feeding->set, stream, kind, span,
	    kind == TROUBLE_NUL        ? "NUL bytes"
	    : kind == TROUBLE_OVERSIZE ? "the rest of a line longer than max_line"
				       : "cannot be read");
}

static struct source_sink
sink_to(struct source_set *s, struct feeding *feeding)
{
	*feeding = (struct feeding){s, s->starts};
	return (struct source_sink){s->max_line, &s->stats, deliver, gap, feeding};
}

static size_t
read_once(struct source_set *s, struct source_file *f)
{
	const char *problem = f->problem;
	struct feeding feeding;
	struct source_sink sink = sink_to(s, &feeding);
	size_t n = source_read(f, s->buffer, &sink);

	if (f->rewritten)
		source_set_check(s, f);
	if (f->problem != NULL && f->problem != problem)
		log_warn("source",
		    "%s: cannot be read at byte %llu: %s; it is tried again every second",
		    f->stream.path, (unsigned long long)f->lines.at, f->problem);
	return n < READ_COST ? READ_COST : n;
}

/* What an older file of the same name still has comes first. */
static bool
must_wait(const struct source_set *s, const struct source_file *f)
{
	if (!f->recovered && source_recover_holds(s, f->stream.path))
		return true;
	for (f = f->older; f != NULL; f = f->older)
		if (f->more)
			return true;
	return false;
}

static void
read_files(struct source_set *s)
{
	size_t begin = s->nfiles == 0 ? 0 : s->next % s->nfiles, budget = TURN_BYTES;

	for (size_t n = 0; n < s->nfiles && budget > 0 && !s->paused; n++) {
		size_t i = (begin + n) % s->nfiles, cost;

		/* A file that begins again must be reported first. */
		if (!s->files[i]->more || s->files[i]->announce || must_wait(s, s->files[i]))
			continue;
		cost = read_once(s, s->files[i]);
		budget -= cost < budget ? cost : budget;
		s->next = i + 1;
	}
}

/* How long a file without a name must not have grown to be at its end. */
static int64_t
wait_for(const struct source_set *s, const struct source_file *f)
{
	if (f->archive != NULL)
		return 0;
	if (s->grace >= 0)
		return s->grace;
	switch (source_file_writer(f)) {
	case WRITER_GONE:
		return f->unlinked ? 0 : CLOSED_WAIT;
	case WRITER_THERE:
		return WRITER_WAIT;
	case WRITER_UNKNOWN:
		break;
	}
	return f->closed ? SILENT_WAIT : ROTATE_WAIT;
}

static bool
is_at_end(const struct source_set *s, const struct source_file *f)
{
	int64_t quiet = clock_mono() - f->grown;

	if (f->more || f->problem != NULL || must_wait(s, f))
		return false;
	if (s->grace < 0 && f->archive == NULL && !f->unlinked && quiet < CLOSED_WAIT)
		return false;
	return quiet >= wait_for(s, f);
}

/* A file that lost its name and has been read to an end that has not moved for a
 * while: what it has of a last line is a line. */
static void
finish(struct source_set *s, struct source_file *f)
{
	struct feeding feeding;
	struct source_sink sink = sink_to(s, &feeding);
	bool line;

	source_set_check(s, f);
	if (!is_at_end(s, f))
		return;
	f->finished = true;
	line = f->lines.begin < f->lines.at;
	/* Without a line, skipped bytes would never be committed. */
	f->announce |= !line && (f->lines.at != f->committed || f->ngaps > 0);
	if (!tell_gaps(s, f))
		return;
	source_read_end(f, &sink);
	if (f->announce && !s->paused && s->starts == feeding.starts)
		report_file(s, f);
}

static void
let_go(struct source_set *s, size_t i)
{
	struct source_file *f = s->files[i];
	struct position pos = {.stream = f->stream.id,
	    .path = f->stream.path,
	    .offset = f->lines.at,
	    .check = source_check_value(&f->check),
	    .done = true};

	source_set_take_out(s, i);
	log_debug("source", "%s: rotated and read to its end, byte %llu", f->stream.path,
	    (unsigned long long)f->lines.at);
	source_set_end(s, &pos);
	s->cb.position(s->ctx, &pos);
	CRASH_POINT("file-let-go");
	source_file_free(&f);
}

/* Once this file is forgotten, who has the name now must be known: look again
 * first.  And while others are compared with it, it stays. */
static bool
may_go(struct source_set *s, struct source_file *f)
{
	if (!source_file_may_go(f) || s->paused || source_recover_holds(s, f->log))
		return false;
	if (f->let_go == 0) {
		f->let_go = s->scans + 1;
		ev_timer_set(s->scan_timer, 0);
	}
	return s->scans >= f->let_go;
}

static void
finish_files(struct source_set *s)
{
	for (size_t i = 0; i < s->nfiles && !s->paused;) {
		struct source_file *f = s->files[i];

		if (f->gone && !f->finished)
			finish(s, f);
		if (f->gone && f->finished)
			source_set_check(s, f);
		if (may_go(s, f))
			let_go(s, i);
		else
			i++;
	}
}

static bool
has_more(const struct source_set *s)
{
	for (size_t i = 0; i < s->nfiles; i++)
		if (s->files[i]->more)
			return true;
	return false;
}

bool
source_turn(struct source_set *s)
{
	bool seeking;

	source_health_tell(s);
	report_sources(s);
	seeking = source_recover_turn(s);
	report_files(s);
	report_stored(s);
	read_files(s);
	finish_files(s);
	return !s->paused && (seeking || has_more(s));
}
