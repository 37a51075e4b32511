/*
 * check_receive_frame: streams of syslog, and what messages they are, whatever the
 * reads cut them into and whether or not the messages are taken at once.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "receive/receive_frame.h"
#include "rig.h"
#include "util/buf.h"
#include "util/vis.h"
#include "util/xalloc.h"

#define MAX 40

struct sink {
	struct buf text;   /* messages, each in brackets */
	unsigned refuse;   /* each message so often before it is taken */
	unsigned refused;
};

static bool
take(void *ctx, struct sv message)
{
	struct sink *s = ctx;

	ck_assert_uint_gt(message.n, 0);
	ck_assert_uint_le(message.n, MAX);
	if (s->refused < s->refuse) {
		s->refused++;
		return false;
	}
	s->refused = 0;
	buf_putc(&s->text, '[');
	vis_text(&s->text, message);
	buf_putc(&s->text, ']');
	return true;
}

/* Feed ${more} behind what is left in ${rest}.  False when the stream is lost. */
static bool
feed(struct receive_frame *f, struct buf *rest, struct sv more, struct sink *s)
{
	enum receive_frame_result result;
	size_t used;

	buf_sv(rest, more);
	do {
		result = receive_frame_feed(f, buf_view(rest), &used, take, s);
		ck_assert_uint_le(used, rest->n);
		memmove(rest->p, rest->p + used, rest->n - used);
		rest->n -= used;
	} while (result == FRAME_WAIT);
	ck_assert(result == FRAME_LOST || rest->n <= MAX + 16);
	return result == FRAME_MORE;
}

/* What ${stream} is, when it comes in pieces that end at ${a} and ${b}. */
static char *
parse(struct sv stream, size_t a, size_t b, bool lines, unsigned refuse)
{
	struct receive_frame f = {.max = MAX, .lines = lines};
	struct sink s = {.refuse = refuse};
	struct buf rest = BUF_INIT;
	const size_t ends[] = {a, b, stream.n};
	size_t from = 0;
	bool good = true;

	for (size_t i = 0; i < 3 && good; i++) {
		good = feed(&f, &rest, (struct sv){stream.p + from, ends[i] - from}, &s);
		from = ends[i];
	}
	while (good && receive_frame_end(&f, buf_view(&rest), take, &s) == FRAME_WAIT)
		;
	buf_printf(&s.text, "%s cut %d of %d", good ? "" : " lost", (int)f.cut_bytes, (int)f.cut);
	buf_free(&rest);
	return buf_steal(&s.text);
}

static void
check_same(struct sv stream, size_t a, size_t b, bool lines, unsigned refuse, const char *want)
{
	char *got = parse(stream, a, b, lines, refuse);

	/* After a wrong count nobody needs to know how much was behind it. */
	if (strstr(want, " lost ") != NULL)
		ck_assert_int_eq(strncmp(got, want, (size_t)(strstr(want, " lost") - want)), 0);
	else
		ck_assert_msg(strcmp(got, want) == 0, "split at %zu and %zu: %s, not %s", a, b, got,
		    want);
	free(got);
}

static void
check_all_splits(struct sv stream, bool lines, const char *want)
{
	for (size_t a = 0; a <= stream.n; a++)
		for (size_t b = a; b <= stream.n; b++)
			check_same(stream, a, b, lines, (unsigned)((a + b) % 3), want);
}

static const struct {
	const char *stream;
	size_t n;
	const char *want;
} streams[] = {
#define STREAM(text, want) {text, sizeof(text) - 1, want}
    STREAM("", " cut 0 of 0"),
    STREAM("<13>one\n<13>two\r\n<13>three", "[<13>one][<13>two][<13>three] cut 0 of 0"),
    STREAM("7 <13>one7 <13>two", "[<13>one][<13>two] cut 0 of 0"),
    STREAM("7 <13>one\n7 <13>two\n", "[<13>one][<13>two] cut 0 of 0"),
    STREAM("7 <13>one<13>two\n7 <13>six", "[<13>one][<13>two][<13>six] cut 0 of 0"),
    STREAM("9 <13>a\nb\nc<1>d\n", "[<13>a\\x0ab\\x0ac][<1>d] cut 0 of 0"),
    STREAM("<13>one\0<13>two\n\0\r\n\n", "[<13>one][<13>two] cut 0 of 0"),
    /* Text that only looks like a count. */
    STREAM("54 <1 minute\n54 <13 minutes\n", "[54 <1 minute][54 <13 minutes] cut 0 of 0"),
    STREAM("7 apples\n7\n7 \n7 <\n7 <>\n7 <1234>\n",
        "[7 apples][7][7 ][7 <][7 <>][7 <1234>] cut 0 of 0"),
    STREAM("07 <13>one\n0 <13>two\n12345678 <1>x\n",
        "[07 <13>one][0 <13>two][12345678 <1>x] cut 0 of 0"),
    STREAM("3 <13>too short for its own PRI\n", "[3 <13>too short for its own PRI] cut 0 of 0"),
    STREAM("4 <13>4 <14>", "[<13>][<14>] cut 0 of 0"),
    STREAM("no pri at all\n<999>bad\n<>\n", "[no pri at all][<999>bad][<>] cut 0 of 0"),
    /* Frames that end early. */
    STREAM("20 <13>half", "[<13>half] cut 0 of 0"),
    STREAM("20 ", "[20 ] cut 0 of 0"),
    STREAM("20 <13", "[20 <13] cut 0 of 0"),
    /* Longer than 40 bytes. */
    STREAM("0123456789012345678901234567890123456789\r\nb\n",
        "[0123456789012345678901234567890123456789][b] cut 0 of 0"),
    STREAM("0123456789012345678901234567890123456789x\nb\n",
        "[0123456789012345678901234567890123456789][b] cut 1 of 1"),
    STREAM("0123456789012345678901234567890123456789xyz\nb\n",
        "[0123456789012345678901234567890123456789][b] cut 3 of 1"),
    STREAM("44 <13>4567890123456789012345678901234567897 <137 <13>two",
        "[<13>456789012345678901234567890123456789][<13>two] cut 4 of 1"),
    STREAM("0123456789012345678901234567890123456789x",
        "[0123456789012345678901234567890123456789] cut 1 of 1"),
    /* A wrong count swallows what it says, and the next newline puts it right. */
    STREAM("10 <13>one7 <13>two\n7 <13>six", "[<13>one7 <][13>two][<13>six] cut 0 of 0"),
    STREAM("5 <13>0123456789012345678901234567890123456789012345\n<13>b\n",
        "[<13>0][1234567890123456789012345678901234567890] lost cut 0 of 1"),
};

START_TEST(a_stream_is_the_same_messages_however_it_is_cut)
{
	check_all_splits((struct sv){streams[_i].stream, streams[_i].n}, false, streams[_i].want);
}
END_TEST

/* Any bytes of few kinds, in all splits, are what they are in one piece. */
START_TEST(made_up_streams_are_the_same_however_they_are_cut)
{
	static const char kinds[] = "1234 <>1\n\0\r x<13>7 ";
	char bytes[70];
	unsigned seed = 12345U + (unsigned)_i;
	char *want;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		seed = seed * 1103515245U + 12345U;
		bytes[i] = kinds[(seed >> 16) % (sizeof(kinds) - 1)];
	}
	want = parse((struct sv){bytes, sizeof(bytes)}, sizeof(bytes), sizeof(bytes), false, 0);
	check_all_splits((struct sv){bytes, sizeof(bytes)}, false, want);
	free(want);
}
END_TEST

START_TEST(lines_of_a_fifo_have_no_counts_and_keep_their_nuls)
{
	check_all_splits(SV("7 <13>one\na\0b\r\n\ntwo"), true,
	    "[7 <13>one][a\\x00b][two] cut 0 of 0");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("receive_frame");
	TCase *tc = tcase_create("frames");

	tcase_add_loop_test(tc, a_stream_is_the_same_messages_however_it_is_cut, 0,
	    (int)(sizeof(streams) / sizeof(streams[0])));
	tcase_add_loop_test(tc, made_up_streams_are_the_same_however_they_are_cut, 0, 50);
	tcase_add_test(tc, lines_of_a_fifo_have_no_counts_and_keep_their_nuls);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
