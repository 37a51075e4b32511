/*
 * check_local: incidents that are kept in memory: their numbers, keys, times and lines,
 * time that passes without events, rules about incidents; and that it makes no
 * difference how events are cut into batches.
 */
#include <check.h>
#include <stdlib.h>

#include "correlate/correlate.h"
#include "correlate/local.h"
#include "rig.h"
#include "rule/ruleset.h"
#include "util/xalloc.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define RULE "    severity: low\n    criteria: c\n"

static const char rules_text[] =
    "events:\n"
    "  - {id: fail, title: t, class: c, severity: low, match: '^fail (?<source_ip>\\S+) (?<user_name>\\S+)'}\n"
    "  - {id: pass, title: t, class: c, severity: low, match: '^pass (?<source_ip>\\S+) (?<user_name>\\S+)'}\n"
    "incidents:\n"
    "  - id: guessing\n"
    "    title: 'guessing from {source_ip}'\n"
    "    on: [fail]\n"
    "    by: [source_ip]\n"
    "    count: 3\n"
    "    within: 10m\n"
    "    rearm: 1h\n" RULE
    "  - id: silent\n"
    "    title: '{user_name} is silent'\n"
    "    on: [pass]\n"
    "    by: [user_name]\n"
    "    absent: 1h\n" RULE
    "  - id: everywhere\n"
    "    title: everywhere\n"
    "    on: [guessing]\n"
    "    distinct: {field: source_ip, at_least: 2}\n"
    "    within: 1h\n" RULE
    "  - id: users\n"
    "    title: many users\n"
    "    on: [fail]\n"
    "    by: [source_ip]\n"
    "    distinct: {field: user_name, at_least: 3}\n"
    "    within: 5m\n"
    "    rearm: 10m\n" RULE
    "  - id: in\n"
    "    title: fail, then pass\n"
    "    by: [source_ip]\n"
    "    sequence:\n"
    "      - {on: fail}\n"
    "      - {on: pass}\n"
    "    within: 5m\n"
    "    rearm: 10m\n" RULE
    "  - id: busy\n"
    "    title: busy\n"
    "    on: [fail, pass]\n"
    "    rate: {above: 6, below: 3}\n"
    "    within: 5m\n" RULE;

struct run {
	struct ruleset *rules;
	struct correlator *correlator;
	struct local *local;
};

static struct run
begin(void)
{
	struct run r = {.rules = rig_rules(rules_text), .correlator = correlator_new()};

	r.local = local_new(r.rules);
	return r;
}

static void
end(struct run *r)
{
	local_free(&r->local);
	correlator_free(&r->correlator);
	ruleset_unref(&r->rules);
}

static void
happen(struct run *r, const char *rule, int64_t time, const char *address, const char *user)
{
	struct stream stream = {.id = "s", .source = "s", .path = "test.log"};
	struct line line = {.stream = &stream, .offset = (uint64_t)time};
	struct record record = {.line = &line, .time = time, .text = sv_str(user)};
	struct event e = {.rule = ruleset_find_event(r->rules, rule),
	    .record = &record,
	    .nfields = 2,
	    .fields = {{"source.ip", sv_str(address)}, {"user.name", sv_str(user)}}};

	correlate_event(r->correlator, r->rules, &e);
}

/* The one incident of ${rule}; fails when there is none, or another. */
static const struct local_incident *
only(const struct run *r, const char *rule)
{
	const struct local_incident *found = NULL;

	for (size_t i = 0; i < local_nincidents(r->local); i++) {
		const struct local_incident *inc = local_incident(r->local, i);

		ck_assert_int_eq(inc->number, (int64_t)i + 1);
		if (strcmp(inc->rule->id, rule) != 0)
			continue;
		ck_assert_msg(found == NULL, "two incidents of %s", rule);
		found = inc;
	}
	ck_assert_msg(found != NULL, "no incident of %s", rule);
	return found;
}

static uint64_t
count_of(const struct run *r, const char *rule, enum local_fate fate)
{
	const struct incident_rule *of = ruleset_find_incident(r->rules, rule);

	ck_assert_ptr_nonnull(of);
	return local_count(r->local, of, fate);
}

START_TEST(an_incident_over_many_batches)
{
	struct run r = begin();
	const struct local_incident *inc;
	char user[] = "a";

	for (int64_t i = 0; i < 8; i++) {
		user[0] = (char)('a' + i % 2);
		happen(&r, "fail", i * MINUTE, "192.0.2.1", user);
		local_commit(r.local, r.correlator);
	}
	happen(&r, "fail", 8 * MINUTE, "192.0.2.2", "a");
	local_commit(r.local, r.correlator);
	inc = only(&r, "guessing");
	ck_assert_str_eq(inc->title, "guessing from 192.0.2.1");
	ck_assert_str_eq(inc->key, "{\"source.ip\":\"192.0.2.1\"}");
	ck_assert_int_eq(inc->count, 8);
	ck_assert_int_eq(inc->first, 0);
	ck_assert_int_eq(inc->opened, 2 * MINUTE);
	ck_assert_int_eq(inc->last, 7 * MINUTE);
	/* The lines that it opened with, though they were of earlier batches. */
	ck_assert_uint_eq(inc->nsamples, LOCAL_SAMPLES);
	ck_assert_ptr_nonnull(strstr(inc->samples[0], "\"offset\":0,"));
	ck_assert_ptr_nonnull(strstr(inc->samples[2], "\"offset\":120000,"));
	ck_assert_uint_eq(count_of(&r, "guessing", LOCAL_COUNTED), 9);
	ck_assert_uint_eq(count_of(&r, "guessing", LOCAL_PROMOTED), 3);
	ck_assert_uint_eq(count_of(&r, "guessing", LOCAL_FOLDED), 5);
	ck_assert_uint_eq(count_of(&r, "guessing", LOCAL_BELOW), 1);
	ck_assert_int_eq(local_latest(r.local), 8 * MINUTE);
	end(&r);
}
END_TEST

START_TEST(time_alone)
{
	struct run r = begin();

	happen(&r, "pass", 0, "192.0.2.1", "ann");
	happen(&r, "pass", 30 * MINUTE, "192.0.2.1", "bob");
	local_pass(r.local, r.correlator, HOUR - 1);
	ck_assert_uint_eq(local_nincidents(r.local), 0);
	local_pass(r.local, r.correlator, HOUR + 1);
	ck_assert_str_eq(only(&r, "silent")->title, "ann is silent");
	ck_assert_int_eq(only(&r, "silent")->opened, HOUR);
	/* It is told once. */
	local_pass(r.local, r.correlator, HOUR + 2);
	ck_assert_uint_eq(local_nincidents(r.local), 1);
	local_pass(r.local, r.correlator, 2 * HOUR);
	ck_assert_uint_eq(local_nincidents(r.local), 2);
	end(&r);
}
END_TEST

START_TEST(a_rate_that_falls)
{
	struct run r = begin();

	for (int64_t i = 0; i < 6; i++)
		happen(&r, "fail", i * 1000, "192.0.2.1", "ann");
	local_commit(r.local, r.correlator);
	ck_assert(!only(&r, "busy")->over);
	local_pass(r.local, r.correlator, HOUR);
	ck_assert(only(&r, "busy")->over);
	ck_assert_int_eq(only(&r, "busy")->count, 6);
	end(&r);
}
END_TEST

START_TEST(incidents_are_events)
{
	struct run r = begin();

	for (int64_t i = 0; i < 3; i++)
		happen(&r, "fail", i, "192.0.2.1", "ann");
	local_commit(r.local, r.correlator);
	ck_assert_uint_eq(local_nincidents(r.local), 1);
	for (int64_t i = 0; i < 3; i++)
		happen(&r, "fail", 10 * MINUTE + i, "192.0.2.2", "ann");
	local_commit(r.local, r.correlator);
	ck_assert_uint_eq(local_nincidents(r.local), 3);
	ck_assert_int_eq(only(&r, "everywhere")->count, 2);
	ck_assert_int_eq(only(&r, "everywhere")->opened, 10 * MINUTE + 2);
	ck_assert_ptr_nonnull(strstr(only(&r, "everywhere")->samples[0], "INC-1"));
	end(&r);
}
END_TEST

/* ---- cuts -------------------------------------------------------------------------- */

/* Chance that can be repeated. */
static unsigned
draw(uint32_t *seed, unsigned below)
{
	*seed = *seed * 1664525U + 1013904223U;
	return (*seed >> 8) % below;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All incidents, in no order and without their numbers.  Those of incidents are left out:
 * in which order events are late depends on the cuts. */
static char *
describe(const struct run *r)
{
	size_t n = local_nincidents(r->local);
	char **lines = xcalloc(n + 1, sizeof(*lines));
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		const struct local_incident *inc = local_incident(r->local, i);
		bool left_out = strcmp(inc->rule->id, "everywhere") == 0;

		lines[i] = left_out ? xstrdup("") : xasprintf("%s %s %lld %lld %lld %lld%s\n", inc->rule->id, inc->key,
		    (long long)inc->count, (long long)inc->first, (long long)inc->last,
		    (long long)inc->opened, inc->over ? " over" : "");
	}
	qsort(lines, n, sizeof(*lines), by_text);
	for (size_t i = 0; i < n; i++) {
		buf_puts(&out, lines[i]);
		free(lines[i]);
	}
	free(lines);
	return buf_steal(&out);
}

/* The events that ${seed} stands for, a batch ending after each with a chance of one in
 * ${cut}; 0: never. */
static char *
live(uint32_t seed, unsigned cut)
{
	struct run r = begin();
	uint32_t cuts = seed + 1;
	int64_t t = 0;
	char *text;

	for (int i = 0; i < 300; i++) {
		char address[] = "192.0.2.1", user[] = "a";

		t += draw(&seed, 10) == 0 ? draw(&seed, 2) * HOUR : draw(&seed, 3) * MINUTE;
		address[8] = (char)('1' + draw(&seed, 3));
		user[0] = (char)('a' + draw(&seed, 4));
		/* Some are late. */
		happen(&r, draw(&seed, 4) == 0 ? "pass" : "fail", t - draw(&seed, 2) * 20000, address,
		    user);
		if (cut > 0 && draw(&cuts, cut) == 0)
			local_commit(r.local, r.correlator);
	}
	local_commit(r.local, r.correlator);
	local_pass(r.local, r.correlator, t + 2 * HOUR);
	text = describe(&r);
	end(&r);
	return text;
}

START_TEST(cuts_make_no_difference)
{
	char *whole = live((uint32_t)_i, 0), *each = live((uint32_t)_i, 1), *some = live((uint32_t)_i, 20);

	ck_assert_ptr_nonnull(strstr(whole, "guessing"));
	ck_assert_str_eq(each, whole);
	ck_assert_str_eq(some, whole);
	free(whole);
	free(each);
	free(some);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("local");
	TCase *t = tcase_create("local");
	SRunner *sr;
	int failed;

	tcase_add_test(t, an_incident_over_many_batches);
	tcase_add_test(t, time_alone);
	tcase_add_test(t, a_rate_that_falls);
	tcase_add_test(t, incidents_are_events);
	tcase_add_loop_test(t, cuts_make_no_difference, 0, 50);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
