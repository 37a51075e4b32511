/*
 * notify_body: from the stored message to the body of a request.  A webhook gets
 * the message byte for byte; it is already the documented JSON.
 */
#include "notify/notify.h"

#include <jansson.h>
#include <stdlib.h>

#include "conf/config.h"
#include "notify/notify_internal.h"
#include "util/xalloc.h"

/* A message without these is none of ours. */
static bool
sound(const json_t *message)
{
	const json_t *incident = json_object_get(json_object_get(message, "data"), "incident");

	return json_is_string(json_object_get(message, "type")) &&
	    json_is_string(json_object_get(incident, "id"));
}

char *
notify_render(int type, const struct delivery *d)
{
	json_t *message = json_loads(d->message, JSON_ALLOW_NUL, NULL);
	char *body = NULL;

	if (sound(message))
		body = type == CHANNEL_SLACK ? notify_slack_render(message) : xstrdup(d->message);
	json_decref(message);
	return body;
}
