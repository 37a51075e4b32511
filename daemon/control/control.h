/*
 * control: the daemon's unix socket for triagectl, server side.  One JSON object
 * a line in, one out; see INTERFACES.md.  What the commands do is not known here.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <jansson.h>

#include "util/sv.h"

struct control;
struct ev;

#define CONTROL_VERSION 1
#define CONTROL_REQUEST_MAX 65536 /* bytes of one request */
#define CONTROL_CLIENTS_MAX 32

/* A request under way.  Whoever runs it answers exactly once, now or later, by
 * one of the functions below; the client may be gone by then. */
struct control_request;

struct control_command {
	const char *name;
	void (*run)(void *ctx, struct control_request *req);
};

/* ${commands} ends with a NULL name and is borrowed, like ${ctx}.  NULL when the
 * socket cannot be made; logged. */
struct control *control_open(
    struct ev *ev, const char *path, const struct control_command *commands, void *ctx);
/* Requests that are under way must not be answered after this. */
void control_close(struct control **c);

/* The text member ${name} of the request, or NULL. */
const char *control_text(const struct control_request *req, const char *name);
/* The member ${name} of the request, borrowed, or NULL. */
const json_t *control_value(const struct control_request *req, const char *name);
/* Who asks, by SO_PEERCRED: a user name, or "uid 1234". */
const char *control_caller(const struct control_request *req);

/* Text from a log for an answer: what is not UTF-8, or no character to be seen, as vis_utf8()
 * puts it. */
json_t *control_visible(struct sv text);

/* Takes the reference to ${answer}. */
void control_answer(struct control_request *req, json_t *answer);
/* ${json} is the answer's text already. */
void control_answer_text(struct control_request *req, const char *json, size_t n);
void control_fail(struct control_request *req, const char *error);
void control_fail_text(struct control_request *req, struct sv error);

#endif
