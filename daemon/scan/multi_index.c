/*
 * multi_index: chooses windows for texts, and builds the tables that find both.
 *
 * In seven bytes four long windows begin, one of them at a position divisible by
 * four, wherever in a log the seven stand.  So a text is found by the windows of
 * any part of seven bytes; a shorter text by any one short window.  Every choice
 * is right; a good one has windows that the log has nowhere else.
 */
#include "scan/multi_internal.h"

#include <stdlib.h>

#include "util/xalloc.h"

#define SHORT 3 /* bytes of a short window */
#define COUNTS_LOG 16
#define FEW_MAX 64
#define AGAIN_MAX (UINT64_C(1) << 30)

/* --- which part of a text */

static uint32_t *
count_of(struct multi_index *x, uint32_t window)
{
	return &x->counts[multi_hash(window) >> (32 - COUNTS_LOG)];
}

static void
count_windows(struct multi_index *x, struct sv data)
{
	for (size_t i = 0; i + MULTI_STRIDE <= data.n; i++) {
		(*count_of(x, multi_long_window(data.p + i)))++;
		(*count_of(x, multi_short_window(data.p + i)))++;
	}
}

static uint64_t
count_part(struct multi_index *x, const char *part, bool is_long)
{
	uint64_t count = 0;

	if (!is_long)
		return *count_of(x, multi_short_window(part));
	for (size_t i = 0; i < MULTI_STRIDE; i++)
		count += *count_of(x, multi_long_window(part + i));
	return count;
}

/* Where the part with the rarest windows begins. */
static size_t
choose_part(struct multi_index *x, const struct multi_text *text, bool is_long)
{
	size_t last = text->n - (is_long ? MULTI_LONG : SHORT), best = 0;
	uint64_t rarest = UINT64_MAX;

	if (x->counts == NULL)
		return last / 2;
	for (size_t at = 0; at <= last; at++) {
		uint64_t count = count_part(x, text->p + at, is_long);

		if (count < rarest) {
			rarest = count;
			best = at;
		}
	}
	return best;
}

/* --- tables */

static void
add_window(struct multi_index *x, uint32_t window, size_t text, size_t back)
{
	uint32_t hash = multi_hash(window);

	x->entries[x->nentries++] = (struct multi_entry){
	    .window = window, .text = (uint32_t)text, .back = (uint8_t)back};
	x->filter.words[multi_word(hash)] |=
	    UINT32_C(0x80000000) >> multi_bit_a(hash) | UINT32_C(0x80000000) >> multi_bit_b(hash);
}

static void
add_text(struct multi_index *x, size_t i)
{
	const struct multi_text *text = &x->texts[i];
	bool is_long = text->n >= MULTI_LONG;
	size_t part = choose_part(x, text, is_long);

	if (!is_long)
		add_window(x, multi_short_window(text->p + part), i, part);
	for (size_t at = part; is_long && at < part + MULTI_STRIDE; at++)
		add_window(x, multi_long_window(text->p + at), i, at);
}

static uint32_t
place_of(const struct multi_index *x, const struct multi_entry *e)
{
	return multi_hash(e->window) >> x->shift;
}

/* Brings the entries into the order of their places. */
static void
sort_entries(struct multi_index *x)
{
	size_t places = (size_t)1 << (32 - x->shift);
	struct multi_entry *sorted = xcalloc(x->nentries, sizeof(*sorted));

	memset(x->first, 0, (places + 1) * sizeof(*x->first));
	for (size_t i = 0; i < x->nentries; i++)
		x->first[place_of(x, &x->entries[i])]++;
	for (size_t i = 0, sum = 0; i <= places; i++) {
		sum += x->first[i];
		x->first[i] = (uint32_t)sum; /* the end of this place, for now */
	}
	for (size_t i = x->nentries; i-- > 0;)
		sorted[--x->first[place_of(x, &x->entries[i])]] = x->entries[i];
	free(x->entries);
	x->entries = sorted;
}

static int
by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Neighbours share a bucket: where windows are alike it lets fewer others pass. */
static void
fill_buckets(struct multi_filter *f, const uint32_t *windows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t bucket = (uint8_t)(1u << (i * MULTI_BUCKETS / n));

		for (unsigned at = 0; at < SHORT; at++) {
			uint32_t byte = windows[i] >> (8 * at) & 0xff;

			f->low[at][byte & 15] |= bucket;
			f->high[at][byte >> 4] |= bucket;
		}
	}
}

static void
choose_finders(struct multi_index *x)
{
	const struct multi_finders *finders = x->tuning.finders;
	uint32_t windows[FEW_MAX];
	size_t nshort = 0;

	for (size_t i = 0; i < x->nentries; i++)
		if (x->entries[i].window < 1 << 24 && nshort++ < FEW_MAX)
			windows[nshort - 1] = x->entries[i].window;
	x->find_long = nshort == x->nentries ? NULL : finders->find_long;
	x->find_short = nshort == 0 ? NULL : finders->find_short;
	if (nshort > 0 && nshort <= x->tuning.few && finders->find_few != NULL) {
		qsort(windows, nshort, sizeof(*windows), by_value);
		fill_buckets(&x->filter, windows, nshort);
		x->find_short = finders->find_few;
	}
}

static void
build(struct multi_index *x)
{
	memset(&x->filter, 0, sizeof(x->filter));
	x->nentries = 0;
	for (size_t i = 0; i < x->ntexts; i++)
		add_text(x, i);
	sort_entries(x);
	choose_finders(x);
}

/* --- learning */

static void
start_counting(struct multi_index *x)
{
	x->counts = xcalloc((size_t)1 << COUNTS_LOG, sizeof(*x->counts));
	x->missing = x->tuning.sample;
}

static void
stop_counting(struct multi_index *x)
{
	free(x->counts);
	x->counts = NULL;
	x->again = x->seen + (x->seen * 15 < AGAIN_MAX ? x->seen * 15 : AGAIN_MAX);
}

void
multi_index_learn(struct multi_index *x, struct sv data)
{
	x->seen += data.n;
	if (x->counts == NULL && x->seen >= x->again)
		start_counting(x);
	if (x->counts == NULL)
		return;
	if (data.n > x->missing)
		data.n = x->missing;
	count_windows(x, data);
	x->missing -= data.n;
	if (x->missing == 0) {
		build(x);
		stop_counting(x);
	}
}

struct multi_index *
multi_index_new(const struct multi_text *texts, size_t n, struct multi_tuning tuning)
{
	struct multi_index *x = xcalloc(1, sizeof(*x));
	unsigned log = 8;

	while ((size_t)1 << log < n * MULTI_STRIDE * 2)
		log++;
	x->texts = texts;
	x->ntexts = n;
	x->tuning = tuning;
	x->shift = 32 - log;
	x->first = xcalloc(((size_t)1 << log) + 1, sizeof(*x->first));
	x->entries = xcalloc(n * MULTI_STRIDE, sizeof(*x->entries));
	build(x);
	return x;
}

void
multi_index_free(struct multi_index **x)
{
	if (*x == NULL)
		return;
	free((*x)->counts);
	free((*x)->first);
	free((*x)->entries);
	free(*x);
	*x = NULL;
}
