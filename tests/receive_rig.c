/*
 * receive_rig: see receive_rig.h.
 */
#include "receive_rig.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ev/ev.h"
#include "rig.h"
#include "util/log.h"
#include "util/xalloc.h"

#define WAIT_MS 30000
#define LISTENS 4

struct rx {
	char *dir;
	struct ev *ev;
	struct receive_sockets *sockets;
	struct receive *receive;
	struct source_conf conf;
	struct conf_string listen[LISTENS];
	struct receive_status status[LISTENS];
	size_t nstatus;
	uint64_t lost[TROUBLE_WELL + 1];  /* messages told as lost, by kind */
	uint64_t times[TROUBLE_WELL + 1]; /* troubles, by kind */
	char *text;                       /* of the last trouble */
	int type, port;                   /* where rx_connect() goes */
	int kept;                         /* a socket that has the port; -1: none */
	/* What the tests wait for. */
	size_t want;
	int kind;
};

/* ---- rig ------------------------------------------------------------------------ */

static void
got_trouble(void *ctx, const struct trouble *t)
{
	struct rx *r = ctx;

	ck_assert_str_eq(t->source, "net");
	ck_assert_ptr_nonnull(t->text);
	r->lost[t->kind] += t->lost;
	r->times[t->kind]++;
	free(r->text);
	r->text = xstrdup(t->text);
}

static const struct receive_cb callbacks = {.trouble = got_trouble};

struct rx *
rx_new(void)
{
	struct rx *r = xcalloc(1, sizeof(*r));

	signal(SIGPIPE, SIG_IGN);
	log_open("receive_rig", LOG_LEVEL_ERROR);
	r->dir = rig_dir();
	r->ev = ev_new();
	r->kept = -1;
	r->conf.id.s = xstrdup("net");
	r->conf.listen.v = r->listen;
	r->conf.max_connections = 64;
	r->conf.peer_connections = 64;
	r->conf.idle_timeout = 3600 * 1000;
	r->conf.spool_mib = 64;
	return r;
}

void
rx_listen(struct rx *r, char *address)
{
	ck_assert_uint_lt(r->conf.listen.n, LISTENS);
	r->listen[r->conf.listen.n++].s = address;
}

void
rx_unlisten(struct rx *r)
{
	ck_assert_uint_gt(r->conf.listen.n, 0);
	free(r->listen[--r->conf.listen.n].s);
}

/* A socket at this port of the loopback interface; -1 when somebody has it. */
static int
bind_port(int type, int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Of those that the kernel gives to nobody who asks for any.  The number is kept by a TCP
 * socket, for UDP too: so no other rig has it, and a listener that reuses addresses may. */
int
rx_port(struct rx *r, int type)
{
	int on = 1, fd = -1;

	ck_assert_int_eq(r->kept, -1);
	while (fd < 0) {
		if (r->kept >= 0)
			close(r->kept);
		do
			r->port = 10000 + (int)(arc4random_uniform(20000));
		while ((r->kept = bind_port(SOCK_STREAM, r->port)) < 0);
		fd = type == SOCK_STREAM ? dup(r->kept) : bind_port(type, r->port);
	}
	close(fd);
	setsockopt(r->kept, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	r->type = type;
	return r->port;
}

void
rx_listen_inet(struct rx *r, const char *scheme)
{
	int port = rx_port(r, strcmp(scheme, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM);

	rx_listen(r, xasprintf("%s://127.0.0.1:%d", scheme, port));
}

char *
rx_listen_path(struct rx *r, const char *scheme)
{
	char *path = xasprintf("%s/%s", r->dir, scheme);

	rx_listen(r, xasprintf("%s://%s", scheme, path));
	return path;
}

bool
rx_start(struct rx *r)
{
	if (r->sockets == NULL)
		r->sockets = receive_sockets_new();
	r->receive = receive_new(r->ev, r->sockets, &r->conf, 1, r->dir, MAX_LINE, &callbacks, r);
	return r->receive != NULL;
}

void
rx_must_start(struct rx *r)
{
	ck_assert(rx_start(r));
}

int
rx_serve(struct rx *r, const char *scheme)
{
	rx_listen_inet(r, scheme);
	rx_must_start(r);
	return rx_connect(r);
}

static void
add_status(void *ctx, const struct receive_status *st)
{
	struct rx *r = ctx;

	ck_assert_uint_lt(r->nstatus, LISTENS);
	ck_assert_str_eq(st->source, "net");
	r->status[r->nstatus++] = *st;
}

const struct receive_status *
rx_status(struct rx *r, size_t i)
{
	r->nstatus = 0;
	receive_each(r->receive, add_status, r);
	ck_assert_uint_lt(i, r->nstatus);
	return &r->status[i];
}

size_t
rx_nstatus(struct rx *r)
{
	rx_status(r, 0);
	return r->nstatus;
}

static bool
is_idle(void *ctx)
{
	return receive_is_idle(((struct rx *)ctx)->receive);
}

void
rx_drain(struct rx *r)
{
	receive_drain(r->receive);
	rig_turn_until(r->ev, is_idle, r, WAIT_MS);
}

void
rx_quit(struct rx *r)
{
	receive_free(&r->receive);
}

void
rx_forget_sockets(struct rx *r)
{
	receive_sockets_free(&r->sockets);
}

void
rx_stop(struct rx *r)
{
	rx_drain(r);
	rx_quit(r);
}

void
rx_stop_for_change(struct rx *r)
{
	receive_sockets_expect(r->sockets, &r->conf, 1);
	rx_stop(r);
}

void
rx_free(struct rx *r)
{
	receive_free(&r->receive);
	receive_sockets_free(&r->sockets);
	ev_free(&r->ev);
	rig_remove(&r->dir);
	for (size_t i = 0; i < r->conf.listen.n; i++)
		free(r->listen[i].s);
	if (r->kept >= 0)
		close(r->kept);
	free(r->conf.id.s);
	free(r->text);
	free(r);
}

static bool
have_messages(void *ctx)
{
	struct rx *r = ctx;
	uint64_t n = 0;

	rx_status(r, 0);
	for (size_t i = 0; i < r->nstatus; i++)
		n += r->status[i].messages;
	return n >= r->want;
}

void
rx_wait_messages(struct rx *r, size_t n)
{
	r->want = n;
	rig_turn_until(r->ev, have_messages, r, WAIT_MS);
}

static bool
have_trouble(void *ctx)
{
	struct rx *r = ctx;

	return r->times[r->kind] > 0;
}

void
rx_wait_trouble(struct rx *r, enum trouble_kind kind)
{
	r->kind = (int)kind;
	rig_turn_until(r->ev, have_trouble, r, WAIT_MS);
}

static bool
have_connections(void *ctx)
{
	struct rx *r = ctx;

	return rx_status(r, 0)->connections == r->want;
}

void
rx_wait_connections(struct rx *r, size_t n)
{
	r->want = n;
	rig_turn_until(r->ev, have_connections, r, WAIT_MS);
}

static bool
some_refused(void *ctx)
{
	struct rx *r = ctx;

	return rx_status(r, 0)->refused >= r->want;
}

void
rx_wait_refused(struct rx *r, size_t n)
{
	r->want = n;
	rig_turn_until(r->ev, some_refused, r, WAIT_MS);
}

/* ---- what it is made of ---------------------------------------------------------------- */

struct source_conf *
rx_conf(struct rx *r)
{
	return &r->conf;
}

const char *
rx_dir(const struct rx *r)
{
	return r->dir;
}

struct ev *
rx_ev(const struct rx *r)
{
	return r->ev;
}

struct receive *
rx_receive(const struct rx *r)
{
	return r->receive;
}

struct receive_sockets *
rx_sockets(const struct rx *r)
{
	return r->sockets;
}

struct receive_socket *
rx_socket(const struct rx *r)
{
	return receive_sockets_get(r->sockets, r->listen[0].s, 0);
}

uint64_t
rx_lost(const struct rx *r, enum trouble_kind kind)
{
	return r->lost[kind];
}

uint64_t
rx_times(const struct rx *r, enum trouble_kind kind)
{
	return r->times[kind];
}

const char *
rx_text(const struct rx *r)
{
	return r->text;
}

/* ---- what is in the spool ----------------------------------------------------------- */

static void
add_line(struct buf *out, struct sv text)
{
	struct spool_line line;

	ck_assert(spool_line_intact(text));
	ck_assert(spool_line_parse(text, &line));
	buf_sv(out, line.transport);
	buf_putc(out, ':');
	buf_sv(out, line.peer);
	if (line.name.n > 0)
		buf_putc(out, '/');
	buf_sv(out, line.name);
	buf_putc(out, ' ');
	buf_sv(out, line.message);
	buf_putc(out, '\n');
}

static void
add_segment(struct buf *out, const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name), *line = NULL;
	FILE *f = fopen(path, "re");
	size_t cap = 0;
	ssize_t n;

	ck_assert_ptr_nonnull(f);
	while ((n = getline(&line, &cap, f)) > 0) {
		ck_assert_int_eq(line[n - 1], '\n');
		add_line(out, (struct sv){line, (size_t)n - 1});
	}
	free(line);
	fclose(f);
	free(path);
}

int
rx_is_segment(const struct dirent *d)
{
	return strstr(d->d_name, ".log") != NULL;
}

/* All of it. */
static char *
spooled(struct rx *r)
{
	struct buf out = BUF_INIT;
	struct dirent **names;
	char *dir = receive_spool_dir(r->dir, "net");
	int n = scandir(dir, &names, rx_is_segment, alphasort);

	ck_assert_int_ge(n, 0);
	for (int i = 0; i < n; i++) {
		add_segment(&out, dir, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	free(dir);
	return buf_steal(&out);
}

void
rx_check_spooled(struct rx *r, const char *want)
{
	char *text = spooled(r);

	ck_assert_str_eq(text, want);
	free(text);
}

size_t
rx_count_spooled(struct rx *r)
{
	char *text = spooled(r);
	size_t n = sv_count(sv_str(text), '\n');

	free(text);
	return n;
}

void
rx_check_all_told(struct rx *r, size_t sent, enum trouble_kind kind)
{
	ck_assert_uint_eq(rx_count_spooled(r) + r->lost[kind], sent);
}

/* ---- senders ------------------------------------------------------------------------- */

int
rx_connect(struct rx *r)
{
	ck_assert_int_gt(r->port, 0);
	return rx_dial(r->type, r->port);
}

int
rx_dial(int type, int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

int
rx_dial_unix(int type, const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

void
rx_put(int fd, struct sv s)
{
	ck_assert_int_eq(write(fd, s.p, s.n), (ssize_t)s.n);
}

void
rx_puts(int fd, const char *s)
{
	rx_put(fd, sv_str(s));
}

void
rx_repeat(int fd, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		rx_puts(fd, s);
}

void
rx_check_closed(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	ck_assert(n == 0 || (n < 0 && errno == ECONNRESET));
	close(fd);
}
