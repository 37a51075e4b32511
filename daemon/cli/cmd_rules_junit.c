/*
 * cmd_rules_junit: results of tests in the form that CI systems read: the XML of JUnit.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmd_rules_test.h"
#include "util/vis.h"

/* As text or an attribute; XML has no control characters, so they are shown. */
static void
put_text(struct buf *out, const char *s)
{
	static const char specials[] = "&<>\"";
	static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
	struct buf clean = BUF_INIT;

	vis_text(&clean, sv_str(s));
	for (const char *p = buf_str(&clean); *p != '\0'; p++) {
		const char *special = strchr(specials, *p);

		if (special != NULL)
			buf_puts(out, entities[special - specials]);
		else
			buf_putc(out, *p);
	}
	buf_free(&clean);
}

static void
put_attribute(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, " %s=\"", name);
	put_text(out, value);
	buf_putc(out, '"');
}

/* What is wrong, a line each; the first is the message. */
static void
put_failure(struct buf *out, const char *wrong)
{
	struct buf line = BUF_INIT;
	bool first = true;

	while (*wrong != '\0') {
		size_t n = strcspn(wrong, "\n");

		line.n = 0;
		buf_add(&line, wrong, n);
		if (first) {
			buf_puts(out, "      <failure");
			put_attribute(out, "message", buf_str(&line));
			buf_putc(out, '>');
		}
		put_text(out, buf_str(&line));
		wrong += n + (wrong[n] == '\n');
		buf_puts(out, *wrong == '\0' ? "</failure>\n" : "\n");
		first = false;
	}
	buf_free(&line);
}

static void
put_case(struct buf *out, const struct tests_run *run, const struct tested *t)
{
	struct buf name = BUF_INIT;

	buf_printf(&name, "line %d", t->line);
	if (t->name != NULL)
		buf_printf(&name, ": %s", t->name);
	buf_puts(out, "    <testcase");
	put_attribute(out, "classname", t->rule);
	put_attribute(out, "name", buf_str(&name));
	put_attribute(out, "file", run->files[t->file].path);
	buf_printf(out, " line=\"%d\"", t->line);
	if (t->wrong == NULL) {
		buf_puts(out, "/>\n");
	} else {
		buf_puts(out, ">\n");
		put_failure(out, t->wrong);
		buf_puts(out, "    </testcase>\n");
	}
	buf_free(&name);
}

static void
put_suite(struct buf *out, const struct tests_run *run, size_t file)
{
	const struct tested_file *f = &run->files[file];

	buf_puts(out, "  <testsuite");
	put_attribute(out, "name", f->path);
	buf_printf(out, " tests=\"%zu\" failures=\"%zu\">\n", f->tests, f->failed);
	for (size_t i = 0; i < run->n; i++)
		if (run->v[i].file == file)
			put_case(out, run, &run->v[i]);
	buf_puts(out, "  </testsuite>\n");
}

static bool
write_file(const char *path, const struct buf *text)
{
	FILE *f = fopen(path, "we");
	bool good = f != NULL && fwrite(text->p, 1, text->n, f) == text->n;

	if (f != NULL && fclose(f) != 0)
		good = false;
	if (!good)
		cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
	return good;
}

bool
cmd_rules_junit(const struct tests_run *run, const char *path)
{
	struct buf out = BUF_INIT;
	bool good;

	buf_puts(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	buf_printf(&out, "<testsuites name=\"rules\" tests=\"%zu\" failures=\"%zu\">\n", run->n,
	    run->failed);
	for (size_t i = 0; i < run->nfiles; i++)
		put_suite(&out, run, i);
	buf_puts(&out, "</testsuites>\n");
	good = write_file(path, &out);
	buf_free(&out);
	return good;
}
