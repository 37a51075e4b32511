/*
 * check_format_hostile: lines that want to be more than they are: names and values that
 * look like parts of a record, what is no UTF-8, too many keys, too deep.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "format_rig.h"

/* ---- hostile values ------------------------------------------------------------ */

START_TEST(test_forged_names)
{
	static const char text[] =
	    "{\"@host\":\"forged\",\"@message\":\"forged\",\"@peer_ip\":\"192.0.2.9\",\"peer\":{\"transport\":\"tls\"},"
	    "\"a=b\":1,\"c d\":2,\"\":3,\"x\\u001f@host\":4,\"n\\nl\":5,\"msg\":\"m\"}\n";
	struct fx *r = fx_record_of(FORMAT_JSON, text);

	fx_expect(r, 0, "@host", NULL);
	fx_expect(r, 0, "@peer_ip", NULL);
	fx_expect(r, 0, "@message", "m");
	fx_expect(r, 0, "_@host", "forged");
	fx_expect(r, 0, "peer.transport", NULL);
	fx_expect(r, 0, "a_b", "1");
	fx_expect(r, 0, "c_d", "2");
	fx_expect(r, 0, "_", "3");
	fx_expect(r, 0, "x_@host", "4");
	fx_expect(r, 0, "n_l", "5");
	fx_end(r);
}
END_TEST

START_TEST(test_hostile_values)
{
	static const char text[] = "{\"a\":\"x\\u001f@host=forged\",\"b\":\"\\u0000\\n2" US
	                           "@host=forged\","
	                           "\"msg\":\"m\\n0\\u001f@message=n\\u0000\"}\n";
	struct fx *r = fx_record_of(FORMAT_JSON, text);

	fx_expect(r, 0, "@host", NULL);
	fx_expect(r, 0, "a", "x @host=forged");
	fx_expect(r, 0, "b", "  2 @host=forged");
	fx_expect(r, 0, "@message", "m 0 @message=n ");
	fx_end(r);
}
END_TEST

/* One bad byte hides nothing. */
START_TEST(test_not_utf8)
{
	struct fx *r = fx_after(FORMAT_JSON, "{\"user\":\"a\xff\xc3\",\"msg\":\"m\t\x01\"}\n");

	fx_expect(r, 0, "user", "a\xff\xc3");
	fx_expect(r, 0, "@message", "m\t\x01");
	ck_assert_uint_eq(format_misfits(r->f), 0);
	fx_end(r);
}
END_TEST

START_TEST(test_many_keys)
{
	struct buf b = BUF_INIT;
	struct fx *r;

	buf_putc(&b, '{');
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "\"k%d\":{\"a\":%d},", i, i);
	buf_puts(&b, "\"host\":{\"name\":\"h\"},\"msg\":\"last\"}\n");
	r = fx_after(FORMAT_JSON, buf_str(&b));
	fx_check_form(r->got.lines[0]);
	fx_expect(r, 0, "k0.a", "0");
	fx_expect(r, 0, "k127.a", "127");
	fx_expect(r, 0, "k128.a", NULL);
	fx_expect(r, 0, "@message", "last");
	fx_expect(r, 0, "@host", "h");
	fx_end(r);

	/* Without a message, what is left out must still be seen somewhere. */
	b.n -= strlen(",\"host\":{\"name\":\"h\"},\"msg\":\"last\"}\n");
	buf_puts(&b, "}\n");
	r = fx_of(FORMAT_JSON, NULL);
	fx_feed(r, buf_view(&b));
	ck_assert_ptr_nonnull(strstr(r->got.lines[0], "\"k9999\":{\"a\":9999}"));
	fx_end(r);
	buf_free(&b);
}
END_TEST

START_TEST(test_nesting)
{
	struct buf b = BUF_INIT;
	struct fx *r;

	for (int i = 0; i < 400; i++)
		buf_puts(&b, "{\"level\":");
	buf_puts(&b, "\"deep\"");
	for (int i = 0; i < 400; i++)
		buf_putc(&b, '}');
	buf_putc(&b, '\n');
	r = fx_after(FORMAT_JSON, buf_str(&b));
	ck_assert_uint_eq(format_misfits(r->f), 0);
	fx_check_form(r->got.lines[0]);
	ck_assert_ptr_nonnull(strstr(r->got.lines[0], "=deep" US));
	fx_end(r);

	b.n = 0;
	for (int i = 0; i < 60000; i++)
		buf_putc(&b, i % 2 != 0 ? '[' : '{');
	r = fx_of(FORMAT_JSON, NULL);
	fx_feed(r, buf_view(&b));
	ck_assert_uint_eq(format_misfits(r->f), 1);
	fx_check_form(r->got.lines[0]);
	fx_end(r);
	buf_free(&b);
}
END_TEST

/* What is not of the format is given on as text, with its header. */
static const struct {
	int format;
	const char *line;
	const char *program, *message;
} misfits[] = {
    {FORMAT_JSON, "Jan 31 23:59:59 gate sshd[7]: no json", "sshd", "no json"},
    {FORMAT_JSON, "{\"a\":1", NULL, "{\"a\":1"},
    {FORMAT_JSON, "{\"a\":1} trailing", NULL, "{\"a\":1} trailing"},
    {FORMAT_JSON, "{\"a\":tr,,}", NULL, "{\"a\":tr,,}"},
    {FORMAT_JSON, "[1,2]", NULL, "[1,2]"},
    {FORMAT_JSON, "{", NULL, "{"},
    {FORMAT_JSON, "@cee:", NULL, "@cee:"},
    {FORMAT_JSON, "{\"a\\", NULL, "{\"a\\"},
    {FORMAT_DOCKER, "{\"logs\":\"x\"}", NULL, "{\"logs\":\"x\"}"},
    {FORMAT_DOCKER, "dockerd: truncated", NULL, "dockerd: truncated"},
    {FORMAT_CRI, "2026-01-31T23:59:59Z stdwhat F x", NULL, "stdwhat F x"},
    {FORMAT_CRI, "2026-01-31T23:59:59Z stdout X x", NULL, "stdout X x"},
    {FORMAT_LOGFMT, "panic here", NULL, "panic here"},
    {FORMAT_AUDIT, "Jan 31 23:59:59 gate auditd[7]: rotating", "auditd", "rotating"},
    {FORMAT_AUDIT, "type=X msg=audit(", "audit", "type=X msg=audit("},
    {FORMAT_ACCESS, "203.0.113.7 - - [10/Oct/2025:13:55:36 -0700] \"GET", "access",
        "203.0.113.7 - - [10/Oct/2025:13:55:36 -0700] \"GET"},
    {FORMAT_CEF, "<13>Jan 31 23:59:59 fw1 app: CEF:0|a|b|c", "app", "CEF:0|a|b|c"},
};

START_TEST(test_misfit)
{
	struct fx *r = fx_record_of(misfits[_i].format, misfits[_i].line);

	ck_assert_uint_eq(format_misfits(r->f), 1);
	fx_expect(r, 0, "@message", misfits[_i].message);
	fx_expect(r, 0, "@program", misfits[_i].program);
	fx_end(r);
}
END_TEST

/* A client that sends a stamp as its name moves no field. */
START_TEST(test_access_injection)
{
	struct fx *r = fx_after(FORMAT_ACCESS,
	    "203.0.113.7 - x\\\" [01/Jan/2020:00:00:00 +0000] \\\"GET /forged HTTP/1.1\\\" 200 1 "
	    "[10/Oct/2025:13:55:36 +0000] \"GET /real\\\" 200 5 \\\"x HTTP/1.1\" 403 9 \"-\" \"-\"\n");

	fx_expect(r, 0, "http.response.status_code", "403");
	fx_expect(r, 0, "url.original", "/real\" 200 5 \"x");
	fx_expect(r, 0, "@time", "1760104536000");
	fx_end(r);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, test_misfit, 0, COUNT(misfits));
	tcase_add_test(tc, test_forged_names);
	tcase_add_test(tc, test_hostile_values);
	tcase_add_test(tc, test_not_utf8);
	tcase_add_test(tc, test_many_keys);
	tcase_add_test(tc, test_nesting);
	tcase_add_test(tc, test_access_injection);
}

int
main(void)
{
	return fx_main("format_hostile", add_tests);
}
