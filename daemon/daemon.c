/*
 * daemon: see daemon.h.  Owns everything that lives as long as the process: the
 * loop, the setup, the pipeline, the control socket.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "control/control.h"
#include "daemon_internal.h"
#include "ev/ev.h"
#include "pipeline.h"
#include "receive/receive.h"
#include "reload.h"
#include "rule/ruleset.h"
#include "setup.h"
#include "state/state.h"
#include "util/clock.h"
#include "util/log.h"

#define DRAIN_TIME 10000 /* ms that a stop waits for commits and webhooks */
#define LAST_TIME 1000   /* ms more, for what it has to say about the rest */
#define READY_TIME 5000  /* ms that a start waits for Redis before it counts as done */
#define LOCK_TIME 1000   /* ms that a start waits for the lock of one that was killed */
#define LOOK 10          /* ms between looks */

static void
print_errors(struct buf *errors)
{
	fputs(buf_str(errors), stderr);
	buf_free(errors);
}

int
daemon_check(const char *path)
{
	struct buf errors = BUF_INIT;
	struct setup *s = setup_load(path, &errors);

	if (s == NULL) {
		print_errors(&errors);
		return DAEMON_BAD_CONFIG;
	}
	printf("%s: good: %zu sources, %zu channels, %zu event rules, %zu incident rules, %zu tests passed\n",
	    path, s->config->sources.n, s->config->channels.n, ruleset_nevents(s->rules),
	    ruleset_nincidents(s->rules), s->ntests);
	buf_free(&errors);
	setup_free(&s);
	return DAEMON_OK;
}

/* ---- reload and stop ------------------------------------------------------- */

void
daemon_begin_drain(struct daemon *d)
{
	if (ev_timer_is_set(d->drain))
		return;
	d->drain_until = clock_mono() + DRAIN_TIME;
	pipeline_drain(d->pipeline);
	ev_timer_set(d->drain, 0);
}

static void
look_drained(void *ctx)
{
	struct daemon *d = ctx;

	int64_t late = clock_mono() - d->drain_until;

	if (!pipeline_is_drained(d->pipeline, late >= 0) && late < LAST_TIME)
		ev_timer_set(d->drain, LOOK);
	else
		ev_stop(d->ev);
}

static void
hangup(void *ctx, int signo)
{
	(void)signo;
	reload_start(ctx, NULL);
}

static void
terminate(void *ctx, int signo)
{
	struct daemon *d = ctx;

	log_info("daemon", "stopping (signal %d)", signo);
	sd_notify(0, "STOPPING=1");
	d->stopping = true;
	/* What a change would have left to the next must be taken in now. */
	receive_sockets_expect(d->sockets, NULL, 0);
	if (ev_timer_is_set(d->drain))
		pipeline_drain(d->pipeline);
	daemon_begin_drain(d);
}

/* ---- life ------------------------------------------------------------------ */

/* Started: the files are being followed from where they were.  Without Redis that
 * has to wait, but whoever waits for us does not. */
static void
look_ready(void *ctx)
{
	struct daemon *d = ctx;

	if (!state_is_ready(pipeline_state(d->pipeline)) && clock_mono() < d->ready_until)
		ev_timer_set(d->ready, LOOK);
	else
		sd_notify(0, "READY=1");
}

/* The lock goes with the process; but a child of one that was killed, forked and not yet
 * another program, has it for a moment more. */
static bool
take_lock(int fd)
{
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOOK) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= LOCK_TIME)
			return false;
		usleep(LOOK * 1000);
	}
	return true;
}

/* One daemon per state directory. */
static int
lock_state_dir(const char *dir)
{
	char path[4096];
	int fd;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		log_error("daemon", "state_dir %s: %s", dir, strerror(errno));
		return -1;
	}
	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		log_error("daemon", "%s: %s", path, strerror(errno));
		return -1;
	}
	if (!take_lock(fd)) {
		log_error("daemon", "%s is held: another triaged runs on this state_dir", path);
		close(fd);
		return -1;
	}
	return fd;
}

/* Does what comes after d->setup listen at the same place? */
static bool
keeps_control(const struct daemon *d)
{
	return d->next != NULL &&
	    strcmp(d->setup->config->control_socket.s, d->next->config->control_socket.s) == 0;
}

static void
close_control(struct daemon *d)
{
	reload_abandon(d);
	control_close(&d->control);
}

/* Run on d->setup until stopped or until a reload wants everything anew.  Then
 * the control socket stays, so that whoever asks meanwhile waits. */
static int
run_setup(struct daemon *d)
{
	const struct config *conf = d->setup->config;
	int code = DAEMON_FAILED, lock = lock_state_dir(conf->state_dir.s);

	if (lock < 0)
		return DAEMON_FAILED;
	d->setup->intake.sockets = d->sockets;
	d->pipeline = pipeline_open(d->ev, &d->setup->pipeline);
	if (d->pipeline == NULL)
		goto err0;
	if (d->control == NULL)
		d->control = control_open(d->ev, conf->control_socket.s, daemon_commands, d);
	if (d->control == NULL)
		goto err1;
	log_info("daemon", "running as %s: %zu sources, %zu channels, %zu event rules",
	    conf->node.s, conf->sources.n, conf->channels.n, ruleset_nevents(d->setup->rules));
	d->ready_until = clock_mono() + READY_TIME;
	ev_timer_set(d->ready, 0);
	ev_run(d->ev);
	ev_timer_cancel(d->ready);
	code = DAEMON_OK;

	/* Answers under way come from the pipeline: it goes first. */
err1:
	pipeline_free(&d->pipeline);
	if (!keeps_control(d))
		close_control(d);
err0:
	close(lock);
	return code;
}

static int
run(struct daemon *d)
{
	int code;

	do {
		d->stopping = false;
		code = run_setup(d);
		if (d->next != NULL) {
			setup_free(&d->setup);
			d->setup = d->next;
			d->next = NULL;
		} else {
			d->stopping = true;
		}
	} while (code == DAEMON_OK && !d->stopping);
	close_control(d);
	return code;
}

int
daemon_run(const char *path)
{
	struct daemon d = {.path = path};
	struct ev_signal *signals[3];
	struct buf errors = BUF_INIT;
	int code;

	d.setup = setup_load(path, &errors);
	if (d.setup == NULL) {
		print_errors(&errors);
		return DAEMON_BAD_CONFIG;
	}
	signal(SIGPIPE, SIG_IGN);
	d.ev = ev_new();
	d.started = d.loaded = clock_now();
	d.drain = ev_timer_new(d.ev, look_drained, &d);
	d.ready = ev_timer_new(d.ev, look_ready, &d);
	signals[0] = ev_signal_new(d.ev, SIGHUP, hangup, &d);
	signals[1] = ev_signal_new(d.ev, SIGTERM, terminate, &d);
	signals[2] = ev_signal_new(d.ev, SIGINT, terminate, &d);

	d.sockets = receive_sockets_new();
	code = run(&d);

	for (int i = 0; i < 3; i++)
		ev_signal_free(&signals[i]);
	ev_timer_free(&d.drain);
	ev_timer_free(&d.ready);
	setup_free(&d.setup);
	setup_free(&d.next);
	receive_sockets_free(&d.sockets);
	ev_free(&d.ev);
	return code;
}
