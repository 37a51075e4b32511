/*
 * bench_multi: what the scanner costs.
 *
 * usage: bench_multi LITERALS LOG...
 * LITERALS has one a line, 3 to 64 bytes; others are left out.  Each log is scanned
 * in chunks of 256 KiB, copied to where the last one was, as from read(2).
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "scan/multi_internal.h"
#include "util/xalloc.h"

#define CHUNK (256 * 1024)
#define ROUNDS 7

struct counts {
	uint64_t lines, owners;
};

static struct sv
read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *data = NULL;
	size_t n = 0, got = 1;

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	for (; got > 0; n += got) {
		data = xrealloc(data, n + CHUNK, 1);
		got = fread(data + n, 1, CHUNK, f);
	}
	fclose(f);
	return (struct sv){data, n};
}

/* Folds ${text} in place: the literals point into it. */
static size_t
split_literals(struct sv text, struct multi_literal **literals)
{
	char *p = (char *)(uintptr_t)text.p, *end;
	size_t n = 0;

	for (; text.n > 0 && (end = memchr(p, '\n', text.n)) != NULL; p = end + 1) {
		size_t length = (size_t)(end - p);

		text.n -= length + 1;
		for (char *c = p; c < end; c++)
			*c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
		if (length < 3 || length > 64)
			continue;
		*literals = xrealloc(*literals, n + 1, sizeof(**literals));
		(*literals)[n] = (struct multi_literal){p, length, (uint32_t)n};
		n++;
	}
	return n;
}

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

static void
measure(const struct multi_literal *literals, size_t n, const char *path,
    const struct multi_finders *finders)
{
	struct sv log = read_file(path);
	double best = 1e30, built = now();
	struct multi *m = multi_new_tuned(literals, n, n + 1,
	    (struct multi_tuning){.finders = finders, .few = 32, .sample = 65536});
	struct counts found;
	size_t lines = 0;

	built = now() - built;
	for (int i = 0; i < ROUNDS; i++) {
		double spent;

		found = (struct counts){0};
		spent = scan_log(m, log, &found);
		best = spent < best ? spent : best;
	}
	for (size_t i = 0; i < log.n; i++)
		lines += log.p[i] == '\n';
	printf("%-8s %6zu literals %-12s %6.3f ns/byte %7.1f ns/line %8.1f us to build, "
	       "%.2f%% of lines, %.2f owners each\n",
	    multi_kind(m), n, strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1,
	    best / (double)log.n, best / (double)lines, built / 1e3,
	    100.0 * (double)found.lines / (double)lines,
	    (double)found.owners / (double)(found.lines == 0 ? 1 : found.lines));
	multi_free(&m);
	free((char *)(uintptr_t)log.p);
}

int
main(int argc, char **argv)
{
	struct multi_literal *literals = NULL;
	struct sv text;
	size_t n;

	if (argc < 3) {
		fprintf(stderr, "usage: bench_multi LITERALS LOG...\n");
		return 2;
	}
	text = read_file(argv[1]);
	n = split_literals(text, &literals);
	for (int i = 2; i < argc; i++) {
		measure(literals, n, argv[i], multi_portable());
		if (multi_avx2() != NULL)
			measure(literals, n, argv[i], multi_avx2());
	}
	free(literals);
	free((char *)(uintptr_t)text.p);
	return 0;
}
