/*
 * eval_table: see eval_table.h.
 */
#include "eval/eval_table.h"

#include <string.h>

#include "util/vis.h"

#define COUNTS 10 /* columns of "1234/5678" */
#define PERCENT 8 /* more of " 100.0%" */

static void
pad(struct buf *out, size_t from, size_t width)
{
	do
		buf_putc(out, ' ');
	while (out->n - from < width);
}

static void
cell(struct buf *out, const char *text, size_t width)
{
	size_t from = out->n;

	buf_puts(out, text);
	pad(out, from, width);
}

static void
head(struct buf *out, const char *title, size_t width, bool percent)
{
	static const char *const shares[] = {"FOUND", "FALSE", "HOST", "WEAK", "WK.FALSE", "LOGS",
	    "SOURCES", "SHOULD"};

	cell(out, title, width + 1);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		cell(out, shares[i], percent ? COUNTS + PERCENT : COUNTS);
	buf_puts(out, "BLAMED OPENED\n");
}

/* "some/all percent", "-" of nothing. */
static void
share(struct buf *out, uint64_t some, uint64_t all, bool percent)
{
	size_t from = out->n;

	if (all == 0)
		buf_putc(out, '-');
	else
		buf_printf(out, "%llu/%llu", (unsigned long long)some, (unsigned long long)all);
	if (all > 0 && percent)
		buf_printf(out, " %.1f%%", 100.0 * (double)some / (double)all);
	pad(out, from, percent ? COUNTS + PERCENT : COUNTS);
}

static void
row(struct buf *out, const struct eval_group *g, size_t width, bool percent)
{
	const struct eval_tally *t = &g->tally;
	size_t from = out->n;

	vis_text(out, sv_str(g->name));
	pad(out, from, width + 1);
	share(out, t->named.found, t->named.truths, percent);
	share(out, t->named.alarms, t->named.falses, percent);
	share(out, t->named.right, t->named.hosts, percent);
	share(out, t->weak.found, t->weak.truths, percent);
	share(out, t->weak.alarms, t->weak.falses, percent);
	share(out, t->passed, t->tests, percent);
	share(out, t->located, t->wanted, percent);
	share(out, t->welcomed, t->welcome, percent);
	if (t->tests > 0)
		buf_printf(out, "%6llu ", (unsigned long long)t->blamed);
	else
		buf_puts(out, "     - ");
	buf_printf(out, "%6llu\n", (unsigned long long)t->opened);
}

void
eval_table(struct buf *out, const char *title, const struct eval_group *rows, size_t n,
    size_t width, bool percent)
{
	head(out, title, width, percent);
	for (size_t i = 0; i < n; i++)
		row(out, &rows[i], width, percent);
}

/* The name of a file may be anything. */
static json_t *
name_json(const char *name)
{
	struct buf out = BUF_INIT;
	json_t *value;

	vis_utf8(&out, sv_str(name));
	value = json_string(buf_str(&out));
	buf_free(&out);
	return value;
}

static json_t *
lines_json(const struct eval_lines *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "true", (json_int_t)c->truths, "found",
	    (json_int_t)c->found, "false", (json_int_t)c->falses, "false_alarms",
	    (json_int_t)c->alarms, "hosts", (json_int_t)c->hosts, "right_hosts",
	    (json_int_t)c->right);
}

json_t *
eval_table_json(const char *type, const struct eval_group *row)
{
	const struct eval_tally *t = &row->tally;

	return json_pack("{s:s, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}}", "type",
	    type, "name", name_json(row->name), "named", lines_json(&t->named), "weak", lines_json(&t->weak),
	    "incidents", "logs", (json_int_t)t->tests, "logs_right", (json_int_t)t->passed, "sources",
	    (json_int_t)t->wanted, "found", (json_int_t)t->located, "blamed",
	    (json_int_t)t->blamed, "welcome", (json_int_t)t->welcome, "welcome_found",
	    (json_int_t)t->welcomed, "opened", (json_int_t)t->opened);
}
