/*
 * control: see control.h.  A client is freed when it is gone and no request of
 * it is under way; a request outlives its client's connection.
 */
#include "control/control.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev/ev.h"
#include "ev/ev_conn.h"
#include "util/buf.h"
#include "util/json.h"
#include "util/log.h"
#include "util/vis.h"
#include "util/xalloc.h"

struct client {
	struct control *control;
	struct client *prev, *next;
	struct ev_conn *conn; /* NULL once the peer has gone */
	char caller[64];
	bool busy; /* a request is under way; more wait in the connection's buffer */
};

struct control_request {
	struct client *client;
	json_t *body;
};

struct control {
	struct ev *ev;
	struct ev_listener *listener;
	const struct control_command *commands;
	void *ctx;
	struct client clients; /* head of the ring */
	size_t nclients;
};

static void
client_free(struct client *cl)
{
	cl->prev->next = cl->next;
	cl->next->prev = cl->prev;
	cl->control->nclients--;
	ev_conn_finish(&cl->conn);
	free(cl);
}

static void
request_end(struct control_request *req)
{
	struct client *cl = req->client;

	json_decref(req->body);
	free(req);
	cl->busy = false;
	/* One request a connection: the answer is flushed, then it is closed. */
	client_free(cl);
}

static void
send_line(struct control_request *req, struct buf *line)
{
	buf_putc(line, '\n');
	if (req->client->conn != NULL)
		ev_conn_write(req->client->conn, buf_view(line));
	buf_free(line);
	request_end(req);
}

void
control_answer_text(struct control_request *req, const char *json, size_t n)
{
	struct buf line = BUF_INIT;

	buf_printf(&line, "{\"v\":%d,\"ok\":true,\"answer\":", CONTROL_VERSION);
	buf_add(&line, json, n);
	buf_putc(&line, '}');
	send_line(req, &line);
}

json_t *
control_visible(struct sv text)
{
	struct buf out = BUF_INIT;
	json_t *value;

	vis_utf8(&out, text);
	value = json_string(buf_str(&out));
	buf_free(&out);
	return value;
}

void
control_answer(struct control_request *req, json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);

	control_answer_text(req, text, strlen(text));
	free(text);
	json_decref(answer);
}

void
control_fail_text(struct control_request *req, struct sv error)
{
	struct buf line = BUF_INIT;

	buf_printf(&line, "{\"v\":%d,\"ok\":false,\"error\":", CONTROL_VERSION);
	json_quote(&line, error);
	buf_putc(&line, '}');
	send_line(req, &line);
}

void
control_fail(struct control_request *req, const char *error)
{
	control_fail_text(req, sv_str(error));
}

const char *
control_text(const struct control_request *req, const char *name)
{
	return json_string_value(json_object_get(req->body, name));
}

const json_t *
control_value(const struct control_request *req, const char *name)
{
	return json_object_get(req->body, name);
}

const char *
control_caller(const struct control_request *req)
{
	return req->client->caller;
}

static void
dispatch(struct client *cl, struct sv line)
{
	struct control *c = cl->control;
	struct control_request *req = xcalloc(1, sizeof(*req));
	const struct control_command *cmd = c->commands;
	const char *name;
	json_error_t error;

	cl->busy = true;
	req->client = cl;
	req->body = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	name = control_text(req, "command");
	if (name == NULL ||
	    json_integer_value(json_object_get(req->body, "v")) != CONTROL_VERSION) {
		control_fail(req, "expected a JSON object with \"v\": 1 and \"command\"");
		return;
	}
	while (cmd->name != NULL && strcmp(cmd->name, name) != 0)
		cmd++;
	if (cmd->name == NULL)
		control_fail(req, "no such command");
	else
		cmd->run(c->ctx, req);
}

static size_t
readable(void *ctx, struct sv data)
{
	struct client *cl = ctx;
	const char *newline = memchr(data.p, '\n', data.n);

	if (cl->busy)
		return data.n; /* one request a connection */
	if (newline == NULL && data.n < CONTROL_REQUEST_MAX)
		return 0;
	dispatch(cl, (struct sv){data.p, newline == NULL ? 0 : (size_t)(newline - data.p)});
	return data.n;
}

static void
gone(void *ctx, const char *reason)
{
	struct client *cl = ctx;

	(void)reason;
	ev_conn_free(&cl->conn);
	if (!cl->busy)
		client_free(cl);
}

static const struct ev_conn_cb conn_cb = {.readable = readable, .closed = gone};

static void
name_caller(struct client *cl, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct passwd *pw;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0) {
		snprintf(cl->caller, sizeof(cl->caller), "unknown");
		return;
	}
	pw = getpwuid(cred.uid);
	if (pw != NULL)
		snprintf(cl->caller, sizeof(cl->caller), "%s", pw->pw_name);
	else
		snprintf(cl->caller, sizeof(cl->caller), "uid %u", (unsigned)cred.uid);
}

static void
accepted(void *ctx, int fd)
{
	struct control *c = ctx;
	struct client *cl;

	if (c->nclients >= CONTROL_CLIENTS_MAX) {
		close(fd);
		return;
	}
	cl = xcalloc(1, sizeof(*cl));
	cl->control = c;
	cl->prev = c->clients.prev;
	cl->next = &c->clients;
	cl->prev->next = cl->next->prev = cl;
	c->nclients++;
	name_caller(cl, fd);
	cl->conn = ev_conn_fd(c->ev, fd, &conn_cb, cl);
}

struct control *
control_open(
    struct ev *ev, const char *path, const struct control_command *commands, void *ctx)
{
	struct control *c = xcalloc(1, sizeof(*c));

	c->ev = ev;
	c->commands = commands;
	c->ctx = ctx;
	c->clients.prev = c->clients.next = &c->clients;
	c->listener = ev_listen_unix(ev, path, 0660, accepted, c);
	if (c->listener == NULL) {
		log_error("control", "%s: %s", path, strerror(errno));
		free(c);
		return NULL;
	}
	return c;
}

void
control_close(struct control **cp)
{
	struct control *c = *cp;

	if (c == NULL)
		return;
	ev_listener_free(&c->listener);
	while (c->clients.next != &c->clients)
		client_free(c->clients.next);
	free(c);
	*cp = NULL;
}
