/*
 * check_eval: hosts that are the same, what a line is, and which labelled lines an event
 * is about.  The rest is counted by scenarios/eval.py.
 */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/config.h"
#include "eval/eval_host.h"
#include "eval/eval_labels.h"
#include "eval/eval_tally.h"
#include "model/event.h"
#include "rule/ruleset.h"
#include "util/xalloc.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

START_TEST(hosts_are_compared_by_value)
{
	static const struct {
		const char *expected, *got;
		bool same;
	} cases[] = {{"192.0.2.1", "192.0.2.1", true}, {"192.0.2.1", "192.0.2.10", false},
	    {"192.0.2.1", "::ffff:192.0.2.1", true}, {"::ffff:c000:201", "192.0.2.1", true},
	    {"2001:db8::1", "2001:DB8:0:0:0:0:0:1", true}, {"2001:db8::1", "[2001:db8::1]", true},
	    {"fe80::1", "fe80::1%eth0", true}, {"fe80::1", "fe80::2%eth0", false},
	    {"192.0.2.1", "", false}, {"192.0.2.1", "host.example.org", false},
	    {"Host.example.org", "host.EXAMPLE.org.", true}, {"host.example.org", "example.org", false},
	    {"host.example.org", "", false}, {"::1", "0:0:0:0:0:0:0:1", true}};
	char *large = xcalloc(1, 1 << 16);

	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(eval_host_same(cases[i].expected, sv_str(cases[i].got)) == cases[i].same,
		    "%s and %s", cases[i].expected, cases[i].got);
	memset(large, '1', (1 << 16) - 1);
	ck_assert(!eval_host_same("192.0.2.1", sv_str(large)));
	ck_assert(eval_host_same(large, sv_str(large)));
	free(large);
}
END_TEST

/* ---- labels ------------------------------------------------------------------- */

static void
read_labels(struct eval_labels *l, const char *text)
{
	char path[] = "/tmp/check_eval.XXXXXX";
	int fd = mkstemp(path);
	struct buf error = BUF_INIT;
	bool good;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	good = eval_labels_read(l, path, &error);
	ck_assert_msg(good, "%s", buf_str(&error));
	close(fd);
	unlink(path);
	buf_free(&error);
}

/* An event of a record of auditd at ${offset}. */
static void
audit_event(struct eval_labels *l, uint64_t offset, const char *message)
{
	const struct event_rule rule = {.id = "kernel.denial"};
	struct line line = {.offset = offset};
	struct record record = {
	    .line = &line, .format = RECORD_FIELDS, .message = sv_str(message)};
	struct event e = {.rule = &rule, .record = &record};

	eval_labels_event(l, &e);
}

START_TEST(a_record_has_no_more_lines_than_fit_into_it)
{
	/* As in tests that others have made up: one stamp for all. */
	static const char *const lines[] = {"type=A msg=audit(1.1:1): one\n",
	    "type=B msg=audit(1.1:1): two\n", "type=C msg=audit(1.1:2): other\n",
	    "type=D msg=audit(1.1:1): three\n"};
	static const unsigned expected[] = {2, 1, 0, 0};
	struct eval_labels l;
	uint64_t offset = 0;

	read_labels(&l, "{\"line\":1,\"match\":true}\n{\"line\":2,\"match\":false}\n"
			"{\"line\":3,\"match\":true}\n{\"line\":4,\"match\":true}\n");
	for (size_t i = 0; i < COUNT(lines); i++) {
		eval_labels_line(&l, i + 1, offset, sv_str(lines[i]));
		offset += strlen(lines[i]);
	}
	audit_event(&l, 0, "type=A msg=audit(1.1:1): one");
	audit_event(&l, 0, "type=A msg=audit(1.1:1): one type=B msg=audit(1.1:1): two");
	for (size_t i = 0; i < COUNT(lines); i++)
		ck_assert_uint_eq(l.v[i].events, expected[i]);
	ck_assert(l.v[1].excused);
	eval_labels_free(&l);
}
END_TEST

START_TEST(lines_without_a_label_are_passed_over)
{
	struct eval_labels l;

	read_labels(&l, "{\"line\":2,\"match\":true}\n\n{\"line\":4,\"match\":true}\n");
	for (uint64_t n = 1; n <= 5; n++)
		eval_labels_line(&l, n, n * 10, SV("type=A msg=audit(1.1:1): x"));
	audit_event(&l, 30, "type=A msg=audit(1.1:1): x");
	audit_event(&l, 50, "type=A msg=audit(1.1:1): x");
	audit_event(&l, 20, "nothing of auditd");
	ck_assert_uint_eq(l.v[0].events, 1);
	ck_assert_uint_eq(l.v[1].events, 1);
	ck_assert_str_eq(l.v[0].rules, "kernel.denial");
	eval_labels_free(&l);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("eval");
	TCase *tc = tcase_create("eval");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, hosts_are_compared_by_value);
	tcase_add_test(tc, a_record_has_no_more_lines_than_fit_into_it);
	tcase_add_test(tc, lines_without_a_label_are_passed_over);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
