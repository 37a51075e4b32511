/*
 * diag: see diag.h.
 *
 * Keeps the findings as they come and sorts them when they are printed.  Text
 * is stored raw and made harmless on the way out, in one place.
 */
#include "conf/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_internal.h"
#include "util/vis.h"
#include "util/xalloc.h"

#define FINDINGS_MAX 1000 /* kept to be printed; further ones are only counted */

struct finding {
	const struct conf_file *file; /* NULL: no place inside a file */
	char *path;                   /* without file; may be NULL */
	char *text;
	size_t order; /* of the file, or of the one that would have come next */
	size_t seq;
	int line;
	int column;
};

struct diag {
	struct conf_file **files;
	size_t nfiles;
	struct finding *findings;
	size_t nfindings;
	size_t errors, repeated; /* all; those that were known */
};

struct diag *
diag_new(void)
{
	return xcalloc(1, sizeof(struct diag));
}

void
diag_free(struct diag **dp)
{
	struct diag *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->nfiles; i++)
		conf_file_free(&d->files[i]);
	for (size_t i = 0; i < d->nfindings; i++) {
		free(d->findings[i].path);
		free(d->findings[i].text);
	}
	free(d->files);
	free(d->findings);
	free(d);
}

const struct conf_file *
diag_add_file(struct diag *d, const char *path, const char *text, size_t n)
{
	struct conf_file *f = conf_file_new(path, text, n, d->nfiles);

	XGROW(d->files, d->nfiles);
	d->files[d->nfiles++] = f;
	return f;
}

/* What several rules inherit is wrong once. */
static bool
is_known(const struct diag *d, const struct finding *new)
{
	for (size_t i = 0; new->file != NULL && i < d->nfindings; i++) {
		const struct finding *f = &d->findings[i];

		if (f->file == new->file && f->line == new->line && f->column == new->column &&
		    strcmp(f->text, new->text) == 0)
			return true;
	}
	return false;
}

static void __attribute__((format(printf, 4, 0)))
add(struct diag *d, struct mark at, const char *path, const char *fmt, va_list ap)
{
	struct finding f = {.file = at.file,
	    .order = at.file == NULL ? d->nfiles : conf_file_order(at.file),
	    .seq = d->nfindings,
	    .line = at.file == NULL ? 0 : at.line,
	    .column = at.file == NULL ? 0 : at.column};
	bool known;

	if (vasprintf(&f.text, fmt, ap) < 0)
		f.text = xstrdup(fmt);
	known = is_known(d, &f);
	d->errors++;
	d->repeated += known;
	if (known || d->nfindings == FINDINGS_MAX) {
		free(f.text);
		return;
	}
	f.path = xstrdup(path);
	XGROW(d->findings, d->nfindings);
	d->findings[d->nfindings++] = f;
}

void
diag_error(struct diag *d, struct mark at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, at, NULL, fmt, ap);
	va_end(ap);
}

void
diag_error_path(struct diag *d, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, (struct mark){NULL, 0, 0}, path, fmt, ap);
	va_end(ap);
}

size_t
diag_errors(const struct diag *d)
{
	return d->errors;
}

static int
by_place(const void *pa, const void *pb)
{
	const struct finding *a = *(const struct finding *const *)pa;
	const struct finding *b = *(const struct finding *const *)pb;

	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return a->seq < b->seq ? -1 : 1;
}

static void
print_finding(struct buf *out, const struct finding *f)
{
	const char *path = f->file == NULL ? f->path : conf_file_path(f->file);

	if (path != NULL) {
		vis_text(out, sv_str(path));
		if (f->line > 0)
			buf_printf(out, ":%d:%d", f->line, f->column);
		buf_puts(out, ": ");
	}
	vis_text(out, sv_str(f->text));
	buf_putc(out, '\n');
	if (f->line > 0)
		conf_file_show(f->file, f->line, f->column, out);
}

void
diag_print(const struct diag *d, struct buf *out)
{
	const struct finding **sorted = xcalloc(d->nfindings, sizeof(*sorted));

	for (size_t i = 0; i < d->nfindings; i++)
		sorted[i] = &d->findings[i];
	qsort(sorted, d->nfindings, sizeof(*sorted), by_place);
	for (size_t i = 0; i < d->nfindings; i++)
		print_finding(out, sorted[i]);
	free(sorted);
	if (d->errors - d->repeated > d->nfindings)
		buf_printf(out, "and %zu more\n", d->errors - d->repeated - d->nfindings);
}
