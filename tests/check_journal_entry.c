/*
 * check_journal_entry: what the line of an entry says: the fields that journald vouches
 * for, and nothing that could pass for them; the same as journalctl says.
 */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal_rig.h"
#include "model/fields.h"
#include "util/clock.h"
#include "util/xalloc.h"

/* ---- what the lines say ------------------------------------------------------- */

static void
add_binary(struct buf *out, const char *name, struct sv value)
{
	uint64_t n = value.n; /* little-endian in the format, and here */

	buf_printf(out, "%s\n", name);
	buf_add(out, &n, sizeof(n));
	buf_sv(out, value);
	buf_putc(out, '\n');
}

static void
follow_one(struct jr *r, const struct buf *export)
{
	jr_append_file(r->path, export);
	jr_start(r);
	jr_until_lines(r, 1);
}

START_TEST(header_and_fields)
{
	struct jr *r = jr_open(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;

	jr_add_entry(&export, 1,
	    "PRIORITY=3\nSYSLOG_FACILITY=10\nSYSLOG_IDENTIFIER=sshd\nSYSLOG_PID=9\n"
	    "_PID=77\n_UID=0\n_COMM=sshd\n_SYSTEMD_UNIT=ssh.service\n_HOSTNAME=web1\n"
	    "_TRANSPORT=syslog\nCODE_LINE=12\n");
	follow_one(r, &export);
	ck_assert_int_eq(strncmp(buf_str(&r->text),
	                     "0\x1f@time=1700000001000\x1f@host=web1\x1f@program=sshd\x1f@pid=77"
	                     "\x1f@facility=10\x1f@severity=3\x1f",
	                     80), 0);
	ck_assert(strstr(r->text.p, "\x1fuid=0\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f" "comm=sshd\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1fsystemd_unit=ssh.service\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f" "code_line=12\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f@message=line 1\n") != NULL);
	buf_free(&export);
	jr_close(r);
}
END_TEST

START_TEST(nobody_can_pass_for_a_trusted_field)
{
	struct jr *r = jr_open(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;

	jr_add_entry(&export, 1,
	    "SYSTEMD_UNIT=ssh.service\n_SYSTEMD_UNIT=evil.service\nUID=0\nAUDIT_LOGINUID=0\n"
	    "HOSTNAME=other\nPID=1\nTRANSPORT=driver\n_ODD=trusted\nODD=forged\nOWN=x\n");
	follow_one(r, &export);
	ck_assert(strstr(r->text.p, "\x1fsystemd_unit=evil.service\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1fodd=trusted\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1fown=x\x1f") != NULL);
	ck_assert_ptr_null(strstr(r->text.p, "ssh.service"));
	ck_assert_ptr_null(strstr(r->text.p, "forged"));
	ck_assert_ptr_null(strstr(r->text.p, "uid="));
	ck_assert_ptr_null(strstr(r->text.p, "pid="));
	ck_assert_ptr_null(strstr(r->text.p, "other"));
	ck_assert_ptr_null(strstr(r->text.p, "driver"));
	buf_free(&export);
	jr_close(r);
}
END_TEST

START_TEST(values_cannot_break_the_form)
{
	struct jr *r = jr_open(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;

	jr_add_stamp(&export, 1);
	add_binary(&export, "MESSAGE", (struct sv){"a\nb\x1f@host=c\0d", 13});
	add_binary(&export, "EXTRA", (struct sv){"x\n1\x1f@time=2", 11});
	buf_puts(&export, "SYSLOG_IDENTIFIER=p q\n\n");
	follow_one(r, &export);
	ck_assert_uint_eq(sv_count(buf_view(&r->text), '\n'), 1);
	ck_assert(strstr(r->text.p, "\x1f@program=p q\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f" "extra=x 1 @time=2\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f@message=a b @host=c d\n") != NULL);
	buf_free(&export);
	jr_close(r);
}
END_TEST

START_TEST(long_message_is_cut_and_told)
{
	struct jr *r = jr_open(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;

	jr_add_stamp(&export, 1);
	buf_printf(&export, "MESSAGE=%0*d\n\n", MAX_LINE + 1, 7);
	jr_add_entry(&export, 2, "");
	follow_one(r, &export);
	jr_until_lines(r, 2);
	ck_assert(jr_told(r, "oversize 0 an entry has 1 values"));
	ck_assert_uint_lt(r->text.n, MAX_LINE + 400);
	ck_assert(strstr(r->text.p, "line 2") != NULL);
	buf_free(&export);
	jr_close(r);
}
END_TEST

START_TEST(many_fields_do_not_hide_the_trusted_ones)
{
	struct jr *r = jr_open(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;

	jr_add_stamp(&export, 1);
	for (int i = 0; i < 400; i++)
		buf_printf(&export, "F%d=%d\n", i, i);
	buf_puts(&export, "MESSAGE=last\n_UID=33\n_EXE=/bin/x\n\n");
	follow_one(r, &export);
	ck_assert(jr_told(r, "oversize"));
	ck_assert(strstr(r->text.p, "\x1fuid=33\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f" "exe=/bin/x\x1f") != NULL);
	ck_assert(strstr(r->text.p, "\x1f@message=last\n") != NULL);
	ck_assert_uint_le(sv_count(buf_view(&r->text), FIELDS_SEPARATOR), FIELDS_MAX + 3);
	buf_free(&export);
	jr_close(r);
}
END_TEST

START_TEST(loss_upstream)
{
	struct jr *r = jr_open(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;

	jr_add_stamp(&export, 1);
	buf_puts(&export, "_TRANSPORT=driver\nMESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e\n"
	                  "MESSAGE=Suppressed 12 messages from a.service\nN_DROPPED=12\n\n");
	jr_add_stamp(&export, 2);
	buf_puts(&export, "_TRANSPORT=driver\nMESSAGE_ID=e9bf28e6e834481bb6f48f548ad13606\n"
	                  "MESSAGE=Missed 34 kernel messages\n\n");
	jr_add_stamp(&export, 3);
	buf_puts(&export, "_TRANSPORT=journal\nTRANSPORT=driver\n"
	                  "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e\n"
	                  "MESSAGE=Suppressed 56 messages from b.service\n\n");
	follow_one(r, &export);
	jr_until_lines(r, 3);
	ck_assert_str_eq(buf_str(&r->troubles),
	    "upstream 12 journald says: Suppressed 12 messages from a.service\n"
	    "upstream 34 journald says: Missed 34 kernel messages\n");
	buf_free(&export);
	jr_close(r);
}
END_TEST

/* What this process logs is passed over, but not what others did, and never lost count of. */
START_TEST(own_entries_are_passed_over)
{
	struct jr *r = jr_open(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	char id[40] = "", boot[40] = "";

	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(id, sizeof(id), f));
	fclose(f);
	for (char *p = id, *q = boot; *p != '\0' && *p != '\n'; p++)
		if (*p != '-')
			*q++ = *p;
	clock_update();
	/* Later than this process, and before it. */
	for (int i = 1; i <= 3; i++)
		buf_printf(&export,
		    "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%llu\n_BOOT_ID=%s\n"
		    "MESSAGE=line %d\n_PID=%ld\n\n",
		    (unsigned long long)(T0 + (unsigned)i),
		    (unsigned long long)(i == 3 ? 1 : clock_mono() * 1000 + 3600000000),
		    boot, i, i == 2 ? 1L : (long)getpid());
	follow_one(r, &export);
	jr_until_lines(r, 2);
	jr_expect(r, "2 3");
	ck_assert_uint_eq(r->offset, 3);
	buf_free(&export);
	jr_close(r);
}
END_TEST

/* ---- equal to journalctl ------------------------------------------------------ */

/* "name=value" of our line is what journalctl has under the names that make it. */
static bool
json_has(const json_t *o, const char *name, struct sv value)
{
	static const char *const parts[][2] = {{"@host", "_HOSTNAME"}, {"@pid", "_PID"},
	    {"@severity", "PRIORITY"}, {"@facility", "SYSLOG_FACILITY"}, {"@message", "MESSAGE"},
	    {"@program", "SYSLOG_IDENTIFIER"}};
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		bool match = strcasecmp(key + (key[0] == '_'), name) == 0;

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			match = match ||
			    (strcmp(parts[i][0], name) == 0 && strcmp(parts[i][1], key) == 0);
		if (match && json_is_string(v) && sv_is(value, json_string_value(v)))
			return true;
	}
	return false;
}

static size_t
check_line(const json_t *o, char *line)
{
	size_t n = 0;

	for (char *save, *f = strtok_r(line, "\x1f", &save); f != NULL;
	     f = strtok_r(NULL, "\x1f", &save), n++) {
		char *equals = strchr(f, '=');

		if (n == 0)
			continue;
		ck_assert_ptr_nonnull(equals);
		*equals = '\0';
		if (strcmp(f, "@time") == 0)
			ck_assert_int_eq(strncmp(equals + 1,
			    json_string_value(json_object_get(o, "__REALTIME_TIMESTAMP")), 13), 0);
		else
			ck_assert_msg(json_has(o, f, sv_str(equals + 1)), "%s=%s", f, equals + 1);
	}
	return n - 2; /* offset, @time */
}

START_TEST(equal_to_journalctl)
{
	struct jr *r = jr_open(START_BEGINNING, "x.journal");
	struct buf export = BUF_INIT;
	char *command = xasprintf("journalctl -q --file '%s' -o json --all", r->path), line[8192];
	FILE *f;
	char *save, *ours;

	for (uint64_t n = 1; n <= 200; n++) {
		char *fields = xasprintf("PRIORITY=%u\nSYSLOG_IDENTIFIER=prog%u\n_PID=%u\n_UID=%u\n"
		                         "_SYSTEMD_UNIT=u%u.service\nUSER_FIELD=v%u\n_EXE=/x/%u\n"
		                         "_HOSTNAME=h%u\nSYSLOG_FACILITY=%u\n",
		    (unsigned)n % 8, (unsigned)n % 7, (unsigned)n % 50, (unsigned)n % 3,
		    (unsigned)n % 11, (unsigned)n, (unsigned)n % 5, (unsigned)n % 2,
		    (unsigned)n % 24);

		jr_add_entry(&export, n, fields);
		free(fields);
	}
	follow_one(r, &export);
	jr_until_lines(r, 200);
	f = popen(command, "re");
	for (ours = strtok_r(r->text.p, "\n", &save); ours != NULL;
	     ours = strtok_r(NULL, "\n", &save)) {
		json_t *o;

		ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
		o = json_loads(line, 0, NULL);
		ck_assert_ptr_nonnull(o);
		/* Not in a line: __CURSOR, __REALTIME_TIMESTAMP, __MONOTONIC_TIMESTAMP. */
		ck_assert_uint_eq(check_line(o, ours) + 3, json_object_size(o));
		json_decref(o);
	}
	ck_assert_ptr_null(fgets(line, sizeof(line), f));
	pclose(f);
	free(command);
	buf_free(&export);
	jr_close(r);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, header_and_fields);
	tcase_add_test(tc, nobody_can_pass_for_a_trusted_field);
	tcase_add_test(tc, values_cannot_break_the_form);
	tcase_add_test(tc, long_message_is_cut_and_told);
	tcase_add_test(tc, many_fields_do_not_hide_the_trusted_ones);
	tcase_add_test(tc, loss_upstream);
	tcase_add_test(tc, own_entries_are_passed_over);
	tcase_add_test(tc, equal_to_journalctl);
}

int
main(void)
{
	return jr_run("journal_entry", add_tests);
}
