/*
 * cmd_eval_show: single lines and incidents, for whoever writes rules or labels.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmd_eval.h"
#include "control/control.h"
#include "eval/eval_labels.h"
#include "util/xalloc.h"

#define TEXT_MOST 4096 /* bytes of a line that are shown */

/* The line at ${offset}, up to a NUL byte. */
static char *
read_text(const char *dir, const char *name, uint64_t offset)
{
	char *path = xasprintf("%s/%s.log", dir, name), *text = xcalloc(1, TEXT_MOST);
	FILE *f = offset == UINT64_MAX ? NULL : fopen(path, "re");

	if (f != NULL && fseeko(f, (off_t)offset, SEEK_SET) == 0 &&
	    fgets(text, TEXT_MOST, f) != NULL)
		text[strcspn(text, "\r\n")] = '\0';
	if (f != NULL)
		fclose(f);
	free(path);
	return text;
}

/* Text from a log, or the name of a file. */
static json_t *
text_json(const char *s)
{
	return s == NULL ? json_null() : control_visible(sv_str(s));
}

static const char *
or_nothing(const char *s)
{
	return s == NULL || *s == '\0' ? "-" : s;
}

static void
print_line(const char *name, const struct eval_label *label, enum eval_result result,
    const char *text)
{
	static const char *const words[] = {
	    [EVAL_MISSED] = "missed", [EVAL_FALSE] = "false alarm", [EVAL_HOST] = "wrong host"};

	cli_print_text("", name);
	printf(".log:%llu: %s%s", (unsigned long long)label->line, label->weak ? "weak " : "",
	    words[result]);
	cli_print_text(": ", label->label);
	if (result == EVAL_HOST) {
		cli_print_text("; expected ", or_nothing(label->host));
		cli_print_text(", got ", or_nothing(label->addresses));
	}
	if (result != EVAL_MISSED)
		cli_print_text("; by ", or_nothing(label->rules));
	cli_print_text("\n    ", text);
	putchar('\n');
}

void
cmd_eval_show_line(const char *dir, const char *name, const struct eval_label *label,
    enum eval_result result, bool json)
{
	static const char *const types[] = {
	    [EVAL_MISSED] = "missed", [EVAL_FALSE] = "false", [EVAL_HOST] = "host"};
	char *text = read_text(dir, name, label->offset);

	if (json)
		cli_print_json(json_pack("{s:s, s:o, s:I, s:s, s:s, s:b, s:s?, s:o, s:s?, s:o}",
		    "type", types[result], "name", text_json(name), "line", (json_int_t)label->line, "source",
		    label->source, "label", label->label, "weak", label->weak, "host", label->host,
		    "got", text_json(label->addresses), "rules", label->rules, "text", text_json(text)));
	else
		print_line(name, label, result, text);
	free(text);
}

void
cmd_eval_show_incident(
    const char *name, const char *what, const char *host, const char *rules, bool json)
{
	if (json) {
		cli_print_json(json_pack("{s:s, s:o, s:s, s:s, s:s}", "type", "incidents", "name", text_json(name),
		    "verdict", what, "host", host, "rules", rules));
		return;
	}
	cli_print_text("", name);
	printf(": incidents: %s", what);
	cli_print_text(" ", or_nothing(host));
	cli_print_text(*rules == '\0' ? "" : " by ", rules);
	putchar('\n');
}

void
cmd_eval_show_opened(const char *name, const json_t *incidents, bool json)
{
	json_t *inc;
	size_t i;

	json_array_foreach(incidents, i, inc)
	{
		if (json) {
			cli_print_json(json_pack("{s:s, s:o, s:O}", "type", "opened", "name",
			    text_json(name), "incident", inc));
			continue;
		}
		cli_print_text("", name);
		printf(": opened %s: ", cli_text(inc, "rule"));
		cli_print_text("", cli_text(inc, "title"));
		printf(", %lld events\n", cli_number(inc, "count"));
	}
}
