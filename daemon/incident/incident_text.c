/*
 * incident_text: see incident_text.h.
 */
#include "incident/incident_text.h"

#include <inttypes.h>
#include <string.h>

#include "util/vis.h"

static void
text(struct buf *out, const json_t *obj, const char *name)
{
	const char *s = json_string_value(json_object_get(obj, name));

	if (s != NULL)
		vis_text(out, sv_str(s));
}

static void
number(struct buf *out, const json_t *obj, const char *name)
{
	buf_printf(out, "%" PRId64, (int64_t)json_number_value(json_object_get(obj, name)));
}

/* Fill up with blanks to ${width} characters since ${start}, at least one. */
static void
pad(struct buf *out, size_t start, size_t width)
{
	do
		buf_putc(out, ' ');
	while (out->n - start < width + 1);
}

static void
cell(struct buf *out, const json_t *obj, const char *name, size_t width)
{
	size_t start = out->n;

	if (json_is_string(json_object_get(obj, name)))
		text(out, obj, name);
	else
		number(out, obj, name);
	pad(out, start, width);
}

/* 2026-01-31T23:59:59.123Z as 2026-01-31 23:59:59 */
static void
time_cell(struct buf *out, const json_t *obj, const char *name)
{
	const char *s = json_string_value(json_object_get(obj, name));
	struct sv t = s == NULL ? SV("") : sv_str(s);

	if (t.n < 19) {
		vis_text(out, t);
		return;
	}
	vis_text(out, (struct sv){t.p, 10});
	buf_putc(out, ' ');
	vis_text(out, (struct sv){t.p + 11, 8});
}

void
incident_text_list(const json_t *incidents, struct buf *out)
{
	const json_t *inc;
	size_t i;

	if (json_array_size(incidents) == 0) {
		buf_puts(out, "no incidents\n");
		return;
	}
	buf_puts(out, "ID        SEVERITY  STATE         COUNT   LAST EVENT (UTC)     TITLE\n");
	json_array_foreach(incidents, i, inc)
	{
		cell(out, inc, "id", 9);
		cell(out, inc, "severity", 9);
		cell(out, inc, "state", 13);
		cell(out, inc, "count", 7);
		time_cell(out, inc, "last_event");
		buf_puts(out, "  ");
		text(out, inc, "title");
		buf_putc(out, '\n');
	}
}

static void
line(struct buf *out, const char *label, const json_t *obj, const char *name)
{
	const char *s = json_string_value(json_object_get(obj, name));

	if (s == NULL || *s == '\0')
		return;
	buf_printf(out, "%-12s", label);
	vis_text(out, sv_str(s));
	buf_putc(out, '\n');
}

static void
add_key(struct buf *out, json_t *key)
{
	const char *name;
	json_t *value;

	json_object_foreach(key, name, value)
	{
		const char *s = json_string_value(value);

		buf_puts(out, "Key         ");
		vis_text(out, sv_str(name));
		buf_puts(out, " = ");
		vis_text(out, sv_str(s == NULL ? "" : s));
		buf_putc(out, '\n');
	}
}

static void
add_events(struct buf *out, const json_t *inc)
{
	buf_puts(out, "Events      ");
	number(out, inc, "count");
	buf_puts(out, ", ");
	time_cell(out, inc, "first_event");
	buf_puts(out, " to ");
	time_cell(out, inc, "last_event");
	buf_puts(out, " UTC\n");
}

static void
add_samples(struct buf *out, const json_t *samples)
{
	const json_t *s;
	size_t i;

	if (json_array_size(samples) > 0)
		buf_puts(out, "\nSample lines (file:offset, SHA-256)\n");
	json_array_foreach(samples, i, s)
	{
		buf_puts(out, "  ");
		text(out, s, "line");
		buf_puts(out, "\n    ");
		text(out, s, "file");
		buf_putc(out, ':');
		number(out, s, "offset");
		buf_puts(out, "  ");
		text(out, s, "sha256");
		buf_putc(out, '\n');
	}
}

static void
add_history(struct buf *out, const json_t *history)
{
	const json_t *h;
	size_t i;

	buf_puts(out, "\nHistory (UTC)\n");
	json_array_foreach(history, i, h)
	{
		buf_puts(out, "  ");
		time_cell(out, h, "time");
		buf_puts(out, "  ");
		text(out, h, "action");
		buf_puts(out, " by ");
		text(out, h, "by");
		buf_puts(out, ": ");
		text(out, h, "message");
		buf_putc(out, '\n');
	}
}

static void
add_deliveries(struct buf *out, const json_t *deliveries)
{
	const json_t *d;
	size_t i;

	if (json_array_size(deliveries) > 0)
		buf_puts(out, "\nNot delivered yet\n");
	json_array_foreach(deliveries, i, d)
	{
		const char *error = json_string_value(json_object_get(d, "error"));

		buf_puts(out, "  ");
		text(out, d, "channel");
		buf_puts(out, json_is_true(json_object_get(d, "dead")) ? ": given up after " : ": ");
		number(out, d, "attempts");
		buf_puts(out, " attempts");
		if (error != NULL) {
			buf_puts(out, ", ");
			vis_text(out, sv_str(error));
		}
		buf_puts(out, "  ");
		text(out, d, "id");
		buf_putc(out, '\n');
	}
}

void
incident_text_page(const json_t *shown, struct buf *out)
{
	const json_t *inc = json_object_get(shown, "incident");

	text(out, inc, "id");
	buf_puts(out, "  ");
	text(out, inc, "title");
	buf_puts(out, "\n\n");
	line(out, "Severity", inc, "severity");
	line(out, "State", inc, "state");
	add_key(out, json_object_get(inc, "key"));
	add_events(out, inc);
	line(out, "Opened", inc, "opened");
	line(out, "Node", shown, "node");
	line(out, "Criteria", inc, "criteria");
	line(out, "Playbook", inc, "playbook");
	line(out, "Rule", inc, "rule");
	line(out, "Rule file", inc, "rule_file");
	line(out, "  SHA-256", inc, "rule_hash");
	add_samples(out, json_object_get(inc, "samples"));
	add_history(out, json_object_get(shown, "history"));
	add_deliveries(out, json_object_get(shown, "deliveries"));
}
