/*
 * check_format_stream: whom lines are of: files that are rotated, cut or read side by side,
 * and senders of the spool.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format_rig.h"
#include "spool/spool_line.h"
#include "util/xalloc.h"

/* ---- streams --------------------------------------------------------------------- */

/* Who writes is what the line says, then what the configuration says. */
START_TEST(test_program)
{
	struct fx *r = fx_of(FORMAT_JSON, NULL);

	r->stream.program = "web";
	fx_feed(r,
	    SV("{\"a\":1}\n{\"app\":\"/usr/bin/shop\"}\nplain\n"
	       "<13>Jan 31 23:59:59 h su: {\"app\":\"x\"}\n"));
	fx_expect(r, 0, "@program", "web");
	fx_expect(r, 1, "@program", "shop");
	fx_expect(r, 2, "@program", "web");
	fx_expect(r, 3, "@program", "su");
	fx_end(r);
}
END_TEST

/* A record goes on in the file that follows. */
START_TEST(test_rotation)
{
	struct stream old = {.id = "1", .source = "s", .path = "/c/x-json.log"};
	struct stream new = {.id = "2", .source = "s", .path = "/c/x-json.log"};
	struct fx *r = fx_of(FORMAT_DOCKER, NULL);
	struct sv head = SV(DOCKER("a\\n", "stdout") DOCKER("b ", "stdout"));
	struct sv tail =
	    SV(DOCKER("e\\n", "stderr") DOCKER("c ", "stdout") DOCKER("d\\n", "stdout"));

	fx_feed_stream(r, &old, 0, head);
	ck_assert_uint_eq(*fx_position(&r->got, &old), strlen(DOCKER("a\\n", "stdout")));
	old.path = "/c/x-json.log.1";
	fx_feed_stream(r, &new, 0, (struct sv){tail.p, tail.n - strlen(DOCKER("d\\n", "stdout"))});
	ck_assert_int_eq(r->got.n, 1);
	ck_assert_uint_eq(*fx_position(&r->got, &old), strlen(DOCKER("a\\n", "stdout")));
	ck_assert_uint_eq(*fx_position(&r->got, &new), 0);
	fx_feed_stream(
	    r, &new, tail.n - strlen(DOCKER("d\\n", "stdout")), SV(DOCKER("d\\n", "stdout")));
	ck_assert_int_eq(r->got.n, 3);
	fx_expect(r, 1, "@message", "b c d");
	ck_assert_ptr_eq(r->got.of[1], &old);
	fx_expect(r, 2, "@message", "e");
	ck_assert_ptr_eq(r->got.of[2], &new);
	ck_assert_uint_eq(*fx_position(&r->got, &old), head.n);
	ck_assert_uint_eq(*fx_position(&r->got, &new), tail.n);
	fx_end(r);
}
END_TEST

/* Files that only have similar names do not mix. */
START_TEST(test_two_files)
{
	struct stream a = {.id = "1", .source = "s", .path = "/l/worker.1"};
	struct stream b = {.id = "2", .source = "s", .path = "/l/worker.2"};
	struct fx *r = fx_of(FORMAT_AUTO, "^B");

	fx_feed_stream(r, &a, 100, SV("B a\n"));
	fx_feed_stream(r, &b, 100, SV("B b\n"));
	fx_feed_stream(r, &a, 104, SV(" a2\n"));
	fx_feed_stream(r, &b, 104, SV(" b2\n"));
	fx_flush(r);
	ck_assert_int_eq(r->got.n, 2);
	for (int i = 0; i < 2; i++)
		fx_expect(r, i, "@message", r->got.of[i] == &a ? "B a  a2" : "B b  b2");
	ck_assert_uint_eq(*fx_position(&r->got, &a), 108);
	ck_assert_uint_eq(*fx_position(&r->got, &b), 108);
	fx_end(r);
}
END_TEST

/* A file that is cut to nothing under us: what waited is given on. */
START_TEST(test_truncated)
{
	struct fx *r = fx_of(FORMAT_AUTO, "^B");

	r->got.cut_away = true;
	fx_feed_stream(r, &r->stream, 100, SV("B one\n"));
	fx_feed_stream(r, &r->stream, 0, SV(" two\n"));
	ck_assert_int_eq(r->got.n, 1);
	fx_expect(r, 0, "@message", "B one");
	fx_flush(r);
	fx_expect(r, 1, "@message", " two");
	ck_assert_uint_eq(*fx_position(&r->got, &r->stream), 5);
	fx_end(r);
}
END_TEST

START_TEST(test_many_files)
{
	enum { FILES = 2000 };
	struct stream *streams = xcalloc(FILES, sizeof(*streams));
	struct fx *r = fx_of(FORMAT_AUTO, "^B");

	for (int i = 0; i < FILES; i++) {
		streams[i] = (struct stream){.source = "s", .path = xasprintf("/l/%d.log", i)};
		streams[i].id = streams[i].path;
		fx_feed_stream(r, &streams[i], 0, SV("B\n"));
		r->got.nstreams = 0;
	}
	ck_assert_int_gt(r->got.n, 0);
	for (int i = 0; i < FILES; i++) { /* the callback knows some streams only */
		r->got.nstreams = 0;
		fx_feed_stream(r, &streams[i], 2, SV("B\n"));
	}
	format_reset(r->f);
	ck_assert_int_eq(format_due(r->f), -1);
	for (int i = 0; i < FILES; i++)
		free((char *)(uintptr_t)streams[i].path);
	free(streams);
	fx_end(r);
}
END_TEST

/* ---- the spool -------------------------------------------------------------------- */

static void
spool(struct buf *b, const char *origin, const char *message)
{
	spool_line_write(b, 1700000000000 + (int64_t)b->n, sv_str(origin), sv_str(message));
}

START_TEST(test_spool)
{
	struct fx *r = fx_spool(FORMAT_JSON, NULL);
	struct buf b = BUF_INIT;

	spool(&b, "tls:192.0.2.1/log.example.org",
	    "<34>Jan 31 23:59:59 web1 su: {\"msg\":\"#123 #x\",\"peer\":{\"transport\":\"x\"}}");
	spool(&b, "unix:1000", "{\"msg\":\"two\nlines\"}");
	fx_feed(r, buf_view(&b));
	ck_assert_int_eq(r->got.n, 2);
	fx_check_form(r->got.lines[0]);
	fx_expect(r, 0, "@peer_ip", "192.0.2.1");
	fx_expect(r, 0, "@peer_name", "log.example.org");
	fx_expect(r, 0, "peer.transport", "tls");
	fx_expect(r, 0, "@program", "su");
	fx_expect(r, 0, "@message", "#123 #x");
	fx_expect(r, 1, "@peer_ip", NULL);
	fx_expect(r, 1, "peer.transport", "unix");
	fx_expect(r, 1, "@message", "two lines");
	ck_assert_int_eq(strncmp(fx_part(r, 1, "@time"), "1700000000", 10), 0);
	buf_free(&b);
	fx_end(r);
}
END_TEST

/* Lines inside a message are no lines. */
START_TEST(test_spool_forged_lines)
{
	struct fx *r = fx_spool(FORMAT_AUDIT, NULL);
	struct buf b = BUF_INIT;

	spool(&b, "tcp:192.0.2.1",
	    SYSCALL("1:7", "a") "type=PROCTITLE msg=audit(1700000000.1:7): proctitle=\"x\"");
	fx_feed(r, buf_view(&b));
	ck_assert_int_eq(r->got.n, 0); /* still waits for its end */
	fx_flush(r);
	ck_assert_int_eq(r->got.n, 1);
	fx_expect(r, 0, "type", "SYSCALL");
	fx_expect(r, 0, "comm", "a");
	buf_free(&b);
	fx_end(r);
}
END_TEST

/* Lines of different senders do not mix, and segments follow each other. */
START_TEST(test_spool_join)
{
	struct stream first = {.id = "1", .source = "s", .path = "/spool/1", .form = LINE_SPOOL};
	struct stream second = {.id = "2", .source = "s", .path = "/spool/2", .form = LINE_SPOOL};
	struct fx *r = fx_of(FORMAT_AUTO, "^B");
	struct buf b = BUF_INIT;

	spool(&b, "tcp:192.0.2.1", "B one");
	spool(&b, "tcp:192.0.2.2", "B two");
	fx_feed_stream(r, &first, 0, buf_view(&b));
	b.n = 0;
	spool(&b, "tcp:192.0.2.1", " 1");
	spool(&b, "tcp:192.0.2.2", " 2");
	fx_feed_stream(r, &second, 0, buf_view(&b));
	ck_assert_int_eq(r->got.n, 0);
	fx_flush(r);
	ck_assert_int_eq(r->got.n, 2);
	fx_expect(r, 0, "@message", "B one  1");
	fx_expect(r, 0, "@peer_ip", "192.0.2.1");
	fx_expect(r, 1, "@message", "B two  2");
	ck_assert_uint_eq(*fx_position(&r->got, &second), b.n);
	buf_free(&b);
	fx_end(r);
}
END_TEST

/* Many senders that never finish: bounded, and nothing is lost. */
START_TEST(test_spool_flood)
{
	struct fx *r = fx_spool(FORMAT_AUTO, "^B");
	struct buf b = BUF_INIT;
	char origin[32];

	for (int i = 0; i < 3000; i++) {
		snprintf(origin, sizeof(origin), "tcp:192.0.2.%d", i % 1000);
		spool(&b, origin, "B");
	}
	fx_feed(r, buf_view(&b));
	ck_assert_int_ge(r->got.n, 3000 - 256);
	fx_flush(r);
	ck_assert_int_eq(r->got.n, 3000);
	fx_check_all_given(r);
	buf_free(&b);
	fx_end(r);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, test_program);
	tcase_add_test(tc, test_rotation);
	tcase_add_test(tc, test_two_files);
	tcase_add_test(tc, test_truncated);
	tcase_add_test(tc, test_many_files);
	tcase_add_test(tc, test_spool);
	tcase_add_test(tc, test_spool_forged_lines);
	tcase_add_test(tc, test_spool_join);
	tcase_add_test(tc, test_spool_flood);
}

int
main(void)
{
	return fx_main("format_stream", add_tests);
}
