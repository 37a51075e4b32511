/*
 * source_check: is what stands before an offset still what was read there?
 *
 * The first and the last bytes before the offset are kept, and two hashes of them
 * make the check that is stored with a position.  It is never what a file is known
 * by, for files may well begin alike: it only tells that a known one was rewritten.
 */
#include <unistd.h>

#include "source/source_internal.h"
#include "util/hash.h"

void
source_check_clear(struct source_check *c)
{
	c->nhead = c->ntail = 0;
}

void
source_check_add(struct source_check *c, const char *p, size_t n)
{
	size_t head = SOURCE_CHECK_SIZE - c->nhead, keep;

	if (head > n)
		head = n;
	if (head > 0)
		memcpy(c->head + c->nhead, p, head);
	c->nhead += head;
	if (n >= SOURCE_CHECK_SIZE) {
		memcpy(c->tail, p + n - SOURCE_CHECK_SIZE, SOURCE_CHECK_SIZE);
		c->ntail = SOURCE_CHECK_SIZE;
		return;
	}
	keep = SOURCE_CHECK_SIZE - n < c->ntail ? SOURCE_CHECK_SIZE - n : c->ntail;
	memmove(c->tail, c->tail + c->ntail - keep, keep);
	if (n > 0)
		memcpy(c->tail + keep, p, n);
	c->ntail = keep + n;
}

void
source_check_add_zeros(struct source_check *c, uint64_t n)
{
	static const char zeros[2 * SOURCE_CHECK_SIZE];

	source_check_add(c, zeros, n < sizeof(zeros) ? (size_t)n : sizeof(zeros));
}

static uint32_t
half(const char *p, size_t n)
{
	static const struct hash_key fixed; /* it is compared with that of another run */

	return (uint32_t)hash_bytes(fixed, (struct sv){p, n});
}

uint64_t
source_check_value(const struct source_check *c)
{
	uint64_t value = (uint64_t)half(c->head, c->nhead) << 32 | half(c->tail, c->ntail);

	if (c->ntail == 0 || c->ntail < c->nhead)
		return 0;
	return value == 0 ? 1 : value;
}

uint64_t
source_check_ahead(const struct source_check *c, const char *p, size_t n)
{
	struct source_check ahead = *c;

	source_check_add(&ahead, p, n);
	return source_check_value(&ahead);
}

bool
source_check_same_head(const struct source_check *c, uint64_t value)
{
	return half(c->head, c->nhead) == (uint32_t)(value >> 32);
}

/* What was read: n, less at the end of the file, or -1. */
static ssize_t
load(int fd, char *p, size_t n, uint64_t offset)
{
	return n == 0 ? 0 : pread(fd, p, n, (off_t)offset);
}

static ssize_t
load_both(struct source_check *c, int fd, uint64_t offset)
{
	size_t n = offset < SOURCE_CHECK_SIZE ? (size_t)offset : SOURCE_CHECK_SIZE;
	ssize_t head = load(fd, c->head, n, 0), tail = load(fd, c->tail, n, offset - n);

	c->nhead = c->ntail = n;
	if (head < 0 || tail < 0)
		return -1;
	return head == (ssize_t)n && tail == (ssize_t)n;
}

bool
source_check_load(struct source_check *c, int fd, uint64_t offset)
{
	if (load_both(c, fd, offset) == 1)
		return true;
	source_check_clear(c);
	return false;
}

bool
source_check_holds(int fd, uint64_t offset, uint64_t value)
{
	struct source_check c;
	ssize_t loaded = load_both(&c, fd, offset);

	return loaded < 0 || (loaded == 1 && source_check_value(&c) == value);
}

/* ---- steps: where a file that was cut shorter still is what it was ------------------ */

void
source_steps_clear(struct source_steps *s)
{
	s->n = 0;
	s->apart = 1;
}

void
source_steps_add(struct source_steps *s, uint64_t offset, uint64_t check)
{
	if (s->n > 0 && offset < s->v[s->n - 1].offset + s->apart)
		return;
	if (s->n == SOURCE_STEPS) {
		for (size_t i = 0; i < SOURCE_STEPS / 2; i++)
			s->v[i] = s->v[2 * i];
		s->n = SOURCE_STEPS / 2;
		s->apart = (offset - s->v[0].offset) / SOURCE_STEPS * 2 + 1;
	}
	s->v[s->n].offset = offset;
	s->v[s->n++].check = check;
}

bool
source_steps_hold(struct source_steps *s, int fd, uint64_t size)
{
	while (s->n > 0 && s->v[s->n - 1].offset > size)
		s->n--;
	return s->n > 0 && source_check_holds(fd, s->v[s->n - 1].offset, s->v[s->n - 1].check);
}
