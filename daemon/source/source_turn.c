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
#include "source/source_internal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

/* What is read in one turn, so that others get theirs; each read counts as
 * READ_COST at least, for small ones cost as well. */
#define TURN_BYTES ((size_t)1024 * 1024)
#define READ_COST ((size_t)4096)

static void
report(struct source_set *s, const char *stream, const char *path, uint64_t offset, bool done)
{
	struct position pos = {.stream = stream, .path = path, .offset = offset, .done = done};

	s->cb.position(s->ctx, &pos);
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
		report(s, mark, "", (uint64_t)clock_now(), false);
		free(mark);
	}
}

static void
report_files(struct source_set *s)
{
	for (size_t i = 0; i < s->nfiles && !s->paused; i++) {
		struct source_file *f = s->files[i];

		if (!f->announce)
			continue;
		f->announce = false;
		report(s, f->stream.id, f->stream.path, f->lines.begin, false);
	}
}

static void
report_lost(struct source_set *s)
{
	for (size_t i = 0; i < s->nstored && !s->paused;) {
		struct source_stored lost = s->stored[i];
		char id[SOURCE_ID_SIZE];

		if (!lost.lost) {
			i++;
			continue;
		}
		s->stored[i].path = NULL;
		source_set_forget(s, i);
		source_id_format(&lost.id, id);
		report(s, id, lost.path, lost.offset, true);
		free(lost.path);
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
	return !s->paused && s->starts == feeding->starts;
}

static struct source_sink
sink_to(struct source_set *s, struct feeding *feeding)
{
	*feeding = (struct feeding){s, s->starts};
	return (struct source_sink){s->max_line, &s->stats, deliver, feeding};
}

static size_t
read_once(struct source_set *s, struct source_file *f)
{
	const char *problem = f->problem;
	struct feeding feeding;
	struct source_sink sink = sink_to(s, &feeding);
	size_t n = source_file_read(f, s->buffer, &sink);

	if (f->problem != NULL && f->problem != problem)
		log_warn("source",
		    "%s: cannot be read at byte %llu: %s; it is tried again every second",
		    f->stream.path, (unsigned long long)f->lines.at, f->problem);
	return n < READ_COST ? READ_COST : n;
}

/* What an older file of the same name still has comes first. */
static bool
must_wait(const struct source_file *f)
{
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

		if (!s->files[i]->more || must_wait(s->files[i]))
			continue;
		cost = read_once(s, s->files[i]);
		budget -= cost < budget ? cost : budget;
		s->next = i + 1;
	}
}

/* A file that lost its name and has been read to an end that has not moved for a
 * while: what it has of a last line is a line. */
static void
finish(struct source_set *s, struct source_file *f)
{
	struct feeding feeding;
	struct source_sink sink = sink_to(s, &feeding);

	source_set_check(s, f);
	if (f->more || f->problem != NULL || must_wait(f) || clock_mono() - f->grown < s->grace)
		return;
	f->finished = true;
	/* Without a line, skipped bytes would never be committed. */
	f->announce = f->lines.begin == f->lines.at && f->lines.at != f->committed;
	source_lines_finish(&f->lines, &sink);
}

static void
let_go(struct source_set *s, size_t i)
{
	struct source_file *f = s->files[i];

	source_set_take_out(s, i);
	log_debug("source", "%s: rotated and read to its end, byte %llu", f->stream.path,
	    (unsigned long long)f->lines.at);
	report(s, f->stream.id, f->stream.path, f->lines.at, true);
	source_file_free(&f);
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
		if (source_file_may_go(f) && !s->paused)
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
	report_sources(s);
	report_files(s);
	report_lost(s);
	read_files(s);
	finish_files(s);
	return !s->paused && has_more(s);
}
