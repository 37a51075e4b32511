/*
 * decode_forms: lines that are not as their writer wrote them: those of a spool,
 * with how they came in front, and those that format/ has made (model/fields.h).
 */
#include <string.h>

#include "decode/decode_internal.h"
#include "model/fields.h"
#include "spool/spool_line.h"
#include "util/num.h"

/* Peers of other transports are user ids, or nobody. */
static bool
has_address(struct sv transport)
{
	return sv_is(transport, "udp") || sv_is(transport, "tcp") || sv_is(transport, "tls");
}

void
decode_origin(const struct spool_line *sl, struct record *rec)
{
	if (has_address(sl->transport)) {
		rec->peer_ip = sl->peer;
		rec->peer_name = sl->name;
	}
}

/* ---- fields ---------------------------------------------------------------------- */

static void
set_number(struct sv value, int max, int *out)
{
	int64_t n;

	if (num_int(value, 0, max, &n))
		*out = (int)n;
}

static bool
set_header(struct record *rec, struct sv name, struct sv value)
{
	const struct {
		const char *name;
		struct sv *part;
	} parts[] = {{"@host", &rec->host}, {"@program", &rec->program}, {"@pid", &rec->pid},
	    {"@peer_ip", &rec->peer_ip}, {"@peer_name", &rec->peer_name},
	    {"@message", &rec->message}};
	int64_t time;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (sv_is(name, parts[i].name)) {
			*parts[i].part = value;
			return true;
		}
	}
	if (sv_is(name, "@time")) {
		if (num_int(value, INT64_MIN, INT64_MAX, &time))
			rec->time = time;
	} else if (sv_is(name, "@facility")) {
		set_number(value, 23, &rec->facility);
	} else if (sv_is(name, "@severity")) {
		set_number(value, 7, &rec->severity);
	}
	return name.n > 0 && name.p[0] == '@';
}

static void
add_field(struct decoder *d, struct record *rec, struct sv name, struct sv value)
{
	if (rec->nfields < FIELDS_MAX)
		d->fields[rec->nfields++] = (struct record_field){.name = name, .value = value};
}

void
decode_fields(struct decoder *d, struct sv text, struct record *rec)
{
	rec->format = RECORD_FIELDS;
	rec->fields = d->fields;
	rec->message = (struct sv){text.p + text.n, 0};
	while (text.n > 0) {
		const char *end = memchr(text.p, FIELDS_SEPARATOR, text.n);
		struct sv part = {text.p, end == NULL ? text.n : (size_t)(end - text.p)};
		const char *equals = part.n == 0 ? NULL : memchr(part.p, '=', part.n);
		struct sv name = {part.p, equals == NULL ? 0 : (size_t)(equals - part.p)};

		text = sv_from(text, part.n + (end != NULL));
		if (equals != NULL && !set_header(rec, name, sv_from(part, name.n + 1)))
			add_field(d, rec, name, sv_from(part, name.n + 1));
	}
	rec->text = rec->message;
}

/* ---- structured data of RFC 5424 --------------------------------------------------- */

/* One NAME="VALUE"; ${s} is moved behind it. */
static bool
take_parameter(struct sv *s, struct sv *name, struct sv *value)
{
	size_t n = 0, end;

	while (n < s->n && s->p[n] != '=' && s->p[n] != ']' && s->p[n] != ' ')
		n++;
	if (n == 0 || n + 1 >= s->n || s->p[n] != '=' || s->p[n + 1] != '"')
		return false;
	end = n + 2;
	while (end < s->n && s->p[end] != '"')
		end += s->p[end] == '\\' ? 2 : 1;
	if (end >= s->n)
		return false;
	*name = (struct sv){s->p, n};
	*value = (struct sv){s->p + n + 2, end - n - 2};
	*s = sv_from(*s, end + 1);
	return true;
}

void
decode_structured(struct decoder *d, struct record *rec)
{
	struct sv s = rec->structured, name, value;

	rec->fields = d->fields;
	while (decode_take(&s, '[')) {
		struct sv id = {s.p, 0};

		while (id.n < s.n && s.p[id.n] != ' ' && s.p[id.n] != ']')
			id.n++;
		s = sv_from(s, id.n);
		while (decode_take(&s, ' ') && take_parameter(&s, &name, &value))
			if (rec->nfields < FIELDS_MAX)
				d->fields[rec->nfields++] =
				    (struct record_field){name, value, id};
		if (!decode_take(&s, ']'))
			return;
	}
}

/* ---- fields by name ------------------------------------------------------------------ */

static bool
is_named(const struct record_field *f, struct sv name)
{
	if (f->group.n == 0)
		return sv_eq(f->name, name);
	return name.n == f->group.n + 1 + f->name.n && name.p[f->group.n] == '.' &&
	    memcmp(name.p, f->group.p, f->group.n) == 0 &&
	    memcmp(name.p + f->group.n + 1, f->name.p, f->name.n) == 0;
}

static const struct sv *
header_part(const struct record *rec, const char *name)
{
	const struct {
		const char *name;
		const struct sv *part;
	} parts[] = {{"@host", &rec->host}, {"@program", &rec->program}, {"@pid", &rec->pid},
	    {"@peer_ip", &rec->peer_ip}, {"@peer_name", &rec->peer_name}};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcmp(name, parts[i].name) == 0)
			return parts[i].part->n > 0 ? parts[i].part : NULL;
	return NULL;
}

const struct sv *
record_field(const struct record *rec, const char *name)
{
	struct sv wanted = sv_str(name);

	if (name[0] == '@')
		return header_part(rec, name);
	for (size_t i = 0; i < rec->nfields; i++)
		if (is_named(&rec->fields[i], wanted))
			return &rec->fields[i].value;
	return NULL;
}
