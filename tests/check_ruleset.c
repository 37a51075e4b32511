/*
 * check_ruleset: rule files become one rule set, or one complete list of what is
 * wrong with them.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/config.h"
#include "rule/rule.h"
#include "util/xalloc.h"

#define BUILTINS 6 /* event rules that are always there, first */

static const struct match_conf limits = {.jit = true,
    .match_limit = 200000,
    .depth_limit = 20000,
    .heap_limit_kib = 2048,
    .max_length = 8192};

/* An event rule with one capture, for tests about something else. */
#define EVENT(id, pattern)                                                                        \
	"  - {id: " id ", title: t, class: c, severity: low, match: '" pattern "'}\n"
#define ANY_EVENT "events:\n" EVENT("a", "^x (?<source_ip>\\S+)$")

/* ---- files ----------------------------------------------------------------- */

static char dir[64];
static struct buf errors; /* what the last load printed, the directory left out */

static void
make_dir(void)
{
	snprintf(dir, sizeof(dir), "/tmp/check_ruleset.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
remove_dir(void)
{
	static const char *const names[] = {"site/local.yaml", "site/more.yaml", "site", "base/a.yaml",
	    "base/b.yaml", "base/.hidden.yaml", "base/notes.txt", "base/list.txt", "base"};
	char path[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		remove(path);
	}
	ck_assert_int_eq(rmdir(dir), 0);
	buf_free(&errors);
}

static void
put(const char *name, const char *text)
{
	char path[256], *slash;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	mkdir(path, 0700);
	*slash = '/';
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* Print ${d} into errors with "base/" for DIR/base/. */
static void
keep_errors(const struct diag *d)
{
	struct buf all = BUF_INIT;
	size_t n = strlen(dir) + 1;
	const char *p, *at;

	diag_print(d, &all);
	buf_free(&errors);
	for (p = buf_str(&all); (at = strstr(p, dir)) != NULL; p = at + n)
		buf_add(&errors, p, (size_t)(at - p));
	buf_puts(&errors, p);
	buf_free(&all);
}

static struct ruleset *
load(const char *const *names, size_t n)
{
	struct diag *d = diag_new();
	const char *paths[4];
	struct ruleset *rs;

	for (size_t i = 0; i < n; i++)
		paths[i] = xasprintf("%s/%s", dir, names[i]);
	rs = ruleset_load(paths, n, &limits, d);
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)paths[i]);
	keep_errors(d);
	ck_assert(rs == NULL || diag_errors(d) == 0);
	diag_free(&d);
	return rs;
}

static struct ruleset *
load_base(void)
{
	return load((const char *const[]){"base"}, 1);
}

static struct ruleset *
load_base_and_site(void)
{
	return load((const char *const[]){"base", "site"}, 2);
}

static void
expect_loaded(const struct ruleset *rs)
{
	ck_assert_msg(rs != NULL, "%s", buf_str(&errors));
}

/* The last load failed and said so in these words. */
static void
expect_error(struct ruleset *rs, const char *words)
{
	ck_assert_ptr_null(rs);
	ck_assert_msg(strstr(buf_str(&errors), words) != NULL, "\"%s\" not in:\n%s", words,
	    buf_str(&errors));
}

/* A file of this text is refused with these words. */
static void
refuse(const char *text, const char *words)
{
	put("base/a.yaml", text);
	expect_error(load_base(), words);
}

/* ---- what is loaded -------------------------------------------------------- */

/* An event rule of these criteria, and one that extends it. */
#define SPEAKING(tsc)                                                                              \
	"events:\n"                                                                               \
	"  - {id: a, title: t, class: c, severity: low, match: aaa, tsc: " tsc "}\n"               \
	"  - {id: b, extends: a, match: bbb}\n"

START_TEST(points_of_the_criteria_are_those_that_exist)
{
	struct ruleset *rs;

	put("base/a.yaml", SPEAKING("CC9.2"));
	rs = load_base();
	expect_loaded(rs);
	ck_assert_str_eq(ruleset_find_event(rs, "b")->body->tsc.v[0], "CC9.2");
	ruleset_unref(&rs);
	refuse(SPEAKING("[CC6.1, CC6.9]"),
	    "\"CC6.9\" is no point of the Trust Services Criteria: of CC6 there are CC6.1 to CC6.8");
	refuse(SPEAKING("CC8.2"), "of CC8 there is only CC8.1");
	refuse(SPEAKING("CC6"), "of CC6 there are CC6.1 to CC6.8");
	refuse(SPEAKING("CC6.11"), "of CC6 there are CC6.1 to CC6.8");
	refuse(SPEAKING("CC6.0"), "of CC6 there are CC6.1 to CC6.8");
	refuse(SPEAKING("T1110"), "expected one of CC1.1 to CC9.2");
	refuse(SPEAKING("''"), "expected one of CC1.1 to CC9.2");
}
END_TEST

/* Numbers are in order, and each is of one point. */
START_TEST(points_are_in_the_order_of_the_criteria)
{
	static const char *const order[] = {"CC1.1", "CC1.5", "CC2.1", "CC6.8", "CC7.1", "CC9.2",
	    "A1.1", "C1.2", "PI1.1", "P1.1", "P6.7", "P8.1"};

	ck_assert_int_eq(rule_tsc_number(order[0]), 0);
	for (size_t i = 1; i < sizeof(order) / sizeof(order[0]); i++)
		ck_assert_int_lt(rule_tsc_number(order[i - 1]), rule_tsc_number(order[i]));
	ck_assert_int_lt(rule_tsc_number("P8.1"), RULE_TSC_POINTS);
}
END_TEST

START_TEST(builtin_rules_are_always_there)
{
	struct ruleset *rs;
	const struct event_rule *r;

	put("base/notes.txt", "not a rule file");
	rs = load_base();
	expect_loaded(rs);
	ck_assert_uint_eq(ruleset_nevents(rs), BUILTINS);
	r = ruleset_find_event(rs, RULE_MATCH_LIMIT);
	ck_assert_ptr_nonnull(r);
	ck_assert_str_eq(r->class, "detector");
	ck_assert_int_eq(r->severity, SEVERITY_LOW);
	ck_assert_ptr_nonnull(ruleset_find_event(rs, RULE_LINE_CUT));
	ck_assert_ptr_null(ruleset_find_event(rs, "nothing"));
	ruleset_unref(&rs);
	ck_assert_ptr_null(rs);
}
END_TEST

START_TEST(rules_have_what_the_file_says)
{
	const struct event_rule *e;
	const struct incident_rule *i;
	struct ruleset *rs;

	put("base/a.yaml",
	    "events:\n"
	    "  - id: ftp.failed\n"
	    "    title: FTP login failed\n"
	    "    class: unauthorized-access\n"
	    "    severity: medium\n"
	    "    attack: T1110\n"
	    "    tsc: [CC6.1, PI1.5]\n"
	    "    where: {program: [ftpd, vsftpd], facility: authpriv}\n"
	    "    match: '^failed (?<user_name>\\S+) (?<source_ip>\\S+) (?<odd_thing_here>x)$'\n"
	    "incidents:\n"
	    "  - id: ftp-guessing\n"
	    "    title: 'FTP guessing of {user_name} from {source_ip}'\n"
	    "    on: ftp.failed\n"
	    "    by: [source_ip, user_name]\n"
	    "    count: 7\n"
	    "    within: 5m\n"
	    "    severity: high\n"
	    "    criteria: seven\n");
	rs = load_base();
	expect_loaded(rs);
	e = ruleset_find_event(rs, "ftp.failed");
	ck_assert_str_eq(e->title, "FTP login failed");
	ck_assert_str_eq(e->class, "unauthorized-access");
	ck_assert_int_eq(e->severity, SEVERITY_MEDIUM);
	ck_assert_ptr_eq(ruleset_event(rs, e->index), e);
	ck_assert_uint_eq(e->body->tsc.n, 2);
	ck_assert_str_eq(e->body->tsc.v[1], "PI1.5");
	ck_assert_uint_eq(e->body->programs.n, 2);
	ck_assert_uint_eq(e->body->facilities, 1U << 10);
	ck_assert_uint_eq(e->body->severities, RULE_ANY_SEVERITY);
	ck_assert_int_eq(e->body->place.line, 2);
	ck_assert_str_eq(e->body->patterns[0].captures[1].field, "source.ip");
	ck_assert_int_eq(e->body->patterns[0].captures[1].type, FIELD_IP);
	ck_assert_str_eq(e->body->patterns[0].captures[2].field, "odd.thing_here");
	ck_assert_uint_eq(e->nincidents, 1);
	i = e->incidents[0].rule;
	ck_assert_ptr_eq(ruleset_incident(rs, 0), i);
	ck_assert_str_eq(i->title, "FTP guessing of {user_name} from {source_ip}");
	ck_assert_uint_eq(i->nby, 2);
	ck_assert_str_eq(i->by[0].field, "source.ip");
	ck_assert_str_eq(i->by[1].field, "user.name");
	ck_assert_int_eq(i->condition.least, 7);
	ck_assert_int_eq(i->condition.within, 300000);
	ck_assert_int_eq(i->rearm, 86400000);
	ck_assert_str_eq(i->playbook, "");
	ck_assert_str_eq(i->file, "a.yaml");
	ck_assert_uint_eq(strlen(i->file_hash), 64);
	ck_assert_int_eq(ruleset_incident_place(rs, 0)->line, 11);
	ruleset_unref(&rs);
}
END_TEST

START_TEST(files_are_read_in_order_of_name)
{
	struct ruleset *rs;

	put("base/b.yaml", "events:\n" EVENT("second", "bbb"));
	put("base/a.yaml", "events:\n" EVENT("first", "aaa"));
	put("base/.hidden.yaml", "events:\n" EVENT("hidden", "ccc"));
	rs = load_base();
	expect_loaded(rs);
	ck_assert_uint_eq(ruleset_nevents(rs), BUILTINS + 2);
	ck_assert_str_eq(ruleset_event(rs, BUILTINS)->id, "first");
	ck_assert_str_eq(ruleset_event(rs, BUILTINS + 1)->id, "second");
	ruleset_unref(&rs);
}
END_TEST

START_TEST(a_path_may_be_a_file)
{
	struct ruleset *rs;

	put("base/a.yaml", ANY_EVENT);
	put("base/b.yaml", "events: broken\n");
	rs = load((const char *const[]){"base/a.yaml"}, 1);
	expect_loaded(rs);
	ck_assert_ptr_nonnull(ruleset_find_event(rs, "a"));
	ruleset_unref(&rs);
}
END_TEST

START_TEST(the_hash_tells_versions_apart)
{
	struct ruleset *first, *again, *other;

	put("base/a.yaml", ANY_EVENT);
	first = load_base();
	again = load_base();
	put("base/a.yaml", ANY_EVENT "# a comment\n");
	other = load_base();
	ck_assert_str_eq(ruleset_hash(first), ruleset_hash(again));
	ck_assert_str_ne(ruleset_hash(first), ruleset_hash(other));
	ruleset_unref(&first);
	ruleset_unref(&again);
	ruleset_unref(&other);
}
END_TEST

START_TEST(a_reference_keeps_the_set)
{
	struct ruleset *rs, *mine;

	put("base/a.yaml", ANY_EVENT);
	rs = load_base();
	mine = ruleset_ref(rs);
	ruleset_unref(&rs);
	ck_assert_ptr_null(rs);
	ck_assert_str_eq(ruleset_find_event(mine, "a")->id, "a");
	ruleset_unref(&mine);
}
END_TEST

/* ---- overriding ------------------------------------------------------------ */

#define INCIDENT                                                                                  \
	"incidents:\n"                                                                            \
	"  - {id: i, title: 'from {source_ip}', on: a, by: source_ip, count: 5, within: 10m,\n"   \
	"     severity: low, criteria: five}\n"

START_TEST(a_site_overrides_single_keys)
{
	struct ruleset *rs;
	const struct event_rule *e;

	put("base/a.yaml", ANY_EVENT INCIDENT);
	put("site/local.yaml",
	    "events:\n  - {id: a, severity: high}\n"
	    "incidents:\n  - {id: i, count: 20, rearm: 1h}\n");
	rs = load_base_and_site();
	expect_loaded(rs);
	e = ruleset_find_event(rs, "a");
	ck_assert_int_eq(e->severity, SEVERITY_HIGH);
	ck_assert_str_eq(e->title, "t");
	ck_assert_uint_eq(e->body->npatterns, 1);
	ck_assert_ptr_nonnull(strstr(e->body->place.file, "base/a.yaml"));
	ck_assert_ptr_nonnull(strstr(e->body->override_file, "site/local.yaml"));
	ck_assert_int_eq(e->incidents[0].rule->condition.least, 20);
	ck_assert_int_eq(e->incidents[0].rule->condition.within, 600000);
	ck_assert_int_eq(e->incidents[0].rule->rearm, 3600000);
	ck_assert_str_eq(e->incidents[0].rule->file, "a.yaml");
	ruleset_unref(&rs);
}
END_TEST

/* So many that an index of ids has grown; each is overridden, and asked for after that. */
START_TEST(each_of_many_rules_is_found_by_its_id)
{
	struct buf base = BUF_INIT, site = BUF_INIT;
	struct ruleset *rs;
	char id[16];

	buf_puts(&base, "events:\n");
	buf_puts(&site, "events:\n");
	for (int i = 0; i < 500; i++) {
		buf_printf(&base, EVENT("rule-%d", "^x"), i);
		buf_printf(&site, "  - {id: rule-%d, severity: high}\n", i);
	}
	put("base/a.yaml", buf_str(&base));
	put("site/local.yaml", buf_str(&site));
	rs = load_base_and_site();
	expect_loaded(rs);
	for (int i = 0; i < 500; i++) {
		const struct event_rule *e;

		snprintf(id, sizeof(id), "rule-%d", i);
		e = ruleset_find_event(rs, id);
		ck_assert_ptr_nonnull(e);
		ck_assert_str_eq(e->id, id);
		ck_assert_int_eq(e->severity, SEVERITY_HIGH);
	}
	ck_assert_ptr_null(ruleset_find_event(rs, "rule-500"));
	ck_assert_ptr_null(ruleset_find_event(rs, "rule-"));
	ruleset_unref(&rs);
	buf_printf(&site, "  - {id: rule-7, severity: low}\n");
	put("site/local.yaml", buf_str(&site));
	expect_error(load_base_and_site(),
	    "site/local.yaml:502:10: \"rule-7\" is defined twice: also at ");
	buf_free(&base);
	buf_free(&site);
}
END_TEST

START_TEST(a_site_switches_rules_off)
{
	struct ruleset *rs;

	put("base/a.yaml", "events:\n" EVENT("a", "^x (?<source_ip>\\S+)$") EVENT("b", "bbb") INCIDENT);
	put("site/local.yaml", "events:\n  - {id: a, enabled: false}\n");
	rs = load_base_and_site();
	expect_loaded(rs);
	ck_assert_ptr_null(ruleset_find_event(rs, "a"));
	ck_assert_ptr_nonnull(ruleset_find_event(rs, "b"));
	ck_assert_uint_eq(ruleset_nincidents(rs), 0);
	ruleset_unref(&rs);
}
END_TEST

START_TEST(an_override_of_nothing_names_what_is_missing)
{
	struct ruleset *rs;

	put("base/a.yaml", ANY_EVENT);
	put("site/local.yaml", "events:\n  - {id: aa, severity: high}\n");
	rs = load_base_and_site();
	expect_error(rs, "site/local.yaml:2:5: ");
	expect_error(rs, "title");
	expect_error(rs, "match");
}
END_TEST

START_TEST(a_broken_override_is_located_in_its_own_file)
{
	put("base/a.yaml", ANY_EVENT);
	put("site/local.yaml", "events:\n  - {id: a, match: '^x (y'}\n");
	expect_error(load_base_and_site(), "site/local.yaml:2:26: missing closing parenthesis");
}
END_TEST

START_TEST(one_directory_defines_an_id_once)
{
	struct ruleset *rs;

	put("base/a.yaml", ANY_EVENT);
	put("base/b.yaml", ANY_EVENT);
	rs = load_base();
	expect_error(rs, "base/b.yaml:2:10: ");
	expect_error(rs, "base/a.yaml:2");
	put("base/b.yaml", "{}\n");
	put("site/local.yaml", "events:\n  - {id: a, severity: high}\n  - {id: a, severity: low}\n");
	expect_error(load_base_and_site(), "site/local.yaml:3:10: \"a\" is defined twice");
}
END_TEST

START_TEST(built_in_rules_cannot_be_redefined)
{
	refuse("events:\n" EVENT("triaged.match-limit", "aaa"), "is built in");
}
END_TEST

/* ---- errors ---------------------------------------------------------------- */

START_TEST(any_value_stands_alone)
{
	refuse("events:\n  - {id: a, title: t, class: c, severity: low, "
	       "where: {fields: {user: [ann, '*']}}}\n",
	    "\"*\" is any value; expected no others beside it");
}
END_TEST

START_TEST(five_mistakes_are_five_errors)
{
	struct ruleset *rs;

	put("base/a.yaml",
	    "events:\n"
	    "  - id: one\n"
	    "    title: One\n"
	    "    class: c\n"
	    "    severity: enormous\n"
	    "    match: '^a(?<source_ip>\\S+'\n"
	    "  - id: two\n"
	    "    titel: Two\n"
	    "    class: c\n"
	    "    severity: low\n"
	    "    match: 'bbb'\n"
	    "incidents:\n"
	    "  - {id: i, title: t, on: [twoo], severity: low, criteria: c}\n"
	    "  - {id: j, title: t, on: [two], by: [source_ip], severity: low, criteria: c}\n");
	rs = load_base();
	expect_error(rs, "base/a.yaml:5:15: ");
	expect_error(rs, "base/a.yaml:6:");
	expect_error(rs, "base/a.yaml:8:5: ");
	expect_error(rs, "base/a.yaml:13:28: there is no event rule \"twoo\"; did you mean \"two\"?");
	expect_error(rs, "base/a.yaml:14:39: not every pattern of two captures \"source_ip\"");
}
END_TEST

START_TEST(a_pattern_error_points_into_the_pattern)
{
	/* The column of the closing bracket that is one too many. */
	refuse("events:\n  - id: a\n    title: t\n    class: c\n    severity: low\n"
	       "    match: 'abc)def'\n",
	    "base/a.yaml:6:16: unmatched closing parenthesis (at offset 3 of the pattern)");
	refuse("events:\n  - id: a\n    title: t\n    class: c\n    severity: low\n"
	       "    match:\n      - abc)def\n",
	    "base/a.yaml:7:12: unmatched closing parenthesis");
	/* Escapes: where it is in the file would be a guess. */
	refuse("events:\n  - id: a\n    title: t\n    class: c\n    severity: low\n"
	       "    match: \"a\\tbc)def\"\n",
	    "base/a.yaml:6:12: unmatched closing parenthesis (at offset 4");
	refuse("events:\n  - id: a\n    title: t\n    class: c\n    severity: low\n"
	       "    match: |-\n      abc)def\n",
	    "base/a.yaml:6:12: unmatched closing parenthesis");
}
END_TEST

START_TEST(patterns_that_lift_limits_are_refused)
{
	char *text, *longest = xcalloc(5000, 1);

	refuse("events:\n" EVENT("a", "(*LIMIT_MATCH=1000000000)abc"), "must not begin with an option");
	refuse("events:\n" EVENT("a", "(*UTF)abc"), "must not begin with an option");
	refuse("events:\n" EVENT("a", "abc(?C1)"), "callouts");
	refuse("events:\n" EVENT("a", "abc\\C"), "\\C");
	refuse("events:\n" EVENT("a", "^(?<Source_IP>x)"), "Source_IP");
	refuse("events:\n" EVENT("a", "^(?<source_ip>x)(?<source_ip>y)"), "same name");
	memset(longest, 'a', 4097);
	text = xasprintf("events:\n" EVENT("a", "%s"), longest);
	refuse(text, "pattern string is longer");
	free(text);
	free(longest);
}
END_TEST

START_TEST(a_pattern_has_at_most_sixteen_groups)
{
	struct buf text = BUF_INIT;

	buf_puts(&text, "events:\n  - {id: a, title: t, class: c, severity: low, match: '");
	for (int i = 0; i < 17; i++)
		buf_printf(&text, "(?<x_n%d>a)", i);
	buf_puts(&text, "'}\n");
	refuse(buf_str(&text), "17 named groups; at most 16");
	buf_free(&text);
}
END_TEST

START_TEST(ids_and_names_are_checked)
{
	refuse("events:\n" EVENT("Bad Id", "aaa"), "id \"Bad Id\" is not");
	refuse("events:\n  - {title: t}\n", "id");
	refuse("events:\n  - {id: a, title: t, class: c, severity: low, match: []}\n",
	    "base/a.yaml:2:5: an event rule needs match with a pattern, or where with fields");
	refuse("events:\n  - {id: a, title: t, class: 'A B', severity: low, match: aaa}\n",
	    "class \"A B\" is not");
	refuse("events:\n  - {id: a, title: t, class: c, severity: low, match: aaa,\n"
	       "     where: {facility: autpriv}}\n",
	    "\"autpriv\" is not a syslog facility");
	refuse("events:\n  - {id: a, title: t, class: c, severity: low, match: aaa,\n"
	       "     where: {severity: worst}}\n",
	    "\"worst\" is not a syslog severity");
}
END_TEST

/* An incident rule over ANY_EVENT with these keys. */
static void
refuse_incident(const char *keys, const char *words)
{
	char *text = xasprintf(
	    ANY_EVENT "incidents:\n  - {id: i, severity: low, criteria: c, %s}\n", keys);

	refuse(text, words);
	free(text);
}

START_TEST(incident_rules_are_checked)
{
	refuse_incident("title: '{user_name}', on: a, by: source_ip", "names {user_name}");
	refuse_incident("title: 'to {source_ip', on: a, by: source_ip", "brace without its partner");
	refuse_incident("title: 'to }', on: a, by: source_ip", "brace without its partner");
	refuse_incident("title: t, on: [a, a]", "\"a\" is named twice");
	refuse_incident("title: t, on: a, count: 5", "count: 5 needs a time: within");
	refuse_incident("title: t, on: a, count: 0", "count");
	refuse_incident("title: t, on: a, count: 2, within: 8d", "within");
	refuse_incident("title: t, on: a, count: 2, within: 10", "within");
	refuse_incident("title: t, on: triaged.line-cut, by: rule_id", "not every pattern");
	refuse_incident("on: a", "title");
	refuse_incident("title: t, on: []", "on needs an event rule");
	refuse_incident("title: t, on: a, playbook: ../x", "playbook");
}
END_TEST

START_TEST(an_incident_may_be_about_the_detector)
{
	struct ruleset *rs;

	put("base/a.yaml",
	    "incidents:\n  - {id: i, title: 'rule {rule_id}', on: triaged.match-limit, by: rule_id,\n"
	    "     severity: low, criteria: c}\n");
	rs = load_base();
	expect_loaded(rs);
	ck_assert_uint_eq(ruleset_find_event(rs, RULE_MATCH_LIMIT)->nincidents, 1);
	ruleset_unref(&rs);
}
END_TEST

START_TEST(missing_and_odd_paths_are_errors)
{
	struct ruleset *rs;
	char fifo[256];

	expect_error(load((const char *const[]){"none"}, 1), "none: No such file or directory");
	put("base/a.yaml", ANY_EVENT);
	snprintf(fifo, sizeof(fifo), "%s/base/b.yaml", dir);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	rs = load_base();
	expect_error(rs, "base/b.yaml: is not a regular file");
}
END_TEST

/* ---- lists and exceptions -------------------------------------------------- */

#define UNLESS(map)                                                                               \
	"events:\n"                                                                               \
	"  - {id: a, title: t, class: c, severity: low, match: '^x (?<source_ip>\\S+)"            \
	" (?<user_name>\\S+)$',\n"                                                                \
	"     unless: [" map "]}\n"

static bool
excluded(const struct ruleset *rs, const char *ip)
{
	const struct rule_body *body = ruleset_find_event(rs, "a")->body;

	return rule_list_has(body->unless[0].conditions[0].values, sv_str(ip));
}

START_TEST(lists_are_inline_or_files)
{
	struct ruleset *rs;

	put("base/list.txt", "# our offices\n192.0.2.0/25   # first floor\n\n\t2001:db8::/64\r\n");
	put("base/a.yaml",
	    "lists:\n  - {id: ours, values: [198.51.100.7], file: list.txt}\n" UNLESS(
	        "{source_ip: ['@ours', 203.0.113.0/24]}"));
	rs = load_base();
	expect_loaded(rs);
	ck_assert(excluded(rs, "198.51.100.7"));
	ck_assert(excluded(rs, "192.0.2.127"));
	ck_assert(!excluded(rs, "192.0.2.128"));
	ck_assert(excluded(rs, "2001:db8::9"));
	ck_assert(excluded(rs, "203.0.113.255"));
	ck_assert(excluded(rs, "::ffff:203.0.113.1"));
	ck_assert(!excluded(rs, "203.0.114.1"));
	ck_assert(!excluded(rs, "nonsense"));
	ruleset_unref(&rs);
}
END_TEST

START_TEST(a_site_replaces_a_list)
{
	struct ruleset *rs;

	put("base/a.yaml", "lists:\n  - {id: ours, values: []}\n" UNLESS("{source_ip: '@ours'}"));
	put("site/local.yaml", "lists:\n  - {id: ours, values: 192.0.2.1}\n");
	rs = load_base_and_site();
	expect_loaded(rs);
	ck_assert(excluded(rs, "192.0.2.1"));
	ruleset_unref(&rs);
}
END_TEST

START_TEST(exceptions_are_checked)
{
	refuse(UNLESS("{source_ip: 10.0.0.5/8}"), "did you mean 10.0.0.0/8?");
	refuse(UNLESS("{source_ip: '2001:db8::1/32'}"), "did you mean 2001:db8::/32?");
	refuse(UNLESS("{source_ip: 10.0.0.0/33}"), "prefix length that is not 0 to 32");
	refuse(UNLESS("{source_ip: 010.0.0.1}"), "is not an IP address");
	refuse(UNLESS("{source_ip: localhost}"), "is not an IP address");
	refuse(UNLESS("{source_port: 22}"), "no pattern of the rule captures \"source_port\"");
	refuse(UNLESS("{}"), "needs a condition");
	refuse(UNLESS("{source_ip: []}"), "needs a value");
	refuse("lists:\n  - {id: ours, values: x}\n" UNLESS("{source_ip: '@our'}"),
	    "no list \"our\"; did you mean @ours?");
	refuse("lists:\n  - {id: ours, values: x}\n" UNLESS("{source_ip: '@ours'}"),
	    "base/a.yaml:2:24: \"x\" is not an IP address or network (such as 192.0.2.0/24) (list "
	    "ours");
	refuse("lists:\n  - {id: ours, file: none.txt}\n" UNLESS("{source_ip: '@ours'}"),
	    "base/none.txt: No such file");
	put("base/list.txt", "192.0.2.1\nbad\n");
	refuse("lists:\n  - {id: ours, file: list.txt}\n" UNLESS("{source_ip: '@ours'}"),
	    "base/list.txt:2:1: \"bad\" is not an IP address");
}
END_TEST

/* ---- values ---------------------------------------------------------------- */

static bool
accepts(enum field_type type, const char *text)
{
	struct sv value = sv_str(text);
	char room[RULE_FIELD_ROOM];

	return rule_field_accept(type, &value, room);
}

static void
expect_address(enum field_type type, const char *text, const char *wanted)
{
	struct sv value = sv_str(text);
	char room[RULE_FIELD_ROOM];

	ck_assert(rule_field_accept(type, &value, room));
	if (!sv_is(value, wanted))
		ck_abort_msg("%s is '%.*s', not '%s'", text, SV_FMT(value), wanted);
}

/* One host is one value, however it is written. */
START_TEST(an_address_is_put_in_one_way)
{
	expect_address(FIELD_IP, "fe80::1%eth0", "fe80::1");
	expect_address(FIELD_IP, "::ffff:192.0.2.1", "192.0.2.1");
	expect_address(FIELD_IP, "::FFFF:c000:0201", "192.0.2.1");
	expect_address(FIELD_IP, "2001:DB8:0:0::1", "2001:db8::1");
	expect_address(FIELD_IP, "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1");
	expect_address(FIELD_IP, "192.0.2.1:65535", "192.0.2.1");
	expect_address(FIELD_IP, "[192.0.2.1]", "192.0.2.1");
	expect_address(FIELD_IP, "[2001:DB8::1]", "2001:db8::1");
	expect_address(FIELD_IP, "[2001:db8::1%eth0]:443", "2001:db8::1");
	expect_address(FIELD_ADDRESS, "::ffff:192.0.2.1", "192.0.2.1");
	expect_address(FIELD_ADDRESS, "Host.example.net", "Host.example.net");
	ck_assert(!accepts(FIELD_IP, "192.0.2.1:") && !accepts(FIELD_IP, "192.0.2.1:65536"));
	ck_assert(!accepts(FIELD_IP, "[192.0.2.1") && !accepts(FIELD_IP, "[]"));
	ck_assert(!accepts(FIELD_IP, "[2001:db8::1]x") && !accepts(FIELD_IP, "[2001:db8::1]:x"));
	ck_assert(!accepts(FIELD_IP, "[[::1]]") && !accepts(FIELD_IP, "192.0.2.1:1:1"));
}
END_TEST

START_TEST(values_must_be_of_their_type)
{
	ck_assert(accepts(FIELD_IP, "192.0.2.1") && accepts(FIELD_IP, "2001:db8::1"));
	ck_assert(accepts(FIELD_IP, "::ffff:192.0.2.1"));
	ck_assert(!accepts(FIELD_IP, "192.0.2.01") && !accepts(FIELD_IP, "192.0.2"));
	ck_assert(!accepts(FIELD_IP, "0x7f.1") && !accepts(FIELD_IP, "2130706433"));
	ck_assert(!accepts(FIELD_IP, "") && !accepts(FIELD_IP, "host.example.net"));
	ck_assert(!accepts(FIELD_IP, "192.0.2.1%eth0") && !accepts(FIELD_IP, "%eth0"));
	ck_assert(accepts(FIELD_ADDRESS, "host.example.net") && accepts(FIELD_ADDRESS, "192.0.2.1"));
	ck_assert(!accepts(FIELD_ADDRESS, "a b") && !accepts(FIELD_ADDRESS, ""));
	ck_assert(accepts(FIELD_PORT, "0") && accepts(FIELD_PORT, "65535"));
	ck_assert(!accepts(FIELD_PORT, "65536") && !accepts(FIELD_PORT, "-1"));
	ck_assert(accepts(FIELD_INTEGER, "-12") && !accepts(FIELD_INTEGER, "1.5"));
	ck_assert(accepts(FIELD_USER, "a b") && !accepts(FIELD_USER, "a\033b"));
	ck_assert(!accepts(FIELD_TEXT, "") && accepts(FIELD_TEXT, "\377\033"));
}
END_TEST

START_TEST(names_become_dotted)
{
	static const char *const names[][2] = {{"source_ip", "source.ip"},
	    {"user_target_name", "user.target.name"},
	    {"http_response_status_code", "http.response.status_code"},
	    {"process_command_line", "process.command_line"}, {"my_own_field", "my.own_field"},
	    {"plain", "plain"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct buf b = BUF_INIT;

		rule_field_dotted(&b, names[i][0]);
		ck_assert_str_eq(buf_str(&b), names[i][1]);
		buf_free(&b);
	}
	ck_assert_str_eq(rule_field_nearest("sorce_ip"), "source_ip");
	ck_assert_ptr_null(rule_field_nearest("frobnication"));
}
END_TEST

START_TEST(large_sets_are_searched_right)
{
	struct rule_list *s = rule_list_new(RULE_LIST_NETS);
	struct buf why = BUF_INIT;
	char text[64];

	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "10.%d.%d.0/%d", i / 256, i % 256, 24 + i % 9);
		ck_assert_msg(rule_list_add(s, text, &why), "%s", buf_str(&why));
	}
	rule_list_sort(s);
	for (int i = 0; i < 2000; i++) {
		int size = 1 << (8 - i % 9);

		snprintf(text, sizeof(text), "10.%d.%d.%d", i / 256, i % 256, size - 1);
		ck_assert(rule_list_has(s, sv_str(text)));
		snprintf(text, sizeof(text), "10.%d.%d.%d", i / 256, i % 256, size);
		ck_assert(!rule_list_has(s, sv_str(text)));
	}
	rule_list_free(&s);
	s = rule_list_new(RULE_LIST_TEXT);
	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "user%d", i);
		ck_assert(rule_list_add(s, text, &why));
	}
	rule_list_sort(s);
	ck_assert(rule_list_has(s, SV("user0")) && rule_list_has(s, SV("user299")));
	ck_assert(!rule_list_has(s, SV("user")) && !rule_list_has(s, SV("user300")));
	ck_assert(!rule_list_has(s, (struct sv){NULL, 0}));
	rule_list_free(&s);
	buf_free(&why);
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, make_dir, remove_dir);
	tcase_add_test(t, builtin_rules_are_always_there);
	tcase_add_test(t, points_of_the_criteria_are_those_that_exist);
	tcase_add_test(t, points_are_in_the_order_of_the_criteria);
	tcase_add_test(t, rules_have_what_the_file_says);
	tcase_add_test(t, files_are_read_in_order_of_name);
	tcase_add_test(t, a_path_may_be_a_file);
	tcase_add_test(t, the_hash_tells_versions_apart);
	tcase_add_test(t, a_reference_keeps_the_set);
	tcase_add_test(t, a_site_overrides_single_keys);
	tcase_add_test(t, each_of_many_rules_is_found_by_its_id);
	tcase_add_test(t, a_site_switches_rules_off);
	tcase_add_test(t, an_override_of_nothing_names_what_is_missing);
	tcase_add_test(t, a_broken_override_is_located_in_its_own_file);
	tcase_add_test(t, one_directory_defines_an_id_once);
	tcase_add_test(t, built_in_rules_cannot_be_redefined);
	tcase_add_test(t, any_value_stands_alone);
	tcase_add_test(t, five_mistakes_are_five_errors);
	tcase_add_test(t, a_pattern_error_points_into_the_pattern);
	tcase_add_test(t, patterns_that_lift_limits_are_refused);
	tcase_add_test(t, a_pattern_has_at_most_sixteen_groups);
	tcase_add_test(t, ids_and_names_are_checked);
	tcase_add_test(t, incident_rules_are_checked);
	tcase_add_test(t, an_incident_may_be_about_the_detector);
	tcase_add_test(t, missing_and_odd_paths_are_errors);
	tcase_add_test(t, lists_are_inline_or_files);
	tcase_add_test(t, a_site_replaces_a_list);
	tcase_add_test(t, exceptions_are_checked);
	tcase_add_test(t, values_must_be_of_their_type);
	tcase_add_test(t, an_address_is_put_in_one_way);
	tcase_add_test(t, names_become_dotted);
	tcase_add_test(t, large_sets_are_searched_right);
}

int
main(void)
{
	Suite *s = suite_create("ruleset");
	TCase *t = tcase_create("ruleset");
	SRunner *runner;
	int failed;

	add_tests(t);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
