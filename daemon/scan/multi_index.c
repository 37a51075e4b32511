/*
 * multi_index: chooses the windows by which a text is found, and builds the tables.
 *
 * Where every n-th position is looked at ("stride" n), n neighbouring windows of a
 * text are enough: one of them begins at such a position, wherever in the log the
 * text stands.  Texts of seven bytes or more can do with n = 4.  Shorter ones go
 * into buckets, which are looked into at each position, if they are few and there
 * are buckets; else n is smaller for all.
 *
 * Any windows of a text will do; good are those that the log has nowhere else.  Logs
 * differ more in this than a table of frequencies could say, so windows are counted
 * in what is being scanned: at its start, and after 16 times as much, up to each GiB.
 */
#include "scan/multi_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "util/xalloc.h"

#define NARROW 3 /* bytes of a narrow window */
#define WIDE 4
#define COUNTS_LOG 16
#define FEW_MAX 64
#define AGAIN_MAX (UINT64_C(1) << 30)

/* The shortest text that holds ${n} neighbouring windows. */
static size_t
shortest(size_t n)
{
	return WIDE - 1 + n;
}

/* --- which part of a text */

static uint32_t *
count_of(struct multi_index *x, uint32_t window)
{
	return &x->counts[multi_hash(window) >> (32 - COUNTS_LOG)];
}

static void
count_windows(struct multi_index *x, struct sv data)
{
	for (size_t i = 0; i + WIDE <= data.n; i++)
		(*count_of(x, multi_window(data.p + i)))++;
}

static uint64_t
count_part(struct multi_index *x, const char *part, size_t nwindows)
{
	uint64_t count = 0;

	for (size_t i = 0; i < nwindows; i++)
		count += *count_of(x, multi_window(part + i));
	return count;
}

/* Where in the text ${nwindows} neighbours are that the log has least often. */
static size_t
choose_windows(struct multi_index *x, const struct multi_text *text, size_t nwindows)
{
	size_t last = text->n - shortest(nwindows), best = 0;
	uint64_t least = UINT64_MAX;

	if (x->counts == NULL)
		return last / 2;
	for (size_t at = 0; at <= last; at++) {
		uint64_t count = count_part(x, text->p + at, nwindows);

		if (count < least) {
			least = count;
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

	x->entries[x->nentries++] =
	    (struct multi_entry){.window = window, .text = (uint32_t)text, .back = (uint8_t)back};
	x->filter.words[multi_word(hash)] |=
	    UINT32_C(0x80000000) >> multi_bit_a(hash) | UINT32_C(0x80000000) >> multi_bit_b(hash);
}

static void
add_text(struct multi_index *x, size_t i)
{
	const struct multi_text *text = &x->texts[i];
	size_t nwindows = text->n < shortest(x->stride) ? 1 : x->stride, at;

	if (text->n == NARROW) {
		add_window(x, multi_narrow_window(text->p), i, 0);
		return;
	}
	at = choose_windows(x, text, nwindows);
	for (size_t end = at + nwindows; at < end; at++)
		add_window(x, multi_window(text->p + at), i, at);
}

static void
add_context(struct multi_place *place, const struct multi_entry *e, const struct multi_text *text)
{
	size_t end = (size_t)e->back + WIDE;

	place->before |= e->back >= 2 ? multi_pair(text->p + e->back - 2) : UINT32_MAX;
	place->behind |= end + 2 <= text->n ? multi_pair(text->p + end) : UINT32_MAX;
}

/* Brings the entries into the order of their places. */
static void
sort_entries(struct multi_index *x)
{
	size_t nplaces = (size_t)1 << (32 - x->shift);
	struct multi_entry *sorted = xcalloc(x->nentries, sizeof(*sorted));
	uint32_t sum = 0;

	memset(x->places, 0, (nplaces + 1) * sizeof(*x->places));
	for (size_t i = 0; i < x->nentries; i++)
		multi_place(x, x->entries[i].window)->first++;
	for (size_t i = 0; i <= nplaces; i++) {
		sum += x->places[i].first;
		x->places[i].first = sum; /* the end of this place, for now */
	}
	for (size_t i = x->nentries; i-- > 0;) {
		const struct multi_entry *e = &x->entries[i];
		struct multi_place *place = multi_place(x, e->window);

		sorted[--place->first] = *e;
		add_context(place, e, &x->texts[e->text]);
	}
	free(x->entries);
	x->entries = sorted;
}

static int
by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
add_to_bucket(struct multi_filter *f, uint32_t window, uint8_t bucket)
{
	for (unsigned at = 0; at < WIDE; at++) {
		uint32_t byte = window >> (8 * at) & 0xff;

		f->low[at][byte & 15] |= bucket;
		f->high[at][byte >> 4] |= bucket;
		for (unsigned i = 0; byte == 0 && i < 16; i++) { /* narrow: any byte */
			f->low[at][i] |= bucket;
			f->high[at][i] |= bucket;
		}
	}
}

/* Neighbours by value share a bucket: it passes less where its windows are alike. */
static void
fill_buckets(struct multi_index *x)
{
	uint32_t windows[FEW_MAX];
	size_t n = 0;

	for (size_t i = 0; i < x->nentries; i++)
		if (x->texts[x->entries[i].text].n < shortest(x->stride))
			windows[n++] = x->entries[i].window;
	qsort(windows, n, sizeof(*windows), by_value);
	for (size_t i = 0; i < n; i++)
		add_to_bucket(&x->filter, windows[i], (uint8_t)(1u << (i * MULTI_BUCKETS / n)));
}

static void
build(struct multi_index *x)
{
	memset(&x->filter, 0, sizeof(x->filter));
	x->nentries = 0;
	for (size_t i = 0; i < x->ntexts; i++)
		add_text(x, i);
	sort_entries(x);
	if (x->find_few != NULL)
		fill_buckets(x);
}

/* --- how to look */

/* How many texts have ${least} to ${most} bytes. */
static size_t
count_texts(const struct multi_index *x, size_t least, size_t most)
{
	size_t n = 0;

	for (size_t i = 0; i < x->ntexts; i++)
		n += x->texts[i].n >= least && x->texts[i].n <= most;
	return n;
}

/* The largest stride for which at most ${allowed} texts of ${least} or more bytes are
 * too short; as a power of two. */
static unsigned
choose_stride(const struct multi_index *x, size_t least, size_t allowed)
{
	unsigned log = 2;

	while (log > 0 && count_texts(x, least, shortest((size_t)1 << log) - 1) > allowed)
		log--;
	return log;
}

static void
choose_finders(struct multi_index *x)
{
	const struct multi_finders *finders = x->tuning.finders;
	size_t few = finders->few == NULL ? 0 : x->tuning.few, rest;
	unsigned log = choose_stride(x, NARROW, few);

	x->has_narrow = count_texts(x, NARROW, NARROW) > 0;
	rest = count_texts(x, NARROW, shortest((size_t)1 << log) - 1);
	if (rest > few) {
		log = choose_stride(x, WIDE, 0);
		x->find_narrow = finders->narrow;
	} else if (rest > 0) {
		x->find_few = finders->few;
	}
	x->find = rest == x->ntexts ? NULL : finders->every[log];
	x->stride = (size_t)1 << log;
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

	assert(tuning.few <= FEW_MAX);
	while ((size_t)1 << log < n * 4)
		log++;
	x->texts = texts;
	x->ntexts = n;
	x->tuning = tuning;
	x->shift = 32 - log;
	x->places = xcalloc(((size_t)1 << log) + 1, sizeof(*x->places));
	x->entries = xcalloc(n * 4, sizeof(*x->entries));
	choose_finders(x);
	build(x);
	return x;
}

void
multi_index_free(struct multi_index **x)
{
	if (*x == NULL)
		return;
	free((*x)->counts);
	free((*x)->places);
	free((*x)->entries);
	free(*x);
	*x = NULL;
}
