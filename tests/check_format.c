/*
 * check_format: what becomes of lines as programs write them in each format, of
 * lines that want to be more than they are, and that neither cuts nor restarts
 * change, lose or double a record.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "decode/decode.h"
#include "format/format.h"
#include "model/fields.h"
#include "scan/scan.h"
#include "spool/spool_line.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define NOW 1769904000000LL /* 2026-02-01T00:00:00Z */
#define US "\x1f"
#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))
#define LINES_MAX 4096
#define STREAMS_MAX 16

/* ---- a formatter, and what it gave ------------------------------------------- */

struct got {
	char *lines[LINES_MAX];
	const struct stream *of[LINES_MAX];
	bool cut[LINES_MAX];
	int n;
	const struct stream *streams[STREAMS_MAX];
	uint64_t position[STREAMS_MAX];
	int nstreams;
	bool cut_away; /* a position may go back */
	struct decoder *decoder; /* text may go on as it is; lines are kept as they are decoded */
};

struct rig {
	struct source_conf conf;
	struct stream stream;
	struct format *f;
	struct got got;
	size_t fed;
};

static uint64_t *
position_of(struct got *g, const struct stream *stream)
{
	int i = 0;

	while (i < g->nstreams && g->streams[i] != stream)
		i++;
	if (i == g->nstreams) {
		ck_assert_int_lt(i, STREAMS_MAX);
		g->streams[g->nstreams++] = stream;
		g->position[i] = 0;
	}
	return &g->position[i];
}

static void
keep_line(struct got *g, const struct chunk *chunk, struct sv line)
{
	ck_assert_int_lt(g->n, LINES_MAX);
	g->of[g->n] = chunk->stream;
	g->cut[g->n] = chunk->cut;
	g->lines[g->n++] = xstrndup(line.p, line.n);
}

static void
put_part(struct buf *out, const char *name, struct sv value)
{
	if (value.n == 0)
		return;
	buf_printf(out, US "%s=", name);
	buf_sv(out, value);
}

/* Whatever form it came in: what becomes of it, as a line of format/. */
static void
keep_decoded(void *ctx, const struct line *line)
{
	struct got *g = ctx;
	struct chunk chunk = {.stream = line->stream, .cut = line->cut};
	struct buf out = BUF_INIT;
	struct record rec;

	decode_line(g->decoder, line, NOW, &rec);
	buf_printf(&out, "%llu" US "@time=%lld", (unsigned long long)line->offset, (long long)rec.time);
	put_part(&out, "@host", rec.host);
	put_part(&out, "@program", rec.program);
	put_part(&out, "@pid", rec.pid);
	for (size_t i = 0; i < rec.nfields; i++) {
		buf_puts(&out, US);
		buf_sv(&out, rec.fields[i].name);
		buf_putc(&out, '=');
		buf_sv(&out, rec.fields[i].value);
	}
	buf_puts(&out, US "@message=");
	buf_sv(&out, rec.message);
	keep_line(g, &chunk, buf_view(&out));
	buf_free(&out);
}

/* A chunk's lines are whole, positions only grow. */
static void
got_chunk(void *ctx, const struct chunk *chunk)
{
	struct got *g = ctx;
	uint64_t *position = position_of(g, chunk->stream);
	struct sv rest = chunk->data;

	ck_assert(chunk->form == LINE_FIELDS || g->decoder != NULL);
	ck_assert(g->cut_away || chunk->next >= *position);
	*position = chunk->next;
	if (g->decoder != NULL) {
		scan_each(chunk, keep_decoded, g);
		return;
	}
	if (chunk->cut) {
		ck_assert_ptr_null(memchr(rest.p, '\n', rest.n));
		keep_line(g, chunk, rest);
		return;
	}
	while (rest.n > 0) {
		const char *end = memchr(rest.p, '\n', rest.n);

		ck_assert_ptr_nonnull(end);
		keep_line(g, chunk, (struct sv){rest.p, (size_t)(end - rest.p)});
		rest = sv_from(rest, (size_t)(end + 1 - rest.p));
	}
}

static void
forget_lines(struct got *g)
{
	struct decoder *decoder = g->decoder;

	for (int i = 0; i < g->n; i++)
		free(g->lines[i]);
	memset(g, 0, sizeof(*g));
	g->decoder = decoder;
}

static struct rig *
rig_of(int format, const char *multiline)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	struct buf error = BUF_INIT;

	r->stream = (struct stream){.id = "1", .source = "s", .path = "/var/log/x.log"};
	r->conf.format = format;
	r->conf.multiline.s = (char *)(uintptr_t)multiline;
	r->f = format_new(&r->conf, 65536, &error);
	ck_assert_msg(r->f != NULL, "%s", buf_str(&error));
	if (format == FORMAT_AUTO && multiline == NULL)
		r->got.decoder = decoder_new();
	return r;
}

static void
rig_end(struct rig *r)
{
	forget_lines(&r->got);
	decoder_free(&r->got.decoder);
	format_free(&r->f);
	free(r);
}

static void
feed_stream(struct rig *r, const struct stream *stream, uint64_t offset, struct sv text)
{
	struct chunk chunk = {.stream = stream,
	    .offset = offset,
	    .next = offset + text.n,
	    .data = text,
	    .form = stream->form};

	format_chunk(r->f, &chunk, NOW, got_chunk, &r->got);
}

static void
feed(struct rig *r, struct sv text)
{
	feed_stream(r, &r->stream, r->fed, text);
	r->fed += text.n;
}

static void
flush(struct rig *r)
{
	format_flush(r->f, INT64_MAX, got_chunk, &r->got);
	ck_assert_int_eq(format_due(r->f), -1);
}

/* The rig after all of ${text}. */
static struct rig *
after(int format, const char *text)
{
	struct rig *r = rig_of(format, NULL);

	feed(r, sv_str(text));
	flush(r);
	ck_assert_uint_eq(*position_of(&r->got, &r->stream), strlen(text));
	return r;
}

/* The part ${name} of line ${i}, in one of a few static places; NULL when absent. */
static const char *
part(const struct rig *r, int i, const char *name)
{
	static char places[8][70000];
	static int turn;
	char *place = places[turn++ % 8];
	const char *p;
	size_t n = strlen(name);

	ck_assert_msg(i < r->got.n, "line %d of %d", i, r->got.n);
	p = r->got.lines[i];
	while ((p = strchr(p, '\x1f')) != NULL) {
		p++;
		if (strncmp(p, name, n) == 0 && p[n] == '=') {
			size_t length = strcspn(p + n + 1, US);

			ck_assert_uint_lt(length, sizeof(places[0]));
			memcpy(place, p + n + 1, length);
			place[length] = '\0';
			return place;
		}
	}
	return NULL;
}

static void
expect(const struct rig *r, int i, const char *name, const char *value)
{
	const char *is = part(r, i, name);

	if (value == NULL)
		ck_assert_msg(is == NULL, "%s is %s", name, is);
	else
		ck_assert_msg(is != NULL && strcmp(is, value) == 0, "%s is %s, not %s\nin %s", name,
		    is == NULL ? "absent" : is, value, r->got.lines[i]);
}

struct wanted {
	int format;
	const char *line;
	const char *parts[24]; /* name, value, ... */
};

static void
check_wanted(const struct wanted *w)
{
	struct rig *r = after(w->format, w->line);

	ck_assert_msg(r->got.n == 1, "%d records of: %s", r->got.n, w->line);
	ck_assert_uint_eq(format_misfits(r->f), 0);
	for (size_t i = 0; i < 24 && w->parts[i] != NULL; i += 2)
		expect(r, 0, w->parts[i], w->parts[i + 1][0] == '\0' ? NULL : w->parts[i + 1]);
	rig_end(r);
}

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
	struct rig *r = after(FORMAT_AUTO,
	    "Jan 31 23:59:59 web1 shop[9]: one\n"
	    "{\"msg\":\"two\",\"user\":\"ann\"}\n"
	    "Jan 31 23:59:59 web1 shop[9]: message repeated 3 times: [ three]\n"
	    "<13>Jan 31 23:59:59 fw1 CEF:0|v|p|1|i|n|5|src=192.0.2.1\n");

	ck_assert_int_eq(r->got.n, 4);
	expect(r, 0, "@message", "one");
	expect(r, 0, "@program", "shop");
	expect(r, 1, "@message", "two");
	expect(r, 1, "user", "ann");
	expect(r, 2, "@message", "three");
	expect(r, 3, "src", "192.0.2.1");
	expect(r, 3, "@host", "fw1");
	ck_assert_int_eq(strncmp(r->got.lines[2], "61" US, 3), 0);
	rig_end(r);
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

/* ---- hostile values ------------------------------------------------------------ */

/* A line is well-formed: OFFSET, then NAME=VALUE, header parts we know, once and
 * first, the message last. */
static void
check_form(const char *line)
{
	static const char *const known[] = {"@time=", "@host=", "@program=", "@pid=", "@facility=",
	    "@severity=", "@peer_ip=", "@peer_name=", "@message="};
	bool seen[COUNT(known)] = {false}, fields = false;
	const char *p = line + strspn(line, "0123456789");
	int count = 0;

	ck_assert(p > line && *p == '\x1f');
	while (*p == '\x1f') {
		size_t name = strcspn(++p, "=" US), n = strcspn(p, US);

		ck_assert_msg(name < n && name > 0 && name <= FIELDS_NAME_MAX, "%s", p);
		ck_assert(!seen[COUNT(known) - 1]);
		for (size_t i = 0; i < name; i++)
			ck_assert(p[i] > ' ' && p[i] < 0x7f);
		if (*p == '@') {
			int i = 0;

			while (i < COUNT(known) && strncmp(known[i], p, strlen(known[i])) != 0)
				i++;
			ck_assert_msg(i < COUNT(known) && !seen[i], "%s", p);
			ck_assert(!fields || i == COUNT(known) - 1);
			seen[i] = true;
		} else {
			fields = true;
			count++;
		}
		p += n;
	}
	ck_assert(*p == '\0' && seen[COUNT(known) - 1]);
	ck_assert_int_le(count, FIELDS_MAX);
}

START_TEST(test_forged_names)
{
	static const char text[] =
	    "{\"@host\":\"forged\",\"@message\":\"forged\",\"@peer_ip\":\"192.0.2.9\",\"peer\":{\"transport\":\"tls\"},"
	    "\"a=b\":1,\"c d\":2,\"\":3,\"x\\u001f@host\":4,\"n\\nl\":5,\"msg\":\"m\"}\n";
	struct rig *r = after(FORMAT_JSON, text);

	ck_assert_int_eq(r->got.n, 1);
	check_form(r->got.lines[0]);
	expect(r, 0, "@host", NULL);
	expect(r, 0, "@peer_ip", NULL);
	expect(r, 0, "@message", "m");
	expect(r, 0, "_@host", "forged");
	expect(r, 0, "peer.transport", NULL);
	expect(r, 0, "a_b", "1");
	expect(r, 0, "c_d", "2");
	expect(r, 0, "_", "3");
	expect(r, 0, "x_@host", "4");
	expect(r, 0, "n_l", "5");
	rig_end(r);
}
END_TEST

START_TEST(test_hostile_values)
{
	static const char text[] = "{\"a\":\"x\\u001f@host=forged\",\"b\":\"\\u0000\\n2" US
	                           "@host=forged\","
	                           "\"msg\":\"m\\n0\\u001f@message=n\\u0000\"}\n";
	struct rig *r = after(FORMAT_JSON, text);

	ck_assert_int_eq(r->got.n, 1);
	check_form(r->got.lines[0]);
	expect(r, 0, "@host", NULL);
	expect(r, 0, "a", "x @host=forged");
	expect(r, 0, "b", "  2 @host=forged");
	expect(r, 0, "@message", "m 0 @message=n ");
	rig_end(r);
}
END_TEST

/* One bad byte hides nothing. */
START_TEST(test_not_utf8)
{
	struct rig *r = after(FORMAT_JSON, "{\"user\":\"a\xff\xc3\",\"msg\":\"m\t\x01\"}\n");

	expect(r, 0, "user", "a\xff\xc3");
	expect(r, 0, "@message", "m\t\x01");
	ck_assert_uint_eq(format_misfits(r->f), 0);
	rig_end(r);
}
END_TEST

START_TEST(test_many_keys)
{
	struct buf b = BUF_INIT;
	struct rig *r;

	buf_putc(&b, '{');
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "\"k%d\":{\"a\":%d},", i, i);
	buf_puts(&b, "\"host\":{\"name\":\"h\"},\"msg\":\"last\"}\n");
	r = after(FORMAT_JSON, buf_str(&b));
	check_form(r->got.lines[0]);
	expect(r, 0, "k0.a", "0");
	expect(r, 0, "k127.a", "127");
	expect(r, 0, "k128.a", NULL);
	expect(r, 0, "@message", "last");
	expect(r, 0, "@host", "h");
	rig_end(r);

	/* Without a message, what is left out must still be seen somewhere. */
	b.n -= strlen(",\"host\":{\"name\":\"h\"},\"msg\":\"last\"}\n");
	buf_puts(&b, "}\n");
	r = rig_of(FORMAT_JSON, NULL);
	feed(r, buf_view(&b));
	ck_assert_ptr_nonnull(strstr(r->got.lines[0], "\"k9999\":{\"a\":9999}"));
	rig_end(r);
	buf_free(&b);
}
END_TEST

START_TEST(test_nesting)
{
	struct buf b = BUF_INIT;
	struct rig *r;

	for (int i = 0; i < 400; i++)
		buf_puts(&b, "{\"level\":");
	buf_puts(&b, "\"deep\"");
	for (int i = 0; i < 400; i++)
		buf_putc(&b, '}');
	buf_putc(&b, '\n');
	r = after(FORMAT_JSON, buf_str(&b));
	ck_assert_uint_eq(format_misfits(r->f), 0);
	check_form(r->got.lines[0]);
	ck_assert_ptr_nonnull(strstr(r->got.lines[0], "=deep" US));
	rig_end(r);

	b.n = 0;
	for (int i = 0; i < 60000; i++)
		buf_putc(&b, i % 2 != 0 ? '[' : '{');
	r = rig_of(FORMAT_JSON, NULL);
	feed(r, buf_view(&b));
	ck_assert_uint_eq(format_misfits(r->f), 1);
	check_form(r->got.lines[0]);
	rig_end(r);
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
	struct rig *r = rig_of(misfits[_i].format, NULL);

	feed(r, sv_str(misfits[_i].line));
	flush(r);
	ck_assert_int_eq(r->got.n, 1);
	ck_assert_uint_eq(format_misfits(r->f), 1);
	check_form(r->got.lines[0]);
	expect(r, 0, "@message", misfits[_i].message);
	expect(r, 0, "@program", misfits[_i].program);
	rig_end(r);
}
END_TEST

/* A client that sends a stamp as its name moves no field. */
START_TEST(test_access_injection)
{
	struct rig *r = after(FORMAT_ACCESS,
	    "203.0.113.7 - x\\\" [01/Jan/2020:00:00:00 +0000] \\\"GET /forged HTTP/1.1\\\" 200 1 "
	    "[10/Oct/2025:13:55:36 +0000] \"GET /real\\\" 200 5 \\\"x HTTP/1.1\" 403 9 \"-\" \"-\"\n");

	expect(r, 0, "http.response.status_code", "403");
	expect(r, 0, "url.original", "/real\" 200 5 \"x");
	expect(r, 0, "@time", "1760104536000");
	rig_end(r);
}
END_TEST

/* ---- joining -------------------------------------------------------------------- */

#define SYSCALL(serial, name)                                                                      \
	"type=SYSCALL msg=audit(1700000000." serial "): syscall=59 success=no comm=\"" name "\"\n"
#define PATH(serial, item, name)                                                                   \
	"type=PATH msg=audit(1700000000." serial "): item=" item " name=\"" name "\"\n"
#define PROCTITLE(serial) "type=PROCTITLE msg=audit(1700000000." serial "): proctitle=6C73002D6C\n"
#define USER(serial) "type=USER_CMD msg=audit(1700000000." serial "): msg='cmd=6C73 res=success'\n"

START_TEST(test_audit_event)
{
	struct rig *r = after(FORMAT_AUDIT,
	    SYSCALL("1:7", "ls") PATH("1:7", "0", "/bin/ls") PATH("1:7", "1", "/etc/shadow")
	        PROCTITLE("1:7") "type=EOE msg=audit(1700000000.1:7): \n");

	ck_assert_int_eq(r->got.n, 1);
	check_form(r->got.lines[0]);
	expect(r, 0, "type", "SYSCALL");
	expect(r, 0, "comm", "ls");
	expect(r, 0, "name", "/bin/ls");
	expect(r, 0, "path.name", "/etc/shadow");
	expect(r, 0, "proctitle", "ls -l");
	ck_assert_ptr_nonnull(strstr(part(r, 0, "@message"), "comm=\"ls\" type=PATH msg="));
	rig_end(r);
}
END_TEST

START_TEST(test_audit_interleaved)
{
	struct rig *r = after(FORMAT_AUDIT,
	    SYSCALL("1:7", "a") SYSCALL("1:8", "b") USER("1:9") PATH("1:7", "0", "/a")
	        PATH("1:8", "0", "/b") PROCTITLE("1:8") PROCTITLE("1:7"));

	ck_assert_int_eq(r->got.n, 3);
	expect(r, 0, "comm", "a");
	expect(r, 0, "name", "/a");
	expect(r, 1, "comm", "b");
	expect(r, 1, "name", "/b");
	expect(r, 2, "cmd", "ls");
	rig_end(r);
}
END_TEST

/* Without its end an event waits for a while, not for ever. */
START_TEST(test_audit_no_end)
{
	struct rig *r = rig_of(FORMAT_AUDIT, NULL);

	feed(r, SV(SYSCALL("1:7", "a")));
	for (int i = 0; i < 40; i++)
		feed(r, SV(USER("1:9")));
	ck_assert_int_eq(r->got.n, 41);
	expect(r, 0, "comm", "a");
	ck_assert_int_eq(format_due(r->f), -1);
	rig_end(r);
}
END_TEST

#define DOCKER(text, stream)                                                                       \
	"{\"log\":\"" text "\",\"stream\":\"" stream "\",\"time\":\"2026-01-31T23:59:59.5Z\"}\n"

START_TEST(test_docker_parts)
{
	struct rig *r = after(FORMAT_DOCKER,
	    DOCKER("one ", "stdout") DOCKER("err\\n", "stderr") DOCKER("two ", "stdout")
	        DOCKER("three\\n", "stdout") DOCKER("next\\n", "stdout"));

	ck_assert_int_eq(r->got.n, 3);
	expect(r, 0, "@message", "one two three");
	expect(r, 0, "stream", "stdout");
	expect(r, 1, "@message", "err");
	expect(r, 2, "@message", "next");
	rig_end(r);

	r = after(FORMAT_DOCKER,
	    DOCKER("{\\\"msg\\\":\\\"j", "stdout") DOCKER("son\\\",\\\"a\\\":1}\\n", "stdout"));
	ck_assert_int_eq(r->got.n, 1);
	expect(r, 0, "@message", "json");
	expect(r, 0, "a", "1");
	rig_end(r);
}
END_TEST

START_TEST(test_cri_parts)
{
	struct rig *r = after(FORMAT_CRI,
	    "2026-01-31T23:59:59.5Z stdout P one \n"
	    "2026-01-31T23:59:59.6Z stderr F err\n"
	    "2026-01-31T23:59:59.7Z stdout F two\n"
	    "2026-01-31T23:59:59.7Z stdout F\n");

	ck_assert_int_eq(r->got.n, 2);
	expect(r, 0, "@message", "one two");
	expect(r, 0, "@time", "1769903999500");
	expect(r, 1, "@message", "err");
	rig_end(r);
}
END_TEST

START_TEST(test_multiline)
{
	struct rig *r = rig_of(FORMAT_AUTO, "^\\w{3} [ \\d]\\d |^\\d{4}-");

	feed(r,
	    SV("  tail of what came before\n"
	       "Jan 31 23:59:59 web1 shop[9]: failed\n\tat Shop.run\n\n\tat Main.main\r\n"
	       "2026-01-31 23:59:59 next\n"));
	ck_assert_int_eq(r->got.n, 2);
	ck_assert_uint_eq(*position_of(&r->got, &r->stream), r->fed - 25);
	flush(r);
	ck_assert_int_eq(r->got.n, 3);
	ck_assert_uint_eq(*position_of(&r->got, &r->stream), r->fed);
	expect(r, 0, "@message", "  tail of what came before");
	expect(r, 1, "@message", "failed \tat Shop.run \tat Main.main");
	expect(r, 1, "@program", "shop");
	expect(r, 1, "@host", "web1");
	expect(r, 2, "@message", "next");
	ck_assert_int_eq(strncmp(r->got.lines[1], "27" US, 3), 0);
	rig_end(r);
}
END_TEST

START_TEST(test_multiline_pattern)
{
	struct source_conf conf = {.multiline = {.s = (char *)(uintptr_t) "^(a"}};
	struct buf error = BUF_INIT;

	ck_assert_ptr_null(format_new(&conf, 65536, &error));
	ck_assert_ptr_nonnull(strstr(buf_str(&error), "multiline"));
	buf_free(&error);
}
END_TEST

/* What exceeds the longest line is left out, and the record says so. */
START_TEST(test_too_long)
{
	struct rig *r = rig_of(FORMAT_AUTO, "^begin");

	feed(r, SV("begin first\n"));
	for (int i = 0; i < 10000; i++)
		feed(r, SV(" and more\n"));
	feed(r, SV("begin second\n"));
	flush(r);
	ck_assert_int_eq(r->got.n, 2);
	ck_assert(r->got.cut[0] && !r->got.cut[1]);
	ck_assert_uint_ge(strlen(part(r, 0, "@message")), 65000);
	ck_assert_uint_le(strlen(part(r, 0, "@message")), 65600);
	expect(r, 1, "@message", "begin second");
	ck_assert_uint_eq(*position_of(&r->got, &r->stream), r->fed);
	rig_end(r);
}
END_TEST

START_TEST(test_cut_line)
{
	struct rig *r = rig_of(FORMAT_LOGFMT, NULL);
	struct chunk chunk = {
	    .stream = &r->stream, .offset = 10, .next = 99, .data = SV("a=1 b=2"), .cut = true};

	format_chunk(r->f, &chunk, NOW, got_chunk, &r->got);
	ck_assert_int_eq(r->got.n, 1);
	ck_assert(r->got.cut[0]);
	expect(r, 0, "b", "2");
	ck_assert_uint_eq(*position_of(&r->got, &r->stream), 99);
	rig_end(r);
}
END_TEST

START_TEST(test_due)
{
	struct rig *r = rig_of(FORMAT_DOCKER, NULL);
	int64_t due;

	ck_assert_int_eq(format_due(r->f), -1);
	clock_update();
	feed(r, SV(DOCKER("part", "stdout")));
	ck_assert_int_eq(r->got.n, 0);
	due = format_due(r->f);
	ck_assert_int_gt(due, clock_mono());
	format_flush(r->f, due - 1, got_chunk, &r->got);
	ck_assert_int_eq(r->got.n, 0);
	format_flush(r->f, due, got_chunk, &r->got);
	ck_assert_int_eq(r->got.n, 1);
	expect(r, 0, "@message", "part");
	ck_assert_uint_eq(*position_of(&r->got, &r->stream), r->fed);
	rig_end(r);
}
END_TEST

/* A line that is cut, behind one that waits. */
START_TEST(test_cut_line_waits)
{
	struct rig *r = rig_of(FORMAT_DOCKER, NULL);
	struct chunk chunk = {.stream = &r->stream, .data = SV("{\"log\":\"too lo"), .cut = true};

	feed(r, SV(DOCKER("one ", "stdout")));
	chunk.offset = r->fed;
	chunk.next = r->fed += 100000;
	format_chunk(r->f, &chunk, NOW, got_chunk, &r->got);
	ck_assert_int_eq(r->got.n, 0);
	feed(r, SV(DOCKER("two\\n", "stdout") DOCKER("x\\n", "stderr")));
	ck_assert_int_eq(r->got.n, 3);
	expect(r, 0, "@message", "one two");
	expect(r, 1, "@message", "{\"log\":\"too lo");
	expect(r, 2, "@message", "x");
	ck_assert(!r->got.cut[0] && r->got.cut[1] && !r->got.cut[2]);
	ck_assert_uint_eq(*position_of(&r->got, &r->stream), r->fed);
	rig_end(r);
}
END_TEST

/* ---- streams --------------------------------------------------------------------- */

/* Who writes is what the line says, then what the configuration says. */
START_TEST(test_program)
{
	struct rig *r = rig_of(FORMAT_JSON, NULL);

	r->stream.program = "web";
	feed(r,
	    SV("{\"a\":1}\n{\"app\":\"/usr/bin/shop\"}\nplain\n"
	       "<13>Jan 31 23:59:59 h su: {\"app\":\"x\"}\n"));
	expect(r, 0, "@program", "web");
	expect(r, 1, "@program", "shop");
	expect(r, 2, "@program", "web");
	expect(r, 3, "@program", "su");
	rig_end(r);
}
END_TEST

/* A record goes on in the file that follows. */
START_TEST(test_rotation)
{
	struct stream old = {.id = "1", .source = "s", .path = "/c/x-json.log"};
	struct stream new = {.id = "2", .source = "s", .path = "/c/x-json.log"};
	struct rig *r = rig_of(FORMAT_DOCKER, NULL);
	struct sv head = SV(DOCKER("a\\n", "stdout") DOCKER("b ", "stdout"));
	struct sv tail =
	    SV(DOCKER("e\\n", "stderr") DOCKER("c ", "stdout") DOCKER("d\\n", "stdout"));

	feed_stream(r, &old, 0, head);
	ck_assert_uint_eq(*position_of(&r->got, &old), strlen(DOCKER("a\\n", "stdout")));
	old.path = "/c/x-json.log.1";
	feed_stream(r, &new, 0, (struct sv){tail.p, tail.n - strlen(DOCKER("d\\n", "stdout"))});
	ck_assert_int_eq(r->got.n, 1);
	ck_assert_uint_eq(*position_of(&r->got, &old), strlen(DOCKER("a\\n", "stdout")));
	ck_assert_uint_eq(*position_of(&r->got, &new), 0);
	feed_stream(
	    r, &new, tail.n - strlen(DOCKER("d\\n", "stdout")), SV(DOCKER("d\\n", "stdout")));
	ck_assert_int_eq(r->got.n, 3);
	expect(r, 1, "@message", "b c d");
	ck_assert_ptr_eq(r->got.of[1], &old);
	expect(r, 2, "@message", "e");
	ck_assert_ptr_eq(r->got.of[2], &new);
	ck_assert_uint_eq(*position_of(&r->got, &old), head.n);
	ck_assert_uint_eq(*position_of(&r->got, &new), tail.n);
	rig_end(r);
}
END_TEST

/* Files that only have similar names do not mix. */
START_TEST(test_two_files)
{
	struct stream a = {.id = "1", .source = "s", .path = "/l/worker.1"};
	struct stream b = {.id = "2", .source = "s", .path = "/l/worker.2"};
	struct rig *r = rig_of(FORMAT_AUTO, "^B");

	feed_stream(r, &a, 100, SV("B a\n"));
	feed_stream(r, &b, 100, SV("B b\n"));
	feed_stream(r, &a, 104, SV(" a2\n"));
	feed_stream(r, &b, 104, SV(" b2\n"));
	flush(r);
	ck_assert_int_eq(r->got.n, 2);
	for (int i = 0; i < 2; i++)
		expect(r, i, "@message", r->got.of[i] == &a ? "B a  a2" : "B b  b2");
	ck_assert_uint_eq(*position_of(&r->got, &a), 108);
	ck_assert_uint_eq(*position_of(&r->got, &b), 108);
	rig_end(r);
}
END_TEST

/* A file that is cut to nothing under us: what waited is given on. */
START_TEST(test_truncated)
{
	struct rig *r = rig_of(FORMAT_AUTO, "^B");

	r->got.cut_away = true;
	feed_stream(r, &r->stream, 100, SV("B one\n"));
	feed_stream(r, &r->stream, 0, SV(" two\n"));
	ck_assert_int_eq(r->got.n, 1);
	expect(r, 0, "@message", "B one");
	flush(r);
	expect(r, 1, "@message", " two");
	ck_assert_uint_eq(*position_of(&r->got, &r->stream), 5);
	rig_end(r);
}
END_TEST

START_TEST(test_many_files)
{
	enum { FILES = 2000 };
	struct stream *streams = xcalloc(FILES, sizeof(*streams));
	struct rig *r = rig_of(FORMAT_AUTO, "^B");

	for (int i = 0; i < FILES; i++) {
		streams[i] = (struct stream){.source = "s", .path = xasprintf("/l/%d.log", i)};
		streams[i].id = streams[i].path;
		feed_stream(r, &streams[i], 0, SV("B\n"));
		r->got.nstreams = 0;
	}
	ck_assert_int_gt(r->got.n, 0);
	for (int i = 0; i < FILES; i++) { /* the callback knows some streams only */
		r->got.nstreams = 0;
		feed_stream(r, &streams[i], 2, SV("B\n"));
	}
	format_reset(r->f);
	ck_assert_int_eq(format_due(r->f), -1);
	for (int i = 0; i < FILES; i++)
		free((char *)(uintptr_t)streams[i].path);
	free(streams);
	rig_end(r);
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
	struct rig *r = rig_of(FORMAT_JSON, NULL);
	struct buf b = BUF_INIT;

	r->stream.form = LINE_SPOOL;
	spool(&b, "tls:192.0.2.1/log.example.org",
	    "<34>Jan 31 23:59:59 web1 su: {\"msg\":\"#123 #x\",\"peer\":{\"transport\":\"x\"}}");
	spool(&b, "unix:1000", "{\"msg\":\"two\nlines\"}");
	feed(r, buf_view(&b));
	ck_assert_int_eq(r->got.n, 2);
	check_form(r->got.lines[0]);
	expect(r, 0, "@peer_ip", "192.0.2.1");
	expect(r, 0, "@peer_name", "log.example.org");
	expect(r, 0, "peer.transport", "tls");
	expect(r, 0, "@program", "su");
	expect(r, 0, "@message", "#123 #x");
	expect(r, 1, "@peer_ip", NULL);
	expect(r, 1, "peer.transport", "unix");
	expect(r, 1, "@message", "two lines");
	ck_assert_int_eq(strncmp(part(r, 1, "@time"), "1700000000", 10), 0);
	buf_free(&b);
	rig_end(r);
}
END_TEST

/* Lines inside a message are no lines. */
START_TEST(test_spool_forged_lines)
{
	struct rig *r = rig_of(FORMAT_AUDIT, NULL);
	struct buf b = BUF_INIT;

	r->stream.form = LINE_SPOOL;
	spool(&b, "tcp:192.0.2.1",
	    SYSCALL("1:7", "a") "type=PROCTITLE msg=audit(1700000000.1:7): proctitle=\"x\"");
	feed(r, buf_view(&b));
	ck_assert_int_eq(r->got.n, 0); /* still waits for its end */
	flush(r);
	ck_assert_int_eq(r->got.n, 1);
	expect(r, 0, "type", "SYSCALL");
	expect(r, 0, "comm", "a");
	buf_free(&b);
	rig_end(r);
}
END_TEST

/* Lines of different senders do not mix, and segments follow each other. */
START_TEST(test_spool_join)
{
	struct stream first = {.id = "1", .source = "s", .path = "/spool/1", .form = LINE_SPOOL};
	struct stream second = {.id = "2", .source = "s", .path = "/spool/2", .form = LINE_SPOOL};
	struct rig *r = rig_of(FORMAT_AUTO, "^B");
	struct buf b = BUF_INIT;

	spool(&b, "tcp:192.0.2.1", "B one");
	spool(&b, "tcp:192.0.2.2", "B two");
	feed_stream(r, &first, 0, buf_view(&b));
	b.n = 0;
	spool(&b, "tcp:192.0.2.1", " 1");
	spool(&b, "tcp:192.0.2.2", " 2");
	feed_stream(r, &second, 0, buf_view(&b));
	ck_assert_int_eq(r->got.n, 0);
	flush(r);
	ck_assert_int_eq(r->got.n, 2);
	expect(r, 0, "@message", "B one  1");
	expect(r, 0, "@peer_ip", "192.0.2.1");
	expect(r, 1, "@message", "B two  2");
	ck_assert_uint_eq(*position_of(&r->got, &second), b.n);
	buf_free(&b);
	rig_end(r);
}
END_TEST

/* Many senders that never finish: bounded, and nothing is lost. */
START_TEST(test_spool_flood)
{
	struct rig *r = rig_of(FORMAT_AUTO, "^B");
	struct buf b = BUF_INIT;
	char origin[32];

	r->stream.form = LINE_SPOOL;
	for (int i = 0; i < 3000; i++) {
		snprintf(origin, sizeof(origin), "tcp:192.0.2.%d", i % 1000);
		spool(&b, origin, "B");
	}
	feed(r, buf_view(&b));
	ck_assert_int_ge(r->got.n, 3000 - 256);
	flush(r);
	ck_assert_int_eq(r->got.n, 3000);
	ck_assert_uint_eq(*position_of(&r->got, &r->stream), r->fed);
	buf_free(&b);
	rig_end(r);
}
END_TEST

/* ---- cuts and restarts -------------------------------------------------------------- */

static const struct {
	int format;
	const char *multiline;
	const char *text;
} streams[] = {
    {FORMAT_JSON, NULL, "{\"a\":1}\nnone\n\n{\"msg\":\"x\",\"b\":[1,2]}\n{\"a\":\"b\x1f\"}\n"},
    {FORMAT_DOCKER, NULL,
        DOCKER("1", "stdout") DOCKER("e\\n", "stderr") DOCKER("2", "stdout") DOCKER("f", "stderr")
            DOCKER("3\\n", "stdout") DOCKER("x\\n", "stdout") "misfit\n" DOCKER("g\\n", "stderr")
                DOCKER("y\\n", "stdout") DOCKER("open", "stdout")},
    {FORMAT_CRI, NULL,
        "2026-01-31T23:59:59Z stdout P a\n2026-01-31T23:59:59Z stderr F b\n"
        "2026-01-31T23:59:59Z stdout F c\n2026-01-31T23:59:59Z stderr F d\n"},
    {FORMAT_AUDIT, NULL,
        USER("1:1") SYSCALL("1:7", "a") SYSCALL("1:8", "b") USER("1:9") PATH("1:7", "0", "/a")
            PATH("1:8", "0", "/b") PROCTITLE("1:8") USER("1:10") PROCTITLE(
                "1:7") "type=EOE msg=audit(1700000000.1:7): \n" USER("1:11") SYSCALL("1:12", "c")},
    {FORMAT_AUTO, "^B", " tail\nB one\n x\n y\nB two\nB three\n z\n"},
    {FORMAT_LOGFMT, NULL, "a=1 b=\"2\"\nx\nmsg=m\n"},
    /* Text goes on as it is, but where it waits behind half a line of a container. */
    {FORMAT_AUTO, NULL,
        "Jan 31 23:59:59 web1 shop[9]: text\r\n\n{\"msg\":\"a\",\"b\":1}\nx\n\n{no JSON\n" DOCKER("1",
            "stdout") "Jan 31 23:59:59 web1 shop[9]: {}\n\n{\"msg\":\"c\"}\n" DOCKER("2\\n",
            "stdout") "Jan 31 23:59:59 web1 CEF:0|v|p|1|i|n|5|src=192.0.2.1\n" DOCKER("3\\n", "stderr")
            "Jan 31 23:59:59 web1 shop[9]: last\n"},
    {FORMAT_AUTO, NULL,
        "2026-01-31T23:59:59Z stdout P a\n2026-01-31T23:59:59Z stderr F b\n"
        "2026-01-31T23:59:59Z stdout F c\n2026-01-31T23:59:59Z stderr F d\n"},
    {FORMAT_AUTO, NULL,
        USER("1:1") SYSCALL("1:7", "a") SYSCALL("1:8", "b") USER("1:9") PATH("1:7", "0", "/a")
            PROCTITLE("1:8") USER("1:10") PROCTITLE("1:7") SYSCALL("1:12", "c")},
};

static size_t
line_end(const char *text, size_t from)
{
	return (size_t)(strchr(text + from, '\n') - text) + 1;
}

static void
compare(const struct got *a, int from, const struct got *b)
{
	ck_assert_int_eq(a->n - from, b->n);
	for (int i = 0; i < b->n; i++)
		ck_assert_str_eq(a->lines[from + i], b->lines[i]);
}

/* Feed ${text} from ${at} on, so many lines at a time as the bits of ${seed} say;
 * note after each chunk the position and how many records there were. */
static int
feed_cut(
    struct rig *r, const char *text, size_t at, uint32_t seed, uint64_t *positions, int *counts)
{
	int n = 0;

	r->fed = at;
	while (r->fed < strlen(text)) {
		size_t end = line_end(text, r->fed);

		seed = seed * 1664525 + 1013904223;
		for (uint32_t more = seed >> 30; more > 0 && end < strlen(text); more--)
			end = line_end(text, end);
		feed(r, (struct sv){text + r->fed, end - r->fed});
		positions[n] = *position_of(&r->got, &r->stream);
		counts[n++] = r->got.n;
	}
	flush(r);
	return n;
}

START_TEST(test_cuts_and_restarts)
{
	const char *text = streams[_i].text;
	struct rig *whole = rig_of(streams[_i].format, streams[_i].multiline);
	uint64_t positions[64], ignored[64];
	int counts[64], ignored_counts[64];

	feed(whole, sv_str(text));
	flush(whole);
	for (int i = 0; i < whole->got.n; i++)
		check_form(whole->got.lines[i]);
	for (uint32_t seed = 0; seed < 100; seed++) {
		struct rig *cut = rig_of(streams[_i].format, streams[_i].multiline);
		int n = feed_cut(cut, text, 0, seed, positions, counts);

		compare(&whole->got, 0, &cut->got);
		ck_assert_uint_eq(*position_of(&cut->got, &cut->stream), strlen(text));
		/* Killed after any commit, and started again. */
		for (int i = 0; i < n; i++) {
			struct rig *again = rig_of(streams[_i].format, streams[_i].multiline);

			feed_cut(again, text, positions[i], seed + 1, ignored, ignored_counts);
			compare(&whole->got, counts[i], &again->got);
			rig_end(again);
		}
		rig_end(cut);
	}
	rig_end(whole);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("format");
	TCase *formats = tcase_create("formats"), *hostile = tcase_create("hostile");
	TCase *join = tcase_create("join"), *ways = tcase_create("streams");
	SRunner *runner = srunner_create(suite);
	int failed;

	setenv("TZ", "UTC", 1);
	tcase_add_loop_test(formats, test_wanted, 0, COUNT(wanted));
	tcase_add_test(formats, test_guess);
	tcase_add_test(formats, test_auto);
	tcase_add_test(formats, test_numbers);
	tcase_add_loop_test(formats, test_misfit, 0, COUNT(misfits));
	tcase_add_test(hostile, test_forged_names);
	tcase_add_test(hostile, test_hostile_values);
	tcase_add_test(hostile, test_not_utf8);
	tcase_add_test(hostile, test_many_keys);
	tcase_add_test(hostile, test_nesting);
	tcase_add_test(hostile, test_access_injection);
	tcase_add_test(join, test_audit_event);
	tcase_add_test(join, test_audit_interleaved);
	tcase_add_test(join, test_audit_no_end);
	tcase_add_test(join, test_docker_parts);
	tcase_add_test(join, test_cri_parts);
	tcase_add_test(join, test_multiline);
	tcase_add_test(join, test_multiline_pattern);
	tcase_add_test(join, test_too_long);
	tcase_add_test(join, test_cut_line);
	tcase_add_test(join, test_cut_line_waits);
	tcase_add_test(join, test_due);
	tcase_add_test(ways, test_program);
	tcase_add_test(ways, test_rotation);
	tcase_add_test(ways, test_two_files);
	tcase_add_test(ways, test_truncated);
	tcase_add_test(ways, test_many_files);
	tcase_add_test(ways, test_spool);
	tcase_add_test(ways, test_spool_forged_lines);
	tcase_add_test(ways, test_spool_join);
	tcase_add_test(ways, test_spool_flood);
	tcase_add_loop_test(ways, test_cuts_and_restarts, 0, COUNT(streams));
	suite_add_tcase(suite, formats);
	suite_add_tcase(suite, hostile);
	suite_add_tcase(suite, join);
	suite_add_tcase(suite, ways);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
