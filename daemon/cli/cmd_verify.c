/*
 * cmd_verify: rules verify-scan: proves on given files that the scan hides no
 * match.  Every rule is tried on every line, without the scan, and the result
 * compared with what comes through it.
 */
#include "cli/cmd_verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"
#include "match/match.h"
#include "rule/ruleset.h"
#include "scan/scan.h"
#include "source/source.h"
#include "util/clock.h"
#include "util/vis.h"
#include "util/xalloc.h"

/* An event, as far as two runs can be compared. */
struct hit {
	uint64_t offset; /* of the line */
	size_t rule;
};

struct hits {
	struct hit *v;
	size_t n;
};

struct verify {
	const char *file;
	const struct ruleset *rules;
	struct scanner *scanner;
	struct decoder *decoder;
	struct matcher *matcher;
	struct hits scanned, all;
	struct hits *into; /* the one being filled */
	uint64_t lines, matches, missed;
	int64_t now;
};

static void
got_event(void *ctx, const struct event *e)
{
	struct verify *v = ctx;

	XGROW(v->into->v, v->into->n);
	v->into->v[v->into->n++] = (struct hit){e->record->line->offset, e->rule->index};
}

static void
got_candidate(void *ctx, const struct line *line, const uint32_t *rules, size_t nrules)
{
	struct verify *v = ctx;
	struct record rec;

	decode_line(v->decoder, line, v->now, &rec);
	match_rules(v->matcher, &rec, rules, nrules, got_event, v);
}

/* Every line, split with no help of the scan. */
static void
try_all(struct verify *v, const struct chunk *chunk)
{
	struct sv rest = chunk->data;

	while (rest.n > 0) {
		const char *newline = memchr(rest.p, '\n', rest.n);
		size_t n = newline == NULL ? rest.n : (size_t)(newline - rest.p);
		struct line line = {.stream = chunk->stream, .text = {rest.p, n}, .cut = chunk->cut};
		struct record rec;

		rest = sv_from(rest, newline == NULL ? n : n + 1);
		if (line.text.n > 0 && line.text.p[line.text.n - 1] == '\r')
			line.text.n--;
		if (line.text.n == 0)
			continue;
		line.offset = chunk->offset + (uint64_t)(line.text.p - chunk->data.p);
		decode_line(v->decoder, &line, v->now, &rec);
		match_record(v->matcher, &rec, got_event, v);
		v->lines++;
	}
}

static void
report(struct verify *v, const struct hit *h, const char *what)
{
	printf("%s: the line at byte %llu: %s %s\n", v->file, (unsigned long long)h->offset,
	    ruleset_event(v->rules, h->rule)->id, what);
	v->missed++;
}

static int
compare(const struct hit *a, const struct hit *b)
{
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return a->rule == b->rule ? 0 : a->rule < b->rule ? -1 : 1;
}

/* Events about the detector are left out: of a message that is too long and holds
 * no literal, the scan knows that no rule would have matched the rest either. */
static bool
is_detectors(const struct verify *v, const struct hit *h)
{
	return strncmp(ruleset_event(v->rules, h->rule)->id, "triaged.", 8) == 0;
}

static void
compare_hits(struct verify *v)
{
	size_t i = 0, k = 0;

	while (i < v->all.n || k < v->scanned.n) {
		int order = i == v->all.n ? 1
		    : k == v->scanned.n   ? -1
		                          : compare(&v->all.v[i], &v->scanned.v[k]);

		if (order < 0 && !is_detectors(v, &v->all.v[i]))
			report(v, &v->all.v[i], "matches, and the scan hides it");
		if (order > 0)
			report(v, &v->scanned.v[k], "matches only through the scan");
		v->matches += order <= 0;
		i += order <= 0;
		k += order >= 0;
	}
}

static bool
got_chunk(void *ctx, const struct chunk *chunk)
{
	struct verify *v = ctx;

	v->scanned.n = v->all.n = 0;
	v->into = &v->scanned;
	scan_chunk(v->scanner, chunk, got_candidate, v);
	v->into = &v->all;
	try_all(v, chunk);
	compare_hits(v);
	return true;
}

static int
run_files(struct verify *v, size_t max_line, char **files)
{
	for (; *files != NULL; files++) {
		v->file = *files;
		if (source_replay(*files, max_line, got_chunk, v) < 0)
			return cli_fail(CLI_FAILED, "%s: %s", *files, strerror(errno));
	}
	return v->missed == 0 ? CLI_OK : CLI_FAILED;
}

int
cmd_verify_scan(const struct cli *cli, struct offline *off, char **files)
{
	struct verify v = {.rules = off->rules, .now = clock_now()};
	int code;

	v.scanner = scanner_new(off->rules);
	v.decoder = decoder_new();
	v.matcher = matcher_new(off->rules);
	code = run_files(&v, (size_t)off->config->max_line, files);
	if (cli->json)
		cli_print_json(json_pack("{s:I, s:I, s:I, s:I}", "lines", (json_int_t)v.lines, "rules",
		    (json_int_t)ruleset_nevents(off->rules), "matches", (json_int_t)v.matches, "missed",
		    (json_int_t)v.missed));
	else
		printf("%llu lines, %zu rules, %llu matches, %llu missed\n", (unsigned long long)v.lines,
		    ruleset_nevents(off->rules), (unsigned long long)v.matches,
		    (unsigned long long)v.missed);
	free(v.scanned.v);
	free(v.all.v);
	matcher_free(&v.matcher);
	decoder_free(&v.decoder);
	scanner_free(&v.scanner);
	return code;
}
