/*
 * lists_files: see lists_files.h.
 *
 * A file that is another than was read last is read once it has been the same at two looks: it
 * may be half written.  One that cannot be used changes nothing.
 */
#include "lists_files.h"

#include <stdlib.h>
#include <string.h>

#include "conf/diag.h"
#include "ev/ev.h"
#include "ev/ev_job.h"
#include "rule/rule_live.h"
#include "rule/ruleset.h"
#include "util/log.h"
#include "util/xalloc.h"

#define LOOK_EVERY 2000 /* ms */

struct file {
	const struct rule_live *live; /* one that has it */
	struct stamp looked; /* at the last look */
	struct stamp read;   /* when it was read last, good or not */
	char *problem;       /* NULL: none */
};

struct lists_files {
	struct ev *ev;
	void (*changed)(void *ctx);
	void *ctx;
	struct ev_timer *timer;
	struct ruleset *rules; /* NULL: none yet */
	struct file *files;
	size_t nfiles;

	/* The thread's while there is a job. */
	struct ev_job *job;
	size_t at; /* the file that is read */
	struct rule_live_reading reading;
	struct diag *errors;
	bool good;
};

static void
work(void *arg)
{
	struct lists_files *l = arg;

	l->good = rule_live_read(l->rules, &l->reading, l->errors);
}

static void
forget_reading(struct lists_files *l)
{
	if (l->job != NULL)
		ev_job_free(&l->job);
	if (l->rules != NULL)
		rule_live_forget(l->rules, &l->reading);
	diag_free(&l->errors);
}

static void
use(struct lists_files *l, struct file *f)
{
	free(f->problem);
	f->problem = NULL;
	rule_live_take(l->rules, &l->reading);
	log_info("lists", "%s, %s: %zu values", f->live->list, f->live->file, f->live->nvalues);
	l->changed(l->ctx);
}

/* The first error has a line of its own; those below show its place. */
static void
refuse(struct lists_files *l, struct file *f)
{
	struct buf text = BUF_INIT;
	size_t n = diag_errors(l->errors);

	diag_print(l->errors, &text);
	free(f->problem);
	f->problem = xstrndup(buf_str(&text), strcspn(buf_str(&text), "\n"));
	log_warn("lists", "%s: %s%s; what was read before is still used", f->live->list, f->problem,
	    n > 1 ? ", and more" : "");
	buf_free(&text);
}

/* Was it changed since the last look? */
static bool
has_moved(struct file *f)
{
	struct stamp before = f->looked;

	stamp_path(f->live->file, &f->looked);
	return !stamp_same(&f->looked, &before);
}

static void look(void *arg);

static void
done(void *arg)
{
	struct lists_files *l = arg;
	struct file *f = &l->files[l->at];

	ev_job_free(&l->job);
	if (!has_moved(f)) {
		f->read = f->looked;
		if (l->good)
			use(l, f);
		else
			refuse(l, f);
	}
	forget_reading(l);
	ev_timer_set(l->timer, LOOK_EVERY);
}

static void
start_reading(struct lists_files *l, size_t i)
{
	l->at = i;
	l->reading = (struct rule_live_reading){.path = l->files[i].live->file};
	l->errors = diag_new();
	l->job = ev_job_start(l->ev, work, done, l);
}

/* One is read at a time; the others wait for the next look. */
static void
look(void *arg)
{
	struct lists_files *l = arg;

	for (size_t i = 0; i < l->nfiles; i++) {
		struct file *f = &l->files[i];

		if (!has_moved(f) && !stamp_same(&f->looked, &f->read) && l->job == NULL)
			start_reading(l, i);
	}
	if (l->job == NULL)
		ev_timer_set(l->timer, LOOK_EVERY);
}

/* ---- life --------------------------------------------------------------------------- */

struct lists_files *
lists_files_new(struct ev *ev, void (*changed)(void *ctx), void *ctx)
{
	struct lists_files *l = xcalloc(1, sizeof(*l));

	l->ev = ev;
	l->changed = changed;
	l->ctx = ctx;
	l->timer = ev_timer_new(ev, look, l);
	return l;
}

static void
forget_files(struct lists_files *l)
{
	ev_timer_cancel(l->timer);
	forget_reading(l);
	for (size_t i = 0; i < l->nfiles; i++)
		free(l->files[i].problem);
	free(l->files);
	l->files = NULL;
	l->nfiles = 0;
	ruleset_unref(&l->rules);
}

void
lists_files_free(struct lists_files **lp)
{
	struct lists_files *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	forget_files(l);
	ev_timer_free(&l->timer);
	free(l);
}

static void
add_file(struct lists_files *l, const struct rule_live *live)
{
	for (size_t i = 0; i < l->nfiles; i++)
		if (strcmp(l->files[i].live->file, live->file) == 0)
			return;
	XGROW(l->files, l->nfiles);
	l->files[l->nfiles++] =
	    (struct file){.live = live, .looked = live->stamp, .read = live->stamp};
}

void
lists_files_set_rules(struct lists_files *l, struct ruleset *rules)
{
	forget_files(l);
	l->rules = ruleset_ref(rules);
	for (size_t i = 0; i < ruleset_nlives(rules); i++)
		if (ruleset_live(rules, i)->file != NULL)
			add_file(l, ruleset_live(rules, i));
	if (l->nfiles > 0)
		ev_timer_set(l->timer, LOOK_EVERY);
}

void
lists_files_each(const struct lists_files *l, lists_status_cb *cb, void *ctx)
{
	for (size_t i = 0; i < l->nfiles; i++) {
		const struct file *f = &l->files[i];

		cb(ctx, &(struct lists_status){.list = f->live->list,
		            .file = f->live->file,
		            .values = f->live->nvalues,
		            .known = true,
		            .problem = f->problem});
	}
}
