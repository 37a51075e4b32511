/*
 * check_decode: what becomes of lines as daemons write them, and of what is longer or
 * stranger than they are.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "decode_rig.h"
#include "util/buf.h"

/* --- whole lines, in UTC, on 2026-01-10 --- */

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
	struct decoder *d = dx_decoder("UTC");
	struct line line;
	struct record rec = dx_decode(d, sv_str(s->line), dx_at("2026-01-10T12:00:00"), &line);

	ck_assert_str_eq(record_format_name(rec.format), s->format);
	dx_expect_time(&rec, s->time);
	ck_assert_int_eq(rec.facility, s->facility);
	ck_assert_int_eq(rec.severity, s->severity);
	dx_expect("host", rec.host, s->host);
	dx_expect("program", rec.program, s->program);
	dx_expect("pid", rec.pid, s->pid);
	dx_expect("message", rec.message, s->message);
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
	struct decoder *d = dx_decoder("UTC0");
	struct line line;
	struct record rec = dx_decode(d, sv_str(s->line), dx_at("2026-01-10T12:00:00"), &line);

	dx_expect("program", rec.program, s->program);
	dx_expect("message", rec.message, s->message);
	ck_assert_uint_eq(rec.repeat, s->repeat);
	decode_header(d, &line, dx_at("2026-01-10T12:00:00"), &rec);
	ck_assert_uint_eq(rec.repeat, 1);
	decoder_free(&d);
}
END_TEST

START_TEST(line_does_not_depend_on_the_one_before)
{
	struct decoder *d = dx_decoder("UTC");
	struct line line;

	for (int i = 0; i < 2 * COUNT(samples) * COUNT(samples); i++) {
		int first = i / 2 / COUNT(samples), second = i / 2 % COUNT(samples);
		const struct sample *s = &samples[i % 2 == 0 ? first : second];
		struct record rec = dx_decode(d, sv_str(s->line), dx_at("2026-01-10T12:00:00"), &line);

		dx_expect_time(&rec, s->time);
		dx_expect("message", rec.message, s->message);
	}
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
	struct decoder *d = dx_decoder("UTC");
	char *text = with_run(format, n);
	struct line line;
	struct record rec = dx_decode(d, sv_str(text), dx_at("2026-01-10T12:00:00"), &line);
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
	struct decoder *d = dx_decoder("UTC");
	struct line line;
	struct record rec = dx_decode(d, sv_str(fits), dx_at("2026-01-10T12:00:00"), &line);

	dx_expect_time(&rec, "2025-12-10T06:55:48.123Z");
	rec = dx_decode(d, sv_str(longer), dx_at("2026-01-10T12:00:00"), &line);
	ck_assert_str_eq(record_format_name(rec.format), "plain");
	decoder_free(&d);
}
END_TEST

START_TEST(hostile_bytes_stay_in_the_message)
{
	static const char text[] = "Dec 10 06:55:48 web1 sshd[1]: a\0b\xff\x1b[2J";
	static const char in_tag[] = "Dec 10 06:55:48 web1 ss\0hd[1]: x";
	static const char in_host[] = "Dec 10 06:55:48 web\xff sshd[1]: x";
	struct decoder *d = dx_decoder("UTC");
	int64_t now = dx_at("2026-01-10T12:00:00");
	struct line line;
	struct record rec = dx_decode(d, (struct sv){text, sizeof(text) - 1}, now, &line);

	ck_assert(sv_eq(rec.message, SV("a\0b\xff\x1b[2J")));
	rec = dx_decode(d, SV(in_tag), now, &line);
	dx_expect("program", rec.program, "");
	ck_assert(sv_eq(rec.message, SV("ss\0hd[1]: x")));
	rec = dx_decode(d, SV(in_host), now, &line);
	dx_expect("host", rec.host, "");
	ck_assert(sv_eq(rec.message, SV("web\xff sshd[1]: x")));
	decoder_free(&d);
}
END_TEST

/* Every prefix of a good line is a line too; nothing may be read past its end,
 * which the sanitizers watch. */
START_TEST(prefixes_are_lines)
{
	struct decoder *d = dx_decoder("UTC");
	struct line line;

	for (int i = 0; i < COUNT(samples); i++) {
		size_t full = strlen(samples[i].line);

		for (size_t n = 0; n <= full; n++) {
			char *copy = n == 0 ? NULL : malloc(n);

			if (n > 0)
				memcpy(copy, samples[i].line, n);
			dx_decode(d, (struct sv){copy, n}, dx_at("2026-01-10T12:00:00"), &line);
			free(copy);
		}
	}
	decoder_free(&d);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decode");
	TCase *tc = tcase_create("decode");

	tcase_add_loop_test(tc, line_is_decoded, 0, COUNT(samples));
	tcase_add_loop_test(tc, what_was_reduced_counts_for_all, 0, COUNT(reduced));
	tcase_add_test(tc, line_does_not_depend_on_the_one_before);
	tcase_add_test(tc, bound_of_names);
	tcase_add_test(tc, bound_of_a_stamp);
	tcase_add_test(tc, hostile_bytes_stay_in_the_message);
	tcase_add_test(tc, prefixes_are_lines);
	suite_add_tcase(suite, tc);
	return dx_run(suite);
}
