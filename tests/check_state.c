/*
 * check_state: correlation and state with a real redis-server: what a stream of
 * events becomes does not depend on how it is cut into commits.
 */
#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"
#include "state_rig.h"
#include "util/xalloc.h"

static int64_t
number(const json_t *obj, const char *name)
{
	return json_integer_value(json_object_get(obj, name));
}

static const char *
string(const json_t *obj, const char *name)
{
	return json_string_value(json_object_get(obj, name));
}

static const struct incident_rule *
rule_of(const struct half *h, const char *id)
{
	for (size_t i = 0; i < ruleset_nincidents(h->rules); i++)
		if (strcmp(ruleset_incident(h->rules, i)->id, id) == 0)
			return ruleset_incident(h->rules, i);
	ck_abort_msg("no rule %s", id);
}

START_TEST(three_in_ten_seconds_open_an_incident)
{
	struct half h;
	const json_t *inc;

	half_begin(&h);
	half_count(&h, "192.0.2.1", 1000000);
	half_count(&h, "192.0.2.1", 1005000);
	half_count(&h, "192.0.2.2", 1005000);
	half_commit(&h);
	ck_assert_uint_eq(h.opened, 0);
	half_count(&h, "192.0.2.1", 1010000);
	half_commit(&h);
	ck_assert_uint_eq(h.opened, 1);
	inc = json_array_get(half_list(&h), 0);
	ck_assert_str_eq(string(inc, "id"), "INC-1");
	ck_assert_str_eq(string(inc, "title"), "guessing from 192.0.2.1");
	ck_assert_str_eq(string(inc, "state"), "open");
	ck_assert_str_eq(string(inc, "first_event"), "1970-01-01T00:16:40.000Z");
	ck_assert_str_eq(string(inc, "last_event"), "1970-01-01T00:16:50.000Z");
	ck_assert_int_eq(number(inc, "count"), 3);
	ck_assert_str_eq(string(json_object_get(inc, "key"), "source.ip"), "192.0.2.1");
	/* told to the channel that wants medium, not to the one that wants high */
	ck_assert_uint_eq(h.deliveries, 1);
	ck_assert_str_eq(h.delivery.channel, "ops");
	half_end(&h);
}
END_TEST

static void
count_many(struct half *h, const char *ip, int64_t time, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		half_count(h, ip, time);
	half_commit(h);
}

/* What was told last: its type, of which incident, and how many events it has. */
static void
assert_told(const struct half *h, const char *type, const char *id, int64_t count)
{
	json_t *message = json_loads(h->delivery.message, 0, NULL);
	const json_t *inc = json_object_get(json_object_get(message, "data"), "incident");

	ck_assert_str_eq(string(message, "type"), type);
	ck_assert_str_eq(string(inc, "id"), id);
	ck_assert_int_eq(number(inc, "count"), count);
	json_decref(message);
}

START_TEST(ten_times_as_many_events_are_told_again)
{
	struct half h;

	half_begin(&h);
	count_many(&h, "192.0.2.1", 1000000, 3);
	assert_told(&h, "incident.opened", "INC-1", 3);
	count_many(&h, "192.0.2.1", 1001000, 26);
	ck_assert_uint_eq(h.deliveries, 1);
	count_many(&h, "192.0.2.1", 1002000, 1); /* no lines are kept any more */
	ck_assert_uint_eq(h.deliveries, 2);
	assert_told(&h, "incident.updated", "INC-1", 30);
	count_many(&h, "192.0.2.1", 1003000, 269);
	ck_assert_uint_eq(h.deliveries, 2);
	count_many(&h, "192.0.2.1", 1004000, 2);
	ck_assert_uint_eq(h.deliveries, 3);
	assert_told(&h, "incident.updated", "INC-1", 301);
	half_end(&h);
}
END_TEST

START_TEST(what_grows_with_new_lines_is_told_again)
{
	struct half h;

	half_begin(&h);
	count_many(&h, "192.0.2.1", 1000000, 3);
	count_many(&h, "192.0.2.1", 1001000, 27);
	ck_assert_uint_eq(h.deliveries, 2);
	assert_told(&h, "incident.updated", "INC-1", 30);
	half_end(&h);
}
END_TEST

START_TEST(what_somebody_is_at_is_not_told_again)
{
	struct half h;

	half_begin(&h);
	count_many(&h, "192.0.2.1", 1000000, 29);
	state_move(h.state, "INC-1", "ack", "me", "looking", half_answered, &h);
	half_settle(&h);
	ck_assert(h.answer_ok);
	ck_assert_uint_eq(h.deliveries, 2);
	count_many(&h, "192.0.2.1", 1002000, 1);
	ck_assert_uint_eq(h.deliveries, 2);
	half_end(&h);
}
END_TEST

START_TEST(just_outside_the_window_does_not)
{
	struct half h;

	half_begin(&h);
	half_count(&h, "192.0.2.1", 1000000);
	half_count(&h, "192.0.2.1", 1005000);
	half_count(&h, "192.0.2.1", 1010001);
	half_commit(&h);
	ck_assert_uint_eq(h.opened, 0);
	half_end(&h);
}
END_TEST

START_TEST(order_of_arrival_does_not_matter_within_the_window)
{
	struct half h;

	half_begin(&h);
	half_count(&h, "192.0.2.1", 1010000);
	half_commit(&h);
	half_count(&h, "192.0.2.1", 1000000);
	half_commit(&h);
	half_count(&h, "192.0.2.1", 1005000);
	half_commit(&h);
	ck_assert_uint_eq(h.opened, 1);
	half_end(&h);
}
END_TEST

START_TEST(a_storm_is_one_incident_and_few_messages)
{
	struct half h;
	const json_t *inc;

	half_begin(&h);
	for (int i = 0; i < 10000; i++) {
		half_count(&h, "192.0.2.1", 1000000 + i);
		if (i % 100 == 0)
			half_commit(&h);
	}
	half_commit(&h);
	ck_assert_uint_eq(json_array_size(half_list(&h)), 1);
	inc = json_array_get(h.answer, 0);
	ck_assert_int_eq(number(inc, "count"), 10000);
	ck_assert_uint_le(h.deliveries, 5);
	half_end(&h);
}
END_TEST

/* Hundreds open with one call; each has the lines that waited for it and its own. */
START_TEST(incidents_of_a_storm_have_all_their_lines)
{
	struct half h;
	char ip[32], id[32];

	half_begin(&h);
	for (int i = 0; i < 600; i++) {
		snprintf(ip, sizeof(ip), "192.0.%d.%d", i / 250, i % 250);
		for (int k = i % 3; k > 0; k--)
			half_count(&h, ip, 1000000);
	}
	half_commit(&h);
	for (int i = 0; i < 600; i++) {
		snprintf(ip, sizeof(ip), "192.0.%d.%d", i / 250, i % 250);
		for (int k = 3 - i % 3; k > 0; k--)
			half_count(&h, ip, 1001000);
	}
	half_commit(&h);
	ck_assert_uint_eq(h.opened, 600);
	for (int i = 0; i < 600; i += 101) {
		/* The order of opening is that of the first events in the second commit. */
		const json_t *inc, *samples;

		snprintf(id, sizeof(id), "INC-%d", i + 1);
		snprintf(ip, sizeof(ip), "192.0.%d.%d", i / 250, i % 250);
		inc = half_show(&h, id);
		samples = json_object_get(inc, "samples");
		ck_assert_str_eq(string(json_object_get(inc, "key"), "source.ip"), ip);
		ck_assert_int_eq(number(inc, "count"), 3);
		ck_assert_uint_eq(json_array_size(samples), 3);
		ck_assert_str_eq(string(json_array_get(samples, 0), "time"),
		    i % 3 > 0 ? "1970-01-01T00:16:40.000Z" : "1970-01-01T00:16:41.000Z");
		ck_assert_str_eq(string(json_array_get(samples, 2), "time"), "1970-01-01T00:16:41.000Z");
	}
	half_end(&h);
}
END_TEST

/* However many events one commit has, up to as many lines as an incident keeps. */
START_TEST(each_event_of_a_commit_has_its_line)
{
	struct half h;

	half_begin(&h);
	for (int i = 0; i < _i; i++)
		half_count(&h, "192.0.2.1", 1000000 + i);
	half_commit(&h);
	ck_assert_uint_eq(h.opened, 1);
	ck_assert_uint_eq(
	    json_array_size(json_object_get(half_show(&h, "INC-1"), "samples")), (size_t)_i);
	half_end(&h);
}
END_TEST

START_TEST(groups_beyond_the_cap_go_and_are_counted)
{
	struct half h;
	char ip[32];
	const json_t *day;

	half_begin(&h);
	for (int i = 0; i < 200; i++) {
		snprintf(ip, sizeof(ip), "192.0.2.%d", i);
		half_count(&h, ip, 1000000);
		if (i % 20 == 0)
			half_commit(&h);
	}
	half_commit(&h);
	state_rule(h.state, "t-few", rule_of(&h, "t-few"), 1, 1, half_answered, &h);
	half_settle(&h);
	ck_assert(h.answer_ok);
	ck_assert_int_eq(number(h.answer, "groups"), 50);
	day = json_object_iter_value(json_object_iter(json_object_get(h.answer, "days")));
	ck_assert_int_eq(number(day, "counted"), 200);
	ck_assert_int_eq(number(day, "evicted"), 150);
	half_end(&h);
}
END_TEST

START_TEST(moves_are_checked_and_remembered)
{
	struct half h;

	half_begin(&h);
	for (int i = 0; i < 3; i++)
		half_count(&h, "192.0.2.1", 1000000 + i);
	half_commit(&h);
	state_move(h.state, "INC-1", "ack", "alice", "on it \"now\"", half_answered, &h);
	half_settle(&h);
	ck_assert(h.answer_ok);
	ck_assert_str_eq(string(json_object_get(h.answer, "incident"), "state"), "acknowledged");
	ck_assert_ptr_nonnull(strstr(h.delivery.message, "\"by\":\"alice\""));
	state_move(h.state, "INC-1", "ack", "bob", "me too", half_answered, &h);
	half_settle(&h);
	ck_assert(!h.answer_ok);
	ck_assert_str_eq(json_string_value(h.answer), "INC-1 is acknowledged already");
	state_move(h.state, "INC-9", "close", "bob", "x", half_answered, &h);
	half_settle(&h);
	ck_assert_str_eq(json_string_value(h.answer), "there is no incident INC-9");

	/* Closed: the next burst is a new incident. */
	state_move(h.state, "INC-1", "close", "alice", "blocked", half_answered, &h);
	half_count(&h, "192.0.2.1", 1000010);
	half_commit(&h);
	ck_assert_uint_eq(h.opened, 1);
	half_count(&h, "192.0.2.1", 1000011);
	half_count(&h, "192.0.2.1", 1000012);
	half_commit(&h);
	ck_assert_uint_eq(h.opened, 2);
	half_end(&h);
}
END_TEST

/* ---- cuts ------------------------------------------------------------------ */

#define EVENTS 400

struct stream_of_events {
	const char *ip[EVENTS];
	int64_t time[EVENTS];
};

static void
make_stream(struct stream_of_events *s, unsigned seed)
{
	static const char *const ips[] = {"192.0.2.1", "192.0.2.2", "2001:db8::3"};
	int64_t now = 1000000;

	srandom(seed);
	for (int i = 0; i < EVENTS; i++) {
		long kind = random() % 40;

		now += kind == 0 ? 70000 : random() % 6000; /* now and then longer than rearm */
		s->ip[i] = ips[random() % 3];
		s->time[i] = now - (kind < 8 ? random() % 15000 : 0); /* some arrive late */
	}
}

/* What the stream becomes when cut at random; ${cut} 1 commits each event alone. */
static json_t *
outcome_of(const struct stream_of_events *s, unsigned cut)
{
	struct half h;
	json_t *out, *inc;
	size_t i;

	half_begin(&h);
	for (int k = 0; k < EVENTS; k++) {
		half_count(&h, s->ip[k], s->time[k]);
		if ((unsigned)random() % cut == 0)
			half_commit(&h);
	}
	half_commit(&h);
	out = json_deep_copy(half_list(&h));
	json_array_foreach(out, i, inc)
	{
		/* when it was opened is the clock's; numbers depend on the order of
		 * openings within a commit */
		json_object_del(inc, "opened");
		json_object_del(inc, "id");
		json_object_del(inc, "number");
	}
	half_end(&h);
	return out;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The incidents as one text, in an order that is theirs alone. */
static char *
canonical(json_t *list_)
{
	size_t n = json_array_size(list_);
	char **lines = xcalloc(n + 1, sizeof(*lines));
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		lines[i] = json_dumps(json_array_get(list_, i), JSON_SORT_KEYS);
	qsort(lines, n, sizeof(*lines), by_text);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&out, "%s\n", lines[i]);
		free(lines[i]);
	}
	free(lines);
	json_decref(list_);
	return buf_steal(&out);
}

/* ${a} from the line on where it differs from ${b}. */
static const char *
differing(const char *a, const char *b)
{
	const char *start = a;

	for (; *a != '\0' && *a == *b; a++, b++)
		if (*a == '\n')
			start = a + 1;
	return start;
}

START_TEST(cuts_do_not_matter)
{
	struct stream_of_events s;
	char *one, *many;

	make_stream(&s, (unsigned)_i);
	one = canonical(outcome_of(&s, 1));
	ck_assert_uint_gt(strlen(one), 0);
	for (unsigned cut = 3; cut <= 1000; cut *= 18) {
		many = canonical(outcome_of(&s, cut));
		ck_assert_msg(strcmp(one, many) == 0, "%.800s\n --- cut %u:\n%.800s",
		    differing(one, many), cut, differing(many, one));
		free(many);
	}
	free(one);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("state");
	TCase *tc = tcase_create("state");

	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, three_in_ten_seconds_open_an_incident);
	tcase_add_test(tc, ten_times_as_many_events_are_told_again);
	tcase_add_test(tc, what_grows_with_new_lines_is_told_again);
	tcase_add_test(tc, what_somebody_is_at_is_not_told_again);
	tcase_add_test(tc, just_outside_the_window_does_not);
	tcase_add_test(tc, order_of_arrival_does_not_matter_within_the_window);
	tcase_add_test(tc, a_storm_is_one_incident_and_few_messages);
	tcase_add_test(tc, incidents_of_a_storm_have_all_their_lines);
	tcase_add_loop_test(tc, each_event_of_a_commit_has_its_line, 3, 11);
	tcase_add_test(tc, groups_beyond_the_cap_go_and_are_counted);
	tcase_add_test(tc, moves_are_checked_and_remembered);
	tcase_add_loop_test(tc, cuts_do_not_matter, 0, 6);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
