/*
 * check_silence: what a silence covers: rules, times, fields, networks, keys; and what is
 * absent meanwhile, which is told afterwards.
 */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>

#include "correlate/correlate.h"
#include "correlate/local.h"
#include "correlate/settle.h"
#include "correlate/silence.h"
#include "rig.h"
#include "rule/ruleset.h"
#include "silence_json.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define RULE "    severity: low\n    criteria: c\n"

static const char rules_text[] =
    "events:\n"
    "  - {id: fail, title: t, class: c, severity: low, match: '^fail (?<source_ip>\\S+) (?<user_name>\\S+)'}\n"
    "  - {id: alive, title: t, class: c, severity: low, match: '^alive (?<host_name>\\S+)'}\n"
    "incidents:\n"
    "  - id: guessing\n"
    "    title: 'guessing from {source_ip}'\n"
    "    on: [fail]\n"
    "    by: [source_ip]\n"
    "    count: 2\n"
    "    within: 10m\n" RULE
    "  - id: users\n"
    "    title: 'guessing of {user_name}'\n"
    "    on: [fail]\n"
    "    by: ['lower(user_name)', source_ip/24]\n"
    "    count: 2\n"
    "    within: 10m\n" RULE
    "  - id: networks\n"
    "    title: 'much from {source_ip}'\n"
    "    on: [users]\n"
    "    by: [source_ip/24]\n"
    "    count: 1\n"
    "    within: 1h\n" RULE
    "  - id: silent\n"
    "    title: '{host_name} is silent'\n"
    "    on: [alive]\n"
    "    by: [host_name]\n"
    "    absent: 1h\n" RULE;

/* A fixture of Check has no argument. */
static struct ruleset *rules;
static struct correlator *correlator;
static struct local *local;
static struct silence_set *set;

static void
begin(void)
{
	rules = rig_rules(rules_text);
	correlator = correlator_new();
	local = local_new(rules);
	set = silence_new();
}

static void
end(void)
{
	silence_unref(&set);
	local_free(&local);
	correlator_free(&correlator);
	ruleset_unref(&rules);
}

static void
heed(void)
{
	silence_sort(set);
	correlator_set_silences(correlator, set);
}

/* One silence, of a rule or of all (NULL), as from now. */
static void
heed_one(const char *rule, int64_t from, int64_t until)
{
	silence_add(set, rule, from, until);
	heed();
}

/* Others than before. */
static void
anew(void)
{
	silence_unref(&set);
	set = silence_new();
}

static void
happen(const char *rule, int64_t time, const char *first, const char *user)
{
	struct stream stream = {.id = "s", .source = "s", .path = "test.log"};
	struct line line = {.stream = &stream, .offset = (uint64_t)time};
	struct record record = {.line = &line,
	    .time = time,
	    .text = SV("x"),
	    .host = SV("Web-1"),
	    .program = SV("sshd")};
	bool fail = strcmp(rule, "fail") == 0;
	struct event e = {.rule = ruleset_find_event(rules, rule),
	    .record = &record,
	    .nfields = fail ? 2 : 1,
	    .fields = {
	        {fail ? "source.ip" : "host.name", sv_str(first)}, {"user.name", sv_str(user)}}};

	correlate_event(correlator, rules, &e);
}

static unsigned
count(const char *rule)
{
	unsigned n = 0;

	local_commit(local, correlator);
	for (size_t i = 0; i < local_nincidents(local); i++)
		n += strcmp(local_incident(local, i)->rule->id, rule) == 0;
	return n;
}

static bool
covers(const char *rule, int64_t time, const char *address, const char *user)
{
	struct record record = {.time = time, .host = SV("Web-1"), .program = SV("sshd")};
	struct event e = {.record = &record,
	    .nfields = 2,
	    .fields = {{"source.ip", sv_str(address)}, {"user.name", sv_str(user)}}};

	return silence_covers(set, ruleset_find_incident(rules, rule), &e);
}

START_TEST(a_rule_for_a_time)
{
	silence_add(set, "users", 1000, 2000);
	silence_add(set, "guessing", 5000, 6000);
	silence_add(set, "guessing", 1000, 2000);
	heed();
	ck_assert(!covers("guessing", 999, "192.0.2.1", "ann"));
	ck_assert(covers("guessing", 1000, "192.0.2.1", "ann"));
	ck_assert(covers("guessing", 1999, "192.0.2.1", "ann"));
	ck_assert(!covers("guessing", 2000, "192.0.2.1", "ann"));
	ck_assert(covers("guessing", 5500, "192.0.2.1", "ann"));
	ck_assert(!covers("users", 5500, "192.0.2.1", "ann"));
	ck_assert(!covers("networks", 1500, "192.0.2.1", "ann"));
}
END_TEST

START_TEST(all_rules)
{
	silence_add(set, "users", 3000, 4000);
	silence_add(set, NULL, 1000, 2000);
	heed();
	ck_assert(covers("guessing", 1000, "192.0.2.1", "ann"));
	ck_assert(covers("silent", 1000, "192.0.2.1", "ann"));
	ck_assert(!covers("guessing", 3000, "192.0.2.1", "ann"));
	ck_assert(covers("users", 3000, "192.0.2.1", "ann"));
}
END_TEST

START_TEST(all_fields_must_be_there)
{
	silence_add(set, NULL, 0, 10000);
	silence_add_field(set, "source.ip", "192.0.2.0/24");
	silence_add_field(set, "user.name", "ann");
	silence_add(set, NULL, 0, 10000);
	silence_add_field(set, "user.id", "7"); /* no event has it */
	silence_add(set, NULL, 0, 10000);
	silence_add_field(set, "source.ip", "2001:db8::/32");
	heed();
	ck_assert(covers("guessing", 1, "192.0.2.1", "ann"));
	ck_assert(covers("guessing", 1, "::ffff:192.0.2.1", "ann"));
	ck_assert(!covers("guessing", 1, "192.0.2.1", "bob"));
	ck_assert(!covers("guessing", 1, "192.0.3.1", "ann"));
	ck_assert(!covers("guessing", 1, "gate", "ann"));
	ck_assert(!covers("guessing", 1, "", "ann"));
	ck_assert(covers("guessing", 1, "2001:db8::1", "bob"));
}
END_TEST

START_TEST(networks_of_any_length)
{
	silence_add(set, "guessing", 0, 10000);
	silence_add_field(set, "source.ip", "10.1.16.0/20");
	silence_add(set, "users", 0, 10000);
	silence_add_field(set, "source.ip", "::/0");
	heed();
	ck_assert(covers("guessing", 1, "10.1.16.0", "ann"));
	ck_assert(covers("guessing", 1, "10.1.31.255", "ann"));
	ck_assert(!covers("guessing", 1, "10.1.32.0", "ann"));
	ck_assert(!covers("guessing", 1, "10.1.15.255", "ann"));
	ck_assert(covers("guessing", 1, "10.1.16.0/20", "ann"));
	ck_assert(!covers("guessing", 1, "10.1.16.0/19", "ann"));
	ck_assert(!covers("guessing", 1, "10.1.16.0/33", "ann"));
	ck_assert(covers("users", 1, "2001:db8::1", "ann"));
	ck_assert(covers("users", 1, "10.1.32.0", "ann"));
}
END_TEST

/* As an incident shows it; and letter case matters only where the rule says that it does not. */
START_TEST(values_as_the_key_has_them)
{
	silence_add(set, NULL, 0, 10000);
	silence_add_field(set, "user.name", "ann");
	heed();
	ck_assert(covers("users", 1, "192.0.2.1", "ANN"));
	ck_assert(!covers("guessing", 1, "192.0.2.1", "ANN"));
	ck_assert(covers("guessing", 1, "192.0.2.1", "ann"));
	ck_assert(!covers("users", 1, "192.0.2.1", "annabel"));
}
END_TEST

START_TEST(parts_of_the_header)
{
	silence_add(set, "guessing", 0, 10000);
	silence_add_field(set, "host.name", "web-1");
	silence_add_field(set, "process.name", "sshd");
	silence_add(set, "users", 0, 10000);
	silence_add_field(set, "host.name", "web-2");
	heed();
	ck_assert(covers("guessing", 1, "192.0.2.1", "ann"));
	ck_assert(!covers("users", 1, "192.0.2.1", "ann"));
}
END_TEST

START_TEST(what_is_silenced_neither_opens_nor_joins)
{
	happen("fail", 1000, "192.0.2.1", "ann");
	local_commit(local, correlator);
	heed_one("guessing", 2000, 5000);
	for (int64_t t = 2000; t < 5000; t += 1000)
		happen("fail", t, "192.0.2.1", "bob");
	ck_assert_uint_eq(count("guessing"), 0);
	ck_assert_uint_eq(count("users"), 1);
	happen("fail", 5000, "192.0.2.1", "bob"); /* with the first one */
	ck_assert_uint_eq(count("guessing"), 1);
	happen("fail", 4000, "192.0.2.1", "bob"); /* read late */
	local_commit(local, correlator);
	for (size_t i = 0; i < local_nincidents(local); i++)
		if (strcmp(local_incident(local, i)->rule->id, "guessing") == 0)
			ck_assert_int_eq(local_incident(local, i)->count, 2);
}
END_TEST

/* By their key, which is a network. */
START_TEST(incidents_that_rules_count)
{
	silence_add(set, "networks", 0, HOUR);
	silence_add_field(set, "source.ip", "192.0.0.0/16");
	silence_add(set, "networks", 0, HOUR);
	silence_add_field(set, "source.ip", "198.51.100.0/25"); /* less than the network */
	heed();
	for (int i = 0; i < 2; i++) {
		happen("fail", 1000, "192.0.2.1", "ann");
		happen("fail", 1000, "198.51.100.1", "ann");
	}
	ck_assert_uint_eq(count("users"), 2);
	ck_assert_uint_eq(count("networks"), 1);
}
END_TEST

/* ---- from Redis, where others may have written it --------------------------------- */

static void
add_json(const char *text, const char *fault)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	struct buf why = BUF_INIT;
	bool ok = silence_json_add(set, json, &why);

	ck_assert_msg(ok == (fault == NULL), "%s: %s", text, buf_str(&why));
	if (fault != NULL)
		ck_assert_msg(strstr(buf_str(&why), fault) != NULL, "%s: %s", text, buf_str(&why));
	json_decref(json);
	buf_free(&why);
}

START_TEST(what_is_no_silence_is_refused)
{
	add_json("{", "no JSON object");
	add_json("7", "no JSON object");
	add_json("[]", "no JSON object");
	add_json("{\"fields\":{},\"from\":1,\"until\":2}", "\"rule\"");
	add_json("{\"rule\":\"\",\"fields\":{},\"from\":1,\"until\":2}", "\"rule\"");
	add_json("{\"rule\":\"all\",\"from\":1,\"until\":2}", "\"fields\"");
	add_json("{\"rule\":\"all\",\"fields\":[],\"from\":1,\"until\":2}", "\"fields\"");
	add_json("{\"rule\":\"all\",\"fields\":{\"a\":1},\"from\":1,\"until\":2}", "\"fields\"");
	add_json("{\"rule\":\"all\",\"fields\":{\"a\":\"\"},\"from\":1,\"until\":2}", "\"fields\"");
	add_json("{\"rule\":\"all\",\"fields\":{},\"from\":1}", "\"until\"");
	add_json("{\"rule\":\"all\",\"fields\":{},\"from\":-1,\"until\":2}", "\"from\"");
	add_json("{\"rule\":\"all\",\"fields\":{},\"from\":1,\"until\":1e300}", "\"until\"");
	add_json(
	    "{\"rule\":\"all\",\"fields\":{},\"from\":1,\"until\":2,\"ended\":3}", "\"ended\"");
	add_json(
	    "{\"rule\":\"guessing\",\"fields\":{\"user.name\":\"ann\"},\"from\":1,\"until\":9,"
	    "\"ended\":{\"time\":5}}",
	    NULL);
	heed();
	ck_assert(covers("guessing", 4, "192.0.2.1", "ann"));
	ck_assert(!covers("guessing", 4, "192.0.2.1", "bob"));
	ck_assert(!covers("guessing", 5, "192.0.2.1", "ann"));
	ck_assert(!covers("users", 4, "192.0.2.1", "ann"));
}
END_TEST

/* ---- what is absent -------------------------------------------------------------------- */

START_TEST(silence_in_a_silence_is_told_after_it)
{
	silence_add(set, "silent", 0, 3 * HOUR);
	silence_add_field(set, "host.name", "north");
	silence_add(set, "silent", 3 * HOUR, 4 * HOUR); /* goes on at once */
	silence_add_field(set, "host.name", "north");
	silence_add(set, "silent", 0, 9 * HOUR); /* no part of the key */
	silence_add_field(set, "process.name", "sshd");
	heed();
	happen("alive", 0, "north", "");
	happen("alive", 0, "south", "");
	local_pass(local, correlator, 4 * HOUR - 1);
	ck_assert_uint_eq(count("silent"), 1);
	ck_assert_str_eq(local_incident(local, 0)->key, "{\"host.name\":\"south\"}");
	local_pass(local, correlator, 5 * HOUR);
	ck_assert_uint_eq(count("silent"), 2);
	ck_assert_int_eq(local_incident(local, 1)->opened, 4 * HOUR);
	ck_assert_int_eq(local_incident(local, 1)->first, 0);
}
END_TEST

START_TEST(what_comes_in_the_silence_is_seen)
{
	heed_one(NULL, 0, 3 * HOUR);
	happen("alive", 0, "north", "");
	local_pass(local, correlator, 2 * HOUR);
	happen("alive", 2 * HOUR + 30 * MINUTE, "north", "");
	local_pass(local, correlator, 3 * HOUR + 29 * MINUTE);
	ck_assert_uint_eq(count("silent"), 0);
	local_pass(local, correlator, 3 * HOUR + 30 * MINUTE);
	ck_assert_uint_eq(count("silent"), 1);
	ck_assert_int_eq(local_incident(local, 0)->opened, 3 * HOUR + 30 * MINUTE);
}
END_TEST

/* As the daemon does: a back-fill finds it at the same time. */
START_TEST(told_before_a_later_event)
{
	heed_one(NULL, 0, 3 * HOUR);
	happen("alive", 0, "north", "");
	happen("alive", 6 * HOUR, "north", "");
	ck_assert_uint_eq(count("silent"), 1);
	ck_assert_int_eq(local_incident(local, 0)->opened, 3 * HOUR);
}
END_TEST

/* The due time after a look at ${time}. */
static int64_t
look(struct buf *group, int64_t time)
{
	struct settled s = {0};
	struct batch *b;
	int64_t due;

	if (group->n == 0)
		happen("alive", 0, "north", "");
	else
		correlate_timer(
		    correlator, rules, ruleset_find_incident(rules, "silent"), SV("5:north"), time);
	b = correlate_take(correlator);
	settle_entry(b, &b->entries[b->rules[0].first], buf_view(group), 0, &s);
	group->n = 0;
	buf_sv(group, buf_view(&s.group));
	due = s.due;
	settle_free(&s);
	batch_free(&b);
	return due;
}

/* Not each second, and not so late that the end of the silence is missed. */
START_TEST(looked_at_each_minute)
{
	struct buf group = BUF_INIT;

	heed_one("silent", 0, 3 * HOUR);
	ck_assert_int_eq(look(&group, 0), HOUR);
	ck_assert_int_eq(look(&group, HOUR + 5), HOUR + 5 + MINUTE);
	ck_assert_int_eq(look(&group, 3 * HOUR - 500), 3 * HOUR);

	anew(); /* it was ended early */
	heed_one("silent", 0, 2 * HOUR);
	ck_assert_int_eq(look(&group, 2 * HOUR - MINUTE), 2 * HOUR);
	ck_assert_int_eq(look(&group, 2 * HOUR), INT64_MAX);
	buf_free(&group);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("silence");
	TCase *t = tcase_create("silence");

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, a_rule_for_a_time);
	tcase_add_test(t, all_rules);
	tcase_add_test(t, all_fields_must_be_there);
	tcase_add_test(t, networks_of_any_length);
	tcase_add_test(t, values_as_the_key_has_them);
	tcase_add_test(t, parts_of_the_header);
	tcase_add_test(t, what_is_silenced_neither_opens_nor_joins);
	tcase_add_test(t, incidents_that_rules_count);
	tcase_add_test(t, what_is_no_silence_is_refused);
	tcase_add_test(t, silence_in_a_silence_is_told_after_it);
	tcase_add_test(t, what_comes_in_the_silence_is_seen);
	tcase_add_test(t, told_before_a_later_event);
	tcase_add_test(t, looked_at_each_minute);
	suite_add_tcase(s, t);
	return rig_run(s);
}
