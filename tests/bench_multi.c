/*
 * bench_multi: what the scanner costs, by the number of literals and by kind.
 *
 * usage: bench_multi [LITERALS [LOG...]]
 *
 * LITERALS has one a line, 3 to 64 bytes; others are left out.  Without it, or where it
 * is empty, and without logs they are made up, always the same: phrases, and two logs of
 * lines of the same words, in which each hundredth line ("quiet") or each ("dense") has
 * a literal.  Logs are scanned in chunks of 256 KiB, copied to where the last one was,
 * as from read(2).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "scan/multi_internal.h"
#include "util/buf.h"
#include "util/xalloc.h"

#define CHUNK (256 * 1024)
#define ROUNDS 7
#define MADE_LITERALS 10000
#define MADE_TEXT (8 * 1024 * 1024)

struct literals {
	struct multi_literal *v;
	size_t n;
};

/* --- making literals and logs */

#define WORDS 6000
#define COMMON 1500 /* are in lines without a literal */
#define WORD_SIZE 16

struct maker {
	uint64_t state;
	char words[WORDS][WORD_SIZE];
};

static uint64_t
draw(struct maker *m, uint64_t below)
{
	m->state ^= m->state << 13;
	m->state ^= m->state >> 7;
	m->state ^= m->state << 17;
	return (m->state >> 11) % below;
}

/* Letters about as often as in English; vowels and consonants take turns, mostly. */
static void
make_word(struct maker *m, char word[WORD_SIZE])
{
	static const char vowels[] = "eeeeeeaaaaooooiiiiuuy";
	static const char consonants[] = "ttttnnnnssssrrrrhhddllccmmffppggwwbbvkjxqz";
	size_t n = 2 + draw(m, WORD_SIZE - 5);

	for (size_t i = 0; i < n; i++) {
		bool vowel = (i % 2 == 0) == (draw(m, 4) == 0);

		word[i] = vowel ? vowels[draw(m, sizeof(vowels) - 1)]
		                : consonants[draw(m, sizeof(consonants) - 1)];
	}
	word[n] = '\0';
}

static struct maker *
maker_new(void)
{
	struct maker *m = xcalloc(1, sizeof(*m));

	m->state = 0x9e3779b97f4a7c15u;
	for (size_t i = 0; i < WORDS; i++)
		make_word(m, m->words[i]);
	return m;
}

/* Two to four words, eight bytes or more: how few shorter ones cost a list of them shows. */
static void
make_literal(struct maker *m, struct buf *text)
{
	size_t shortest = text->n + 8;

	buf_puts(text, m->words[draw(m, WORDS)]);
	for (uint64_t more = 1 + draw(m, 3); more > 0; more--)
		buf_printf(text, " %s", m->words[draw(m, WORDS)]);
	while (text->n < shortest)
		buf_putc(text, ':');
	buf_putc(text, '\n');
}

/* Some of them are in many lines, most in few. */
static const char *
draw_common(struct maker *m)
{
	return m->words[draw(m, 1 + draw(m, 1 + draw(m, COMMON)))];
}

static void
make_words(struct maker *m, struct buf *log, uint64_t n)
{
	for (; n > 0; n--) {
		if (draw(m, 6) == 0)
			buf_printf(log, " %u", (unsigned)draw(m, 65536));
		else
			buf_printf(log, " %s", draw_common(m));
	}
}

static void
make_line(struct maker *m, size_t i, const struct multi_literal *has, struct buf *log)
{
	buf_printf(log, "2026-11-22T%02zu:%02zu:%02zu.%06u+00:00 host-%u %s[%u]:", i / 3600 % 24,
	    i / 60 % 60, i % 60, (unsigned)draw(m, 1000000), (unsigned)draw(m, 40), draw_common(m),
	    (unsigned)draw(m, 32768));
	make_words(m, log, 3 + draw(m, 5));
	if (has != NULL)
		buf_printf(log, " %.*s", (int)has->n, has->text);
	make_words(m, log, 1 + draw(m, 4));
	buf_putc(log, '\n');
}

/* Each ${nth} line has a literal. */
static struct buf
make_log(struct literals literals, size_t nth)
{
	struct maker *m = maker_new();
	struct buf log = BUF_INIT;

	for (size_t i = 0; log.n < MADE_TEXT; i++) {
		const struct multi_literal *any = &literals.v[draw(m, literals.n)];

		make_line(m, i, i % nth == 0 ? any : NULL, &log);
	}
	free(m);
	return log;
}

static struct buf
make_literals(void)
{
	struct maker *m = maker_new();
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < MADE_LITERALS; i++)
		make_literal(m, &text);
	free(m);
	return text;
}

/* --- reading them */

static struct buf
read_file(const char *path)
{
	struct buf data = BUF_INIT;
	FILE *f = fopen(path, "rb");
	char part[4096];
	size_t n;

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(&data, part, n);
	fclose(f);
	return data;
}

/* Folds ${text} in place: the literals point into it. */
static struct literals
split_literals(struct buf *text)
{
	struct literals l = {0};
	char *p = text->p, *end;

	for (; (end = memchr(p, '\n', text->n - (size_t)(p - text->p))) != NULL; p = end + 1) {
		size_t length = (size_t)(end - p);

		for (char *c = p; c < end; c++)
			*c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
		if (length < 3 || length > 64)
			continue;
		XGROW(l.v, l.n);
		l.v[l.n] = (struct multi_literal){p, length, (uint32_t)l.n};
		l.n++;
	}
	return l;
}

/* --- measuring */

struct counts {
	uint64_t lines, owners;
};

static void
count(void *ctx, struct sv line, const uint32_t *owners, size_t nowners)
{
	struct counts *c = ctx;

	(void)line;
	(void)owners;
	c->lines++;
	c->owners += nowners;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds for all of ${log}. */
static double
scan_log(struct multi *m, struct sv log, struct counts *found)
{
	char *chunk = xmalloc(CHUNK);
	double spent = 0;

	while (log.n > 0) {
		size_t n = log.n < CHUNK ? log.n : CHUNK;
		const char *end = memrchr(log.p, '\n', n);
		double start;

		if (end != NULL)
			n = (size_t)(end - log.p) + 1;
		memcpy(chunk, log.p, n);
		start = now();
		multi_scan(m, (struct sv){chunk, n}, count, found);
		spent += now() - start;
		log = sv_from(log, n);
	}
	free(chunk);
	return spent;
}

/* The best of some rounds: what else the machine does only takes time. */
static void
measure(
    struct literals literals, const struct multi_finders *finders, const char *name, struct sv log)
{
	double best = 1e30, built = now();
	struct multi *m = multi_new_tuned(literals.v, literals.n, literals.n,
	    (struct multi_tuning){.finders = finders, .few = 32, .sample = 65536});
	struct counts found;
	size_t lines = sv_count(log, '\n');

	built = now() - built;
	for (int i = 0; i < ROUNDS; i++) {
		double spent;

		found = (struct counts){0};
		spent = scan_log(m, log, &found);
		best = spent < best ? spent : best;
	}
	printf("%8zu  %-8s  %-12s  %7.3f  %7.0f  %7.1f  %8.0f  %7.2f  %6.2f\n", literals.n,
	    multi_kind(m), name, best / (double)log.n, (double)log.n / best * 1e3,
	    best / (double)lines, built / 1e3, 100.0 * (double)found.lines / (double)lines,
	    (double)found.owners / (double)(found.lines == 0 ? 1 : found.lines));
	fflush(stdout);
	multi_free(&m);
}

static void
measure_kinds(struct literals literals, const char *name, struct buf log)
{
	const struct multi_finders *kinds[MULTI_KINDS];
	const char *slash = strrchr(name, '/');

	for (size_t i = 0, n = multi_kinds(kinds); i < n && log.n > 0; i++)
		measure(literals, kinds[i], slash == NULL ? name : slash + 1, buf_view(&log));
	buf_free(&log);
}

static void
measure_logs(struct literals literals, char **paths, int npaths)
{
	for (int i = 0; i < npaths; i++)
		measure_kinds(literals, paths[i], read_file(paths[i]));
	if (npaths <= 0) {
		measure_kinds(literals, "quiet", make_log(literals, 100));
		measure_kinds(literals, "dense", make_log(literals, 1));
	}
}

int
main(int argc, char **argv)
{
	static const size_t sizes[] = {1, 10, 100, 1000, 3000, 10000};
	bool made = argc < 2 || argv[1][0] == '\0';
	struct buf text = made ? make_literals() : read_file(argv[1]);
	struct literals all = split_literals(&text);

	puts(
	    "literals  kind      log           ns/byte     MB/s  ns/line  us build  lines %  owners");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && sizes[i] < all.n; i++)
		measure_logs((struct literals){all.v, sizes[i]}, argv + 2, argc - 2);
	if (all.n > 0)
		measure_logs(all, argv + 2, argc - 2);
	free(all.v);
	buf_free(&text);
	return 0;
}
