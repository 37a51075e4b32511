/*
 * multi: see multi.h.  Asks the filters where windows may begin, the index what
 * has them, and compares; collects by line what was found.
 * Owns the texts, without doubles, and who owns them; borrows the text scanned.
 */
#include "scan/multi_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "util/xalloc.h"

#define SAMPLE 65536
#define FEW 32
#define SET_BITS 64

struct owned {
	uint32_t from, to; /* in ${owners} */
	uint64_t line;     /* in which it was found last */
};

struct multi {
	struct multi_index *index;
	struct multi_text *texts;
	size_t ntexts;
	struct owned *owned; /* by text */
	uint32_t *owners;
	char *bytes;     /* of the texts */
	uint64_t line;   /* counts the lines with a find, over all scans */
	uint64_t *set;   /* owners found in this line */
	uint32_t *found; /* the same as a list */
	const char *kind;
};

/* One call of multi_scan. */
struct scan {
	struct multi *m;
	struct sv data;
	multi_cb *found;
	void *ctx;
	size_t line, end;   /* the last line with a find; empty at first */
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
	s->line = start == NULL ? s->end : (size_t)(start - data) + 1;
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
	const uint32_t *place = &x->first[multi_hash(window) >> x->shift];

	for (uint32_t i = place[0]; i < place[1]; i++)
		if (x->entries[i].window == window)
			confirm(s, at, &x->entries[i]);
}

static void
look_up_all(struct scan *s, size_t from, uint64_t candidates)
{
	const struct multi_index *x = s->m->index;

	for (; candidates != 0; candidates &= candidates - 1) {
		size_t at = from + (size_t)__builtin_ctzll(candidates);

		if (x->find_long != NULL && at % MULTI_STRIDE == 0 && at + 4 <= s->data.n)
			look_up(s, at, multi_long_window(s->data.p + at));
		if (x->find_short != NULL && at + 3 <= s->data.n)
			look_up(s, at, multi_short_window(s->data.p + at));
	}
}

/* ${text} is what stands at ${from}, and MULTI_AHEAD bytes more may be read. */
static void
scan_blocks(struct scan *s, size_t from, const char *text, size_t nblocks)
{
	const struct multi_index *x = s->m->index;
	uint64_t candidates[MULTI_BATCH];

	if (x->find_long == NULL)
		memset(candidates, 0, nblocks * sizeof(candidates[0]));
	else
		x->find_long(&x->filter, text, nblocks, candidates);
	if (x->find_short != NULL)
		x->find_short(&x->filter, text, nblocks, candidates);
	for (size_t b = 0; b < nblocks; b++)
		if (candidates[b] != 0)
			look_up_all(s, from + b * MULTI_BLOCK, candidates[b]);
}

/* Less than two blocks. */
static void
scan_rest(struct scan *s, size_t from)
{
	char copy[2 * MULTI_BLOCK + MULTI_AHEAD] = {0};

	memcpy(copy, s->data.p + from, s->data.n - from);
	scan_blocks(s, from, copy, 2);
}

void
multi_scan(struct multi *m, struct sv data, multi_cb *found, void *ctx)
{
	struct scan s = {.m = m, .data = data, .found = found, .ctx = ctx, .low = UINT32_MAX};
	size_t nblocks = data.n <= MULTI_AHEAD ? 0 : (data.n - MULTI_AHEAD) / MULTI_BLOCK;
	size_t b = 0, n;

	if (m->ntexts == 0 || data.n == 0)
		return;
	multi_index_learn(m->index, data);
	for (; b < nblocks; b += n) {
		n = nblocks - b < MULTI_BATCH ? nblocks - b : MULTI_BATCH;
		scan_blocks(&s, b * MULTI_BLOCK, data.p + b * MULTI_BLOCK, n);
	}
	scan_rest(&s, b * MULTI_BLOCK);
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
multi_new_tuned(const struct multi_literal *literals, size_t n, size_t nowners,
    struct multi_tuning tuning)
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

struct multi *
multi_new(const struct multi_literal *literals, size_t n, size_t nowners)
{
	const struct multi_finders *avx2 = multi_avx2();

	return multi_new_tuned(literals, n, nowners,
	    (struct multi_tuning){.finders = avx2 == NULL ? multi_portable() : avx2,
	        .few = FEW,
	        .sample = SAMPLE});
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
