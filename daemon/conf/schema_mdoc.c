/*
 * schema_mdoc: a table as the reference of its keys in mdoc, for manual pages:
 * a tagged list, with a list inside an item for each object.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "conf/conf_internal.h"

#define LINE_WIDTH 78

static void print_table(const struct conf_table *table, struct buf *out);

/* Append the word at the start of ${s}; returns its length. */
static size_t
print_word(struct buf *out, const char *s, bool line_start)
{
	size_t n = strcspn(s, " ");

	/* A line that begins with one of these is a request. */
	if (line_start && (*s == '.' || *s == '\''))
		buf_puts(out, "\\&");
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\')
			buf_puts(out, "\\e");
		else
			buf_putc(out, s[i]);
	}
	return n;
}

/* Append ${s} as text lines, each sentence on lines of its own as mdoc wants it;
 * two spaces end a sentence. */
static void
print_text(struct buf *out, const char *s)
{
	size_t start = out->n;

	while (*s != '\0') {
		size_t gap;

		s += print_word(out, s, out->n == start);
		gap = strspn(s, " ");
		s += gap;
		if (gap > 1 || *s == '\0' || out->n - start + strcspn(s, " ") >= LINE_WIDTH) {
			buf_putc(out, '\n');
			start = out->n;
		} else {
			buf_putc(out, ' ');
		}
	}
}

/* What stands in place of the value. */
static const char *
placeholder(const struct conf_key *key)
{
	switch (key->type) {
	case CONF_STRING:
	case CONF_SECRET:
		return "text";
	case CONF_INT:
		return "number";
	case CONF_BOOL:
		return "true | false";
	case CONF_DURATION:
		return "time";
	case CONF_ENUM:
		return "word";
	case CONF_STRINGS:
		return "text | list";
	case CONF_OBJECT:
		return "mapping";
	case CONF_OBJECTS:
		return key->scalar == NULL ? "list of mappings" : "list of text | mappings";
	case CONF_MAP:
		return "names: values";
	case CONF_MAPS:
		return "list of names: values";
	}
	assert(false);
	return "";
}

static void
print_range(const struct conf_key *key, struct buf *out)
{
	if (key->min == 0 && key->max == 0)
		return;
	if (key->type == CONF_INT)
		buf_printf(out, "From %" PRId64 " to %" PRId64 ".\n", key->min, key->max);
	if (key->type == CONF_DURATION) {
		buf_puts(out, "From ");
		conf_duration_format(out, key->min);
		buf_puts(out, " to ");
		conf_duration_format(out, key->max);
		buf_puts(out, ".\n");
	}
}

static void
print_names(const struct conf_key *key, struct buf *out)
{
	buf_puts(out, "One of");
	for (size_t i = 0; key->names[i] != NULL; i++)
		buf_printf(
		    out, "\n.Cm %s%s", key->names[i], key->names[i + 1] == NULL ? " ." : " ,");
	buf_putc(out, '\n');
}

static void
print_key(const struct conf_key *key, struct buf *out)
{
	buf_printf(out, ".It Ic %s : Ar %s\n", key->name, placeholder(key));
	if (key->type == CONF_SECRET)
		buf_printf(out, ".It Ic %s_file : Ar path\n", key->name);
	if (key->help != NULL)
		print_text(out, key->help);
	if (key->type == CONF_SECRET)
		buf_printf(out, "With\n.Ic %s_file ,\nthe contents of that file.\n", key->name);
	if (key->type == CONF_ENUM)
		print_names(key, out);
	print_range(key, out);
	if (key->fallback != NULL)
		buf_printf(out, "Default:\n.Li %s\n", key->fallback);
	if (key->required)
		buf_puts(out, "Required.\n");
	if (key->sub != NULL)
		print_table(key->sub, out);
}

static void
print_table(const struct conf_table *table, struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < table->nkeys; i++)
		print_key(&table->keys[i], out);
	buf_puts(out, ".El\n");
}

void
conf_schema_mdoc(const struct conf_table *table, struct buf *out)
{
	print_table(table, out);
}
