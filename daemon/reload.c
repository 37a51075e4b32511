/*
 * reload: see reload.h.  Owns the setup while it is loaded; then the daemon does.
 */
#include "reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "control/control.h"
#include "daemon_internal.h"
#include "ev/ev_job.h"
#include "pipeline.h"
#include "receive/receive.h"
#include "rule/ruleset.h"
#include "setup.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

struct reload {
	struct daemon *daemon;
	struct ev_job *job;
	struct control_request *req; /* NULL: asked for by a signal */
	bool again;                  /* by a signal that came meanwhile */

	/* The thread's until it is done. */
	const char *path;
	struct setup *loaded; /* NULL: refused */
	struct buf errors;
};

static void
load(void *arg)
{
	struct reload *r = arg;

	r->loaded = setup_load(r->path, &r->errors);
}

/* Only the rules have changed: swap them. */
static void
swap_rules(struct daemon *d, struct setup *s)
{
	struct setup *now = d->setup, old = *now;

	now->rules = s->rules;
	now->scanner = s->scanner;
	now->pipeline.rules = s->rules;
	now->pipeline.scanner = s->scanner;
	pipeline_set_rules(d->pipeline, now->rules, now->scanner);
	s->rules = old.rules;
	s->scanner = old.scanner;
	setup_free(&s);
}

static void
apply(struct daemon *d, struct setup *s)
{
	d->loaded = clock_now();
	log_info("reload", "%zu event rules, %zu incident rules, %.12s", ruleset_nevents(s->rules),
	    ruleset_nincidents(s->rules), ruleset_hash(s->rules));
	/* Once a change is under way it is overtaken, even by its own undoing. */
	if (d->next == NULL && setup_same_config(d->setup, s)) {
		swap_rules(d, s);
		return;
	}
	log_info("reload", "the configuration has changed: starting anew");
	setup_free(&d->next);
	d->next = s;
	if (!d->stopping)
		receive_sockets_expect(
		    d->sockets, s->config->sources.v, s->config->sources.n);
	daemon_begin_drain(d);
}

static void
answer(struct reload *r, bool ok)
{
	if (r->req == NULL) {
		fputs(buf_str(&r->errors), stderr);
		sd_notify(0, "READY=1");
	} else if (ok) {
		control_answer(r->req, json_pack("{s:s}", "reload", "done"));
	} else {
		control_fail(r->req, buf_str(&r->errors));
	}
}

static void
loaded(void *arg)
{
	struct reload *r = arg;
	struct daemon *d = r->daemon;
	bool ok = r->loaded != NULL, again = r->again;

	ev_job_free(&r->job);
	d->reload = NULL;
	if (ok)
		apply(d, r->loaded);
	else
		log_error("reload", "refused, the old rules keep working");
	answer(r, ok);
	buf_free(&r->errors);
	free(r);
	if (again)
		reload_start(d, NULL);
}

void
reload_start(struct daemon *d, struct control_request *req)
{
	if (d->reload != NULL) {
		if (req != NULL)
			control_fail(req, "a reload is under way; try again when it is over");
		else
			d->reload->again = true;
		return;
	}
	if (req == NULL)
		sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		    (unsigned long long)clock_mono() * 1000);
	d->reload = xcalloc(1, sizeof(*d->reload));
	d->reload->daemon = d;
	d->reload->req = req;
	d->reload->path = d->path;
	d->reload->job = ev_job_start(d->ev, load, loaded, d->reload);
}

void
reload_abandon(struct daemon *d)
{
	struct reload *r = d->reload;

	if (r == NULL)
		return;
	d->reload = NULL;
	ev_job_free(&r->job);
	setup_free(&r->loaded);
	if (r->req != NULL)
		control_fail(r->req, "the daemon is about to stop or to start anew");
	buf_free(&r->errors);
	free(r);
}
