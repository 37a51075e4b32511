/*
 * literal_random_tables: what random patterns are made of.  For literal_random.c alone.
 */
#ifndef TESTS_LITERAL_RANDOM_TABLES_H
#define TESTS_LITERAL_RANDOM_TABLES_H

#include <stdbool.h>

/* The first six are the most likely. */
static const char alphabet[] = "abcABCkKsS0 #-]\\{.|x\xe4\xc4\xdf";

/* Signs around what is looked for, and what to consume beside it, where that is possible: so
 * that a match is not too unlikely. */
struct look {
	const char *open;
	const char *before, *behind;
	bool negative, back, far;
};

static const struct look looks[] = {
    {.open = "(?="},
    {.open = "(?=", .behind = ".*"},
    {.open = "(?=", .behind = "\\w{0,9}"},
    {.open = "(?=.*", .far = true},
    {.open = "(?=.*", .behind = ".*", .far = true},
    {.open = "(?=.*?", .before = "^", .far = true},
    {.open = "(*pla:", .behind = ".*"},
    {.open = "(*positive_lookahead:.*", .far = true},
    {.open = "(?*.*", .far = true},
    {.open = "(*napla:.*", .far = true},
    {.open = "(*non_atomic_positive_lookahead:", .behind = ".+"},
    {.open = "(?<=", .back = true},
    {.open = "(?<=", .before = ".*", .back = true},
    {.open = "(*plb:", .before = ".*", .back = true},
    {.open = "(*positive_lookbehind:", .before = "\\w+", .back = true},
    {.open = "(?<*", .before = ".*", .back = true},
    {.open = "(*naplb:", .before = ".*", .back = true},
    {.open = "(*non_atomic_positive_lookbehind:", .before = ".*", .back = true},
    {.open = "(?!", .negative = true},
    {.open = "(?!.*", .negative = true},
    {.open = "(*nla:", .negative = true},
    {.open = "(*negative_lookahead:", .negative = true},
    {.open = "(?<!", .negative = true, .back = true},
    {.open = "(*nlb:", .negative = true, .back = true},
    {.open = "(*negative_lookbehind:", .negative = true, .back = true},
};
#define LOOKS (sizeof(looks) / sizeof(*looks))

/* A class and some of what is in it. */
static const char *const classes[][2] = {
    {".", "abcd5#"}, {"\\d", "0123"}, {"\\w", "abc_"}, {"\\s", " "}, {"\\h", " \t"},
    {"[abc]", "abc"}, {"[^a]", "bc\\d"}, {"[]a]", "]a"}, {"[^]a]", "bc"}, {"[a\\]b]", "a]b"},
    {"[[:alpha:]]", "abc"}, {"[[:^alpha:]b]", "b#"}, {"[a-c]", "abc"}, {"[-a]", "-a"},
    {"[a-]", "-a"}, {"[\\Qa]\\E]", "a]"},
    {"[\\Q\\E]a]", "]a"}, {"[\\E]a]", "]a"}, {"[a\\-c]", "-ac"},
    {"[\\101\\x62]", "Ab"}, {"[\\c]]", "\x1d"}, {"\\N", "abc"}, {"\\S", "abc"},
    {"\\pL", "abc"}, {"\\p{Lu}", "ABC"}, {"\\P{Lu}", "#"}, {"\\R", "\r"}, {"\\X", "ab"},
    {"[a\\d]", "a1"}, {"[[:]", "[:"}, {"[[.]", "[."}, {"[abcd]", "abcd"}, {"[abcde]", "abcde"},
    {"[\\b]", "\b"}, {"[^^]", "ab"}, {"[a^]", "a^"}, {"\\W", "#-"}, {"\\cA", "\001"},
    {"\\e", "\033"}, {"\\t", "\t"}, {"[ #]", "#"}, {"[aA]", "aA"}, {"[\xe4\xc4]", "\xe4\xc4"},
    {"[a\\Q-\\Ec]", "-ac"}, {"[\\8a]", "8a"}, {"[ab[:digit:]]", "ab1"}, {"[[a]", "[a"},
};
#define CLASSES (sizeof(classes) / sizeof(*classes))

/* Written as it is, and what it matches. */
static const char *const raws[][2] = {
    {"b{,2}", "b{,2}"}, {"b{,2}", "bb"}, {"b{1, 2}", "b{1, 2}"}, {"b{1, 2}c", "bbc"},
    {"b{,}", "b{,}"}, {"b{}", "b{}"}, {"b{a}", "b{a}"}, {"b{2", "b{2"}, {"a\\Q*\\Eb", "a*b"},
    {"a\\Q{0}\\Eb", "a{0}b"}, {"a\\Qbc\\E{0}", "ab"}, {"a\\Qb|c\\E", "ab|c"},
    {"a\\cz", "a\x1a"}, {"a\\c\\b", "a\x1c""b"}, {"\\0777", "?7"}, {"\\0101", "\b1"},
    {"a\\101", "aA"}, {"a\\1011{0}", "aA"}, {"\\_\\<", "_<"}, {"ab(?#\\)cd", "abcd"},
    {"(?x:ab #c)\n)", "ab"}, {"(?x: a b [ ] c)", "ab c"}, {"(?xx: a [ b ] c)", "abc"},
    {"(?x-x: a)", " a"}, {"(?xx-x: a)", " a"}, {"(?xx:(?x)[ ]a)", " a"},
    {"(?x:a\\Q b\\E)", "a b"}, {"(?x:a\\ b)", "a b"},
    {"(?x:a\\#b)", "a#b"}, {"(?x: a {2} b)", "aab"}, {"(?x: a + + b)", "aab"},
    {"(a(?x)b c|a b c)", "abc"}, {"(?:a(?i)b|c)D", "CD"}, {"a[[:<:]]?b", "ab"}, {"]}", "]}"},
    {"(?|(abc)|(cba))\\1", "cbacba"}, {"a(?C)b", "ab"}, {"a(?C'b')c", "ac"}, {"[[:a]", "a"},
    {"(?(?#a)(?=a)a|b)", "b"}, {"ab(*ACCEPT)cd", "ab"}, {"(?:ab(*ACCEPT)|c)d", "ab"},
    {"(?:a(?=b(*ACCEPT)c)b)", "ab"}, {"(?(DEFINE)abc)", "a"}, {"(?i)\xe4""a", "\xe4""a"},
};
#define RAWS (sizeof(raws) / sizeof(*raws))

/* What consumes nothing. */
static const char *const nothings[] = {
    "", "\\b", "\\B", "^", "$", "\\A", "\\z", "\\Z", "\\G", "\\K", "(?=abc)", "(?!abc)",
    "(?<=abc)", "(?<!abc)", "(?=.*(abc))", "(?<=a|bc)", "(?i)", "(?-i)", "(?x)", "(?-x)",
    "(?s)", "(?m)", "(?xx)", "(?^)", "(?^x)", "(?n)", "(?J)", "(?U)", "(?ix-s)", "(?#abc)",
    "()", "(?:)", "(?=)", "(?!(?!))", "[[:<:]]", "[[:>:]]", "(?*abc)", "(?<*abc)",
    "(?=abc)?", "(*ACCEPT)", "(*COMMIT)", "(*SKIP)", "(*THEN)", "(*pla:a)", "(*:name)",
    "(?=a(*ACCEPT)b)", "(?<=(?<!c)a)",
};
#define NOTHINGS (sizeof(nothings) / sizeof(*nothings))

/* For soup. */
static const char *const tokens[] = {"a", "b", "c", "abc", "bca", "a", "b", "c", "abc", "(", ")",
    "|", "(?:", ")", "[", "]", "^", "$", "-", "*", "+", "?", "{2}", "{0}", "{,2}", "{1,}", "{0,1}",
    "{", "}", "\\Q", "\\E", "#", " ", "\n", "(?x)", "(?-x)", "(?xx)", "(?i:", "(?^", "(?#", "\\",
    "\\]", "[^", "[[:alpha:]", ":]", "[:", "\\d", "\\1", "\\12", "\\b", "\\K", "\\N", "\\c",
    "\\x", "\\x{", "\\x6", "\\o{141}", "\\g", "\\g{1}", "<n>", "(?<n>", "\\k<n>", "(?1)", "(?(1)",
    "(?=", "(?!", "(?<=", "(?|", "(?>", "\\p{L}", "\\pL", "\\R", ".", "(?i)", "1", "8", ",", "=",
    "\xe4", "\x85", "\r", "(*ACCEPT)", "(*F)", "\\Q\\E", "(?'n'", "'", "P", "R", "(?P<m>", "(?s-x",
    "(?(?=", "(?(DEFINE)", "\\g<1>", "\\07", "\\w", "\\e", "\\ ", "\\#", "[]", "[^]", "-x", "x",
    "(?C", "(?C1)", "(?=.*", "(?<!", "(?*", "(*pla:", "(*nla:", "(*plb:", "(?(?=", "(?(*pla:",
    "\\cA", "\\C", "\\X", "(?J)", "&n)", "abcabc", "cab", "(?*", "[\\Q", "[\\E"};

#endif
