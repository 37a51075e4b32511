/*
 * commands_sources: what triagectl sources shows: which bytes of which stream are
 * examined, and what was passed over.
 */
#include <stdlib.h>

#include "daemon_internal.h"
#include "intake.h"
#include "pipeline.h"
#include "setup.h"
#include "state/state.h"
#include "util/xalloc.h"

#define GAPS_SHOWN 1000

struct sources_request {
	struct control_request *req;
	json_t *answer;
};

static void
add_address(void *ctx, const struct receive_status *st)
{
	json_array_append_new(ctx,
	    json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s?}", "source", st->source, "address",
	        st->address, "messages", (json_int_t)st->messages, "bytes",
	        (json_int_t)st->bytes, "dropped", (json_int_t)st->dropped, "refused",
	        (json_int_t)st->refused, "connections", (json_int_t)st->connections,
	        "problem", st->problem));
}

static json_t *
addresses(const struct daemon *d)
{
	json_t *list = json_array();

	intake_each_address(pipeline_intake(d->pipeline), add_address, list);
	return list;
}

/* The files of all sources, as patterns. */
static json_t *
patterns(const struct daemon *d)
{
	const struct source_conf *v = d->setup->config->sources.v;
	json_t *list = json_array();

	for (size_t i = 0; i < d->setup->config->sources.n; i++)
		for (size_t j = 0; j < v[i].files.n; j++)
			json_array_append_new(list, json_string(v[i].files.v[j].s));
	return list;
}

static void
got_gaps(void *ctx, bool ok, struct sv answer)
{
	struct sources_request *r = ctx;
	json_t *gaps = ok ? json_loadb(answer.p, answer.n, 0, NULL) : NULL;

	/* Without Redis the streams can be shown all the same. */
	json_object_set_new(r->answer, "unexamined", gaps == NULL ? json_null() : gaps);
	control_answer(r->req, r->answer);
	free(r);
}

void
commands_sources_run(void *ctx, struct control_request *req)
{
	struct daemon *d = ctx;
	struct sources_request *r = xcalloc(1, sizeof(*r));

	r->req = req;
	r->answer = json_pack("{s:s, s:o, s:o, s:o}", "node", d->setup->config->node.s, "files",
	    patterns(d), "sources", commands_list_sources(d), "addresses", addresses(d));
	state_gaps(pipeline_state(d->pipeline), GAPS_SHOWN, got_gaps, r);
}
