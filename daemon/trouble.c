/*
 * trouble: see trouble.h.
 */
#include "trouble.h"

#include <assert.h>
#include <stdlib.h>

#include "rule/ruleset.h"

/* Which built-in rule ${kind} is an event of; NULL for none. */
static const char *
rule_of(enum trouble_kind kind)
{
	if (kind == TROUBLE_START)
		return NULL;
	if (kind == TROUBLE_NUL)
		return RULE_SKIPPED;
	if (kind == TROUBLE_WELL)
		return RULE_SOURCE_WELL;
	return trouble_is_gap(kind) ? RULE_GAP : RULE_SOURCE;
}

void
trouble_event(const struct ruleset *rules, const struct trouble *t, int64_t now,
    trouble_event_cb *got, void *ctx)
{
	const char *id = rule_of(t->kind), *path = t->path == NULL ? "" : t->path;
	struct stream stream = {.id = t->stream == NULL ? "" : t->stream,
	    .source = t->source,
	    .path = path};
	struct line line = {.stream = &stream, .offset = t->from, .text = sv_str(t->text)};
	struct record record = {.line = &line,
	    .time = now,
	    .facility = -1,
	    .severity = -1,
	    .program = SV("triaged"),
	    .message = line.text,
	    .text = line.text};
	struct event event = {.record = &record, .nfields = 3};

	if (id == NULL)
		return;
	event.rule = ruleset_find_event(rules, id);
	assert(event.rule != NULL);
	event.fields[0] = (struct field){"log.source", sv_str(t->source)};
	event.fields[1] = (struct field){"event.reason", sv_str(trouble_name(t->kind))};
	event.fields[2] = (struct field){"error.message", line.text};
	if (*path != '\0')
		event.fields[event.nfields++] = (struct field){"log.file.path", sv_str(path)};
	got(ctx, &event);
}
