/*
 * diag: the errors found in configuration and rule files, all of them at once.
 *
 * Printed as   file:line:column: message
 * followed by the line itself and a caret under the column.
 */
#ifndef CONF_DIAG_H
#define CONF_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

/* A file being read: its name and text, kept for the carets.  Owned by the diag
 * that it was added to. */
struct conf_file;

/* A place in a file; line and column count from 1.  file may be NULL: a place
 * that is no file (defaults, tests). */
struct mark {
	const struct conf_file *file;
	int line;
	int column;
};

struct diag;

struct diag *diag_new(void);
void diag_free(struct diag **d);

/* Remember ${path} with its ${text} (copied). */
const struct conf_file *diag_add_file(struct diag *d, const char *path, const char *text, size_t n);
const char *conf_file_path(const struct conf_file *f);

/* Record an error at ${at}.  No newline in ${fmt}. */
void diag_error(struct diag *d, struct mark at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Record an error about something that has no place inside a file. */
void diag_error_path(struct diag *d, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

size_t diag_errors(const struct diag *d);

/* Append all of it in order of file, line and column, made harmless (vis); what was recorded of
 * the same place more than once, once. */
void diag_print(const struct diag *d, struct buf *out);

#endif
