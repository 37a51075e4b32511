/*
 * format_record: a record in the making.  Knows under which names programs write
 * the parts of a header.  Owns no text: names and values are views.
 */
#include <strings.h>

#include "conf/config.h"
#include "format/format_internal.h"
#include "util/num.h"

/* By length, as format_record_names() wants it.  Ranks begin at 1. */
static const struct known_name {
	const char *name;
	unsigned char part, rank;
} known_names[] = {
    {"t", PART_TIME, 6},
    {"ts", PART_TIME, 4},
    {"@t", PART_TIME, 7},
    {"@m", PART_MESSAGE, 5},
    {"@l", PART_SEVERITY, 7},
    {"app", PART_PROGRAM, 3},
    {"log", PART_MESSAGE, 4},
    {"lvl", PART_SEVERITY, 5},
    {"msg", PART_MESSAGE, 3},
    {"pid", PART_PID, 2},
    {"_PID", PART_PID, 1},
    {"host", PART_HOST, 3},
    {"time", PART_TIME, 3},
    {"_COMM", PART_PROGRAM, 6},
    {"level", PART_SEVERITY, 2},
    {"MESSAGE", PART_MESSAGE, 1},
    {"message", PART_MESSAGE, 2},
    {"t.$date", PART_TIME, 8}, /* MongoDB */
    {"program", PART_PROGRAM, 2},
    {"PRIORITY", PART_SEVERITY, 1},
    {"hostname", PART_HOST, 2},
    {"severity", PART_SEVERITY, 3},
    {"_HOSTNAME", PART_HOST, 4},
    {"host.name", PART_HOST, 1},
    {"levelname", PART_SEVERITY, 6},
    {"log.level", PART_SEVERITY, 4},
    {"timestamp", PART_TIME, 2},
    {"SYSLOG_PID", PART_PID, 4},
    {"@timestamp", PART_TIME, 1},
    {"process.pid", PART_PID, 3},
    {"process.name", PART_PROGRAM, 5},
    {"service.name", PART_PROGRAM, 4},
    {"SYSLOG_FACILITY", PART_FACILITY, 1},
    {"SYSLOG_IDENTIFIER", PART_PROGRAM, 1},
    {"__REALTIME_TIMESTAMP", PART_TIME, 5},
};

#define NNAMES (sizeof(known_names) / sizeof(known_names[0]))

void
format_record_names(unsigned char at[FORMAT_NAME_LENGTHS + 1])
{
	unsigned char i = 0;

	for (size_t n = 0; n <= FORMAT_NAME_LENGTHS; n++) {
		at[n] = i;
		while (i < NNAMES && strlen(known_names[i].name) == n)
			i++;
	}
}

static const struct known_name *
look_up(const struct format *f, struct sv name)
{
	if (name.n == 0 || name.n >= FORMAT_NAME_LENGTHS)
		return NULL;
	for (size_t i = f->names[name.n]; i < f->names[name.n + 1]; i++)
		if (memcmp(known_names[i].name, name.p, name.n) == 0)
			return &known_names[i];
	return NULL;
}

void
format_record_begin(struct format *f)
{
	f->record.head = (struct format_head){
	    .facility = -1, .severity = -1, .time = -1, .message_field = FIELDS_MAX};
	memset(f->record.head.rank, RANK_NONE, sizeof(f->record.head.rank));
}

/* ---- parts ------------------------------------------------------------------- */

/* The words of syslog and of logging libraries. */
static int
severity_of_word(struct sv s)
{
	static const struct {
		const char *word;
		int severity;
	} words[] = {{"info", 6}, {"error", 3}, {"warn", 4}, {"warning", 4}, {"debug", 7},
	    {"err", 3}, {"notice", 5}, {"information", 6}, {"trace", 7}, {"fatal", 2},
	    {"critical", 2}, {"crit", 2}, {"alert", 1}, {"emerg", 0}, {"emergency", 0},
	    {"panic", 0}, {"verbose", 7}, {"severe", 2}, {"dpanic", 2}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].word) == s.n && strncasecmp(words[i].word, s.p, s.n) == 0)
			return words[i].severity;
	return -1;
}

/* Syslog's 0 to 7, or the tens of bunyan and pino. */
static int
severity_of(struct sv s)
{
	static const int tens[] = {7, 7, 6, 4, 3, 2}; /* from 10 on */
	int64_t n;

	if (s.n == 0 || s.n > 11)
		return -1;
	if (!num_int(s, 0, 60, &n))
		return severity_of_word(s);
	if (n <= 7)
		return (int)n;
	return n % 10 == 0 ? tens[n / 10 - 1] : -1;
}

static struct sv
base_name(struct sv s)
{
	const char *slash = s.n > 0 && s.p[0] == '/' ? memrchr(s.p, '/', s.n) : NULL;

	return slash == NULL ? s : sv_from(s, (size_t)(slash + 1 - s.p));
}

static bool
set_text(struct sv *part, struct sv value, size_t max)
{
	if (value.n == 0 || value.n > max)
		return false;
	*part = value;
	return true;
}

static bool
set_time(struct format *f, struct sv value)
{
	int64_t time = format_time_epoch(value);

	if (time < 0)
		time = format_time_text(f, value);
	if (time < 0)
		return false;
	f->record.head.time = time;
	return true;
}

/* Caddy calls every line of its access log "handled request"; that says nothing, and with
 * it as the message no pattern would see the request. */
static bool
set_part(struct format *f, enum format_part part, struct sv value)
{
	struct format_head *h = &f->record.head;
	int64_t n;
	int severity;

	switch (part) {
	case PART_TIME:
		return set_time(f, value);
	case PART_HOST:
		return set_text(&h->host, value, FORMAT_HOST_MAX);
	case PART_PROGRAM:
		return set_text(&h->program, base_name(value), FORMAT_PROGRAM_MAX);
	case PART_PID:
		return set_text(&h->pid, value, FORMAT_PID_MAX);
	case PART_FACILITY:
		if (!num_int(value, 0, 23, &n))
			return false;
		h->facility = (int)n;
		return true;
	case PART_SEVERITY:
		severity = severity_of(value);
		if (severity >= 0)
			h->severity = severity;
		return severity >= 0;
	case PART_MESSAGE:
		if (value.n == 0 || sv_is(value, "handled request"))
			return false;
		h->message = value;
		h->message_field = h->n; /* the next one, if there is room for it */
		return true;
	default:
		return false;
	}
}

void
format_record_field(struct format *f, struct sv name, struct sv value)
{
	struct format_head *h = &f->record.head;

	if (h->n == FIELDS_MAX) {
		h->overflow = true;
		return;
	}
	f->record.fields[h->n++] = (struct record_field){.name = name, .value = value};
}

void
format_record_add(struct format *f, struct sv name, struct sv value)
{
	const struct known_name *known = look_up(f, name);
	unsigned char *rank;

	if (known != NULL) {
		rank = &f->record.head.rank[known->part];
		if (known->rank < *rank && set_part(f, known->part, value))
			*rank = known->rank;
	}
	format_record_field(f, name, value);
}

void
format_record_time(struct format *f, int64_t time)
{
	if (time < 0)
		return;
	f->record.head.time = time;
	f->record.head.rank[PART_TIME] = RANK_HEADER;
}

const struct record_field *
format_record_find(const struct format *f, const char *name)
{
	for (size_t i = 0; i < f->record.head.n; i++)
		if (sv_is(f->record.fields[i].name, name))
			return &f->record.fields[i];
	return NULL;
}

/* ---- a header in front ------------------------------------------------------- */

/* What a header around this one has said stands. */
static bool
may_set(struct format_head *h, enum format_part part)
{
	if (h->rank[part] == RANK_HEADER)
		return false;
	h->rank[part] = RANK_HEADER;
	return true;
}

static void
take_parts(struct format_head *h, const struct record *r, int64_t now)
{
	if (r->time != now && r->time >= 0 && may_set(h, PART_TIME))
		h->time = r->time;
	if (r->host.n > 0 && may_set(h, PART_HOST))
		h->host = r->host;
	if (r->program.n > 0 && may_set(h, PART_PROGRAM)) {
		h->program = r->program;
		h->pid = r->pid;
		h->rank[PART_PID] = RANK_HEADER;
	}
	if (r->facility >= 0 && may_set(h, PART_FACILITY))
		h->facility = r->facility;
	if (r->severity >= 0 && may_set(h, PART_SEVERITY))
		h->severity = r->severity;
}

/* The element's id and the parameter's name as one name, the value without its
 * escapes. */
static void
add_structured(struct format *f, const struct record_field *field)
{
	struct buf *b = &f->structured;
	struct sv name, value = field->value;
	size_t begin = b->n;

	buf_sv(b, field->group);
	buf_putc(b, '.');
	buf_sv(b, field->name);
	name = (struct sv){b->p + begin, b->n - begin};
	begin = b->n;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\\' && i + 1 < value.n &&
		    memchr("\\\"]", value.p[i + 1], 3) != NULL)
			i++;
		buf_putc(b, value.p[i]);
	}
	format_record_field(f, name, (struct sv){b->p + begin, b->n - begin});
}

struct sv
format_record_header(struct format *f, const struct format_line *in, struct sv text)
{
	static const struct stream stream = {.path = ""}; /* whose program is not the line's */
	struct line line = {.stream = &stream, .offset = in->offset, .text = text};
	struct record r;
	size_t size = text.n + FIELDS_MAX;

	decode_header(f->decoder, &line, in->time, &r);
	take_parts(&f->record.head, &r, in->time);
	f->structured.n = 0;
	for (size_t i = 0; i < r.nfields; i++)
		size += r.fields[i].group.n;
	buf_reserve(&f->structured, size);
	for (size_t i = 0; i < r.nfields; i++)
		add_structured(f, &r.fields[i]);
	return r.message;
}
