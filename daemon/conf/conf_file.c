/*
 * conf_file: the text of a file that is being read, and one line of it with a
 * caret.
 *
 * A line may hold a secret, and what is printed here ends in journals and
 * tickets: after a key whose value is secret nothing of the line is shown.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_internal.h"
#include "util/vis.h"
#include "util/xalloc.h"

#define LINE_WIDTH 100 /* characters of a source line that are shown */
#define LINE_BEFORE 60 /* of them before the caret */
#define TAB_WIDTH 8

struct conf_file {
	char *path;
	char *text;
	size_t n;
	size_t order;
	bool cut;
	char **secret_keys;
	size_t nsecret_keys;
	int *secret_lines; /* of values that do not stand beside their key */
	size_t nsecret_lines;
};

struct conf_file *
conf_file_new(const char *path, const char *text, size_t n, size_t order)
{
	struct conf_file *f = xcalloc(1, sizeof(*f));

	f->path = xstrdup(path);
	f->text = xstrndup(text, n);
	f->n = n;
	f->order = order;
	return f;
}

void
conf_file_free(struct conf_file **fp)
{
	struct conf_file *f = *fp;

	*fp = NULL;
	for (size_t i = 0; i < f->nsecret_keys; i++)
		free(f->secret_keys[i]);
	free(f->secret_keys);
	free(f->secret_lines);
	free(f->path);
	free(f->text);
	free(f);
}

size_t
conf_file_order(const struct conf_file *f)
{
	return f->order;
}

const char *
conf_file_path(const struct conf_file *f)
{
	return f->path;
}

/* Marks hold files as const, for none of their users may change one; the reader
 * may. */
void
conf_file_set_cut(const struct conf_file *f)
{
	if (f != NULL)
		((struct conf_file *)f)->cut = true;
}

bool
conf_file_is_cut(const struct conf_file *f)
{
	return f != NULL && f->cut;
}

void
conf_file_hide(const struct conf_file *f, const char *key)
{
	struct conf_file *file = (struct conf_file *)f;

	if (f == NULL)
		return;
	for (size_t i = 0; i < file->nsecret_keys; i++) {
		if (strcmp(file->secret_keys[i], key) == 0)
			return;
	}
	XGROW(file->secret_keys, file->nsecret_keys);
	file->secret_keys[file->nsecret_keys++] = xstrdup(key);
}

void
conf_file_hide_line(const struct conf_file *f, int line)
{
	struct conf_file *file = (struct conf_file *)f;

	if (f == NULL)
		return;
	XGROW(file->secret_lines, file->nsecret_lines);
	file->secret_lines[file->nsecret_lines++] = line;
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

static bool
in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Where in ${line} the value of ${key} starts; its end when it is not there. */
static size_t
find_value(struct sv line, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i + n < line.n; i++) {
		size_t after = i + n;

		if (memcmp(line.p + i, key, n) != 0 || (i > 0 && in_word(line.p[i - 1])))
			continue;
		while (after < line.n && strchr(" \t'\"", line.p[after]) != NULL)
			after++;
		if (after < line.n && line.p[after] == ':')
			return after + 1;
	}
	return line.n;
}

/* The part of ${line}, which is line ${number}, before a secret. */
static struct sv
public_part(const struct conf_file *f, int number, struct sv line)
{
	for (size_t i = 0; i < f->nsecret_lines; i++) {
		if (f->secret_lines[i] == number)
			return (struct sv){line.p, 0};
	}
	for (size_t i = 0; i < f->nsecret_keys; i++)
		line.n = find_value(line, f->secret_keys[i]);
	return line;
}

/* Append the characters of ${line} around ${column}; returns where that one
 * stands in what was appended. */
static size_t
show_line(struct buf *out, struct sv line, size_t column)
{
	size_t first = column > LINE_BEFORE ? column - LINE_BEFORE : 1, width = 0, caret = 0,
	       at = 1;

	if (first > 1) {
		buf_puts(out, "...");
		width = 3;
	}
	for (; line.n > 0 && at < first + LINE_WIDTH; at++) {
		size_t n = conf_char_length(line);

		if (at == column)
			caret = width;
		if (at >= first)
			width = show_char(out, (struct sv){line.p, n}, width);
		line = sv_from(line, n);
	}
	if (line.n > 0)
		buf_puts(out, "...");
	return at > column ? caret : width;
}

void
conf_file_show(const struct conf_file *f, int number, int column, struct buf *out)
{
	struct sv line = find_line(f, number), shown;
	size_t caret;

	if (line.p == NULL)
		return;
	shown = public_part(f, number, line);
	caret = show_line(out, shown, column < 1 ? 1 : (size_t)column);
	buf_puts(out, shown.n < line.n ? " (hidden)\n" : "\n");
	while (caret-- > 0)
		buf_putc(out, ' ');
	buf_puts(out, "^\n");
}
