/*
 * decode_rig: see decode_rig.h.
 */
#include "decode_rig.h"

#include <stdlib.h>
#include <time.h>

#include "util/buf.h"
#include "util/clock.h"

int64_t
dx_at(const char *text)
{
	struct tm tm = {0};

	ck_assert_ptr_nonnull(strptime(text, "%Y-%m-%dT%H:%M:%S", &tm));
	return timegm(&tm) * 1000LL;
}

struct decoder *
dx_decoder(const char *zone)
{
	setenv("TZ", zone, 1);
	return decoder_new();
}

struct record
dx_decode(struct decoder *d, struct sv text, int64_t now, struct line *line)
{
	static const struct stream stream = {.id = "s", .source = "s", .path = "/s"};
	struct record rec;

	*line = (struct line){.stream = &stream, .text = text};
	decode_line(d, line, now, &rec);
	ck_assert_ptr_eq(rec.line, line);
	return rec;
}

void
dx_expect_time(const struct record *rec, const char *text)
{
	struct buf b = BUF_INIT;

	clock_format(&b, rec->time);
	ck_assert_str_eq(buf_str(&b), text);
	buf_free(&b);
}

void
dx_expect(const char *what, struct sv got, const char *wanted)
{
	if (!sv_is(got, wanted == NULL ? "" : wanted))
		ck_abort_msg("%s is '%.*s', not '%s'", what, SV_FMT(got), wanted);
}

int
dx_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
