/*
 * check_decode: what becomes of lines as daemons write them, of lines that only
 * look like it, and which time a stamp means.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decode/decode.h"
#include "util/buf.h"
#include "util/clock.h"

/* As POSIX strings: the data base of zones need not be installed. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"
#define ST_JOHNS "NST3:30NDT,M3.2.0,M11.1.0"
#define LORD_HOWE "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0" /* half an hour of summer time */
#define KATHMANDU "<+0545>-5:45"
#define KOLKATA "IST-5:30"
#define KIRITIMATI "<+14>-14"

#define DAY ((int64_t)86400000)
#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* Milliseconds of "2026-06-15T12:00:00". */
static int64_t
at(const char *text)
{
	struct tm tm = {0};

	ck_assert_ptr_nonnull(strptime(text, "%Y-%m-%dT%H:%M:%S", &tm));
	return timegm(&tm) * 1000LL;
}

static struct decoder *
decoder_in(const char *zone)
{
	setenv("TZ", zone, 1);
	return decoder_new();
}

static struct record
decode(struct decoder *d, struct sv text, int64_t now, struct line *line)
{
	static const struct stream stream = {.id = "s", .source = "s", .path = "/s"};
	struct record rec;

	*line = (struct line){.stream = &stream, .text = text};
	decode_line(d, line, now, &rec);
	ck_assert_ptr_eq(rec.line, line);
	return rec;
}

static void
expect_time(const struct record *rec, const char *text)
{
	struct buf b = BUF_INIT;

	clock_format(&b, rec->time);
	ck_assert_str_eq(buf_str(&b), text);
	buf_free(&b);
}

static void
expect(const char *what, struct sv got, const char *wanted)
{
	if (!sv_is(got, wanted == NULL ? "" : wanted))
		ck_abort_msg("%s is '%.*s', not '%s'", what, SV_FMT(got), wanted);
}

/* --- whole lines, in UTC, on 2026-01-10 --- */

#define NOW_TEXT "2026-01-10T12:00:00.000Z"

struct sample {
	const char *line;
	const char *format;
	const char *time;
	int facility, severity;
	const char *host, *program, *pid, *message;
};

static const struct sample samples[] = {
    /* As syslog daemons write to files. */
    {"Dec 10 06:55:48 web1 sshd[24200]: Connection closed by 192.0.2.7", "rfc3164",
        "2025-12-10T06:55:48.000Z", -1, -1, "web1", "sshd", "24200",
        "Connection closed by 192.0.2.7"},
    {"Jan  3 00:00:00 web1 CRON[1]: (root) CMD (true)", "rfc3164", "2026-01-03T00:00:00.000Z", -1,
        -1, "web1", "CRON", "1", "(root) CMD (true)"},
    {"Jan 3 00:00:00 web1 systemd-logind[7]: New seat seat0.", "rfc3164",
        "2026-01-03T00:00:00.000Z", -1, -1, "web1", "systemd-logind", "7", "New seat seat0."},
    {"Dec 10 2021 06:55:48 web1 sshd[1]: x", "rfc3164", "2021-12-10T06:55:48.000Z", -1, -1, "web1",
        "sshd", "1", "x"},
    {"Dec 10 06:55:48.123456 web1 sshd[1]: x", "rfc3164", "2025-12-10T06:55:48.123Z", -1, -1,
        "web1", "sshd", "1", "x"},
    {"DEC 10 06:55:48 web1 sshd[1]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "web1",
        "sshd", "1", "x"},
    {"Dec 10 06:55:60 web1 sshd[1]: x", "rfc3164", "2025-12-10T06:56:00.000Z", -1, -1, "web1",
        "sshd", "1", "x"},
    /* Tags. */
    {"Dec 10 06:55:48 web1 kernel: [12345.678] device eth0 entered promiscuous mode", "rfc3164",
        "2025-12-10T06:55:48.000Z", -1, -1, "web1", "kernel", "",
        "[12345.678] device eth0 entered promiscuous mode"},
    {"Dec 10 06:55:48 web1 /usr/sbin/cron[12]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "web1", "cron", "12", "x"},
    {"Dec 10 06:55:48 web1 postfix/smtpd[12]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "web1", "postfix/smtpd", "12", "x"},
    {"Dec 10 06:55:48 web1 su(pam_unix)[123]: session opened for user root", "rfc3164",
        "2025-12-10T06:55:48.000Z", -1, -1, "web1", "su", "123", "session opened for user root"},
    {"Dec 10 06:55:48 web1 gdm-password]: gkr-pam: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "web1", "gdm-password", "", "gkr-pam: x"},
    {"Dec 10 06:55:48 web1 sudo:    bob : TTY=pts/0", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "web1", "sudo", "", "bob : TTY=pts/0"},
    {"Dec 10 06:55:48 web1 proftpd[12] web1.example (192.0.2.7[192.0.2.7]): no such user",
        "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "web1", "proftpd", "12",
        "web1.example (192.0.2.7[192.0.2.7]): no such user"},
    {"Dec 10 06:55:48 web1 sogod [26]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "web1",
        "sogod", "26", "x"},
    {"Dec 10 06:55:48 web1 sshd[1]:x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "web1",
        "sshd", "1", "x"},
    {"Dec 10 06:55:48 web1 sshd[-]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "web1",
        "sshd", "", "x"},
    {"Dec 10 06:55:48 web1 (sshd)[1]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "web1",
        "sshd", "1", "x"},
    {"Dec 10 06:55:48 (systemd): x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "", "systemd",
        "", "x"},
    {"Dec 10 06:55:48 web1 (root) CMD (x)", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "web1",
        "", "", "(root) CMD (x)"},
    /* metalog, BSD's syslogd -vv, Solaris. */
    {"Dec 10 06:55:48 [sshd] x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "", "sshd", "",
        "x"},
    {"Dec 10 06:55:48 [su(pam_unix)]  x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "", "su",
        "", "x"},
    {"Dec 10 06:55:48 [sshd]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "", "sshd", "",
        "x"},
    {"Dec 10 06:55:48 web1 [sshd][12] x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "web1",
        "sshd", "12", "x"},
    {"Dec 10 06:55:48 web1 [client] x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "web1", "",
        "", "[client] x"},
    {"Dec 10 06:55:48 [sshd][x] y", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "", "", "",
        "[sshd][x] y"},
    {"Dec 10 06:55:48 [error] x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "", "", "",
        "[error] x"},
    {"Dec 10 06:55:48 <auth.info> web1 sshd[1]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "web1", "sshd", "1", "x"},
    {"Dec 10 06:55:48 <4.6> web1 sshd[1]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "web1", "sshd", "1", "x"},
    {"Dec 10 06:55:48 <b> is bold", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "", "", "",
        "<b> is bold"},
    {"Dec 10 06:55:48 web1 sshd[1]: [ID 800047 auth.info] x", "rfc3164",
        "2025-12-10T06:55:48.000Z", -1, -1, "web1", "sshd", "1", "x"},
    {"<38>sshd[1]: [ID 800047 auth.info] x", "rfc3164", NOW_TEXT, 4, 6, "", "sshd", "1", "x"},
    {"Dec 10 06:55:48 web1 sshd[1]: [ID 800047 auth.info", "rfc3164", "2025-12-10T06:55:48.000Z",
        -1, -1, "web1", "sshd", "1", "[ID 800047 auth.info"},
    /* Hosts that relays have added theirs to. */
    {"Dec 10 06:55:48 web1/192.0.2.1 sshd[1]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "web1/192.0.2.1", "sshd", "1", "x"},
    {"Dec 10 06:55:48 src@web1 su: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "src@web1",
        "su", "", "x"},
    {"Dec 10 06:55:48 http://example.com/ is down", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "", "", "", "http://example.com/ is down"},
    /* Cisco: the code is message, which it begins. */
    {"Dec 10 06:55:48 fw %ASA-6-302013: Built inbound", "rfc3164", "2025-12-10T06:55:48.000Z", -1,
        -1, "fw", "", "", "%ASA-6-302013: Built inbound"},
    {"Dec 10 06:55:48: %ASA-6-302013: Built inbound", "rfc3164", "2025-12-10T06:55:48.000Z", -1,
        -1, "", "", "", "%ASA-6-302013: Built inbound"},
    {"Dec 10 06:55:48.123 CET: %SEC-6-IPACCESSLOGP: list", "rfc3164", "2025-12-10T06:55:48.123Z",
        -1, -1, "", "", "", "%SEC-6-IPACCESSLOGP: list"},
    {"Dec 10 06:55:48 sudo: %SEC is in the way", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "",
        "sudo", "", "%SEC is in the way"},
    {"Dec 10 06:55:48 web1 sudo: %SEC-6-X: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "web1", "sudo", "", "%SEC-6-X: x"},
    {"Dec 10 06:55:48 web1 app[1]: [ID card] x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "web1", "app", "1", "[ID card] x"},
    {"*Dec 10 06:55:48.123: %SEC-6-IPACCESSLOGP: list", "rfc3164", "2025-12-10T06:55:48.123Z", -1,
        -1, "", "", "", "%SEC-6-IPACCESSLOGP: list"},
    /* No stamp, but a tag. */
    {"sshd[12]: x", "tagged", NOW_TEXT, -1, -1, "", "sshd", "12", "x"},
    {"web1 sshd[12]: x", "tagged", NOW_TEXT, -1, -1, "web1", "sshd", "12", "x"},
    {"192.0.2.1 postfix/smtpd[12]: x", "tagged", NOW_TEXT, -1, -1, "192.0.2.1", "postfix/smtpd",
        "12", "x"},
    /* A word that could be a host is a tag if anything says so. */
    {"Dec 10 06:55:48 sogod [26]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "", "sogod",
        "26", "x"},
    {"Dec 10 06:55:48 sogod [26] x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "sogod", "", "",
        "[26] x"},
    {"Dec 10 06:55:48 web1  [26]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "web1", "", "",
        "[26]: x"},
    {"Dec 10 06:55:48 kernel: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "", "kernel", "",
        "x"},
    {"Dec 10 06:55:48 fe80:: sshd[1]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "fe80::",
        "sshd", "1", "x"},
    {"Dec 10 06:55:48 ---[1]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "", "---", "1",
        "x"},
    {"Dec 10 06:55:48 web1 su(pam_unix:x): y", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "web1", "", "", "su(pam_unix:x): y"},
    /* No host, no tag, neither. */
    {"Dec 10 06:55:48 dropbear[12]: bad password", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "", "dropbear", "12", "bad password"},
    {"Dec 10 06:55:48 web1 last message repeated 2 times", "rfc3164", "2025-12-10T06:55:48.000Z",
        -1, -1, "web1", "", "", "last message repeated 2 times"},
    {"Dec 10 06:55:48 2001:db8::7 sshd[1]: x", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1,
        "2001:db8::7", "sshd", "1", "x"},
    {"Dec 10 06:55:48 web1 http://example.com/ is down", "rfc3164", "2025-12-10T06:55:48.000Z", -1,
        -1, "web1", "", "", "http://example.com/ is down"},
    {"Dec 10 06:55:48 --- last message repeated 1 time ---", "rfc3164", "2025-12-10T06:55:48.000Z",
        -1, -1, "", "", "", "--- last message repeated 1 time ---"},
    {"Dec 10 06:55:48", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "", "", "", ""},
    {"Dec 10 06:55:48 web1 ", "rfc3164", "2025-12-10T06:55:48.000Z", -1, -1, "web1", "", "", ""},
    /* With a PRI. */
    {"<34>Dec 10 06:55:48 web1 su: 'su root' failed", "rfc3164", "2025-12-10T06:55:48.000Z", 4, 2,
        "web1", "su", "", "'su root' failed"},
    {"<191> Dec 10 06:55:48: web1 tag: x", "rfc3164", "2025-12-10T06:55:48.000Z", 23, 7, "web1",
        "tag", "", "x"},
    {"<0>Dec 10 06:55:48 sshd[3]: x", "rfc3164", "2025-12-10T06:55:48.000Z", 0, 0, "", "sshd", "3",
        "x"},
    {"<13>logger: no stamp", "rfc3164", NOW_TEXT, 1, 5, "", "logger", "", "no stamp"},
    {"<13>Use the BFG!", "rfc3164", NOW_TEXT, 1, 5, "", "", "", "Use the BFG!"},
    {"<14>2025-12-10T06:55:48Z web1 a message", "iso", "2025-12-10T06:55:48.000Z", 1, 6, "web1", "",
        "", "a message"},
    /* RFC 5424. */
    {"<34>1 2025-12-10T06:55:48.003Z web1.example su 77 ID47 - 'su root' failed", "rfc5424",
        "2025-12-10T06:55:48.003Z", 4, 2, "web1.example", "su", "77", "'su root' failed"},
    {"<165>1 2025-12-10T06:55:48.000003-07:00 192.0.2.1 app - - - \xef\xbb\xbfs\xc3\xbc\xc3\x9f",
        "rfc5424", "2025-12-10T13:55:48.000Z", 20, 5, "192.0.2.1", "app", "", "s\xc3\xbc\xc3\x9f"},
    {"<165>1 - - - - - -", "rfc5424", NOW_TEXT, 20, 5, "", "", "", ""},
    {"<165>1 - - - - - - x", "rfc5424", NOW_TEXT, 20, 5, "", "", "", "x"},
    {"1 2025-12-10T06:55:48Z web1 app 3 - - no PRI", "rfc5424", "2025-12-10T06:55:48.000Z", -1, -1,
        "web1", "app", "3", "no PRI"},
    {"58 <165>1 2025-12-10T06:55:48Z web1 app 3 - - framed", "rfc5424", "2025-12-10T06:55:48.000Z",
        20, 5, "web1", "app", "3", "framed"},
    {"<165>1 2025-12-10T06:55:48Z web1 /usr/bin/su(pam) 3 - - x", "rfc5424",
        "2025-12-10T06:55:48.000Z", 20, 5, "web1", "su", "3", "x"},
    /* RFC 5424 that is not: what is known is kept, all of it is message. */
    {"<165>1 2025-12-10T06:55:48Z web1 app 3", "rfc3164", NOW_TEXT, 20, 5, "", "", "",
        "1 2025-12-10T06:55:48Z web1 app 3"},
    /* ISO stamps with a header of syslog. */
    {"2026-01-09T23:59:59.123456+01:00 web1 sshd[24]: x", "iso", "2026-01-09T22:59:59.123Z", -1, -1,
        "web1", "sshd", "24", "x"},
    {"2026-01-09T23:59:59+0100 web1 kernel: Linux version 6.1", "iso", "2026-01-09T22:59:59.000Z",
        -1, -1, "web1", "kernel", "", "Linux version 6.1"},
    {"2026-01-09T23:59:59Z web1 postfix/smtpd[24]: x", "iso", "2026-01-09T23:59:59.000Z", -1, -1,
        "web1", "postfix/smtpd", "24", "x"},
    {"2026-01-09 23:59:59.5-0330  web1 sudo[24]: x", "iso", "2026-01-10T03:29:59.500Z", -1, -1,
        "web1", "sudo", "24", "x"},
    {"2026-01-09 23:59:59,123 web1 proftpd[24] web1 (192.0.2.7): x", "iso",
        "2026-01-09T23:59:59.123Z", -1, -1, "web1", "proftpd", "24", "web1 (192.0.2.7): x"},
    {"2026-01-09T23:59:59Z sogod [24]: x", "iso", "2026-01-09T23:59:59.000Z", -1, -1, "", "sogod",
        "24", "x"},
    {"2026-01-09T23:59:59Z web1 sogod [24]: x", "iso", "2026-01-09T23:59:59.000Z", -1, -1, "web1",
        "sogod", "24", "x"},
    {"2026-01-09T23:59:59Z kernel: x", "iso", "2026-01-09T23:59:59.000Z", -1, -1, "", "", "",
        "kernel: x"},
    {"2026-01-09T23:59:59Z worker[24]: x", "iso", "2026-01-09T23:59:59.000Z", -1, -1, "", "worker",
        "24", "x"},
    /* ISO stamps with a message. */
    {"2026-01-09 23:59:59,123 INFO server: listening", "iso", "2026-01-09T23:59:59.123Z", -1, -1,
        "", "", "", "INFO server: listening"},
    {"2026-01-09T23:59:59Z WARNING server: listening", "iso", "2026-01-09T23:59:59.000Z", -1, -1,
        "", "", "", "WARNING server: listening"},
    {"2026-01-09T23:59:59Z warning[12]: x", "iso", "2026-01-09T23:59:59.000Z", -1, -1, "", "", "",
        "warning[12]: x"},
    {"2026-01-09 23:59:59 login refused: no such user", "iso", "2026-01-09T23:59:59.000Z", -1, -1,
        "", "", "", "login refused: no such user"},
    {"2026-01-09T23:59:59.5Z: Failed Login: username=bob", "iso", "2026-01-09T23:59:59.500Z", -1,
        -1, "", "", "", "Failed Login: username=bob"},
    {"2026-01-09 23:59:59,500:DEBUG:x", "iso", "2026-01-09T23:59:59.500Z", -1, -1, "", "", "",
        "DEBUG:x"},
    {"2026-01-09 23:59:59.500 UTC [12] LOG:  ready", "iso", "2026-01-09T23:59:59.500Z", -1, -1, "",
        "", "", "[12] LOG:  ready"},
    {"2026-01-09 23:59:59 +0200 starting", "iso", "2026-01-09T21:59:59.000Z", -1, -1, "", "", "",
        "starting"},
    {"2026-01-09 23:59:59 UTCX", "iso", "2026-01-09T23:59:59.000Z", -1, -1, "", "", "", "UTCX"},
    {"2026/01/09 23:59:59 [error] 12#0: *3 open() failed", "iso", "2026-01-09T23:59:59.000Z", -1,
        -1, "", "", "", "[error] 12#0: *3 open() failed"},
    {"2026-01-09  3:59:59 12 [Warning] x", "iso", "2026-01-09T03:59:59.000Z", -1, -1, "", "", "",
        "12 [Warning] x"},
    {"2026-01-09T23:59:60Z x", "iso", "2026-01-10T00:00:00.000Z", -1, -1, "", "", "", "x"},
    {"2026-01-09T23:59:59", "iso", "2026-01-09T23:59:59.000Z", -1, -1, "", "", "", ""},
    {"1970-01-01T00:00:00Z x", "iso", "1970-01-01T00:00:00.000Z", -1, -1, "", "", "", "x"},
    {"2000-02-29T00:00:00Z x", "iso", "2000-02-29T00:00:00.000Z", -1, -1, "", "", "", "x"},
    {"2026-01-09 23:59:59.500 CET [12] LOG:  ready", "iso", "2026-01-09T23:59:59.500Z", -1, -1, "",
        "", "", "[12] LOG:  ready"},
    {"2026-01-09 23:59:59 CETX", "iso", "2026-01-09T23:59:59.000Z", -1, -1, "", "", "", "CETX"},
    {"2026-01-09 23:59:59 INFO x", "iso", "2026-01-09T23:59:59.000Z", -1, -1, "", "", "",
        "INFO x"},
    {"2026-01-09 23:59:59|INFO|x", "iso", "2026-01-09T23:59:59.000Z", -1, -1, "", "", "",
        "INFO|x"},
    /* A stamp of some other form: as ISO ones. */
    {"[2026-01-09 23:59:59] web1 sshd[24]: x", "dated", "2026-01-09T23:59:59.000Z", -1, -1, "web1",
        "sshd", "24", "x"},
    {"[2026-01-09 23:59:59] NOTICE[24]: x", "dated", "2026-01-09T23:59:59.000Z", -1, -1, "", "", "",
        "NOTICE[24]: x"},
    {"[2026-01-09 23:59:59] web1 su: x", "dated", "2026-01-09T23:59:59.000Z", -1, -1, "", "", "",
        "web1 su: x"},
    {"<13>[2026-01-09 23:59:59] x", "dated", "2026-01-09T23:59:59.000Z", 1, 5, "", "", "", "x"},
    {"9999-12-31T23:59:59Z x", "iso", "9999-12-31T23:59:59.000Z", -1, -1, "", "", "", "x"},
};

START_TEST(line_is_decoded)
{
	const struct sample *s = &samples[_i];
	struct decoder *d = decoder_in("UTC");
	struct line line;
	struct record rec = decode(d, sv_str(s->line), at("2026-01-10T12:00:00"), &line);

	ck_assert_str_eq(record_format_name(rec.format), s->format);
	expect_time(&rec, s->time);
	ck_assert_int_eq(rec.facility, s->facility);
	ck_assert_int_eq(rec.severity, s->severity);
	expect("host", rec.host, s->host);
	expect("program", rec.program, s->program);
	expect("pid", rec.pid, s->pid);
	expect("message", rec.message, s->message);
	decoder_free(&d);
	ck_assert_ptr_null(d);
}
END_TEST

/* The same lines through one decoder, forth and back, must not disturb each
 * other by what is remembered of the last one. */
static const struct reduced {
	const char *line, *program, *message;
	unsigned repeat;
} reduced[] = {
    {"Dec 10 06:55:48 web1 sshd[1]: message repeated 3 times: [ Failed for x]", "sshd", "Failed for x",
        3},
    {"Dec 10 06:55:48 web1 sshd[1]: message repeated 1 times: [Failed for x [preauth]]", "sshd",
        "Failed for x [preauth]", 1},
    {"sshd[1]: message repeated 999999999 times: [ x", "sshd", "x", 10000},
    {"sshd[1]: message repeated 2 times: []", "sshd", "", 2},
    {"sshd[1]: message repeated 0 times: [ x]", "sshd", "message repeated 0 times: [ x]", 1},
    {"sshd[1]: message repeated  times: [ x]", "sshd", "message repeated  times: [ x]", 1},
    {"sshd[1]: message repeated 9999999999 times: [ x]", "sshd",
        "message repeated 9999999999 times: [ x]", 1},
    {"sshd[1]: message repeated 2 times: ", "sshd", "message repeated 2 times: ", 1},
    {"sshd[1]: message repeated 2", "sshd", "message repeated 2", 1},
    {"sshd[1]: said: message repeated 2 times: [ x]", "sshd", "said: message repeated 2 times: [ x]", 1},
    {"Dec 10 06:55:48 web1 last message repeated 2 times", "", "last message repeated 2 times", 1},
};

START_TEST(what_was_reduced_counts_for_all)
{
	const struct reduced *s = &reduced[_i];
	struct decoder *d = decoder_in("UTC0");
	struct line line;
	struct record rec = decode(d, sv_str(s->line), at("2026-01-10T12:00:00"), &line);

	expect("program", rec.program, s->program);
	expect("message", rec.message, s->message);
	ck_assert_uint_eq(rec.repeat, s->repeat);
	decode_header(d, &line, at("2026-01-10T12:00:00"), &rec);
	ck_assert_uint_eq(rec.repeat, 1);
	decoder_free(&d);
}
END_TEST

START_TEST(line_does_not_depend_on_the_one_before)
{
	struct decoder *d = decoder_in("UTC");
	struct line line;

	for (int i = 0; i < 2 * COUNT(samples) * COUNT(samples); i++) {
		int first = i / 2 / COUNT(samples), second = i / 2 % COUNT(samples);
		const struct sample *s = &samples[i % 2 == 0 ? first : second];
		struct record rec = decode(d, sv_str(s->line), at("2026-01-10T12:00:00"), &line);

		expect_time(&rec, s->time);
		expect("message", rec.message, s->message);
	}
	decoder_free(&d);
}
END_TEST

/* --- stamps of programs that write their own files, in Berlin --- */

struct stamped {
	const char *stamp; /* the message "x" follows */
	const char *time;
};

static const struct stamped own_stamps[] = {
    {"Wed Jul  2 14:32:52 2025", "2025-07-02T12:32:52.000Z"},
    {"Wed Jul 02 14:32:52.123456 2025", "2025-07-02T12:32:52.123Z"},
    {"Wed Jul 2 14:32:52 CEST 2025", "2025-07-02T12:32:52.000Z"},
    {"Wed Jul 2 14:32:52 UTC 2025", "2025-07-02T14:32:52.000Z"},
    {"Wed Jul 02 2025 14:32:52 GMT+0300", "2025-07-02T11:32:52.000Z"},
    {"Wed, 02 Jul 2025 14:32:52 +0300", "2025-07-02T11:32:52.000Z"},
    {"Wed, 2 Jul 2025 14:32:52 GMT", "2025-07-02T14:32:52.000Z"},
    {"wed  2 jul 14:32:52 CEST 2025", "2025-07-02T12:32:52.000Z"},
    {"Wed 02 Jul 2025 02:32:52 PM CEST", "2025-07-02T12:32:52.000Z"},
    {"Jul  2 14:32:52 2025", "2025-07-02T12:32:52.000Z"},
    {"Jul 2, 2025 2:32:52 PM", "2025-07-02T12:32:52.000Z"},
    {"Jul 02, 2025 12:32:52 AM", "2025-07-01T22:32:52.000Z"},
    {"Jul 02, 2025 12:32:52pm", "2025-07-02T10:32:52.000Z"},
    {"Jul-02-25 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"02 Jul 2025 14:32:52.123", "2025-07-02T12:32:52.123Z"},
    {"2 Jul 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"02-Jul-2025 14:32:52.123", "2025-07-02T12:32:52.123Z"},
    {"02/Jul/2025:14:32:52 +0300", "2025-07-02T11:32:52.000Z"},
    {"02/Jul/2025:14:32:52", "2025-07-02T12:32:52.000Z"},
    {"2025 Jul 02 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"2025-07-02_14:32:52", "2025-07-02T12:32:52.000Z"},
    {"2025-07-02-14:32:52", "2025-07-02T12:32:52.000Z"},
    {"2025-7-2 2:32:52 PM", "2025-07-02T12:32:52.000Z"},
    {"2025:07:02-14:32:52", "2025-07-02T12:32:52.000Z"},
    {"2025.07.02 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"20250702 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"20250702T143252", "2025-07-02T12:32:52.000Z"},
    {"20250702T143252.5Z", "2025-07-02T14:32:52.500Z"},
    {"250702 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"250702  4:32:52", "2025-07-02T02:32:52.000Z"},
    {"991231 23:59:59", "1999-12-31T22:59:59.000Z"},
    /* Month first with slashes, day first otherwise, unless it cannot be. */
    {"07/02/2025 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"13/07/2025 14:32:52", "2025-07-13T12:32:52.000Z"},
    {"7/2/2025, 2:32:52 PM", "2025-07-02T12:32:52.000Z"},
    {"07/02/25 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"L 07/02/2025 - 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"02.07.2025 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"02-07-2025 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"07-13-2025 14:32:52", "2025-07-13T12:32:52.000Z"},
    /* Numbers. */
    {"1751459572", "2025-07-02T12:32:52.000Z"},
    {"1751459572.1234567", "2025-07-02T12:32:52.123Z"},
    {"1751459572123", "2025-07-02T12:32:52.123Z"},
    {"@40000000686526fe075bcd15", "2025-07-02T12:32:52.123Z"},
};

static void
expect_message_x(const char *begin, const char *stamp, const char *end, const char *time)
{
	struct decoder *d = decoder_in(BERLIN);
	struct buf b = BUF_INIT;
	struct line line;
	struct record rec;

	buf_printf(&b, "%s%s%s", begin, stamp, end);
	rec = decode(d, buf_view(&b), at("2025-08-10T12:00:00"), &line);
	ck_assert_str_eq(record_format_name(rec.format), "dated");
	expect_time(&rec, time);
	expect("message", rec.message, "x");
	ck_assert_uint_eq(rec.host.n + rec.program.n + rec.pid.n, 0);
	buf_free(&b);
	decoder_free(&d);
}

START_TEST(stamp_is_taken_off)
{
	const struct stamped *s = &own_stamps[_i];

	expect_message_x("", s->stamp, " x", s->time);
	expect_message_x("", s->stamp, ": x", s->time);
	expect_message_x("", s->stamp, "|x", s->time);
	expect_message_x("[", s->stamp, "] x", s->time);
	expect_message_x("[", s->stamp, "]x", s->time);
	expect_message_x("[", s->stamp, "]:  x", s->time);
}
END_TEST

/* Nothing else looks like it there. */
static const struct stamped bracketed_stamps[] = {
    {"Jul  2 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"CEST Jul  2 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"Jul 02 2025 14:32:52", "2025-07-02T12:32:52.000Z"},
    {"2025-07-02T14:32:52.123+03:00", "2025-07-02T11:32:52.123Z"},
    {"2025-07-02 14:32:52,123 UTC", "2025-07-02T14:32:52.123Z"},
    {"2025/07/02 14:32:52", "2025-07-02T12:32:52.000Z"},
};

START_TEST(stamp_in_brackets_is_taken_off)
{
	const struct stamped *s = &bracketed_stamps[_i];

	expect_message_x("[", s->stamp, "] x", s->time);
}
END_TEST

/* The lines of access logs stay as they are, but tell when they are of. */
static const struct stamped inside[] = {
    {"192.0.2.7 - - [02/Jul/2025:14:32:52 +0300] \"GET / HTTP/1.1\" 200 1",
        "2025-07-02T11:32:52.000Z"},
    {"www.example.com:80 2001:db8::7 - bob [02/Jul/2025:14:32:52 +0300] \"GET /\" 200 1",
        "2025-07-02T11:32:52.000Z"},
    {"192.0.2.7 [02/Jul/2025:14:32:52] x", "2025-07-02T12:32:52.000Z"},
    /* What a client may choose comes second. */
    {"192.0.2.7 - [01/Jan/1990:00:00:00 +0000] [02/Jul/2025:14:32:52 +0300] \"GET /\" 200 1",
        "2025-07-02T11:32:52.000Z"},
    {"192.0.2.7 - - [02/Jul/2025:14:32:52 +0300] \"GET /[01/Jan/1990:00:00:00 +0000] \" 200 1",
        "2025-07-02T11:32:52.000Z"},
    {"192.0.2.7 - - [02/Foo/2025:14:32:52 +0300] \"GET /\" 200 1", "2025-08-10T12:00:00.000Z"},
};

START_TEST(stamp_inside_is_the_time)
{
	const struct stamped *s = &inside[_i];
	struct decoder *d = decoder_in(BERLIN);
	struct line line;
	struct record rec = decode(d, sv_str(s->stamp), at("2025-08-10T12:00:00"), &line);

	ck_assert_str_eq(record_format_name(rec.format), "plain");
	expect_time(&rec, s->time);
	expect("message", rec.message, s->stamp);
	decoder_free(&d);
}
END_TEST

/* --- near misses --- */

static const char *const plain_lines[] = {
    "x",
    "{\"time\":\"2025-12-10T06:55:48Z\"}",
    "type=USER_LOGIN msg=audit(1373330717.000:4068): pid=1",
    "\tat com.example.Main.run(Main.java:3)",
    /* Dates and times that are none. */
    "Dec 32 06:55:48 web1 sshd[1]: x",
    "Dec 00 06:55:48 web1 sshd[1]: x",
    "Feb 30 06:55:48 web1 sshd[1]: x",
    "Feb 29 2025 06:55:48 web1 sshd[1]: x",
    "Apr 31 06:55:48 web1 sshd[1]: x",
    "Dec 10 24:00:00 web1 sshd[1]: x",
    "Dec 10 06:60:48 web1 sshd[1]: x",
    "Dec 10 06:55:61 web1 sshd[1]: x",
    "Dez 10 06:55:48 web1 sshd[1]: x",
    "December 10 06:55:48 web1 sshd[1]: x",
    "Dec 10 1969 06:55:48 web1 sshd[1]: x",
    "2025-13-10T06:55:48Z x",
    "2025-00-10T06:55:48Z x",
    "2025-02-29T06:55:48Z x",
    "1900-02-29T06:55:48Z x",
    "2025-12-10T24:00:00Z x",
    "2025-12-10T06:55:61Z x",
    "0000-12-10T06:55:48Z x",
    /* Shapes that are none. */
    "Dec 10 06:55 web1 sshd[1]: x",
    "Dec 10 6:55:48 web1 sshd[1]: x",
    "Dec   10 06:55:48 web1 sshd[1]: x",
    "Dec-10 06:55:48 web1 sshd[1]: x",
    "Dec 10 06:55:48web1 sshd[1]: x",
    "Dec 10 06:55:485 web1 sshd[1]: x",
    "Dec 10 06:55:48.x web1 sshd[1]: x",
    " Dec 10 06:55:48 web1 sshd[1]: x",
    "2025-12-10",
    "2025-12-10 x",
    "2025-12-10T06:55Z x",
    "2025-12/10 06:55:48 x",
    "2025/12/10T06:55:48 x",
    "2025-12-10T06:55:48x",
    "2025-12-10T06:55:48+1 x",
    "2025-12-10T06:55:48+24:00 x",
    /* Stamps that are none. */
    "[Dec 10 06:55:48 web1 x",
    "[12345.678901] device eth0",
    "[12345] x",
    "[ 2025-12-10 06:55:48] x",
    "[2025-12-10 06:55:48 x] y",
    "[2025-12-10] x",
    "Wed Dec 10 06:55 2025 x",
    "Wen Dec 10 06:55:48 2025 x",
    "Wed Dec 10 06:55:48 20255 x",
    "Dec 10, 2025 13:55:48 PM x",
    "Dec 10, 2025 0:55:48 AM x",
    "10/32/2025 06:55:48 x",
    "13/13/2025 06:55:48 x",
    "2025-13-10 06:55:48 x",
    "10.12.25.1 06:55:48 x",
    "10.11.12.13 - - x",
    "120 06:55:48 x",
    "25121 06:55:48 x",
    "2512100 06:55:48 x",
    "251210  06:55 x",
    "142863468 x",
    "14286346871 x",
    "0428634687 x",
    "1428634687x",
    "1428634687.x",
    "1428634687123.5 x",
    "@4000000052d4b5e52f1b3c4 x",
    "@4000000052d4b5e5ff1b3c4d x",
    "@3000000052d4b5e52f1b3c4d x",
    "@4f00000052d4b5e52f1b3c4d x",
    "@4000000052D4B5E52F1B3C4D x",
    /* Tags that are none. */
    "sshd: x",
    "sshd[x]: y",
    "sshd[12] x",
    "NOTICE[12]: x",
    "a b sshd[12]: x",
    "7 <34>Dec 10 06:55:48 web1 su: x",
    "7 <34> x",
    "1234567 <34>1 - - - - - - x",
    "1 2025-12-10T06:55:48Z web1 app",
    "2 2025-12-10T06:55:48Z web1 app - - - x",
    /* PRIs that are none. */
    "<192>Dec 10 06:55:48 web1 su: x",
    "<999>x",
    "<013>x",
    "<>x",
    "<3",
    "<3x>x",
    "<1234>x",
    "<-1>x",
    "<html>",
};

START_TEST(near_miss_is_plain)
{
	struct decoder *d = decoder_in("UTC");
	struct line line;
	struct record rec = decode(d, sv_str(plain_lines[_i]), at("2026-01-10T12:00:00"), &line);

	ck_assert_str_eq(record_format_name(rec.format), "plain");
	expect_time(&rec, NOW_TEXT);
	ck_assert_int_eq(rec.facility, -1);
	ck_assert_int_eq(rec.severity, -1);
	ck_assert_uint_eq(rec.host.n + rec.program.n + rec.pid.n + rec.structured.n, 0);
	expect("message", rec.message, plain_lines[_i]);
	decoder_free(&d);
}
END_TEST

/* --- bounds and hostile bytes --- */

/* A line with ${n} times 'a' at the place of the "%s". */
static char *
with_run(const char *format, size_t n)
{
	const char *hole = strstr(format, "%s");
	struct buf b = BUF_INIT;

	buf_add(&b, format, (size_t)(hole - format));
	for (size_t i = 0; i < n; i++)
		buf_putc(&b, 'a');
	buf_puts(&b, hole + 2);
	return buf_steal(&b);
}

static size_t
part_of_run(const char *format, size_t n, bool host)
{
	struct decoder *d = decoder_in("UTC");
	char *text = with_run(format, n);
	struct line line;
	struct record rec = decode(d, sv_str(text), at("2026-01-10T12:00:00"), &line);
	size_t got = host ? rec.host.n : rec.program.n;

	if (got == 0)
		ck_assert_uint_ge(rec.message.n, n);
	decoder_free(&d);
	free(text);
	return got;
}

START_TEST(bound_of_names)
{
	const char *host = "Dec 10 06:55:48 %s sshd[1]: x", *tag = "Dec 10 06:55:48 web1 %s: x";
	const char *app = "<34>1 - web1 %s - - - x", *relay = "<34>1 - %s su - - - x";

	ck_assert_uint_eq(part_of_run(host, 255, true), 255);
	ck_assert_uint_eq(part_of_run(host, 256, true), 0);
	ck_assert_uint_eq(part_of_run(tag, 64, false), 64);
	ck_assert_uint_eq(part_of_run(tag, 65, false), 0);
	ck_assert_uint_eq(part_of_run(tag, 100000, false), 0);
	ck_assert_uint_eq(part_of_run(app, 48, false), 48);
	ck_assert_uint_eq(part_of_run(app, 49, false), 0);
	ck_assert_uint_eq(part_of_run(relay, 255, true), 255);
}
END_TEST

START_TEST(bound_of_a_stamp)
{
	static const char fits[] =
	    "2025-12-10T06:55:48.12300000000000000000000000000000000000000000 x";
	static const char longer[] =
	    "2025-12-10T06:55:48.123000000000000000000000000000000000000000000000000 x";
	struct decoder *d = decoder_in("UTC");
	struct line line;
	struct record rec = decode(d, sv_str(fits), at("2026-01-10T12:00:00"), &line);

	expect_time(&rec, "2025-12-10T06:55:48.123Z");
	rec = decode(d, sv_str(longer), at("2026-01-10T12:00:00"), &line);
	ck_assert_str_eq(record_format_name(rec.format), "plain");
	decoder_free(&d);
}
END_TEST

START_TEST(hostile_bytes_stay_in_the_message)
{
	static const char text[] = "Dec 10 06:55:48 web1 sshd[1]: a\0b\xff\x1b[2J";
	static const char in_tag[] = "Dec 10 06:55:48 web1 ss\0hd[1]: x";
	static const char in_host[] = "Dec 10 06:55:48 web\xff sshd[1]: x";
	struct decoder *d = decoder_in("UTC");
	int64_t now = at("2026-01-10T12:00:00");
	struct line line;
	struct record rec = decode(d, (struct sv){text, sizeof(text) - 1}, now, &line);

	ck_assert(sv_eq(rec.message, SV("a\0b\xff\x1b[2J")));
	rec = decode(d, SV(in_tag), now, &line);
	expect("program", rec.program, "");
	ck_assert(sv_eq(rec.message, SV("ss\0hd[1]: x")));
	rec = decode(d, SV(in_host), now, &line);
	expect("host", rec.host, "");
	ck_assert(sv_eq(rec.message, SV("web\xff sshd[1]: x")));
	decoder_free(&d);
}
END_TEST

/* Every prefix of a good line is a line too; nothing may be read past its end,
 * which the sanitizers watch. */
START_TEST(prefixes_are_lines)
{
	struct decoder *d = decoder_in("UTC");
	struct line line;

	for (int i = 0; i < COUNT(samples); i++) {
		size_t full = strlen(samples[i].line);

		for (size_t n = 0; n <= full; n++) {
			char *copy = n == 0 ? NULL : malloc(n);

			if (n > 0)
				memcpy(copy, samples[i].line, n);
			decode(d, (struct sv){copy, n}, at("2026-01-10T12:00:00"), &line);
			free(copy);
		}
	}
	decoder_free(&d);
}
END_TEST

/* --- RFC 5424 structured data --- */

static const struct {
	const char *rest, *structured, *message;
} structured[] = {
    {"-", "", ""},
    {"- x", "", "x"},
    {"[a@1 b=\"c\"] x", "[a@1 b=\"c\"]", "x"},
    {"[a@1 b=\"c\"][d@1] x", "[a@1 b=\"c\"][d@1]", "x"},
    {"[a@1 b=\"\\\"\\\\\\]\"] x", "[a@1 b=\"\\\"\\\\\\]\"]", "x"},
    {"[a@1 b=\"]\"] x", "[a@1 b=\"]\"]", "x"},
    {"[a@1 b= \"c\"]", "[a@1 b= \"c\"]", ""},
    {"[a@1] [no data", "[a@1]", "[no data"},
    {"[a@1 b=\"c", "", "[a@1 b=\"c"},
    {"[a@1 b=\"c\\", "", "[a@1 b=\"c\\"},
    {"[a@1][b x", "[a@1]", "[b x"},
    {"-x", "", "-x"},
};

/* Lines that are not as their writer wrote them. */
static struct record
decode_form(struct decoder *d, enum line_form form, const char *text, struct line *line)
{
	static const struct stream stream = {
	    .id = "s", .source = "s", .path = "/s", .program = "nginx"};
	struct record rec;

	*line = (struct line){.stream = &stream, .form = form, .text = sv_str(text)};
	decode_line(d, line, at("2026-01-10T12:00:00"), &rec);
	return rec;
}

static void
expect_field(const struct record *rec, const char *name, const char *wanted)
{
	const struct sv *value = record_field(rec, name);

	ck_assert_msg((value == NULL) == (wanted == NULL), "%s", name);
	if (wanted != NULL)
		expect(name, *value, wanted);
}

START_TEST(lines_of_a_spool_tell_how_they_came)
{
	struct decoder *d = decoder_in("UTC");
	struct line line;
	struct record rec = decode_form(d, LINE_SPOOL,
	    "00000000 1765349748000 tls:192.0.2.5/gw.example.org <34>Dec 10 06:55:48 gw su: hi", &line);

	expect("peer_ip", rec.peer_ip, "192.0.2.5");
	expect("peer_name", rec.peer_name, "gw.example.org");
	expect("host", rec.host, "gw");
	expect("message", rec.message, "hi");
	expect("text", rec.text, "<34>Dec 10 06:55:48 gw su: hi");
	expect_field(&rec, "@peer_ip", "192.0.2.5");
	/* A user id is no address; what came has no stamp. */
	rec = decode_form(d, LINE_SPOOL, "00000000 1765349748000 unix:1000 hello", &line);
	expect("peer_ip", rec.peer_ip, "");
	expect("program", rec.program, "nginx");
	expect_time(&rec, "2025-12-10T06:55:48.000Z");
	/* A line that nobody spooled is a line. */
	rec = decode_form(d, LINE_SPOOL, "hello", &line);
	expect("message", rec.message, "hello");
	decoder_free(&d);
}
END_TEST

START_TEST(lines_of_a_format_have_fields)
{
	struct decoder *d = decoder_in("UTC");
	struct line line;
	struct record rec = decode_form(d, LINE_FIELDS,
	    "@time=1765349748123\x1f@host=h\x1f@pid=7\x1f@facility=4\x1f@severity=9\x1f"
	    "a.b=1=2\x1f" "empty=\x1fjunk\x1f@message=m = x", &line);

	expect_time(&rec, "2025-12-10T06:55:48.123Z");
	expect("host", rec.host, "h");
	expect("pid", rec.pid, "7");
	expect("program", rec.program, "nginx");
	expect("message", rec.message, "m = x");
	expect("text", rec.text, "m = x");
	ck_assert_int_eq(rec.facility, 4);
	ck_assert_int_eq(rec.severity, -1);
	ck_assert_uint_eq(rec.nfields, 2);
	expect_field(&rec, "a.b", "1=2");
	expect_field(&rec, "empty", "");
	expect_field(&rec, "junk", NULL);
	expect_field(&rec, "@host", "h");
	expect_field(&rec, "@peer_ip", NULL);
	decoder_free(&d);
}
END_TEST

START_TEST(structured_data_has_fields)
{
	struct decoder *d = decoder_in("UTC");
	struct line line;
	struct record rec = decode_form(d, LINE_RAW,
	    "<34>1 2025-12-10T06:55:48Z h su - - [a@1 ip=\"192.0.2.1\" q=\"\\\"]\"][b ip=\"x\"] hi", &line);

	ck_assert_uint_eq(rec.nfields, 3);
	expect_field(&rec, "a@1.ip", "192.0.2.1");
	expect_field(&rec, "a@1.q", "\\\"]");
	expect_field(&rec, "b.ip", "x");
	expect_field(&rec, "ip", NULL);
	decoder_free(&d);
}
END_TEST

START_TEST(structured_data_is_delimited)
{
	struct decoder *d = decoder_in("UTC");
	struct buf b = BUF_INIT;
	struct line line;
	struct record rec;

	buf_puts(&b, "<34>1 2025-12-10T06:55:48Z web1 su - - ");
	buf_puts(&b, structured[_i].rest);
	rec = decode(d, buf_view(&b), at("2026-01-10T12:00:00"), &line);
	ck_assert_str_eq(record_format_name(rec.format), "rfc5424");
	expect("structured", rec.structured, structured[_i].structured);
	expect("message", rec.message, structured[_i].message);
	buf_free(&b);
	decoder_free(&d);
}
END_TEST

/* --- which year, which hour --- */

struct moment {
	const char *zone, *now, *stamp, *time;
};

static const struct moment moments[] = {
    /* New Year, both ways, live and late. */
    {"UTC", "2026-01-01T00:00:01", "Dec 31 23:59:59", "2025-12-31T23:59:59.000Z"},
    {"UTC", "2025-12-31T23:59:59", "Jan  1 00:00:01", "2026-01-01T00:00:01.000Z"},
    {"UTC", "2026-01-01T00:00:00", "Jan  1 00:00:00", "2026-01-01T00:00:00.000Z"},
    {"UTC", "2026-03-01T00:00:00", "Nov  1 00:00:00", "2025-11-01T00:00:00.000Z"},
    {"UTC", "2025-11-01T00:00:00", "Mar  1 00:00:00", "2026-03-01T00:00:00.000Z"},
    {"UTC", "2026-07-01T00:00:00", "Jan  2 00:00:00", "2026-01-02T00:00:00.000Z"},
    {"UTC", "2026-07-01T00:00:00", "Dec 30 00:00:00", "2026-12-30T00:00:00.000Z"},
    {"UTC", "2026-07-10T00:00:00", "Jan  1 00:00:00", "2027-01-01T00:00:00.000Z"},
    {BERLIN, "2025-12-31T23:30:00", "Jan  1 00:30:00", "2025-12-31T23:30:00.000Z"},
    /* February 29. */
    {"UTC", "2024-02-29T12:00:00", "Feb 29 06:00:00", "2024-02-29T06:00:00.000Z"},
    {"UTC", "2024-03-01T00:00:00", "Feb 29 06:00:00", "2024-02-29T06:00:00.000Z"},
    {"UTC", "2025-12-01T00:00:00", "Feb 29 06:00:00", "2024-02-29T06:00:00.000Z"},
    {"UTC", "2027-06-01T00:00:00", "Feb 29 06:00:00", "2028-02-29T06:00:00.000Z"},
    {"UTC", "2026-02-01T00:00:00", "Feb 29 06:00:00", "2024-02-29T06:00:00.000Z"},
    {"UTC", "2000-03-01T00:00:00", "Feb 29 06:00:00", "2000-02-29T06:00:00.000Z"},
    /* Summer and winter time. */
    {BERLIN, "2026-01-10T12:00:00", "Jan 10 12:00:00", "2026-01-10T11:00:00.000Z"},
    {BERLIN, "2026-07-10T12:00:00", "Jul 10 12:00:00", "2026-07-10T10:00:00.000Z"},
    {BERLIN, "2026-07-10T12:00:00", "Mar 29 01:59:59", "2026-03-29T00:59:59.000Z"},
    {BERLIN, "2026-07-10T12:00:00", "Mar 29 03:00:00", "2026-03-29T01:00:00.000Z"},
    {BERLIN, "2026-07-10T12:00:00", "Oct 25 01:59:59", "2026-10-24T23:59:59.000Z"},
    {BERLIN, "2026-07-10T12:00:00", "Oct 25 03:00:00", "2026-10-25T02:00:00.000Z"},
    /* The hour that is not: as if the clock had not been changed. */
    {BERLIN, "2026-07-10T12:00:00", "Mar 29 02:30:00", "2026-03-29T01:30:00.000Z"},
    /* The hour that comes twice: the one that is nearer. */
    {BERLIN, "2026-10-25T00:30:01", "Oct 25 02:30:00", "2026-10-25T00:30:00.000Z"},
    {BERLIN, "2026-10-25T01:30:01", "Oct 25 02:30:00", "2026-10-25T01:30:00.000Z"},
    {ST_JOHNS, "2026-01-10T12:00:00", "Jan 10 12:00:00", "2026-01-10T15:30:00.000Z"},
    {KOLKATA, "2026-01-10T12:00:00", "Jan 10 12:00:00", "2026-01-10T06:30:00.000Z"},
    {KIRITIMATI, "2026-01-10T12:00:00", "Jan 11 01:00:00", "2026-01-10T11:00:00.000Z"},
    /* ISO stamps without a zone are local as well, with one they are not. */
    {BERLIN, "2026-01-10T12:00:00", "2026-07-10 12:00:00", "2026-07-10T10:00:00.000Z"},
    {BERLIN, "2026-01-10T12:00:00", "2026-07-10T12:00:00", "2026-07-10T10:00:00.000Z"},
    {BERLIN, "2026-01-10T12:00:00", "2026-07-10T12:00:00Z", "2026-07-10T12:00:00.000Z"},
    {BERLIN, "2026-10-25T01:30:01", "2026-10-25 02:30:00", "2026-10-25T01:30:00.000Z"},
    {BERLIN, "2026-01-10T12:00:00", "Jul 10 2019 12:00:00", "2019-07-10T10:00:00.000Z"},
};

START_TEST(stamp_means_a_time)
{
	const struct moment *m = &moments[_i];
	struct decoder *d = decoder_in(m->zone);
	struct line line;
	struct record rec = decode(d, sv_str(m->stamp), at(m->now), &line);

	expect_time(&rec, m->time);
	decoder_free(&d);
}
END_TEST

/* One decoder, the clock moving on: what was remembered for one now must not be
 * used for another. */
START_TEST(stamp_is_not_remembered_too_long)
{
	struct decoder *d = decoder_in(BERLIN);
	struct line line;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < COUNT(moments); i++) {
			struct record rec;

			if (strcmp(moments[i].zone, BERLIN) != 0)
				continue;
			rec = decode(d, sv_str(moments[i].stamp), at(moments[i].now), &line);
			expect_time(&rec, moments[i].time);
			rec = decode(d, sv_str(moments[i].stamp), at(moments[i].now), &line);
			expect_time(&rec, moments[i].time);
		}
	}
	decoder_free(&d);
}
END_TEST

/* The year follows now from day to day, up and down; a decoder that has seen the
 * stamp before says the same as a new one. */
static void
expect_nearest(struct decoder *old, struct sv stamp, int64_t now)
{
	struct decoder *d = decoder_new();
	struct line line;
	int64_t time = decode(d, stamp, now, &line).time;

	ck_assert_int_le(llabs(time - now), 183 * DAY);
	ck_assert_int_eq(decode(old, stamp, now, &line).time, time);
	decoder_free(&d);
}

START_TEST(year_is_the_nearest_on_every_day)
{
	static const char *const stamps[] = {
	    "Jan  1 00:00:00", "Feb 28 12:00:00", "Jul  2 12:00:00", "Dec 31 23:59:59"};
	struct sv stamp = sv_str(stamps[_i]);
	struct decoder *old = decoder_in("UTC");
	int64_t start = at("2023-01-01T06:00:00"), end = start + 3 * 365 * DAY, now;

	for (now = start; now < end; now += DAY)
		expect_nearest(old, stamp, now);
	for (; now > start; now -= DAY)
		expect_nearest(old, stamp, now);
	decoder_free(&old);
}
END_TEST

/* Two files read side by side over New Year, in Berlin an hour before UTC has it. */
START_TEST(year_is_the_nearest_from_line_to_line)
{
	static const struct { const char *stamp, *time; } lines[] = {
	    {"Dec 31 23:59:59", "2025-12-31T22:59:59.000Z"},
	    {"Jan  1 00:00:00", "2025-12-31T23:00:00.000Z"},
	    {"Dec 31 23:59:60", "2025-12-31T23:00:00.000Z"},
	    {"Feb 28 12:00:00", "2026-02-28T11:00:00.000Z"},
	    {"Dec 31 2025 23:59:59", "2025-12-31T22:59:59.000Z"},
	    {"Dec 31 2024 23:59:59", "2024-12-31T22:59:59.000Z"},
	    {"2026-01-01 00:00:00", "2025-12-31T23:00:00.000Z"},
	};
	struct decoder *d = decoder_in(BERLIN);
	int64_t midnight = at("2025-12-31T23:00:00");
	struct line line;

	for (int64_t now = midnight - 60000; now < midnight + 60000; now += 500) {
		for (int i = 0; i < 2 * COUNT(lines); i++) {
			int k = i < COUNT(lines) ? i : 2 * COUNT(lines) - 1 - i;
			struct record rec = decode(d, sv_str(lines[k].stamp), now, &line);

			expect_time(&rec, lines[k].time);
		}
	}
	decoder_free(&d);
}
END_TEST

/* With now at the time itself, the doubled hour is resolved, too. */
static void
expect_local_time(struct decoder *d, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct line line;
	struct tm tm;
	char text[32];

	ck_assert_ptr_nonnull(localtime_r(&t, &tm));
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	ck_assert_int_eq(decode(d, sv_str(text), seconds * 1000, &line).time, seconds * 1000);
	strftime(text, sizeof(text), "%b %e %H:%M:%S", &tm);
	ck_assert_int_eq(decode(d, sv_str(text), seconds * 1000, &line).time, seconds * 1000);
}

/* Against the C library, a quarter of an hour and a bit at a time, over some changes of
 * the clocks: forth, back, and to and fro. */
START_TEST(local_time_agrees_with_the_library)
{
	static const char *const zones[] = {
	    "UTC", BERLIN, NEW_YORK, LORD_HOWE, ST_JOHNS, KATHMANDU};
	struct decoder *d = decoder_in(zones[_i]);
	int64_t start = at("2024-01-01T00:00:00") / 1000, end = at("2026-01-01T00:00:00") / 1000;

	for (int64_t t = start; t < end; t += 907)
		expect_local_time(d, t);
	for (int64_t t = end; t > start; t -= 907)
		expect_local_time(d, t);
	for (int64_t t = start; t + 40000 < end; t += 10007) {
		expect_local_time(d, t + 40000);
		expect_local_time(d, t);
	}
	decoder_free(&d);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decode");
	TCase *lines = tcase_create("lines"), *bounds = tcase_create("bounds");
	TCase *times = tcase_create("times");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(lines, line_is_decoded, 0, COUNT(samples));
	tcase_add_loop_test(lines, what_was_reduced_counts_for_all, 0, COUNT(reduced));
	tcase_add_test(lines, line_does_not_depend_on_the_one_before);
	tcase_add_loop_test(lines, stamp_is_taken_off, 0, COUNT(own_stamps));
	tcase_add_loop_test(lines, stamp_in_brackets_is_taken_off, 0, COUNT(bracketed_stamps));
	tcase_add_loop_test(lines, stamp_inside_is_the_time, 0, COUNT(inside));
	tcase_add_loop_test(lines, near_miss_is_plain, 0, COUNT(plain_lines));
	tcase_add_test(lines, lines_of_a_spool_tell_how_they_came);
	tcase_add_test(lines, lines_of_a_format_have_fields);
	tcase_add_test(lines, structured_data_has_fields);
	tcase_add_loop_test(lines, structured_data_is_delimited, 0, COUNT(structured));
	suite_add_tcase(suite, lines);
	tcase_add_test(bounds, bound_of_names);
	tcase_add_test(bounds, bound_of_a_stamp);
	tcase_add_test(bounds, hostile_bytes_stay_in_the_message);
	tcase_add_test(bounds, prefixes_are_lines);
	suite_add_tcase(suite, bounds);
	tcase_add_loop_test(times, stamp_means_a_time, 0, COUNT(moments));
	tcase_add_test(times, stamp_is_not_remembered_too_long);
	tcase_add_loop_test(times, year_is_the_nearest_on_every_day, 0, 4);
	tcase_add_test(times, year_is_the_nearest_from_line_to_line);
	tcase_add_loop_test(times, local_time_agrees_with_the_library, 0, 6);
	tcase_set_timeout(times, 60); /* the sanitizers take their time */
	suite_add_tcase(suite, times);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
