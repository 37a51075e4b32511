/*
 * check_state: correlation and state with a real redis-server: what a stream of
 * events becomes does not depend on how it is cut into commits, positions move
 * with their effects, and losing Redis loses nothing.
 */
#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "correlate/correlate.h"
#include "ev/ev.h"
#include "rig.h"
#include "rule/ruleset.h"
#include "state/state.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define WAIT 10000

static const char rules_text[] =
    "events:\n"
    "  - id: t.fail\n"
    "    title: failed\n"
    "    class: test\n"
    "    severity: low\n"
    "    match: ['^fail (?<source_ip>\\S+)']\n"
    "incidents:\n"
    "  - id: t-guessing\n"
    "    title: 'guessing from {source_ip}'\n"
    "    on: [t.fail]\n"
    "    by: [source_ip]\n"
    "    count: 3\n"
    "    within: 10s\n"
    "    rearm: 60s\n"
    "    severity: medium\n"
    "    criteria: three in ten seconds\n"
    "  - id: t-few\n"
    "    title: 'much from {source_ip}'\n"
    "    on: [t.fail]\n"
    "    by: [source_ip]\n"
    "    count: 10000\n"
    "    within: 1s\n"
    "    groups: 50\n"
    "    severity: medium\n"
    "    criteria: ten thousand in a second\n";

/* A daemon's state half: correlator and state, and what state told. */
struct half {
	struct ev *ev;
	struct ruleset *rules;
	struct correlator *correlator;
	struct state_conf conf;
	struct state *state;
	char *dir;
	bool ready;
	unsigned readies, losses, committed, opened;
	size_t npositions; /* of the last ready */
	bool done;
	uint64_t offset;   /* of the first of them */
	struct delivery delivery; /* the last */
	unsigned deliveries;
	json_t *answer;
	bool answer_ok;
};

static void
got_ready(void *ctx, const struct position *positions, size_t n)
{
	struct half *h = ctx;

	h->ready = true;
	h->readies++;
	h->npositions = n;
	h->offset = n > 0 ? positions[0].offset : 0;
	h->done = n > 0 && positions[0].done;
}

static void
clear_delivery(struct half *h)
{
	free(h->delivery.id);
	free(h->delivery.channel);
	free(h->delivery.incident);
	free(h->delivery.message);
	h->delivery = (struct delivery){0};
}

static void
got_delivery(void *ctx, struct delivery *d)
{
	struct half *h = ctx;

	clear_delivery(h);
	h->delivery = *d;
	*d = (struct delivery){0};
	h->deliveries++;
}

static void
got_committed(void *ctx, const struct batch *b, size_t n)
{
	struct half *h = ctx;

	(void)b;
	h->committed++;
	h->opened += (unsigned)n;
}

static void
got_lost(void *ctx, const char *reason)
{
	struct half *h = ctx;

	(void)reason;
	h->ready = false;
	h->losses++;
}

static void
got_relayed(void *ctx, struct sv json)
{
	(void)ctx;
	(void)json;
}

static const struct state_cb callbacks = {.relayed = got_relayed,
    .ready = got_ready,
    .delivery = got_delivery,
    .committed = got_committed,
    .lost = got_lost};

static const struct state_channel channels[] = {{"ops", SEVERITY_LOW}, {"boss", SEVERITY_HIGH}};

static bool
is_ready(void *ctx)
{
	return ((struct half *)ctx)->ready;
}

static bool
is_idle(void *ctx)
{
	return state_is_idle(((struct half *)ctx)->state) &&
	    state_inflight(((struct half *)ctx)->state) == 0;
}

static bool
has_lost(void *ctx)
{
	return ((struct half *)ctx)->losses > 0;
}

static void
half_open(struct half *h, char *dir)
{
	*h = (struct half){.ev = ev_new(),
	    .rules = rig_rules(rules_text),
	    .correlator = correlator_new(),
	    .dir = dir,
	    .conf = {.node = "web-1", .dir = dir, .durable = true, .channels = channels, .nchannels = 2}};
	h->state = state_open(h->ev, &h->conf, correlator_cache(h->correlator),
	    correlator_ahead(h->correlator), &callbacks, h);
	ck_assert_ptr_nonnull(h->state);
	rig_turn_until(h->ev, is_ready, h, WAIT);
}

static void
half_close(struct half *h)
{
	state_free(&h->state);
	correlator_free(&h->correlator);
	ruleset_unref(&h->rules);
	ev_free(&h->ev);
	clear_delivery(h);
	json_decref(h->answer);
}

/* Count one failed login from ${ip} at ${time}. */
static void
count(struct half *h, const char *ip, int64_t time)
{
	static const struct stream stream = {.id = "1:2:3:4", .source = "test", .path = "/var/log/test.log"};
	char text[64];
	struct line line = {.stream = &stream, .offset = 7};
	struct record record = {.line = &line, .time = time};
	struct event e = {.rule = ruleset_find_event(h->rules, "t.fail"), .record = &record, .nfields = 1};

	snprintf(text, sizeof(text), "fail %s", ip);
	line.text = sv_str(text);
	e.fields[0] = (struct field){"source.ip", sv_str(ip)};
	correlate_event(h->correlator, h->rules, &e);
}

static void
commit(struct half *h)
{
	if (correlate_pending(h->correlator, false))
		state_commit(h->state, correlate_take(h->correlator));
	rig_turn_until(h->ev, is_idle, h, WAIT);
}

static void
answered(void *ctx, bool ok, struct sv answer)
{
	struct half *h = ctx;

	json_decref(h->answer);
	h->answer_ok = ok;
	h->answer = ok ? json_loadb(answer.p, answer.n, 0, NULL) : json_stringn(answer.p, answer.n);
}

static const json_t *
list(struct half *h)
{
	state_list(h->state, true, 1000000, answered, h);
	rig_turn_until(h->ev, is_idle, h, WAIT);
	ck_assert(h->answer_ok);
	return h->answer;
}

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

/* The incident ${id} whole. */
static const json_t *
show(struct half *h, const char *id)
{
	state_show(h->state, id, answered, h);
	rig_turn_until(h->ev, is_idle, h, WAIT);
	ck_assert(h->answer_ok);
	return json_object_get(h->answer, "incident");
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
	char *dir = rig_dir();
	const json_t *inc;

	half_open(&h, dir);
	count(&h, "192.0.2.1", 1000000);
	count(&h, "192.0.2.1", 1005000);
	count(&h, "192.0.2.2", 1005000);
	commit(&h);
	ck_assert_uint_eq(h.opened, 0);
	count(&h, "192.0.2.1", 1010000);
	commit(&h);
	ck_assert_uint_eq(h.opened, 1);
	inc = json_array_get(list(&h), 0);
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
	half_close(&h);
	rig_remove(&dir);
}
END_TEST

START_TEST(just_outside_the_window_does_not)
{
	struct half h;
	char *dir = rig_dir();

	half_open(&h, dir);
	count(&h, "192.0.2.1", 1000000);
	count(&h, "192.0.2.1", 1005000);
	count(&h, "192.0.2.1", 1010001);
	commit(&h);
	ck_assert_uint_eq(h.opened, 0);
	half_close(&h);
	rig_remove(&dir);
}
END_TEST

START_TEST(order_of_arrival_does_not_matter_within_the_window)
{
	struct half h;
	char *dir = rig_dir();

	half_open(&h, dir);
	count(&h, "192.0.2.1", 1010000);
	commit(&h);
	count(&h, "192.0.2.1", 1000000);
	commit(&h);
	count(&h, "192.0.2.1", 1005000);
	commit(&h);
	ck_assert_uint_eq(h.opened, 1);
	half_close(&h);
	rig_remove(&dir);
}
END_TEST

START_TEST(a_storm_is_one_incident_and_few_messages)
{
	struct half h;
	char *dir = rig_dir();
	const json_t *inc;

	half_open(&h, dir);
	for (int i = 0; i < 10000; i++) {
		count(&h, "192.0.2.1", 1000000 + i);
		if (i % 100 == 0)
			commit(&h);
	}
	commit(&h);
	ck_assert_uint_eq(json_array_size(list(&h)), 1);
	inc = json_array_get(h.answer, 0);
	ck_assert_int_eq(number(inc, "count"), 10000);
	ck_assert_uint_le(h.deliveries, 5);
	half_close(&h);
	rig_remove(&dir);
}
END_TEST

/* Hundreds open with one call; each has the lines that waited for it and its own. */
START_TEST(incidents_of_a_storm_have_all_their_lines)
{
	struct half h;
	char *dir = rig_dir(), ip[32], id[32];

	half_open(&h, dir);
	for (int i = 0; i < 600; i++) {
		snprintf(ip, sizeof(ip), "192.0.%d.%d", i / 250, i % 250);
		for (int k = i % 3; k > 0; k--)
			count(&h, ip, 1000000);
	}
	commit(&h);
	for (int i = 0; i < 600; i++) {
		snprintf(ip, sizeof(ip), "192.0.%d.%d", i / 250, i % 250);
		for (int k = 3 - i % 3; k > 0; k--)
			count(&h, ip, 1001000);
	}
	commit(&h);
	ck_assert_uint_eq(h.opened, 600);
	for (int i = 0; i < 600; i += 101) {
		/* The order of opening is that of the first events in the second commit. */
		const json_t *inc, *samples;

		snprintf(id, sizeof(id), "INC-%d", i + 1);
		snprintf(ip, sizeof(ip), "192.0.%d.%d", i / 250, i % 250);
		inc = show(&h, id);
		samples = json_object_get(inc, "samples");
		ck_assert_str_eq(string(json_object_get(inc, "key"), "source.ip"), ip);
		ck_assert_int_eq(number(inc, "count"), 3);
		ck_assert_uint_eq(json_array_size(samples), 3);
		ck_assert_str_eq(string(json_array_get(samples, 0), "time"),
		    i % 3 > 0 ? "1970-01-01T00:16:40.000Z" : "1970-01-01T00:16:41.000Z");
		ck_assert_str_eq(string(json_array_get(samples, 2), "time"), "1970-01-01T00:16:41.000Z");
	}
	half_close(&h);
	rig_remove(&dir);
}
END_TEST

START_TEST(groups_beyond_the_cap_go_and_are_counted)
{
	struct half h;
	char *dir = rig_dir(), ip[32];
	const json_t *day;

	half_open(&h, dir);
	for (int i = 0; i < 200; i++) {
		snprintf(ip, sizeof(ip), "192.0.2.%d", i);
		count(&h, ip, 1000000);
		if (i % 20 == 0)
			commit(&h);
	}
	commit(&h);
	state_rule(h.state, "t-few", rule_of(&h, "t-few"), 1, 1, answered, &h);
	rig_turn_until(h.ev, is_idle, &h, WAIT);
	ck_assert(h.answer_ok);
	ck_assert_int_eq(number(h.answer, "groups"), 50);
	day = json_object_iter_value(json_object_iter(json_object_get(h.answer, "days")));
	ck_assert_int_eq(number(day, "counted"), 200);
	ck_assert_int_eq(number(day, "evicted"), 150);
	half_close(&h);
	rig_remove(&dir);
}
END_TEST

START_TEST(moves_are_checked_and_remembered)
{
	struct half h;
	char *dir = rig_dir();

	half_open(&h, dir);
	for (int i = 0; i < 3; i++)
		count(&h, "192.0.2.1", 1000000 + i);
	commit(&h);
	state_move(h.state, "INC-1", "ack", "alice", "on it \"now\"", answered, &h);
	rig_turn_until(h.ev, is_idle, &h, WAIT);
	ck_assert(h.answer_ok);
	ck_assert_str_eq(string(json_object_get(h.answer, "incident"), "state"), "acknowledged");
	ck_assert_ptr_nonnull(strstr(h.delivery.message, "\"by\":\"alice\""));
	state_move(h.state, "INC-1", "ack", "bob", "me too", answered, &h);
	rig_turn_until(h.ev, is_idle, &h, WAIT);
	ck_assert(!h.answer_ok);
	ck_assert_str_eq(json_string_value(h.answer), "INC-1 is acknowledged already");
	state_move(h.state, "INC-9", "close", "bob", "x", answered, &h);
	rig_turn_until(h.ev, is_idle, &h, WAIT);
	ck_assert_str_eq(json_string_value(h.answer), "there is no incident INC-9");

	/* Closed: the next burst is a new incident. */
	state_move(h.state, "INC-1", "close", "alice", "blocked", answered, &h);
	count(&h, "192.0.2.1", 1000010);
	commit(&h);
	ck_assert_uint_eq(h.opened, 1);
	count(&h, "192.0.2.1", 1000011);
	count(&h, "192.0.2.1", 1000012);
	commit(&h);
	ck_assert_uint_eq(h.opened, 2);
	half_close(&h);
	rig_remove(&dir);
}
END_TEST

START_TEST(positions_move_with_their_effects_and_survive)
{
	struct half h;
	char *dir = rig_dir();
	struct position pos = {.stream = "1:2:3:4", .path = "/var/log/a b.log", .offset = 4242};

	half_open(&h, dir);
	ck_assert_uint_eq(h.npositions, 0);
	correlate_position(h.correlator, &pos);
	commit(&h);
	half_close(&h);

	half_open(&h, dir);
	ck_assert_uint_eq(h.npositions, 1);
	ck_assert_uint_eq(h.offset, 4242);
	pos.done = true;
	correlate_position(h.correlator, &pos);
	commit(&h);
	half_close(&h);

	/* It was read to its end: that is still known. */
	half_open(&h, dir);
	ck_assert_uint_eq(h.npositions, 1);
	ck_assert(h.done);
	ck_assert_uint_eq(h.offset, 4242);
	half_close(&h);
	rig_remove(&dir);
}
END_TEST

START_TEST(a_second_daemon_of_the_same_name_is_fenced_off)
{
	struct half a, b;
	char *dir = rig_dir();

	half_open(&a, dir);
	half_open(&b, dir); /* attaches to the same server: the lock is held */
	count(&b, "192.0.2.1", 1000000);
	commit(&b);
	count(&a, "192.0.2.1", 1000000);
	state_commit(a.state, correlate_take(a.correlator));
	rig_turn_until(a.ev, has_lost, &a, WAIT);
	ck_assert_uint_eq(state_stats(a.state)->refused, 1);
	ck_assert_uint_eq(a.committed, 0);
	half_close(&b);
	half_close(&a);
	rig_remove(&dir);
}
END_TEST

/* The pid in the private server's own words. */
static pid_t
server_pid(const struct half *h)
{
	char path[4200], line[128];
	FILE *f;
	long pid = 0;

	snprintf(path, sizeof(path), "fuser %s/redis/redis.log 2>/dev/null", h->dir);
	f = popen(path, "re");
	if (f != NULL && fgets(line, sizeof(line), f) != NULL)
		pid = strtol(line, NULL, 10);
	if (f != NULL)
		pclose(f);
	return (pid_t)pid;
}

START_TEST(an_outbox_entry_stays_until_delivered)
{
	struct half h;
	char *dir = rig_dir(), *id;
	struct outcome failed = {.due = 1234, .text = "connection refused"};
	struct outcome done = {.delivered = true, .text = "200"};

	half_open(&h, dir);
	for (int i = 0; i < 3; i++)
		count(&h, "192.0.2.1", 1000000 + i);
	commit(&h);
	id = xstrdup(h.delivery.id);
	h.delivery.attempts = 1;
	state_delivered(h.state, &h.delivery, &failed);
	list(&h); /* the answer comes after it */
	half_close(&h);

	half_open(&h, dir);
	list(&h);
	ck_assert_uint_eq(h.deliveries, 1);
	ck_assert_str_eq(h.delivery.id, id);
	ck_assert_int_eq(h.delivery.attempts, 1);
	ck_assert_int_eq(h.delivery.due, 1234);
	state_delivered(h.state, &h.delivery, &done);
	list(&h);
	half_close(&h);

	half_open(&h, dir);
	list(&h);
	ck_assert_uint_eq(h.deliveries, 0);
	half_close(&h);
	free(id);
	rig_remove(&dir);
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
	char *dir = rig_dir();
	json_t *out, *inc;
	size_t i;

	half_open(&h, dir);
	for (int k = 0; k < EVENTS; k++) {
		count(&h, s->ip[k], s->time[k]);
		if ((unsigned)random() % cut == 0)
			commit(&h);
	}
	commit(&h);
	out = json_deep_copy(list(&h));
	json_array_foreach(out, i, inc)
	{
		/* when it was opened is the clock's; numbers depend on the order of
		 * openings within a commit */
		json_object_del(inc, "opened");
		json_object_del(inc, "id");
		json_object_del(inc, "number");
	}
	half_close(&h);
	rig_remove(&dir);
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
		ck_assert_msg(strcmp(one, many) == 0, "%.800s\n --- cut %u:\n%.800s", differing(one, many), cut, differing(many, one));
		free(many);
	}
	free(one);
}
END_TEST

START_TEST(a_killed_server_comes_back_with_what_was_committed)
{
	struct half h;
	char *dir = rig_dir();
	pid_t pid;

	half_open(&h, dir);
	count(&h, "192.0.2.1", 1000000);
	count(&h, "192.0.2.1", 1000001);
	commit(&h);
	pid = server_pid(&h);
	if (pid <= 0) {
		half_close(&h);
		rig_remove(&dir);
		return; /* no fuser here */
	}
	kill(pid, SIGKILL);
	rig_turn_until(h.ev, has_lost, &h, WAIT);
	rig_turn_until(h.ev, is_ready, &h, WAIT);
	count(&h, "192.0.2.1", 1000002);
	commit(&h);
	ck_assert_uint_eq(h.opened, 1);
	half_close(&h);
	rig_remove(&dir);
}
END_TEST

START_TEST(a_damaged_file_is_mended_from_what_is_whole)
{
	static const char junk[4096];
	struct half h;
	char *dir = rig_dir(), *path;
	FILE *f;

	half_open(&h, dir);
	count(&h, "192.0.2.1", 1000000);
	count(&h, "192.0.2.1", 1000001);
	commit(&h);
	half_close(&h);
	path = xasprintf("%s/redis/appendonlydir/appendonly.aof.1.incr.aof", dir);
	f = fopen(path, "ae");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(junk, 1, sizeof(junk), f), sizeof(junk));
	fclose(f);
	half_open(&h, dir);
	count(&h, "192.0.2.1", 1000002);
	commit(&h);
	ck_assert_uint_eq(h.opened, 1);
	half_close(&h);
	free(path);
	rig_remove(&dir);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("state");
	TCase *tc = tcase_create("state");
	SRunner *runner;
	int failed;

	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, three_in_ten_seconds_open_an_incident);
	tcase_add_test(tc, just_outside_the_window_does_not);
	tcase_add_test(tc, order_of_arrival_does_not_matter_within_the_window);
	tcase_add_test(tc, a_storm_is_one_incident_and_few_messages);
	tcase_add_test(tc, incidents_of_a_storm_have_all_their_lines);
	tcase_add_test(tc, groups_beyond_the_cap_go_and_are_counted);
	tcase_add_test(tc, moves_are_checked_and_remembered);
	tcase_add_test(tc, positions_move_with_their_effects_and_survive);
	tcase_add_test(tc, a_second_daemon_of_the_same_name_is_fenced_off);
	tcase_add_test(tc, an_outbox_entry_stays_until_delivered);
	tcase_add_test(tc, a_killed_server_comes_back_with_what_was_committed);
	tcase_add_test(tc, a_damaged_file_is_mended_from_what_is_whole);
	tcase_add_loop_test(tc, cuts_do_not_matter, 0, 6);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
