/*
 * check_decode_fields: lines of a spool, of a format, and with structured data: what is
 * known besides the message.
 */
#include <check.h>
#include <stdlib.h>

#include "decode_rig.h"
#include "util/buf.h"

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
    {"[a@1 b= \"c\"]", "[a@1 b= \"c\"]", "- [a@1 b= \"c\"]"},
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
	decode_line(d, line, dx_at("2026-01-10T12:00:00"), &rec);
	return rec;
}

static void
expect_field(const struct record *rec, const char *name, const char *wanted)
{
	const struct sv *value = record_field(rec, name);

	ck_assert_msg((value == NULL) == (wanted == NULL), "%s", name);
	if (wanted != NULL)
		dx_expect(name, *value, wanted);
}

START_TEST(lines_of_a_spool_tell_how_they_came)
{
	struct decoder *d = dx_decoder("UTC");
	struct line line;
	struct record rec = decode_form(d, LINE_SPOOL,
	    "00000000 1765349748000 tls:192.0.2.5/gw.example.org <34>Dec 10 06:55:48 gw su: hi", &line);

	dx_expect("peer_ip", rec.peer_ip, "192.0.2.5");
	dx_expect("peer_name", rec.peer_name, "gw.example.org");
	dx_expect("host", rec.host, "gw");
	dx_expect("message", rec.message, "hi");
	dx_expect("text", rec.text, "<34>Dec 10 06:55:48 gw su: hi");
	expect_field(&rec, "@peer_ip", "192.0.2.5");
	/* A user id is no address; what came has no stamp. */
	rec = decode_form(d, LINE_SPOOL, "00000000 1765349748000 unix:1000 hello", &line);
	dx_expect("peer_ip", rec.peer_ip, "");
	dx_expect("program", rec.program, "nginx");
	dx_expect_time(&rec, "2025-12-10T06:55:48.000Z");
	/* A line that nobody spooled is a line. */
	rec = decode_form(d, LINE_SPOOL, "hello", &line);
	dx_expect("message", rec.message, "hello");
	decoder_free(&d);
}
END_TEST

START_TEST(lines_of_a_format_have_fields)
{
	struct decoder *d = dx_decoder("UTC");
	struct line line;
	struct record rec = decode_form(d, LINE_FIELDS,
	    "@time=1765349748123\x1f@host=h\x1f@pid=7\x1f@facility=4\x1f@severity=9\x1f"
	    "a.b=1=2\x1f" "empty=\x1fjunk\x1f@message=m = x", &line);

	dx_expect_time(&rec, "2025-12-10T06:55:48.123Z");
	dx_expect("host", rec.host, "h");
	dx_expect("pid", rec.pid, "7");
	dx_expect("program", rec.program, "nginx");
	dx_expect("message", rec.message, "m = x");
	dx_expect("text", rec.text, "m = x");
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
	struct decoder *d = dx_decoder("UTC");
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
	struct decoder *d = dx_decoder("UTC");
	struct buf b = BUF_INIT;
	struct line line;
	struct record rec;

	buf_puts(&b, "<34>1 2025-12-10T06:55:48Z web1 su - - ");
	buf_puts(&b, structured[_i].rest);
	rec = dx_decode(d, buf_view(&b), dx_at("2026-01-10T12:00:00"), &line);
	ck_assert_str_eq(record_format_name(rec.format), "rfc5424");
	dx_expect("structured", rec.structured, structured[_i].structured);
	dx_expect("message", rec.message, structured[_i].message);
	buf_free(&b);
	decoder_free(&d);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decode_fields");
	TCase *tc = tcase_create("decode_fields");

	tcase_add_test(tc, lines_of_a_spool_tell_how_they_came);
	tcase_add_test(tc, lines_of_a_format_have_fields);
	tcase_add_test(tc, structured_data_has_fields);
	tcase_add_loop_test(tc, structured_data_is_delimited, 0, COUNT(structured));
	suite_add_tcase(suite, tc);
	return dx_run(suite);
}
