/*
 * cmd_backtest_compare: two lists of incidents side by side.  Two are about the same
 * when they are of one rule and key and overlap in time.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmd_backtest.h"
#include "util/xalloc.h"

const char *const cmd_backtest_members[] = {
    "severity", "count", "first_event", "last_event", "opened", "state", "title", NULL};

struct entry {
	const json_t *inc;
	const char *rule, *first, *last;
	char *key;
};

struct entries {
	struct entry *v;
	size_t n;
};

struct row {
	const json_t *old, *new;
	const char *time;
	size_t order; /* by rule and key */
};

struct rows {
	struct row *v;
	size_t n;
};

const char *
cmd_backtest_name(enum backtest_kind kind)
{
	static const char *const names[] = {"added", "removed", "changed", "same"};

	return names[kind];
}

/* Same rule and key? */
static int
compare_key(const struct entry *x, const struct entry *y)
{
	int by = strcmp(x->rule, y->rule);

	return by != 0 ? by : strcmp(x->key, y->key);
}

/* Times are text in one form, so their order is that of time. */
static int
by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int by = compare_key(x, y);

	return by != 0 ? by : strcmp(x->first, y->first);
}

static int
by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int by = strcmp(x->time, y->time);

	return by != 0 ? by : (x->order > y->order) - (x->order < y->order);
}

static struct entries
read_entries(const json_t *list)
{
	struct entries out = {xcalloc(json_array_size(list) + 1, sizeof(*out.v)), 0};
	size_t i;
	json_t *inc;

	json_array_foreach(list, i, inc)
		out.v[out.n++] = (struct entry){.inc = inc,
		    .rule = cli_text(inc, "rule"),
		    .first = cli_text(inc, "first_event"),
		    .last = cli_text(inc, "last_event"),
		    .key = json_dumps(json_object_get(inc, "key"), JSON_COMPACT | JSON_SORT_KEYS)};
	qsort(out.v, out.n, sizeof(*out.v), by_key);
	return out;
}

static void
free_entries(struct entries *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->v[i].key);
	free(e->v);
}

static void
add_row(struct rows *rows, const struct entry *old, const struct entry *new)
{
	XGROW(rows->v, rows->n);
	rows->v[rows->n] = (struct row){old == NULL ? NULL : old->inc,
	    new == NULL ? NULL : new->inc, old == NULL ? new->first : old->first, rows->n};
	rows->n++;
}

static bool
overlap(const struct entry *x, const struct entry *y)
{
	return strcmp(x->first, y->last) <= 0 && strcmp(y->first, x->last) <= 0;
}

static struct rows
pair(const struct entries *old, const struct entries *new)
{
	struct rows rows = {NULL, 0};
	size_t i = 0, k = 0;

	while (i < old->n && k < new->n) {
		if (compare_key(&old->v[i], &new->v[k]) == 0 && overlap(&old->v[i], &new->v[k]))
			add_row(&rows, &old->v[i++], &new->v[k++]);
		else if (by_key(&old->v[i], &new->v[k]) < 0)
			add_row(&rows, &old->v[i++], NULL);
		else
			add_row(&rows, NULL, &new->v[k++]);
	}
	while (i < old->n)
		add_row(&rows, &old->v[i++], NULL);
	while (k < new->n)
		add_row(&rows, NULL, &new->v[k++]);
	if (rows.n > 0)
		qsort(rows.v, rows.n, sizeof(*rows.v), by_time);
	return rows;
}

static enum backtest_kind
kind_of(const struct row *row)
{
	if (row->old == NULL)
		return BACKTEST_ADDED;
	if (row->new == NULL)
		return BACKTEST_REMOVED;
	for (size_t i = 0; cmd_backtest_members[i] != NULL; i++)
		if (!json_equal(json_object_get(row->old, cmd_backtest_members[i]),
		        json_object_get(row->new, cmd_backtest_members[i])))
			return BACKTEST_CHANGED;
	return BACKTEST_SAME;
}

void
cmd_backtest_compare(const json_t *old, const json_t *new, cmd_backtest_cb *row, void *ctx,
    size_t n[BACKTEST_KINDS])
{
	struct entries was = read_entries(old), is = read_entries(new);
	struct rows rows = pair(&was, &is);

	for (size_t i = 0; i < rows.n; i++) {
		enum backtest_kind kind = kind_of(&rows.v[i]);

		n[kind]++;
		row(ctx, kind, rows.v[i].old, rows.v[i].new);
	}
	free(rows.v);
	free_entries(&was);
	free_entries(&is);
}
