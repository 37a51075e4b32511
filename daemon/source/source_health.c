/*
 * source_health: troubles on their way out, and what is told of a source itself:
 * that it is refused, gone or silent, and that it is well again.
 */
#include <errno.h>
#include <stdlib.h>

#include "conf/config.h"
#include "source/source_internal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

/* While files are rotated there may be none for a moment, or one that its owner has
 * not been given yet. */
#define PATIENCE 5000 /* ms */

static int64_t
patience(const struct source_set *s)
{
	return s->grace >= 0 && s->grace < PATIENCE ? s->grace : PATIENCE;
}

/* ---- troubles --------------------------------------------------------------------- */

void
source_health_trouble(struct source_set *s, const struct trouble *t)
{
	XGROW(s->troubles, s->ntroubles);
	s->troubles[s->ntroubles++] = (struct source_trouble){.kind = t->kind,
	    .source = t->source,
	    .stream = xstrdup(t->stream),
	    .path = xstrdup(t->path),
	    .text = xstrdup(t->text),
	    .from = t->from,
	    .to = t->to};
}

static void
free_trouble(struct source_trouble *t)
{
	free(t->stream);
	free(t->path);
	free(t->text);
}

void
source_health_tell(struct source_set *s)
{
	for (size_t i = 0; i < s->ntroubles; i++) {
		struct source_trouble *own = &s->troubles[i];
		struct trouble t = {.kind = own->kind,
		    .source = own->source,
		    .stream = own->stream,
		    .path = own->path,
		    .from = own->from,
		    .to = own->to,
		    .text = own->text};

		if (s->cb.trouble != NULL)
			s->cb.trouble(s->ctx, &t);
		free_trouble(own);
	}
	s->ntroubles = 0;
}

static void
tell_source(struct source_set *s, const struct source *source, enum trouble_kind kind,
    const char *path, const char *text)
{
	struct trouble t = {
	    .kind = kind, .source = source->conf->id.s, .path = path, .text = text};

	source_health_trouble(s, &t);
}

/* ---- what cannot be read ------------------------------------------------------------ */

static const char *
describe(int error)
{
	return error == ENOTSUP ? "not a regular file" : strerrordesc_np(error);
}

static struct source_problem *
problem_of(struct source_set *s, const char *path)
{
	for (size_t i = 0; i < s->nproblems; i++)
		if (strcmp(s->problems[i].path, path) == 0)
			return &s->problems[i];
	XGROW(s->problems, s->nproblems);
	s->problems[s->nproblems] =
	    (struct source_problem){.path = xstrdup(path), .since = clock_mono()};
	return &s->problems[s->nproblems++];
}

/* Said once.  A missing file is only worth a message when the source is new: later
 * it is about to be rotated. */
void
source_health_problem(
    struct source_set *s, const struct source *source, const char *path, int error)
{
	struct source_problem *p = problem_of(s, path);
	const char *text = describe(error);

	p->source = source;
	p->seen = true;
	if (p->text != text && (error != ENOENT || !source->begun))
		log_warn("source", "%s: cannot be read: %s; it is tried again every second", path,
		    text);
	p->text = text;
	p->error = error;
	if (p->told || error == ENOENT || error == ENOTDIR ||
	    (source->begun && clock_mono() - p->since < patience(s)))
		return;
	p->told = true;
	tell_source(s, source, TROUBLE_DENIED, path, text);
}

static void
drop_old_problems(struct source_set *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->nproblems; i++) {
		struct source_problem *p = &s->problems[i];

		if (p->seen) {
			p->seen = false;
			s->problems[kept++] = *p;
			continue;
		}
		if (p->told)
			tell_source(s, p->source, TROUBLE_WELL, p->path, "it can be read again");
		free(p->path);
	}
	s->nproblems = kept;
}

/* ---- gone and silent ----------------------------------------------------------------- */

static void
look_for_gone(struct source_set *s, struct source *source)
{
	int64_t now = clock_mono();

	if (source->found > 0 || !source->begun)
		source->there = now;
	if (source->gone && source->found > 0) {
		source->gone = false;
		tell_source(s, source, TROUBLE_WELL, NULL, "there are files again");
	} else if (!source->gone && source->found == 0 && now - source->there >= patience(s)) {
		source->gone = true;
		tell_source(s, source, TROUBLE_GONE, NULL, "none of its files exists");
	}
	source->found = 0;
}

static void
note_growth(struct source *source, const struct source_file *f)
{
	if (f->stream.source == source->conf->id.s && f->grew > source->heard)
		source->heard = f->grew;
}

static void
listen(struct source_set *s, struct source *source)
{
	int64_t now = clock_mono();

	if (source->conf->expect_every == 0)
		return;
	if (!source->begun)
		source->heard = now;
	for (size_t i = 0; i < s->nfiles; i++)
		note_growth(source, s->files[i]);
	if (source->silent && now - source->heard < source->conf->expect_every) {
		source->silent = false;
		tell_source(s, source, TROUBLE_WELL, NULL, "it writes again");
	} else if (!source->silent && now - source->heard >= source->conf->expect_every) {
		source->silent = true;
		tell_source(s, source, TROUBLE_SILENT, NULL,
		    "nothing was written for longer than expect_every");
	}
}

void
source_health_scanned(struct source_set *s)
{
	drop_old_problems(s);
	for (size_t i = 0; i < s->nsources; i++) {
		struct source *source = &s->sources[i];

		if (source->conf->files.n == 0)
			continue;
		/* A spool in which nothing waits has no files. */
		if (source->conf->listen.n == 0)
			look_for_gone(s, source);
		listen(s, source);
	}
}

void
source_health_free(struct source_set *s)
{
	for (size_t i = 0; i < s->nproblems; i++)
		free(s->problems[i].path);
	free(s->problems);
	for (size_t i = 0; i < s->ntroubles; i++)
		free_trouble(&s->troubles[i]);
	free(s->troubles);
}
