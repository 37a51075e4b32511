/*
 * check_notify: the parts of notify that need no network: order and due times,
 * retry decisions, signatures, what a message looks like.
 */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "notify/notify.h"
#include "notify/notify_internal.h"
#include "rig.h"
#include "util/buf.h"
#include "util/xalloc.h"

#define SECOND ((int64_t)1000)
#define HOUR (3600 * SECOND)
#define NOW (1760000000 * SECOND)

/* --- queue --- */

static void
add(struct notify_queue *q, const char *incident, int64_t seq, int64_t due)
{
	struct delivery d = {.seq = seq, .due = due};

	d.id = xasprintf("%s_%d", incident, (int)seq);
	d.channel = xstrdup("ops");
	d.incident = xstrdup(incident);
	d.message = xstrdup("{}");
	notify_queue_add(q, &d);
	ck_assert_ptr_null(d.id);
}

static struct notify_job *
take(struct notify_queue *q, int64_t now, const char *id)
{
	struct notify_job *job = notify_queue_take(q, now);

	if (id == NULL) {
		ck_assert_ptr_null(job);
		return NULL;
	}
	ck_assert_ptr_nonnull(job);
	ck_assert_str_eq(notify_queue_delivery(job)->id, id);
	return job;
}

static void
finish(struct notify_queue *q, struct notify_job *job)
{
	struct delivery d;

	notify_queue_remove(q, job, &d);
	notify_queue_discard(&d);
}

START_TEST(queue_keeps_order_within_an_incident)
{
	struct notify_queue *q = notify_queue_new();
	struct notify_job *job;

	add(q, "INC-1", 2, 0);
	add(q, "INC-1", 1, 0);
	add(q, "INC-1", 3, 0);
	job = take(q, 0, "INC-1_1");
	take(q, 0, NULL);
	notify_queue_put(q, job, 100);
	take(q, 99, NULL); /* 2 and 3 are due, but 1 is not through */
	finish(q, take(q, 100, "INC-1_1"));
	finish(q, take(q, 100, "INC-1_2"));
	finish(q, take(q, 100, "INC-1_3"));
	take(q, 100, NULL);
	ck_assert_int_eq(notify_queue_due(q), INT64_MAX);
	notify_queue_free(&q);
}
END_TEST

START_TEST(queue_earlier_one_that_comes_late_goes_first)
{
	struct notify_queue *q = notify_queue_new();
	struct notify_job *job;

	add(q, "INC-1", 2, 0);
	job = take(q, 0, "INC-1_2");
	add(q, "INC-1", 1, 0); /* 2 is being sent: too late to go before it */
	take(q, 0, NULL);
	notify_queue_put(q, job, 50);
	finish(q, take(q, 0, "INC-1_1"));
	finish(q, take(q, 50, "INC-1_2"));
	add(q, "INC-2", 2, 500);
	add(q, "INC-2", 1, 10);
	ck_assert_int_eq(notify_queue_due(q), 10);
	notify_queue_free(&q);
}
END_TEST

START_TEST(queue_incidents_do_not_wait_for_each_other)
{
	struct notify_queue *q = notify_queue_new();

	add(q, "INC-1", 1, 5000);
	add(q, "INC-2", 1, 0);
	ck_assert_uint_eq(notify_queue_ready(q, 0), 1);
	finish(q, take(q, 0, "INC-2_1"));
	take(q, 0, NULL);
	ck_assert_int_eq(notify_queue_due(q), 5000);
	notify_queue_free(&q);
}
END_TEST

START_TEST(queue_drops_duplicates)
{
	struct notify_queue *q = notify_queue_new();
	struct notify_job *job;

	add(q, "INC-1", 1, 0);
	add(q, "INC-1", 1, 0);
	job = take(q, 0, "INC-1_1");
	add(q, "INC-1", 1, 0); /* also while it is being sent */
	finish(q, job);
	take(q, 0, NULL);
	notify_queue_free(&q);
}
END_TEST

/* Hundreds of lanes pushed, taken, put back and removed: always the one that is
 * due first. */
START_TEST(queue_gives_what_is_due_first)
{
	struct notify_queue *q = notify_queue_new();
	uint32_t x = 12345;
	int64_t last = -1;
	struct notify_job *job;
	char name[16];

	for (int i = 0; i < 500; i++) {
		x = x * 1103515245 + 12345;
		snprintf(name, sizeof(name), "INC-%d", i);
		add(q, name, 1, x >> 16);
	}
	for (int i = 0; i < 300; i++) {
		job = notify_queue_take(q, INT64_MAX);
		x = x * 1103515245 + 12345;
		notify_queue_put(q, job, 100000 + (x >> 16));
	}
	for (int i = 0; i < 500; i++) {
		job = notify_queue_take(q, INT64_MAX);
		ck_assert_ptr_nonnull(job);
		ck_assert_int_ge(notify_queue_delivery(job)->due, last);
		last = notify_queue_delivery(job)->due;
		finish(q, job);
	}
	take(q, INT64_MAX, NULL);
	notify_queue_free(&q);
}
END_TEST

/* --- retry --- */

static struct outcome
decide(int type, long status, bool complete, int64_t retry_after, int64_t attempts, int64_t age)
{
	struct notify_answer a = {
	    .complete = complete, .status = status, .retry_after = retry_after};
	struct delivery d = {.attempts = attempts, .created = NOW - age};
	struct outcome o;

	snprintf(a.text, sizeof(a.text), "excerpt");
	notify_retry_decide(&d, type, &a, NOW, &o);
	return o;
}

START_TEST(retry_verdicts)
{
	static const struct {
		int type;
		long status;
		bool complete;
		const char *verdict, *text;
	} cases[] = {
	    {CHANNEL_WEBHOOK, 200, true, "delivered", "HTTP 200"},
	    {CHANNEL_WEBHOOK, 204, true, "delivered", "HTTP 204"},
	    {CHANNEL_WEBHOOK, 200, false, "again", "HTTP 200: excerpt"},
	    {CHANNEL_WEBHOOK, 0, false, "again", "excerpt"},
	    {CHANNEL_WEBHOOK, 301, true, "again", "HTTP 301: redirects are not followed"},
	    {CHANNEL_WEBHOOK, 308, true, "again", "HTTP 308: redirects are not followed"},
	    {CHANNEL_WEBHOOK, 400, true, "again", "HTTP 400: excerpt"},
	    {CHANNEL_WEBHOOK, 401, true, "again", "HTTP 401: excerpt"},
	    {CHANNEL_WEBHOOK, 404, true, "again", "HTTP 404: excerpt"},
	    {CHANNEL_WEBHOOK, 410, true, "dead", "HTTP 410: excerpt; gone for good, given up"},
	    {CHANNEL_WEBHOOK, 429, true, "again", "HTTP 429: excerpt"},
	    {CHANNEL_WEBHOOK, 503, true, "again", "HTTP 503: excerpt"},
	    {CHANNEL_SLACK, 200, true, "delivered", "HTTP 200"},
	    {CHANNEL_SLACK, 204, true, "again", "HTTP 204: excerpt"},
	    {CHANNEL_SLACK, 404, true, "again", "HTTP 404: excerpt"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome o =
		    decide(cases[i].type, cases[i].status, cases[i].complete, 0, 1, 0);

		const char *verdict = o.delivered ? "delivered" : "again";

		ck_assert_str_eq(o.dead ? "dead" : verdict, cases[i].verdict);
		ck_assert_str_eq(o.text, cases[i].text);
		ck_assert_int_eq(o.status, cases[i].status);
		ck_assert_int_eq(o.due > NOW, strcmp(cases[i].verdict, "again") == 0);
	}
}
END_TEST

START_TEST(retry_schedule_has_jitter_of_a_fifth)
{
	static const int64_t seconds[] = {5, 15, 60, 300, 900, 1800, 3600, 3600, 3600};
	int64_t first = decide(CHANNEL_WEBHOOK, 500, true, 0, 7, 0).due;
	bool varies = false;

	for (int64_t n = 1; n <= 9; n++) {
		int64_t delay = seconds[n - 1] * SECOND;

		ck_assert_int_eq(notify_retry_delay(n), delay);
		for (int i = 0; i < 50; i++) {
			struct outcome o = decide(CHANNEL_WEBHOOK, 500, true, 0, n, 0);

			ck_assert_int_ge(o.due - NOW, delay - delay / 5);
			ck_assert_int_le(o.due - NOW, delay + delay / 5);
			varies |= n == 7 && o.due != first;
		}
	}
	ck_assert(varies);
}
END_TEST

START_TEST(retry_ends_after_three_days)
{
	struct notify_answer a = {.status = 500, .complete = true};
	struct delivery d = {.created = NOW};
	struct outcome o = {0};
	int64_t now = NOW;

	while (!o.dead) {
		d.attempts++;
		notify_retry_decide(&d, CHANNEL_WEBHOOK, &a, now, &o);
		if (!o.dead)
			now = o.due;
	}
	ck_assert_int_eq(now, NOW + 72 * HOUR); /* the last attempt, and not one later */
	ck_assert_int_gt(d.attempts, 60);
	ck_assert_int_lt(d.attempts, 110);
	ck_assert_str_eq(o.text, "HTTP 500; given up after 72 hours");
}
END_TEST

START_TEST(retry_survives_absurd_dates)
{
	struct notify_answer a = {.status = 500, .complete = true};
	struct delivery d = {.created = INT64_MAX, .attempts = 1};
	struct outcome o;

	notify_retry_decide(&d, CHANNEL_WEBHOOK, &a, NOW, &o);
	ck_assert(!o.dead && o.due < NOW + 10 * SECOND);
	d.created = INT64_MIN;
	notify_retry_decide(&d, CHANNEL_WEBHOOK, &a, NOW, &o);
	ck_assert(o.dead);
}
END_TEST

START_TEST(retry_after_is_honoured_within_reason)
{
	ck_assert_int_eq(
	    decide(CHANNEL_SLACK, 429, true, 120 * SECOND, 1, 0).due, NOW + 120 * SECOND);
	ck_assert_int_eq(decide(CHANNEL_SLACK, 503, true, 99 * HOUR, 1, 0).due, NOW + HOUR);
	/* a short one does not make us hurry, and a plain error has no say */
	ck_assert_int_ge(decide(CHANNEL_SLACK, 429, true, 1, 4, 0).due, NOW + 240 * SECOND);
	ck_assert_int_le(
	    decide(CHANNEL_SLACK, 500, true, 120 * SECOND, 1, 0).due, NOW + 6 * SECOND);
}
END_TEST

/* --- signatures --- */

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

/* The expected value was computed by Python's hmac module. */
START_TEST(sign_known_answer)
{
	struct buf key = BUF_INIT, out = BUF_INIT;

	ck_assert(notify_sign_key(&key, SECRET));
	ck_assert_uint_eq(key.n, 24);
	notify_sign(&out, buf_view(&key), "triaged_ab12_12_1_ops", 1760000000, SV("{\"n\":1}"));
	ck_assert_str_eq(buf_str(&out), "v1,iFO0J34CKtD3wjq5pAaumD5Ou4CLHsN2fHB3gDxmikI=");
	buf_free(&key);
	buf_free(&out);
}
END_TEST

START_TEST(sign_refuses_what_is_no_secret)
{
	static const char *const bad[] = {
	    "", "whsec_", "whsec", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_a", "whsec_????"};
	struct buf key = BUF_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!notify_sign_key(&key, bad[i]), "%s", bad[i]);
	ck_assert_uint_eq(key.n, 0);
	buf_free(&key);
}
END_TEST

START_TEST(sign_ids)
{
	ck_assert(notify_sign_id_ok("triaged_ab12_12_1_ops-chat"));
	ck_assert(!notify_sign_id_ok(""));
	ck_assert(!notify_sign_id_ok("a.b"));
	ck_assert(!notify_sign_id_ok("a\r\nEvil: yes"));
	ck_assert(!notify_sign_id_ok("a b"));
	ck_assert(!notify_sign_id_ok("\xc3\xa4"));
}
END_TEST

/* --- bodies --- */

/* A message as the state stores it, with ${text} (unescaped) in every place that
 * a stranger may write to. */
static char *
make_message(const char *type, const char *state, const char *text)
{
	json_t *s = json_string(text);
	json_t *root = json_pack(
	    "{s:s, s:s, s:{s:s, s:{s:s, s:i, s:O, s:s, s:s, s:s, s:s, s:s, s:O, s:s, s:{s:O, s:s},"
	    " s:i, s:s, s:s, s:s, s:[{s:s, s:i, s:O}, {s:s, s:i, s:O}, {s:s, s:i, s:O}]}}}",
	    "type", type, "timestamp", "2026-01-31T23:59:59.123Z", "data", "node", "web-1",
	    "incident", "id", "INC-12", "number", 12, "title", s, "severity", "medium", "state",
	    state, "rule", "ssh-password-guessing", "rule_file", "sshd.yaml", "rule_hash", "00ff",
	    "criteria", s, "playbook", "unauthorized-access", "key", "user.name", s, "source.ip",
	    "192.0.2.7", "count", 5, "first_event", "2026-01-31T23:50:00.000Z", "last_event",
	    "2026-01-31T23:59:58.000Z", "opened", "2026-01-31T23:59:59.000Z", "samples", "file",
	    "/var/log/auth.log", "offset", 0, "line", s, "file", "/var/log/auth.log", "offset", 1,
	    "line", s, "file", "/var/log/auth.log", "offset", 2, "line", s);
	char *out;

	ck_assert_ptr_nonnull(root);
	if (strcmp(state, "open") != 0)
		json_object_update_new(json_object_get(root, "data"),
		    json_pack("{s:s, s:O}", "by", "alice", "message", s));
	out = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	json_decref(s);
	return out;
}

static char *
render(int channel, const char *message)
{
	struct delivery d = {.message = xstrdup(message)};
	char *body = notify_render(channel, &d);

	free(d.message);
	return body;
}

/* The Slack body as text and as JSON. */
static json_t *
slack(const char *type, const char *state, const char *text, char **body)
{
	char *message = make_message(type, state, text);
	json_t *root;

	*body = render(CHANNEL_SLACK, message);
	ck_assert_ptr_nonnull(*body);
	root = json_loads(*body, 0, NULL);
	ck_assert_ptr_nonnull(root);
	free(message);
	return root;
}

static const char *
header_text(const json_t *root)
{
	const json_t *header = json_array_get(json_object_get(root, "blocks"), 0);

	return json_string_value(json_object_get(json_object_get(header, "text"), "text"));
}

START_TEST(body_webhook_is_the_message_byte_for_byte)
{
	static const char message[] =
	    "{ \"type\": \"incident.opened\",\t\"data\":{\"incident\":{\"id\":\"INC\\u002d1\","
	    "\"title\":\"<!channel> \\u202e\\u0000\"}}}\n";
	char *body = render(CHANNEL_WEBHOOK, message);

	ck_assert_pstr_eq(body, message);
	free(body);
	body = render(CHANNEL_SLACK, message); /* sparse, but not ours to refuse */
	ck_assert_ptr_nonnull(body);
	ck_assert_ptr_nonnull(strstr(body, "\\\\u{202e}\\\\x00"));
	free(body);
}
END_TEST

START_TEST(body_refuses_what_is_no_message)
{
	static const char *const bad[] = {"", "x", "[]", "{}", "{\"type\":\"incident.opened\"}",
	    "{\"type\":1,\"data\":{\"incident\":{\"id\":\"INC-1\"}}}",
	    "{\"type\":\"incident.opened\",\"data\":{\"incident\":{\"id\":1}}}",
	    "{\"type\":\"incident.opened\",\"data\":{\"incident\":{\"id\":\"\xff\"}}}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_ptr_null(render(CHANNEL_WEBHOOK, bad[i]));
		ck_assert_ptr_null(render(CHANNEL_SLACK, bad[i]));
	}
}
END_TEST

START_TEST(body_slack_says_what_a_responder_needs)
{
	static const char *const parts[] = {"*INC-12* opened on `web-1`",
	    "Criteria: guessing from 192.0.2.7", "*Events*\\n5", "source.ip `192.0.2.7`",
	    "`2026-01-31T23:50:00.000Z`", "`2026-01-31T23:59:58.000Z`",
	    "```guessing from 192.0.2.7\\nguessing", "`triagectl ack INC-12 -m ...`",
	    "Rule `ssh-password-guessing`, playbook `unauthorized-access`"};
	char *body;
	json_t *root = slack("incident.opened", "open", "guessing from 192.0.2.7", &body);

	ck_assert_str_eq(header_text(root), "\xf0\x9f\x9f\xa1 medium: guessing from 192.0.2.7");
	ck_assert_str_eq(json_string_value(json_object_get(root, "text")), header_text(root));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		ck_assert_msg(strstr(body, parts[i]) != NULL, "%s not in %s", parts[i], body);
	json_decref(root);
	free(body);
}
END_TEST

START_TEST(body_slack_tells_who_acted)
{
	char *body;
	json_t *root = slack("incident.acknowledged", "acknowledged", "on it", &body);

	ck_assert_str_eq(header_text(root), "\xf0\x9f\x9f\xa1 medium, acknowledged: on it");
	ck_assert_ptr_nonnull(strstr(body, "*INC-12* acknowledged on `web-1` by `alice`: on it"));
	ck_assert_ptr_nonnull(strstr(body, "`triagectl close INC-12 -m ...`"));
	ck_assert_ptr_null(strstr(body, "```"));
	json_decref(root);
	free(body);
	root = slack("incident.closed", "closed", "done", &body);
	ck_assert_ptr_nonnull(strstr(body, "*INC-12* closed on `web-1` by `alice`: done"));
	ck_assert_ptr_nonnull(strstr(body, "`triagectl show INC-12`"));
	json_decref(root);
	free(body);
}
END_TEST

START_TEST(body_slack_disarms_hostile_text)
{
	char *body;
	json_t *root = slack("incident.opened", "open",
	    "<!channel> <@U1> <https://evil.example|bank> & ``` `x` \x1b[31m\n> \xe2\x80\xae\xe2\x80\x8b",
	    &body);

	ck_assert_ptr_null(strpbrk(body, "<>"));
	ck_assert_ptr_nonnull(strstr(body,
	    "```&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|bank&gt; &amp; ''' 'x' "
	    "\\\\x1b[31m\\\\x0a&gt; \\\\u{202e}\\\\u{200b}\\n"));
	/* the fence of the samples is opened once and closed once */
	ck_assert_ptr_eq(strstr(strstr(strstr(body, "```") + 3, "```") + 3, "```"), NULL);
	ck_assert_ptr_null(strstr(body, "\\u00"));
	ck_assert_ptr_null(strstr(body, "\xe2\x80\xae"));
	ck_assert_ptr_null(strstr(body, "\xe2\x80\x8b"));
	ck_assert_ptr_null(strstr(body, "\"verbatim\":false"));
	json_decref(root);
	free(body);
}
END_TEST

/* One text of a block: within the limit, entities whole. */
static void
check_text(const json_t *text, size_t limit)
{
	const char *s = json_string_value(text);

	ck_assert_ptr_nonnull(s);
	ck_assert_uint_ge(strlen(s), 1); /* Slack refuses empty ones */
	ck_assert_uint_le(strlen(s), limit);
	for (const char *p = strchr(s, '&'); p != NULL; p = strchr(p + 1, '&')) {
		bool whole = strncmp(p, "&amp;", 5) == 0 || strncmp(p, "&lt;", 4) == 0 ||
		    strncmp(p, "&gt;", 4) == 0;

		ck_assert_msg(whole, "%s", p);
	}
}

static void
check_list(const json_t *list, size_t limit)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		check_text(json_object_get(json_array_get(list, i), "text"), limit);
}

static void
check_block(const json_t *block)
{
	const json_t *text = json_object_get(block, "text");
	bool is_header = strcmp(json_string_value(json_object_get(block, "type")), "header") == 0;

	if (text != NULL)
		check_text(json_object_get(text, "text"), is_header ? 150 : 3000);
	check_list(json_object_get(block, "fields"), 2000);
	check_list(json_object_get(block, "elements"), 2000);
}

START_TEST(body_slack_stays_under_the_limits)
{
	static const char *const units[] = {"x", "&", "<", "\"", "\\", "\t", "`", "\xc3\xa4",
	    "\xe2\x80\xae", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\xf3\xa0\x80\x81"};
	static const struct {
		const char *type, *state;
	} kinds[] = {{"incident.opened", "open"}, {"incident.closed", "closed"}};
	const char *unit = units[_i / 2];
	struct buf text = BUF_INIT;
	json_t *root;
	char *body;

	for (int i = 0; i < 20000; i++)
		buf_puts(&text, unit);
	root = slack(kinds[_i % 2].type, kinds[_i % 2].state, buf_str(&text), &body);
	ck_assert_uint_lt(strlen(body), 12000);
	check_text(json_object_get(root, "text"), 3000);
	for (size_t i = 0; i < json_array_size(json_object_get(root, "blocks")); i++)
		check_block(json_array_get(json_object_get(root, "blocks"), i));
	ck_assert_uint_gt(strlen(header_text(root)), 120); /* and makes use of them */
	ck_assert_str_eq(header_text(root) + strlen(header_text(root)) - 3, "\xe2\x80\xa6");
	json_decref(root);
	free(body);
	buf_free(&text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("notify");
	TCase *queue = tcase_create("queue");
	TCase *retry = tcase_create("retry");
	TCase *sign = tcase_create("sign");
	TCase *body = tcase_create("body");

	tcase_add_test(queue, queue_keeps_order_within_an_incident);
	tcase_add_test(queue, queue_earlier_one_that_comes_late_goes_first);
	tcase_add_test(queue, queue_incidents_do_not_wait_for_each_other);
	tcase_add_test(queue, queue_drops_duplicates);
	tcase_add_test(queue, queue_gives_what_is_due_first);
	suite_add_tcase(suite, queue);
	tcase_add_test(retry, retry_verdicts);
	tcase_add_test(retry, retry_schedule_has_jitter_of_a_fifth);
	tcase_add_test(retry, retry_ends_after_three_days);
	tcase_add_test(retry, retry_survives_absurd_dates);
	tcase_add_test(retry, retry_after_is_honoured_within_reason);
	suite_add_tcase(suite, retry);
	tcase_add_test(sign, sign_known_answer);
	tcase_add_test(sign, sign_refuses_what_is_no_secret);
	tcase_add_test(sign, sign_ids);
	suite_add_tcase(suite, sign);
	tcase_add_test(body, body_webhook_is_the_message_byte_for_byte);
	tcase_add_test(body, body_refuses_what_is_no_message);
	tcase_add_test(body, body_slack_says_what_a_responder_needs);
	tcase_add_test(body, body_slack_tells_who_acted);
	tcase_add_test(body, body_slack_disarms_hostile_text);
	tcase_add_loop_test(body, body_slack_stays_under_the_limits, 0, 24);
	suite_add_tcase(suite, body);
	return rig_run(suite);
}
