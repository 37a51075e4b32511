/*
 * redis_server: see redis_server.h.
 *
 * A lock file, inherited by the server, tells whether one runs on the directory:
 * it is held as long as that process lives, whoever started it.  The server is
 * told to end when the daemon does, however that ends.
 */
#include "state/redis_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ev/ev.h"
#include "state/redis_repair.h"
#include "state/redis_rewrite.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

#ifndef TRIAGED_REDIS_SERVER
#define TRIAGED_REDIS_SERVER "redis-server"
#endif

#define STOP_TIME 10000 /* ms that it may take to end */
#define STOP_LOOK 2     /* ms between looks */
#define LOAD_TIME 60000 /* ms in which a server that fails has failed to load */

struct redis_server {
	struct redis_address address;
	struct ev_signal *child_ended;
	char *dir;  /* ours, 0700 */
	char *conf; /* path of the configuration file */
	char *lock;
	bool durable;
	bool repaired; /* tried once; a second failure is not the file's fault */
	pid_t pid;     /* 0 when no child of ours runs */
	int64_t started; /* monotonic ms */
	struct redis_rewrite rewrite;
};

/* No scripts but our functions, nothing that could harm, no key but ours.  It is
 * the default user that is bounded, and by what it may not do: the server loads
 * its append-only file as that user, and silently leaves out a transaction with
 * a command that the user has no right to. */
static const char acl[] = "user default on nopass resetchannels resetkeys ~triaged:* +@all -@dangerous "
			  "-@scripting +fcall +function|load +bgrewriteaof\n";

static const char settings[] =
    "port 0\n"
    "unixsocketperm 700\n"
    "daemonize no\n"
    "loglevel warning\n"
    "logfile redis.log\n"
    "databases 1\n"
    "maxmemory-policy noeviction\n"
    "save \"\"\n";

static const char durable_settings[] =
    "appendonly yes\n"
    "appendfsync always\n"
    "no-appendfsync-on-rewrite no\n"
    "auto-aof-rewrite-min-size 1gb\n" /* of storms; else see redis_rewrite.h */
    "aof-load-truncated yes\n";

static bool
write_conf(const struct redis_server *s)
{
	FILE *f = fopen(s->conf, "we");
	bool ok;

	if (f == NULL)
		return false;
	fprintf(f, "# Written by triaged at each start; changes are lost.\n%s%s%s", settings,
	    s->durable ? durable_settings : "appendonly no\n", acl);
	fprintf(f, "dir \"%s\"\nunixsocket \"%s\"\n", s->dir, s->address.path);
	ok = ferror(f) == 0;
	return fclose(f) == 0 && ok;
}

static void
child_ended(void *ctx, int signo)
{
	struct redis_server *s = ctx;
	int status;

	(void)signo;
	if (s->pid == 0 || waitpid(s->pid, &status, WNOHANG) != s->pid)
		return;
	s->pid = 0;
	log_warn("redis", "the private redis-server ended with %s %d; what it said is in %s/redis.log",
	    WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), s->dir);
	/* Giving up by itself, at once: that is how it answers a file it cannot load. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && s->durable && !s->repaired &&
	    clock_mono() - s->started < LOAD_TIME) {
		s->repaired = true;
		redis_repair(s->dir);
	}
}

static bool
make_dir(const char *path)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	log_error("redis", "%s: %s", path, strerror(errno));
	return false;
}

struct redis_server *
redis_server_new(struct ev *ev, const char *dir, bool durable)
{
	struct redis_server *s = xcalloc(1, sizeof(*s));

	s->durable = durable;
	s->dir = xasprintf("%s/redis", dir);
	s->conf = xasprintf("%s/redis.conf", s->dir);
	s->lock = xasprintf("%s/lock", s->dir);
	if (strlen(s->dir) + sizeof("/redis.sock") > sizeof(s->address.path) ||
	    strpbrk(dir, "\"\\\n") != NULL) {
		log_error("redis", "state_dir %s: too long, or with a quote, for a socket path", dir);
		goto err;
	}
	snprintf(s->address.path, sizeof(s->address.path), "%s/redis.sock", s->dir);
	if (!make_dir(dir) || !make_dir(s->dir))
		goto err;
	if (!write_conf(s)) {
		log_error("redis", "%s: %s", s->conf, strerror(errno));
		goto err;
	}
	s->child_ended = ev_signal_new(ev, SIGCHLD, child_ended, s);
	return s;
err:
	redis_server_free(&s);
	return NULL;
}

const struct redis_address *
redis_server_address(const struct redis_server *s)
{
	return &s->address;
}

/* In the child, with all signals blocked; only async-signal-safe calls.  The
 * loop's handlers go first: they would swallow a signal meant for the server. */
static void
become_server(const struct redis_server *s, pid_t parent)
{
	static const int handled[] = {SIGHUP, SIGINT, SIGTERM, SIGCHLD};
	sigset_t none;

	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		signal(handled[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	setsid();
	execlp(TRIAGED_REDIS_SERVER, TRIAGED_REDIS_SERVER, s->conf, (char *)NULL);
	_exit(127);
}

static void
start(struct redis_server *s)
{
	pid_t parent = getpid();
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	s->pid = fork();
	if (s->pid == 0)
		become_server(s, parent);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool
redis_server_ensure(struct redis_server *s)
{
	int lock;

	if (s->pid != 0)
		return true;
	lock = open(s->lock, O_RDWR | O_CREAT, 0600); /* the child inherits it */
	if (lock < 0) {
		log_error("redis", "%s: %s", s->lock, strerror(errno));
		return false;
	}
	if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
		close(lock); /* one is running, or about to end */
		return true;
	}
	unlink(s->address.path);
	start(s);
	close(lock);
	s->started = clock_mono();
	if (s->pid < 0) {
		log_error("redis", "cannot start %s: %s", TRIAGED_REDIS_SERVER, strerror(errno));
		s->pid = 0;
		return false;
	}
	return true;
}

bool
redis_server_wants_rewrite(struct redis_server *s)
{
	return s->durable && redis_rewrite_is_due(&s->rewrite, s->dir, clock_mono());
}

/* Blocks until it has ended; it has nothing to write that is not on disk. */
static void
stop_server(pid_t pid)
{
	kill(pid, SIGTERM);
	for (int i = 0; i < STOP_TIME / STOP_LOOK; i++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		usleep(STOP_LOOK * 1000);
	}
	log_warn("redis", "the private redis-server does not end; killed");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void
redis_server_free(struct redis_server **sp)
{
	struct redis_server *s = *sp;

	if (s == NULL)
		return;
	ev_signal_free(&s->child_ended);
	if (s->pid > 0)
		stop_server(s->pid);
	free(s->dir);
	free(s->conf);
	free(s->lock);
	free(s);
	*sp = NULL;
}
