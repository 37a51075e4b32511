/*
 * multi: see multi.h.  Finds literals by sampled q-grams, in four steps, each of which
 * lets fewer positions pass and costs more for each:
 *
 *  1. The four bytes ("window") at every fourth position of the text, folded, are looked
 *     up in a Bloom filter in the L1 cache: multi_avx2.c, multi_sse.c and multi_neon.c,
 *     whichever the machine has, or multi_portable.c.
 *  2. What is left becomes a list, and most of it goes because the bytes around the
 *     window are not those of any literal with this window.  No branches so far.
 *  3. A hash table has the literals with this window: multi_index.c.
 *  4. The whole literal is compared, exactly; the line around it is looked for.
 *
 * Sound, because of a literal of seven bytes or more four windows are in the filter, at
 * neighbouring places of it, and one of these places is a fourth position of the text.
 * Shorter ones are found by other strides, see there.  A literal has no newline, so
 * where it stands is within a line; positions ascend, so lines come in order.
 *
 * Why this way, in ns a byte on a quiet log of 106 bytes a line (one core of an AMD EPYC;
 * 10, 100, 3000 literals of rules; 3000 messages out of programs):
 *
 *	this, AVX2                   0.12  0.13  0.13  0.18
 *	this, SSE4.1                 0.16  0.16  0.16
 *	this, portable               0.28  0.30  0.30  0.35
 *	FDR and Teddy (Vectorscan)   0.21  0.56  0.42  1.16
 *	Wu-Manber                    0.65  1.21  2.08  3.24
 *	Aho-Corasick                 1.64  1.72  1.84  2.87
 *
 * Aho-Corasick waits for a load that depends on the one before, at each byte.  Wu-Manber
 * skips far, but each skip depends on the last and is guessed wrong.  FDR looks at each
 * byte.  Teddy is fast (0.09) up to 16 literals or so, and loses its sharpness beyond:
 * 0.46 with 32, 1.4 with 64; it is used here for a few short ones.
 *
 * Owns the texts, each once, and who owns them; borrows what is scanned.
 */
#include "scan/multi.h"

#include <assert.h>
#include <stdlib.h>

#include "scan/multi_internal.h"
#include "util/xalloc.h"

#define SAMPLE 65536
#define FEW 32
#define SET_BITS 64

struct owned {
	uint32_t from, to; /* in ${owners} */
	uint64_t line;     /* the last one that holds it */
};

struct multi {
	struct multi_index *index;
	struct multi_text *texts;
	size_t ntexts;
	struct owned *owned; /* by text */
	uint32_t *owners;
	char *bytes;     /* of the texts */
	uint64_t line;   /* counts lines with a literal, over all scans */
	uint64_t *set;   /* owners of what this line holds */
	uint32_t *found; /* the same as a list */
	const char *kind;
};

/* One call of multi_scan. */
struct scan {
	struct multi *m;
	struct sv data;
	multi_cb *found;
	void *ctx;
	size_t line, end;   /* the last line with a literal; empty at first */
	uint32_t low, high; /* words of the set with a bit: from, to */
};

/* --- lines */

static void
report(struct scan *s)
{
	struct multi *m = s->m;
	size_t n = 0;

	for (uint32_t i = s->low; i < s->high; i++) {
		for (uint64_t bits = m->set[i]; bits != 0; bits &= bits - 1)
			m->found[n++] = i * SET_BITS + (uint32_t)__builtin_ctzll(bits);
		m->set[i] = 0;
	}
	if (n > 0)
		s->found(s->ctx, (struct sv){s->data.p + s->line, s->end - s->line}, m->found, n);
	s->low = UINT32_MAX;
	s->high = 0;
}

/* Begin the line that holds position ${at}, which is behind the last one. */
static void
begin_line(struct scan *s, size_t at)
{
	const char *data = s->data.p;
	const char *start, *end;

	report(s);
	start = memrchr(data + s->end, '\n', at - s->end);
	end = memchr(data + at, '\n', s->data.n - at);
	s->line = start == NULL ? 0 : (size_t)(start - data) + 1;
	s->end = end == NULL ? s->data.n : (size_t)(end - data);
	s->m->line++;
}

static void
add_owners(struct scan *s, const struct owned *o)
{
	const uint32_t *owners = s->m->owners;

	for (uint32_t i = o->from; i < o->to; i++) {
		uint32_t word = owners[i] / SET_BITS;

		s->m->set[word] |= UINT64_C(1) << (owners[i] % SET_BITS);
		if (word < s->low)
			s->low = word;
		if (word >= s->high)
			s->high = word + 1;
	}
}

/* --- comparing */

/* Eight bytes, A to Z as a to z. */
static uint64_t
load_folded(const char *p)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t v, low7, from_a, past_z;

	memcpy(&v, p, sizeof(v));
	low7 = v & each * 0x7f;
	from_a = low7 + each * (0x80 - 'A'); /* the top bit of a byte: it is A or more */
	past_z = low7 + each * (0x80 - 'Z' - 1);
	return v | (from_a & ~past_z & ~v & each * 0x80) >> 2;
}

static uint64_t
load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool
equals_short(const char *p, const struct multi_text *text)
{
	for (size_t i = 0; i < text->n; i++) {
		char c = p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		if (c != text->p[i])
			return false;
	}
	return true;
}

static bool
equals(const char *p, const struct multi_text *text)
{
	size_t last = text->n - 8;

	if (text->n < 8)
		return equals_short(p, text);
	for (size_t i = 0; i < last; i += 8)
		if (load_folded(p + i) != load(text->p + i))
			return false;
	return load_folded(p + last) == load(text->p + last);
}

static void
confirm(struct scan *s, size_t at, const struct multi_entry *e)
{
	const struct multi_text *text = &s->m->texts[e->text];
	struct owned *owned = &s->m->owned[e->text];

	if (at < e->back || text->n - e->back > s->data.n - at)
		return;
	if (at < s->end && owned->line == s->m->line)
		return;
	if (!equals(s->data.p + at - e->back, text))
		return;
	if (at >= s->end)
		begin_line(s, at);
	owned->line = s->m->line;
	add_owners(s, owned);
}

/* --- scanning */

static void
look_up(struct scan *s, size_t at, uint32_t window)
{
	const struct multi_index *x = s->m->index;
	const struct multi_place *place = multi_place(x, window);

	for (uint32_t i = place[0].first; i < place[1].first; i++)
		if (x->entries[i].window == window)
			confirm(s, at, &x->entries[i]);
}

static void
look_up_all(struct scan *s, size_t from, const uint16_t *positions, size_t n)
{
	bool has_narrow = s->m->index->has_narrow;

	for (size_t i = 0; i < n; i++) {
		size_t at = from + positions[i];

		if (at + 4 <= s->data.n)
			look_up(s, at, multi_window(s->data.p + at));
		if (has_narrow && at + 3 <= s->data.n)
			look_up(s, at, multi_narrow_window(s->data.p + at));
	}
}

/* The positions of the bits that are set.  Few blocks have more than two: so many
 * are written, wanted or not, and no branch depends on how many there are. */
static size_t
list_positions(const uint64_t *candidates, size_t nblocks, uint16_t *positions)
{
	const uint64_t top = UINT64_C(1) << 63;
	size_t n = 0;

	for (size_t b = 0; b < nblocks; b++) {
		uint64_t bits = candidates[b];

		do {
			for (int i = 0; i < 2; i++) {
				size_t bit = (size_t)__builtin_ctzll(bits | top);

				positions[n] = (uint16_t)(b * MULTI_BLOCK + bit);
				n += bits != 0;
				bits &= bits - 1;
			}
		} while (bits != 0);
	}
	return n;
}

/* May an entry have the window at ${p}, by what is around it?  No branches here,
 * either: they would be guessed wrong as often as not. */
static bool
agrees(const struct multi_index *x, const char *p, uint32_t window)
{
	const struct multi_place *place = multi_place(x, window);
	uint32_t before = place->before & multi_pair(p - 2);
	uint32_t behind = place->behind & multi_pair(p + 4);

	return (before != 0) & (behind != 0);
}

static size_t
drop_positions(const struct multi_index *x, const char *text, uint16_t *positions, size_t n)
{
	bool has_narrow = x->has_narrow;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		uint16_t at = positions[i];
		const char *p = text + at;
		bool keep = agrees(x, p, multi_window(p));

		if (has_narrow)
			keep |= agrees(x, p, multi_narrow_window(p));
		positions[kept] = at;
		kept += keep;
	}
	return kept;
}

/* ${text} is what stands at ${from}; more may be read, see MULTI_BEFORE. */
static void
scan_blocks(struct scan *s, size_t from, const char *text, size_t nblocks)
{
	const struct multi_index *x = s->m->index;
	uint64_t candidates[MULTI_BATCH];
	uint16_t positions[MULTI_BATCH * MULTI_BLOCK + 1];
	size_t n;

	if (x->find == NULL)
		memset(candidates, 0, nblocks * sizeof(candidates[0]));
	else
		x->find(&x->filter, text, nblocks, candidates);
	if (x->find_narrow != NULL)
		x->find_narrow(&x->filter, text, nblocks, candidates);
	if (x->find_few != NULL)
		x->find_few(&x->filter, text, nblocks, candidates);
	n = list_positions(candidates, nblocks, positions);
	n = drop_positions(x, text, positions, n);
	look_up_all(s, from, positions, n);
}

/* Blocks at an edge of the data, from a copy that has zeros where data has ended. */
static void
scan_edge(struct scan *s, size_t from, size_t nblocks)
{
	char copy[MULTI_BEFORE + 2 * MULTI_BLOCK + MULTI_BEHIND] = {0};
	size_t n = nblocks * MULTI_BLOCK + MULTI_BEHIND;
	size_t before = from < MULTI_BEFORE ? from : MULTI_BEFORE;

	if (n > s->data.n - from)
		n = s->data.n - from;
	memcpy(copy + MULTI_BEFORE - before, s->data.p + from - before, before + n);
	scan_blocks(s, from, copy + MULTI_BEFORE, nblocks);
}

void
multi_scan(struct multi *m, struct sv data, multi_cb *found, void *ctx)
{
	struct scan s = {.m = m, .data = data, .found = found, .ctx = ctx, .low = UINT32_MAX};
	size_t inner = data.n < MULTI_BEHIND ? 0 : (data.n - MULTI_BEHIND) / MULTI_BLOCK;
	size_t all = (data.n + MULTI_BLOCK - 1) / MULTI_BLOCK;
	size_t b = 1, n;

	if (m->ntexts == 0 || data.n == 0)
		return;
	multi_index_learn(m->index, data);
	scan_edge(&s, 0, 1);
	for (; b < inner; b += n) {
		n = inner - b < MULTI_BATCH ? inner - b : MULTI_BATCH;
		scan_blocks(&s, b * MULTI_BLOCK, data.p + b * MULTI_BLOCK, n);
	}
	if (b < all)
		scan_edge(&s, b * MULTI_BLOCK, all - b);
	report(&s);
}

/* --- building */

static int
by_text(const void *a, const void *b)
{
	const struct multi_literal *x = a, *y = b;
	int order = memcmp(x->text, y->text, x->n < y->n ? x->n : y->n);

	return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

static void
check_literal(const struct multi_literal *l, size_t nowners)
{
	assert(l->n >= 3 && l->n <= 64);
	assert(l->owner < nowners);
	for (size_t i = 0; i < l->n; i++)
		assert(l->text[i] != '\n' && !(l->text[i] >= 'A' && l->text[i] <= 'Z'));
}

static void
add_text(struct multi *m, const struct multi_literal *l, char *copy, uint32_t owner_at)
{
	memcpy(copy, l->text, l->n);
	m->texts[m->ntexts] = (struct multi_text){.p = copy, .n = (uint32_t)l->n};
	m->owned[m->ntexts] = (struct owned){.from = owner_at};
	m->ntexts++;
}

/* Each text once, with all its owners. */
static void
add_sorted(struct multi *m, const struct multi_literal *sorted, size_t n)
{
	char *copy = m->bytes;

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || by_text(&sorted[i - 1], &sorted[i]) != 0) {
			add_text(m, &sorted[i], copy, (uint32_t)i);
			copy += sorted[i].n;
		}
		m->owners[i] = sorted[i].owner;
		m->owned[m->ntexts - 1].to = (uint32_t)i + 1;
	}
}

struct multi *
multi_new_tuned(
    const struct multi_literal *literals, size_t n, size_t nowners, struct multi_tuning tuning)
{
	struct multi *m = xcalloc(1, sizeof(*m));
	struct multi_literal *sorted = xcalloc(n, sizeof(*sorted));
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++) {
		check_literal(&literals[i], nowners);
		sorted[i] = literals[i];
		bytes += literals[i].n;
	}
	qsort(sorted, n, sizeof(*sorted), by_text);
	m->texts = xcalloc(n, sizeof(*m->texts));
	m->owned = xcalloc(n, sizeof(*m->owned));
	m->owners = xcalloc(n, sizeof(*m->owners));
	m->bytes = xmalloc(bytes);
	m->set = xcalloc(nowners / SET_BITS + 1, sizeof(*m->set));
	m->found = xcalloc(nowners, sizeof(*m->found));
	m->kind = tuning.finders->kind;
	add_sorted(m, sorted, n);
	free(sorted);
	m->index = multi_index_new(m->texts, m->ntexts, tuning);
	return m;
}

size_t
multi_kinds(const struct multi_finders *kinds[MULTI_KINDS])
{
	const struct multi_finders *all[MULTI_KINDS] = {
	    multi_avx2(), multi_sse(), multi_neon(), multi_portable()};
	size_t n = 0;

	for (size_t i = 0; i < MULTI_KINDS; i++)
		if (all[i] != NULL)
			kinds[n++] = all[i];
	return n;
}

struct multi *
multi_new(const struct multi_literal *literals, size_t n, size_t nowners)
{
	const struct multi_finders *kinds[MULTI_KINDS];

	multi_kinds(kinds);
	return multi_new_tuned(literals, n, nowners,
	    (struct multi_tuning){.finders = kinds[0], .few = FEW, .sample = SAMPLE});
}

void
multi_free(struct multi **m)
{
	if (*m == NULL)
		return;
	multi_index_free(&(*m)->index);
	free((*m)->texts);
	free((*m)->owned);
	free((*m)->owners);
	free((*m)->bytes);
	free((*m)->set);
	free((*m)->found);
	free(*m);
	*m = NULL;
}

const char *
multi_kind(const struct multi *m)
{
	return m->kind;
}
