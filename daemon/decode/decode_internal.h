/*
 * decode_internal: what the files of decode/ share.  Text is taken from the
 * front of a view: a function that takes a "struct sv *" moves its start past
 * what it recognised, and leaves it alone when it says no.  Host and tag, which each
 * line has, go by value and come back as a length: so views stay in registers.
 */
#ifndef DECODE_DECODE_INTERNAL_H
#define DECODE_DECODE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/decode.h"
#include "model/fields.h"
#include "util/sv.h"

#define DECODE_HOST_MAX 255   /* RFC 5424 HOSTNAME */
#define DECODE_PROGRAM_MAX 64 /* of a tag in a file */
#define DECODE_PID_MAX 128    /* RFC 5424 PROCID */

/* The text of a stamp up to its seconds, and the minute it stands for. */
struct minute {
	char text[32];
	size_t n;                 /* 0 = nothing remembered */
	int64_t start;            /* ms */
	int64_t now_from, now_to; /* holds while now_from <= now < now_to */
};

/* A span of civil time, and how far east of UTC (ms) local time is in it. */
struct zone {
	int64_t from, to;
	int64_t offset;
};

struct decoder {
	struct minute bsd; /* start is the true time */
	struct minute iso; /* start is civil time */
	struct zone zone;
	struct record_field fields[FIELDS_MAX]; /* of the last record */
};

/* What an ISO stamp says.  Civil time is what the clock on the wall shows,
 * counted in ms as if that clock were in UTC. */
struct stamp {
	int64_t civil;
	bool has_t; /* T between date and time */
	bool zoned;
	int64_t offset; /* ms east of UTC, when zoned */
};

struct spool_line;

/* PROGRAM[PID]: at the start of a message. */
struct tag {
	struct sv program;
	struct sv pid;
	bool colon;
};

/* decode_time.c: each takes a stamp; none looks at more than 64 bytes. */
bool decode_time_bsd(struct decoder *d, struct sv *s, int64_t now, int64_t *ms);
bool decode_time_iso(struct decoder *d, struct sv *s, struct stamp *stamp);
/* Take a zone that stands apart from its stamp: " UTC", " +0100". */
void decode_time_zone(struct sv *s, struct stamp *stamp);
int64_t decode_time_resolve(struct decoder *d, const struct stamp *stamp, int64_t now);

/* The formats: fill the record and return true, or leave it alone and return
 * false.  ${s} is the line without its PRI. */
bool decode_rfc3164(struct decoder *d, struct sv s, int64_t now, struct record *rec);
bool decode_rfc5424(struct decoder *d, struct sv s, int64_t now, struct record *rec);
/* ${relayed}: a PRI came before, so a host follows the stamp. */
bool decode_iso(struct decoder *d, struct sv s, int64_t now, bool relayed, struct record *rec);

/* decode_forms.c */
/* Who sent it. */
void decode_origin(const struct spool_line *sl, struct record *rec);
/* A line of form LINE_FIELDS without its offset: fill ${rec}, all of whose parts are
 * empty. */
void decode_fields(struct decoder *d, struct sv text, struct record *rec);
/* The fields of rec->structured. */
void decode_structured(struct decoder *d, struct record *rec);

/* decode.c */
/* The length of the tag that ${s} begins with, and the blanks behind it; or 0. */
size_t decode_tag(struct sv s, struct tag *tag);
/* The length of the host; or 0. */
size_t decode_host(struct sv s);
/* May what decode_host() found be a tag?  Most is not, and need not be looked at again. */
bool decode_may_be_tag(struct sv s, size_t host);
/* The program in ${token}: no directory, nothing from the first bracket or
 * colon on; empty when that leaves nothing, or too much. */
struct sv decode_program(struct sv token);
/* Fill host, program, pid and message from ${s}, what follows a stamp. */
void decode_body(struct sv s, struct record *rec);

static inline bool
decode_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
decode_is_number(struct sv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!decode_is_digit(s.p[i]))
			return false;
	return s.n > 0;
}

static inline bool
decode_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool
decode_take(struct sv *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = (struct sv){s->p + 1, s->n - 1};
	return true;
}

static inline struct sv
decode_trim(struct sv s)
{
	while (s.n > 0 && decode_is_blank(s.p[0]))
		s = (struct sv){s.p + 1, s.n - 1};
	return s;
}

#endif
