/*
 * check_literal: which literals a pattern requires, and which have none.  That they
 * are in every match is for fuzz_literal and stress_literal to show.
 */
#include <check.h>
#include <stdlib.h>

#include "conf/config.h"
#include "rule/rule.h"
#include "scan/literal.h"
#include "util/buf.h"

#define NONE ""
#define I PCRE2_CASELESS
#define X PCRE2_EXTENDED
#define XX PCRE2_EXTENDED_MORE

struct example {
	const char *pattern;
	uint32_t options;
	const char *literals; /* with ~ between them; "" is none */
};

static const struct example examples[] = {
    /* text */
    {"abc", 0, "abc"},
    {"ab", 0, NONE},
    {"", 0, NONE},
    {"Failed Password", 0, "failed password"},
    {"^Failed (?<auth_method>\\S+) for", 0, "failed "},
    {"a.cdef", 0, "cdef"},
    {"abc.\\ndef", 0, "abc"},
    {"abc\ndef", 0, "abc"},
    {"abc\\ndefg", 0, "defg"},
    {"\\tabc\\r", 0, "\tabc\r"},
    {"abc]", 0, "abc]"},
    {"a}c", 0, "a}c"},
    {"Stra\xc3\x9f" "e", 0, "stra\xc3\x9f" "e"},
    /* quantifiers */
    {"abcd*", 0, "abc"},
    {"abcd?", 0, "abc"},
    {"abcd+e", 0, "abcd"},
    {"abcd+efgh", 0, "defgh"},
    {"abcd{0}efg", 0, "abcefg"},
    {"a{0}bcd", 0, "bcd"},
    {"x{2}yz", 0, "xxyz"},
    {"ab{3}c", 0, "abbbc"},
    {"ab{2,}c", 0, "bbc"},
    {"ab{2,4}cd", 0, "bbcd"},
    {"a{3}+b", 0, "aaab"},
    {"a{3}?b", 0, "aaab"},
    {"(abc)?def", 0, "def"},
    {"(abc)*def", 0, "def"},
    {"(abc)+", 0, "abc"},
    {"(abc)+?", 0, "abc"},
    {"(abc)++", 0, "abc"},
    {"(abc)??def", 0, "def"},
    {"(?:abc\\d)+", 0, "abc"},
    {"(?:abc\\d)*", 0, NONE},
    {"(?:abc\\d){0}def", 0, "def"},
    {"ab{,3}", 0, NONE},
    {"abc{ 1, 3 }", 0, NONE},
    {"abc{}", 0, "abc{}"},
    {"abc{,}", 0, "abc{,}"},
    {"abc{x}", 0, "abc{x}"},
    {"abc{1", 0, "abc{1"},
    {"{abc", 0, "{abc"},
    /* alternatives */
    {"abc|def", 0, "abc~def"},
    {"abc|de", 0, NONE},
    {"a|", 0, NONE},
    {"abc|", 0, NONE},
    {"abc|abcd", 0, "abc"},
    {"abc|ABC", 0, "abc"},
    {"(?:abc|)def", 0, "def"},
    {"(?:|abc)def", 0, "def"},
    {"(?:ab|cd)ef", 0, "abef~cdef"},
    {"(?:illegal|invalid) user", 0, "illegal user~invalid user"},
    {"(?:a|b)Failed password", 0, "failed password"},
    {"(?:abc|def\\d)g", 0, "abc~def"},
    {"(?:abc|\\d)g", 0, NONE},
    {"(abc|(def|ghi))", 0, "abc~def~ghi"},
    {"(?:a|b)(?:c|d)(?:e|f)", 0, "ace~acf~ade~adf~bce~bcf~bde~bdf"},
    {"(?:a|b|c|d|e)(?:f|g|h|i)jkl", 0, "fjkl~gjkl~hjkl~ijkl"},
    /* groups */
    {"(?<n>abc)def", 0, "abcdef"},
    {"(?P<n>abc)def", 0, "abcdef"},
    {"(?'n'abc)def", 0, "abcdef"},
    {"(?>abc)def", 0, "abcdef"},
    {"(?|abc|def)", 0, "abc~def"},
    {"foo(?:bar\\d+baz)qux", 0, "bazqux"},
    {"()abc()", 0, "abc"},
    {"(?<n>abc)\\k<n>", 0, "abc"},
    {"(?<n>abc)\\k{n}xy", 0, "abc"},
    {"(abc)\\1xyz1", 0, "xyz1"},
    {"(a)\\101bcd", 0, NONE},
    {"(abc)\\g{1}", 0, "abc"},
    {"(abc)\\g-1de", 0, "abc"},
    {"(?<n>abcd)?(?&n)xyz", 0, "xyz"},
    {"(abcd)?(?1)xyz", 0, "xyz"},
    {"(abcd)?\\g<1>xyz", 0, "xyz"},
    {"xyz(?R)?", 0, "xyz"},
    {"(?P<n>abcd)?(?P>n)(?P=n)xyz", 0, "xyz"},
    /* conditions */
    {"()(?(1)yes|not)", 0, "yes~not"},
    {"()(?(1)yes|no)", 0, NONE},
    {"()(?(1)yes)", 0, NONE},
    {"()(?(1)yes)abc", 0, "abc"},
    {"(?(?=a)abc|bcd)", 0, "abc~bcd"},
    {"(?(?<!x)abc|bcd)", 0, "abc~bcd"},
    {"(?(DEFINE)(?<n>abc))def", 0, "def"},
    {"(?<n>a)?(?(<n>)bcd|efg)", 0, "bcd~efg"},
    {"(?(R)abc|def)", 0, "abc~def"},
    /* what consumes nothing */
    {"\\bfoo\\b", 0, "foo"},
    {"^abc$", 0, "abc"},
    {"a\\Bb\\Gc\\A", 0, "abc"},
    {"abc\\Kdef", 0, "abcdef"},
    {"(?=abc)xyz", 0, "xyz"},
    {"(?!abc)xyz", 0, "xyz"},
    {"(?<=abc)xyz", 0, "xyz"},
    {"(?<!abc)xyz", 0, "xyz"},
    {"x(?=abc)yz", 0, "xyz"},
    {"x(?=abc)?yz", 0, "xyz"},
    {"[[:<:]]abc[[:>:]]", 0, "abc"},
    {"(?=a(?:b(c)))xyz", 0, "xyz"},
    /* what lies ahead or behind */
    {"(?=abc)", 0, "abc"},
    {"(?<=abc)\\d", 0, "abc"},
    {"(?*abc)\\d", 0, "abc"},
    {"(?<*abc)\\d", 0, "abc"},
    {"(*pla:abc)\\d", 0, "abc"},
    {"(*positive_lookahead:abc)\\d", 0, "abc"},
    {"(*plb:abc)\\d", 0, "abc"},
    {"(*positive_lookbehind:abc)\\d", 0, "abc"},
    {"(*napla:abc)\\d", 0, "abc"},
    {"(*non_atomic_positive_lookahead:abc)\\d", 0, "abc"},
    {"(*naplb:abc)\\d", 0, "abc"},
    {"(*non_atomic_positive_lookbehind:abc)\\d", 0, "abc"},
    {"^(?=.*abc)(?=.*qzxjqz)(?=.*\\d)", 0, "qzxjqz"},
    {"(?=.*abc).*xyz", 0, "xyz"},
    {"(?=.*(?i)ABC(?-i))D", 0, "abc"},
    {"(?=ab)c", 0, NONE},
    {"ab(?=cd)ef", 0, "abef"},
    {"ab(?=c)", 0, NONE},
    {"(?<=ab)cd", 0, NONE},
    {"\\d(?=(?=.*abc)..)", 0, "abc"},
    {"(?!abc)\\d", 0, NONE},
    {"(?<!abc)\\d", 0, NONE},
    {"(*nla:abc)\\d", 0, NONE},
    {"(*negative_lookahead:abc)\\d", 0, NONE},
    {"(*nlb:abc)\\d", 0, NONE},
    {"(*negative_lookbehind:abc)\\d", 0, NONE},
    {"(?!(?=abc))\\d", 0, NONE},
    {"(?=(?!abc)def)\\d", 0, "def"},
    {"(?=abc)*\\d", 0, NONE},
    {"(?=abc)?\\d", 0, NONE},
    {"(?=abc){0}\\d", 0, NONE},
    {"(?=abc)+\\d", 0, "abc"},
    {"(?=abc){2,3}\\d", 0, "abc"},
    {"(?:(?=abc)x)*", 0, NONE},
    {"(?:(?=.*abc)x)+", 0, "abc"},
    {"(?:(?=.*abc)\\d)+", 0, "abc"},
    {"(?=abc|def)\\d", 0, "abc~def"},
    {"(?=abc|de)\\d", 0, NONE},
    {"(?=.*abc)|(?=.*def)", 0, "abc~def"},
    {"(?:(?=abc).|(?=def)..)", 0, "abc~def"},
    {"(?:(?=.*abc)x|(?=.*def)y)", 0, "abc~def"},
    {"(?:(?=abc).|..)", 0, NONE},
    {"(?:(?=.*abc)x|y)", 0, NONE},
    {"(?(?=abc)\\d|\\s)", 0, NONE},
    {"(?(?=abc)\\d)", 0, NONE},
    {"(?(?=x)(?=.*abc)|(?=.*def))", 0, "abc~def"},
    {"()(?(1)(?=abc))", 0, NONE},
    {"(?(DEFINE)(?<n>(?=.*abc)))(?&n)\\d", 0, NONE},
    {"((?=.*abc)\\d)?(?1)", 0, NONE},
    {"(?=.*abc)\\K\\d", 0, "abc"},
    {"(?=a(*ACCEPT)bcdef)\\d", 0, NONE},
    {"(*atomic:abc)def", 0, "abcdef"},
    {"(*sr:abc)def", 0, NONE},
    /* settings */
    {"(?i)Stra\xdf" "e", 0, "stra"},
    {"Stra\xdf" "e", I, "stra"},
    {"(?i)abc(?-i)\xdf", 0, "abc\xdf"},
    {"(?i:ABC)\xdf", 0, "abc\xdf"},
    {"(?^:ab\xdf)", I, "ab\xdf"},
    {"(?x) a b c # \"def\nghi", 0, "abcghi"},
    {"(?x) a b c # def) [", 0, "abc"},
    {" a b c", X, "abc"},
    {"a\\ b\\#c", X, "a b#c"},
    {"a[ ]b [#] c", X, "a b#c"},
    {"a b(?-x) c", X, "ab c"},
    {"(?:(?x)a b|c d)e f", 0, "abe f~cde f"},
    {"(?x: a b ) c", 0, "ab c"},
    {"a b c +", X, "abc"},
    {"a b d {0} c e", X, "abce"},
    {"(?xx-x: a b)", 0, " a b"},
    {"abc[ d]", XX, "abc"},
    {"abc # \r def", X, NONE},
    {"ab\x85", X, NONE},
    {"(?sm)abc", 0, "abc"},
    {"(?#abc\\)def", 0, "def"},
    {"abd(?#)?cef", 0, "abdcef~abcef"},
    /* quoting and escapes */
    {"\\Qa|b\\E", 0, "a|b"},
    {"\\Qa.c", 0, "a.c"},
    {"\\Qabd\\E?cef", 0, "abdcef~abcef"},
    {"ab\\Q\\Ed?cef", 0, "abdcef~abcef"},
    {"abc\\E?de", 0, "abcde~abde"},
    {"\\Q(?x) a\\E", 0, "(?x) a"},
    {"(?x)\\Q a #\\E b", 0, " a #b"},
    {"\\.\\*\\\\\\-\\_", 0, ".*\\-_"},
    {"\\x41\\x{42}\\o{103}\\04", 0, "abc\004"},
    {"ab\\0101", 0, "ab\b1"},
    {"\\cA\\e\\a\\f", 0, "\001\033\a\f"},
    {"ab\\c\\d", 0, "ab\034d"},
    {"abc\\d\\D\\w\\W\\s\\S\\h\\H\\v\\V\\N\\R\\X", 0, "abc"},
    {"abc\\pLdef\\p{Lu}gh", 0, "abc"},
    {"ab\\Nc", 0, NONE},
    {"ab\\Rcde", 0, "cde"},
    {"ab\\N{2}cde", 0, "cde"},
    /* classes */
    {"ab[c]", 0, "abc"},
    {"[Aa][bB]c", 0, "abc"},
    {"[fF]ailed", 0, "failed"},
    {"[ab]cd", 0, "acd~bcd"},
    {"[a\\]b]oo", 0, "aoo~]oo~boo"},
    {"[\\]]oo", 0, "]oo"},
    {"[]]oo", 0, "]oo"},
    {"[]abc]xyz", 0, "]xyz~axyz~bxyz~cxyz"},
    {"[^a]bcd", 0, "bcd"},
    {"[^]a]bcd", 0, "bcd"},
    {"ab[c-e]", 0, NONE},
    {"ab[c\\-e]", 0, "abc~ab-~abe"},
    {"ab[c-]", 0, "abc~ab-"},
    {"ab[cdefg]", 0, NONE},
    {"ab[[:alpha:]]cde", 0, "cde"},
    {"ab[[:alpha:]]", 0, NONE},
    {"ab[[:]", 0, "ab[~ab:"},
    {"ab[\\Q]\\E]cde", 0, "cde"},
    {"ab[\\E]c]def", 0, "ab]def~abcdef"},
    {"ab[\\c]]cde", 0, "cde"},
    {"ab[\\d]", 0, NONE},
    {"ab[(]c[|]", 0, "ab(c|"},
    {"ab[\xe4]", I, NONE},
    {"ab[\\n]cde", 0, "cde"},
    /* what is not understood */
    {"abc(*ACCEPT)def", 0, NONE},
    {"(?:abc(*F)|def)", 0, NONE},
    {"(*LIMIT_MATCH=5)abc", 0, NONE},
    {"(?(*pla:a)abc|bcd)", 0, NONE},
    {"abc(?C1)def", 0, NONE},
    {"(?(?#)(?=a)abc|bcd)", 0, NONE},
    {"abc", PCRE2_UTF, NONE},
    {"abc", PCRE2_LITERAL, NONE},
    {"abc", PCRE2_ALLOW_EMPTY_CLASS, NONE},
};

static void
compiles(const struct example *e)
{
	pcre2_code *code;
	PCRE2_SIZE offset;
	int error;

	code = pcre2_compile(
	    (PCRE2_SPTR)e->pattern, strlen(e->pattern), e->options, &error, &offset, NULL);
	ck_assert_msg(code != NULL, "%s does not compile", e->pattern);
	pcre2_code_free(code);
}

static void
extract(const char *pattern, uint32_t options, struct buf *out)
{
	struct literals found;

	literal_extract(pattern, strlen(pattern), options, &found);
	for (size_t i = 0; i < found.n; i++) {
		if (i > 0)
			buf_putc(out, '~');
		buf_add(out, found.v[i].text, found.v[i].n);
	}
}

START_TEST(a_pattern_requires_its_literals)
{
	const struct example *e = &examples[_i];
	struct buf found = BUF_INIT;

	compiles(e);
	extract(e->pattern, e->options, &found);
	ck_assert_msg(strcmp(buf_str(&found), e->literals) == 0, "%s: expected \"%s\", found \"%s\"",
	    e->pattern, e->literals, buf_str(&found));
	buf_free(&found);
}
END_TEST

START_TEST(a_long_literal_is_cut)
{
	const char *pattern = "Possibly malicious request with a very long explanation, of which "
			      "no more than some part can be looked for at a time\\.";
	struct literals found;

	literal_extract(pattern, strlen(pattern), 0, &found);
	ck_assert_uint_eq(found.n, 1);
	ck_assert_uint_eq(found.v[0].n, LITERAL_MAX);
	ck_assert_mem_eq(found.v[0].text + 1, pattern + 1, LITERAL_MAX - 1);
	ck_assert_int_eq(found.v[0].text[0], 'p');
}
END_TEST

static void
alternatives(struct buf *pattern, int n)
{
	for (int i = 0; i < n; i++)
		buf_printf(pattern, "%sword%c%c", i == 0 ? "" : "|", 'a' + i / 10, 'a' + i % 10);
}

START_TEST(alternatives_are_many_or_too_many)
{
	struct buf pattern = BUF_INIT;
	struct literals found;

	alternatives(&pattern, LITERAL_ALTERNATIVES);
	literal_extract(pattern.p, pattern.n, 0, &found);
	ck_assert_uint_eq(found.n, LITERAL_ALTERNATIVES);
	buf_puts(&pattern, "|more");
	literal_extract(pattern.p, pattern.n, 0, &found);
	ck_assert_uint_eq(found.n, 0);
	buf_free(&pattern);
}
END_TEST

START_TEST(patterns_may_be_large)
{
	struct buf pattern = BUF_INIT;
	struct literals found;

	for (int i = 0; i < 10000; i++)
		buf_puts(&pattern, "(");
	literal_extract(pattern.p, pattern.n, 0, &found);
	ck_assert_uint_eq(found.n, 0);
	buf_free(&pattern);
	buf_puts(&pattern, "((((((a{9999}){9999}){9999}){9999}b){9999}){9999}){9999}");
	literal_extract(pattern.p, pattern.n, 0, &found);
	ck_assert_uint_eq(found.n, 1);
	ck_assert_uint_eq(found.v[0].n, LITERAL_MAX);
	buf_free(&pattern);
}
END_TEST

START_TEST(rare_and_long_literals_are_preferred)
{
	struct buf found = BUF_INIT;

	extract("eee\\dqzx", 0, &found);
	ck_assert_str_eq(buf_str(&found), "qzx");
	buf_free(&found);
	extract("qzx\\dsession opened", 0, &found);
	ck_assert_str_eq(buf_str(&found), "session opened");
	buf_free(&found);
	extract("(?:session|connection|reverse)\\d+ mapping", 0, &found);
	ck_assert_str_eq(buf_str(&found), " mapping");
	buf_free(&found);
}
END_TEST

START_TEST(rarity_is_a_product_of_frequencies)
{
	struct literal one = {"e", 1}, two = {"ee", 2}, rare = {"~", 1};
	double e = literal_frequency['e'] / 65536.0;

	ck_assert_uint_eq(literal_frequency['e'], literal_frequency['E']);
	for (int i = 0; i < 256; i++)
		ck_assert_uint_ge(literal_frequency[i], 1);
	ck_assert_double_eq(literal_rarity(&one), e);
	ck_assert_double_eq(literal_rarity(&two), e * e);
	ck_assert_double_lt(literal_rarity(&rare), literal_rarity(&one));
}
END_TEST

static void
need_literals(const struct event_rule *rule)
{
	for (size_t i = 0; i < rule->body->npatterns; i++) {
		const char *text = rule->body->patterns[i].text;
		struct literals found;

		literal_extract(text, strlen(text), RULE_PATTERN_OPTIONS, &found);
		ck_assert_msg(found.n > 0, "%s: no literal in %s", rule->id, text);
	}
}

START_TEST(patterns_of_shipped_rules_have_literals)
{
	static const struct match_conf limits = {.match_limit = 200000,
	    .depth_limit = 20000,
	    .heap_limit_kib = 2048,
	    .max_length = 8192};
	const char *top = getenv("srcdir"), *path;
	struct diag *diag = diag_new();
	struct buf rules = BUF_INIT;
	struct ruleset *rs;

	buf_printf(&rules, "%s/rules", top == NULL ? "." : top);
	path = buf_str(&rules);
	rs = ruleset_load(&path, 1, &limits, diag);
	ck_assert_ptr_nonnull(rs);
	ck_assert_uint_gt(ruleset_nevents(rs), 20);
	for (size_t i = 0; i < ruleset_nevents(rs); i++)
		need_literals(ruleset_event(rs, i));
	ruleset_unref(&rs);
	buf_free(&rules);
	diag_free(&diag);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("literal");
	TCase *t = tcase_create("literal");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(t, a_pattern_requires_its_literals, 0,
	    (int)(sizeof(examples) / sizeof(*examples)));
	tcase_add_test(t, a_long_literal_is_cut);
	tcase_add_test(t, alternatives_are_many_or_too_many);
	tcase_add_test(t, patterns_may_be_large);
	tcase_add_test(t, rare_and_long_literals_are_preferred);
	tcase_add_test(t, rarity_is_a_product_of_frequencies);
	tcase_add_test(t, patterns_of_shipped_rules_have_literals);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
