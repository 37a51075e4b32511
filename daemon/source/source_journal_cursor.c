/*
 * source_journal_cursor: what the text of a journal's cursor says, and which of two
 * entries is the later one.  Knows nothing of journal files.
 *
 * A cursor is "s=ID;i=HEX;b=ID;m=HEX;t=HEX;x=HEX": sequence and number in it, boot and
 * its monotonic clock, wall clock, hash.  Parts that are not known are passed over, so
 * that a newer libsystemd may add some.
 */
#include <stdlib.h>

#include "source/source_journal_internal.h"

static bool
parse_number(struct sv s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = memchr(digits, s.p[i] | 0x20, 16);

		if (digit == NULL)
			return false;
		v = v << 4 | (uint64_t)(digit - digits);
	}
	*out = v;
	return true;
}

static bool
parse_id(struct sv s, char out[SOURCE_JOURNAL_ID_SIZE])
{
	if (s.n != SOURCE_JOURNAL_ID_SIZE - 1)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (memchr("0123456789abcdef", s.p[i], 16) == NULL)
			return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

static bool
parse_part(struct sv part, struct source_journal_cursor *c)
{
	struct sv value = sv_from(part, 2);

	if (part.n < 3 || part.p[1] != '=')
		return false;
	switch (part.p[0]) {
	case 's':
		return parse_id(value, c->sequence);
	case 'i':
		return parse_number(value, &c->number);
	case 'b':
		return parse_id(value, c->boot);
	case 'm':
		return parse_number(value, &c->monotonic);
	case 't':
		return parse_number(value, &c->realtime);
	case 'x':
		return parse_number(value, &c->hash);
	default:
		return true;
	}
}

bool
source_journal_cursor_parse(const char *text, struct source_journal_cursor *c)
{
	*c = (struct source_journal_cursor){0};
	for (const char *p = text;; p++) {
		size_t n = strcspn(p, ";");

		if (!parse_part((struct sv){p, n}, c)) {
			*c = (struct source_journal_cursor){0};
			return false;
		}
		p += n;
		if (*p == '\0')
			return true;
	}
}

static bool
same_id(const char *a, const char *b)
{
	return a[0] != '\0' && strcmp(a, b) == 0;
}

bool
source_journal_cursor_is_akin(
    const struct source_journal_cursor *a, const struct source_journal_cursor *b)
{
	return same_id(a->sequence, b->sequence);
}

bool
source_journal_cursor_is_later(
    const struct source_journal_cursor *e, const struct source_journal_cursor *c, const char *now)
{
	if (source_journal_cursor_is_akin(e, c))
		return e->number > c->number;
	if (same_id(e->boot, c->boot))
		return e->monotonic > c->monotonic ||
		    (e->monotonic == c->monotonic && e->hash != c->hash);
	if (same_id(e->boot, now))
		return true;
	return e->realtime > c->realtime;
}

/* ---- sequences --------------------------------------------------------------- */

static const struct source_journal_sequence *
find(const struct source_journal_sequences *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].id, id) == 0)
			return &s->v[i];
	return NULL;
}

int64_t
source_journal_sequences_missing(
    const struct source_journal_sequences *s, const struct source_journal_cursor *c)
{
	const struct source_journal_sequence *last = find(s, c->sequence);

	if (last == NULL || c->sequence[0] == '\0')
		return 0;
	if (c->number <= last->number)
		return -1;
	if (c->number - last->number > INT64_MAX)
		return INT64_MAX;
	return (int64_t)(c->number - last->number - 1);
}

static struct source_journal_sequence *
least_used(struct source_journal_sequences *s)
{
	struct source_journal_sequence *least = &s->v[0];

	if (s->n < SOURCE_JOURNAL_SEQUENCES)
		return &s->v[s->n++];
	for (size_t i = 1; i < s->n; i++)
		if (s->v[i].used < least->used)
			least = &s->v[i];
	return least;
}

void
source_journal_sequences_seen(
    struct source_journal_sequences *s, const struct source_journal_cursor *c)
{
	const struct source_journal_sequence *last = find(s, c->sequence);
	struct source_journal_sequence *seq = last != NULL ? &s->v[last - s->v] : NULL;

	if (c->sequence[0] == '\0')
		return;
	if (seq == NULL) {
		seq = least_used(s);
		memcpy(seq->id, c->sequence, sizeof(seq->id));
	}
	seq->number = c->number;
	seq->used = ++s->clock;
}
