/*
 * literal: what every line that a pattern matches must contain.
 *
 * From the text of a PCRE2 pattern: strings of which each subject that it matches
 * contains at least one.  Mostly it is part of the match, but what must lie ahead or
 * behind counts, too.  So the subject must be what is searched, or part of it: a line
 * without its newline.  Sound before sharp: where it is not certain, there is none.
 * Compares ASCII letters case-blind.
 */
#ifndef SCAN_LITERAL_H
#define SCAN_LITERAL_H

#include <stddef.h>
#include <stdint.h>

#define LITERAL_MIN 3  /* bytes */
#define LITERAL_MAX 64 /* longer ones are cut to their rarest part */
#define LITERAL_ALTERNATIVES 64

/* Bytes, ASCII letters in lower case, no newline. */
struct literal {
	char text[LITERAL_MAX];
	size_t n;
};

/* n == 0: none is known, any line may match. */
struct literals {
	struct literal v[LITERAL_ALTERNATIVES];
	size_t n;
};

/* ${options} are the PCRE2_ compile options that the pattern is compiled with
 * (PCRE2_CASELESS, PCRE2_EXTENDED and so on).  The pattern compiles, with newline
 * LF and no extra options in its compile context. */
void literal_extract(const char *pattern, size_t n, uint32_t options, struct literals *out);

/* How often a byte stands in logs, per 65536 bytes, 1 at least; letters count both
 * cases.  To choose the rarest of several literals. */
extern const uint16_t literal_frequency[256];

/* About how often ${l} stands somewhere in logs: a product of frequencies, lower is rarer. */
double literal_rarity(const struct literal *l);

#endif
