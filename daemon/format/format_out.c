/*
 * format_out: from a record to its line, as model/fields.h says.  Here bytes from
 * outside become names and values: whatever they are, no name is a part of the
 * header, and no value ends before its end.
 */
#include <assert.h>

#include "conf/config.h"
#include "format/format_internal.h"
#include "util/num.h"

static const struct sv transport_name = {"peer.transport", 14};

/* What is written where room has been made. */
struct pen {
	char *p;
	bool dirty;
};

static void
put(struct pen *pen, struct sv s)
{
	if (s.n > 0)
		memcpy(pen->p, s.p, s.n);
	pen->p += s.n;
}

/* A value: what would end it is a blank. */
static void
put_value(struct pen *pen, struct sv s)
{
	char *from = pen->p;

	put(pen, s);
	if (!pen->dirty)
		return;
	for (; from < pen->p; from++)
		if (*from == '\n' || *from == '\0' || *from == FIELDS_SEPARATOR)
			*from = ' ';
}

/* Not a name that only we give. */
static bool
is_forged(struct sv s)
{
	return s.n == 0 || s.p[0] == '@' || sv_eq(s, transport_name);
}

/* Printable ASCII without '='. */
static void
put_name(struct pen *pen, struct sv s)
{
	if (is_forged(s))
		*pen->p++ = '_';
	for (size_t i = 0; i < s.n && i < FIELDS_NAME_MAX - 1; i++)
		*pen->p++ = s.p[i] > ' ' && s.p[i] < 0x7f && s.p[i] != '=' ? s.p[i] : '_';
}

static void
put_field(struct pen *pen, struct sv name, struct sv value)
{
	*pen->p++ = FIELDS_SEPARATOR;
	put_name(pen, name);
	*pen->p++ = '=';
	put_value(pen, value);
}

static void
put_number(struct pen *pen, uint64_t n)
{
	char digits[NUM_DECIMAL];

	put(pen, num_decimal(n, digits));
}

/* ---- the header -------------------------------------------------------------- */

static void
put_part(struct pen *pen, struct sv name, struct sv value)
{
	if (value.n == 0)
		return;
	put(pen, name);
	put_value(pen, value);
}

static void
put_part_number(struct pen *pen, struct sv name, int64_t value)
{
	if (value < 0)
		return;
	put(pen, name);
	put_number(pen, (uint64_t)value);
}

static struct sv
program_of(const struct format *f, const struct format_line *in)
{
	if (f->record.head.program.n > 0)
		return f->record.head.program;
	if (in->stream->program != NULL)
		return sv_str(in->stream->program);
	if (f->conf->program.s != NULL)
		return sv_str(f->conf->program.s);
	return sv_str(f->kind->program);
}

/* Peers of other transports are user ids, or nobody. */
static bool
has_address(struct sv transport)
{
	return sv_is(transport, "udp") || sv_is(transport, "tcp") || sv_is(transport, "tls");
}

static void
put_header(struct pen *pen, const struct format *f, const struct format_line *in)
{
	const struct format_head *h = &f->record.head;

	put_number(pen, in->offset);
	if (in->number > 0) {
		*pen->p++ = ':';
		put_number(pen, in->number);
	}
	put_part_number(
	    pen, SV("\x1f@time="), h->time < 0 && in->transport.n > 0 ? in->time : h->time);
	put_part(pen, SV("\x1f@host="), h->host);
	put_part(pen, SV("\x1f@program="), program_of(f, in));
	put_part(pen, SV("\x1f@pid="), h->pid);
	put_part_number(pen, SV("\x1f@facility="), h->facility);
	put_part_number(pen, SV("\x1f@severity="), h->severity);
	if (has_address(in->transport)) {
		put_part(pen, SV("\x1f@peer_ip="), in->peer);
		put_part(pen, SV("\x1f@peer_name="), in->peer_name);
	}
}

/* ---- fields and message ------------------------------------------------------ */

static bool
is_plain(struct sv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' || s.p[i] == '"')
			return false;
	return s.n > 0;
}

/* Data without a message reads as one: name=value name="two words". */
static void
put_as_text(struct pen *pen, const struct format *f)
{
	for (size_t i = 0; i < f->record.head.n; i++) {
		const struct record_field *field = &f->record.fields[i];
		bool plain = is_plain(field->value);

		if (i > 0)
			*pen->p++ = ' ';
		put_name(pen, field->name);
		*pen->p++ = '=';
		if (!plain)
			*pen->p++ = '"';
		put_value(pen, field->value);
		if (!plain)
			*pen->p++ = '"';
	}
}

static void
put_fields(struct pen *pen, const struct format *f, const struct format_line *in)
{
	const struct format_head *h = &f->record.head;
	size_t room = FIELDS_MAX;

	if (in->transport.n > 0) {
		*pen->p++ = FIELDS_SEPARATOR;
		put(pen, transport_name);
		*pen->p++ = '=';
		put_value(pen, in->transport);
		room--;
	}
	if (in->nstem > 0) {
		put(pen, in->stem);
		room -= in->nstem < room ? in->nstem : room;
	}
	for (size_t i = 0; i < h->n && room > 0; i++) {
		if (i == h->message_field)
			continue;
		put_field(pen, f->record.fields[i].name, f->record.fields[i].value);
		room--;
	}
}

static size_t
size_of(const struct format *f, const struct format_line *in)
{
	const struct format_head *h = &f->record.head;
	size_t n = 256; /* numbers, and names that are ours */

	for (size_t i = 0; i < h->n; i++)
		n += 2 * (f->record.fields[i].name.n + f->record.fields[i].value.n + 6);
	n += h->host.n + h->pid.n + program_of(f, in).n + in->peer.n + in->peer_name.n;
	return n + in->stem.n + in->transport.n + h->message.n;
}

void
format_out_record(struct buf *out, const struct format *f, const struct format_line *in)
{
	const struct format_head *h = &f->record.head;
	size_t room = size_of(f, in);
	struct pen pen = {buf_reserve(out, room), in->dirty || h->dirty};

	put_header(&pen, f, in);
	put_fields(&pen, f, in);
	put(&pen, SV("\x1f@message="));
	if (h->message.p != NULL)
		put_value(&pen, h->message);
	else
		put_as_text(&pen, f);
	assert((size_t)(pen.p - (out->p + out->n)) <= room);
	out->n = (size_t)(pen.p - out->p);
	out->p[out->n] = '\0';
}

size_t
format_out_stem(struct buf *out, const struct format *f, const char *but)
{
	const struct format_head *h = &f->record.head;
	struct pen pen = {NULL, true};
	size_t count = 0, room = 1;

	for (size_t i = 0; i < h->n; i++)
		room += f->record.fields[i].name.n + f->record.fields[i].value.n + 4;
	pen.p = buf_reserve(out, room);
	for (size_t i = 0; i < h->n; i++) {
		if (sv_is(f->record.fields[i].name, but))
			continue;
		put_field(&pen, f->record.fields[i].name, f->record.fields[i].value);
		count++;
	}
	out->n = (size_t)(pen.p - out->p);
	return count;
}
