/*
 * rule_live_file: see rule_live.h.  List files, and files in the place of sets in Redis.
 */
#include <stdlib.h>
#include <string.h>

#include "rule/rule_internal.h"
#include "util/xalloc.h"

static void
trim(struct sv *s)
{
	static const char space[] = " \t\r";

	while (s->n > 0 && memchr(space, s->p[s->n - 1], sizeof(space)) != NULL)
		s->n--;
	while (s->n > 0 && memchr(space, s->p[0], sizeof(space)) != NULL)
		*s = sv_from(*s, 1);
}

/* Call ${add} for each value of a list file, with the number of its line. */
static void
each_value(struct sv text, void (*add)(void *ctx, const char *value, int line), void *ctx)
{
	size_t at = 0;

	for (int number = 1; at < text.n; number++) {
		const char *end = memchr(text.p + at, '\n', text.n - at);
		struct sv line = sv_from(text, at);
		const char *comment;
		char *value;

		line.n = end == NULL ? line.n : (size_t)(end - line.p);
		at += line.n + 1;
		comment = line.n == 0 ? NULL : memchr(line.p, '#', line.n);
		if (comment != NULL)
			line.n = (size_t)(comment - line.p);
		trim(&line);
		if (line.n == 0)
			continue;
		value = xstrndup(line.p, line.n);
		add(ctx, value, number);
		free(value);
	}
}

/* Values of a file that are made a list. */
struct filling {
	const struct rule_live *live;
	struct rule_list *values;
	size_t nvalues;
	struct diag *diag;
	struct mark mark;
};

static void
fill_line(void *ctx, const char *text, int line)
{
	struct filling *f = ctx;
	struct buf why = BUF_INIT;

	f->mark.line = line;
	f->nvalues++;
	if (!rule_live_add(f->live, f->values, text, &why))
		diag_error(f->diag, f->mark, "\"%s\" %s (list %s is used for %s)", text,
		    buf_str(&why), f->live->list, f->live->key == NULL ? "an address" : "keys");
	buf_free(&why);
}

static bool
has_file(const struct rule_live *live, const char *path)
{
	return live->file != NULL && strcmp(live->file, path) == 0;
}

static bool
is_set_of(const struct rule_live *live, const char *list)
{
	return live->set != NULL && strcmp(live->list, list) == 0;
}

/* For all that are as ${is} says, of ${what}. */
static void
fill(const struct ruleset *rs, struct rule_live_reading *r, struct sv text,
    bool (*is)(const struct rule_live *live, const char *what), const char *what,
    struct diag *diag)
{
	struct filling f = {.diag = diag, .mark = {NULL, 1, 1}};

	f.mark.file = diag_add_file(diag, r->path, text.p, text.n);
	for (size_t i = 0; i < rs->nlives; i++) {
		f.live = rs->lives[i];
		if (!is(f.live, what))
			continue;
		f.values = r->lists[i] = rule_list_new(f.live->kind);
		f.nvalues = 0;
		each_value(text, fill_line, &f);
		rule_list_sort(f.values);
		r->nvalues = f.nvalues;
	}
}

static bool
read_for(const struct ruleset *rs, struct rule_live_reading *r,
    bool (*is)(const struct rule_live *live, const char *what), const char *what,
    struct diag *diag)
{
	size_t n, errors = diag_errors(diag);
	char *text;

	stamp_path(r->path, &r->stamp);
	r->nvalues = 0;
	r->lists = xcalloc(rs->nlives + 1, sizeof(struct rule_list *));
	text = rule_file_text(r->path, &n, diag);
	if (text == NULL)
		return false;
	digest_sha256_hex((struct sv){text, n}, r->hash);
	fill(rs, r, (struct sv){text, n}, is, what, diag);
	free(text);
	return diag_errors(diag) == errors;
}

bool
rule_live_read(const struct ruleset *rs, struct rule_live_reading *r, struct diag *diag)
{
	return read_for(rs, r, has_file, r->path, diag);
}

void
rule_live_take(struct ruleset *rs, struct rule_live_reading *r)
{
	for (size_t i = 0; i < rs->nlives; i++) {
		if (r->lists[i] == NULL)
			continue;
		rule_live_put(rs, i, r->lists[i]);
		r->lists[i] = NULL;
		rs->lives[i]->stamp = r->stamp;
		rs->lives[i]->nvalues = r->nvalues;
	}
}

void
rule_live_forget(const struct ruleset *rs, struct rule_live_reading *r)
{
	for (size_t i = 0; r->lists != NULL && i < rs->nlives; i++)
		rule_list_free(&r->lists[i]);
	free(r->lists);
	r->lists = NULL;
}

bool
rule_live_fill(struct ruleset *rs, const char *list, const char *path, struct diag *diag)
{
	struct rule_live_reading r = {.path = path};
	bool found = false;

	for (size_t i = 0; i < rs->nlives; i++)
		found |= is_set_of(rs->lives[i], list);
	if (read_for(rs, &r, is_set_of, list, diag))
		rule_live_take(rs, &r);
	rule_live_forget(rs, &r);
	return found;
}

static bool
is_first(const struct ruleset *rs, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (has_file(rs->lives[j], rs->lives[i]->file))
			return false;
	return true;
}

void
rule_live_load(struct ruleset *rs, struct rule_load *l)
{
	for (size_t i = 0; i < rs->nlives; i++) {
		struct rule_live_reading r = {.path = rs->lives[i]->file};

		if (r.path == NULL || !is_first(rs, i))
			continue;
		if (rule_live_read(rs, &r, l->diag)) {
			buf_puts(&l->hashes, r.hash);
			rule_live_take(rs, &r);
		}
		rule_live_forget(rs, &r);
	}
}
