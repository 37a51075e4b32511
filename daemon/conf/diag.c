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
#define LINE_WIDTH 100    /* characters of a source line that are shown */
#define LINE_BEFORE 60    /* of them before the caret */
#define TAB_WIDTH 8

struct conf_file {
	char *path;
	char *text;
	size_t n;
	size_t order;
	bool cut;
};

struct finding {
	const struct conf_file *file; /* NULL: no place inside a file */
	char *path;                   /* without file; may be NULL */
	char *text;
	size_t order; /* of the file, or of the one that would have come next */
	size_t seq;
	int line;
	int column;
	bool warning;
};

struct diag {
	struct conf_file **files;
	size_t nfiles;
	struct finding *findings;
	size_t nfindings;
	size_t errors;
	size_t warnings;
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
	for (size_t i = 0; i < d->nfiles; i++) {
		free(d->files[i]->path);
		free(d->files[i]->text);
		free(d->files[i]);
	}
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
	struct conf_file *f = xcalloc(1, sizeof(*f));

	f->path = xstrdup(path);
	f->text = xstrndup(text, n);
	f->n = n;
	f->order = d->nfiles;
	XGROW(d->files, d->nfiles);
	d->files[d->nfiles++] = f;
	return f;
}

const char *
conf_file_path(const struct conf_file *f)
{
	return f->path;
}

/* Marks hold files as const, for none of their users may change one. */
void
conf_file_set_cut(const struct conf_file *f)
{
	((struct conf_file *)f)->cut = true;
}

bool
conf_file_is_cut(const struct conf_file *f)
{
	return f != NULL && f->cut;
}

static void __attribute__((format(printf, 5, 0)))
add(struct diag *d, bool warning, struct mark at, const char *path, const char *fmt, va_list ap)
{
	struct finding *f;

	if (warning)
		d->warnings++;
	else
		d->errors++;
	if (d->nfindings == FINDINGS_MAX)
		return;
	XGROW(d->findings, d->nfindings);
	f = &d->findings[d->nfindings];
	*f = (struct finding){.file = at.file,
	    .path = xstrdup(path),
	    .order = at.file == NULL ? d->nfiles : at.file->order,
	    .seq = d->nfindings,
	    .line = at.file == NULL ? 0 : at.line,
	    .column = at.file == NULL ? 0 : at.column,
	    .warning = warning};
	if (vasprintf(&f->text, fmt, ap) < 0)
		f->text = xstrdup(fmt);
	d->nfindings++;
}

void
diag_error(struct diag *d, struct mark at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, false, at, NULL, fmt, ap);
	va_end(ap);
}

void
diag_error_path(struct diag *d, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, false, (struct mark){NULL, 0, 0}, path, fmt, ap);
	va_end(ap);
}

void
diag_warn(struct diag *d, struct mark at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, true, at, NULL, fmt, ap);
	va_end(ap);
}

size_t
diag_errors(const struct diag *d)
{
	return d->errors;
}

size_t
diag_warnings(const struct diag *d)
{
	return d->warnings;
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

/* Line ${number} of ${f}, without its end; p is NULL when there is no such line. */
static struct sv
find_line(const struct conf_file *f, int number)
{
	const char *p = f->text, *end = f->text + f->n, *newline;

	for (int i = 1; i < number && p != NULL; i++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (p != NULL)
			p++;
	}
	if (p == NULL || p == end)
		return (struct sv){NULL, 0};
	newline = memchr(p, '\n', (size_t)(end - p));
	if (newline == NULL)
		newline = end;
	if (newline > p && newline[-1] == '\r')
		newline--;
	return (struct sv){p, (size_t)(newline - p)};
}

size_t
conf_char_length(struct sv s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t want = c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1, n = 1;

	while (n < want && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n++;
	return n == want ? n : 1;
}

static size_t
count_chars(struct sv s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* Append the first character of ${s} as it is shown, which begins ${width}
 * columns into the line, and return where the next one begins. */
static size_t
show_char(struct buf *out, struct sv s, size_t width)
{
	size_t start = out->n;

	if (s.p[0] == '\t') {
		do
			buf_putc(out, ' ');
		while (++width % TAB_WIDTH != 0);
		return width;
	}
	vis_text(out, s);
	return width + count_chars(sv_from(buf_view(out), start));
}

/* The line and, under character ${column} of it, the caret. */
static void
print_line(struct buf *out, struct sv line, size_t column)
{
	size_t first = column > LINE_BEFORE ? column - LINE_BEFORE : 1, width = 0, caret = 0, at = 1;
	bool found = false;

	if (first > 1) {
		buf_puts(out, "...");
		width = 3;
	}
	for (; line.n > 0 && at < first + LINE_WIDTH; at++) {
		size_t n = conf_char_length(line);

		if (at == column) {
			caret = width;
			found = true;
		}
		if (at >= first)
			width = show_char(out, (struct sv){line.p, n}, width);
		line = sv_from(line, n);
	}
	buf_puts(out, line.n > 0 ? "...\n" : "\n");
	for (size_t i = found ? caret : width; i > 0; i--)
		buf_putc(out, ' ');
	buf_puts(out, "^\n");
}

static void
print_finding(struct buf *out, const struct finding *f)
{
	const char *path = f->file == NULL ? f->path : f->file->path;
	struct sv line = {NULL, 0};

	if (path != NULL) {
		vis_text(out, sv_str(path));
		if (f->line > 0)
			buf_printf(out, ":%d:%d", f->line, f->column);
		buf_puts(out, ": ");
	}
	if (f->warning)
		buf_puts(out, "warning: ");
	vis_text(out, sv_str(f->text));
	buf_putc(out, '\n');
	if (f->line > 0)
		line = find_line(f->file, f->line);
	if (line.p != NULL)
		print_line(out, line, f->column < 1 ? 1 : (size_t)f->column);
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
	if (d->errors + d->warnings > d->nfindings)
		buf_printf(out, "and %zu more\n", d->errors + d->warnings - d->nfindings);
}
