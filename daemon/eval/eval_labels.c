/*
 * eval_labels: see eval_labels.h.  Decides which labelled lines an event is about; what
 * that counts for, eval_tally.c decides.
 */
#include "eval/eval_labels.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "eval/eval_host.h"
#include "model/event.h"
#include "rule/ruleset.h"
#include "util/hash.h"
#include "util/xalloc.h"

#define RECORD_SPAN 4096 /* labelled lines that the lines of one record are spread over */
#define RECORD_LINES 256
#define NOTES_MOST 400   /* bytes of rules and of addresses kept of a line */

/* ---- reading --------------------------------------------------------------- */

static char *
copy_member(const json_t *obj, const char *name)
{
	const char *s = json_string_value(json_object_get(obj, name));

	return s == NULL ? NULL : xstrdup(s);
}

static char *
copy_text(const json_t *obj, const char *name)
{
	char *s = copy_member(obj, name);

	return s == NULL ? xstrdup("") : s;
}

static bool
is_set(const json_t *obj, const char *name)
{
	return json_is_true(json_object_get(obj, name));
}

/* The host to expect.  A host in an earlier line of the session cannot be. */
static void
read_host(struct eval_label *label, const json_t *obj)
{
	if (is_set(obj, "host_elsewhere"))
		return;
	if (!json_is_false(json_object_get(obj, "host_gt"))) {
		label->host = copy_member(obj, "host");
		return;
	}
	label->host = copy_member(obj, "only_ip");
	label->only = true;
}

static const char *
read_label(struct eval_labels *l, const json_t *obj)
{
	json_int_t line = json_integer_value(json_object_get(obj, "line"));
	struct eval_label *label;

	if (!json_is_object(obj))
		return "expected a JSON object";
	if (line < 1)
		return "expected \"line\", a number from 1 on";
	if (l->n > 0 && (uint64_t)line <= l->v[l->n - 1].line)
		return "expected a greater \"line\" than that before";
	if (!json_is_boolean(json_object_get(obj, "match")))
		return "expected \"match\", true or false";
	XGROW(l->v, l->n);
	label = &l->v[l->n++];
	*label = (struct eval_label){.line = (uint64_t)line,
	    .match = is_set(obj, "match"),
	    .grey = is_set(obj, "grey"),
	    .weak = is_set(obj, "weak"),
	    .source = copy_text(obj, "source"),
	    .label = copy_text(obj, "label"),
	    .service = copy_member(obj, "service"),
	    .offset = UINT64_MAX};
	read_host(label, obj);
	return NULL;
}

static const char *
read_line(struct eval_labels *l, const char *text, size_t n)
{
	json_t *obj = json_loadb(text, n, 0, NULL);
	const char *wrong = obj == NULL ? "not JSON" : read_label(l, obj);

	json_decref(obj);
	return wrong;
}

bool
eval_labels_read(struct eval_labels *l, const char *path, struct buf *error)
{
	const char *wrong = NULL;
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0, number = 0;
	ssize_t n;

	*l = (struct eval_labels){.n = 0};
	if (f == NULL) {
		buf_printf(error, "%s: %s", path, strerror(errno));
		return false;
	}
	while (wrong == NULL && (n = getline(&line, &cap, f)) >= 0) {
		number++;
		if (strspn(line, " \t\r\n") < (size_t)n)
			wrong = read_line(l, line, (size_t)n);
	}
	if (wrong == NULL && ferror(f))
		wrong = strerror(errno);
	if (wrong != NULL)
		buf_printf(error, "%s:%zu: %s", path, number, wrong);
	free(line);
	fclose(f);
	return wrong == NULL;
}

void
eval_labels_free(struct eval_labels *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct eval_label *label = &l->v[i];

		free(label->host);
		free(label->source);
		free(label->label);
		free(label->service);
		free(label->rules);
		free(label->addresses);
	}
	free(l->v);
	*l = (struct eval_labels){.n = 0};
}

/* ---- lines ----------------------------------------------------------------- */

/* Of "... audit(1700000000.123:4567) ...": a number for what is in the brackets, 0
 * when there is none. */
static uint64_t
record_of(struct sv text)
{
	const struct hash_key key = {0, 0};
	const char *p = text.n == 0 ? NULL : memmem(text.p, text.n, "audit(", 6);
	const char *end = p == NULL ? NULL : memchr(p, ')', text.n - (size_t)(p - text.p));

	return end == NULL ? 0 : hash_bytes(key, (struct sv){p, (size_t)(end - p)}) | 1;
}

void
eval_labels_line(struct eval_labels *l, uint64_t number, uint64_t offset, struct sv text)
{
	struct eval_label *label;

	if (l->seen == l->n || l->v[l->seen].line != number)
		return;
	label = &l->v[l->seen++];
	label->offset = offset;
	label->record = record_of(text);
	while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	label->length = text.n;
}

/* ---- events ---------------------------------------------------------------- */

/* Of the lines that were seen, the first at or after ${offset}. */
static size_t
first_from(const struct eval_labels *l, uint64_t offset)
{
	size_t low = 0, high = l->seen;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->v[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
has_word(const char *words, struct sv word)
{
	for (const char *p = words; p != NULL && *p != '\0'; p += *p == ' ') {
		size_t n = strcspn(p, " ");

		if (sv_eq((struct sv){p, n}, word))
			return true;
		p += n;
	}
	return false;
}

static void
add_word(char **words, struct sv word)
{
	struct buf b = BUF_INIT;

	if (has_word(*words, word) || (*words != NULL && strlen(*words) > NOTES_MOST))
		return;
	if (*words != NULL) {
		buf_puts(&b, *words);
		buf_putc(&b, ' ');
	}
	buf_sv(&b, word);
	free(*words);
	*words = buf_steal(&b);
}

static void
note_event(struct eval_label *label, const struct event *e)
{
	label->events++;
	add_word(&label->rules, sv_str(e->rule->id));
	for (size_t i = 0; i < e->nfields; i++) {
		struct sv value = e->fields[i].value;

		if (!eval_host_is_source(e->fields[i].name))
			continue;
		add_word(&label->addresses, value);
		label->right |= label->host != NULL && eval_host_same(label->host, value);
	}
}

/* The record ${message} is the lines from the label ${from} on that have its stamp, as many
 * as it has room for: in artificial logs all lines have one stamp.  Put their indexes into
 * ${lines}, which holds RECORD_LINES; returns how many there are. */
static size_t
lines_of_record(const struct eval_labels *l, size_t from, struct sv message, size_t *lines)
{
	size_t to = l->seen - from > RECORD_SPAN ? from + RECORD_SPAN : l->seen, n = 0;
	uint64_t record = record_of(message);

	for (size_t i = from; i < to && n < RECORD_LINES; i++) {
		if (l->v[i].record != record)
			continue;
		if (l->v[i].length > message.n)
			break;
		message = sv_from(message, l->v[i].length + 1);
		lines[n++] = i;
	}
	return n;
}

/* False when the message is no whole record, but of a line with a header of its own. */
static bool
note_record(struct eval_labels *l, size_t from, const struct event *e)
{
	size_t lines[RECORD_LINES], n = lines_of_record(l, from, e->record->message, lines);
	bool any_true = false;

	for (size_t i = 0; i < n; i++)
		any_true |= l->v[lines[i]].match;
	for (size_t i = 0; i < n; i++) {
		note_event(&l->v[lines[i]], e);
		l->v[lines[i]].excused |= any_true;
	}
	return n > 0;
}

void
eval_labels_event(struct eval_labels *l, const struct event *e)
{
	const struct line *line = e->record->line;
	size_t i = first_from(l, line->offset);

	if (e->record->format == RECORD_FIELDS && record_of(e->record->message) != 0 &&
	    note_record(l, i, e))
		return;
	if (i < l->seen && l->v[i].offset == line->offset)
		note_event(&l->v[i], e);
}
