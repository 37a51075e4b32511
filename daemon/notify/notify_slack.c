/*
 * notify_slack: one message of an incident as Slack's Block Kit.
 *
 * Nearly every text in it was written by whoever wrote the log.  Each piece goes
 * through add_text(): control and bidirectional characters become visible, & < >
 * become entities (so there are no mentions and no disguised links), and it is cut
 * to its share between characters, counted as it goes out.  Lengths are bytes,
 * which are never fewer than the characters that Slack counts.
 *
 * Slack's limits: header 150, field 2000, section 3000, and about 13,000 for the
 * whole.  The shares below add up to less even if JSON doubles every byte.
 */
#include "notify/notify_internal.h"

#include <string.h>

#include "model/severity.h"
#include "util/vis.h"

#define HEADER_MAX 150
#define TITLE_MAX 300     /* in the fallback text */
#define WORD_MAX 100      /* a name, an id, a time */
#define PROSE_MAX 500     /* criteria, a note */
#define FIELD_NAME_MAX 40 /* of a key's field */
#define KEYS_MAX 4
#define SAMPLE_MAX 600
#define SAMPLES_MAX 3

#define ELLIPSIS "\xe2\x80\xa6"

/* The parts of a message that Slack is told.  Views point into the json. */
struct told {
	struct sv type, node, by, note;
	struct sv id, title, severity, state, rule, criteria, playbook;
	struct sv first_event, last_event;
	json_int_t count;
	json_t *key, *samples;
};

static struct sv
text_of(const json_t *value)
{
	if (!json_is_string(value))
		return SV("");
	return (struct sv){json_string_value(value), json_string_length(value)};
}

static struct sv
get(const json_t *object, const char *name)
{
	return text_of(json_object_get(object, name));
}

static struct told
read_message(const json_t *message)
{
	const json_t *data = json_object_get(message, "data");
	const json_t *incident = json_object_get(data, "incident");

	return (struct told){
	    .type = get(message, "type"),
	    .node = get(data, "node"),
	    .by = get(data, "by"),
	    .note = get(data, "message"),
	    .id = get(incident, "id"),
	    .title = get(incident, "title"),
	    .severity = get(incident, "severity"),
	    .state = get(incident, "state"),
	    .rule = get(incident, "rule"),
	    .criteria = get(incident, "criteria"),
	    .playbook = get(incident, "playbook"),
	    .first_event = get(incident, "first_event"),
	    .last_event = get(incident, "last_event"),
	    .count = json_integer_value(json_object_get(incident, "count")),
	    .key = json_object_get(incident, "key"),
	    .samples = json_object_get(incident, "samples"),
	};
}

/* --- text from outside --- */

static size_t
char_length(struct sv s)
{
	size_t n = 1;

	while (n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* A backtick would end the code that the character may stand in. */
static void
add_char(struct buf *out, struct sv c)
{
	switch (c.p[0]) {
	case '&':
		buf_puts(out, "&amp;");
		break;
	case '<':
		buf_puts(out, "&lt;");
		break;
	case '>':
		buf_puts(out, "&gt;");
		break;
	case '`':
		buf_putc(out, '\'');
		break;
	default:
		vis_text(out, c);
	}
}

/* Append ${s} made harmless, at most ${max} bytes, with an ellipsis for the rest. */
static void
add_text(struct buf *out, struct sv s, size_t max)
{
	size_t end = out->n + max, cut = out->n;

	while (s.n > 0) {
		struct sv c = {s.p, char_length(s)};

		add_char(out, c);
		if (out->n > end) {
			out->n = cut;
			buf_puts(out, ELLIPSIS);
			return;
		}
		if (out->n + sizeof(ELLIPSIS) - 1 <= end)
			cut = out->n;
		s = sv_from(s, c.n);
	}
}

/* The same as code, in which Slack looks for no markup and no links. */
static void
add_code(struct buf *out, struct sv s, size_t max)
{
	if (s.n == 0) {
		buf_putc(out, '-');
		return;
	}
	buf_putc(out, '`');
	add_text(out, s, max - 2);
	buf_putc(out, '`');
}

/* --- phrases --- */

static const char *
emoji(struct sv severity)
{
	static const char *const names[] = SEVERITY_NAMES;
	static const char *const emojis[] = {
	    "\xe2\x9a\xaa",     /* white circle */
	    "\xf0\x9f\x94\xb5", /* blue */
	    "\xf0\x9f\x9f\xa1", /* yellow */
	    "\xf0\x9f\x9f\xa0", /* orange */
	    "\xf0\x9f\x94\xb4", /* red */
	};

	for (size_t i = 0; names[i] != NULL; i++)
		if (sv_is(severity, names[i]))
			return emojis[i];
	return emojis[0];
}

/* What happened: "opened", "closed", ... */
static const char *
happened(const struct told *t)
{
	static const char *const known[] = {"opened", "updated", "acknowledged", "closed"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (sv_is(sv_from(t->type, sizeof("incident.") - 1), known[i]))
			return known[i];
	return "changed";
}

static bool
by_people(const struct told *t)
{
	return t->by.n > 0;
}

/* "(yellow) medium, closed: SSH password guessing from 192.0.2.7" */
static void
add_headline(struct buf *out, const struct told *t, size_t max)
{
	size_t end = out->n + max;

	buf_printf(out, "%s ", emoji(t->severity));
	add_text(out, t->severity, 20);
	if (strcmp(happened(t), "opened") != 0)
		buf_printf(out, ", %s", happened(t));
	buf_puts(out, ": ");
	add_text(out, t->title, end - out->n);
}

static void
add_summary(struct buf *out, const struct told *t)
{
	buf_puts(out, "*");
	add_text(out, t->id, WORD_MAX);
	buf_printf(out, "* %s on ", happened(t));
	add_code(out, t->node, WORD_MAX);
	if (by_people(t)) {
		buf_puts(out, " by ");
		add_code(out, t->by, WORD_MAX);
		buf_puts(out, ": ");
		add_text(out, t->note, PROSE_MAX);
	}
	buf_puts(out, "\nCriteria: ");
	add_text(out, t->criteria, PROSE_MAX);
}

static void
add_key(struct buf *out, const struct told *t)
{
	size_t n = 0;

	for (void *i = json_object_iter(t->key); i != NULL; i = json_object_iter_next(t->key, i)) {
		if (n++ == KEYS_MAX) {
			buf_puts(out, ", " ELLIPSIS);
			return;
		}
		buf_puts(out, n > 1 ? ", " : "");
		add_text(out, sv_str(json_object_iter_key(i)), FIELD_NAME_MAX);
		buf_putc(out, ' ');
		add_code(out, text_of(json_object_iter_value(i)), WORD_MAX);
	}
	if (n == 0)
		buf_putc(out, '-');
}

static void
add_samples(struct buf *out, const struct told *t)
{
	size_t n = json_array_size(t->samples);

	buf_puts(out, "```");
	for (size_t i = 0; i < n && i < SAMPLES_MAX; i++) {
		buf_puts(out, i > 0 ? "\n" : "");
		add_text(out, get(json_array_get(t->samples, i), "line"), SAMPLE_MAX);
	}
	buf_puts(out, "```");
}

/* What the reader can do now. */
static void
add_hint(struct buf *out, const struct told *t)
{
	bool closed = sv_is(t->state, "closed");

	if (closed)
		buf_puts(out, "Details: `triagectl show ");
	else if (sv_is(t->state, "acknowledged"))
		buf_puts(out, "Close: `triagectl close ");
	else
		buf_puts(out, "Acknowledge: `triagectl ack ");
	add_text(out, t->id, WORD_MAX);
	buf_puts(out, closed ? "`" : " -m ...`");
}

static void
add_origin(struct buf *out, const struct told *t)
{
	buf_puts(out, "Rule ");
	add_code(out, t->rule, WORD_MAX);
	if (t->playbook.n > 0) {
		buf_puts(out, ", playbook ");
		add_code(out, t->playbook, WORD_MAX);
	}
}

/* --- blocks --- */

/* verbatim: Slack shall make no links of what looks like one. */
static json_t *
mrkdwn(struct buf *text)
{
	json_t *o =
	    json_pack("{s:s, s:s, s:b}", "type", "mrkdwn", "text", buf_str(text), "verbatim", 1);

	buf_free(text);
	return o;
}

static json_t *
header_block(const struct told *t)
{
	struct buf text = BUF_INIT;
	json_t *o;

	add_headline(&text, t, HEADER_MAX);
	o = json_pack("{s:s, s:{s:s, s:s, s:b}}", "type", "header", "text", "type", "plain_text",
	    "text", buf_str(&text), "emoji", 0);
	buf_free(&text);
	return o;
}

static json_t *
field(const char *label, struct sv value)
{
	struct buf text = BUF_INIT;

	buf_printf(&text, "*%s*\n", label);
	add_code(&text, value, WORD_MAX);
	return mrkdwn(&text);
}

static json_t *
fields(const struct told *t)
{
	struct buf count = BUF_INIT, key = BUF_INIT;

	buf_printf(&count, "*Events*\n%" JSON_INTEGER_FORMAT, t->count);
	buf_puts(&key, "*Key*\n");
	add_key(&key, t);
	return json_pack("[o, o, o, o]", mrkdwn(&count), mrkdwn(&key),
	    field("First event", t->first_event), field("Last event", t->last_event));
}

static json_t *
summary_block(const struct told *t)
{
	struct buf text = BUF_INIT;

	add_summary(&text, t);
	return json_pack(
	    "{s:s, s:o, s:o}", "type", "section", "text", mrkdwn(&text), "fields", fields(t));
}

static json_t *
samples_block(const struct told *t)
{
	struct buf text = BUF_INIT;

	add_samples(&text, t);
	return json_pack("{s:s, s:o}", "type", "section", "text", mrkdwn(&text));
}

static json_t *
context_block(const struct told *t)
{
	struct buf hint = BUF_INIT, origin = BUF_INIT;

	add_hint(&hint, t);
	add_origin(&origin, t);
	return json_pack(
	    "{s:s, s:[o, o]}", "type", "context", "elements", mrkdwn(&hint), mrkdwn(&origin));
}

char *
notify_slack_render(const json_t *message)
{
	struct told t = read_message(message);
	struct buf fallback = BUF_INIT;
	json_t *blocks = json_pack("[o, o]", header_block(&t), summary_block(&t));
	json_t *body;
	char *text;

	/* Whoever has acted knows the lines. */
	if (!by_people(&t) && json_array_size(t.samples) > 0)
		json_array_append_new(blocks, samples_block(&t));
	json_array_append_new(blocks, context_block(&t));
	add_headline(&fallback, &t, TITLE_MAX);
	body = json_pack("{s:s, s:o}", "text", buf_str(&fallback), "blocks", blocks);
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	buf_free(&fallback);
	return text;
}
