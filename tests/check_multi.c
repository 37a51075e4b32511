/*
 * check_multi: the scanner reports each line that holds a literal, with all owners
 * of what it holds, and no other: as a naive search does, in whichever way it runs.
 */
#include <check.h>
#include <stdlib.h>

#include "scan/multi_internal.h"
#include "util/buf.h"
#include "util/xalloc.h"

/* --- every way to run */

#define NTUNINGS (2 + 2 * MULTI_KINDS)

/* Returns how many ways this machine has.  Small samples: windows are chosen again and
 * again while a test scans. */
static size_t
make_tunings(struct multi_tuning tunings[NTUNINGS])
{
	const struct multi_finders *kinds[MULTI_KINDS];
	size_t nkinds = multi_kinds(kinds), n = 0;

	tunings[n++] = (struct multi_tuning){.finders = multi_portable(), .sample = 1};
	tunings[n++] = (struct multi_tuning){.finders = multi_portable(), .sample = 1 << 20};
	for (size_t i = 0; i < nkinds; i++) {
		tunings[n++] = (struct multi_tuning){.finders = kinds[i], .sample = 100};
		if (kinds[i]->few != NULL)
			tunings[n++] = (struct multi_tuning){
			    .finders = kinds[i], .few = 64, .sample = 100};
	}
	return n;
}

/* --- what is found, as text: "OFFSET+BYTES:OWNER,OWNER\n" for each line */

struct seen {
	struct buf text;
	const char *data;
};

static void
see(void *ctx, struct sv line, const uint32_t *owners, size_t nowners)
{
	struct seen *seen = ctx;

	buf_printf(&seen->text, "%zu+%zu:", (size_t)(line.p - seen->data), line.n);
	for (size_t i = 0; i < nowners; i++)
		buf_printf(&seen->text, "%u,", owners[i]);
	buf_putc(&seen->text, '\n');
}

/* Scans twice: the second time with what was learned in the first. */
static void
scan(struct multi *m, struct sv data, struct buf *found)
{
	struct seen first = {BUF_INIT, data.p}, second = {BUF_INIT, data.p};

	multi_scan(m, data, see, &first);
	multi_scan(m, data, see, &second);
	ck_assert_str_eq(buf_str(&first.text), buf_str(&second.text));
	buf_free(&second.text);
	*found = first.text;
}

/* --- the same, naively */

static void
fold(char *to, struct sv from)
{
	for (size_t i = 0; i < from.n; i++)
		to[i] = (char)(from.p[i] >= 'A' && from.p[i] <= 'Z' ? from.p[i] - 'A' + 'a'
								    : from.p[i]);
}

static void
search_line(const struct multi_literal *literals, size_t n, size_t nowners, struct sv folded,
    size_t offset, struct seen *seen)
{
	bool *has = xcalloc(nowners, sizeof(*has));
	uint32_t *owners = xcalloc(nowners, sizeof(*owners));
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (memmem(folded.p, folded.n, literals[i].text, literals[i].n) != NULL)
			has[literals[i].owner] = true;
	for (uint32_t i = 0; i < nowners; i++)
		if (has[i])
			owners[found++] = i;
	if (found > 0)
		see(seen, (struct sv){seen->data + offset, folded.n}, owners, found);
	free(has);
	free(owners);
}

static void
search(const struct multi_literal *literals, size_t n, size_t nowners, struct sv data,
    struct buf *found)
{
	struct seen seen = {BUF_INIT, data.p};
	char *folded = xmalloc(data.n);

	fold(folded, data);
	for (size_t at = 0, length; at < data.n; at += length + 1) {
		const char *end = memchr(folded + at, '\n', data.n - at);

		length = end == NULL ? data.n - at : (size_t)(end - folded) - at;
		search_line(literals, n, nowners, (struct sv){folded + at, length}, at, &seen);
	}
	free(folded);
	*found = seen.text;
}

/* Every way of scanning finds the same; in a copy of exactly this size. */
static void
expect_same(const struct multi_literal *literals, size_t n, size_t nowners, struct sv data)
{
	struct multi_tuning tunings[NTUNINGS];
	size_t ntunings = make_tunings(tunings);
	char *copy = xmalloc(data.n);
	struct buf wanted, got;

	if (data.n > 0)
		memcpy(copy, data.p, data.n);
	data.p = copy;
	search(literals, n, nowners, data, &wanted);
	for (size_t i = 0; i < ntunings; i++) {
		struct multi *m = multi_new_tuned(literals, n, nowners, tunings[i]);

		scan(m, data, &got);
		ck_assert_str_eq(buf_str(&got), buf_str(&wanted));
		buf_free(&got);
		multi_free(&m);
		ck_assert_ptr_null(m);
	}
	buf_free(&wanted);
	free(copy);
}

/* --- by hand: literal i belongs to owner i */

#define MAX_LITERALS 16

static size_t
make_literals(const struct sv *texts, size_t n, struct multi_literal *literals)
{
	ck_assert_uint_le(n, MAX_LITERALS);
	for (size_t i = 0; i < n; i++)
		literals[i] = (struct multi_literal){texts[i].p, texts[i].n, (uint32_t)i};
	return n;
}

static void
expect_found(const struct sv *texts, size_t n, struct sv data, const char *wanted)
{
	struct multi_literal literals[MAX_LITERALS];
	struct buf found;

	make_literals(texts, n, literals);
	search(literals, n, n, data, &found);
	ck_assert_str_eq(buf_str(&found), wanted);
	buf_free(&found);
	expect_same(literals, n, n, data);
}

#define EXPECT(data, wanted, ...) \
	expect_found((struct sv[]){__VA_ARGS__}, \
	    sizeof((struct sv[]){__VA_ARGS__}) / sizeof(struct sv), SV(data), wanted)

START_TEST(lines_come_whole_and_in_order)
{
	EXPECT("one sudo two\n\nnothing\nSUDO\nsudo", "0+12:0,\n22+4:0,\n27+4:0,\n", SV("sudo"));
	EXPECT("\n\n\nfailed password\n\n", "3+15:0,\n", SV("failed password"));
}
END_TEST

START_TEST(a_line_is_reported_once_with_all_its_owners)
{
	EXPECT("sudo: sudo: session opened, session closed\n", "0+42:0,1,2,3,\n",
	    SV("session closed"), SV("session"), SV("sudo"), SV("session opened"));
}
END_TEST

START_TEST(equal_literals_keep_their_owners)
{
	EXPECT("a refused connect\n", "0+17:0,1,3,\n", SV("refused connect"),
	    SV("refused connect"), SV("refused connection"), SV("ref"));
}
END_TEST

START_TEST(only_letters_are_case_blind)
{
	EXPECT("A[1]@Z {2}`\n", "0+11:0,\n", SV("a[1]@z "), SV("a{1}`z "), SV("a[1]`z"));
	EXPECT("n\xC3\x84n N\xC3\xA4N\n", "0+9:0,1,\n", SV("n\xC3\x84n"), SV("n\xC3\xA4n"),
	    SV("n\xE3\xA4n"));
	EXPECT("\x01\x02\x03\x04\x05\x06\x07\x08 0\n", "0+10:0,\n",
	    SV("\x01\x02\x03\x04\x05\x06\x07\x08"), SV("!\"#$%&'("), SV("\x01\x02\x03$"));
}
END_TEST

/* Each byte in a log, where the literal has the byte that differs in case. */
START_TEST(each_byte_has_its_case)
{
	for (int length = 3; length <= 9; length += 6) {
		for (unsigned c = 0; c < 256; c++) {
			char text[10] = "--_-----_", data[10] = "--_-----_";
			struct multi_literal literal = {text, (size_t)length, 0};

			text[2] = (char)(c ^ 0x20);
			data[2] = (char)c;
			if (text[2] != '\n' && !(text[2] >= 'A' && text[2] <= 'Z'))
				expect_same(&literal, 1, 1, (struct sv){data, 9});
		}
	}
}
END_TEST

START_TEST(nothing_spans_lines)
{
	EXPECT("failed\npassword\n", "", SV("failed*password"), SV("failed password"));
	EXPECT("abc\nabd", "", SV("abcabd"), SV("bca"), SV("c*abd"));
}
END_TEST

START_TEST(zero_bytes_are_bytes)
{
	EXPECT("a\0\0\0\0\0\0\0\0b\nab\n\0\0\0\n", "0+10:0,2,\n14+3:2,\n",
	    SV("\0\0\0\0\0\0\0b"), SV("\0\0\0\0\0\0\0\0\0"), SV("\0\0\0"));
}
END_TEST

START_TEST(no_literals_and_no_data)
{
	EXPECT("", "", SV("abc"), SV("abcdefgh"));
	EXPECT("ab", "", SV("abc"), SV("abcdefgh"));
	EXPECT("\n", "", SV("abc"));
	expect_same(NULL, 0, 0, SV("some line\n"));
}
END_TEST

/* After public reports of what other scanners have missed: two literals of which one
 * is short, long runs of one byte, all but equal beginnings, hits at the very end. */
START_TEST(what_others_have_missed)
{
	EXPECT("host sudo[1]: pam_unix(sudo:session)\n", "0+36:0,\n", SV("sudo"), SV("sshd"));
	EXPECT("curl http://x/ 2>&1 | python\ncurl http://xx/ 2>&1 | python\n",
	    "0+28:0,1,\n29+29:0,1,\n", SV("curl"), SV("python"));
	EXPECT("TAPIOCA HOUSE TUXTLA GUTIER MEX\n", "0+31:0,1,\n", SV("tapioca"), SV("mex"),
	    SV("boba"), SV("guy"), SV("paypal *yvessaintl"), SV("gucci france"));
	EXPECT("*\xed\xe2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "0+26:1,2,3,\n",
	    SV("\xed\xe2\0\0\0\0\0\0\0\0\0\0\0\0\0\0some"), SV("\0\0\0\0\0\0\0\0\0\0\0\0"),
	    SV("\0\0\0\0\0\0\0\0\0\0"), SV("*\xed\xe2\0\0\0\0\0\0\0\0\0"));
	EXPECT("xt<DDDDDDDDDDDDDDDDDDDD\nxt<DDDDDDDDDDDDDDDDDDDDD 123", "24+28:0,1,\n",
	    SV("xt<ddddddddddddddddddddd"), SV("123"));
	EXPECT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\n", "0+49:0,1,2,\n", SV("aaab"),
	    SV("aaaaaaaaaab"), SV("aaaaaaa"), SV("baaaaaa"));
}
END_TEST

/* --- each length at each place of the first blocks */

/* Within a line, as a whole line, or without its last byte. */
static void
expect_at(size_t length, size_t at, size_t variant)
{
	char data[256], text[64];
	struct multi_literal literals[2] = {{text, length, 1}, {"not in there", 12, 0}};
	size_t end = at + length;

	for (size_t i = 0; i < length; i++)
		text[i] = (char)('a' + i % 26);
	memset(data, variant == 1 ? '\n' : '-', sizeof(data));
	memcpy(data + at, text, length);
	data[at] = 'A';
	expect_same(literals, 2, 2, (struct sv){data, variant == 2 ? end - 1 : end + at % 60});
}

START_TEST(each_length_at_each_place)
{
	for (size_t at = 0; at < 70; at++)
		expect_at(3 + (size_t)_i, at, (at + (size_t)_i) % 3);
}
END_TEST

/* --- at random */

static uint64_t
draw(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state >> 11) % below;
}

#define MAX_RANDOM 3000
#define TEXT 6000

struct random {
	uint64_t state;
	struct sv alphabet;
	char texts[MAX_RANDOM][64];
	struct multi_literal literals[MAX_RANDOM];
	size_t n;
	char data[TEXT];
	size_t ndata;
};

static char
draw_char(struct random *r)
{
	return r->alphabet.p[draw(&r->state, r->alphabet.n)];
}

/* Some are parts of others, or others with a byte changed. */
static void
draw_literal(struct random *r, size_t i, size_t nowners)
{
	size_t longest = draw(&r->state, 3) == 0 ? 64 : 10;
	size_t n = 3 + draw(&r->state, longest - 2);

	for (size_t k = 0; k < n; k++)
		r->texts[i][k] = draw_char(r);
	if (i > 0 && draw(&r->state, 2) == 0) {
		const struct multi_literal *other = &r->literals[draw(&r->state, i)];
		size_t from = draw(&r->state, other->n - 2);

		n = n < other->n - from ? n : other->n - from;
		memcpy(r->texts[i], other->text + from, n);
		if (draw(&r->state, 2) == 0)
			r->texts[i][draw(&r->state, n)] = draw_char(r);
	}
	r->literals[i] = (struct multi_literal){
	    r->texts[i], n, (uint32_t)draw(&r->state, nowners)};
}

static void
draw_literals(struct random *r, size_t nowners)
{
	static const size_t most[] = {1, 2, 8, 40, 300, MAX_RANDOM};

	r->n = 1 + draw(&r->state, most[draw(&r->state, 6)]);
	for (size_t i = 0; i < r->n; i++)
		draw_literal(r, i, nowners);
}

/* Noise, literals, beginnings of literals, and newlines between and in them. */
static void
draw_piece(struct random *r)
{
	const struct multi_literal *l = &r->literals[draw(&r->state, r->n)];
	size_t n = draw(&r->state, 4) == 0 ? draw(&r->state, l->n) : l->n;

	for (size_t i = 0; i < n && r->ndata < TEXT; i++) {
		char c = l->text[i];

		if (c >= 'a' && c <= 'z' && draw(&r->state, 3) == 0)
			c = (char)(c - 'a' + 'A');
		r->data[r->ndata++] = draw(&r->state, 200) == 0 ? draw_char(r) : c;
	}
}

static void
draw_data(struct random *r)
{
	size_t wanted = draw(&r->state, draw(&r->state, 4) == 0 ? TEXT : 300);
	uint64_t line = 1 + draw(&r->state, 60);

	r->ndata = 0;
	while (r->ndata < wanted) {
		if (draw(&r->state, line) == 0)
			r->data[r->ndata++] = '\n';
		else if (draw(&r->state, 8) == 0)
			draw_piece(r);
		else
			r->data[r->ndata++] = draw_char(r);
	}
}

START_TEST(random_sets_find_what_a_naive_search_finds)
{
	static const struct sv alphabets[] = {{"ab", 2}, {"ab\0", 3}, {"a@`[{!\x01", 7},
	    {"abc \xe1\xc1\x80*j", 9}, {"etaoin shrdlu", 13}, {"0123456789abcdef:.", 18}};
	struct random *r = xcalloc(1, sizeof(*r));

	r->state = 0x9e3779b97f4a7c15u + (uint64_t)_i;
	for (int i = 0; i < 25; i++) {
		size_t nowners = 1 + draw(&r->state, 400);

		r->alphabet = alphabets[draw(&r->state, 6)];
		draw_literals(r, nowners);
		draw_data(r);
		expect_same(r->literals, r->n, nowners, (struct sv){r->data, r->ndata});
	}
	free(r);
}
END_TEST

/* One scanner, many chunks: what it learns and remembers changes nothing. */
START_TEST(chunks_are_independent)
{
	struct multi_literal literals[] = {
	    {"failed password", 15, 3}, {"invalid user", 12, 70}, {"ssh", 3, 0}};
	struct multi_tuning tunings[NTUNINGS];
	struct seen seen = {.data = "Failed password for invalid user x\n"};
	struct sv line = sv_str(seen.data);

	for (size_t i = make_tunings(tunings); i-- > 0;) {
		struct multi *m = multi_new_tuned(literals, 3, 71, tunings[i]);

		for (int turn = 0; turn < 200; turn++) {
			seen.text = (struct buf)BUF_INIT;
			multi_scan(m, line, see, &seen);
			ck_assert_str_eq(buf_str(&seen.text), "0+34:3,70,\n");
			buf_free(&seen.text);
		}
		multi_free(&m);
	}
}
END_TEST

/* --- the filters themselves: any text, any block, each kind */

#define BLOCKS 16

/* Places of a filter like those of an index, and a text that passes now and then. */
static void
draw_filter(uint64_t *state, struct multi_filter *f)
{
	uint64_t one_of = (uint64_t)1 << draw(state, 6);

	for (size_t i = 0; i < sizeof(f->words) / sizeof(f->words[0]); i++)
		f->words[i] = draw(state, one_of) > 0 ? 0 : (uint32_t)draw(state, (uint64_t)1 << 32);
	for (size_t at = 0; at < 4; at++) {
		for (size_t i = 0; i < 16; i++) {
			f->low[at][i] = (uint8_t)(draw(state, 256) | draw(state, 256));
			f->high[at][i] = (uint8_t)(draw(state, 256) | draw(state, 256));
		}
	}
}

/* Buckets, naively: by position, those with a window there. */
static void
find_few(const struct multi_filter *f, const char *text, uint64_t *candidates)
{
	for (size_t i = 0; i < BLOCKS * MULTI_BLOCK; i++) {
		unsigned buckets = 0xff;

		for (size_t at = 0; at < 4; at++) {
			unsigned byte = (uint8_t)text[i + at] | 0x20u;

			buckets &= f->low[at][byte & 15] & f->high[at][byte >> 4];
		}
		candidates[i / 64] |= (uint64_t)(buckets != 0) << (i % 64);
	}
}

static void
expect_same_filters(
    const struct multi_finders *finders, const struct multi_filter *f, const char *text)
{
	uint64_t wanted[BLOCKS] = {0}, got[BLOCKS] = {0};

	for (int log = 0; log < 3; log++) {
		multi_portable()->every[log](f, text, BLOCKS, wanted);
		finders->every[log](f, text, BLOCKS, got);
		ck_assert_mem_eq(got, wanted, sizeof(wanted));
	}
	multi_portable()->narrow(f, text, BLOCKS, wanted);
	finders->narrow(f, text, BLOCKS, got);
	ck_assert_mem_eq(got, wanted, sizeof(wanted));
	if (finders->few == NULL)
		return;
	find_few(f, text, wanted);
	finders->few(f, text, BLOCKS, got);
	ck_assert_mem_eq(got, wanted, sizeof(wanted));
}

START_TEST(filters_of_all_kinds_agree_bit_by_bit)
{
	const struct multi_finders *kinds[MULTI_KINDS];
	size_t nkinds = multi_kinds(kinds), n = MULTI_BEFORE + BLOCKS * MULTI_BLOCK + MULTI_BEHIND;
	struct multi_filter *f = xcalloc(1, sizeof(*f));
	char *text = xmalloc(n); /* no byte more may be read */
	uint64_t state = 0x9e3779b97f4a7c15u;

	for (int turn = 0; turn < 100; turn++) {
		draw_filter(&state, f);
		for (size_t i = 0; i < n; i++)
			text[i] = (char)draw(&state, 256);
		for (size_t i = 0; i < nkinds; i++)
			expect_same_filters(kinds[i], f, text + MULTI_BEFORE);
	}
	free(text);
	free(f);
}
END_TEST

START_TEST(the_best_kind_runs)
{
	const struct multi_finders *kinds[MULTI_KINDS];
	size_t nkinds = multi_kinds(kinds);
	struct multi *m = multi_new(NULL, 0, 0);

	ck_assert_str_eq(kinds[nkinds - 1]->kind, "portable");
	ck_assert_str_eq(multi_kind(m), kinds[0]->kind);
	multi_free(&m);
	multi_free(&m);
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		ck_assert_str_eq(kinds[0]->kind, "avx2");
	else if (__builtin_cpu_supports("sse4.1"))
		ck_assert_str_eq(kinds[0]->kind, "sse4.1");
#elif defined(__aarch64__)
	ck_assert_str_eq(kinds[0]->kind, "neon");
#endif
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("multi");
	TCase *t = tcase_create("multi");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, lines_come_whole_and_in_order);
	tcase_add_test(t, a_line_is_reported_once_with_all_its_owners);
	tcase_add_test(t, equal_literals_keep_their_owners);
	tcase_add_test(t, only_letters_are_case_blind);
	tcase_add_test(t, each_byte_has_its_case);
	tcase_add_test(t, nothing_spans_lines);
	tcase_add_test(t, zero_bytes_are_bytes);
	tcase_add_test(t, no_literals_and_no_data);
	tcase_add_test(t, what_others_have_missed);
	tcase_add_loop_test(t, each_length_at_each_place, 0, 62);
	tcase_add_loop_test(t, random_sets_find_what_a_naive_search_finds, 0, 20);
	tcase_add_test(t, chunks_are_independent);
	tcase_add_test(t, filters_of_all_kinds_agree_bit_by_bit);
	tcase_add_test(t, the_best_kind_runs);
	suite_add_tcase(suite, t);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
