/*
 * check_difficult: what other scanners have missed, by public reports of bugs in them, or
 * found where it was not.  The reports tell which kind of text and pattern; most words are
 * ours.  Each case at each place of a block, across a batch's end, and at the end of
 * the data, in whichever way the scanner runs.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"
#include "rule/rule.h"
#include "rule/ruleset.h"
#include "scan/literal.h"
#include "scan/multi_internal.h"
#include "scan/scan.h"
#include "util/buf.h"
#include "util/xalloc.h"

#define MANY 10
#define BATCH ((size_t)MULTI_BATCH * MULTI_BLOCK)

/* --- literals */

struct set {
	const char *report;
	struct sv line;
	const char *found; /* indexes of the literals in the line */
	struct sv literals[MANY];
};

/* clang-format off */
#define Z8 "\0\0\0\0\0\0\0\0"
#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define D32 "dddddddddddddddddddddddddddddddd"
static const struct set sets[] = {
    /* long literals that share runs of one byte, the longest not there to its end */
    {"intel/hyperscan#303", SV("*\xed\xe2" Z8 Z8 Z8 Z8 Z8), "1,2,3,",
        {SV("\xed\xe2" Z8 Z8 "\0\0\0\0some text"), SV(Z8 "\0\0\0\0"), SV(Z8 "\0\0"),
            SV("*\xed\xe2" Z8 Z8 Z8 Z8), SV(Z8 Z8 "\0\0\0\0\0some text")}},
    /* more of one byte than a register has, beside a short literal */
    {"intel/hyperscan#353", SV("xt>" D32 "DD, then 123"), "0,1,",
        {SV("xt>" D32 "dd"), SV("123"), SV("xt<" D32 "dd")}},
    {"intel/hyperscan#353", SV("xt>" D32 "DA, then 12"), "", {SV("xt>" D32 "dd"), SV("123")}},
    /* eight and more equal bytes at the end of a literal, and a text of nothing else */
    {"intel/hyperscan#253", SV(Z8 Z8 "MB" Z8 Z8), "0,1,3,",
        {SV("mb" Z8), SV("mb" Z8 "\0"), SV("mb" Z8 "z"), SV("b" Z8 Z8)}},
    /* a zero byte first, or only zero bytes */
    {"intel/hyperscan#427", SV("a\0\0\0bc"), "0,1,2,",
        {SV("\0\0\0"), SV("\0bc"), SV("a\0\0\0"), SV("\0\0\0\0")}},
    /* bytes that are not text */
    {"snort3/snort3#366", SV("x\0\0\0\x82\0\0\0\x8c"), "0,1,",
        {SV("\0\0\0\x82"), SV("\0\0\0\x8c"), SV("\0\0\0\x96")}},
    /* the first bytes of a literal are the last ones of a vector, and the rest is not there */
    {"VectorCamp/vectorscan#316", SV("ab ab ab ab ab ab"), "", {SV("abz"), SV("b az"), SV("abab")}},
    {"VectorCamp/vectorscan#316", SV("ba ba ba ba ba abz"), "0,", {SV("abz"), SV("abza")}},
    /* one byte that differs, in the tail behind the last whole vector */
    {"VectorCamp/vectorscan#378", SV(A32 A32 "aaaaab"), "0,2,",
        {SV("aab"), SV("aac"), SV("aaaaaaaaaaab"), SV("baaaaaaaaaa")}},
    /* bytes of both halves of the table, at either end */
    {"VectorCamp/vectorscan#377", SV("\xff\xfe\x80 7f\x7f\x01\x02 \xc3\xa9\xc3"), "0,1,2,",
        {SV("\xff\xfe\x80"), SV("\x7f\x01\x02 "), SV(" \xc3\xa9\xc3"), SV("\x7f\x7e\x80")}},
    /* capital letters to the last, and what is next to them */
    {"microsoft/edit#850", SV("AZ@[ZEBRA-QUIZ`{AZ"), "0,1,",
        {SV("az@[zebra-quiz`{"), SV("zebra-quiz"), SV("az`[zebra-quiz"), SV("az@{zebra-quiz")}},
    /* literals in literals: all are there */
    {"mischasan/aho-corasick#20", SV("text/bin/bash/text"), "0,1,2,3,4,5,6,",
        {SV("/bin/bash"), SV("bin/bash"), SV("bin"), SV("/bin"), SV("/bash"), SV("bash"),
            SV("in/ba")}},
    {"mischasan/aho-corasick#28", SV("refracted"), "0,1,",
        {SV("acted"), SV("refracted"), SV("refractedness")}},
    {"mischasan/aho-corasick#2", SV("\x01\x35\0\x01\x35\x01"), "1,",
        {SV("9\0" "5"), SV("\0\x01\x35")}},
    {"mischasan/aho-corasick#22", SV("bananas"), "0,1,3,",
        {SV("banana"), SV("anana"), SV("nanan"), SV("nas")}},
    /* the beginning of a longer literal, and the end of it another one */
    {"WojciechMula/pyahocorasick#1", SV("Vendor-GT-9303i/1.0 Browser"), "0,",
        {SV("gt-9303"), SV("vendor-gt-9303k/")}},
    {"timcowlishaw/aho_corasick#6", SV("abcd"), "0,", {SV("bcd"), SV("abce")}},
    {"alexandrnikitin/AhoCorasick.Net#1", SV("abcd"), "1,", {SV("abcde"), SV("bcd")}},
    {"indy256/codelibrary#15", SV("abaaa"), "0,", {SV("aaa"), SV("aaaa"), SV("abaaaa")}},
    {"JDonner/NoAho#3", SV("one canal"), "0,1,", {SV("ana"), SV("canal"), SV("e can oil field")}},
    {"morenice/ahocorasick#7", SV("a grabbed tab"), "0,1,2,",
        {SV("bed"), SV("grab"), SV("rab"), SV("grabs")}},
    {"anknown/ahocorasick#9", SV("\xe5\xb7\x9e\xe7\xba\xa2\xe6\x98\x9f\xe5\x87\xaf"), "0,1,2,",
        {SV("\xe6\x98\x9f\xe5\x87\xaf"), SV("\xe7\xba\xa2\xe6\x98\x9f\xe5\x87\xaf"),
            SV("\xe5\xb7\x9e\xe7\xba\xa2\xe6\x98\x9f\xe5\x87\xaf"),
            SV("\xe5\x9f\x8e\xe7\xba\xa2\xe6\x98\x9f")}},
    /* a rare byte twice in a literal, and elsewhere in another */
    {"BurntSushi/aho-corasick#53", SV("ab/j/"), "0,", {SV("ab/j/"), SV("xy/")}},
    {"BurntSushi/aho-corasick#53", SV("ab/j/xy/"), "0,1,", {SV("ab/j/"), SV("xy/"), SV("b/j/x/")}},
    /* text with a zero byte between all others */
    {"BurntSushi/aho-corasick#35", SV("\0s\0i\0" "1\0" "0\0" "1\0r"), "0,2,",
        {SV("s\0i\0" "1\0" "0\0"), SV("s\0i\0" "2\0" "0\0"), SV("0\0" "1\0"), SV("s\0i\0\0")}},
    /* what repeats itself before the literal is found */
    {"BurntSushi/ripgrep#904", SV("hw/probe_mac/probe_mac_top.sv"), "0,1,",
        {SV("probe_mac_top"), SV("probe_mac_t"), SV("probe_top")}},
    {"BurntSushi/ripgrep#780", SV("aaaa/aaaa/upsert/upsert/ratings"), "0,1,",
        {SV("/upsert/rat"), SV("upsert/ratings"), SV("/upsert/rate")}},
};
/* clang-format on */

/* --- every way to run, at every place */

#define NTUNINGS (2 * MULTI_KINDS)

static size_t
make_tunings(struct multi_tuning tunings[NTUNINGS])
{
	const struct multi_finders *kinds[MULTI_KINDS];
	size_t nkinds = multi_kinds(kinds), n = 0;

	for (size_t i = 0; i < nkinds; i++) {
		tunings[n++] = (struct multi_tuning){.finders = kinds[i], .sample = 100};
		if (kinds[i]->few != NULL)
			tunings[n++] = (struct multi_tuning){
			    .finders = kinds[i], .few = 64, .sample = 100};
	}
	return n;
}

/* Exactly as long as what it holds: the line of interest, and others of hyphens. */
struct page {
	char *p;
	size_t n;
	struct sv line;
};

static struct page
make_page(struct sv line, size_t at, bool last)
{
	static const char others[] = "\n-- --\n\n----\n";
	size_t behind = last ? 0 : sizeof(others) - 1;
	struct page page = {xmalloc(at + line.n + behind), at + line.n + behind, {NULL, line.n}};

	memset(page.p, '-', at);
	if (at > 0)
		page.p[at - 1] = '\n';
	memcpy(page.p + at, line.p, line.n);
	memcpy(page.p + at + line.n, others, behind);
	page.line.p = page.p + at;
	return page;
}

typedef void try_fn(void *ctx, const struct page *page);

static void
try_at(struct sv line, size_t at, try_fn *try, void *ctx)
{
	for (int last = 0; last < 2; last++) {
		struct page page = make_page(line, at, last != 0);

		try(ctx, &page);
		free(page.p);
	}
}

/* Wherever in a block it begins, and with each of its bytes the first of a batch. */
static void
try_everywhere(struct sv line, try_fn *try, void *ctx)
{
	for (size_t at = 0; at < MULTI_BLOCK; at++)
		try_at(line, at, try, ctx);
	for (size_t at = BATCH - line.n; at <= BATCH; at++)
		try_at(line, at, try, ctx);
}

/* --- the literal scanner */

struct scan_test {
	const char *report;
	struct multi *multi;
	const char *wanted;
	struct buf found;
	struct sv line; /* the one of interest */
};

static void
see(void *ctx, struct sv line, const uint32_t *owners, size_t nowners)
{
	struct scan_test *t = ctx;

	ck_assert_msg(line.p == t->line.p && line.n == t->line.n, "%s: another line", t->report);
	for (size_t i = 0; i < nowners; i++)
		buf_printf(&t->found, "%u,", (unsigned)owners[i]);
}

static void
scan_page(void *ctx, const struct page *page)
{
	struct scan_test *t = ctx;

	t->found.n = 0;
	t->line = page->line;
	multi_scan(t->multi, (struct sv){page->p, page->n}, see, t);
	ck_assert_msg(strcmp(buf_str(&t->found), t->wanted) == 0,
	    "%s: found %s instead of %s at %zu of %zu, %s", t->report, buf_str(&t->found),
	    t->wanted, (size_t)(page->line.p - page->p), page->n, multi_kind(t->multi));
}

static void
expect_found(const char *report, const struct multi_literal *literals, size_t n, size_t nowners,
    struct sv line, const char *wanted)
{
	struct multi_tuning tunings[NTUNINGS];

	for (size_t i = make_tunings(tunings); i-- > 0;) {
		struct scan_test t = {.report = report, .wanted = wanted};

		t.multi = multi_new_tuned(literals, n, nowners, tunings[i]);
		try_everywhere(line, scan_page, &t);
		multi_free(&t.multi);
		buf_free(&t.found);
	}
}

START_TEST(literals_are_found)
{
	const struct set *set = &sets[_i];
	struct multi_literal literals[MANY];
	size_t n = 0;

	for (; n < MANY && set->literals[n].n > 0; n++)
		literals[n] = (struct multi_literal){
		    set->literals[n].p, set->literals[n].n, (uint32_t)n};
	expect_found(set->report, literals, n, n, set->line, set->found);
}
END_TEST

/* Many literals that end, or begin, or begin and end alike: they share a bucket, or a place
 * in a table, however many of those there are. */
static void
expect_one_of(size_t n, const char *head, const char *tail)
{
	struct multi_literal *literals = xcalloc(n, sizeof(*literals));
	char (*texts)[32] = xcalloc(n, sizeof(*texts)), wanted[16];

	for (size_t i = 0; i < n; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%s%03x%s", head, (unsigned)i, tail);
		literals[i] = (struct multi_literal){texts[i], strlen(texts[i]), (uint32_t)i};
	}
	for (size_t i = 0; i < n; i += 1 + n / 3) {
		snprintf(wanted, sizeof(wanted), "%u,", (unsigned)i);
		expect_found("many alike", literals, n, n, sv_str(texts[i]), wanted);
	}
	free(texts);
	free(literals);
}

START_TEST(many_alike_are_told_apart)
{
	static const size_t sizes[] = {1, 2, 8, 9, 31, 32, 33, 63, 64, 65, 128, 129, 700};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		expect_one_of(sizes[i], "", "-failed");
		expect_one_of(sizes[i], "failed-", "");
		expect_one_of(sizes[i], "fail", "ed");
		expect_one_of(sizes[i], "", "");
	}
}
END_TEST

/* --- rules */

struct rules {
	const char *report;
	const char *line;
	size_t match; /* the pattern that matches */
	const char *patterns[MANY];
};

/* clang-format off */
#define SCRIPTS                                                                                   \
	"<%[\\s\\S]+%>",                                                                      \
	"<[^<>]+:(?:include|forward|invoke|body|setting|plugin|element|attribute|fallback|root)", \
	"[$#]\\{[\\s\\S]+\\([\\s\\S]*\\)[\\s\\S]*\\}"
#define NAMES                                                                                     \
	"(?i)^.*LANTERN.*EX.*$", "(?i)^.*BOAT.*GUY.*$", "(?i)^.*PAYING.*JACOB.*MARY.*$",          \
	"(?i)^GUILD FRANCE.*$", "(?i)^PAYING \\*YEARLY.*$", "(?i)^DD.*FIRE 800-900-1000$",        \
	"(?i)^.*XING.*FU.*TAN.*$"
#define X48 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define PASTE "(?i)(?:^|[\\p{Z}\\p{P}])paste(?:[\\p{Z}\\p{P}]|$)"
static const struct rules cases[] = {
    /* some long alternatives beside short patterns, of which one matches */
    {"VectorCamp/vectorscan#358", "<%out.write();int n%>", 0,
        {SCRIPTS}},
    {"VectorCamp/vectorscan#358", "<t:attribute x>", 1,
        {SCRIPTS}},
    {"VectorCamp/vectorscan#358", "x ${f(1)} y", 2,
        {SCRIPTS}},
    /* two anchored paths with alternatives and a gap, all but alike at the end */
    {"VectorCamp/vectorscan#317", "svc/stage/jobs-live-build-svc-svc-reader/0", 1,
        {"^klmno-pqrstuvwxyzabcd/efghi/jklmn-(opqr|stuv)-.*/0$",
            "^svc/stage/jobs-(test|live)-.*/[0-9]+$"}},
    /* a byte more between two parts, and it was gone */
    {"VectorCamp/vectorscan#382", "curl http://xxx:8000/ 2>&1 | python", 0,
        {"curl.*\\|\\s*python"}},
    {"VectorCamp/vectorscan#382", "curl http://xxxx:8000/ 2>&1 | python", 0,
        {"curl.*\\|\\s*python"}},
    {"VectorCamp/vectorscan#382", "curl http://host7:8080/ 2>&1 |python", 0,
        {"(?s)curl.*\\|\\s*python"}},
    /* caseless patterns with anchors and gaps, several in a set */
    {"gliwka/hyperscan-java#231", "LANTERN HOUSE TUXEDO GUTTER MEX", 0,
        {NAMES}},
    {"gliwka/hyperscan-java#231", "xx XiNG zz fU - tan -", 6,
        {NAMES}},
    /* shapes without a literal: all lines are theirs */
    {"VectorCamp/vectorscan#304", "on 7/12/2026 at", 0,
        {"([0-9][0-9]?)/([0-9][0-9]?)/([0-9][0-9]([0-9][0-9])?)"}},
    {"VectorCamp/vectorscan#304", "mail from a.b@c-d.example to e", 0,
        {"[\\w.+-]+@[\\w.-]+\\.[\\w.-]+", "\\d{9}"}},
    {"rust-lang/regex#268", "xyz d", 0, {"\\x20|^d"}},
    {"rust-lang/regex#999", "x zA y", 0, {
        "(?:aA|bA|cA|dA|eA|fA|gA|hA|iA|jA|kA|lA|mA|nA|oA|pA|qA|rA|sA|tA|uA|vA|wA|xA|yA|zA)"}},
    {"rust-lang/regex#999", "x zAA y", 0, {
        "aAA|bAA|cAA|dAA|eAA|fAA|gAA|hAA|iAA|jAA|kAA|lAA|mAA|nAA|oAA|pAA|qAA|rAA|sAA|tAA|uAA|"
        "vAA|wAA|xAA|yAA|zAA"}},
    /* what is between two parts must not be taken for nothing */
    {"BurntSushi/ripgrep#2884", "e-x", 0, {"(?i:e.x|ex)"}},
    {"BurntSushi/ripgrep#2884", "xx ERR-OR yy", 0, {"(?i:err.or|error)"}},
    {"BurntSushi/ripgrep#1559", "JobID   int", 0, {"JobID +int"}},
    {"rust-lang/regex#1345", "$(:):", 0, {"[^()]*(?:\\([^()]*\\))?[^()]*:"}},
    {"rust-lang/regex#984", "a _win_ b", 0, {"(?i:(?:\\b|_)win(?:32|64|dows)?(?:\\b|_))"}},
    /* letters that are not ASCII do not fold, but do not hide those that do */
    {"BurntSushi/ripgrep#251", "PR\xc3\x89Vu", 0, {"(?i)pr\xc3\x89vu"}},
    {"BurntSushi/ripgrep#267", "MAGN\xc3\xa9ZIUM", 0, {"(?i)magn\xc3\xa9zium"}},
    /* capital letters in a caseless group */
    {"microsoft/edit#850", "some text", 0, {"(?i:SOME TEXT)", "(?i)SOME(?-i) Text"}},
    /* a class of punctuation beside a word, by the length of the line */
    {"ClickHouse/ClickHouse#117527", "copy,paste,xxxx", 0, {PASTE}},
    {"ClickHouse/ClickHouse#117527", "copy,paste,xxxxx", 0, {PASTE}},
    {"ClickHouse/ClickHouse#117527", "copy,paste,xx" X48, 0, {PASTE}},
    {"ClickHouse/ClickHouse#117527", "copy,paste,xxxxxxxxxx" X48, 0, {PASTE}},
    {"ClickHouse/ClickHouse#117522", "abc5", 0, {"[^A-Za-z]", "[^abc5]"}},
    /* what a prefilter may not take for required */
    {"HS_FLAG_PREFILTER", "x7", 0, {"(?(?=abc)def|x\\d)"}},
    {"HS_FLAG_PREFILTER", "x7", 0, {"(?!abc)x\\d"}},
    {"HS_FLAG_PREFILTER", "x7", 0, {"(?:(?=abc)a)?x\\d"}},
    {"HS_FLAG_PREFILTER", "one abc two", 0, {"(?=.*two)(?=.*\\babc\\b)one"}},
    {"HS_FLAG_PREFILTER", "sudo: x : command not allowed", 0,
        {"(?<=sudo: )\\w+ : (?>command) not++ allowed"}},
    {"HS_FLAG_PREFILTER", "abab", 0, {"(ab)\\1", "(?<n>abc)?\\k<n>"}},
};
/* clang-format on */

static size_t
count_patterns(const struct rules *c)
{
	size_t n = 0;

	while (n < MANY && c->patterns[n] != NULL)
		n++;
	return n;
}

static void
quote(struct buf *yaml, const char *text)
{
	for (; *text != '\0'; text++)
		buf_puts(yaml, *text == '\'' ? "''" : (char[]){*text, '\0'});
}

static struct ruleset *
load(const struct rules *c)
{
	struct buf yaml = BUF_INIT;
	struct ruleset *rules;

	buf_puts(&yaml, "events:\n");
	for (size_t i = 0; i < count_patterns(c); i++) {
		buf_printf(&yaml, "  - {id: r%zu, title: t, class: c, severity: low, match: '", i);
		quote(&yaml, c->patterns[i]);
		buf_puts(&yaml, "'}\n");
	}
	rules = rig_rules(buf_str(&yaml));
	buf_free(&yaml);
	return rules;
}

struct offer_test {
	const struct rules *rules;
	struct scanner *scanner;
	size_t wanted; /* index of the rule */
	struct sv line;
	bool offered;
};

static void
take(void *ctx, const struct line *line, const uint32_t *rules, size_t nrules)
{
	struct offer_test *t = ctx;

	for (size_t i = 0; i < nrules; i++)
		t->offered |= line->text.p == t->line.p && line->text.n == t->line.n &&
		    rules[i] == t->wanted;
}

static void
scan_chunk_of(void *ctx, const struct page *page)
{
	struct stream stream = {.id = "s"};
	struct chunk chunk = {.stream = &stream, .data = {page->p, page->n}};
	struct offer_test *t = ctx;

	t->line = page->line;
	t->offered = false;
	scan_chunk(t->scanner, &chunk, take, t);
	ck_assert_msg(t->offered, "%s: %s is not offered to %s at %zu of %zu", t->rules->report,
	    t->rules->line, t->rules->patterns[t->rules->match],
	    (size_t)(page->line.p - page->p), page->n);
}

/* A case that does not match would prove nothing. */
static void
expect_match(const char *pattern, const char *line)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	PCRE2_SIZE offset;
	pcre2_code *code;
	int error;

	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, RULE_PATTERN_OPTIONS,
	    &error, &offset, NULL);
	ck_assert_msg(code != NULL, "%s does not compile", pattern);
	ck_assert_msg(pcre2_match(code, (PCRE2_SPTR)line, strlen(line), 0, 0, data, NULL) >= 0,
	    "%s does not match %s", pattern, line);
	pcre2_code_free(code);
	pcre2_match_data_free(data);
}

START_TEST(lines_are_offered)
{
	const struct rules *c = &cases[_i];
	struct ruleset *rules = load(c);
	struct offer_test t = {.rules = c, .scanner = scanner_new(rules)};
	char id[16];

	snprintf(id, sizeof(id), "r%zu", c->match);
	t.wanted = ruleset_find_event(rules, id)->index;
	expect_match(c->patterns[c->match], c->line);
	try_everywhere(sv_str(c->line), scan_chunk_of, &t);
	scanner_free(&t.scanner);
	ruleset_unref(&rules);
}
END_TEST

/* The scanner above runs in the best way; here are the others, for the literals of the
 * pattern that matches. */
START_TEST(literals_of_rules_are_found)
{
	const struct rules *c = &cases[_i];
	const char *pattern = c->patterns[c->match];
	struct multi_literal literals[LITERAL_ALTERNATIVES];
	struct literals found;

	literal_extract(pattern, strlen(pattern), RULE_PATTERN_OPTIONS, &found);
	for (size_t i = 0; i < found.n; i++)
		literals[i] = (struct multi_literal){found.v[i].text, found.v[i].n, 0};
	if (found.n > 0)
		expect_found(c->report, literals, found.n, 1, sv_str(c->line), "0,");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("difficult");
	TCase *t = tcase_create("difficult");
	SRunner *runner = srunner_create(suite);
	int failed, ncases = sizeof(cases) / sizeof(*cases);

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, literals_are_found, 0, sizeof(sets) / sizeof(*sets));
	tcase_add_test(t, many_alike_are_told_apart);
	tcase_add_loop_test(t, lines_are_offered, 0, ncases);
	tcase_add_loop_test(t, literals_of_rules_are_found, 0, ncases);
	suite_add_tcase(suite, t);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
