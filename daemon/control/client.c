/*
 * client: see client.h.
 */
#include "control/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control.h"

#define PATIENCE 15 /* seconds for the daemon to answer */

static int
connect_to(const char *path, struct buf *error)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct timeval tv = {.tv_sec = PATIENCE};
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		buf_printf(error, "%s: the path is too long for a socket", path);
		return -1;
	}
	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		buf_printf(error, "cannot reach the daemon at %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static bool
send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

static bool
read_all(int fd, struct buf *in)
{
	for (;;) {
		ssize_t n = read(fd, buf_reserve(in, 65536), 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		in->n += (size_t)n;
		in->p[in->n] = '\0';
	}
}

static json_t *
parse_answer(struct sv text, struct buf *error)
{
	json_t *reply = json_loadb(text.p, text.n, 0, NULL), *answer = NULL;
	const char *why = json_string_value(json_object_get(reply, "error"));

	if (json_is_true(json_object_get(reply, "ok")))
		answer = json_incref(json_object_get(reply, "answer"));
	else
		buf_puts(error, why != NULL ? why : "the daemon's answer makes no sense");
	json_decref(reply);
	return answer;
}

json_t *
client_ask(const char *path, json_t *request, struct buf *error, bool *reached)
{
	struct buf in = BUF_INIT;
	json_t *answer = NULL;
	char *text;
	int fd = connect_to(path, error);

	*reached = fd >= 0;
	json_object_set_new(request, "v", json_integer(CONTROL_VERSION));
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (fd >= 0) {
		if (send_all(fd, text, strlen(text)) && send_all(fd, "\n", 1) && read_all(fd, &in))
			answer = parse_answer(buf_view(&in), error);
		else
			buf_printf(error, "no answer from the daemon: %s", strerror(errno));
		close(fd);
	}
	free(text);
	buf_free(&in);
	return answer;
}
