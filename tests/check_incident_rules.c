/*
 * check_incident_rules: what incident rules say becomes conditions, keys, filters and
 * links, or errors at their places.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "conf/config.h"
#include "model/event.h"
#include "rig.h"
#include "rule/rule.h"
#include "util/xalloc.h"

/* Lists and event rules; what follows is the incident rules of a test. */
#define HEAD                                                                                      \
	"lists:\n"                                                                                \
	"  - {id: office, values: [192.0.2.0/24, '2001:db8::1']}\n"                               \
	"  - {id: hosts, values: [Web, db, db]}\n"                                                \
	"  - {id: pairs, values: [192.0.2.7, '::ffff:192.0.2.9', 198.51.100.0/24]}\n"             \
	"events:\n"                                                                               \
	"  - {id: fail, title: t, class: c, severity: low,\n"                                     \
	"     match: '^f (?<source_ip>\\S+) (?<user_name>\\S+) (?<host_name>\\S+)$'}\n"           \
	"  - {id: good, title: t, class: c, severity: low,\n"                                     \
	"     match: '^g (?<source_ip>\\S+) (?<user_name>\\S+) (?<process_pid>\\d+)$'}\n"         \
	"  - {id: beat, title: t, class: c, severity: low, match: '^b (?<host_name>\\S+)$'}\n"    \
	"incidents:\n"
#define RULE(id, keys) "  - {id: " id ", title: t, severity: low, criteria: c, " keys "}\n"

static struct buf errors;

static struct ruleset *
load(const char *text)
{
	struct ruleset *rs = rig_try_rules("r.yaml", text, &rig_limits, &errors);

	ck_assert_msg(rs != NULL, "%s", buf_str(&errors));
	return rs;
}

/* HEAD with one rule of these keys. */
static struct ruleset *
load_rule(const char *keys)
{
	char *text = xasprintf(HEAD RULE("i", "%s"), keys);
	struct ruleset *rs = load(text);

	free(text);
	return rs;
}

static void
refuse_text(const char *text, const char *words)
{
	struct ruleset *rs = rig_try_rules("r.yaml", text, &rig_limits, &errors);

	ck_assert_msg(rs == NULL, "was taken, not refused with \"%s\"", words);
	ck_assert_msg(strstr(buf_str(&errors), words) != NULL, "\"%s\" not in:\n%s", words,
	    buf_str(&errors));
}

static void
refuse(const char *keys, const char *words)
{
	char *text = xasprintf(HEAD RULE("i", "%s"), keys);

	refuse_text(text, words);
	free(text);
}

static void
tidy(void)
{
	buf_free(&errors);
}

/* An event with up to three fields. */
static struct event
event(const char *n1, const char *v1, const char *n2, const char *v2)
{
	struct event e = {.nfields = n2 == NULL ? 1 : 2};

	e.fields[0] = (struct field){n1, sv_str(v1)};
	e.fields[1] = (struct field){n2, sv_str(v2)};
	return e;
}

/* ---- conditions ----------------------------------------------------------------- */

START_TEST(each_condition_is_taken_over)
{
	static const struct {
		const char *keys;
		struct condition want;
	} cases[] = {
	    {"on: fail", {CONDITION_COUNT, 600000, .least = 1, .nsteps = 1}},
	    {"on: fail, count: 5, within: 1m", {CONDITION_COUNT, 60000, .least = 5, .nsteps = 1}},
	    {"on: fail, by: source_ip, distinct: {field: user_name, at_least: 7}, within: 2m",
	        {CONDITION_DISTINCT, 120000, .least = 7, .field = "user.name", .nsteps = 1}},
	    {"on: good, sum: {field: process_pid, at_least: 1000000000000}, within: 1h",
	        {CONDITION_SUM, 3600000, .least = 1000000000000, .field = "process.pid",
	            .nsteps = 1}},
	    {"all_of: [{on: fail}, {on: good}], by: user_name, within: 5m",
	        {CONDITION_ALL_OF, 300000, .nsteps = 2}},
	    {"sequence: [{on: fail}, {not: beat}, {on: [good, fail]}], within: 5m",
	        {CONDITION_SEQUENCE, 300000, .nsteps = 3, .negative = 2}},
	    {"on: beat, by: host_name, absent: 24h",
	        {CONDITION_ABSENT, 86400000, .nsteps = 1}},
	    {"on: good, by: user_name, first_seen: {field: source_ip}",
	        {CONDITION_FIRST_SEEN, 90 * 86400000LL, .learning = 7 * 86400000LL,
	            .field = "source.ip", .nsteps = 1}},
	    {"on: good, first_seen: {field: source_ip, forget: 1d, learning: 0s}",
	        {CONDITION_FIRST_SEEN, 86400000, .field = "source.ip", .nsteps = 1}},
	    {"on: fail, spike: {factor: 5, at_least: 50}, within: 1h",
	        {CONDITION_SPIKE, 3600000, .least = 50, .learning = 86400000, .slots = 24,
	            .factor = 500, .nsteps = 1}},
	    {"on: fail, spike: {factor: 2, at_least: 1, baseline: 7d, learning: 1h}, within: 1h",
	        {CONDITION_SPIKE, 3600000, .least = 1, .learning = 3600000, .slots = 168,
	            .factor = 200, .nsteps = 1}},
	    {"on: fail, rate: {above: 100, below: 20}, within: 5m",
	        {CONDITION_RATE, 300000, .least = 100, .below = 20, .nsteps = 1}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ruleset *rs = load_rule(cases[i].keys);
		const struct condition *got = &ruleset_incident(rs, 0)->condition;
		const struct condition *want = &cases[i].want;

		ck_assert_int_eq(got->kind, want->kind);
		ck_assert_int_eq(got->within, want->within);
		ck_assert_int_eq(got->least, want->least);
		ck_assert_int_eq(got->below, want->below);
		ck_assert_int_eq(got->learning, want->learning);
		ck_assert_int_eq(got->slots, want->slots);
		ck_assert_int_eq(got->factor, want->factor);
		ck_assert_uint_eq(got->nsteps, want->nsteps);
		ck_assert_uint_eq(got->negative, want->negative);
		ck_assert_pstr_eq(got->field, want->field);
		ruleset_unref(&rs);
	}
}
END_TEST

START_TEST(conditions_are_checked)
{
	refuse("on: fail, count: 2, distinct: {field: user_name, at_least: 2}, within: 1m",
	    "one condition, and this has two: count and distinct");
	refuse("on: fail, distinct: {field: user_name, at_least: 2}", "distinct needs a time: within");
	refuse("on: fail, rate: {above: 2, below: 1}", "rate needs a time: within");
	refuse("on: beat, absent: 1h, within: 1h", "within does not go with absent");
	refuse("on: fail, first_seen: {field: user_name}, within: 1h", "does not go with first_seen");
	refuse("on: fail, distinct: {field: user_nam, at_least: 2}, within: 1m",
	    "not every pattern of fail captures \"user_nam\"; did you mean \"user_name\"?");
	refuse("on: fail, distinct: {field: user_name}, within: 1m", "distinct needs the key 'at_least'");
	refuse("on: fail, by: user_name, distinct: {field: user_name, at_least: 2}, within: 1m",
	    "is a key field (by): for each key it has but one value");
	refuse("on: fail, sum: {field: source_ip, at_least: 2}, within: 1m",
	    "is of type ip: only numbers add up");
	refuse("on: fail, rate: {above: 2, below: 3}, within: 1m", "below is greater than above");
	refuse("on: fail, spike: {factor: 2, at_least: 1, baseline: 90m}, within: 1h",
	    "baseline is not a whole number, 1 to 168, of times within");
	refuse("on: fail, spike: {factor: 2, at_least: 1, baseline: 8d}, within: 1h", "1 to 168");
	refuse("on: fail, count: 2, within: 2d, rearm: 1d", "rearm is shorter than within");
	refuse("on: fail, by: host_name, each: '@hosts'", "each goes with absent");
	refuse("count: 3, within: 1m", "an incident rule needs the key 'on'");
}
END_TEST

START_TEST(steps_are_checked)
{
	refuse("sequence: [{on: fail}], within: 1m", "sequence has 1 steps; expected 2 to 8");
	refuse("sequence: [], within: 1m", "sequence has 0 steps; expected 2 to 8");
	refuse("all_of: [{on: fail},{on: fail},{on: fail},{on: fail},{on: fail},{on: fail},{on: fail},"
	       "{on: fail},{on: fail}], within: 1m", "all_of has 9 steps");
	refuse("sequence: [{not: fail}, {on: good}], within: 1m", "cannot be the first or last");
	refuse("sequence: [{on: fail}, {not: good}], within: 1m", "cannot be the first or last");
	refuse("all_of: [{on: fail}, {not: good}, {on: good}], within: 1m", "not goes with sequence");
	refuse("sequence: [{on: fail, not: fail}, {on: good}], within: 1m", "either on or not");
	refuse("sequence: [{where: {user_name: a}}, {on: good}], within: 1m", "either on or not");
	refuse("sequence: [{on: []}, {on: good}], within: 1m", "a step needs an event rule");
	refuse("on: fail, sequence: [{on: fail}, {on: good}], within: 1m", "on stands in the steps");
	refuse("sequence: [{on: fial}, {on: good}], within: 1m",
	    "no event rule \"fial\"; did you mean \"fail\"?");
	refuse("sequence: [{on: fail, were: {a: b}}, {on: good}], within: 1m",
	    "did you mean 'where'?");
}
END_TEST

START_TEST(rearm_is_never_shorter_than_within)
{
	struct ruleset *rs = load_rule("on: fail, count: 2, within: 3d");

	ck_assert_int_eq(ruleset_incident(rs, 0)->rearm, 3 * 86400000LL);
	ck_assert_int_eq(ruleset_incident(rs, 0)->groups, 1000000);
	ruleset_unref(&rs);
	/* One event is no span; absence and the like do not add up. */
	rs = load_rule("on: fail, rearm: 1m, groups: 10");
	ck_assert_int_eq(ruleset_incident(rs, 0)->rearm, 60000);
	ck_assert_int_eq(ruleset_incident(rs, 0)->groups, 10);
	ruleset_unref(&rs);
	rs = load_rule("on: beat, absent: 1d, rearm: 1h");
	ck_assert_int_eq(ruleset_incident(rs, 0)->rearm, 3600000);
	ruleset_unref(&rs);
}
END_TEST

/* ---- links ---------------------------------------------------------------------- */

START_TEST(a_link_tells_the_steps)
{
	struct ruleset *rs =
	    load_rule("sequence: [{on: fail}, {not: beat}, {on: [good, fail]}], within: 5m");
	const struct event_rule *fail = ruleset_find_event(rs, "fail");

	ck_assert_uint_eq(fail->nincidents, 1);
	ck_assert_uint_eq(fail->incidents[0].steps, 5);
	ck_assert_ptr_eq(fail->incidents[0].rule, ruleset_incident(rs, 0));
	ck_assert_uint_eq(ruleset_find_event(rs, "beat")->incidents[0].steps, 2);
	ck_assert_uint_eq(ruleset_find_event(rs, "good")->incidents[0].steps, 4);
	ruleset_unref(&rs);
}
END_TEST

START_TEST(incidents_may_be_counted)
{
	/* Also one that is defined below. */
	struct ruleset *rs = load(HEAD
	    RULE("many", "on: [one, fail], by: lower(user_name), count: 3, within: 1h")
	    RULE("one", "on: fail, by: [source_ip/24, user_name], count: 3, within: 1m"));
	const struct incident_rule *many = ruleset_incident(rs, 0), *one = ruleset_incident(rs, 1);

	ck_assert_str_eq(many->id, "many");
	ck_assert_uint_eq(one->nincidents, 1);
	ck_assert_ptr_eq(one->incidents[0].rule, many);
	ck_assert_uint_eq(one->incidents[0].steps, 1);
	ck_assert_uint_eq(many->nincidents, 0);
	ck_assert_uint_eq(ruleset_find_event(rs, "fail")->nincidents, 2);
	ruleset_unref(&rs);
}
END_TEST

START_TEST(chains_are_checked)
{
	refuse_text(HEAD RULE("one", "on: fail, by: user_name") RULE("two", "on: one, by: source_ip"),
	    "the key (by) of one has no \"source_ip\"");
	refuse_text(HEAD RULE("one", "on: [fail, two]") RULE("two", "on: one"),
	    "counts its own incidents");
	refuse_text(HEAD RULE("one", "on: one"), "\"one\" counts its own incidents");
	refuse_text(HEAD RULE("one", "on: fail") RULE("two", "on: oen"),
	    "no event rule \"oen\"; did you mean \"one\"?");
}
END_TEST

START_TEST(what_nothing_can_come_to_is_no_rule)
{
	struct ruleset *rs = load(HEAD
	    RULE("off", "on: fail, enabled: false")
	    RULE("two", "on: off")
	    RULE("three", "sequence: [{on: fail}, {on: two}], within: 1m")
	    RULE("four", "sequence: [{on: fail}, {not: two}, {on: good}], within: 1m"));

	ck_assert_uint_eq(ruleset_nincidents(rs), 1);
	ck_assert_str_eq(ruleset_incident(rs, 0)->id, "four");
	ck_assert_uint_eq(ruleset_incident(rs, 0)->condition.nsteps, 3);
	ruleset_unref(&rs);
}
END_TEST

/* ---- keys ----------------------------------------------------------------------- */

static void
expect_key(const struct incident_rule *rule, const char *field, const char *value, const char *want)
{
	struct event e = event(field, value, NULL, NULL);
	struct buf out = BUF_INIT;

	ck_assert(rule_key_value(&rule->by[0], &e, &out));
	ck_assert_str_eq(buf_str(&out), want);
	buf_free(&out);
}

START_TEST(keys_are_transformed)
{
	struct ruleset *rs = load_rule("on: fail, by: source_ip/20");
	const struct incident_rule *i = ruleset_incident(rs, 0);
	struct buf out = BUF_INIT;
	struct event e = event("user.name", "x", NULL, NULL);

	expect_key(i, "source.ip", "198.51.100.7", "198.51.96.0/20");
	expect_key(i, "source.ip", "2001:db8:1:2:3::4", "2001:db8:1:2::/64");
	expect_key(i, "source.ip", "198.51.100.0/24", "198.51.96.0/20"); /* of another's key */
	expect_key(i, "source.ip", "198.0.0.0/8", "198.0.0.0/8");
	ck_assert(!rule_key_value(&i->by[0], &e, &out));
	buf_free(&out);
	ruleset_unref(&rs);
	rs = load(HEAD "  - {id: i, title: 'by {source_ip}', severity: low, criteria: c, on: fail,\n"
	               "     by: source_ip/32/48}\n");
	expect_key(ruleset_incident(rs, 0), "source.ip", "198.51.100.7", "198.51.100.7");
	expect_key(ruleset_incident(rs, 0), "source.ip", "2001:db8:1:2::", "2001:db8:1::/48");
	ruleset_unref(&rs);
	rs = load_rule("on: fail, by: lower(user_name)");
	expect_key(ruleset_incident(rs, 0), "user.name", "Ann\xc3\x84Z", "ann\xc3\x84z");
	ruleset_unref(&rs);
	rs = load_rule("on: fail, by: host_name/24");
	expect_key(ruleset_incident(rs, 0), "host.name", "web1", "web1");
	ruleset_unref(&rs);
}
END_TEST

START_TEST(keys_are_checked)
{
	refuse("on: fail, by: source_ip/33", "\"source_ip/33\": expected a field, or FIELD/24");
	refuse("on: fail, by: source_ip/24/129", "expected a field");
	refuse("on: fail, by: source_ip/", "expected a field");
	refuse("on: fail, by: upper(user_name)", "expected a field");
	refuse("on: fail, by: lower(user_name", "expected a field");
	refuse("on: fail, by: user_name/24", "is of type user: only addresses have networks");
	refuse("on: fail, by: [source_ip, source_ip/24]", "this field is in the key already");
	refuse("on: fail, by: sorce_ip", "did you mean \"source_ip\"?");
	refuse("on: beat, by: source_ip", "not every pattern of beat captures \"source_ip\"");
}
END_TEST

/* ---- filters -------------------------------------------------------------------- */

static bool
wants(const struct incident_rule *rule, unsigned step, const char *ip, const char *user)
{
	struct event e = event("source.ip", ip, "user.name", user);
	bool excluded = false;

	return incident_rule_wants(rule, step, &e, &excluded);
}

/* Only because of unless. */
static bool
excludes(const struct incident_rule *rule, const char *ip, const char *user)
{
	struct event e = event("source.ip", ip, "user.name", user);
	bool excluded = false;

	return !incident_rule_wants(rule, 0, &e, &excluded) && excluded;
}

START_TEST(where_and_unless_choose_events)
{
	struct ruleset *rs = load_rule("on: fail, where: {source_ip: ['@office', 203.0.113.0/24]},\n"
	    "     unless: [{user_name: [bot, probe]}, {source_ip: 192.0.2.1, user_name: ann}]");
	const struct incident_rule *i = ruleset_incident(rs, 0);
	struct event no_address = event("user.name", "ann", NULL, NULL);
	bool excluded = false;

	ck_assert(wants(i, 0, "192.0.2.7", "ann"));
	ck_assert(wants(i, 0, "203.0.113.7", "ann"));
	ck_assert(wants(i, 0, "2001:db8::1", "ann"));
	ck_assert(!wants(i, 0, "2001:db8::2", "ann"));
	ck_assert(!wants(i, 0, "192.0.2.7", "bot"));
	ck_assert(!wants(i, 0, "192.0.2.1", "ann"));
	ck_assert(wants(i, 0, "192.0.2.1", "eve"));
	ck_assert(!incident_rule_wants(i, 0, &no_address, &excluded));
	ck_assert(!excluded);
	ck_assert(excludes(i, "192.0.2.7", "bot"));
	ck_assert(excludes(i, "192.0.2.1", "ann"));
	ck_assert(!excludes(i, "2001:db8::2", "bot"));
	ck_assert(!excludes(i, "192.0.2.1", "eve"));
	ruleset_unref(&rs);
}
END_TEST

START_TEST(steps_have_filters_of_their_own)
{
	struct ruleset *rs = load_rule("where: {source_ip: 192.0.2.0/24}, within: 1m,\n"
	    "     sequence: [{on: fail, where: {user_name: ann}}, {on: good, unless: {user_name: ann}}]");
	const struct incident_rule *i = ruleset_incident(rs, 0);

	ck_assert(wants(i, 0, "192.0.2.7", "ann"));
	ck_assert(!wants(i, 0, "192.0.2.7", "eve"));
	ck_assert(!wants(i, 0, "198.51.100.7", "ann"));
	ck_assert(!wants(i, 1, "192.0.2.7", "ann"));
	ck_assert(wants(i, 1, "192.0.2.7", "eve"));
	ruleset_unref(&rs);
	rs = load_rule("on: fail");
	ck_assert(wants(ruleset_incident(rs, 0), 0, "192.0.2.7", "ann"));
	ck_assert_ptr_null(ruleset_incident(rs, 0)->filters[0]);
	ruleset_unref(&rs);
}
END_TEST

START_TEST(filters_are_checked)
{
	refuse("on: fail, where: {user_nam: ann}",
	    "r.yaml:12:69: no event of these rules has \"user_nam\"; did you mean \"user_name\"?");
	refuse("on: fail, where: {source_ip: ann}", "is not an IP address or network");
	refuse("on: fail, where: {source_ip: '@ofice'}", "no list \"ofice\"; did you mean @office?");
	refuse("on: fail, where: {source_ip: '@hosts'}", "list hosts is used for an address");
	refuse("on: fail, where: {user_name: []}", "\"user_name\" needs a value");
	refuse("on: fail, unless: [{}]", "an exception needs a condition");
	refuse("sequence: [{on: fail}, {on: beat, where: {user_name: a}}], within: 1m",
	    "no event of these rules has \"user_name\"");
}
END_TEST

START_TEST(each_names_the_keys_that_are_expected)
{
	struct ruleset *rs = load_rule("on: beat, by: lower(host_name), absent: 1d, each: '@hosts'");
	const struct incident_rule *i = ruleset_incident(rs, 0);
	struct event web = event("host.name", "WEB", NULL, NULL);
	struct event other = event("host.name", "mail", NULL, NULL);
	bool excluded = false;

	ck_assert_uint_eq(rule_list_size(i->each), 2);
	ck_assert_str_eq(rule_list_at(i->each, 0), "db");
	ck_assert_str_eq(rule_list_at(i->each, 1), "web");
	ck_assert(incident_rule_wants(i, 0, &web, &excluded));
	ck_assert(!incident_rule_wants(i, 0, &other, &excluded));
	ruleset_unref(&rs);
	rs = load_rule("on: fail, by: source_ip/24, absent: 1d, each: '@pairs'");
	i = ruleset_incident(rs, 0);
	ck_assert_uint_eq(rule_list_size(i->each), 2);
	ck_assert_str_eq(rule_list_at(i->each, 0), "192.0.2.0/24");
	ck_assert_str_eq(rule_list_at(i->each, 1), "198.51.100.0/24");
	ruleset_unref(&rs);
	refuse("on: fail, by: source_ip, absent: 1d, each: '@pairs'",
	    "\"198.51.100.0/24\" of list pairs is no ip, as source_ip is");
	refuse("on: fail, absent: 1d, each: '@hosts'", "each needs exactly one key field");
	refuse("on: beat, by: host_name, absent: 1d, each: hosts", "each: expected @NAME");
}
END_TEST

/* ---- outside -------------------------------------------------------------------- */

static bool
in_hours(const struct ruleset *rs, const char *utc)
{
	struct tm tm = {.tm_isdst = 0};

	ck_assert_ptr_nonnull(strptime(utc, "%Y-%m-%d %H:%M:%S", &tm));
	return rule_hours_has(ruleset_incident(rs, 0)->outside, (int64_t)timegm(&tm) * 1000 + 500);
}

START_TEST(hours_are_of_their_zone)
{
	struct ruleset *rs = load_rule(
	    "on: fail, outside: {hours: '08:00-18:00', days: mon-fri, zone: Europe/Berlin}");

	/* Monday, 23 November 2026, UTC+1. */
	ck_assert(!in_hours(rs, "2026-11-23 06:59:59"));
	ck_assert(in_hours(rs, "2026-11-23 07:00:00"));
	ck_assert(in_hours(rs, "2026-11-23 16:59:59"));
	ck_assert(!in_hours(rs, "2026-11-23 17:00:00"));
	ck_assert(!in_hours(rs, "2026-11-22 12:00:00"));
	/* In summer UTC+2, also long after the last change that the file lists. */
	ck_assert(in_hours(rs, "2026-07-01 06:00:00"));
	ck_assert(!in_hours(rs, "2026-07-01 05:59:59"));
	ck_assert(in_hours(rs, "2080-07-01 06:00:00"));
	ck_assert(!in_hours(rs, "2080-01-01 06:59:59"));
	ruleset_unref(&rs);
}
END_TEST

START_TEST(hours_go_on_over_midnight)
{
	struct ruleset *rs = load_rule(
	    "on: fail, outside: {hours: ['22:00-06:00', '12:00-13:00'], days: [fri, sun], zone: UTC}");

	ck_assert(in_hours(rs, "2026-11-27 22:00:00"));
	ck_assert(in_hours(rs, "2026-11-28 05:59:00")); /* Saturday: it is still Friday's */
	ck_assert(!in_hours(rs, "2026-11-28 06:00:00"));
	ck_assert(!in_hours(rs, "2026-11-28 23:00:00"));
	ck_assert(!in_hours(rs, "2026-11-29 05:00:00"));
	ck_assert(in_hours(rs, "2026-11-29 12:30:00"));
	ck_assert(in_hours(rs, "2026-11-30 05:00:00")); /* Monday, from Sunday on */
	ck_assert(in_hours(rs, "1965-01-01 12:00:00")); /* before the epoch; a Friday */
	ruleset_unref(&rs);
	rs = load_rule("on: fail, outside: {days: fri-mon, zone: UTC}");
	ck_assert(in_hours(rs, "2026-11-28 00:00:00"));
	ck_assert(in_hours(rs, "2026-11-30 23:59:59"));
	ck_assert(!in_hours(rs, "2026-12-01 00:00:00"));
	ruleset_unref(&rs);
}
END_TEST

START_TEST(hours_are_checked)
{
	refuse("on: fail, outside: {zone: UTC}", "outside needs hours or days");
	refuse("on: fail, outside: {hours: '8-18'}", "\"8-18\": expected hours such as 08:00-18:00");
	refuse("on: fail, outside: {hours: '08:00-24:01'}", "expected hours");
	refuse("on: fail, outside: {hours: '08:00-08:00'}", "is no span of time");
	refuse("on: fail, outside: {days: mon-fry}", "did you mean \"fri\"?");
	refuse("on: fail, outside: {days: weekdays}", "expected a day");
	refuse("on: fail, outside: {days: mon, zone: Europe/Berln}", "is no time zone in");
	refuse("on: fail, outside: {days: mon, zone: ../../../etc/passwd}", "is no name of a time zone");
}
END_TEST

/* ---- extends, overrides, variables ---------------------------------------------- */

START_TEST(a_rule_takes_what_it_does_not_say)
{
	struct ruleset *rs = load(HEAD
	    "  - {id: c, extends: b, severity: high}\n"
	    "  - {id: a, enabled: false, title: 'x {source_ip}', severity: low, criteria: c, on: fail,\n"
	    "     by: source_ip, count: 3, within: 1m, where: {user_name: ann}}\n"
	    "  - {id: b, extends: a, distinct: {field: user_name, at_least: 4}}\n"
	    "  - {id: d, extends: b, sequence: [{on: fail}, {on: good}], rearm: 1h}\n"
	    "  - {id: e, extends: a, absent: 1h}\n");
	const struct incident_rule *c = ruleset_incident(rs, 0), *b = ruleset_incident(rs, 1);

	ck_assert_uint_eq(ruleset_nincidents(rs), 4);
	ck_assert_str_eq(c->id, "c");
	ck_assert_str_eq(c->title, "x {source_ip}");
	ck_assert_int_eq(c->severity, SEVERITY_HIGH);
	ck_assert_int_eq(b->severity, SEVERITY_LOW);
	ck_assert_int_eq(c->condition.kind, CONDITION_DISTINCT);
	ck_assert_int_eq(c->condition.least, 4);
	ck_assert_int_eq(c->condition.within, 60000);
	ck_assert(wants(b, 0, "192.0.2.1", "ann"));
	ck_assert(!wants(b, 0, "192.0.2.1", "eve"));
	ck_assert_int_eq(ruleset_incident(rs, 2)->condition.kind, CONDITION_SEQUENCE);
	ck_assert_int_eq(ruleset_incident(rs, 3)->condition.within, 3600000);
	ck_assert(b->identity != c->identity);
	ruleset_unref(&rs);
	refuse("extends: j", "there is no incident rule \"j\" to extend");
	refuse_text(HEAD RULE("one", "extends: two, on: fail") RULE("two", "extends: one, on: fail"),
	    "extends itself");
}
END_TEST

START_TEST(event_rules_extend_too)
{
	struct ruleset *rs = load(
	    "events:\n"
	    "  - {id: a, enabled: false, title: t, class: c, severity: low, where: {program: p},\n"
	    "     match: '^a (?<source_ip>\\S+)$', tests: [{line: 'p: a 192.0.2.1', event: {}}]}\n"
	    "  - {id: b, extends: a, match: '^b (?<source_ip>\\S+)$'}\n");
	const struct event_rule *b = ruleset_find_event(rs, "b");

	ck_assert_str_eq(b->title, "t");
	ck_assert_uint_eq(b->body->programs.n, 1);
	ck_assert_uint_eq(b->body->ntests, 0);
	ck_assert_str_eq(b->body->patterns[0].text, "^b (?<source_ip>\\S+)$");
	ruleset_unref(&rs);
	refuse_text("events:\n  - {id: a, extends: aa}\n  - {id: ab, extends: ab}\n",
	    "there is no event rule \"aa\" to extend");
}
END_TEST

START_TEST(variables_are_put_in)
{
	struct ruleset *rs = load(
	    "variables:\n"
	    "  ip: '(?<source_ip>\\S+)'\n"
	    "  from: 'from ${ip}'\n"
	    "  net: 192.0.2.0/24\n"
	    "lists: [{id: l, values: ['${net}']}]\n"
	    "events:\n"
	    "  - {id: a, title: t, class: c, severity: low, match: ['^x ${from}$', 'z\\${ip} ${ip}'],\n"
	    "     unless: {source_ip: '${net}'}}\n"
	    "incidents:\n"
	    RULE("i", "on: a, by: source_ip, where: {source_ip: '@l'}"));
	const struct rule_body *body = ruleset_find_event(rs, "a")->body;

	ck_assert_str_eq(body->patterns[0].text, "^x from (?<source_ip>\\S+)$");
	ck_assert_str_eq(body->patterns[1].text, "z\\${ip} (?<source_ip>\\S+)");
	ck_assert(rule_list_has(body->unless[0].conditions[0].values, SV("192.0.2.9")));
	ck_assert(wants(ruleset_incident(rs, 0), 0, "192.0.2.9", "x"));
	ruleset_unref(&rs);
	refuse_text("variables: {ip: a, b: '${c}', c: x}\n",
	    "no variable \"c\" in this file above this one");
	refuse_text("variables: {adress: a}\nlists: [{id: l, values: '${address}'}]\n",
	    "no variable \"address\" in this file; did you mean \"adress\"?");
	refuse_text("variables: {a: [x, y]}\n", "variable \"a\" needs one text");
	refuse_text("variables: {a.b: x}\n", "a variable's name");
}
END_TEST

START_TEST(an_error_behind_a_variable_is_at_the_pattern)
{
	refuse_text("variables: {v: long text}\n"
	            "events:\n  - {id: a, title: t, class: c, severity: low, match: '^${v} ($'}\n",
	    "r.yaml:3:55:");
}
END_TEST

/* ---- identity ------------------------------------------------------------------- */

static uint64_t
identity(const char *keys)
{
	struct ruleset *rs = load_rule(keys);
	uint64_t id = ruleset_incident(rs, 0)->identity;

	ruleset_unref(&rs);
	return id;
}

START_TEST(identity_is_of_what_is_counted)
{
	static const char *const others[] = {"on: fail, by: source_ip, count: 4, within: 1m",
	    "on: fail, by: source_ip, count: 3, within: 2m",
	    "on: [fail, good], by: source_ip, count: 3, within: 1m",
	    "on: fail, by: source_ip/24, count: 3, within: 1m",
	    "on: fail, by: user_name, count: 3, within: 1m",
	    "on: fail, by: lower(user_name), count: 3, within: 1m",
	    "on: fail, by: source_ip, count: 3, within: 1m, where: {user_name: ann}",
	    "on: fail, by: source_ip, count: 3, within: 1m, where: {user_name: [ann, eve]}",
	    "on: fail, by: source_ip, count: 3, within: 1m, unless: {user_name: ann}",
	    "on: fail, by: source_ip, count: 3, within: 1m, unless: {source_ip: '@office'}",
	    "on: fail, by: source_ip, count: 3, within: 1m, outside: {days: mon}",
	    "on: fail, by: source_ip, distinct: {field: user_name, at_least: 3}, within: 1m",
	    "sequence: [{on: fail}, {on: good}], by: source_ip, within: 1m",
	    "all_of: [{on: fail}, {on: good}], by: source_ip, within: 1m",
	    "sequence: [{on: fail}, {on: good, where: {user_name: ann}}], by: source_ip, within: 1m"};
	uint64_t ids[1 + sizeof(others) / sizeof(others[0])];
	size_t n = 0;

	ids[n++] = identity("on: fail, by: source_ip, count: 3, within: 1m");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ids[n++] = identity(others[i]);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(ids[i] != ids[j], "%zu is %zu", i, j);
	/* How it is told, and the order of what has none. */
	ck_assert_uint_eq(ids[0], identity("on: fail, by: source_ip, count: 3, within: 60s, "
	    "playbook: p, rearm: 2h, groups: 5"));
	ck_assert_uint_eq(identity("on: [fail, good], where: {user_name: [a, b], source_ip: 192.0.2.1}"),
	    identity("on: [good, fail], where: {source_ip: 192.0.2.1, user_name: [b, a]}"));
	/* The same for ever: state is kept under it. */
	ck_assert_uint_eq(ids[0], UINT64_C(11543435425993721043));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("incident_rules");
	TCase *tc = tcase_create("incident_rules");

	tcase_add_checked_fixture(tc, NULL, tidy);
	tcase_add_test(tc, each_condition_is_taken_over);
	tcase_add_test(tc, conditions_are_checked);
	tcase_add_test(tc, steps_are_checked);
	tcase_add_test(tc, rearm_is_never_shorter_than_within);
	tcase_add_test(tc, a_link_tells_the_steps);
	tcase_add_test(tc, incidents_may_be_counted);
	tcase_add_test(tc, chains_are_checked);
	tcase_add_test(tc, what_nothing_can_come_to_is_no_rule);
	tcase_add_test(tc, keys_are_transformed);
	tcase_add_test(tc, keys_are_checked);
	tcase_add_test(tc, where_and_unless_choose_events);
	tcase_add_test(tc, steps_have_filters_of_their_own);
	tcase_add_test(tc, filters_are_checked);
	tcase_add_test(tc, each_names_the_keys_that_are_expected);
	tcase_add_test(tc, hours_are_of_their_zone);
	tcase_add_test(tc, hours_go_on_over_midnight);
	tcase_add_test(tc, hours_are_checked);
	tcase_add_test(tc, a_rule_takes_what_it_does_not_say);
	tcase_add_test(tc, event_rules_extend_too);
	tcase_add_test(tc, variables_are_put_in);
	tcase_add_test(tc, an_error_behind_a_variable_is_at_the_pattern);
	tcase_add_test(tc, identity_is_of_what_is_counted);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
