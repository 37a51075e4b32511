/*
 * cmd_explain: what the decoder and each rule make of one line.
 */
#include "cli/cmd_explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "control/control.h"
#include "decode/decode.h"
#include "format/format.h"
#include "match/match.h"
#include "rule/rule.h"
#include "rule/ruleset.h"
#include "scan/scan.h"
#include "util/clock.h"
#include "util/vis.h"
#include "util/xalloc.h"

#define DIRS_MAX 16

struct explain {
	const char *dirs[DIRS_MAX];
	size_t ndirs;
	const char *rule; /* only this one; NULL: all */
	const char *line;
	struct source_conf source; /* its format and program are given */
	const struct cli *cli;

	struct ruleset *rules;
	struct decoder *decoder;
	struct matcher *matcher;
	bool *near; /* by rule: the line has text that it looks for */
	size_t nrules; /* but for those that are built in */
	unsigned matched;
	bool daemon; /* one answers; known once something matched */
	json_t *now; /* what it has of the groups that the line counts for, or NULL */
};

static bool
parse_options(struct explain *x, int argc, char **argv)
{
	int i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0'; i += 2) {
		if (strcmp(argv[i], "--rules") == 0 && x->ndirs < DIRS_MAX)
			x->dirs[x->ndirs++] = argv[i + 1];
		else if (strcmp(argv[i], "--rule") == 0)
			x->rule = argv[i + 1];
		else if (strcmp(argv[i], "--program") == 0)
			x->source.program.s = argv[i + 1];
		else if (strcmp(argv[i], "--format") != 0 ||
		    !cli_format(argv[i + 1], &x->source.format))
			return false;
	}
	i += i < argc && strcmp(argv[i], "--") == 0;
	if (i != argc - 1)
		return false;
	x->line = argv[i];
	if (x->source.format == FORMAT_AUTO)
		x->source.format = format_guess(sv_str(x->line));
	return true;
}

static void
part(struct buf *out, const char *label, struct sv value)
{
	if (value.n == 0)
		return;
	buf_printf(out, "  %-9s ", label);
	vis_text(out, value);
	buf_putc(out, '\n');
}

static void
describe_field(struct buf *out, const struct record_field *f)
{
	buf_puts(out, "  ");
	vis_text(out, f->group);
	buf_puts(out, f->group.n > 0 ? "." : "");
	vis_text(out, f->name);
	buf_puts(out, " = ");
	vis_text(out, f->value);
	buf_putc(out, '\n');
}

static void
describe_record(const struct explain *x, const struct record *rec, struct buf *out)
{
	buf_printf(out, "decoded as %s\n  time      ",
	    x->source.format == FORMAT_AUTO ? record_format_name(rec->format)
	                                    : config_formats[x->source.format]);
	clock_format(out, rec->time);
	buf_putc(out, '\n');
	part(out, "host", rec->host);
	part(out, "program", rec->program);
	part(out, "pid", rec->pid);
	if (rec->repeat > 1)
		buf_printf(out, "  %-9s %u times\n", "repeated", rec->repeat);
	for (size_t i = 0; i < rec->nfields; i++)
		describe_field(out, &rec->fields[i]);
	part(out, "message", rec->message);
}

static void
got_event(void *ctx, const struct event *event)
{
	struct explain *x = ctx;

	if (x->matched++ == 0)
		x->daemon = cmd_explain_now_is_there(x->cli);
	if (x->daemon && x->now == NULL)
		x->now = json_array();
	if (x->daemon)
		cmd_explain_now_add(x->cli, event, x->now);
}

static json_t *
record_json(const struct record *rec)
{
	struct buf time = BUF_INIT;
	json_t *out;

	clock_format(&time, rec->time);
	out = json_pack("{s:s, s:s, s:o, s:o, s:o, s:i, s:o}", "format", record_format_name(rec->format),
	    "time", buf_str(&time), "host", control_visible(rec->host), "program",
	    control_visible(rec->program), "pid", control_visible(rec->pid), "repeat",
	    (int)rec->repeat, "message", control_visible(rec->message));
	buf_free(&time);
	return out;
}

static bool
is_asked_for(const struct explain *x, const struct event_rule *r)
{
	if (x->rule != NULL)
		return strcmp(x->rule, r->id) == 0;
	return !r->body->builtin && (x->matched > 0 || x->near[r->index]);
}

/* One rule's verdict.  When some rule matches and none was asked for by name,
 * the others are left out. */
static void
explain_rule(const struct explain *x, struct matcher *m, const struct event_rule *r,
    const struct record *rec, json_t *verdicts)
{
	struct buf why = BUF_INIT;

	match_explain(m, r, rec, &why);
	if (x->rule != NULL || x->matched == 0 || strncmp(buf_str(&why), "yes", 3) == 0)
		json_array_append_new(verdicts,
		    json_pack("{s:s, s:o}", "rule", r->id, "verdict", control_visible(buf_view(&why))));
	buf_free(&why);
}

static void
print_text(const struct explain *x, const struct record *rec, const json_t *verdicts)
{
	struct buf out = BUF_INIT;
	const json_t *v;
	size_t i, others = x->rule != NULL ? 0 : x->nrules - json_array_size(verdicts);

	describe_record(x, rec, &out);
	json_array_foreach(verdicts, i, v)
	{
		buf_printf(&out, "%s: %s", json_string_value(json_object_get(v, "rule")),
		    json_string_value(json_object_get(v, "verdict")));
	}
	if (x->matched == 0)
		buf_puts(&out, "no rule matches");
	if (x->matched == 0 && others > 0)
		buf_printf(&out, "; %zu more look for text that is not in the line", others);
	if (x->matched == 0)
		buf_putc(&out, '\n');
	cmd_explain_now_text(x->now, &out);
	fputs(buf_str(&out), stdout);
	buf_free(&out);
}

static void
explain_line(void *ctx, const struct line *line)
{
	struct explain *x = ctx;
	json_t *verdicts = json_array();
	struct record rec;

	decode_line(x->decoder, line, clock_now(), &rec);
	x->now = NULL;
	match_record(x->matcher, &rec, got_event, x);
	for (size_t i = 0; i < ruleset_nevents(x->rules); i++) {
		const struct event_rule *r = ruleset_event(x->rules, i);

		if (is_asked_for(x, r))
			explain_rule(x, x->matcher, r, &rec, verdicts);
	}
	if (x->cli->json)
		cli_print_json(json_pack("{s:o, s:i, s:O, s:O*}", "record", record_json(&rec), "matched",
		    (int)x->matched, "rules", verdicts, "counts_for", x->now));
	else
		print_text(x, &rec, verdicts);
	json_decref(verdicts);
	json_decref(x->now);
}

static void
got_near(void *ctx, const struct line *line, const uint32_t *rules, size_t nrules)
{
	struct explain *x = ctx;

	(void)line;
	for (size_t i = 0; i < nrules; i++)
		x->near[rules[i]] = true;
}

static void
explain_chunk(void *ctx, const struct chunk *chunk)
{
	struct explain *x = ctx;
	struct scanner *s = scanner_new(x->rules);

	scan_chunk(s, chunk, got_near, x);
	scan_each(chunk, explain_line, x);
	scanner_free(&s);
}

static int
run(struct explain *x, struct offline *off)
{
	x->rules = off->rules;
	x->decoder = decoder_new();
	x->matcher = matcher_new(off->rules);
	matcher_set_geoip(x->matcher, off->geoip, true);
	x->near = xcalloc(ruleset_nevents(off->rules) + 1, sizeof(*x->near));
	for (size_t i = 0; i < ruleset_nevents(off->rules); i++)
		x->nrules += !ruleset_event(off->rules, i)->body->builtin;
	format_try(&x->source, sv_str(x->line), clock_now(), explain_chunk, x);
	free(x->near);
	matcher_free(&x->matcher);
	decoder_free(&x->decoder);
	return x->matched > 0 ? CLI_OK : CLI_FAILED;
}

int
cmd_explain(const struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
	struct explain x = {.cli = cli};
	struct offline off;
	int code;

	if (!parse_options(&x, argc, argv))
		return cli_usage(self);
	if (!offline_load(cli, x.dirs, x.ndirs, &off))
		return CLI_USAGE;
	if (x.rule != NULL && ruleset_find_event(off.rules, x.rule) == NULL)
		code = cli_fail(CLI_FAILED, "there is no event rule %s", x.rule);
	else
		code = run(&x, &off);
	offline_free(&off);
	return code;
}
