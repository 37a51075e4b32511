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

#define SECOND 1000LL /* in ms */
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* The text of a stamp up to its seconds, and the minute it stands for. */
struct minute {
	char text[32];
	size_t n;                 /* 0 = nothing remembered */
	int64_t start;            /* ms */
	int64_t now_from, now_to; /* holds while now_from <= now < now_to */
};

struct date {
	int year; /* 0 = not stated */
	int month, day, hour, minute;
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

/* decode_calendar.c */
int decode_calendar_days(int year, int month);
/* Of a date with its year: as if UTC. */
int64_t decode_calendar_civil(const struct date *t);
/* The year of ${t} that puts it nearest to ${now}, and for which values of now that
 * holds. */
void decode_calendar_infer_year(struct date *t, int64_t now, struct minute *holds);
int64_t decode_calendar_utc(struct zone *local, int64_t civil, int64_t now);

/* decode_time.c: each takes a stamp; none looks at more than 64 bytes. */
bool decode_time_bsd(struct decoder *d, struct sv *s, int64_t now, int64_t *ms);
bool decode_time_iso(struct decoder *d, struct sv *s, struct stamp *stamp);
/* Take a zone that stands apart from its stamp: " UTC", " +0100", " CEST". */
void decode_time_zone(struct sv *s, struct stamp *stamp);
/* Take a zone that does not: "Z", "+01:00", "+0100"; also "+01" unless ${minutes}. */
bool decode_time_offset(struct sv *s, bool minutes, struct stamp *stamp);
/* Pieces of a stamp.  Seconds come with their fraction, in ms. */
bool decode_time_number(struct sv *s, size_t min, size_t max, int *out);
bool decode_time_month(struct sv *s, int *month);
bool decode_time_seconds(struct sv *s, int64_t *ms);
int64_t decode_time_resolve(struct decoder *d, const struct stamp *stamp, int64_t now);

/* decode_stamp.c: take a stamp as programs put before the lines of their own files.
 * ${bracket}: it stood in "[", where a day without year can be nothing else. */
bool decode_stamp(struct decoder *d, struct sv *s, bool bracket, int64_t now, int64_t *ms);
/* When an access log's line says it was: its stamp stands behind the client. */
bool decode_stamp_inside(struct decoder *d, struct sv s, int64_t now, int64_t *ms);

/* The formats: fill the record and return true, or leave it alone and return
 * false.  ${s} is the line without its PRI. */
bool decode_rfc3164(struct decoder *d, struct sv s, int64_t now, struct record *rec);
bool decode_rfc5424(struct decoder *d, struct sv s, int64_t now, struct record *rec);
/* ${relayed}: a PRI came before, so a host follows the stamp. */
bool decode_iso(struct decoder *d, struct sv s, int64_t now, bool relayed, struct record *rec);

/* A stamp of another form in front, perhaps in brackets. */
bool decode_dated(struct decoder *d, struct sv s, int64_t now, struct record *rec);
/* "prog[123]: message" or "host prog[123]: message", without a stamp. */
bool decode_tagged(struct sv s, struct record *rec);
/* Take "prog[123]: ", or "host prog[123]"; "host prog:" only after the ${full_stamp}
 * of a syslog daemon. */
bool decode_iso_header(struct sv *s, bool full_stamp, struct record *rec);

/* decode_forms.c */
/* Who sent it. */
void decode_origin(const struct spool_line *sl, struct record *rec);
/* A line of form LINE_FIELDS without its offset: fill ${rec}, all of whose parts are
 * empty. */
void decode_fields(struct decoder *d, struct sv text, struct record *rec);
/* The fields of rec->structured. */
void decode_structured(struct decoder *d, struct record *rec);

/* decode_body.c */
/* The length of the tag that ${s} begins with, and the blanks behind it; or 0. */
size_t decode_tag(struct sv s, struct tag *tag);
/* The length of the host; or 0. */
size_t decode_host(struct sv s);
/* May what decode_host() found be a tag?  Most is not, and need not be looked at again. */
bool decode_may_be_tag(struct sv s, size_t host);
/* The program in ${token}: no directory, nothing from the first bracket or
 * colon on; empty when that leaves nothing, or too much. */
struct sv decode_program(struct sv token);
/* Is it one of the words for how bad a message is?  Applications write
 * "2026-01-31 23:59:59 INFO server: ..." */
bool decode_is_level(struct sv word);
/* Fill host, program, pid and message from ${s}, what follows a stamp. */
void decode_body(struct sv s, struct record *rec);
/* The same without a stamp: then there is no telling a host from the message. */
void decode_untimed(struct sv s, struct record *rec);

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
