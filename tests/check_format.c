/*
 * check_format: what lines look like, and what becomes of those that programs write in
 * each format.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "format_rig.h"
#include "scan/scan.h"
#include "util/xalloc.h"

/* ---- what lines look like --------------------------------------------------- */

START_TEST(test_guess)
{
	static const struct {
		const char *line;
		int format;
	} cases[] = {{"", FORMAT_AUTO}, {"{\"a\":1}", FORMAT_JSON}, {"{", FORMAT_JSON},
	    {"{\"log\":\"x\\n\",\"stream\":\"stdout\",\"time\":\"t\"}", FORMAT_DOCKER},
	    {"{\"log\":\"x\"}", FORMAT_JSON}, {" {\"a\":1}", FORMAT_AUTO},
	    {"Jan  1 00:00:00 alpha app: {\"a\":1}", FORMAT_AUTO},
	    {"type=AVC msg=audit(1.1:1): x", FORMAT_AUDIT},
	    {"node=alpha type=AVC msg=audit(1.1:1): x", FORMAT_AUDIT},
	    {"type=AVC x msg=audit(1.1:1): x", FORMAT_AUTO}, {"type=", FORMAT_AUTO},
	    {"node=", FORMAT_AUTO}, {"node=alpha", FORMAT_AUTO},
	    {"Jan  1 00:00:00 alpha kernel: audit: type=1400 audit(1.1:1): x", FORMAT_AUTO},
	    {"CEF:0|a|b|c|d|e|f|", FORMAT_CEF}, {"<13>Jan  1 00:00:00 alpha CEF:0|a|b|c|d|e|f|", FORMAT_CEF},
	    {"Jan  1 00:00:00 alpha app: said CEF:0|a|b|c|d|e|f|", FORMAT_AUTO}, {"CEF", FORMAT_AUTO},
	    {"2026-01-01T00:00:00.1Z stdout F x", FORMAT_CRI},
	    {"2026-01-01T00:00:00.1+01:00 stderr P", FORMAT_CRI},
	    {"2026-01-01T00:00:00.1Z stdout Fine", FORMAT_AUTO},
	    {"2026-01-01T00:00:00.1Z stdout", FORMAT_AUTO}, {"2026-01-01T00:00:00.1Z", FORMAT_AUTO},
	    {"2026-01-01T00:00:00Z alpha app: x stdout F x", FORMAT_AUTO},
	    {"192.0.2.1 - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1", FORMAT_AUTO}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		/* Exactly its bytes: a sanitizer sees who reads beyond them. */
		size_t n = strlen(cases[i].line);
		char *copy = xmalloc(n + (n == 0));

		memcpy(copy, cases[i].line, n);
		ck_assert_msg(format_guess((struct sv){copy, n}) == cases[i].format, "%s is %s",
		    cases[i].line, config_formats[format_guess((struct sv){copy, n})]);
		free(copy);
	}
}
END_TEST

/* What a source of format auto gives on, and in which form. */
START_TEST(test_auto)
{
	struct fx *r = fx_after(FORMAT_AUTO,
	    "Jan 31 23:59:59 web1 shop[9]: one\n"
	    "{\"msg\":\"two\",\"user\":\"ann\"}\n"
	    "Jan 31 23:59:59 web1 shop[9]: message repeated 3 times: [ three]\n"
	    "<13>Jan 31 23:59:59 fw1 CEF:0|v|p|1|i|n|5|src=192.0.2.1\n");

	ck_assert_int_eq(r->got.n, 4);
	fx_expect(r, 0, "@message", "one");
	fx_expect(r, 0, "@program", "shop");
	fx_expect(r, 1, "@message", "two");
	fx_expect(r, 1, "user", "ann");
	fx_expect(r, 2, "@message", "three");
	fx_expect(r, 3, "src", "192.0.2.1");
	fx_expect(r, 3, "@host", "fw1");
	ck_assert_int_eq(strncmp(r->got.lines[2], "61" US, 3), 0);
	fx_end(r);
}
END_TEST

static void
note_number(void *ctx, const struct line *line)
{
	buf_printf(ctx, "%llu@%llu ", (unsigned long long)line->number, (unsigned long long)line->offset);
}

static void
note_numbers(void *ctx, const struct chunk *chunk)
{
	scan_each(chunk, note_number, ctx);
}

/* A record is of its first line. */
START_TEST(test_numbers)
{
	static const char *const texts[] = {
	    "a\n{\"b\":1}\n\nc\n", "type=SYSCALL msg=audit(1.1:1): a\ntype=USER_LOGIN msg=audit(1.1:2): b\n"
	    "type=PROCTITLE msg=audit(1.1:1): c\n"};
	static const char *const wanted_numbers[] = {"1@0 2@2 4@11 ", "1@0 2@33 "};
	struct source_conf conf = {.format = FORMAT_AUTO};

	for (int i = 0; i < COUNT(texts); i++) {
		struct buf out = BUF_INIT;

		format_try(&conf, sv_str(texts[i]), NOW, note_numbers, &out);
		ck_assert_str_eq(buf_str(&out), wanted_numbers[i]);
		buf_free(&out);
	}
}
END_TEST

struct wanted {
	int format;
	const char *line;
	const char *parts[24]; /* name, value, ... */
};

static void
check_wanted(const struct wanted *w)
{
	struct fx *r = fx_after(w->format, w->line);

	ck_assert_msg(r->got.n == 1, "%d records of: %s", r->got.n, w->line);
	ck_assert_uint_eq(format_misfits(r->f), 0);
	for (size_t i = 0; i < 24 && w->parts[i] != NULL; i += 2)
		fx_expect(r, 0, w->parts[i], w->parts[i + 1][0] == '\0' ? NULL : w->parts[i + 1]);
	fx_end(r);
}

/* ---- each format as programs write it; "" = not there ------------------------- */

static const struct wanted wanted[] = {
    /* JSON: ECS, flat, nested, arrays. */
    {FORMAT_JSON,
        "{\"@timestamp\":\"2026-01-31T23:59:59.123Z\",\"log.level\":\"warn\",\"message\":\"no "
        "\\\"way\\\"\",\"service\":{\"name\":\"shop\"},\"host\":{\"name\":\"web1\"},\"user\":{\"roles\":["
        "\"a\",\"b\"],\"id\":18446744073709551615}}\n",
        {"@time", "1769903999123", "@severity", "4", "@message", "no \"way\"", "@program", "shop",
            "@host", "web1", "user.roles.0", "a", "user.roles.1", "b", "user.id",
            "18446744073709551615", "message", "", "host.name", "web1", "_@timestamp",
            "2026-01-31T23:59:59.123Z"}},
    {FORMAT_JSON,
        "{\"ts\":1700000000.5,\"msg\":\"up\",\"level\":50,\"pid\":12,\"ok\":true,\"x\":null}\n",
        {"@time", "1700000000500", "@message", "up", "@severity", "3", "@pid", "12", "ok", "true",
            "x", ""}},
    {FORMAT_JSON, "{\"time\":1700000000123,\"log\":\"a\"}\n",
        {"@time", "1700000000123", "@message", "a"}},
    {FORMAT_JSON, "{\"time\":1700000000123456789,\"log\":\"a\"}\n", {"@time", "1700000000123"}},
    {FORMAT_JSON, "{\"a\":\"one\",\"b\":\"two words\",\"c\":3}\n",
        {"@message", "a=one b=\"two words\" c=3", "@time", ""}},
    {FORMAT_JSON, "{\"msg\":\"message repeated 2 times: [ x]\"}\n",
        {"@message", "message repeated 2 times: [ x]"}},
    {FORMAT_DOCKER,
        "{\"log\":\"sshd[1]: message repeated 2 times: [ x]\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-31T23:59:"
        "59Z\"}\n",
        {"@message", "message repeated 2 times: [ x]", "@program", "sshd"}},
    {FORMAT_JSON, "{\"a\":\"one\",\"msg\":\"\"}\n", {"@message", "a=one msg=\"\""}},
    {FORMAT_JSON, "{\"msg\":\"\",\"log\":\"two\"}\n", {"@message", "two"}},
    {FORMAT_JSON,
        "{\"MESSAGE\":[72,195,182,10,33],\"__REALTIME_TIMESTAMP\":\"1700000000123456\",\"PRIORITY\":"
        "\"3\",\"SYSLOG_FACILITY\":\"10\",\"_PID\":\"77\",\"SYSLOG_IDENTIFIER\":\"sshd\",\"_HOSTNAME\":"
        "\"gate\",\"_UID\":\"0\"}\n",
        {"@message", "H\xc3\xb6 !", "@time", "1700000000123", "@severity", "3", "@facility", "10",
            "@pid", "77", "@program", "sshd", "@host", "gate", "_UID", "0"}},
    {FORMAT_JSON,
        "<134>Jan 31 23:59:59 web1 shop[9]: @cee: {\"msg\":\"sold\",\"host\":\"other\"}\n",
        {"@host", "web1", "@program", "shop", "@pid", "9", "@facility", "16", "@severity", "6",
            "@message", "sold", "host", "other"}},
    {FORMAT_JSON,
        "<134>1 2026-01-31T23:59:59.123Z web1 shop 9 - [meta@32473 seq=\"7\" q=\"a\\\"b\"] {\"msg\":\"x\"}\n",
        {"@host", "web1", "@time", "1769903999123", "@message", "x", "meta@32473.seq", "7",
            "meta@32473.q", "a\"b"}},
    {FORMAT_JSON, "{\"message\":\"nginx \\x22quoted\\x22 \\u00e4 \\ud83d\\ude00 \\ud800\"}\r\n",
        {"@message", "nginx \"quoted\" \xc3\xa4 \xf0\x9f\x98\x80 \xef\xbf\xbd"}},

    /* Docker: text, JSON inside, syslog inside. */
    {FORMAT_DOCKER,
        "{\"log\":\"hello\\n\",\"stream\":\"stderr\",\"attrs\":{\"tag\":\"web\"},\"time\":\"2026-01-31T23:59:"
        "59.123456789Z\"}\n",
        {"@message", "hello", "stream", "stderr", "@time", "1769903999123", "attrs.tag", "web"}},
    {FORMAT_DOCKER,
        "{\"log\":\"{\\\"level\\\":\\\"error\\\",\\\"msg\\\":\\\"no \\\\\\\"way\\\\\\\"\\\",\\\"user\\\":{\\\"name\\\":\\\"ann\\\"}}"
        "\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-31T23:59:59Z\"}\n",
        {"@message", "no \"way\"", "user.name", "ann", "@severity", "3", "stream", "stdout",
            "@time", "1769903999000", "log", ""}},
    {FORMAT_DOCKER,
        "{\"log\":\"Jan 31 23:59:59 gate sshd[7]: hi\\r\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-31T23:"
        "59:59.5Z\"}\n",
        {"@message", "hi", "@program", "sshd", "@pid", "7", "@time", "1769903999500"}},

    {FORMAT_CRI, "2026-01-31T23:59:59.123456789+01:00 stderr F it is\n",
        {"@message", "it is", "stream", "stderr", "@time", "1769900399123"}},
    {FORMAT_CRI, "2026-01-31T23:59:59.1Z stdout F {\"msg\":\"x\",\"n\":1}\n",
        {"@message", "x", "n", "1"}},
    {FORMAT_CRI, "2026-01-31T23:59:59.1Z stdout F:more:tags t\n", {"@message", "t"}},

    {FORMAT_LOGFMT,
        "ts=2026-01-31T23:59:59.5Z level=error msg=\"said \\\"no\\\"\\tfirmly\" caller=main.go:12 flag "
        "err= path=\"/a b\"\n",
        {"@time", "1769903999500", "@severity", "3", "@message", "said \"no\"\tfirmly", "caller",
            "main.go:12", "path", "/a b", "msg", ""}},
    {FORMAT_LOGFMT, "<30>Jan 31 23:59:59 web1 shop[9]: user=ann did=x\n",
        {"@program", "shop", "@message", "user=ann did=x", "user", "ann", "did", "x"}},

    {FORMAT_AUDIT,
        "node=gate type=USER_LOGIN msg=audit(1700000000.123:42): pid=9 uid=0 auid=4294967295 ses=1 "
        "msg='op=login acct=\"root\" exe=\"/usr/sbin/sshd\" hostname=? addr=203.0.113.7 terminal=ssh "
        "res=failed'\x1dUID=\"root\" AUID=\"unset\"\n",
        {"@host", "gate", "@program", "audit", "@time", "1700000000123", "serial", "42", "type",
            "USER_LOGIN", "acct", "root", "addr", "203.0.113.7", "res", "failed", "UID", "root",
            "op", "login"}},
    {FORMAT_AUDIT,
        "type=USER_AUTH msg=audit(1700000000.123:43): pid=9 msg='op=x acct=726F6F742078 res=failed'\n",
        {"acct", "root x", "res", "failed"}},
    {FORMAT_AUDIT,
        "Jan 31 23:59:59 gate kernel: [   12.345] audit: type=1400 audit(1700000000.123:5): "
        "apparmor=\"DENIED\" operation=\"open\" profile=\"/usr/sbin/x\" name=\"/etc/shadow\" pid=7\n",
        {"@host", "gate", "@program", "kernel", "apparmor", "DENIED", "name", "/etc/shadow", "type",
            "1400"}},

    {FORMAT_ACCESS,
        "203.0.113.7 - ann smith [10/Oct/2025:13:55:36 -0700] \"GET /a?b=%20 HTTP/1.1\" 404 12 "
        "\"https://x.example/\" \"curl/8 \\\"beta\\\" \\x5b\" 0.004 \"up\"\n",
        {"source.ip", "203.0.113.7", "user.name", "ann smith", "@time", "1760129736000",
            "http.request.method", "GET", "url.original", "/a?b=%20", "http.version", "1.1",
            "http.response.status_code", "404", "http.response.body.bytes", "12",
            "http.request.referrer", "https://x.example/", "user_agent.original",
            "curl/8 \"beta\" [", "@program", "access"}},
    {FORMAT_ACCESS,
        "www.example.org:443 2001:db8::1 - - [10/Oct/2025:13:55:36 +0000] \"POST /x HTTP/2.0\" 200 -\n",
        {"url.domain", "www.example.org", "url.port", "443", "source.ip", "2001:db8::1",
            "http.response.status_code", "200", "http.response.body.bytes", "", "user.name", ""}},
    {FORMAT_ACCESS,
        "client.example - - [10/Oct/2025:13:55:36 +0000] \"\\x16\\x03\\x01\" 400 0 \"-\" \"-\"\n",
        {"source.domain", "client.example", "http.request.method", "", "url.original", "",
            "http.response.status_code", "400", "user_agent.original", ""}},

    {FORMAT_CEF,
        "Jan 31 23:59:59 fw1 CEF:0|Ex\\|ample|Guard\\\\|1.0|100|blocked it|5|src=203.0.113.7 "
        "msg=a \\= b and more cs1=x\\ny  spt=22\n",
        {"@host", "fw1", "cef.vendor", "Ex|ample", "cef.product", "Guard\\", "cef.name",
            "blocked it", "cef.severity", "5", "src", "203.0.113.7", "msg", "a = b and more", "cs1",
            "x y", "spt", "22"}},
    {FORMAT_CEF, "CEF:0|v|p|1|2|n|9|rt=1700000000123\n", {"@time", "1700000000123"}},
};

START_TEST(test_wanted)
{
	check_wanted(&wanted[_i]);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, test_wanted, 0, COUNT(wanted));
	tcase_add_test(tc, test_guess);
	tcase_add_test(tc, test_auto);
	tcase_add_test(tc, test_numbers);
}

int
main(void)
{
	return fx_main("format", add_tests);
}
