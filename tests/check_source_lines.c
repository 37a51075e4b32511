/*
 * check_source_lines: from bytes to whole lines, whatever the cuts between reads;
 * and the replay of a file, which is the same code over one stream.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rig.h"
#include "source/source_internal.h"
#include "util/xalloc.h"

/* Every chunk as "OFFSET-NEXT[ cut]: DATA|", so that one string says it all. */
struct seen {
	struct buf text;
	struct source_stats stats;
	size_t stop_after; /* chunks; 0 = never */
	size_t chunks;
};

static bool
got_chunk(void *ctx, const struct chunk *chunk)
{
	struct seen *seen = ctx;

	buf_printf(&seen->text, "%llu-%llu", (unsigned long long)chunk->offset,
	    (unsigned long long)chunk->next);
	buf_puts(&seen->text, chunk->cut ? " cut: " : ": ");
	buf_sv(&seen->text, chunk->data);
	buf_putc(&seen->text, '|');
	return ++seen->chunks != seen->stop_after;
}

static const struct stream stream = {.id = "1:2:3:4", .source = "test", .path = "/test"};

/* Feed ${data} in pieces of ${piece} bytes; then the end. */
static void
feed(struct seen *seen, struct sv data, size_t piece, size_t max_line)
{
	struct source_lines l = {.stream = &stream};
	struct source_sink sink = {max_line, &seen->stats, got_chunk, NULL, seen};

	for (size_t i = 0; i < data.n; i += piece) {
		struct sv part = {data.p + i, data.n - i < piece ? data.n - i : piece};

		ck_assert(source_lines_feed(&l, &sink, part));
		ck_assert_uint_eq(l.at, i + part.n);
		ck_assert_uint_le(l.head.n, max_line);
	}
	ck_assert(source_lines_finish(&l, &sink));
	ck_assert_uint_eq(l.begin, data.n);
	buf_free(&l.head);
}

static void
expect(struct sv data, size_t piece, size_t max_line, const char *chunks)
{
	struct seen seen = {0};

	feed(&seen, data, piece, max_line);
	ck_assert_str_eq(buf_str(&seen.text), chunks);
	ck_assert_uint_eq(seen.stats.bytes, data.n);
	buf_free(&seen.text);
}

START_TEST(whole_lines_go_out_together)
{
	expect(SV("one\ntwo\r\n\nlast\n"), 100, 10, "0-15: one\ntwo\r\n\nlast\n|");
	expect(SV(""), 100, 10, "");
	expect(SV("\n"), 100, 10, "0-1: \n|");
}
END_TEST

START_TEST(a_split_line_is_put_together)
{
	expect(SV("one\ntwo\nthree\n"), 6, 10, "0-4: one\n|4-8: two\n|8-14: three\n|");
	expect(SV("ab\ncd\n"), 1, 10, "0-3: ab\n|3-6: cd\n|");
}
END_TEST

START_TEST(what_ends_without_newline_is_a_line)
{
	expect(SV("one\ntwo"), 100, 10, "0-4: one\n|4-7: two|");
}
END_TEST

START_TEST(a_line_at_the_limit_is_whole_and_one_above_is_cut)
{
	for (size_t piece = 1; piece < 20; piece++) {
		struct seen seen = {0};

		feed(&seen, SV("12345\n123456\nx\n"), piece, 5);
		ck_assert_ptr_nonnull(strstr(buf_str(&seen.text), "6-13 cut: 12345|"));
		ck_assert_uint_eq(seen.stats.cut_lines, 1);
		ck_assert_ptr_nonnull(strstr(buf_str(&seen.text), "13-15: x\n|"));
		buf_free(&seen.text);
	}
	expect(SV("12345\n"), 100, 5, "0-6: 12345\n|");
	expect(SV("123456"), 100, 5, "0-6 cut: 12345|");
}
END_TEST

START_TEST(nul_before_a_line_is_skipped)
{
	struct seen seen = {0};

	expect(SV("\0\0\0one\n\0\0two\n"), 100, 10, "3-7: one\n|9-13: two\n|");
	feed(&seen, SV("\0\0\0one\n\0\0two\n\0"), 2, 10);
	ck_assert_uint_eq(seen.stats.nul_bytes, 6);
	buf_free(&seen.text);
}
END_TEST

/* An attacker cannot hide a word from a pattern with a NUL in it. */
START_TEST(nul_inside_a_line_is_left_out)
{
	expect(SV("a\nfai\0\0led\nb\n"), 100, 10, "0-2: a\n|2-11: failed\n|11-13: b\n|");
	expect(SV("x\0"), 100, 10, "0-2: x|");
}
END_TEST

START_TEST(a_stopped_feed_goes_on_where_it_was)
{
	struct sv data = SV("one\nt\0wo\ntoo-long-to-keep\nlast\n");
	struct seen seen = {.stop_after = 1};
	struct source_lines l = {.stream = &stream};
	struct source_sink sink = {8, &seen.stats, got_chunk, NULL, &seen};

	while (!source_lines_feed(&l, &sink, sv_from(data, (size_t)l.at)))
		seen.stop_after++;
	ck_assert_str_eq(buf_str(&seen.text),
	    "0-4: one\n|4-9: two\n|9-26 cut: too-long|26-31: last\n|");
	ck_assert_uint_eq(seen.stats.bytes, data.n);
	buf_free(&seen.text);
}
END_TEST

/* However it is cut, the same lines come out: compared with a naive split. */
START_TEST(any_cut_gives_the_same_lines)
{
	enum { MAX = 7 };
	char data[200];
	unsigned state = (unsigned)_i * 2654435761U + 1;
	struct buf want = BUF_INIT, line = BUF_INIT;
	size_t piece;

	for (size_t i = 0; i < sizeof(data); i++) {
		state = state * 1103515245 + 12345;
		data[i] = "\n\n\0abcde"[state >> 16 & 7];
	}
	for (size_t i = 0; i < sizeof(data); i++) {
		if (data[i] == '\n') {
			buf_add(&want, buf_str(&line), line.n < MAX ? line.n : MAX);
			buf_puts(&want, line.n > MAX ? "~" : "\n");
			line.n = 0;
		} else if (data[i] != '\0') {
			buf_putc(&line, data[i]);
		}
	}
	buf_add(&want, buf_str(&line), line.n < MAX ? line.n : MAX);
	buf_puts(&want, line.n > MAX ? "~" : "");
	for (piece = 1; piece <= sizeof(data); piece++) {
		struct seen seen = {0};
		struct buf got = BUF_INIT;

		feed(&seen, (struct sv){data, sizeof(data)}, piece, MAX);
		for (const char *p = buf_str(&seen.text), *end; *p != '\0'; p = end + 1) {
			const char *text = strstr(p, ": ") + 2;

			end = strchr(p, '|');
			buf_add(&got, text, (size_t)(end - text));
			if (memmem(p, (size_t)(text - p), " cut", 4) != NULL)
				buf_putc(&got, '~');
		}
		ck_assert_str_eq(buf_str(&got), buf_str(&want));
		ck_assert_uint_eq(seen.stats.bytes, sizeof(data));
		buf_free(&got);
		buf_free(&seen.text);
	}
	buf_free(&line);
	buf_free(&want);
}
END_TEST

START_TEST(replay_delivers_the_lines_of_a_file)
{
	char *dir = rig_dir(), *path = rig_file(dir, "log", "one\ntwo\nmuch-too-long\nend");
	struct seen seen = {0};

	ck_assert_int_eq(source_replay(path, 8, got_chunk, &seen), 0);
	ck_assert_str_eq(
	    buf_str(&seen.text), "0-8: one\ntwo\n|8-22 cut: much-too|22-25: end|");
	buf_free(&seen.text);
	free(path);
	rig_remove(&dir);
}
END_TEST

START_TEST(replay_of_a_large_file_loses_nothing_between_buffers)
{
	size_t line = 1;
	struct buf text = BUF_INIT;
	struct seen seen = {0};
	char *dir = rig_dir(), *path;

	for (int i = 1; i <= 60000; i++)
		buf_printf(&text, "line %d\n", i);
	path = rig_file(dir, "log", buf_str(&text));
	ck_assert_int_eq(source_replay(path, 100, got_chunk, &seen), 0);
	for (const char *p = buf_str(&seen.text); *p != '\0'; p = strchr(p, '|') + 1) {
		ck_assert_uint_eq(strtoul(strstr(p, ": line ") + 7, NULL, 10), line);
		line += sv_count((struct sv){p, (size_t)(strchr(p, '|') - p)}, '\n');
	}
	ck_assert_uint_eq(line, 60001);
	ck_assert_uint_gt(seen.chunks, 2);
	buf_free(&text);
	buf_free(&seen.text);
	free(path);
	rig_remove(&dir);
}
END_TEST

START_TEST(replay_stops_when_told)
{
	char *dir = rig_dir(), *path = rig_file(dir, "log", "too-long-a-line\nsecond\nrest");
	struct seen seen = {.stop_after = 1};

	ck_assert_int_eq(source_replay(path, 8, got_chunk, &seen), 0);
	ck_assert_uint_eq(seen.chunks, 1);
	buf_free(&seen.text);
	free(path);
	rig_remove(&dir);
}
END_TEST

START_TEST(replay_says_what_it_cannot_read)
{
	char *dir = rig_dir(), *missing = xasprintf("%s/missing", dir);
	struct seen seen = {0};

	ck_assert_int_eq(source_replay(missing, 8, got_chunk, &seen), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(source_replay(dir, 8, got_chunk, &seen), -1);
	ck_assert_int_eq(errno, EISDIR);
	free(missing);
	rig_remove(&dir);
}
END_TEST

START_TEST(replay_reads_standard_input)
{
	struct seen seen = {0};
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], "a\nb\n", 4), 4);
	close(ends[1]);
	ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	ck_assert_int_eq(source_replay("-", 8, got_chunk, &seen), 0);
	ck_assert_str_eq(buf_str(&seen.text), "0-4: a\nb\n|");
	buf_free(&seen.text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("source_lines");
	TCase *tc = tcase_create("source_lines");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, whole_lines_go_out_together);
	tcase_add_test(tc, a_split_line_is_put_together);
	tcase_add_test(tc, what_ends_without_newline_is_a_line);
	tcase_add_test(tc, a_line_at_the_limit_is_whole_and_one_above_is_cut);
	tcase_add_test(tc, nul_before_a_line_is_skipped);
	tcase_add_test(tc, nul_inside_a_line_is_left_out);
	tcase_add_test(tc, a_stopped_feed_goes_on_where_it_was);
	tcase_add_loop_test(tc, any_cut_gives_the_same_lines, 0, 20);
	tcase_add_test(tc, replay_delivers_the_lines_of_a_file);
	tcase_add_test(tc, replay_of_a_large_file_loses_nothing_between_buffers);
	tcase_add_test(tc, replay_stops_when_told);
	tcase_add_test(tc, replay_says_what_it_cannot_read);
	tcase_add_test(tc, replay_reads_standard_input);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
