/*
 * commands_silence: silences by hand: what is asked for is checked against the rules as they
 * are, since one that covers nothing would be found out too late.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/suggest.h"
#include "daemon_internal.h"
#include "pipeline.h"
#include "rule/rule_fields.h"
#include "rule/rule_has.h"
#include "rule/rule_list.h"
#include "rule/ruleset.h"
#include "setup.h"
#include "silence_json.h"
#include "silences.h"
#include "state/state.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/num.h"
#include "util/xalloc.h"

#define SECOND 1000LL
#define LONGEST (30 * 86400 * SECOND)
#define LIST_MOST 1000 /* in one answer */

/* A silence as it is asked for. */
struct wish {
	const struct ruleset *rules;
	const struct incident_rule *rule; /* NULL: all */
	const char *id;                   /* of the rule */
	json_t *fields;                   /* dotted */
	struct buf why;                   /* it is refused; empty: it is not */
};

/* ---- the request ------------------------------------------------------------------------ */

static bool
is_blank(const char *text)
{
	return text == NULL || text[strspn(text, " \t\n")] == '\0';
}

static void
find_rule(struct wish *w)
{
	size_t n = ruleset_nincidents(w->rules);
	const char **names, *near;

	if (strcmp(w->id, SILENCE_ALL) == 0)
		return;
	w->rule = ruleset_find_incident(w->rules, w->id);
	if (w->rule != NULL)
		return;
	names = xcalloc(n + 1, sizeof(*names));
	for (size_t i = 0; i < n; i++)
		names[i] = ruleset_incident(w->rules, i)->id;
	near = conf_suggest(sv_str(w->id), names, n);
	buf_printf(&w->why, "there is no incident rule \"%s\"", w->id);
	if (near != NULL)
		buf_printf(&w->why, "; did you mean \"%s\"?", near);
	else if (ruleset_find_event(w->rules, w->id) != NULL)
		buf_puts(
		    &w->why, ": it is an event rule; silenced are the rules that count events");
	free(names);
}

/* source.ip or source_ip */
static void
put_dotted(const char *name, struct buf *out)
{
	char *capture = xstrdup(name);

	for (char *p = capture; *p != '\0'; p++)
		if (*p == '.')
			*p = '_';
	rule_field_dotted(out, capture);
	free(capture);
}

static enum field_type
type_of(const char *name)
{
	struct buf capture = BUF_INIT;
	const struct field_spec *spec;

	for (; *name != '\0'; name++)
		buf_putc(&capture, *name == '.' ? '_' : *name);
	spec = rule_field_find(buf_str(&capture));
	buf_free(&capture);
	return spec == NULL ? FIELD_TEXT : spec->type;
}

/* A network, or a value as events have it; appended to ${out}. */
static bool
put_value(struct wish *w, const char *name, const char *text, struct buf *out)
{
	enum field_type type = type_of(name);
	struct sv value = sv_str(text);
	char room[RULE_FIELD_ROOM];
	struct buf why = BUF_INIT;
	struct rule_net net;
	bool ok;

	if ((type == FIELD_IP || type == FIELD_ADDRESS) && strchr(text, '/') != NULL) {
		ok = rule_net_parse(value, &net, &why);
	} else {
		ok = rule_field_accept(type, &value, room);
		if (!ok)
			buf_printf(&why, "is not of the type %s", rule_field_type_name(type));
	}
	if (ok)
		buf_sv(out, value);
	else
		buf_printf(&w->why, "%s: \"%s\" %s", name, text, buf_str(&why));
	buf_free(&why);
	return ok;
}

static void
refuse_field(struct wish *w, const char *name, const char *dotted)
{
	struct buf near = BUF_INIT;

	if (w->rule != NULL && w->rule->condition.kind == CONDITION_ABSENT)
		buf_printf(&w->why,
		    "the key (by) of %s has no \"%s\", and of what is absent nothing "
		    "else can be asked",
		    w->id, name);
	else
		buf_printf(&w->why, "no event that counts for %s has \"%s\"",
		    w->rule == NULL ? "any rule" : w->id, name);
	if (rule_has_nearest(w->rules, w->rule, dotted, &near))
		buf_printf(&w->why, "; did you mean \"%s\"?", buf_str(&near));
	buf_free(&near);
}

static void
add_field(struct wish *w, const char *name, const json_t *value)
{
	const char *text = json_string_value(value);
	struct buf dotted = BUF_INIT, accepted = BUF_INIT;

	put_dotted(name, &dotted);
	if (text == NULL || *text == '\0' || strlen(text) > SILENCE_TEXT_MOST)
		buf_printf(
		    &w->why, "%s: expected a value of 1 to %d bytes", name, SILENCE_TEXT_MOST);
	else if (!rule_has_field(w->rules, w->rule, buf_str(&dotted)))
		refuse_field(w, name, buf_str(&dotted));
	else if (json_object_get(w->fields, buf_str(&dotted)) != NULL)
		buf_printf(&w->why, "\"%s\" is given twice", name);
	else if (put_value(w, name, text, &accepted) &&
	    json_object_set_new(w->fields, buf_str(&dotted), json_string(buf_str(&accepted))) < 0)
		buf_printf(&w->why, "%s: expected text in UTF-8", name);
	buf_free(&dotted);
	buf_free(&accepted);
}

static void
take_fields(struct wish *w, const json_t *fields)
{
	const char *name;
	json_t *value;

	if (fields != NULL && !json_is_object(fields))
		buf_puts(&w->why, "expected \"fields\" to be an object");
	else if (json_object_size(fields) > SILENCE_FIELDS_MOST)
		buf_printf(&w->why, "at most %d fields can be asked", SILENCE_FIELDS_MOST);
	json_object_foreach((json_t *)(uintptr_t)fields, name, value)
	{
		if (w->why.n == 0)
			add_field(w, name, value);
	}
}

static int64_t
take_span(struct wish *w, const char *text)
{
	int64_t span = 0;

	if (text == NULL || !num_duration(sv_str(text), &span) || span < SECOND || span > LONGEST)
		buf_puts(&w->why, "expected \"for\" to be a duration from 1s to 30d, such as 2h");
	return span;
}

static void
check_message(struct wish *w, const char *message)
{
	if (is_blank(message))
		buf_puts(&w->why, "expected a \"message\" that says why");
	else if (strlen(message) > SILENCE_TEXT_MOST)
		buf_printf(
		    &w->why, "expected a \"message\" of at most %d bytes", SILENCE_TEXT_MOST);
}

/* ---- the answer --------------------------------------------------------------------------- */

struct answer {
	struct daemon *daemon;
	struct control_request *req;
};

static struct answer *
answer_new(struct daemon *d, struct control_request *req)
{
	struct answer *a = xcalloc(1, sizeof(*a));

	a->daemon = d;
	a->req = req;
	return a;
}

static void
log_silence(const json_t *shown)
{
	const json_t *ended = json_object_get(shown, "ended"),
	             *last = ended != NULL ? ended : shown;

	log_info("silences", "%s of %s %s %s by %s: %s",
	    json_string_value(json_object_get(shown, "id")),
	    json_string_value(json_object_get(shown, "rule")),
	    ended != NULL ? "is ended at" : "holds until",
	    json_string_value(json_object_get(last, ended != NULL ? "time" : "until")),
	    json_string_value(json_object_get(last, "by")),
	    json_string_value(json_object_get(last, "message")));
}

/* Whoever gets the answer may rely on it that it holds here, or does no more. */
static void
changed(void *ctx, bool ok, struct sv text)
{
	struct answer *a = ctx;
	json_t *stored = ok ? json_loadb(text.p, text.n, 0, NULL) : NULL;
	json_t *shown = stored == NULL ? NULL : silence_json_show(stored, clock_now());

	if (shown != NULL) {
		silences_put(pipeline_silences(a->daemon->pipeline), text);
		log_silence(shown);
		control_answer(a->req, shown);
	} else {
		control_fail_text(a->req, ok ? SV("a strange answer from Redis") : text);
	}
	json_decref(stored);
	free(a);
}

static void
listed(void *ctx, bool ok, struct sv text)
{
	struct control_request *req = ctx;
	json_t *list = ok ? json_loadb(text.p, text.n, 0, NULL) : NULL, *out = json_array(), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		json_t *shown = silence_json_show(one, clock_now());

		if (shown != NULL)
			json_array_append_new(out, shown);
	}
	if (list != NULL)
		control_answer(req, json_incref(out));
	else
		control_fail_text(req, ok ? SV("a strange answer from Redis") : text);
	json_decref(out);
	json_decref(list);
}

/* ---- the commands ------------------------------------------------------------------------- */

/* Whole seconds, as most logs have: what is of this one is of the silence. */
static int64_t
this_second(void)
{
	return clock_now() / SECOND * SECOND;
}

static void
submit(struct daemon *d, struct control_request *req, const struct wish *w, int64_t span)
{
	int64_t from = this_second();
	json_t *one = json_pack("{s:s, s:O, s:I, s:I, s:s, s:s, s:s}", "rule", w->id, "fields",
	    w->fields, "from", (json_int_t)from, "until", (json_int_t)(from + span), "by",
	    control_caller(req), "message", control_text(req, "message"), "node",
	    d->setup->config->node.s);
	char *text = one == NULL ? NULL : json_dumps(one, JSON_COMPACT);

	if (text == NULL)
		control_fail(req, "expected text in UTF-8");
	else
		state_silence_add(pipeline_state(d->pipeline), text, from, from + span, changed,
		    answer_new(d, req));
	free(text);
	json_decref(one);
}

void
commands_silence_run(void *ctx, struct control_request *req)
{
	struct daemon *d = ctx;
	struct wish w = {.rules = d->setup->rules, .id = control_text(req, "rule")};
	int64_t span = 0;

	w.fields = json_object();
	if (w.id == NULL)
		buf_puts(&w.why, "expected \"rule\", an incident rule's id or \"" SILENCE_ALL "\"");
	else
		find_rule(&w);
	if (w.why.n == 0)
		take_fields(&w, control_value(req, "fields"));
	if (w.why.n == 0)
		span = take_span(&w, control_text(req, "for"));
	if (w.why.n == 0)
		check_message(&w, control_text(req, "message"));
	if (w.why.n > 0)
		control_fail(req, buf_str(&w.why));
	else
		submit(d, req, &w, span);
	json_decref(w.fields);
	buf_free(&w.why);
}

void
commands_silence_run_end(void *ctx, struct control_request *req)
{
	struct daemon *d = ctx;
	const char *id = control_text(req, "id"), *message = control_text(req, "message");
	struct wish w = {.id = id};

	check_message(&w, message);
	if (id == NULL)
		control_fail(req, "expected \"id\"");
	else if (w.why.n > 0)
		control_fail(req, buf_str(&w.why));
	else
		state_silence_end(pipeline_state(d->pipeline), id, this_second(),
		    control_caller(req), message, changed, answer_new(d, req));
	buf_free(&w.why);
}

void
commands_silence_run_list(void *ctx, struct control_request *req)
{
	struct daemon *d = ctx;
	const char *which = control_text(req, "which");

	state_silence_list(pipeline_state(d->pipeline), which != NULL && strcmp(which, "all") == 0,
	    LIST_MOST, listed, req);
}
