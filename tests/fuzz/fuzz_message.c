/*
 * fuzz_message: any stored message becomes a body within Slack's limits or none.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "notify/notify.h"
#include "util/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct delivery d = {.message = xstrndup((const char *)data, size)};
	char *body = notify_render(CHANNEL_SLACK, &d);
	char *raw = notify_render(CHANNEL_WEBHOOK, &d);
	json_t *parsed = body == NULL ? NULL : json_loads(body, 0, NULL);

	if ((body == NULL) != (raw == NULL) || (raw != NULL && strcmp(raw, d.message) != 0))
		abort();
	if (body != NULL && (parsed == NULL || strlen(body) >= 12000 || strpbrk(body, "<>")))
		abort();
	json_decref(parsed);
	free(raw);
	free(body);
	free(d.message);
	return 0;
}
