/*
 * check_positions: partitions that have examined streams up to different places: where
 * to go on, and what each of them has counted beyond that.
 */
#include <check.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/ahead.h"
#include "correlate/batch.h"
#include "state/state_internal.h"
#include "util/log.h"
#include "util/xalloc.h"

/* ---- ahead -------------------------------------------------------------------- */

START_TEST(what_stands_before_the_offset_is_counted)
{
	struct ahead *a = ahead_new();

	ck_assert(!ahead_any(a));
	ck_assert(!ahead_has(a, "log", 0, 0));
	ahead_add(a, "log", 0, 100, false);
	ahead_add(a, "log", 2, 50, false);
	ck_assert(ahead_any(a));
	ck_assert(ahead_has(a, "log", 0, 99));
	ck_assert(!ahead_has(a, "log", 0, 100));
	ck_assert(ahead_has(a, "log", 2, 49));
	ck_assert(!ahead_has(a, "log", 2, 50));
	ck_assert(!ahead_has(a, "log", 1, 0));
	ck_assert(!ahead_has(a, "other", 0, 0));
	ahead_free(&a);
	ck_assert_ptr_null(a);
	ahead_free(&a);
}
END_TEST

START_TEST(a_position_is_old_up_to_what_is_known)
{
	struct ahead *a = ahead_new();
	struct batch_position pos = {.stream = (char[]){"log"}, .offset = 100};

	ahead_add(a, "log", 0, 100, false);
	ahead_add(a, "log", 1, 100, true);
	/* At the very offset there is an end to learn of, or nothing new. */
	ck_assert(!ahead_knows(a, 0, &pos));
	pos.done = true;
	ck_assert(!ahead_knows(a, 0, &pos));
	ck_assert(ahead_knows(a, 1, &pos));
	pos.done = false;
	pos.offset = 99;
	ck_assert(ahead_knows(a, 0, &pos));
	ck_assert(ahead_knows(a, 1, &pos));
	ck_assert(!ahead_knows(a, 2, &pos));
	pos.offset = 101;
	pos.done = true;
	ck_assert(!ahead_knows(a, 1, &pos));
	ahead_free(&a);
}
END_TEST

START_TEST(an_incident_is_counted_where_it_was)
{
	struct ahead *a = ahead_new();

	ck_assert(!ahead_has_incident(a, 0, 7, 1000, 10));
	for (unsigned i = 0; i < 100; i++)
		ahead_add_incident(a, i % 3, 100 - i, 1000 * (int64_t)i);
	ahead_add_incident(a, 1, 7, 5000);
	ck_assert(ahead_has_incident(a, 1, 7, 5000, 0));
	ck_assert(!ahead_has_incident(a, 2, 7, 5000, 0));
	ck_assert(!ahead_has_incident(a, 1, 8, 5000, 0));
	/* 100 - 93 is 7, too: of partition 0. */
	ck_assert(ahead_has_incident(a, 0, 7, 93000, 0));
	ck_assert(!ahead_has_incident(a, 0, 7, 5000, 0));
	ck_assert(!ahead_any(a)); /* streams */
	ahead_clear(a);
	ck_assert(!ahead_has_incident(a, 1, 7, 5000, 0));
	ahead_free(&a);
}
END_TEST

/* Its events may come in another order when they are read again. */
START_TEST(an_incident_that_opened_nearby_is_the_same)
{
	struct ahead *a = ahead_new();

	ahead_add_incident(a, 1, 7, 5000);
	ck_assert(ahead_has_incident(a, 1, 7, 5099, 100));
	ck_assert(ahead_has_incident(a, 1, 7, 4901, 100));
	ck_assert(!ahead_has_incident(a, 1, 7, 5100, 100));
	ck_assert(!ahead_has_incident(a, 1, 7, 4900, 100));
	ahead_free(&a);
}
END_TEST

START_TEST(it_is_forgotten_when_all_have_passed)
{
	struct ahead *a = ahead_new();
	struct batch_position pos = {.stream = (char[]){"log"}, .offset = 60};

	ahead_add(a, "a log", 1, 10, false);
	ahead_add(a, "log", 0, 50, false);
	ahead_add(a, "log", 1, 100, false);
	ahead_passed(a, &pos);
	ahead_passed(a, &pos); /* each counts once */
	ck_assert(ahead_has(a, "log", 1, 99));
	pos.offset = 100;
	ahead_passed(a, &pos);
	ck_assert(ahead_any(a));
	/* A stream that ends before is passed, too: nothing more comes of it. */
	pos = (struct batch_position){.stream = (char[]){"a log"}, .offset = 5, .done = true};
	ahead_passed(a, &pos);
	ck_assert(!ahead_any(a));
	ck_assert(!ahead_has(a, "log", 1, 0));
	ahead_add(a, "log", 0, 7, false);
	ck_assert(ahead_has(a, "log", 0, 6));
	ahead_clear(a);
	ck_assert(!ahead_any(a));
	ahead_free(&a);
}
END_TEST

/* ---- positions ---------------------------------------------------------------- */

#define PARTITIONS 3

/* What the source would hear, as "STREAM OFFSET[ done]; ...". */
struct half {
	struct state state;
	struct buf heard;
};

static void
got_ready(void *ctx, const struct position *positions, size_t n)
{
	struct half *h = ctx;

	h->heard.n = 0;
	for (size_t i = 0; i < n; i++)
		buf_printf(&h->heard, "%s%s %llu%s", i > 0 ? "; " : "", positions[i].stream,
		    (unsigned long long)positions[i].offset, positions[i].done ? " done" : "");
}

static const struct state_cb callbacks = {.ready = got_ready};

static struct half *
half_new(void)
{
	struct half *h = xcalloc(1, sizeof(*h));

	log_open("check_positions", LOG_LEVEL_ERROR);
	h->state.cb = &callbacks;
	h->state.ctx = h;
	h->state.ahead = ahead_new();
	h->state.npartitions = PARTITIONS;
	h->state.partitions = xcalloc(PARTITIONS, sizeof(*h->state.partitions));
	return h;
}

static void
half_free(struct half *h)
{
	state_positions_forget(&h->state);
	ahead_free(&h->state.ahead);
	free(h->state.partitions);
	buf_free(&h->heard);
	free(h);
}

/* A list of texts as Redis sends it, from what is between bars: "a|b". */
static redisReply *
list_of(const char *texts)
{
	struct buf items = BUF_INIT, wire = BUF_INIT;
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;
	int n = 0;

	for (const char *at = texts; *at != '\0'; n++) {
		size_t len = strcspn(at, "|");

		buf_printf(&items, "$%zu\r\n%.*s\r\n", len, (int)len, at);
		at += len + (at[len] == '|');
	}
	buf_printf(&wire, "*%d\r\n%s", n, n == 0 ? "" : buf_str(&items));
	ck_assert_int_eq(redisReaderFeed(reader, wire.p, wire.n), REDIS_OK);
	ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
	ck_assert_ptr_nonnull(reply);
	redisReaderFree(reader);
	buf_free(&items);
	buf_free(&wire);
	return reply;
}

/* The partition has positions, ends, and where streams begin. */
static void
has(struct half *h, unsigned partition, const char *flat, const char *ended, const char *begun)
{
	redisReply *lists[] = {list_of(flat), list_of(ended), list_of(begun)};

	state_positions_add(&h->state, partition, lists[0], lists[1], lists[2]);
	for (size_t i = 0; i < 3; i++)
		freeReplyObject(lists[i]);
}

static void
check_heard(struct half *h, const char *expected)
{
	state_positions_hand(&h->state);
	ck_assert_str_eq(buf_str(&h->heard), expected);
}

#define AT(stream, offset) stream "|" offset " 00000000000000aa /var/log/a b.log"
#define END(stream, offset, more) \
	"{\"stream\":\"" stream "\",\"path\":\"/var/log/a\",\"examined\":" offset \
	",\"check\":\"00000000000000bb\"" more "}"

START_TEST(partitions_that_agree_go_on_there)
{
	struct half *h = half_new();

	for (unsigned i = 0; i < PARTITIONS; i++)
		has(h, i, AT("1:2", "100") "|" AT("3:4", "0"), "", "");
	check_heard(h, "1:2 100; 3:4 0");
	ck_assert(!ahead_any(h->state.ahead));
	half_free(h);
}
END_TEST

START_TEST(all_go_on_where_the_last_one_is)
{
	struct half *h = half_new();

	has(h, 0, AT("1:2", "100"), "", "");
	has(h, 1, AT("1:2", "40"), "", "");
	has(h, 2, AT("1:2", "70"), "", "");
	check_heard(h, "1:2 40");
	ck_assert(ahead_has(h->state.ahead, "1:2", 0, 99));
	ck_assert(!ahead_has(h->state.ahead, "1:2", 1, 40));
	ck_assert(ahead_has(h->state.ahead, "1:2", 2, 69));
	ck_assert(!ahead_has(h->state.ahead, "1:2", 2, 70));
	half_free(h);
}
END_TEST

START_TEST(an_end_that_one_has_not_heard_of_is_none)
{
	struct half *h = half_new();
	struct batch_position end = {.stream = (char[]){"1:2"}, .offset = 100, .done = true};

	has(h, 0, "", END("1:2", "100", ""), "");
	has(h, 1, AT("1:2", "100"), "", "");
	has(h, 2, "", END("1:2", "100", ""), "");
	check_heard(h, "1:2 100");
	ck_assert(ahead_knows(h->state.ahead, 0, &end));
	ck_assert(!ahead_knows(h->state.ahead, 1, &end));
	half_free(h);
}
END_TEST

START_TEST(ends_are_told_before_what_goes_on)
{
	struct half *h = half_new();

	for (unsigned i = 0; i < PARTITIONS; i++)
		has(h, i, AT("0:1", "7"), END("9:9", "10", "") "|" END("1:2", "100", ""), "");
	check_heard(h, "9:9 10 done; 1:2 100 done; 0:1 7");
	ck_assert(!ahead_any(h->state.ahead));
	half_free(h);
}
END_TEST

/* A file that has the inode of one that has ended. */
START_TEST(a_stream_that_is_begun_anew_goes_on)
{
	struct half *h = half_new();

	for (unsigned i = 0; i < PARTITIONS; i++)
		has(h, i, AT("1:2", "5"), END("1:2", "100", ""), "");
	check_heard(h, "1:2 100 done; 1:2 5");
	ck_assert(!ahead_any(h->state.ahead));
	half_free(h);
}
END_TEST

START_TEST(who_knows_nothing_of_a_stream_reads_it_from_where_it_begins)
{
	struct half *h = half_new();

	has(h, 0, AT("1:2", "100"), "", AT("1:2", "30"));
	has(h, 1, "", "", "");
	has(h, 2, AT("1:2", "90"), "", AT("1:2", "30"));
	check_heard(h, "1:2 30");
	ck_assert(ahead_has(h->state.ahead, "1:2", 0, 99));
	ck_assert(!ahead_has(h->state.ahead, "1:2", 1, 30));
	half_free(h);
}
END_TEST

START_TEST(where_it_begins_is_no_position)
{
	struct half *h = half_new();

	has(h, 0, AT("1:2", "100"), "", "");
	has(h, 1, "", "", AT("1:2", "30"));
	has(h, 2, AT("1:2", "100"), "", "");
	check_heard(h, "1:2 30");
	ck_assert(!ahead_has(h->state.ahead, "1:2", 1, 0));
	half_free(h);
}
END_TEST

START_TEST(an_end_tells_where_the_stream_began)
{
	struct half *h = half_new();

	has(h, 0, "", END("1:2", "100", ",\"begin\":20"), "");
	has(h, 1, "", "", "");
	has(h, 2, "", END("1:2", "100", ",\"begin\":20"), "");
	check_heard(h, "1:2 20");
	ck_assert(ahead_has(h->state.ahead, "1:2", 2, 99));
	half_free(h);
}
END_TEST

/* Redis keeps so many ends; one that is not among them is no loss. */
START_TEST(an_end_that_was_long_ago_is_not_missed)
{
	struct half *h = half_new();
	struct buf ends = BUF_INIT;

	for (int i = 0; i < 1000; i++)
		buf_printf(&ends, "%s" END("e:%d", "1", ""), i > 0 ? "|" : "", i);
	has(h, 0, "", END("1:2", "100", ""), "");
	has(h, 1, "", buf_str(&ends), "");
	has(h, 2, "", END("1:2", "100", ""), "");
	state_positions_hand(&h->state);
	ck_assert_ptr_nonnull(strstr(buf_str(&h->heard), "1:2 100 done"));
	ck_assert_ptr_null(strstr(buf_str(&h->heard), "1:2 0"));
	buf_free(&ends);
	half_free(h);
}
END_TEST

/* When a source was last heard of is no stream. */
START_TEST(a_source_is_not_missed)
{
	struct half *h = half_new();

	has(h, 0, AT("source:web", "1700000000000"), "", "");
	has(h, 1, "", "", "");
	has(h, 2, AT("source:web", "1700000000001"), "", "");
	check_heard(h, "source:web 1700000000000");
	half_free(h);
}
END_TEST

static const char *const strange[] = {
    "1:2|",
    "1:2|100",
    "1:2|100 ",
    "1:2|100 aa",
    "1:2|-1 aa /a",
    "1:2|x aa /a",
    "1:2|9223372036854775808 aa /a",
    "1:2|100 xyz /a",
    "1:2|100 10000000000000000a /a",
    "1:2",
};

START_TEST(what_is_no_position_is_left_out)
{
	struct half *h = half_new();

	h->state.npartitions = 1;
	has(h, 0, strange[_i], "", "");
	has(h, 0, AT("3:4", "7"), "", "");
	check_heard(h, "3:4 7");
	half_free(h);
}
END_TEST

static const char *const strange_ends[] = {
    "",
    "[]",
    "{\"stream\":1,\"path\":\"/a\",\"check\":\"aa\",\"examined\":1}",
    "{\"stream\":\"1:2\",\"check\":\"aa\",\"examined\":1}",
    "{\"stream\":\"1:2\",\"path\":\"/a\",\"check\":\"zz\",\"examined\":1}",
    "{\"stream\":\"1:2\",\"path\":\"/a\",\"check\":\"aa\"",
};

START_TEST(what_is_no_end_is_left_out)
{
	struct half *h = half_new();

	h->state.npartitions = 1;
	has(h, 0, AT("3:4", "7"), strange_ends[_i], "");
	check_heard(h, "3:4 7");
	half_free(h);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

int
main(void)
{
	Suite *suite = suite_create("positions");
	TCase *tc = tcase_create("positions");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, what_stands_before_the_offset_is_counted);
	tcase_add_test(tc, a_position_is_old_up_to_what_is_known);
	tcase_add_test(tc, an_incident_is_counted_where_it_was);
	tcase_add_test(tc, an_incident_that_opened_nearby_is_the_same);
	tcase_add_test(tc, it_is_forgotten_when_all_have_passed);
	tcase_add_test(tc, partitions_that_agree_go_on_there);
	tcase_add_test(tc, all_go_on_where_the_last_one_is);
	tcase_add_test(tc, an_end_that_one_has_not_heard_of_is_none);
	tcase_add_test(tc, ends_are_told_before_what_goes_on);
	tcase_add_test(tc, a_stream_that_is_begun_anew_goes_on);
	tcase_add_test(tc, who_knows_nothing_of_a_stream_reads_it_from_where_it_begins);
	tcase_add_test(tc, where_it_begins_is_no_position);
	tcase_add_test(tc, an_end_tells_where_the_stream_began);
	tcase_add_test(tc, an_end_that_was_long_ago_is_not_missed);
	tcase_add_test(tc, a_source_is_not_missed);
	tcase_add_loop_test(tc, what_is_no_position_is_left_out, 0, COUNT(strange));
	tcase_add_loop_test(tc, what_is_no_end_is_left_out, 0, COUNT(strange_ends));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
